use aws_sdk_dynamodb::types::TransactWriteItem;
use sporlog_auth::TenantScope;
use sporlog_model::Instant;

use crate::{Store, StoreError, keys};

/// From where on nothing may be deleted, because an export still needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Floor {
    /// There is no export, or its organization has switched it off, with nothing half done.
    None,
    /// What was recorded from here on is not delivered. Only ever moves forward, so it need not be checked again.
    At(Instant),
}

impl Floor {
    /// Whether what was recorded then may go.
    pub(super) fn allows(self, recorded_at: Instant) -> bool {
        match self {
            Self::None => true,
            Self::At(floor) => recorded_at < floor,
        }
    }

    /// The earlier of `instant` and the floor.
    pub(super) fn cap(self, instant: Instant) -> Instant {
        match self {
            Self::None => instant,
            Self::At(floor) => instant.min(floor),
        }
    }
}

impl Store {
    pub(super) async fn floor(&self, scope: &TenantScope) -> Result<Floor, StoreError> {
        // One that Sporlog switched off, since its destination refused it, is to go on when that is mended.
        let config = self.export_config(scope).await?;
        let enabled = config.is_some_and(|config| config.enabled || config.switched_off.is_some());
        let state = self.export_state(scope).await?;
        let planned = state.as_ref().is_some_and(|state| state.plan.is_some());
        if enabled || planned {
            Ok(Floor::At(state.and_then(|state| state.delivered_to()).unwrap_or(Instant::MIN)))
        } else {
            Ok(Floor::None)
        }
    }

    /// Parts of a transaction: nothing is deleted unless the floor is still what was read. Without a floor that takes a look at
    /// the export: it could have been switched on, and a segment planned that a crash makes somebody read again.
    pub(super) fn floor_holds(&self, scope: &TenantScope, floor: Floor) -> Vec<TransactWriteItem> {
        match floor {
            Floor::At(_) => Vec::new(),
            Floor::None => {
                let unplanned = "attribute_not_exists(plan_uri)";
                vec![self.export_is_given_up(scope), self.check(keys::export_state(scope.org()), unplanned, Vec::new())]
            }
        }
    }
}
