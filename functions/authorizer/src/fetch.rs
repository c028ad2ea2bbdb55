use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use tokio::sync::OnceCell;

use crate::keys::{KeySetDocument, PublicKeys};

/// From the name's resolution to the last byte. API Gateway waits 10 s for an authorizer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A set of ten keys with their certificates is about 30 KB.
const MAX_BYTES: usize = 64 * 1024;

/// Gets key sets over HTTP. Follows no redirect: where keys come from is the configuration's to say.
#[derive(Debug)]
pub(crate) struct Fetcher {
    plain: Client<HttpConnector, Empty<Bytes>>,
    /// Made at its first use: reading the machine's root certificates takes milliseconds that inline keys should not cost.
    tls: OnceCell<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>>,
}

/// Why there is no key set. For the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the root certificates cannot be read")]
    Roots(#[source] std::io::Error),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the request failed")]
    Request(#[source] Box<dyn Error + Send + Sync>),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer is cut or larger than {MAX_BYTES} bytes")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    #[error("the answer is not a key set")]
    NotKeys(#[source] serde_json::Error),
}

impl FetchError {
    /// Whether the issuer is there and says that it has no such set.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Status(status) if status.is_client_error())
    }
}

impl Fetcher {
    pub(crate) fn new() -> Self {
        Self { plain: client(HttpConnector::new()), tls: OnceCell::new() }
    }

    /// The keys at a URL, `https` or `http`.
    pub(crate) async fn fetch(&self, url: &Uri) -> Result<PublicKeys, FetchError> {
        let answer = async {
            if url.scheme_str() == Some("http") {
                return get(&self.plain, url).await;
            }
            get(self.tls.get_or_try_init(|| async { tls_client() }).await?, url).await
        };
        tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| FetchError::Timeout)?
    }
}

fn tls_client() -> Result<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>, FetchError> {
    // `ring` by name: without it rustls takes what the build happens to have, and panics when that is more than one.
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(FetchError::Roots)?;
    Ok(client(connector.https_only().enable_http1().build()))
}

/// Keeps no connection: the next request is minutes away.
fn client<C: Connect + Clone + Send + Sync + 'static>(connector: C) -> Client<C, Empty<Bytes>> {
    legacy::Builder::new(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
}

async fn get<C>(client: &Client<C, Empty<Bytes>>, url: &Uri) -> Result<PublicKeys, FetchError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let request = Request::get(url).header(header::ACCEPT, "application/json").body(Empty::new());
    let request = request.map_err(|error| FetchError::Request(error.into()))?;
    let answer = client.request(request).await.map_err(|error| FetchError::Request(error.into()))?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(FetchError::Body)?.to_bytes();
    let document: KeySetDocument = serde_json::from_slice(&body).map_err(FetchError::NotKeys)?;
    Ok(document.usable())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::AsymmetricAlgorithm;
    use crate::test_issuer::{Behaviour, TestIssuer, signers};

    #[tokio::test]
    async fn gets_the_keys_that_can_be_used() {
        let [rsa, ec, ed] = signers();
        let issuer = TestIssuer::start(&[&rsa, &ec, &ed]).await;
        issuer.add_key(serde_json::json!({"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"}));
        issuer.add_key(serde_json::json!("not a key"));
        let keys = Fetcher::new().fetch(&issuer.url()).await.unwrap();
        assert!(keys.find(rsa.key_id(), AsymmetricAlgorithm::RS256).is_some());
        assert!(keys.find(ec.key_id(), AsymmetricAlgorithm::ES256).is_some());
        assert!(keys.find(ed.key_id(), AsymmetricAlgorithm::EdDsa).is_some());
    }

    #[tokio::test]
    async fn answers_that_are_no_key_set() {
        let issuer = TestIssuer::start(&[]).await;
        let elsewhere = TestIssuer::start(&[]).await;
        for (behaviour, expected) in [
            (Behaviour::Closes, "the request failed"),
            (Behaviour::Status(500), "the answer is 500 Internal Server Error"),
            (Behaviour::Status(204), "the answer is 204 No Content"),
            (Behaviour::Redirects(elsewhere.url()), "the answer is 302 Found"),
            (Behaviour::Sends("{}".to_owned()), "the answer is not a key set"),
            (Behaviour::Sends("<html>".to_owned()), "the answer is not a key set"),
            (Behaviour::Sends(" ".repeat(MAX_BYTES + 1)), "the answer is cut or larger than 65536 bytes"),
            (Behaviour::Endless, "the answer is cut or larger than 65536 bytes"),
        ] {
            issuer.behave(behaviour);
            assert_eq!(Fetcher::new().fetch(&issuer.url()).await.unwrap_err().to_string(), expected);
        }
        assert_eq!(elsewhere.fetches(), 0);
    }

    /// Time is paused, so the timeout is over as soon as nothing else can happen.
    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_does_not_answer_is_not_waited_for() {
        let issuer = TestIssuer::start(&[]).await;
        issuer.behave(Behaviour::Hangs);
        let error = Fetcher::new().fetch(&issuer.url()).await.unwrap_err();
        assert_eq!(error.to_string(), "no answer within 3 s");
    }

    #[tokio::test]
    async fn https_is_spoken_to_an_https_url() {
        let issuer = TestIssuer::start(&[]).await;
        let url = issuer.url().to_string().replace("http:", "https:").parse().unwrap();
        let error = Fetcher::new().fetch(&url).await.unwrap_err();
        // A machine may have no root certificates.
        assert!(matches!(error, FetchError::Request(_) | FetchError::Roots(_)), "{error}");
    }
}
