use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sporlog_auth::Action;
use sporlog_http::{ApiError, Caller, JsonBody, Members, RequestBody};
use sporlog_model::{Name, OrgId};
use sporlog_store::{Organization, PutOrganization};

use crate::Organizations;
use crate::path::PathIds;

/// What `PUT` may say: the name by which people know the organization.
#[derive(Debug)]
pub(crate) struct OrganizationBody {
    name: Option<Name>,
}

impl RequestBody for OrganizationBody {
    const MEMBERS: Option<&'static [&'static str]> = Some(&["name"]);

    fn read(members: &Members) -> Result<Self, ApiError> {
        Ok(Self { name: members.optional::<String>("name", "must be a text")?.map(|text| name(&text)).transpose()? })
    }
}

/// An organization as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationView {
    id: OrgId,
    name: Option<String>,
    created_at: String,
}

/// `PUT /orgs/{orgId}`: registers the organization, or renames it. 201 when it is new, 200 when it was known.
pub(crate) async fn put_organization(
    State(state): State<Organizations>,
    caller: Caller,
    ids: PathIds,
    body: Result<Option<JsonBody<OrganizationBody>>, ApiError>,
) -> Result<(StatusCode, JsonBody<OrganizationView>), ApiError> {
    let scope = caller.scope(Action::PutOrganization, &ids.new_org()?)?;
    let name = body?.and_then(|JsonBody(body)| body.name);
    let put = state.store.put_organization(&scope, name.as_ref(), &caller.0.actor()).await.map_err(ApiError::of)?;
    Ok(match put {
        PutOrganization::Created(organization) => (StatusCode::CREATED, JsonBody(view(organization))),
        PutOrganization::Known(organization) => (StatusCode::OK, JsonBody(view(organization))),
    })
}

/// `GET /orgs/{orgId}`: the caller's own organization.
pub(crate) async fn read_organization(
    State(state): State<Organizations>,
    caller: Caller,
    ids: PathIds,
) -> Result<JsonBody<OrganizationView>, ApiError> {
    let scope = caller.scope(Action::ReadOrganization, &ids.org()?)?;
    let organization = state.store.organization(&scope).await.map_err(ApiError::of)?;
    organization.map(|organization| JsonBody(view(organization))).ok_or_else(ApiError::org_not_found)
}

/// Reads a `name` member.
pub(crate) fn name(text: &str) -> Result<Name, ApiError> {
    Name::parse(text).map_err(|error| ApiError::invalid_member("name", &error.to_string()))
}

fn view(organization: Organization) -> OrganizationView {
    OrganizationView {
        id: organization.id,
        name: organization.name.map(|name| name.to_string()),
        created_at: organization.created_at.to_rfc3339_millis(),
    }
}
