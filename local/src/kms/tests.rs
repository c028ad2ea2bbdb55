//! The protocol, spoken by the real SDK.

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::{SigningKey, beside};

async fn client(key: SigningKey) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = beside(Router::new().route("/", post(async || StatusCode::IM_A_TEAPOT)), Arc::new(key));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-north-1"))
        .credentials_provider(Credentials::new("sporlog", "sporlog-local", None, None, "local"))
        .endpoint_url(&endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn the_sdk_signs_and_the_public_key_verifies() {
    let client = client(SigningKey::open(None).unwrap()).await;
    let arn = SigningKey::arn();
    let public = client.get_public_key().key_id(&arn).send().await.unwrap();
    assert_eq!((public.key_spec, public.key_usage), (Some(KeySpec::EccNistP256), Some(KeyUsageType::SignVerify)));
    let der = public.public_key.unwrap().into_inner();
    // The point is at the end of a P-256 key in DER.
    let point = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &der[der.len() - 65..]);
    for (message_type, message) in
        [(MessageType::Raw, b"message".to_vec()), (MessageType::Digest, Sha256::digest(b"message").to_vec())]
    {
        let sign = client.sign().key_id(&arn).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let signed = sign.message_type(message_type).message(Blob::new(message)).send().await.unwrap();
        assert_eq!(signed.key_id(), Some(arn.as_str()));
        let signature = signed.signature.unwrap().into_inner();
        point.verify(b"message", &signature).unwrap();
        assert!(point.verify(b"another", &signature).is_err());
    }
    let described = client.describe_key().key_id(&arn).send().await.unwrap();
    assert_eq!(described.key_metadata.unwrap().arn, Some(arn));
}

#[tokio::test]
async fn what_kms_refuses_is_refused() {
    let client = client(SigningKey::open(None).unwrap()).await;
    let sign = || client.sign().message(Blob::new([0; 31])).message_type(MessageType::Digest);
    let sign = || sign().signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
    let error = sign().key_id(SigningKey::arn()).send().await.unwrap_err();
    assert_eq!(error.code(), Some("ValidationException"));
    let error = sign().key_id("alias/other").send().await.unwrap_err();
    assert!(error.into_service_error().is_not_found_exception());
    let error = sign().key_id(SigningKey::arn()).signing_algorithm(SigningAlgorithmSpec::EcdsaSha384);
    assert_eq!(error.send().await.unwrap_err().code(), Some("InvalidKeyUsageException"));
    assert!(client.list_keys().send().await.is_err());
}

#[test]
fn a_data_directory_keeps_its_key() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let public =
        |directory: &tempfile::TempDir| SigningKey::open(Some(directory.path())).unwrap().public_key().to_vec();
    assert_eq!(public(&one), public(&one));
    assert_ne!(public(&one), public(&other));
}
