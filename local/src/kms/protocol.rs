//! The wire protocol of KMS (AWS JSON 1.1), as far as signing needs it.
//!
//! As with the queues on the same port, whether a function may is asked before; anybody else may.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::SigningKey;
use crate::template::ACCOUNT;

/// What the `X-Amz-Target` of a request to KMS begins with.
const TARGET_PREFIX: &str = "TrentService.";

const ALGORITHM: &str = "ECDSA_SHA_256";
const KEY_SPEC: &str = "ECC_NIST_P256";
const KEY_USAGE: &str = "SIGN_VERIFY";

/// The largest message that KMS hashes itself, in bytes.
const MAX_RAW_BYTES: usize = 4_096;
/// The largest request: that, in base64 and with the rest around it.
const MAX_REQUEST_BYTES: usize = 16 * 1_024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyRequest {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignRequest {
    message: String,
    message_type: Option<String>,
    signing_algorithm: String,
}

/// An error as KMS answers it.
struct Fault {
    code: &'static str,
    message: String,
}

impl Fault {
    fn validation(message: impl Into<String>) -> Self {
        Self { code: "ValidationException", message: message.into() }
    }
}

/// KMS beside what `router` serves, on the same paths: AWS's JSON protocols say in `X-Amz-Target` whom a request is for.
pub fn beside(router: Router, key: Arc<SigningKey>) -> Router {
    router.layer(from_fn_with_state(key, dispatch))
}

async fn dispatch(State(key): State<Arc<SigningKey>>, request: Request, next: Next) -> Response {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Some(operation) = target.strip_prefix(TARGET_PREFIX).map(str::to_owned) else {
        return next.run(request).await;
    };
    match to_bytes(request.into_body(), MAX_REQUEST_BYTES).await {
        Ok(body) => answer(&key, &operation, &body),
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}

fn answer(key: &SigningKey, operation: &str, body: &[u8]) -> Response {
    let answer = match operation {
        "Sign" => known_key(body).and_then(|()| sign(key, body)),
        "GetPublicKey" => known_key(body).map(|()| public_key(key)),
        "DescribeKey" => known_key(body).map(|()| describe_key()),
        _ => Err(Fault { code: "UnknownOperationException", message: format!("not local: {operation}") }),
    };
    let json = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    match answer {
        Ok(body) => (json, body.to_string()).into_response(),
        Err(Fault { code, message }) => {
            (StatusCode::BAD_REQUEST, json, json!({"__type": code, "message": message}).to_string()).into_response()
        }
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::validation(error.to_string()))
}

fn known_key(body: &[u8]) -> Result<(), Fault> {
    let KeyRequest { key_id } = read(body)?;
    if SigningKey::is_called(&key_id) {
        return Ok(());
    }
    Err(Fault { code: "NotFoundException", message: format!("Key '{key_id}' does not exist") })
}

fn public_key(key: &SigningKey) -> Value {
    json!({
        "KeyId": SigningKey::arn(),
        "PublicKey": STANDARD.encode(key.public_key()),
        "KeySpec": KEY_SPEC,
        "CustomerMasterKeySpec": KEY_SPEC,
        "KeyUsage": KEY_USAGE,
        "SigningAlgorithms": [ALGORITHM],
    })
}

fn describe_key() -> Value {
    let arn = SigningKey::arn();
    json!({"KeyMetadata": {
        "AWSAccountId": ACCOUNT,
        "KeyId": arn.rsplit('/').next(),
        "Arn": arn,
        "Description": "Signs the digests of the local run",
        "Enabled": true,
        "KeyState": "Enabled",
        "KeyManager": "CUSTOMER",
        "Origin": "AWS_KMS",
        "KeySpec": KEY_SPEC,
        "CustomerMasterKeySpec": KEY_SPEC,
        "KeyUsage": KEY_USAGE,
        "SigningAlgorithms": [ALGORITHM],
        "MultiRegion": false,
    }})
}

fn sign(key: &SigningKey, body: &[u8]) -> Result<Value, Fault> {
    let SignRequest { message, message_type, signing_algorithm } = read(body)?;
    if signing_algorithm != ALGORITHM {
        let message = format!("Algorithm {signing_algorithm} is not supported by the key.");
        return Err(Fault { code: "InvalidKeyUsageException", message });
    }
    let message = STANDARD.decode(message).map_err(|error| Fault::validation(error.to_string()))?;
    let sha256: [u8; 32] = match message_type.as_deref().unwrap_or("RAW") {
        "RAW" if (1..=MAX_RAW_BYTES).contains(&message.len()) => Sha256::digest(&message).into(),
        "RAW" => return Err(Fault::validation("The message must have between 1 and 4096 bytes.")),
        "DIGEST" => message
            .try_into()
            .map_err(|_| Fault::validation("Digest is invalid length for algorithm ECDSA_SHA_256."))?,
        other => return Err(Fault::validation(format!("MessageType {other} is not known."))),
    };
    let signature = key.sign(&sha256).ok_or_else(|| Fault::validation("The digest cannot be signed."))?;
    let signature = STANDARD.encode(signature);
    Ok(json!({"KeyId": SigningKey::arn(), "Signature": signature, "SigningAlgorithm": ALGORITHM}))
}
