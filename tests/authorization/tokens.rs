//! Tokens that somebody made who may not, through the gateway and the authorizer that is deployed. Each comes with what it would
//! be without its trick: let in.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sporlog_model::Clock;
use tokio::net::TcpListener;

use super::forge::{Forge, HEADER, signing_input, symmetric};
use super::{register, wire};

const PATH: &str = "/orgs/diku";
const UNAUTHORIZED: (u16, &str) = (401, r#"{"message":"Unauthorized"}"#);

/// A system with the organizations `diku` and `other`.
async fn forge() -> Forge {
    let forge = Forge::start().await;
    for org in ["diku", "other"] {
        register(&forge.system, org, org).await;
    }
    forge
}

impl Forge {
    async fn answered(&self, token: &str) -> u16 {
        let bearer = format!("Bearer {token}");
        let answer = self.system.request_with("GET", PATH, &[("authorization", &bearer)]).await;
        if answer.status == 401 {
            assert_eq!((answer.status, answer.text()), UNAUTHORIZED);
        }
        answer.status
    }

    /// Every one of these is refused, alike; and whoever comes with a good token is let in after as before.
    async fn refuses(&self, tokens: Vec<(String, String)>) {
        for (what, token) in tokens {
            assert_eq!(self.answered(&token).await, 401, "{what}");
            assert_eq!(self.answered(&self.token(&json!({"jti": what}))).await, 200, "after {what}");
        }
    }
}

/// The algorithm is the issuer's to say, not the token's.
#[tokio::test(flavor = "multi_thread")]
async fn no_algorithm_but_the_issuers() {
    let forge = forge().await;
    let claims = Forge::claims(&json!({})).to_string();
    let good = forge.signed(HEADER, &claims);
    let signature = good.rsplit_once('.').unwrap().1;
    let mut tricks = Vec::new();
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES384", "PS256", "EdDSA", "ES256K"] {
        let header = json!({"typ": "JWT", "alg": algorithm, "kid": "development"}).to_string();
        let unsigned = signing_input(&header, &claims);
        tricks.push((format!("{algorithm}, unsigned"), format!("{unsigned}.")));
        tricks.push((format!("{algorithm}, with the signature of ES256"), format!("{unsigned}.{signature}")));
        tricks.push((format!("{algorithm}, signed with the trusted key"), forge.signed(&header, &claims)));
    }
    for secret in forge.public_key_as_secrets() {
        tricks.push((format!("HS256 with {}", hex::encode(&secret)), symmetric(&secret, &claims)));
    }
    forge.refuses(tricks).await;
    forge.system.stop().await;
}

/// Signed with the trusted key, so that nothing but the header can be what is refused. Where keys come from is the configuration's
/// to say: nothing connects to an address that a token names.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_leads_to_no_key_but_the_issuers() {
    let forge = forge().await;
    let claims = Forge::claims(&json!({})).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let long = "k".repeat(5_000);
    let mut tricks = Vec::new();
    let ids = [
        "",
        "Development",
        "development ",
        "development\0",
        "../../dev/null",
        "/dev/null",
        "development/../development",
        "' OR '1'='1",
        "development' --",
        "*",
        "%64evelopment",
        "ｄevelopment",
        "developmеnt",
        elsewhere.as_str(),
        &long,
    ];
    for id in ids {
        tricks.push((format!("kid {id:.80}"), json!({"typ": "JWT", "alg": "ES256", "kid": id}).to_string()));
    }
    for id in [json!(null), json!(1), json!(["development"]), json!({"kid": "development"}), json!(true)] {
        tricks.push((format!("kid {id}"), json!({"typ": "JWT", "alg": "ES256", "kid": id}).to_string()));
    }
    for crit in [json!(["exp"]), json!(["b64"]), json!([])] {
        let header = json!({"alg": "ES256", "kid": "development", "crit": crit, "b64": false});
        tricks.push((format!("crit {crit}"), header.to_string()));
    }
    for twice in [
        r#"{"alg":"none","alg":"ES256","kid":"development"}"#,
        r#"{"alg":"ES256","kid":"other","kid":"development"}"#,
        r#"["ES256"]"#,
        "{}",
        "null",
        "",
        "{",
        r#"{"alg":"ES256","kid":"development"} {}"#,
    ] {
        tricks.push((twice.to_owned(), twice.to_owned()));
    }
    let tricks = tricks.into_iter().map(|(what, header)| (what, forge.signed(&header, &claims)));
    forge.refuses(tricks.collect()).await;

    // A key that somebody sends along, or says where to find: it is not used, whoever it is.
    let foreign = Forge::start().await;
    let jwk = foreign.system.issuer().key_set().unwrap()["keys"][0].clone();
    let mut tricks = Vec::new();
    for kid in ["development", "mine"] {
        for (member, value) in [("jku", json!(elsewhere)), ("x5u", json!(elsewhere)), ("jwk", jwk.clone())] {
            let mut header = json!({"typ": "JWT", "alg": "ES256", "kid": kid});
            header[member] = value;
            tricks.push((format!("{member} and the id {kid}"), foreign.signed(&header.to_string(), &claims)));
        }
    }
    forge.refuses(tricks).await;
    for member in ["jku", "x5u"] {
        let mut header: Value = serde_json::from_str(HEADER).unwrap();
        header[member] = json!(elsewhere);
        // Nobody has to understand it (RFC 7515 section 4.1.2): the token is as good as without.
        assert_eq!(forge.answered(&forge.signed(&header.to_string(), &claims)).await, 200, "{member}");
    }
    let connected = std::future::poll_fn(|context| std::task::Poll::Ready(listener.poll_accept(context).is_ready()));
    assert!(!connected.await, "somebody asked {elsewhere}");
    foreign.system.stop().await;
    forge.system.stop().await;
}

