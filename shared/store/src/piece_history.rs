use sporlog_auth::TenantScope;
use sporlog_model::{EntityId, EntityType, status_changes};

use crate::history::{Entity, again_if_gone, page_of, unknown_last};
use crate::neighbours::Neighbours;
use crate::{HistoryPage, HistoryQuery, Store, StoreError};

impl Store {
    /// The events that changed a piece's status, as [`status_changes`] tells them; `total` counts just these.
    ///
    /// An event that arrives late can change which of its neighbours count, so this is worked out at each read, from the
    /// small index rows of the piece.
    pub async fn piece_status_history(
        &self,
        scope: &TenantScope,
        piece_id: &EntityId,
        query: HistoryQuery,
    ) -> Result<HistoryPage, StoreError> {
        let entity = Entity::of(scope, EntityType::Piece, piece_id);
        again_if_gone(|| self.status_page(&entity, query)).await
    }

    async fn status_page(&self, entity: &Entity<'_>, query: HistoryQuery) -> Result<HistoryPage, StoreError> {
        let mut index = self.index(entity).await?;
        let known = Neighbours::of_index(&index);
        index.sort_by(|a, b| {
            let published = || unknown_last(a.published_at.as_ref(), b.published_at.as_ref());
            let happened = a.place.occurred_at.cmp(&b.place.occurred_at);
            happened.then_with(published).then_with(|| a.place.event_id.cmp(&b.place.event_id))
        });
        let kept = status_changes(index.iter().map(|row| &row.status));
        let changes: Vec<_> = kept.into_iter().filter_map(|position| index.get(position).cloned()).collect();
        let total = changes.len() as u64;
        let (events, complete) = self.load(entity, &page_of(changes, query), known, query.max_body_bytes).await?;
        Ok(HistoryPage { total, events, complete })
    }
}
