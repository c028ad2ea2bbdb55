//! Events whose places are known, read by as few units as may be.
//!
//! A query pays for the bytes of its rows together, 4 KB a unit; `BatchGetItem` pays a unit at least for each row. Events arrive
//! about in the order in which they happened, so the events of a page mostly are neighbours also where it is sorted by something
//! else. Stretches of neighbours are therefore queried, and what is in none, or was not in the answer, is got by its key.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::event_item::IndexRow;
use crate::keys::{self, EventPlace, Key};
use crate::row::Row;
use crate::{Store, StoreError};

/// So many rows that nobody wants may stand between two of a stretch. Reading one along costs less than a query more, or a row by its
/// key, while rows are below 2 KB; where they are larger, a run costs at most twice what its rows alone would.
const MOST_BETWEEN: usize = 1;

/// Fewer rows than this are got by their keys: a request for each pair is not worth the unit.
const SHORTEST_STRETCH: usize = 3;

/// A query may read one row more for each so many of its stretch, since there may be rows that are not known of.
const UNKNOWN_ONE_IN: usize = 4;

/// A page can have this many queries under way at once.
const QUERIES_AT_ONCE: usize = 16;

/// The places of an entity's events, as far as they are known; in the order of their keys.
pub(crate) struct Neighbours(Vec<EventPlace>);

/// Places that one query reads.
#[derive(Debug, PartialEq, Eq)]
struct Stretch<'a> {
    between: RangeInclusive<&'a EventPlace>,
    /// How many rows it is known to have, wanted or not.
    rows: usize,
}

impl Neighbours {
    /// These, in any order.
    pub(crate) fn of(mut places: Vec<EventPlace>) -> Self {
        places.sort_unstable();
        Self(places)
    }

    /// Those of all events of an entity.
    pub(crate) fn of_index(index: &[IndexRow]) -> Self {
        Self::of(index.iter().map(|row| row.place.clone()).collect())
    }

    /// The stretches that `wanted` forms among them.
    fn stretches(&self, wanted: &[EventPlace]) -> Vec<Stretch<'_>> {
        let mut positions: Vec<usize> = wanted.iter().filter_map(|place| self.0.binary_search(place).ok()).collect();
        positions.sort_unstable();
        let neighbours = positions.chunk_by(|one, next| next - one <= 1 + MOST_BETWEEN);
        let stretches = neighbours.filter(|of_one| of_one.len() >= SHORTEST_STRETCH).filter_map(|of_one| {
            let (first, last) = (*of_one.first()?, *of_one.last()?);
            Some(Stretch { between: self.0.get(first)?..=self.0.get(last)?, rows: last - first + 1 })
        });
        stretches.collect()
    }
}

impl Store {
    /// The rows of the events at `places`, which are at most [`BATCH_GET_KEYS`](crate::query::BATCH_GET_KEYS), and maybe rows
    /// beside them; strongly consistent. What is not there is not in the answer.
    pub(crate) async fn event_rows(
        &self,
        partition: &str,
        places: &[EventPlace],
        known: &Neighbours,
    ) -> Result<HashMap<Key, Row>, StoreError> {
        let key_of = |place: &EventPlace| keys::event(partition, place);
        let queries = known.stretches(places).into_iter().map(|Stretch { between, rows }| {
            let request = self.between(partition, key_of(between.start()).sk, key_of(between.end()).sk);
            let most = rows + rows.div_ceil(UNKNOWN_ONE_IN);
            async move { self.slice(request, 0, most as u64).await }
        });
        let queries: Vec<_> = queries.collect();
        let queried: Vec<Vec<Row>> = stream::iter(queries).buffer_unordered(QUERIES_AT_ONCE).try_collect().await?;
        let mut found = HashMap::with_capacity(places.len());
        for row in queried.into_iter().flatten() {
            found.insert(row.key()?, row);
        }
        let missing: Vec<Key> = places.iter().map(key_of).filter(|key| !found.contains_key(key)).collect();
        found.extend(self.batch_get(missing.into_iter()).await?);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sporlog_model::{EventId, Instant};
    use uuid::Uuid;

    use super::*;

    /// A place that sorts as its number does.
    fn place(number: usize) -> EventPlace {
        let occurred_at = Instant::from_epoch_millis(i64::try_from(number).unwrap()).unwrap();
        EventPlace { occurred_at, event_id: EventId::from(Uuid::nil()) }
    }

    fn places(numbers: &[usize]) -> Vec<EventPlace> {
        numbers.iter().copied().map(place).collect()
    }

    fn number(place: &EventPlace) -> usize {
        usize::try_from(place.occurred_at.since(Instant::from_epoch_millis(0).unwrap()).as_millis()).unwrap()
    }

    /// The stretches as first, last and number of rows.
    fn stretches(known: &Neighbours, wanted: &[usize]) -> Vec<(usize, usize, usize)> {
        let told = |Stretch { between, rows }: Stretch<'_>| (number(between.start()), number(between.end()), rows);
        known.stretches(&places(wanted)).into_iter().map(told).collect()
    }

    #[test]
    fn neighbours_are_a_stretch_and_others_are_not() {
        let all = Neighbours::of((0..20).rev().map(place).collect());
        for (wanted, expected) in [
            (&[][..], &[][..]),
            (&[7], &[]),
            (&[7, 8], &[]),
            (&[9, 7, 8], &[(7, 9, 3)]),
            // One between is read along, two are not.
            (&[1, 3, 5], &[(1, 5, 5)]),
            (&[1, 4, 7, 10], &[]),
            (&[0, 1, 2, 5, 6, 7, 9, 15], &[(0, 2, 3), (5, 9, 5)]),
            // Not known of, so in none.
            (&[18, 19, 20, 21], &[]),
        ] {
            assert_eq!(stretches(&all, wanted), expected, "{wanted:?}");
        }
        // Nothing is known of what is between.
        let few = Neighbours::of(places(&[90, 5, 17]));
        assert_eq!(stretches(&few, &[17, 90, 5]), [(5, 90, 3)]);
    }

    proptest! {
        #[test]
        fn stretches_are_apart_and_at_least_half_of_each_is_wanted(bits in proptest::collection::vec(any::<bool>(), 0..60)) {
            let wanted: Vec<usize> = (0..bits.len()).filter(|number| bits[*number]).collect();
            let all = Neighbours::of((0..bits.len()).map(place).collect());
            let mut end = None;
            for (first, last, rows) in stretches(&all, &wanted) {
                prop_assert!(end < Some(first) && bits[first] && bits[last]);
                prop_assert_eq!(rows, last - first + 1);
                let of_it = wanted.iter().filter(|number| (first..=last).contains(number)).count();
                prop_assert!(of_it >= SHORTEST_STRETCH && of_it * 2 > rows);
                end = Some(last);
            }
        }
    }
}
