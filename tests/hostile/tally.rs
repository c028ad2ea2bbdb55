use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Captured};

/// No answer comes later: what a function takes at most (25 s), and a little for whoever carries it on a busy machine.
const LATEST: Duration = Duration::from_secs(27);

/// What Lambda says of a function that did not come to its end by itself. Whoever is asked to come back would hide it.
pub(super) const BROKEN: [&str; 3] = ["Lambda panicked", "Sandbox.Timedout", "Function.ResponseSizeTooLarge"];

/// As what a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// The authorizer finds it out without AWS.
    Token,
    /// The authorizer asks the table for it.
    ApiKey,
    None,
}

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

impl Credential {
    pub(super) fn of(headers: &[(&str, &str)]) -> Self {
        let has = |names: &[&str]| headers.iter().any(|(name, _)| names.contains(name));
        match (has(&["x-api-key"]), has(&["authorization", "x-okapi-token"])) {
            (true, _) => Self::ApiKey,
            (false, true) => Self::Token,
            (false, false) => Self::None,
        }
    }
}

impl Tally {
    /// Notes an answer, which must keep the law: never a 500 of ours, 503 only with `Retry-After` and in the group's shape, none too late.
    /// API Gateway's 500 is lawful only where a key could not be read; that it was this, [`Self::check_log`] sees.
    pub(super) fn note(&mut self, credential: Credential, answer: &Answer, took: Duration) {
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
                assert_eq!(credential, Credential::ApiKey, "500 without a key that could not be read");
            }
            status => assert!(status < 500, "{status}: {}", answer.text()),
        }
    }

    /// Holds what clients met against what was logged meanwhile: each 500 was a key that the authorizer could not read, and no
    /// function has panicked, run out of its time, or answered more than Lambda takes, whoever had asked for it.
    pub(super) fn check_log(&self, log: &Captured) {
        let text = log.text();
        let broken: Vec<&str> = text.lines().filter(|line| BROKEN.iter().any(|broken| line.contains(broken))).collect();
        assert!(broken.is_empty(), "{broken:#?}");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let unread = lines.iter().filter(|line| line["message"] == "credential not verified");
        let unread = unread.inspect(|line| assert_eq!(line["kind"], "api-key", "{line}"));
        assert_eq!(unread.count(), self.unverified, "a 500 that was no key that could not be read");
        // Or nothing was heard.
        assert!(lines.iter().any(|line| line["message"] == "credential accepted"));
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
