use std::sync::Arc;

use serde_json::{Value, json};
use sporlog_local::functions::{self, Function};
use sporlog_model::{CaseAction, CaseChange, Clock};
use sporlog_store::CaseAppend;

use super::{ORG, case, change};
use crate::export::bucket::lines_of_whole_bucket;
use crate::harness::{Meter, System, scope_of};

/// A request through API Gateway, as the function receives it.
const EVENT: &str = include_str!("../../events/kyc-audit-log.json");

/// The entries of the one case, and how many of them are of the rare action.
const MANY: usize = 100_001;
const RARE: usize = 1_001;

/// The function, with a meter in front of its DynamoDB.
struct Metered {
    function: Arc<dyn Function>,
    meter: Meter,
}

impl Metered {
    async fn of(system: &System) -> Self {
        let meter = Meter::before(system.stack.dynamodb).await;
        let endpoint = format!("http://{}", meter.address);
        let environment = system.environment_of("KycAuditLogFunction", &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]);
        let function = functions::http(kyc_audit_log::router(&environment, Clock::system()).unwrap());
        Self { function, meter }
    }

    /// A read with that query: how many items DynamoDB read for it, and its body.
    async fn read(&self, query: &str) -> (usize, Value) {
        let mut event: Value = serde_json::from_str(EVENT).unwrap();
        event["routeKey"] = json!("GET /api/v1/kyc/cases/{id}/audit-log");
        event["requestContext"]["http"]["method"] = json!("GET");
        event["rawQueryString"] = json!(query);
        event.as_object_mut().unwrap().remove("body");
        self.meter.take();
        let answer = self.function.invoke(event.to_string().into(), lambda_runtime::Context::default()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        (self.meter.take(), serde_json::from_str(answer["body"].as_str().unwrap()).unwrap())
    }
}

/// The `n`th entry: every hundredth is of the rare action.
fn nth(number: usize) -> CaseChange {
    let action = if number.is_multiple_of(100) { "RARE" } else { "OFTEN" };
    CaseChange { action: CaseAction::parse(action).unwrap(), ..change(number, Clock::system().now()) }
}

/// Fills case 42 through the store: the first entry alone, the others forty at a time, so that appends end at 1, 41, 81 and so on.
async fn fill(system: &System) {
    let (store, scope) = (&system.stack.store, scope_of(ORG));
    let (first, others) = (vec![nth(0)], (1..MANY).map(nth).collect::<Vec<_>>());
    for changes in [&first[..]].into_iter().chain(others.chunks(40)) {
        let appended = store.append_case_entries(&scope, case(42), changes, Clock::system().now(), None).await;
        assert!(matches!(appended, Ok(CaseAppend::Appended(_))), "{appended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_the_same_wherever_it_is_in_the_largest_case() {
    let system = System::start().await;
    let bucket = system.enable_export(ORG).await;
    let metered = Metered::of(&system).await;
    fill(&system).await;
    for (action, total) in [("", MANY), ("&action=RARE", RARE), ("&action=OFTEN", MANY - RARE)] {
        for size in [1, 25, 100] {
            let pages = total / size;
            for page in [1, 2, pages / 2, pages] {
                let (items, body) = metered.read(&format!("page={page}&page_size={size}{action}")).await;
                assert_eq!(items, size + 1, "page {page} of {pages}{action}");
                assert_eq!(body["data"].as_array().unwrap().len(), size);
                assert_eq!(body["pagination"]["total_count"], total);
            }
            // Behind the last one, the head alone.
            assert_eq!(metered.read(&format!("page={}&page_size={size}{action}", pages + 2)).await.0, 1);
        }
    }
    assert_eq!(metered.read("action=NEVER").await.0, 1);

    // A segment ends at 50,000 events or, as here, behind the append in whose midst that is.
    system.export(ORG).await;
    let lines = lines_of_whole_bucket(&system, &bucket, "", ORG);
    let exported = lines.iter().map(|line| line["data"]["newValue"].as_str().unwrap().parse::<usize>().unwrap());
    assert!(exported.eq(0..MANY), "each entry once, in the order of the log");
    let segments = system.keys(&bucket).into_iter().filter(|key| key.ends_with(".jsonl.gz"));
    let ends: Vec<String> = segments.map(|key| key.rsplit('/').next().unwrap()[..25].to_owned()).collect();
    assert_eq!(ends, ["000000000001-000000050001", "000000050002-000000100001"]);
    system.stop().await;
}
