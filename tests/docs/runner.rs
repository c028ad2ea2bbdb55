//! Does what a page says and compares.

use reqwest::StatusCode;
use serde_json::{Value, json};
use similar::TextDiff;
use sporlog_auth::{PLATFORM_ADMIN, Role};

use super::known::Known;
use super::page::{Answer, Example, Problem};
use crate::harness::{self, Caller, System};

/// Sends the requests of a page one after the other; the first answer that is another than the page's is the problem.
pub(super) async fn run(system: &System, org: &str, known: &mut Known, page: &[Example]) -> Result<(), Problem> {
    for example in page {
        let actual = send(system, org, known, example).await;
        let expected = expected(&example.answer, &actual, known);
        if expected != actual {
            let (expected, actual) = (expected.to_string(), actual.to_string());
            let diff = TextDiff::from_lines(&expected, &actual);
            let diff = diff.unified_diff().header("the page", "the answer").to_string();
            let text = format!("{} {}\n{diff}", example.request.method, example.request.path);
            return Err(Problem { line: example.line, text });
        }
    }
    Ok(())
}

/// The page's answer with the ids and instants of the actual one, where they may be others.
fn expected(page: &Answer, actual: &Answer, known: &mut Known) -> Answer {
    let headers = page.headers.iter().zip(&actual.headers);
    let headers = headers.map(|((name, page), (_, actual))| (name.clone(), known.expected(page, actual))).collect();
    let actual = actual.body.as_ref().unwrap_or(&Value::Null);
    Answer { status: page.status, headers, body: page.body.as_ref().map(|page| known.expected_json(page, actual)) }
}

/// The actual answer, with those of its headers that the page names.
async fn send(system: &System, org: &str, known: &mut Known, Example { request, answer, .. }: &Example) -> Answer {
    let mut headers = Vec::new();
    for (name, value) in &request.headers {
        headers.push((name.as_str(), header(system, org, name, &known.sent(value)).await));
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = request.body.as_ref().map(|body| known.sent(body));
    let actual = system.send(&request.method, &known.sent(&request.path), &headers, body).await;
    let shown = |name: &String| {
        let value = actual.headers.get(name).map_or("(absent)", |value| value.to_str().unwrap());
        (name.clone(), value.to_owned())
    };
    Answer {
        status: StatusCode::from_u16(actual.status).unwrap(),
        headers: answer.headers.iter().map(|(name, _)| shown(name)).collect(),
        body: (!actual.bytes.is_empty()).then(|| body_of(&actual)),
    }
}

fn body_of(answer: &harness::Answer) -> Value {
    serde_json::from_slice(&answer.bytes).unwrap_or_else(|_| json!({"not JSON": answer.text()}))
}

/// A header's value, with a credential where it has a placeholder: the roles and scopes of that credential in braces.
async fn header(system: &System, org: &str, name: &str, value: &str) -> String {
    let placeholder = value.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (rights, after))) = placeholder else { return value.to_owned() };
    let credential = if name.eq_ignore_ascii_case("x-api-key") {
        api_key(system, org, rights).await
    } else if rights == PLATFORM_ADMIN {
        system.token(&Caller::platform_admin())
    } else {
        let (roles, scopes): (Vec<_>, Vec<_>) =
            rights.split_whitespace().partition(|name| Role::from_name(name).is_some());
        let roles = roles.into_iter().filter_map(Role::from_name).collect();
        system.token(&Caller { roles, ..Caller::with(org, &scopes) })
    };
    format!("{before}{credential}{after}")
}

