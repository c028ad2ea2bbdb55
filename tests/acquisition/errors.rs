use serde_json::{Value, json};
use sporlog_boot::Environment;
use sporlog_local::functions;
use sporlog_model::{Clock, EntityType};

use super::{assert_error, path};
use crate::harness::{Answer, Caller, NOBODY, System};

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_uuid_is_refused_by_name() {
    let system = System::start().await;
    let caller = Caller::auditor("diku");
    for (sent, id) in [
        ("abc", "abc"),
        ("c4abf6c3-4bd5-4464-999b-c66cfb6f1cf", "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf"),
        ("c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9a", "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9a"),
        ("c4abf6c3-4bd5-4464-999b-c66cfb6f1cfg", "c4abf6c3-4bd5-4464-999b-c66cfb6f1cfg"),
        ("c4abf6c34bd54464999bc66cfb6f1cf9", "c4abf6c34bd54464999bc66cfb6f1cf9"),
        ("c4abf6c3-4bd5-4464-999bc-66cfb6f1cf9", "c4abf6c3-4bd5-4464-999bc-66cfb6f1cf9"),
        ("%7Bc4abf6c3-4bd5-4464-999b-c66cfb6f1cf9%7D", "{c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9}"),
        ("urn:uuid:c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9", "urn:uuid:c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9"),
        ("c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9%20", "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9 "),
        ("%00%01%7F", "\0\u{1}\u{7f}"),
        ("..%2F..%2Fetc", "../../etc"),
        ("%22%3E%3Cscript%3E", "\"><script>"),
        ("%F0%9F%98%80", "😀"),
        ("%C3%A54abf6c3-4bd5-4464-999b-c66cfb6f1cf", "å4abf6c3-4bd5-4464-999b-c66cfb6f1cf"),
        ("a%23b", "a#b"),
        ("100%25", "100%"),
    ] {
        let message = "id must be a UUID";
        for entity_type in EntityType::ACQUISITION {
            let answer = system.get(&caller, &format!("/audit-data/acquisition/{entity_type}/{sent}")).await;
            assert_error(&answer, 422, "validationError", message, &json!([{"key": "id", "value": id}]));
        }
        let path = format!("/audit-data/acquisition/piece/{sent}/status-change-history");
        let answer = system.get(&caller, &path).await;
        assert_error(&answer, 422, "validationError", message, &json!([{"key": "id", "value": id}]));
    }
    // Bytes that are no text have no value to name.
    let answer = system.get(&caller, "/audit-data/acquisition/order/%FF%FE").await;
    assert_eq!((answer.status, answer.json()["errors"][0]["message"].as_str()), (422, Some("id must be a UUID")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_tell_a_code_and_the_request_id_and_nothing_else() {
    let system = System::start().await;
    let event = include_str!("../../events/acquisition-audit.json");
    let dynamodb = format!("http://{}", system.stack.dynamodb);
    for (table, endpoint, status, code, message) in [
        ("NoSuchTable", dynamodb.as_str(), 500, "internalError", "Internal server error"),
        ("Table", NOBODY, 503, "unavailable", "The service is busy, try again later"),
    ] {
        let own = [("TABLE_NAME", table), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint)];
        let answer = invoke(&system.environment_of("AcquisitionAuditFunction", &own), event).await;
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let parameters = json!([{"key": "requestId", "value": "JKJaXmPLvHcESHA="}]);
        let error = json!({"message": message, "code": code, "parameters": parameters});
        assert_eq!((&answer["statusCode"], body), (&json!(status), json!({"errors": [error], "total_records": 1})));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn the_first_fault_of_a_request_is_the_one_told() {
    let system = System::start().await;
    let nobody = Caller::with("diku", &[]);
    let wrong = format!("{}x?limit=x&sortBy=x", path(EntityType::Order));
    let tenant = |tenant| [("x-okapi-tenant", tenant)];
    let status = |answer: Answer| (answer.status, answer.json()["errors"][0]["code"].clone());
    assert_eq!(status(system.get_with(&nobody, &wrong, &tenant("")).await), (400, json!("missingTenant")));
    assert_eq!(status(system.get_with(&nobody, &wrong, &tenant("other")).await), (401, json!("wrongTenant")));
    system.stop().await;
}

async fn invoke(environment: &Environment, event: &str) -> Value {
    let function = functions::http(acquisition_audit::router(environment, Clock::system()).unwrap());
    let answer = function.invoke(event.to_owned().into(), lambda_runtime::Context::default()).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}
