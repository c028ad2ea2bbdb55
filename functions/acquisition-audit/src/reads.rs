use axum::extract::State;
use axum::response::Response;
use sporlog_auth::{Action, TenantScope};
use sporlog_http::ApiError;
use sporlog_model::EntityType;
use sporlog_model::settings::SnapshotFormat;
use sporlog_store::{HistoryPage, Store, StoreError};
use tokio::try_join;

use crate::answer::answer;
use crate::params::ReadRequest;

/// `GET /audit-data/acquisition/{type}/{id}`: the events of one entity.
pub(crate) async fn read_events(
    entity_type: EntityType,
    State(store): State<Store>,
    request: ReadRequest,
) -> Result<Response, ApiError> {
    let scope = request.caller.scope(Action::ReadAcquisitionEvents(entity_type))?;
    let page = Box::pin(store.history(&scope, entity_type, &request.entity_id, request.query));
    let (page, snapshot) = with_format(page, &store, &scope, &request).await?;
    answer(entity_type, &page, snapshot, &request)
}

/// `GET /audit-data/acquisition/piece/{id}/status-change-history`: the events that changed the piece's receiving status or
/// claiming interval.
pub(crate) async fn read_piece_status_history(
    State(store): State<Store>,
    request: ReadRequest,
) -> Result<Response, ApiError> {
    let scope = request.caller.scope(Action::ReadPieceStatusHistory)?;
    let page = Box::pin(store.piece_status_history(&scope, &request.entity_id, request.query));
    let (page, snapshot) = with_format(page, &store, &scope, &request).await?;
    answer(EntityType::Piece, &page, snapshot, &request)
}

/// The page, and the form of its snapshots: the one asked for or else the organization's, which is read beside the page, so
/// that it takes no time of its own.
async fn with_format(
    page: impl Future<Output = Result<HistoryPage, StoreError>>,
    store: &Store,
    scope: &TenantScope,
    request: &ReadRequest,
) -> Result<(HistoryPage, SnapshotFormat), ApiError> {
    let format = async {
        match request.snapshot {
            Some(format) => Ok(format),
            None => store.snapshot_format(scope).await,
        }
    };
    try_join!(page, format).map_err(ApiError::of)
}