/// Signed by the trusted issuer: what a token says is held against what this system is.
#[tokio::test(flavor = "multi_thread")]
async fn claims_hold_or_the_token_does_not() {
    let forge = forge().await;
    let now = Clock::system().now().epoch_seconds();
    let admitted = [
        // A minute of difference between two clocks, less what this test may take.
        json!({"exp": now - 30}),
        json!({"nbf": now + 30}),
        json!({"exp": 1.0e12}),
        json!({"aud": ["other", "sporlog"]}),
    ];
    for changes in admitted {
        assert_eq!(forge.answered(&forge.token(&changes)).await, 200, "{changes}");
    }
    let refused = [
        json!({"exp": now - 61}),
        json!({"exp": now - 3_600}),
        json!({"exp": null}),
        json!({"exp": (now + 600).to_string()}),
        json!({"exp": [now + 600]}),
        json!({"exp": -1}),
        json!({"exp": true}),
        json!({"nbf": now + 600}),
        json!({"nbf": "0"}),
        json!({"iss": "https://issuer.sporlog.localhost/"}),
        json!({"iss": "https://issuer.sporlog.localhost@evil.example"}),
        json!({"iss": "HTTPS://ISSUER.SPORLOG.LOCALHOST"}),
        json!({"iss": ["https://issuer.sporlog.localhost"]}),
        json!({"iss": null}),
        json!({"aud": "sporlog2"}),
        json!({"aud": "other sporlog"}),
        json!({"aud": [["sporlog"]]}),
        json!({"aud": {"sporlog": true}}),
        json!({"aud": []}),
        json!({"aud": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": {"id": "tester"}}),
        // An organization that looks like ours to a person, and values that a laxer language takes for its name.
        json!({"org": null}),
        json!({"org": ["diku"]}),
        json!({"org": ["other", "diku"]}),
        json!({"org": {"id": "diku"}}),
        json!({"org": 1}),
        json!({"org": true}),
        json!({"org": ""}),
        json!({"org": " diku"}),
        json!({"org": "diku\n"}),
        json!({"org": "diku\u{0}"}),
        json!({"org": "dіku"}),
        json!({"org": "ｄｉｋｕ"}),
        json!({"org": "diku\u{200b}"}),
        json!({"org": "ORG#diku"}),
        json!({"org": "diku/../other"}),
        json!({"org": "*"}),
        json!({"org": "d".repeat(65)}),
    ];
    let tricks = refused.iter().map(|changes| (changes.to_string(), forge.token(changes)));
    forge.refuses(tricks.collect()).await;
    // Another organization, in whatever case, is another one.
    for org in ["Diku", "DIKU", "other", "diku.", "diku-"] {
        assert_eq!(forge.answered(&forge.token(&json!({"org": org}))).await, 404, "{org}");
    }
    // Roles and scopes that are not ours give nothing.
    for changes in [
        json!({"roles": {"admin": true}}),
        json!({"roles": ["Admin", "ADMIN", "administrator", "аdmin", ["admin"]]}),
        json!({"roles": null, "scope": {"platform:admin": true}}),
        json!({"roles": null, "scope": "platform:admin:no Platform:Admin platform:*"}),
        json!({"roles": null, "role": "admin", "Roles": ["admin"]}),
    ] {
        assert_eq!(forge.answered(&forge.token(&changes)).await, 403, "{changes}");
    }
    forge.system.stop().await;
}

/// Of a member that is there twice the last one counts, as RFC 7519 section 4 allows: for the check as for the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_there_twice_is_read_once() {
    let forge = forge().await;
    let claims = Forge::claims(&json!({})).to_string();
    let twice = |member: &str| format!("{},{member}}}", claims.trim_end_matches('}'));
    for (member, expected) in [
        (r#""org":"other""#, 404),
        (r#""org":"diku""#, 200),
        (r#""org":["diku"]"#, 401),
        (r#""exp":1"#, 401),
        (r#""aud":"elsewhere""#, 401),
        (r#""iss":"https://elsewhere.example""#, 401),
        (r#""roles":[]"#, 403),
    ] {
        assert_eq!(forge.answered(&forge.signed(HEADER, &twice(member))).await, expected, "{member}");
    }
    forge.system.stop().await;
}

/// A token has one form (RFC 7515 section 7.1): base64url without padding, three parts, nothing around them.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_written_in_one_way() {
    let forge = forge().await;
    let (mut wrong, mut number) = (Vec::new(), 0);
    let mut fresh = || {
        number += 1;
        let token = forge.token(&json!({"jti": number.to_string(), "pad": "??>>~~"}));
        let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        <[String; 3]>::try_from(parts).unwrap()
    };
    for at in 0..3 {
        for (what, change) in [
            ("padding", (|part| format!("{part}=")) as fn(&str) -> String),
            ("double padding", |part| format!("{part}==")),
            ("a blank behind the first letter", |part| format!("{} {}", &part[..1], &part[1..])),
            ("a blank within", |part| format!("{} {}", &part[..4], &part[4..])),
            ("a tab within", |part| format!("{}\t{}", &part[..4], &part[4..])),
            ("another letter", |part| format!("{}*", &part[..part.len() - 1])),
            ("standard base64", |part| {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
                let standard = BASE64_STANDARD.encode(bytes);
                if standard == part { format!("{part}+") } else { standard }
            }),
            ("base64url with its padding", |part| {
                let padded = BASE64_URL_SAFE.encode(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap());
                if padded == part { format!("{part}====") } else { padded }
            }),
            ("nothing", |_| String::new()),
            ("twice", |part| format!("{part}{part}")),
        ] {
            let mut parts = fresh();
            parts[at] = change(&parts[at]);
            wrong.push((format!("{what} in part {at}"), parts.join(".")));
        }
    }
    let [header, claims, signature] = fresh();
    // The 64 bytes of a signature leave four bits of the last letter unused.
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = letters.find(signature.chars().next_back().unwrap()).unwrap();
    let other = &letters[(last | 1)..][..1];
    let trailing = format!("{}{other}", &signature[..signature.len() - 1]);
    wrong.push(("bits behind the signature".to_owned(), format!("{header}.{claims}.{trailing}")));
    for (what, token) in [
        ("five parts, as encrypted ones have", format!("{header}.{claims}.{signature}.{claims}.{signature}")),
        ("JSON serialization", json!({"protected": header, "payload": claims, "signature": signature}).to_string()),
        ("a part behind", format!("{header}.{claims}.{signature}.")),
        ("a part before", format!(".{header}.{claims}.{signature}")),
        ("dots", ".".repeat(1_000)),
        ("only the signature", signature.clone()),
        ("the claims of one, the rest of another", {
            let [_, other, _] = fresh();
            format!("{header}.{other}.{signature}")
        }),
    ] {
        wrong.push((what.to_owned(), token));
    }
    forge.refuses(wrong).await;
    forge.system.stop().await;
}

/// A token may be large or deep for nobody's good: refused, and the next caller is served.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_a_burden_is_put_down() {
    let forge = forge().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let claims = Forge::claims(&json!({})).to_string();
    let with = |text: &str| format!("{},\"x\":{text}}}", claims.trim_end_matches('}'));
    assert_eq!(forge.answered(&forge.signed(HEADER, &with(&deep(100)))).await, 200);
    let tricks = [
        ("2,500 levels of claims", forge.signed(HEADER, &with(&deep(2_500)))),
        ("2,500 levels of header", forge.signed(&format!("{{\"alg\":\"ES256\",\"x\":{}}}", deep(2_500)), &claims)),
        ("a number without end", forge.signed(HEADER, &with(&"9".repeat(5_000)))),
        ("more than 8 KB", forge.token(&json!({"x": "x".repeat(8_192)}))),
    ];
    let tricks = tricks.into_iter().map(|(what, token)| (what.to_owned(), token)).collect::<Vec<_>>();
    // Not a token that is wrong, only one with a number that nobody reads.
    let (number, tricks): (Vec<_>, Vec<_>) = tricks.into_iter().partition(|(what, _)| what.contains("number"));
    forge.refuses(tricks).await;
    assert!([200, 401].contains(&forge.answered(&number[0].1).await));
    // What API Gateway does not even take: 10,240 bytes of headers there, a little more here.
    let huge = format!("Bearer {}", forge.token(&json!({"x": "x".repeat(1_000_000)})));
    let status = wire::send(&forge.system, "GET", PATH, &[("authorization", huge.as_bytes())]).await.status;
    assert!(matches!(status, None | Some(400 | 401 | 431)), "{status:?}");
    assert_eq!(forge.answered(&forge.token(&json!({}))).await, 200);
    forge.system.stop().await;
}
