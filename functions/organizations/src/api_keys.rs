use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sporlog_auth::{Action, KeyScope};
use sporlog_http::{ApiError, Caller, JsonBody, Members, QueryParameters, RequestBody, Rows};
use sporlog_model::{ApiKeyId, ApiKeySecret, ErrorKind, Instant, Name};
use sporlog_store::{ApiKey, ApiKeyCreation, MAX_API_KEYS, NewApiKey, StoreError};

use crate::Organizations;
use crate::organization::name;
use crate::path::{PathIds, api_key_not_found};

/// What `POST` must say.
#[derive(Debug)]
pub(crate) struct ApiKeyBody {
    name: Name,
    scopes: BTreeSet<KeyScope>,
    expires_at: Option<Instant>,
}

impl RequestBody for ApiKeyBody {
    const MEMBERS: Option<&'static [&'static str]> = Some(&["name", "scopes", "expiresAt"]);

    fn read(members: &Members) -> Result<Self, ApiError> {
        let expires_at = members.optional::<String>("expiresAt", EXPIRY)?;
        Ok(Self {
            name: name(&members.required::<String>("name", "must be a text")?)?,
            scopes: scopes(&members.required::<Vec<String>>("scopes", "must be a list of texts")?)?,
            expires_at: expires_at.map(|text| instant(&text)).transpose()?,
        })
    }
}

fn instant(text: &str) -> Result<Instant, ApiError> {
    Instant::parse_rfc3339(text).map_err(|_| ApiError::invalid_member("expiresAt", EXPIRY))
}

const EXPIRY: &str = "must be an RFC 3339 date and time";

/// A key as it is answered; whole only once.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyView {
    id: ApiKeyId,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    prefix: String,
    name: String,
    scopes: Vec<&'static str>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

/// `POST /orgs/{orgId}/api-keys`: makes a key and shows it, this once.
pub(crate) async fn create_api_key(
    State(state): State<Organizations>,
    caller: Caller,
    ids: PathIds,
    body: Result<JsonBody<ApiKeyBody>, ApiError>,
) -> Result<Response, ApiError> {
    let scope = caller.scope(Action::CreateApiKey, &ids.org()?)?;
    // Only now: what is wrong with a body is nobody's business who may not send one.
    let JsonBody(ApiKeyBody { name, scopes, expires_at }) = body?;
    if expires_at.is_some_and(|expires_at| expires_at <= state.clock.now()) {
        return Err(ApiError::invalid_member("expiresAt", "must be in the future"));
    }
    let secret = ApiKeySecret::generate().map_err(|error| ApiError::fault(ErrorKind::Internal, error))?;
    let new = NewApiKey { name, scopes, expires_at };
    match state.store.create_api_key(&scope, &secret, &new, &caller.0.actor()).await.map_err(ApiError::of)? {
        ApiKeyCreation::Created(key) => {
            let view = ApiKeyView { key: Some(secret.reveal().to_owned()), ..view(*key) };
            Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], JsonBody(view)).into_response())
        }
        ApiKeyCreation::NoOrganization => Err(ApiError::org_not_found()),
        ApiKeyCreation::LimitReached => {
            let message = format!("The organization has {MAX_API_KEYS} API keys; revoke one first");
            Err(ApiError::new(ErrorKind::Conflict, "tooManyApiKeys", message))
        }
    }
}

/// `GET /orgs/{orgId}/api-keys`: the keys that are not revoked, newest first; `limit` of them, older than `before`.
pub(crate) async fn list_api_keys(
    State(state): State<Organizations>,
    caller: Caller,
    ids: PathIds,
    query: QueryParameters,
) -> Result<(Rows, JsonBody<Vec<ApiKeyView>>), ApiError> {
    let scope = caller.scope(Action::ListApiKeys, &ids.org()?)?;
    let limit = query.number("limit", 1..=MAX_API_KEYS);
    let limit = limit.map_err(|_| ApiError::invalid_member("limit", "must be a whole number from 1 to 100"))?;
    let before = query.get("before").map(ApiKeyId::parse).transpose();
    let before = before.map_err(|_| ApiError::invalid_member("before", "must be the id of a key"))?;
    let keys = state.store.api_keys(&scope, before, limit.unwrap_or(MAX_API_KEYS)).await.map_err(ApiError::of)?;
    if keys.is_empty() && state.store.organization(&scope).await.map_err(ApiError::of)?.is_none() {
        return Err(ApiError::org_not_found());
    }
    Ok((Rows(keys.len()), JsonBody(keys.into_iter().map(view).collect())))
}

/// `DELETE /orgs/{orgId}/api-keys/{keyId}`: the key stops working, within a minute everywhere.
pub(crate) async fn revoke_api_key(
    State(state): State<Organizations>,
    caller: Caller,
    ids: PathIds,
) -> Result<StatusCode, ApiError> {
    let scope = caller.scope(Action::RevokeApiKey, &ids.org()?)?;
    match state.store.revoke_api_key(&scope, ids.api_key()?, &caller.0.actor()).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(StoreError::NotFound) if state.store.organization(&scope).await.map_err(ApiError::of)?.is_none() => {
            Err(ApiError::org_not_found())
        }
        Err(StoreError::NotFound) => Err(api_key_not_found()),
        Err(error) => Err(ApiError::of(error)),
    }
}

fn scopes(names: &[String]) -> Result<BTreeSet<KeyScope>, ApiError> {
    let problem = || {
        let grantable = KeyScope::ALL.map(KeyScope::name).join(", ");
        ApiError::invalid_member("scopes", &format!("must be one or more of {grantable}"))
    };
    if names.is_empty() {
        return Err(problem());
    }
    names.iter().map(|name| KeyScope::from_name(name).ok_or_else(problem)).collect()
}

fn view(key: ApiKey) -> ApiKeyView {
    ApiKeyView {
        id: key.id,
        key: None,
        prefix: key.prefix,
        name: key.name.to_string(),
        scopes: key.scopes.into_iter().map(KeyScope::name).collect(),
        created_at: key.created_at.to_rfc3339_millis(),
        expires_at: key.expires_at.map(Instant::to_rfc3339_millis),
        last_used_at: key.last_used_at.map(Instant::to_rfc3339_millis),
    }
}
