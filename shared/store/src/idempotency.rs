use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use sporlog_auth::TenantScope;
use sporlog_model::{IdempotencyKey, Instant, RequestDigest};

use crate::row::Row;
use crate::{Store, StoreError, keys};

/// How long an answer is kept for those who ask again.
const KEPT_FOR: Duration = Duration::from_hours(24);

/// A request that its client has named, so that sending it again is answered again and not done again.
#[derive(Debug, Clone)]
pub struct NamedRequest {
    /// What is done; a key names one request of one operation.
    pub operation: Operation,
    pub key: IdempotencyKey,
    pub digest: RequestDigest,
}

/// What can be done by a named request. The name is in the table's keys: a stored one is not renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    CreateExportAudit,
    AppendCaseAuditLog,
}

impl Operation {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CreateExportAudit => "create-export-audit",
            Self::AppendCaseAuditLog => "append-case-audit-log",
        }
    }
}

/// What is known of a named request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Nothing: it is to be done.
    No,
    /// It was done, and this was answered.
    Yes(String),
    /// The key was used for another request.
    OtherRequest,
}

impl Store {
    /// What was answered to this request within the last 24 hours.
    pub async fn answered(&self, scope: &TenantScope, request: &NamedRequest) -> Result<Answered, StoreError> {
        let key = keys::idempotency(scope.org(), request.operation, &request.key);
        let Some(row) = self.get(key).await? else { return Ok(Answered::No) };
        // DynamoDB removes expired items late, by days.
        if row.count("ttl")? <= epoch_seconds(self.clock.now()) {
            return Ok(Answered::No);
        }
        if row.text("digest")? != request.digest.as_str() {
            return Ok(Answered::OtherRequest);
        }
        Ok(Answered::Yes(row.text("answer")?.to_owned()))
    }

    /// Part of a transaction: remembers the answer to a named request that the transaction does. Its condition does not hold
    /// when the same key was answered meanwhile; [`Store::answered`] then says what.
    pub(crate) fn remember_answer(
        &self,
        scope: &TenantScope,
        request: &NamedRequest,
        answer: &str,
    ) -> TransactWriteItem {
        let now = self.clock.now();
        let row = Row::at(keys::idempotency(scope.org(), request.operation, &request.key))
            .with_text("digest", request.digest.as_str())
            .with_text("answer", answer)
            .with_number("ttl", epoch_seconds(now.plus(KEPT_FOR)));
        self.put_if_expired(row, epoch_seconds(now))
    }
}

/// Instants as DynamoDB's TTL has them.
pub(crate) fn epoch_seconds(instant: Instant) -> u64 {
    u64::try_from(instant.epoch_seconds()).unwrap_or(0)
}
