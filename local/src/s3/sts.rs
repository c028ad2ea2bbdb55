//! STS: `AssumeRole` and `GetCallerIdentity`, as a route of `s3s` on the same port.

use http::{Extensions, HeaderMap, Method, Uri};
use jiff::{SignedDuration, Timestamp};
use s3s::route::S3Route;
use s3s::{Body, HttpResponse, S3Request, S3Response, S3Result};
use serde::Serialize;

use super::access::signed_identity;
use super::gate::Protocol;
use super::identity::{self, Identity};
use super::roles::{self, Deny, RoleDefinition};
use super::sessions::{self, Session};
use super::sts_form::{AssumeRole, Envelope};
use super::sts_xml::{self, Fault};
use super::{ACCOUNT_ID, Clock, Storage, StorageError};

const VERSION: &str = "2011-06-15";

/// Far above the longest `AssumeRole` that can be valid.
const MAX_FORM_BYTES: usize = 64 * 1024;

pub(super) struct Sts {
    pub(super) storage: Storage,
    pub(super) clock: Clock,
}

/// The id of the request, given by the server and named in every answer of STS.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult {
    assumed_role_user: AssumedRoleUser,
    credentials: Credentials,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// No `Debug`: it is the answer with the secret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentityResult {
    arn: String,
    user_id: String,
    account: &'static str,
}

#[async_trait::async_trait]
impl S3Route for Sts {
    fn is_match(&self, method: &Method, uri: &Uri, headers: &HeaderMap, _extensions: &mut Extensions) -> bool {
        Protocol::of(method, uri, headers) == Protocol::Sts
    }

    async fn check_access(&self, req: &mut S3Request<Body>) -> S3Result<()> {
        caller(req).map(drop)
    }

    async fn call(&self, mut req: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let caller = caller(&req)?;
        let request_id = req.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let body = req.input.store_all_limited(MAX_FORM_BYTES).await;
        let outcome = match body {
            Ok(body) => self.answer(&caller, &body, &request_id).await,
            Err(_) => Err(Fault::validation("The form could not be read".to_owned())),
        };
        let (parts, body) = outcome.unwrap_or_else(|fault| fault.into_response(&request_id)).into_parts();
        let mut response = S3Response::with_status(body, parts.status);
        response.headers = parts.headers;
        response.extensions = parts.extensions;
        Ok(response)
    }
}

impl Sts {
    async fn answer(&self, caller: &Identity, body: &[u8], request_id: &str) -> Result<HttpResponse, Fault> {
        let unreadable = |_| Fault::validation("The form could not be read".to_owned());
        let envelope: Envelope = serde_urlencoded::from_bytes(body).map_err(unreadable)?;
        match (envelope.action.as_str(), envelope.version.as_str()) {
            ("AssumeRole", VERSION) => {
                let result = self.assume_role(caller, AssumeRole::parse(body)?).await?;
                sts_xml::answer("AssumeRole", &result, request_id)
            }
            ("GetCallerIdentity", VERSION) => {
                let (arn, user_id) = (caller.arn(), caller.user_id());
                let result = CallerIdentityResult { arn, user_id, account: ACCOUNT_ID };
                sts_xml::answer("GetCallerIdentity", &result, request_id)
            }
            (action, version) => Err(Fault::unknown_action(action, version)),
        }
    }

    async fn assume_role(&self, caller: &Identity, request: AssumeRole) -> Result<AssumeRoleResult, Fault> {
        let refused = || {
            let (user, role) = (caller.arn(), &request.role_arn);
            Fault::access_denied(format!(
                "User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}"
            ))
        };
        match caller {
            Identity::Root => {}
            Identity::Function(_) => {
                caller.allow("sts:AssumeRole", &request.role_arn).map_err(Fault::access_denied)?;
            }
            // A role's own rights end at its bucket, so a session cannot assume another role.
            Identity::Session(_) => return Err(refused()),
        }
        let role = self.role(&request.role_arn).await?.filter(|role| trusts(role, request.external_id.as_deref()));
        let Some(role) = role else { return Err(refused()) };

        let now = (self.clock)();
        let expires_at = now + SignedDuration::from_secs(request.duration_seconds);
        let session = Session::new(role.name, request.session_name, request.policy, expires_at)?;
        let issued = session.clone();
        self.storage.write(move |transaction| sessions::issue(transaction, &issued, now)).await?;
        Ok(result(session))
    }

    /// A role of another account is as unknown as one that was never defined.
    async fn role(&self, arn: &str) -> Result<Option<RoleDefinition>, Fault> {
        let Some(name) = arn.strip_prefix(&format!("arn:aws:iam::{ACCOUNT_ID}:role/")) else {
            return Ok(None);
        };
        let name = name.to_owned();
        Ok(self.storage.read(move |connection| roles::find(connection, &name)).await?)
    }
}

impl From<StorageError> for Fault {
    fn from(_: StorageError) -> Self {
        Self::internal()
    }
}

/// The trust policy: anybody of the account who sends the external id, if the role has one.
fn trusts(role: &RoleDefinition, external_id: Option<&str>) -> bool {
    let is_denied = role.deny == Some(Deny::Assume);
    !is_denied && role.external_id.as_deref().is_none_or(|expected| external_id == Some(expected))
}

fn result(session: Session) -> AssumeRoleResult {
    let assumed_role_user = AssumedRoleUser {
        assumed_role_id: format!("{}:{}", identity::role_id(&session.role), session.name),
        arn: format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{}/{}", session.role, session.name),
    };
    let credentials = Credentials {
        access_key_id: session.access_key,
        secret_access_key: session.secret_key,
        session_token: session.token,
        expiration: whole_seconds(session.expires_at).to_string(),
    };
    AssumeRoleResult { assumed_role_user, credentials }
}

/// STS names seconds only; rounding down makes clients renew early, not late.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn caller(req: &S3Request<Body>) -> S3Result<Identity> {
    let signed_by = req.credentials.as_ref().map(|credentials| credentials.access_key.as_str());
    signed_identity(signed_by, req.extensions.get::<Identity>())
}
