use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use serde::{Deserialize, Serialize};
use sporlog_auth::TenantScope;
use sporlog_model::{CaseAction, CaseChange, CaseId, EntityId, EntityType, Event, EventId, Instant};

use super::head::{CaseHead, last_of};
use super::item::{EntryNumbers, entry_row, event_of, parse_event_id};
use crate::append::{LATE, Recorded};
use crate::idempotency::{Answered, NamedRequest};
use crate::keys::{self, FeedPlace};
use crate::row::Row;
use crate::table::{Backoff, Change, text};
use crate::{Store, StoreError};

/// How many entries one append takes: with two rows each they fit into one transaction of 100 items.
pub const MAX_CASE_ENTRIES: usize = 40;

/// How many different actions the entries of one case may have: each has a number in the head, which every append rewrites.
pub const MAX_CASE_ACTIONS: usize = 256;

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseAppend {
    /// The entries are in the log; by this request, or by an earlier one of the same name.
    Appended(CaseReceipt),
    /// The name was given to another request before. Nothing was written.
    OtherRequest,
    /// The case would have more than [`MAX_CASE_ACTIONS`] different actions. Nothing was written.
    TooManyActions,
}

/// What an append gave its entries that the request does not say. With the request it makes the answer, so that this alone
/// is remembered for those who ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReceipt {
    /// The first entry's id; the others follow without gaps.
    pub first_id: u64,
    /// When the request came.
    pub at: Instant,
}

/// An append under way.
struct Batch<'a> {
    scope: &'a TenantScope,
    case: EntityId,
    partition: String,
    changes: &'a [CaseChange],
    /// One for each change. They stay the same from attempt to attempt, so that what an attempt wrote can be recognized.
    event_ids: Vec<EventId>,
    feed_id: EventId,
    request: Option<&'a NamedRequest>,
}

/// An attempt at it.
struct Attempt {
    head: Option<CaseHead>,
    receipt: CaseReceipt,
    /// The change of each row.
    events: Vec<(Event, EntryNumbers)>,
    first: u64,
    last: u64,
}

impl Store {
    /// Adds entries to the log of a case in this order: all of them or none, once.
    ///
    /// `at` is when the request came. `changes` are 1 to [`MAX_CASE_ENTRIES`]. Their numbers and ids rise in the order in which
    /// the log takes them: an append that met another one tries again behind it.
    pub async fn append_case_entries(
        &self,
        scope: &TenantScope,
        case: CaseId,
        changes: &[CaseChange],
        at: Instant,
        request: Option<&NamedRequest>,
    ) -> Result<CaseAppend, StoreError> {
        if !(1..=MAX_CASE_ENTRIES).contains(&changes.len()) {
            return Err(StoreError::Refused("an append has 1 to 40 entries".into()));
        }
        let case = EntityId::from(case);
        let batch = Batch {
            scope,
            partition: keys::entity_partition(scope.org(), EntityType::KycCase, &case),
            case,
            changes,
            event_ids: changes.iter().map(|_| EventId::random()).collect(),
            feed_id: EventId::random(),
            request,
        };
        let (mut backoff, mut first_id) = (Backoff::default(), None);
        loop {
            if let Some(settled) = self.answered_append(&batch).await? {
                return Ok(settled);
            }
            let head = self.case_head(&batch.partition).await?;
            let last_id = head.as_ref().map_or(0, |head| head.last_id);
            // Ids that another append has overtaken are left unused: within a case they rise.
            let reserved = match first_id.filter(|first_id| *first_id > last_id) {
                Some(first_id) => first_id,
                None => self.reserve_case_ids(scope, changes.len()).await?,
            };
            first_id = Some(reserved);
            let Some(attempt) = batch.attempt(head, CaseReceipt { first_id: reserved, at })? else {
                return Ok(CaseAppend::TooManyActions);
            };
            let recorded = self.record(scope.org(), |recorded_at| self.case_items(&batch, &attempt, recorded_at));
            match recorded.await? {
                Recorded::Done => return Ok(CaseAppend::Appended(attempt.receipt)),
                // The first item is the head: it has moved on, maybe by an attempt of ours whose answer was lost.
                Recorded::Refused { position: 0, .. } => {
                    if self.is_appended(&batch, &attempt).await? {
                        return Ok(CaseAppend::Appended(attempt.receipt));
                    }
                }
                Recorded::Refused { position, .. } if position == batch.answer_position() => {}
                Recorded::Refused { error, .. } => return Err(error),
            }
            backoff.pause(StoreError::Conflict).await?;
        }
    }

    /// What is known of a named request that was answered before.
    async fn answered_append(&self, batch: &Batch<'_>) -> Result<Option<CaseAppend>, StoreError> {
        let Some(request) = batch.request else { return Ok(None) };
        Ok(match self.answered(batch.scope, request).await? {
            Answered::No => None,
            Answered::OtherRequest => Some(CaseAppend::OtherRequest),
            Answered::Yes(receipt) => {
                let key = keys::idempotency(batch.scope.org(), request.operation, &request.key);
                let damaged = |_| StoreError::Corrupt {
                    key: format!("{} {}", key.pk, request.operation.name()),
                    problem: "answer",
                };
                Some(CaseAppend::Appended(serde_json::from_str(&receipt).map_err(damaged)?))
            }
        })
    }

