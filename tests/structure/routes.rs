use serde_json::{Value, json};
use uuid::Uuid;

use super::{PUBLIC_ROUTES, template};
use crate::harness::System;

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// A request of a caller who may do everything in `diku`, as API Gateway hands it over (payload 2.0).
fn event(method: &str, path: &str) -> Value {
    let scopes = ["audit.all", "kyc:read", "kyc:write", "platform:admin"];
    let principal =
        json!({"subject": "tester", "org": "diku", "roles": ["owner", "admin", "service", "member"], "scopes": scopes});
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": "",
        "headers": {"host": "localhost", "x-okapi-tenant": "diku"},
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "domainName": "localhost", "domainPrefix": "localhost",
            "authorizer": {"lambda": {"principal": principal.to_string()}},
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
            "requestId": "request", "routeKey": format!("{method} {path}"), "stage": "$default",
            "time": "21/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_219_200_000_u64,
        },
        "isBase64Encoded": false,
    })
}

/// A path of a route, with a value for each of its parameters.
fn filled(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| if segment.starts_with('{') { Uuid::new_v4().to_string() } else { segment.to_owned() });
    segments.collect::<Vec<_>>().join("/")
}

/// What the layer around a router answers where the router has nothing.
const NO_ROUTE: [&str; 2] = ["\"notFound\"", "\"not_found\""];

/// Whether an answer comes from a handler: one may say that a thing is not there, in words of its own.
fn is_served(answer: &Value) -> bool {
    let status = answer["statusCode"].as_u64().unwrap();
    let body = answer["body"].as_str().unwrap_or_default();
    status != 405 && status < 500 && !(status == 404 && NO_ROUTE.iter().any(|code| body.contains(code)))
}

async fn status(system: &System, function: &str, method: &str, path: &str) -> u64 {
    system.invoke(function, &event(method, path)).await["statusCode"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_served_by_its_function_and_nothing_beside_it() {
    let system = System::start().await;
    let template = template();
    let mut served = 0;
    for function in &template.functions {
        let name = &function.logical_id;
        for route in &function.routes {
            let path = filled(&route.path);
            let answer = system.invoke(name, &event(&route.method, &path)).await;
            assert!(is_served(&answer), "{} {path}: {answer}", route.method);
            served += 1;

            let methods_of_path = function.routes.iter().filter(|other| other.path == route.path);
            let methods_of_path: Vec<&str> = methods_of_path.map(|other| other.method.as_str()).collect();
            let others = METHODS.iter().filter(|method| {
                // axum answers HEAD where it answers GET; API Gateway does not let it through.
                !methods_of_path.contains(method) && **method != "HEAD"
            });
            for method in others {
                let answer = status(&system, name, method, &path).await;
                assert!([404, 405].contains(&answer), "{method} {path}: {answer}");
            }
            for beside in [format!("{path}/beside"), format!("{path}/"), format!("/beside{path}"), path.to_uppercase()]
            {
                let answer = status(&system, name, &route.method, &beside).await;
                assert!([404, 405].contains(&answer), "{} {beside}: {answer}", route.method);
            }
        }
    }
    assert!(served >= 12, "{served}");
    system.stop().await;
}

#[test]
fn every_route_but_the_public_ones_asks_who_is_calling() {
    let template = template();
    for route in template.functions.iter().flat_map(|function| &function.routes) {
        let name = format!("{} {}", route.method, route.path);
        if PUBLIC_ROUTES.contains(&name.as_str()) {
            assert_eq!(route.authorizer, None, "{name}");
            continue;
        }
        let authorizer = route.authorizer.as_ref().unwrap_or_else(|| panic!("{name}"));
        let spec = &template.authorizers[authorizer];
        assert!(template.function(&spec.function).is_some(), "{authorizer}");
    }
}

/// API Gateway decodes a path before it hands it over, and a URI has no place for what then stands in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_would_be_read_as_another_is_of_nothing() {
    let system = System::start().await;
    for path in ["/orgs/new#b", "/orgs/new?b", "/orgs/new#", "/orgs/./new", "/orgs/b/../new", "/beside/../orgs/new"] {
        let answer = system.invoke("OrganizationsFunction", &event("PUT", path)).await;
        assert_eq!(answer["statusCode"], 404, "{path}: {answer}");
        assert!(answer["body"].as_str().unwrap().contains("Not found"), "{path}: {answer}");
    }
    for (path, expected) in [("/orgs/a b", 422), ("/orgs/a\u{e5}b", 422), ("/orgs/a%b", 422), ("/orgs/new", 201)] {
        assert_eq!(status(&system, "OrganizationsFunction", "PUT", path).await, expected, "{path}");
    }
    system.stop().await;
}
