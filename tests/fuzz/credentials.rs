//! Whatever stands where a credential should: it opens nothing, and is answered as none.

use proptest::prelude::*;
use reqwest::header::HeaderValue;
use sporlog_auth::Role;

use super::{any_json, for_all, hostile_text, near};
use crate::harness::{Caller, System};

/// A header of each kind, and an operation that it opens.
const DOORS: [(&str, &str); 3] = [
    ("authorization", "/orgs/diku"),
    ("x-okapi-token", "/audit/config/groups"),
    ("x-api-key", "/api/v1/kyc/cases/1/audit-log"),
];

/// Bytes that HTTP lets stand in a header; the rest never reaches anybody.
fn header(bytes: &[u8]) -> Option<HeaderValue> {
    let trimmed = bytes.trim_ascii();
    HeaderValue::from_bytes(trimmed).ok().filter(|_| !trimmed.is_empty() && trimmed.len() < 6_000)
}

/// What a credential comes down to: a token may stand behind any number of spaces.
fn bare(value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value).into_owned();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().as_bytes().to_vec(),
        _ => value.to_vec(),
    }
}

#[test]
fn what_is_not_a_credential_opens_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let system = runtime.block_on(System::start());
    let token =
        system.token(&Caller { scopes: vec!["audit.config.all".to_owned()], ..Caller::of_role("diku", Role::Admin) });
    let key = runtime.block_on(system.api_key("diku", &["kyc:read"]));
    // The credentials are good, each in its own place: 404 is of a case that nobody has begun.
    let bearer = format!("Bearer {token}");
    let good = [bearer.as_str(), token.as_str(), key.as_str()];
    for ((name, path), value) in DOORS.into_iter().zip(good) {
        let headers = [(name, value), ("x-okapi-tenant", "diku")];
        let status = runtime.block_on(system.request_with("GET", path, &headers)).status;
        assert_eq!(status, if name == "x-api-key" { 404 } else { 200 }, "{name}");
    }

    // Tokens whose parts were taken apart and put together from others, too.
    let other = system.token(&Caller::platform_admin());
    let (parts, others): (Vec<&str>, Vec<&str>) = (token.split('.').collect(), other.split('.').collect());
    let mut samples: Vec<String> = good.map(str::to_owned).to_vec();
    samples.extend([
        [parts[0], others[1], parts[2]].join("."),
        [parts[0], parts[1], others[2]].join("."),
        [parts[0], parts[1], ""].join("."),
        [parts[0], parts[1]].join("."),
        format!("Bearer {}", [parts[0], others[1], parts[2]].join(".")),
        format!("bearer {key}"),
    ]);
    let samples: Vec<Vec<u8>> = samples.into_iter().map(String::into_bytes).collect();
    let encoded = any_json().prop_map(|json| {
        use base64::Engine;
        let part = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
        format!("Bearer {part}.{part}.{part}").into_bytes()
    });
    let values = prop_oneof![
        6 => near(samples),
        1 => encoded,
        1 => hostile_text().prop_map(String::into_bytes),
        1 => prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 1..200),
    ];
    for_all(&(0..DOORS.len(), values), |(door, value)| {
        let (name, path) = DOORS[door];
        // What is only written in another way is the credential itself.
        let Some(header) = header(&value).filter(|header| bare(header.as_bytes()) != bare(good[door].as_bytes()))
        else {
            return Ok(());
        };
        let headers = [(name, header), ("x-okapi-tenant", HeaderValue::from_static("diku"))];
        let answer = runtime.block_on(system.send_bytes("GET", path, &headers, None));
        prop_assert_eq!(answer.status, 401, "{}: {}", name, answer.text());
        Ok(())
    });
    runtime.block_on(system.stop());
}
