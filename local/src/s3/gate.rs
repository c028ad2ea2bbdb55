//! The credential of a request, before its signature: whose key, which session, which region and service.
//!
//! `s3s` verifies signatures, but neither session tokens nor the region, and it reports what it finds in another order
//! than AWS. What is learned here is attached to the request; `access.rs` believes it only when `s3s` then verifies the
//! signature of that same access key.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::request::Parts;

use super::identity::{AssumedRole, Function, Identity};
use super::refusal::Refusal;
use super::{Clock, ROOT_ACCESS_KEY, Storage, StorageError, roles, sessions};
use crate::iam::credential::{self, query_value};
use crate::iam::{Iam, Policy};

/// Which of the two services on the port a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    S3,
    Sts,
}

impl Protocol {
    /// STS is `POST /` with a form; S3 has no such operation.
    pub(super) fn of(method: &http::Method, uri: &http::Uri, headers: &http::HeaderMap) -> Self {
        let is_form = headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        if method == http::Method::POST && uri.path() == "/" && is_form { Self::Sts } else { Self::S3 }
    }

    fn service(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Sts => "sts",
        }
    }
}

/// What the request says about its credential.
#[derive(PartialEq, Eq)]
struct Claim {
    access_key: String,
    region: String,
    service: String,
    token: Option<String>,
}

pub(super) struct Gate {
    pub(super) storage: Storage,
    pub(super) clock: Clock,
    pub(super) region: String,
    pub(super) iam: Iam,
}

impl Gate {
    /// The identity that the request claims; `None` when it claims none, which later is refused as anonymous, or when
    /// the claim cannot be read, which `s3s` answers.
    pub(super) async fn admit(&self, protocol: Protocol, request: &Parts) -> Result<Option<Identity>, Refusal> {
        let Some(claim) = Claim::of(request)? else {
            return Ok(None);
        };
        if claim.service != protocol.service() {
            return Err(Refusal::WrongService { given: claim.service, expected: protocol.service() });
        }
        if claim.region != self.region {
            return Err(Refusal::WrongRegion { given: claim.region, expected: self.region.clone() });
        }
        self.identify(claim).await.map(Some)
    }

    async fn identify(&self, claim: Claim) -> Result<Identity, Refusal> {
        if claim.access_key == ROOT_ACCESS_KEY {
            return if claim.token.is_none() { Ok(Identity::Root) } else { Err(Refusal::ForeignToken) };
        }
        if let Some(role) = self.iam.role(&claim.access_key) {
            return match claim.token.as_deref() {
                Some(token) if token == role.session_token() => {
                    Ok(Identity::Function(Box::new(Function { role: role.clone(), iam: self.iam.clone() })))
                }
                Some(_) => Err(Refusal::ForeignToken),
                None => Err(Refusal::UnknownAccessKey),
            };
        }
        let access_key = claim.access_key;
        let found = self.storage.read(move |connection| {
            let Some(session) = sessions::find(connection, &access_key)? else {
                return Ok(None);
            };
            let role = roles::find(connection, &session.role)?;
            Ok(Some((session, role)))
        });
        // A role can be redefined but not removed, so a session without one is of a file that something else wrote.
        let Some((session, Some(role))) = found.await? else {
            return Err(Refusal::UnknownAccessKey);
        };
        match claim.token.as_deref() {
            Some(token) if token == session.token => {}
            Some(_) => return Err(Refusal::ForeignToken),
            // S3 knows temporary keys only together with their token.
            None => return Err(Refusal::UnknownAccessKey),
        }
        if session.has_expired((self.clock)()) {
            return Err(Refusal::Expired);
        }
        let policy = match session.policy.as_deref().map(Policy::parse) {
            Some(None) => return Err(StorageError::Corrupt("a session policy".into()).into()),
            Some(Some(policy)) => Some(policy),
            None => None,
        };
        let (access_key, session_name) = (session.access_key, session.name);
        Ok(Identity::Session(Box::new(AssumedRole { access_key, session_name, role, policy })))
    }
}

impl Claim {
    /// Looks where `s3s` looks, in its order: signature version 2, the query of a presigned URL, the header.
    fn of(request: &Parts) -> Result<Option<Self>, Refusal> {
        let authorization = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let query = |name| query_value(request.uri.query().unwrap_or_default(), name);
        if authorization.is_some_and(|value| value.starts_with("AWS ")) || query("Signature").is_some() {
            return Err(Refusal::OldSignature);
        }
        if query("X-Amz-Signature").is_some() {
            let token = query("X-Amz-Security-Token").map(Cow::into_owned);
            return Ok(credential::scope(request).and_then(|scope| Self::parse(&scope, token)));
        }
        let token = request.headers.get("x-amz-security-token");
        let token = token.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(credential::scope(request).and_then(|scope| Self::parse(&scope, token)))
    }

    /// `KEY/DATE/REGION/SERVICE/aws4_request`.
    fn parse(scope: &str, token: Option<String>) -> Option<Self> {
        let mut parts = scope.rsplitn(5, '/');
        let _terminator = parts.next()?;
        let service = parts.next()?.to_owned();
        let region = parts.next()?.to_owned();
        let _date = parts.next()?;
        Some(Self { access_key: parts.next()?.to_owned(), region, service, token })
    }
}
