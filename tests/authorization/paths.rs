//! Paths that are meant to be read as one thing by whoever decides and as another by whoever answers.

use serde_json::{Value, json};
use sporlog_auth::Role;

use super::{register, wire};
use crate::harness::{Caller, System};

/// Stands in everything that `other` has.
const THEIRS: &str = "betamark";

/// No way of writing a path leads out of the caller's own organization.
#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_into_another_organization() {
    let system = System::start().await;
    register(&system, "diku", "ours").await;
    register(&system, "other", THEIRS).await;
    let them = Caller::of_role("other", Role::Owner);
    let key = json!({"name": THEIRS, "scopes": ["kyc:read"]});
    assert_eq!(system.call(&them, "POST", "/orgs/other/api-keys", Some(&key)).await.status, 201);
    let bearer = format!("Bearer {}", system.token(&Caller::of_role("diku", Role::Owner)));
    let headers = [("authorization", bearer.as_bytes())];
    let long = format!("/orgs/{}", "a/../".repeat(10_000));
    let tricks = [
        "/orgs/diku%2F..%2Fother",
        "/orgs/diku/../other",
        "/orgs/diku/../other/api-keys",
        "/orgs/diku/%2e%2e/other",
        "/orgs/diku/.%2e/other/api-keys",
        "/orgs/./other",
        "/orgs/diku/..%2Fother",
        "/orgs/diku/..%5Cother",
        "/orgs/diku\\..\\other",
        "/orgs/diku%252F..%252Fother",
        "/orgs/diku%23/../other",
        "/orgs/other%23diku",
        "/orgs/other%3Fdiku",
        "/orgs/other%00",
        "/orgs/other%00diku",
        "/orgs/other;diku",
        "/orgs/diku;/../other",
        "/orgs/other%20",
        "/orgs/%20other",
        "/orgs/other%0d%0a",
        "/orgs/other%c0%af..%c0%afdiku",
        "/orgs/%c0%ae%c0%ae/other",
        "/orgs/%e0%80%ae%e0%80%ae/other",
        "/orgs/diku%ef%bc%8f..%ef%bc%8fother",
        "/orgs/%D0%BEther",
        "/orgs/%EF%BD%8F%EF%BD%94%EF%BD%88%EF%BD%85%EF%BD%92",
        "/orgs/o%CC%88ther",
        "/orgs/OTHER",
        "/ORGS/other",
        "//orgs/other",
        "/orgs//other",
        "/orgs/other/",
        "/orgs/other//api-keys",
        "/orgs/other/api-keys/",
        "/orgs/diku,other",
        "/orgs/diku/other",
        "/orgs/*",
        "/orgs/%2A",
        "/orgs/ORG%23other",
        "/orgs/other?org=diku",
        "/orgs/other?orgId=diku",
        "http://localhost/orgs/other",
        &long,
    ];
    for target in tricks {
        for method in ["GET", "DELETE", "PUT"] {
            let answer = wire::send(&system, method, target, &headers).await;
            let shown = format!("{method} {target:.80}: {answer:?}");
            assert!(answer.status.is_none_or(|status| (400..500).contains(&status)), "{shown:.500}");
            assert!(!answer.rest.contains(THEIRS), "{shown:.500}");
        }
    }
    // The same methods are answered where they belong; and the others have what they had.
    let ours = wire::send(&system, "GET", "/orgs/diku", &headers).await;
    assert!(ours.status == Some(200) && ours.rest.contains("ours"), "{ours:?}");
    let encoded = wire::send(&system, "GET", "/orgs/%64iku", &headers).await;
    assert!(encoded.status == Some(200) && encoded.rest.contains("ours"), "{encoded:?}");
    assert_eq!(system.call(&them, "GET", "/orgs/other", None).await.json()["name"], THEIRS);
    let keys = system.call(&them, "GET", "/orgs/other/api-keys", None).await.json();
    assert_eq!(keys.as_array().map(Vec::len), Some(1));
    system.stop().await;
}

/// The one route without an authorizer is that path and no other that looks like it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_public_by_the_way_it_is_written() {
    let system = System::start().await;
    assert_eq!(wire::send(&system, "GET", "/openapi.json", &[]).await.status, Some(200));
    for target in [
        "/openapi.json/../orgs/diku",
        "/orgs/diku/../../openapi.json",
        "/orgs/openapi.json",
        "/openapi.json%2F..%2Forgs%2Fdiku",
        "/openapi.json;/orgs/diku",
        "/openapi.json/",
        "/OpenAPI.json",
        "//openapi.json",
    ] {
        let status = wire::send(&system, "GET", target, &[]).await.status;
        assert!(matches!(status, Some(401 | 404)), "{target}: {status:?}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "BREW"] {
        let status = wire::send(&system, method, "/openapi.json", &[]).await.status;
        assert!(matches!(status, Some(400 | 404 | 405)), "{method}: {status:?}");
    }
    system.stop().await;
}

/// API Gateway decodes a path and hands it over so: the function reads the organization from the path, and the policy is asked about
/// that one.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_api_gateway_has_decoded_leads_nowhere_else() {
    let system = System::start().await;
    register(&system, "diku", "ours").await;
    register(&system, "other", THEIRS).await;
    let principal = json!({"subject": "tester", "org": "diku", "roles": ["owner"], "scopes": []}).to_string();
    let event = |path: &str| -> Value {
        json!({
            "version": "2.0", "routeKey": "GET /orgs/{orgId}", "rawPath": path, "rawQueryString": "",
            "headers": {"host": "localhost"}, "pathParameters": {"orgId": "diku"},
            "requestContext": {
                "accountId": "0", "apiId": "a", "authorizer": {"lambda": {"principal": principal}},
                "domainName": "localhost", "domainPrefix": "localhost",
                "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
                "requestId": "r", "routeKey": "GET /orgs/{orgId}", "stage": "$default",
                "time": "21/Nov/2026:00:00:00 +0000", "timeEpoch": 0,
            },
            "isBase64Encoded": false,
        })
    };
    let ours = system.invoke("OrganizationsFunction", &event("/orgs/diku")).await;
    assert!(ours["statusCode"] == 200 && ours.to_string().contains("ours"), "{ours}");
    for path in [
        "/orgs/other",
        "/orgs/diku/../other",
        "/orgs/diku/../other/api-keys",
        "/orgs/other#diku",
        "/orgs/other?diku",
        "/orgs/other\0",
        "/orgs/other\r\n",
        "/orgs/оther",
        "/orgs/ｏther",
        "/orgs/other;diku",
        "//orgs/other",
        "/orgs//other",
        "orgs/other",
        "http://localhost/orgs/other",
        "",
    ] {
        let answer = system.try_invoke("OrganizationsFunction", &event(path)).await;
        // What cannot be a path at all is the runtime's error, of which API Gateway makes a 500 that says nothing.
        let status = answer.as_ref().map_or(500, |answer| answer["statusCode"].as_u64().unwrap());
        assert!((400..=500).contains(&status), "{path:?}: {answer:?}");
        assert!(!format!("{answer:?}").contains(THEIRS), "{path:?}: {answer:?}");
    }
    system.stop().await;
}
