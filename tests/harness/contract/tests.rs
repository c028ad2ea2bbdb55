use super::*;

fn asked(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Asked {
    let url = format!("http://localhost{path}").parse().unwrap();
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    Asked { method: method.to_owned(), url, headers, body: body.as_bytes().to_vec() }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let all = [("apigw-requestid", "r"), ("content-type", "application/json")].iter().chain(headers);
    let headers = all.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    Answer { status, headers, bytes: body.as_bytes().to_vec() }
}

const KEYS: &str = "/orgs/diku/api-keys";
const NEW_KEY: &str = r#"{"name": "a", "scopes": ["kyc:read"]}"#;
const KEY: &str = r#"{"id": "019a9fe5-a2c0-7b3e-9d41-5c8f27e06ab3", "key": "ap_live_ONpFm-dRZqmQ1Ghvn3Kf5T_g9H0jYwUeXcLi2tB8sPA",
    "prefix": "ap_live_ONpF", "name": "a", "scopes": ["kyc:read"], "createdAt": "2026-11-20T08:06:30.250Z", "expiresAt": null, "lastUsedAt": null}"#;
const STORE: [(&str, &str); 1] = [("cache-control", "no-store")];

#[test]
fn what_the_document_has_is_right() {
    for (asked, answer) in [
        (asked("POST", KEYS, &[], NEW_KEY), answer(201, &STORE, KEY)),
        (
            asked("POST", KEYS, &[], "{}"),
            answer(422, &[], r#"{"error": "name is required", "code": "validation_error"}"#),
        ),
        (asked("GET", KEYS, &[], ""), answer(401, &[], r#"{"message": "Unauthorized"}"#)),
        (asked("GET", &format!("{KEYS}?limit=0100"), &[], ""), answer(200, &[], "[]")),
        (asked("PATCH", KEYS, &[], ""), answer(404, &[], r#"{"message": "Not Found"}"#)),
        (asked("DELETE", &format!("{KEYS}/019a9fe5-a2c0-7b3e-9d41-5c8f27e06ab3"), &[], ""), answer(204, &[], "")),
    ] {
        assert_eq!(asked.problems(&answer), Vec::<String>::new(), "{asked:?}");
    }
}

#[test]
fn what_it_does_not_have_is_told() {
    let order = "/audit-data/acquisition/order/c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
    let events = r#"{"orderAuditEvents": [], "totalItems": 0}"#;
    for (asked, answer, told) in [
        (asked("POST", "/nothing", &[], ""), answer(200, &[], ""), "no such operation"),
        (asked("POST", KEYS, &[], NEW_KEY), answer(200, &STORE, KEY), "no such status"),
        (asked("POST", KEYS, &[], NEW_KEY), answer(201, &[], KEY), "the header Cache-Control is missing"),
        (asked("POST", KEYS, &[], NEW_KEY), answer(201, &[("cache-control", "no-cache")], KEY), "no-store"),
        (asked("POST", KEYS, &[], NEW_KEY), answer(201, &STORE, &KEY.replace("null}", "0}")), "lastUsedAt"),
        (asked("POST", KEYS, &[], NEW_KEY), answer(201, &STORE, &KEY.replace("20T08", "99T08")), "date-time"),
        (asked("POST", KEYS, &[], NEW_KEY), answer(201, &STORE, &KEY.replace("null}", "null, \"more\": 1}")), "more"),
        (asked("POST", KEYS, &[], ""), answer(201, &STORE, KEY), "the request's body"),
        (asked("POST", KEYS, &[], &NEW_KEY.replace("kyc:read", "audit.all")), answer(201, &STORE, KEY), "/scopes/0"),
        (asked("GET", &format!("{KEYS}?limit=101"), &[], ""), answer(200, &[], "[]"), "limit: "),
        (asked("GET", KEYS, &[], ""), answer(200, &[], "{}"), "array"),
        (asked("GET", KEYS, &[], ""), answer(200, &[], "["), "the body: EOF"),
        (
            asked("GET", KEYS, &[], ""),
            answer(422, &[], r#"{"error": "a", "code": "unknown_member"}"#),
            "unknown_member",
        ),
        (asked("GET", order, &[], ""), answer(200, &[], events), "X-Okapi-Tenant is required"),
        (asked("GET", "/orgs/%20", &[], ""), answer(200, &[], events), "orgId: "),
        (asked("DELETE", &format!("{KEYS}/a"), &[], ""), answer(204, &[], "{}"), "there is a body"),
    ] {
        let problems = asked.problems(&answer).join("\n");
        assert!(problems.contains(told), "{told} is not in: {problems}");
    }
    let mut text = answer(200, &[], "[]");
    text.headers.insert(CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(asked("GET", KEYS, &[], "").problems(&text), ["the content type is Some(\"text/plain\")"]);
}
