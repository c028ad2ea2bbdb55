use std::time::Duration;

use sha2::{Digest, Sha256};
use sporlog_model::{Instant, OrgId, RetentionGroup};

use crate::keys;
use crate::row::Row;
use crate::{Store, StoreError};

/// When the nightly sweep is, after midnight UTC.
const NIGHT: Duration = Duration::from_hours(2);

/// A sweep that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRetention {
    pub org: OrgId,
    pub group: RetentionGroup,
}

impl Store {
    /// The sweeps in one shard of the due index (see [`Store::due_shards`]) whose time has come. Eventually consistent: one may
    /// show late or once too often; both are harmless, since a lease keeps sweeps apart.
    pub async fn due_retentions(&self, shard: u8, now: Instant) -> Result<Vec<DueRetention>, StoreError> {
        let rows = self.due(keys::retention_due_partition(shard), now).await?;
        rows.iter().map(parse).collect()
    }
}

fn parse(row: &Row) -> Result<DueRetention, StoreError> {
    let (org, group) = row.parse("gsi1sk", keys::parse_retention_due)?;
    Ok(DueRetention { org, group })
}

/// The coming night's sweep: 02:00 UTC and, so that not all begin at once, up to an hour later.
pub(crate) fn next_night(org: &OrgId, now: Instant) -> Instant {
    let bytes = Sha256::digest(org.as_str());
    let spread = Duration::from_secs(u64::from(u16::from_be_bytes([bytes[0], bytes[1]])) % 3_600);
    let tonight = now.day().start().plus(NIGHT + spread);
    if tonight > now { tonight } else { tonight.plus(Duration::from_hours(24)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_due_the_next_time_it_is_night() {
        let org = OrgId::parse("diku").unwrap();
        let next = |now: &str| next_night(&org, Instant::parse(now).unwrap()).to_string();
        let early = next("2026-11-21T00:00:00Z");
        assert!(("2026-11-21T02:00:00.000000Z".."2026-11-21T03:00:00.000000Z").contains(&early.as_str()), "{early}");
        assert_eq!(next(&early)[..10], *"2026-11-22", "the instant itself is no next one");
        assert_eq!(next(&early)[10..], early[10..]);
    }
}
