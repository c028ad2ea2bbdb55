use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use sporlog_boot::AwsService;

use super::Fault;

/// Longer than the SDK's patience with one attempt (`sporlog_boot`: 5 s, but S3's).
pub(super) const LATE: Duration = Duration::from_secs(6);

const DYNAMODB: [Fault; 7] = [
    Fault::Throttle,
    Fault::DynamoDb(400, "ThrottlingException"),
    Fault::InternalError,
    Fault::DynamoDb(503, "ServiceUnavailable"),
    Fault::Reset,
    Fault::LostAnswer,
    Fault::LostConnection,
];
const TRANSACTIONS: [Fault; 7] = [
    Fault::TransactionConflict,
    Fault::TransactionThrottled,
    Fault::Throttle,
    Fault::InternalError,
    Fault::Reset,
    Fault::LostAnswer,
    Fault::LostConnection,
];
const S3: [Fault; 5] = [
    Fault::SlowDown,
    Fault::S3(500, "InternalError", "injected"),
    Fault::Reset,
    Fault::LostAnswer,
    Fault::LostConnection,
];
const STS: [Fault; 5] = [
    Fault::Sts(400, "Throttling"),
    Fault::Sts(503, "ServiceUnavailable"),
    Fault::Sts(500, "InternalFailure"),
    Fault::Reset,
    Fault::LostConnection,
];
const KMS: [Fault; 4] = [Fault::KmsThrottle, Fault::KmsInternal, Fault::Reset, Fault::LostConnection];
const LAMBDA: [Fault; 4] = [
    Fault::Lambda(429, "TooManyRequestsException"),
    Fault::Lambda(500, "ServiceException"),
    Fault::Reset,
    Fault::LostConnection,
];

/// Faults by chance: the same for the same seed and the same order of requests. The order is that of arrival, so between two runs
/// of a test with clients at the same time the same faults meet other requests.
#[derive(Debug)]
pub(crate) struct Chance {
    percent: u32,
    /// One answer in so many comes late; 0 for none.
    late_one_in: u32,
    random: Rng,
    met: Met,
}

/// What was met, by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Met {
    /// Requests to AWS, those that met nothing among them.
    pub(crate) requests: usize,
    by_kind: BTreeMap<&'static str, usize>,
}

impl Chance {
    /// Of a hundred requests `percent` meet a fault; beside those, one answer in `late_one_in` comes late.
    pub(crate) fn of(percent: u32, late_one_in: u32, seed: u64) -> Self {
        Self { percent, late_one_in, random: Rng::with_seed(seed), met: Met::default() }
    }

    pub(super) fn met(self) -> Met {
        self.met
    }

    pub(super) fn next(&mut self, service: AwsService, operation: &str) -> Option<Fault> {
        self.met.requests += 1;
        let faults: &[Fault] = match service {
            AwsService::DynamoDb if operation == "TransactWriteItems" => &TRANSACTIONS,
            AwsService::DynamoDb => &DYNAMODB,
            AwsService::S3 => &S3,
            AwsService::Sts => &STS,
            AwsService::Kms => &KMS,
            AwsService::Lambda => &LAMBDA,
            AwsService::Sqs => return None,
        };
        let fault = if self.random.u32(0..100) < self.percent {
            self.random.choice(faults).copied()?
        } else if service != AwsService::S3 && self.late_one_in > 0 && self.random.u32(0..self.late_one_in) == 0 {
            Fault::Late
        } else {
            return None;
        };
        *self.met.by_kind.entry(kind(fault)).or_default() += 1;
        Some(fault)
    }
}

impl Met {
    pub(crate) fn faults(&self) -> usize {
        self.by_kind.values().sum()
    }
}

/// `5000 calls of AWS, 250 faults (40 throttled, …)`.
impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.by_kind.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ");
        write!(f, "{} calls of AWS, {} faults ({kinds})", self.requests, self.faults())
    }
}

/// What a fault is for whoever meets it.
fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::Reset => "reset",
        Fault::LostAnswer | Fault::LostConnection => "answer lost",
        Fault::Late => "late",
        Fault::TransactionConflict => "conflict",
        Fault::InternalError
        | Fault::KmsInternal
        | Fault::DynamoDb(500.., _)
        | Fault::S3(500.., _, _)
        | Fault::Sts(500.., _)
        | Fault::Lambda(500.., _) => "5xx",
        _ => "throttled",
    }
}