/// A new key of the organization, which is registered if it was not.
async fn api_key(system: &System, org: &str, scopes: &str) -> String {
    register(system, org).await;
    let body = json!({"name": "example", "scopes": scopes.split_whitespace().collect::<Vec<_>>()});
    let admin = Caller::of_role(org, Role::Admin);
    let made = system.call(&admin, "POST", &format!("/orgs/{org}/api-keys"), Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

async fn register(system: &System, org: &str) {
    let answer = system.call(&Caller::platform_admin(), "PUT", &format!("/orgs/{org}"), None).await;
    assert!([200, 201].contains(&answer.status), "{}", answer.text());
}

#[cfg(test)]
mod tests {
    use super::super::page::examples;
    use super::*;

    /// Examples that hold, of an organization that is registered.
    const GOOD: &str = r#"
```http
POST /orgs/diku/api-keys
Authorization: Bearer {admin}
Content-Type: application/json

{"name": "reader", "scopes": ["kyc:read"]}
```

```http
HTTP/1.1 201 Created
Content-Type: application/json
Cache-Control: no-store

{
  "id": "019aa0c4-7f00-7000-8000-000000000001", "key": "ap_live_ONpFm-dRZqmQ1Ghvn3Kf5T_g9H0jYwUeXcLi2tB8sPA",
  "prefix": "ap_live_ONpF", "name": "reader", "scopes": ["kyc:read"], "createdAt": "2026-11-20T08:05:00.000Z",
  "expiresAt": null, "lastUsedAt": null
}
```

```http
DELETE /orgs/diku/api-keys/019aa0c4-7f00-7000-8000-000000000001
Authorization: Bearer {member owner}
```

```http
HTTP/1.1 204 No Content
```

```http
GET /orgs/diku
X-API-Key: {kyc:read kyc:write}
```

```http
HTTP/1.1 401 Unauthorized

{"message": "Unauthorized"}
```
"#;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_that_is_not_the_pages_is_noticed() {
        let system = System::start().await;
        let run = async |org: &str, markdown: &str| {
            register(&system, org).await;
            let page = examples(&markdown.replace("/diku", &format!("/{org}"))).unwrap();
            run(&system, org, &mut Known::default(), &page).await
        };
        run("good", GOOD).await.unwrap();
        for (number, (page, wrong, line, told)) in [
            ("201 Created", "200 OK", 10, "-HTTP/1.1 200 OK\n+HTTP/1.1 201 Created\n"),
            ("no-store", "no-cache", 10, "-Cache-Control: no-cache\n+Cache-Control: no-store\n"),
            ("Cache-Control: no-store", "ETag: 1", 10, "-ETag: 1\n+ETag: (absent)\n"),
            (
                r#""name": "reader", "scopes": ["kyc:read"], "createdAt""#,
                r#""scopes": ["kyc:read"], "createdAt""#,
                10,
                "+  \"name\": \"reader\",\n",
            ),
            (r#""lastUsedAt": null"#, r#""lastUsedAt": null, "more": 1"#, 10, "-  \"more\": 1,\n"),
            (r#""expiresAt": null"#, r#""expiresAt": 0"#, 10, "-  \"expiresAt\": 0,\n+  \"expiresAt\": null,\n"),
            ("08:05:00.000Z", "08:05:00Z", 10, "-  \"createdAt\": \"2026-11-20T08:05:00Z\",\n+  \"createdAt\": \"20"),
            ("{admin}", "{service}", 10, "+HTTP/1.1 403 Forbidden\n"),
            ("204 No Content\n", "204 No Content\n\n{}\n", 27, "-\n-{}\n"),
            (
                "DELETE /orgs/diku/api-keys/019aa0c4-7f00-7000-8000-000000000001",
                "DELETE /orgs/diku/api-keys/1",
                27,
                "+HTTP/1.1 404 Not Found\n",
            ),
            (
                "Unauthorized\n\n{\"message\": \"Unauthorized\"}\n",
                "Unauthorized\n",
                36,
                "+  \"message\": \"Unauthorized\"\n",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(GOOD.matches(page).count(), 1, "{page}");
            let problem = run(&format!("wrong{number}"), &GOOD.replace(page, wrong)).await.unwrap_err();
            assert!(problem.line == line && problem.text.contains(told), "{wrong}: {problem:?}");
        }
        system.stop().await;
    }
}
