use axum::extract::State;
use axum::response::Response;
use sporlog_auth::Action;
use sporlog_http::ApiError;
use sporlog_model::EntityType;
use sporlog_store::Store;

use crate::answer::answer;
use crate::params::ReadRequest;

/// `GET /audit-data/acquisition/{type}/{id}`: the events of one entity.
pub(crate) async fn read_events(
    entity_type: EntityType,
    State(store): State<Store>,
    request: ReadRequest,
) -> Result<Response, ApiError> {
    let scope = request.caller.scope(Action::ReadAcquisitionEvents(entity_type), &request.caller.0.org)?;
    let page = store.history(&scope, entity_type, &request.entity_id, request.query).await.map_err(ApiError::of)?;
    answer(entity_type, &page, &request)
}

/// `GET /audit-data/acquisition/piece/{id}/status-change-history`: the events that changed the piece's receiving status or
/// claiming interval.
pub(crate) async fn read_piece_status_history(
    State(store): State<Store>,
    request: ReadRequest,
) -> Result<Response, ApiError> {
    let scope = request.caller.scope(Action::ReadPieceStatusHistory, &request.caller.0.org)?;
    let page = store.piece_status_history(&scope, &request.entity_id, request.query).await.map_err(ApiError::of)?;
    answer(EntityType::Piece, &page, &request)
}
