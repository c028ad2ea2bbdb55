use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::harness::Answer;

/// No answer comes later: what a function takes at most (25 s), and a little for whoever carries it on a busy machine.
const LATEST: Duration = Duration::from_secs(27);

/// What clients met.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: usize,
    /// Requests that were sent again.
    pub(super) retries: usize,
    /// 503 with `Retry-After`.
    pub(super) busy: usize,
    /// API Gateway's own 500: the authorizer could not read the key, and there is no other answer of an HTTP API to that.
    pub(super) unverified: usize,
    /// Batches, or parts of them, that were delivered again.
    pub(super) redeliveries: usize,
    pub(super) longest: Duration,
}

impl Tally {
    /// Notes an answer, which must keep the law: never a 500 of ours, 503 only with `Retry-After` and in the group's shape, none too late.
    pub(super) fn note(&mut self, answer: &Answer, took: Duration) {
        self.requests += 1;
        self.longest = self.longest.max(took);
        assert!(took < LATEST, "{took:?}: {} {}", answer.status, answer.text());
        match answer.status {
            503 => {
                self.busy += 1;
                assert_eq!(answer.headers.get("retry-after").unwrap(), "1", "{}", answer.text());
                assert_eq!(answer.json().get("message"), None, "not the group's shape: {}", answer.text());
            }
            500 => {
                self.unverified += 1;
                assert_eq!(answer.json(), json!({"message": "Internal Server Error"}));
            }
            status => assert!(status < 500, "{status}: {}", answer.text()),
        }
    }
}

/// Whether an answer asks to come back.
pub(super) fn is_busy(answer: &Answer) -> bool {
    [500, 503].contains(&answer.status)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, retries, busy, unverified, redeliveries, longest } = self;
        write!(
            f,
            "{requests} requests, {busy} × 503, {unverified} × 500 of the gateway (key not read), {retries} sent again, \
             {redeliveries} redeliveries, longest answer {:.1} s",
            longest.as_secs_f64()
        )
    }
}
