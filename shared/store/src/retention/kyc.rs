use super::sweep::{Progress, Sweep};
use crate::StoreError;
use crate::row::Row;

impl Sweep<'_> {
    pub(super) async fn sweep_kyc_feed(&mut self, rows: &[Row]) -> Result<Option<bool>, StoreError> {
        Ok(Some(!rows.is_empty()))
    }

    pub(super) async fn sweep_kyc_late(&mut self, _: &[Row]) -> Result<Progress, StoreError> {
        Ok(Progress::Done)
    }
}
