//! Transactions with a `ClientRequestToken`: sent again, one is answered as the first time and not done again.
//!
//! The engine does this too, but at each transaction, one at a time, it looks through every token of the last ten minutes: at some hundred
//! transactions a second it soon does little else. So tokens end here.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::answers::{answer_json, collected, exception};

/// As long as DynamoDB knows a token.
const KNOWN_FOR: Duration = Duration::from_mins(10);

/// Of more than this the oldest are forgotten before their time, so that memory stays flat under any load. No client here sends a
/// transaction again after more than half a minute, and this is a minute's worth of more than this engine can do.
const MOST_KNOWN: u64 = 50_000;

/// The longest token, in characters.
const MAX_TOKEN: usize = 36;

/// As the engine and DynamoDB name and word it.
const MISMATCH: (&str, &str) = (
    "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
    "An error occurred (IdempotentParameterMismatchException)",
);

/// A transaction that names itself.
pub(super) struct Named {
    token: String,
    /// Without the token, the members of each object in order, so that the same transaction is the same bytes.
    body: Bytes,
}

impl Named {
    /// `None` if it does not name itself, or not as it should: the engine's to answer.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let Value::String(token) = members.remove("ClientRequestToken")? else { return None };
        let body = serde_json::to_vec(&members).ok()?.into();
        (1..=MAX_TOKEN).contains(&token.chars().count()).then_some(Self { token, body })
    }
}

/// What became of the transactions that were carried out, or may have been.
#[derive(Clone)]
pub(super) struct Done(Cache<String, Outcome>);

#[derive(Clone)]
struct Outcome {
    request: [u8; 32],
    status: StatusCode,
    answer: Bytes,
}

impl Done {
    pub(super) fn new() -> Self {
        let cache = Cache::builder().max_capacity(MOST_KNOWN).eviction_policy(EvictionPolicy::lru());
        Self(cache.time_to_live(KNOWN_FOR).build())
    }

    /// Does it with `execute`, or answers as when it was done. Of several at the same time one is executed, and the others wait for it.
    pub(super) async fn once<F: Future<Output = Response>>(
        &self,
        Named { token, body }: Named,
        execute: impl FnOnce(Body) -> F,
    ) -> Response {
        let request = Sha256::digest(&body).into();
        let executed = self.0.try_get_with(token, async {
            let (status, answer) = collected(execute(body.into()).await).await;
            // A copy: as it came it would keep the buffer that it was read into, a thousand times its size.
            let outcome = Outcome { request, status, answer: Bytes::copy_from_slice(&answer) };
            // One that was refused has changed nothing, and its token can be used again. Of one that ended in a fault nobody knows:
            // it must not be done a second time.
            if status.is_client_error() { Err(outcome) } else { Ok(outcome) }
        });
        match executed.await {
            Ok(outcome) if outcome.request != request => exception(MISMATCH.0, MISMATCH.1),
            Ok(outcome) => answer_json(outcome.status, outcome.answer),
            Err(refused) => answer_json(refused.status, refused.answer.clone()),
        }
    }
}
