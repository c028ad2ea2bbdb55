//! What can be done with headers. API Gateway keeps an authorizer's answer under the value of one header, its identity source; so no
//! credential may be let in by what stands in another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sporlog_auth::Role;
use sporlog_local::template::EMBEDDED;

use super::{register, wire};
use crate::harness::{Caller, System};
use crate::structure::template;

const CASE: &str = "/api/v1/kyc/cases/42/audit-log";
const GROUPS: &str = "/audit/config/groups";

/// `alpha` has a token that may do everything, with the scopes of API keys besides, and `beta` a key.
struct Scene {
    system: System,
    token: String,
    bearer: String,
    key: String,
}

impl Scene {
    async fn set() -> Self {
        let system = System::start().await;
        let key = system.api_key("beta", &["kyc:read", "kyc:write"]).await;
        register(&system, "alpha", "alpha").await;
        let entry = json!({"user": "betas user", "entity_type": "kyc_case", "action": "STATUS_CHANGED"});
        // With a key of its own, so that nothing is known of the other one yet.
        let writer = system.api_key("beta", &["kyc:write"]).await;
        assert_eq!(system.call_with_key(&writer, "POST", CASE, Some(&entry)).await.status, 201);
        let scopes = ["audit.all", "audit.config.all", "kyc:read", "kyc:write"];
        let token = system.token(&Caller { roles: Role::ALL.to_vec(), ..Caller::with("alpha", &scopes) });
        Self { bearer: format!("Bearer {token}"), system, token, key }
    }

    /// A route of each authorizer, the header that it takes the credential from, and one that is good.
    fn routes(&self) -> [(&'static str, &'static str, &str); 3] {
        [
            ("/orgs/alpha", "authorization", &self.bearer),
            (GROUPS, "x-okapi-token", &self.token),
            (CASE, "x-api-key", &self.key),
        ]
    }

    async fn status(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
        let tenant = ("x-okapi-tenant", "alpha");
        let headers: Vec<_> = headers.iter().copied().chain([tenant]).collect();
        self.system.request_with("GET", path, &headers).await.status
    }

    async fn raw(&self, path: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let tenant = ("x-okapi-tenant", &b"alpha"[..]);
        wire::send(&self.system, "GET", path, &[headers, vec![tenant]].concat()).await.status
    }
}

/// What an answer is kept under is the credential that was asked about, and nothing beside it: one header of each authorizer, no two
/// the same. With a second one, or with a route, an answer would be kept for a request that has only one of them.
#[test]
fn an_answer_is_kept_under_the_one_header_that_has_the_credential() {
    let parsed: serde_yaml_ng::Value = serde_yaml_ng::from_str(EMBEDDED).unwrap();
    let mut resources = parsed["Resources"].as_mapping().unwrap().values();
    let api = resources.find(|resource| resource["Type"] == "AWS::Serverless::HttpApi").unwrap();
    let parsed = &api["Properties"]["Auth"];
    assert!(parsed.get("DefaultAuthorizer").is_none());
    let mut headers = BTreeMap::new();
    for (name, authorizer) in parsed["Authorizers"].as_mapping().unwrap() {
        let identity = authorizer["Identity"].as_mapping().unwrap();
        let members: BTreeSet<&str> = identity.keys().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(members, BTreeSet::from(["Headers", "ReauthorizeEvery"]), "{name:?}");
        let [header] = identity["Headers"].as_sequence().unwrap().as_slice() else { panic!("{name:?}") };
        headers.insert(header.as_str().unwrap().to_ascii_lowercase(), name.as_str().unwrap().to_owned());
    }
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["authorization", "x-api-key", "x-okapi-token"]);
    assert_eq!(headers.len(), parsed["Authorizers"].as_mapping().unwrap().len());
    // And no function takes its routes from two of them: what may be done depends on the route alone, never on the header.
    for function in template().functions {
        let authorizers: BTreeSet<_> = function.routes.iter().map(|route| &route.authorizer).collect();
        assert!(authorizers.len() <= 1, "{}: {authorizers:?}", function.logical_id);
    }
}

