use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sporlog_model::{Destination, ExternalId, OrgId};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::bucket::{Session, session_policy};
use crate::{Bucket, BucketClients, ExportError, FaultKind};

/// The folder, beside an organization's days and digests, that holds what tests of the connection write. No part of the
/// log; what checks an export passes it by.
pub const CONNECTION_TESTS: &str = "connection-tests";

/// How long before the end of its time a test stops waiting for its write, so that it can still remove what it may have
/// written.
const TIME_FOR_DELETE: Duration = Duration::from_secs(3);

/// A test of whether an export would get into a bucket, by what an export does.
#[derive(Debug)]
pub struct Probe<'a> {
    pub clients: &'a BucketClients,
    pub destination: &'a Destination,
    pub org: &'a OrgId,
    /// Within this time the test ends, whatever AWS does.
    pub time: Duration,
}

/// What a test does, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The role lets Sporlog in, with the organization's external id.
    AssumeRole,
    /// The role refuses Sporlog with another external id, and with none: otherwise every other organization could name it.
    ExternalIdEnforced,
    /// An object can be written as those of an export are: checksum, type, encryption, only if absent.
    PutObject,
    /// It can be removed again. An export never needs that.
    DeleteObject,
}

/// What came of a stage.
#[derive(Debug)]
pub struct StageOutcome {
    pub stage: Stage,
    pub result: Result<(), ExportError>,
}

impl Stage {
    /// The name in the published answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssumeRole => "assume_role",
            Self::ExternalIdEnforced => "external_id_enforced",
            Self::PutObject => "put_object",
            Self::DeleteObject => "delete_object",
        }
    }

    /// Whether an export works only if this does.
    pub const fn is_needed(self) -> bool {
        !matches!(self, Self::DeleteObject)
    }
}

impl Probe<'_> {
    /// Does the stages and tells what came of each. Without a session there is no more than the first; nothing is deleted
    /// where nothing was written.
    pub async fn run(&self) -> Vec<StageOutcome> {
        let end = Instant::now() + self.time;
        let (org, destination) = (self.org, self.destination);
        let id = Uuid::new_v4().hyphenated();
        let folder = format!("{}/{CONNECTION_TESTS}", destination.prefix.root(org));
        let session = Session {
            name: format!("test-{id}"),
            external_id: Some(&destination.external_id),
            policy: session_policy(destination, &["s3:PutObject", "s3:DeleteObject"], &format!("{folder}/*")),
        };
        let credentials = match before(end, self.clients.assume(&destination.role_arn, session)).await {
            Ok(credentials) => credentials,
            Err(error) => return vec![StageOutcome { stage: Stage::AssumeRole, result: Err(error) }],
        };
        let bucket = Bucket::with(self.clients, destination, credentials);
        let mut outcomes = vec![StageOutcome { stage: Stage::AssumeRole, result: Ok(()) }];

        // Boxed, since they are large.
        let enforced = before(end, Box::pin(self.external_id_is_enforced())).await;
        outcomes.push(StageOutcome { stage: Stage::ExternalIdEnforced, result: enforced });

        let key = format!("{folder}/{id}.json");
        let body = Bytes::from(json!({"connectionTest": id, "orgId": org}).to_string());
        // Even of a short time, most is for the write.
        let put_end = end - TIME_FOR_DELETE.min(self.time / 4);
        let put = before(put_end, Box::pin(bucket.put_new(&key, "application/json", body))).await;
        // What was not answered may have been written.
        let written = match &put {
            Ok(()) => Some(true),
            Err(error) if error.kind == FaultKind::Transient => None,
            Err(_) => Some(false),
        };
        outcomes.push(StageOutcome { stage: Stage::PutObject, result: put });
        if written != Some(false) {
            let result = before(end, bucket.delete(&key)).await;
            if written == Some(true) {
                outcomes.push(StageOutcome { stage: Stage::DeleteObject, result });
            }
        }
        outcomes
    }

    /// Asks for the role as somebody would whose external id is another one, and as one who has none.
    async fn external_id_is_enforced(&self) -> Result<(), ExportError> {
        let stranger = ExternalId::random();
        let (other, none) = tokio::join!(self.is_refused(Some(&stranger)), self.is_refused(None));
        other.and(none)
    }

    async fn is_refused(&self, external_id: Option<&ExternalId>) -> Result<(), ExportError> {
        // Should the role let us in: a session that may do nothing.
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
        });
        let name = format!("test-{}", Uuid::new_v4().hyphenated());
        let session = Session { name, external_id, policy: policy.to_string() };
        match self.clients.assume(&self.destination.role_arn, session).await {
            Ok(_) => Err(ExportError::external_id_not_enforced()),
            Err(error) if error.is_refused_role() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What `work` gives, unless it takes longer than to `end`.
async fn before<T>(end: Instant, work: impl Future<Output = Result<T, ExportError>>) -> Result<T, ExportError> {
    timeout_at(end, work).await.unwrap_or_else(|_| Err(ExportError::test_out_of_time()))
}
