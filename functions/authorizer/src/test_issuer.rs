//! What the tests stand on: keys of every kind, an issuer on the loopback interface, and a clock that is held.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Uri;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use sporlog_model::{Clock, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, watch};

/// Made for these tests with `openssl genrsa -traditional 2048`; nothing trusts them.
const RSA_KEYS: [&[u8]; 2] = [include_bytes!("test_keys/rsa-a.der"), include_bytes!("test_keys/rsa-b.der")];

/// What comes before the seed in the PKCS #8 form of an Ed25519 key (RFC 8410 section 7).
const ED25519_PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A key pair with its id.
pub(crate) struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// One for each algorithm: RS256, ES256, `EdDSA`.
pub(crate) fn signers() -> [Signer; 3] {
    key_pairs(0)
}

/// Others with the same ids.
pub(crate) fn foreign_signers() -> [Signer; 3] {
    key_pairs(1)
}

fn key_pairs(which: u8) -> [Signer; 3] {
    let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let ed = [&ED25519_PKCS8[..], &[which; 32]].concat();
    let signer = |id, algorithm, key| Signer { id, algorithm, key };
    [
        signer("rsa", Algorithm::RS256, EncodingKey::from_rsa_der(RSA_KEYS[usize::from(which)])),
        signer("ec", Algorithm::ES256, EncodingKey::from_ec_der(ec.as_ref())),
        signer("ed", Algorithm::EdDSA, EncodingKey::from_ed_der(&ed)),
    ]
}

impl Signer {
    pub(crate) fn key_id(&self) -> &'static str {
        self.id
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key.
    pub(crate) fn jwk(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        key.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(key).unwrap()
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }
}

/// A clock that moves when it is told to.
#[derive(Clone)]
pub(crate) struct HeldClock(Arc<Mutex<Instant>>);

impl HeldClock {
    pub(crate) fn start() -> Self {
        Self(Arc::new(Mutex::new(Instant::parse("2026-11-20T10:00:00Z").unwrap())))
    }

    pub(crate) fn clock(&self) -> Clock {
        let held = Self::clone(self);
        Clock::from_fn(move || held.now())
    }

    pub(crate) fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }

    pub(crate) fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(span);
    }
}

/// What the issuer answers.
#[derive(Clone)]
pub(crate) enum Behaviour {
    Sends(String),
    Status(u16),
    Redirects(Uri),
    /// Ends the connection without an answer.
    Closes,
    /// Keeps the connection without an answer.
    Hangs,
    /// Sends until the other side has had enough.
    Endless,
}

/// An issuer's key set endpoint that counts how often it is asked.
pub(crate) struct TestIssuer {
    base: String,
    keys: Mutex<Vec<Value>>,
    behaviour: Arc<Mutex<Behaviour>>,
    fetches: Arc<watch::Sender<usize>>,
    paths: Arc<Mutex<Vec<String>>>,
    gate: Arc<RwLock<()>>,
}

impl TestIssuer {
    pub(crate) async fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            keys: Mutex::default(),
            behaviour: Arc::new(Mutex::new(Behaviour::Closes)),
            fetches: Arc::default(),
            paths: Arc::default(),
            gate: Arc::default(),
        };
        issuer.serve(signers);
        let (behaviour, fetches) = (Arc::clone(&issuer.behaviour), Arc::clone(&issuer.fetches));
        let (paths, gate) = (Arc::clone(&issuer.paths), Arc::clone(&issuer.gate));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behaviour, fetches) = (Arc::clone(&behaviour), Arc::clone(&fetches));
                let (paths, gate) = (Arc::clone(&paths), Arc::clone(&gate));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let Some(path) = read_path(&mut stream).await else { return };
                    paths.lock().unwrap().push(path);
                    fetches.send_modify(|fetches| *fetches += 1);
                    let _open = gate.read().await;
                    let behaviour = behaviour.lock().unwrap().clone();
                    answer(stream.get_mut(), behaviour).await;
                });
            }
        });
        issuer
    }

    /// Where it is, without a path.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn url(&self) -> Uri {
        format!("{}/keys", self.base).parse().unwrap()
    }

    /// Answers with these keys from now on.
    pub(crate) fn serve(&self, signers: &[&Signer]) {
        *self.keys.lock().unwrap() = signers.iter().map(|signer| signer.jwk()).collect();
        self.send_keys();
    }

    pub(crate) fn add_key(&self, key: Value) {
        self.keys.lock().unwrap().push(key);
        self.send_keys();
    }

    fn send_keys(&self) {
        let keys = self.keys.lock().unwrap().clone();
        self.behave(Behaviour::Sends(json!({ "keys": keys }).to_string()));
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn fetches(&self) -> usize {
        *self.fetches.borrow()
    }

    /// The paths that were asked for.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }

    /// Answers wait until this is dropped.
    pub(crate) fn pause(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).try_write_owned().unwrap()
    }

    /// Waits until it has been asked so often.
    pub(crate) async fn asked(&self, fetches: usize) {
        self.fetches.subscribe().wait_for(|asked| *asked >= fetches).await.unwrap();
    }
}

/// Reads a request up to its empty line.
async fn read_path(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut path = None;
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 0 {
        if line == "\r\n" {
            return path;
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
        line.clear();
    }
    None
}

/// A client that has had enough closes the connection, so a failed write is no failure.
async fn answer(stream: &mut TcpStream, behaviour: Behaviour) {
    let head = |status: &str, rest: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\n{rest}\r\n");
    let text = match behaviour {
        Behaviour::Sends(body) => format!("{}{body}", head("200 OK", &format!("content-length: {}\r\n", body.len()))),
        Behaviour::Status(204) => head("204 No Content", ""),
        Behaviour::Status(status) => head(&format!("{status} X"), "content-length: 0\r\n"),
        Behaviour::Redirects(to) => head("302 Found", &format!("location: {to}\r\ncontent-length: 0\r\n")),
        Behaviour::Closes => return,
        Behaviour::Hangs => return std::future::pending().await,
        Behaviour::Endless => {
            let _ = stream.write_all(head("200 OK", "").as_bytes()).await;
            while stream.write_all(&[b' '; 4096]).await.is_ok() {}
            return;
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