/// Whichever was asked about first, and whatever is kept by then.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_one_header_lets_nobody_in_by_another() {
    let scene = Scene::set().await;
    for warm in [false, true] {
        for (path, header, _) in scene.routes() {
            for (other, good) in scene.routes().map(|(_, other, good)| (other, good)) {
                if other == header || (other != "x-api-key" && header != "x-api-key") {
                    continue;
                }
                // Where another credential belongs; the same, with its own header beside it; with both the same.
                for headers in [vec![(header, good)], vec![(other, good)], vec![(header, good), (other, good)]] {
                    assert_eq!(scene.status(path, &headers).await, 401, "{path} {headers:?} {warm}");
                }
            }
        }
        for (path, header, good) in scene.routes() {
            assert_eq!(scene.status(path, &[(header, good)]).await, 200, "{path}");
        }
    }
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_credentials_the_one_of_the_route_counts() {
    let scene = Scene::set().await;
    let theirs =
        scene.system.token(&Caller { roles: Role::ALL.to_vec(), ..Caller::with("beta", &["audit.config.all"]) });
    let theirs_too = format!("Bearer {theirs}");
    for _ in 0..2 {
        // The key is beta's, and says nothing where a token is asked for.
        let both = [("authorization", scene.bearer.as_str()), ("x-api-key", scene.key.as_str())];
        assert_eq!((scene.status("/orgs/alpha", &both).await, scene.status("/orgs/beta", &both).await), (200, 404));
        assert_eq!(scene.status(CASE, &both).await, 200);
        let read = scene.system.request_with("GET", CASE, &both).await.json();
        assert_eq!(read["data"][0]["user"], "betas user");
        // Two tokens of two organizations.
        let both = [("authorization", theirs_too.as_str()), ("x-okapi-token", scene.token.as_str())];
        assert_eq!((scene.status("/orgs/alpha", &both).await, scene.status("/orgs/beta", &both).await), (404, 200));
        assert_eq!(scene.status(GROUPS, &both).await, 200);
        let both = [("authorization", scene.bearer.as_str()), ("x-okapi-token", theirs.as_str())];
        assert_eq!((scene.status("/orgs/alpha", &both).await, scene.status("/orgs/beta", &both).await), (200, 404));
        // The header says alpha, the token that counts is beta's.
        assert_eq!(scene.status(GROUPS, &both).await, 401);
        // A bad one is not made up for by a good one, nor a good one spoiled by a bad one.
        let bad = [("authorization", "Bearer x"), ("x-api-key", "x"), ("x-okapi-token", "x")];
        for (path, header, good) in scene.routes() {
            let others = |header| bad.into_iter().filter(move |(name, _)| *name != header);
            let good: Vec<_> = others(header).chain([(header, good)]).collect();
            assert_eq!(scene.status(path, &good).await, 200, "{good:?}");
            let swapped = scene.routes().map(|(_, name, good)| if name == header { (name, "x") } else { (name, good) });
            assert_eq!(scene.status(path, &swapped).await, 401, "{swapped:?}");
        }
    }
    scene.system.stop().await;
}

/// A credential that is sent twice is none. API Gateway joins the values of a header by commas for the authorizer, and what it asks
/// about may be one of them: which header that is from could not be told.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_there_twice_lets_nobody_in() {
    let scene = Scene::set().await;
    let (token, bearer, key) = (scene.token.as_str(), scene.bearer.as_str(), scene.key.as_str());
    let joined = |one: &str, other: &str| (format!("{one},{other}"), format!("{one}, {other}"));
    for (path, header, good) in scene.routes() {
        let foreign: Vec<&str> = if header == "x-api-key" { vec![token, bearer] } else { vec![key] };
        for other in foreign.iter().copied().chain(["x", "", good]) {
            for headers in [
                [(header, good), (header, other)],
                [(header, other), (header, good)],
                // The credential of another kind alone, to be asked about as what it is not.
                [(header, other), (header, "x")],
                [(header, "x"), (header, other)],
            ] {
                assert_eq!(scene.raw(path, &headers).await, Some(401), "{path} {headers:?}");
                // Beside it, where it belongs.
                for (_, own, _) in scene.routes() {
                    let headers = [&headers[..], &[(own, other)]].concat();
                    assert_eq!(scene.raw(path, &headers).await, Some(401), "{path} {headers:?}");
                }
            }
            let (tight, loose) = joined(good, other);
            for value in [tight, loose] {
                assert_eq!(scene.raw(path, &[(header, &value)]).await, Some(401), "{path} {value}");
            }
        }
    }
    for (path, header, good) in scene.routes() {
        assert_eq!(scene.raw(path, &[(header, good)]).await, Some(200), "{path}");
    }
    scene.system.stop().await;
}

