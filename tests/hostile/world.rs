use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use serde_json::Value;
use sporlog_local::stack::Options;
use sporlog_local::template::EMBEDDED;

use super::tally::{Credential, Tally, is_busy};
use crate::harness::{Answer, Caller, Captured, Faults, System};

/// As often as a client sends a request again before it takes the system for broken.
const MOST_TRIES: usize = 60;

/// A system between whose functions and AWS there are faults, and what its clients meet.
pub(super) struct World {
    pub(super) system: System,
    pub(super) faults: Faults,
    tally: Mutex<Tally>,
    log: Captured,
}

impl World {
    /// Without faults as yet.
    pub(super) async fn start() -> Self {
        Self::with("").await
    }

    /// The same in a Region of its own, for faults that no trying again helps against: the SDK stops trying when much has failed, and
    /// counts by Region for the whole process, so that other tests would have its failures. The local STS knows no role there.
    pub(super) async fn start_apart() -> Self {
        Self::with("\n        AWS_REGION: away").await
    }

    /// With a variable more for each function.
    async fn with(variable: &str) -> Self {
        let log = Captured::start();
        let faults = Faults::listen().await;
        let mut template = EMBEDDED.to_owned();
        for service in ["DYNAMODB", "KMS", "LAMBDA", "S3", "STS"] {
            let unset = format!("AWS_ENDPOINT_URL_{service}: !Ref AWS::NoValue");
            assert!(template.contains(&unset));
            template = template.replace(&unset, &format!("AWS_ENDPOINT_URL_{service}: http://{}", faults.address));
        }
        let last = "AWS_ENDPOINT_URL_SQS: !Ref AWS::NoValue";
        assert!(template.contains(last));
        template = template.replace(last, &format!("{last}{variable}"));
        let system = System::with(Options { template: Cow::Owned(template), ..Options::default() }).await;
        faults.lead_to(&system.stack);
        Self { system, faults, tally: Mutex::default(), log }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap()
    }

    /// One request, whatever is answered.
    pub(super) async fn ask(&self, credential: Credential, send: impl Future<Output = Answer>) -> Answer {
        let began = Instant::now();
        let answer = send.await;
        self.tally().note(credential, &answer, began.elapsed());
        answer
    }

    /// Sends a request until its answer does not ask to come back; answers it, and how often it was sent. It comes back at once,
    /// which is harder than what `Retry-After` allows.
    async fn insist(&self, credential: Credential, mut send: impl AsyncFnMut() -> Answer) -> (Answer, usize) {
        for tries in 1..=MOST_TRIES {
            let answer = self.ask(credential, send()).await;
            if !is_busy(&answer) {
                return (answer, tries);
            }
            self.tally().retries += 1;
        }
        panic!("{MOST_TRIES} times busy")
    }

    /// The same with a bearer token.
    pub(super) async fn call(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (Answer, usize) {
        self.insist(Credential::Token, async || self.system.call(caller, method, path, body).await).await
    }

    /// The same, as FOLIO reads.
    pub(super) async fn get(&self, caller: &Caller, path: &str) -> (Answer, usize) {
        self.insist(Credential::Token, async || self.system.get(caller, path).await).await
    }

    /// The same with these headers.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> (Answer, usize) {
        let send = async || self.system.send(method, path, headers, body.map(Value::to_string)).await;
        self.insist(Credential::of(headers), send).await
    }

    /// Waits for everything that was begun, and holds the log against the tally.
    pub(super) async fn stop(self) {
        self.system.stop().await;
        self.tally.into_inner().unwrap().check_log(&self.log);
    }
}