    /// Takes `count` ids that nobody else gets; answers the first. What is not used of them is a gap.
    async fn reserve_case_ids(&self, scope: &TenantScope, count: usize) -> Result<u64, StoreError> {
        let key = keys::case_counter(scope.org());
        let damaged = || StoreError::Corrupt { key: key.pk.clone(), problem: "last" };
        let request = self.client.update_item().table_name(&self.table);
        let request = request.key("pk", text(&key.pk)).key("sk", text(&key.sk)).update_expression("ADD #last :count");
        // `last` is a reserved word.
        let request = request.expression_attribute_names("#last", "last");
        let request = request.expression_attribute_values(":count", AttributeValue::N(count.to_string()));
        let updated = request.return_values(ReturnValue::UpdatedNew).send().await?;
        let last = Row(updated.attributes.unwrap_or_default()).count("last")?;
        last.checked_sub(count as u64).map(|before| before + 1).ok_or_else(damaged)
    }

    /// Whether an attempt whose head has moved on was carried out itself.
    async fn is_appended(&self, batch: &Batch<'_>, attempt: &Attempt) -> Result<bool, StoreError> {
        match self.get(keys::case_entry(&batch.partition, attempt.first)).await? {
            Some(row) => Ok(batch.event_ids.first() == Some(&parse_event_id(&row)?)),
            // Retention was faster than this: nobody can tell whose it was, so it must not be written again.
            None => match self.case_head(&batch.partition).await? {
                Some(head) if head.all.removed >= attempt.first => Err(StoreError::Conflict),
                _ => Ok(false),
            },
        }
    }

    /// The transaction. The head must stay first and the remembered answer where [`Batch::answer_position`] says.
    fn case_items(&self, batch: &Batch<'_>, attempt: &Attempt, recorded_at: Instant) -> Vec<TransactWriteItem> {
        let org = batch.scope.org();
        let mut items = vec![self.update(keys::head(&batch.partition), attempt.head_change())];
        for ((event, numbers), change) in attempt.events.iter().zip(batch.changes) {
            let in_case = keys::case_entry(&batch.partition, numbers.in_case);
            let of_action = keys::case_action_entry(&batch.partition, &change.action, numbers.of_action);
            items.extend([in_case, of_action].map(|key| self.create(entry_row(key, event, *numbers, recorded_at))));
        }
        let place = FeedPlace { recorded_at, entity_type: EntityType::KycCase, event_id: batch.feed_id };
        let feed_row = Row::at(keys::feed(org, &batch.case, &place))
            .with_text("entity_id", batch.case.as_str())
            .with_number("first", attempt.first)
            .with_number("last", attempt.last);
        items.push(self.create(feed_row));
        if let Some(request) = batch.request {
            let receipt = serde_json::to_string(&attempt.receipt).unwrap_or_default();
            items.push(self.remember_answer(batch.scope, request, &receipt));
        }
        let oldest = batch.changes.iter().map(|change| change.occurred_at).min();
        if let Some(oldest) = oldest.filter(|oldest| recorded_at.since(*oldest) > LATE) {
            let marker = Row::at(keys::late_case_entries(org, &batch.case, oldest, batch.feed_id))
                .with_text("entity_id", batch.case.as_str())
                .with_number("last", attempt.last)
                .with_text("recorded_at", recorded_at.to_string());
            items.push(self.create(marker));
        }
        items
    }
}

impl Batch<'_> {
    /// Numbers the changes behind those that the head knows. `None` when there are too many different actions.
    fn attempt(&self, head: Option<CaseHead>, receipt: CaseReceipt) -> Result<Option<Attempt>, StoreError> {
        let known = head.clone().unwrap_or_default();
        let actions: BTreeSet<&CaseAction> =
            known.by_action.keys().chain(self.changes.iter().map(|change| &change.action)).collect();
        if actions.len() > MAX_CASE_ACTIONS {
            return Ok(None);
        }
        let mut last_of_action: BTreeMap<&CaseAction, u64> = BTreeMap::new();
        let (mut events, mut last, mut id) = (Vec::with_capacity(self.changes.len()), known.all.last, receipt.first_id);
        for (change, event_id) in self.changes.iter().zip(&self.event_ids) {
            let of_action =
                last_of_action.entry(&change.action).or_insert_with(|| known.numbers(Some(&change.action)).last);
            *of_action += 1;
            last += 1;
            let numbers = EntryNumbers { in_case: last, of_action: *of_action };
            events.push((event_of(&self.case, *event_id, id, change)?, numbers));
            id += 1;
        }
        Ok(Some(Attempt { first: known.all.last + 1, last, head, receipt, events }))
    }

    /// Where the remembered answer is: behind the head, two rows for each change, and the feed's entry.
    fn answer_position(&self) -> usize {
        2 + 2 * self.changes.len()
    }
}

impl Attempt {
    /// The head behind the new entries, if it is still the one that was read.
    fn head_change(&self) -> Change {
        let last_id = self.receipt.first_id + self.events.len() as u64 - 1;
        let of_actions: BTreeMap<&str, u64> =
            self.events.iter().map(|(event, numbers)| (event.action.as_str(), numbers.of_action)).collect();
        let set_actions = (0..of_actions.len()).map(|position| format!(", #action{position} = :action{position}"));
        let mut change =
            Change::new(format!("SET #last = :last, last_id = :last_id{}", set_actions.collect::<String>()))
                // `last` is a reserved word.
                .name("#last", "last")
                .number(":last", self.last)
                .number(":last_id", last_id);
        for (position, (action, number)) in of_actions.into_iter().enumerate() {
            change = change.name(&format!("#action{position}"), last_of(action));
            change = change.number(&format!(":action{position}"), number);
        }
        match &self.head {
            None => change.only_if("attribute_not_exists(pk)"),
            Some(head) => change
                .number(":seen", head.all.last)
                .number(":first_id", self.receipt.first_id)
                .only_if("#last = :seen AND last_id < :first_id"),
        }
    }
}