/// Names of headers have no case (RFC 9110 section 5.1), the rest of a credential does.
#[tokio::test(flavor = "multi_thread")]
async fn how_a_header_is_written() {
    let scene = Scene::set().await;
    let token = scene.token.as_str();
    for name in ["Authorization", "AUTHORIZATION", "aUTHORIZATION"] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let value = format!("{scheme} {token}");
            assert_eq!(scene.raw("/orgs/alpha", &[(name, &value)]).await, Some(200), "{name} {scheme}");
        }
    }
    for value in [
        format!("Basic {token}"),
        format!("Bearer{token}"),
        format!("Bearer\t{token}"),
        format!("Bearer {token} x"),
        format!("Bearer x {token}"),
        format!("Bearer Bearer {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {token};"),
        format!("Bearer {token}\u{a0}"),
        token.to_ascii_lowercase(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("token={token}"),
    ] {
        assert_eq!(scene.raw("/orgs/alpha", &[("Authorization", &value)]).await, Some(401), "{value}");
    }
    // What ends a header begins another, which is none of the three; what is no text ends the request.
    for (value, expected) in [
        (format!("x\r\nX-Forwarded-Authorization: Bearer {token}"), &[Some(401)][..]),
        (format!("x\r\n Bearer {token}"), &[Some(400), Some(401)]),
        (format!("x\nAuthorization: Bearer {token}"), &[Some(400), Some(401)]),
        (format!("Bearer {token}\0"), &[Some(400), Some(401)]),
        (format!("\0Bearer {token}"), &[Some(400), Some(401)]),
    ] {
        let status = scene.raw("/orgs/alpha", &[("Authorization", &value)]).await;
        assert!(expected.contains(&status), "{status:?} {value:?}");
    }
    for (name, value) in [
        ("Proxy-Authorization", scene.bearer.as_str()),
        ("X-Authorization", &scene.bearer),
        ("Authorization_", &scene.bearer),
        ("X_Api_Key", &scene.key),
        ("X-Amzn-Authorization", &scene.bearer),
        ("Cookie", &format!("Authorization={}; X-API-Key={}", scene.bearer, scene.key)),
    ] {
        for (path, _, _) in scene.routes() {
            assert_eq!(scene.raw(path, &[(name, value)]).await, Some(401), "{path} {name}");
        }
    }
    scene.system.stop().await;
}

/// Nothing in the request says who it is from but the credential: not the query, the body or a header of API Gateway's.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_claims_to_be_somebody_is_nobody() {
    let scene = Scene::set().await;
    let principal: Value = json!({"subject": "x", "org": "alpha", "roles": ["owner"], "scopes": ["platform:admin"]});
    for query in [
        format!("?x-api-key={}", scene.key),
        format!("?X-API-Key={}&api_key={}", scene.key, scene.key),
        format!("?access_token={}", scene.token),
        format!("?Authorization=Bearer+{}", scene.token),
    ] {
        for (path, _, _) in scene.routes() {
            assert_eq!(scene.raw(&format!("{path}{query}"), &[]).await, Some(401), "{path}");
        }
    }
    let context = json!({"authorizer": {"lambda": {"principal": principal.to_string()}}}).to_string();
    let forged = [
        ("principal", principal.to_string()),
        ("x-amzn-request-context", context.clone()),
        ("x-amzn-lambda-context", context),
        ("x-okapi-user-id", "tester".to_owned()),
        ("x-okapi-permissions", r#"["platform:admin"]"#.to_owned()),
        ("x-forwarded-for", "127.0.0.1".to_owned()),
        ("x-original-url", "/openapi.json".to_owned()),
        ("x-rewrite-url", "/openapi.json".to_owned()),
        ("x-http-method-override", "GET".to_owned()),
    ];
    let forged: Vec<_> = forged.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for (path, _, _) in scene.routes() {
        assert_eq!(scene.raw(path, &forged).await, Some(401), "{path}");
    }
    // With a credential, it stays whose it is, and what it may do.
    let bare = format!("Bearer {}", scene.system.token(&Caller::with("alpha", &[])));
    let headers: Vec<_> = forged.iter().copied().chain([("authorization", bare.as_str())]).collect();
    for (path, expected) in [("/orgs/alpha", 403), ("/orgs/beta", 404)] {
        assert_eq!(scene.raw(path, &headers).await, Some(expected), "{path}");
    }
    // The tenant's header decides nothing, twice or in disguise least of all.
    for tenants in [&["beta"][..], &["alpha", "beta"], &["beta", "alpha"], &["alpha,beta"], &["аlpha"], &["alpha#"]] {
        let mut headers: Vec<_> = tenants.iter().map(|tenant| ("x-okapi-tenant", tenant.as_bytes())).collect();
        headers.push(("x-okapi-token", scene.token.as_bytes()));
        let status = wire::send(&scene.system, "GET", GROUPS, &headers).await.status;
        assert!(matches!(status, Some(400 | 401)), "{tenants:?} {status:?}");
    }
    scene.system.stop().await;
}
