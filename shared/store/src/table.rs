use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use sporlog_model::{Clock, Day, Instant, OrgId};
use tokio::time;

use crate::StoreError;
use crate::keys::Key;
use crate::row::Row;
use crate::settings_in_effect::SettingsRead;
use crate::table_id::TableId;

/// Over how long a contended request is tried again before it is reported as throttled.
const RETRY_FOR: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The table. Cheap to clone; clones share connections and what they remember.
#[derive(Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) clock: Clock,
    /// The days of which this process knows that the feed lists them.
    pub(crate) listed_days: Arc<Mutex<HashSet<(OrgId, Day)>>>,
    /// What this process has read of settings a moment ago.
    pub(crate) settings_read: Arc<SettingsRead>,
    /// The table's id, and when it was asked for.
    pub(crate) table_id: Arc<Mutex<Option<(TableId, Instant)>>>,
}

impl Store {
    /// `client` must give up on a call within 20 s, all its retries included: the export relies on it (see
    /// [`Store::append`]).
    pub fn new(client: Client, table: impl Into<String>, clock: Clock) -> Self {
        Self {
            client,
            table: table.into(),
            clock,
            listed_days: Arc::default(),
            settings_read: Arc::default(),
            table_id: Arc::default(),
        }
    }

    /// A strongly consistent read of one item.
    pub(crate) async fn get(&self, key: Key) -> Result<Option<Row>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let output = request.key("pk", text(key.pk)).key("sk", text(key.sk)).send().await?;
        Ok(output.item.map(Row))
    }

    /// Part of a transaction: puts `row` where nothing is yet.
    pub(crate) fn create(&self, row: Row) -> TransactWriteItem {
        self.put(row, Some("attribute_not_exists(pk)".to_owned()))
    }

    /// Part of a transaction: puts `row` over what may be there.
    pub(crate) fn replace(&self, row: Row) -> TransactWriteItem {
        self.put(row, None)
    }

    /// Part of a transaction: puts `row` where nothing is, or something whose `ttl` has passed.
    pub(crate) fn put_if_expired(&self, row: Row, now_seconds: u64) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row.0))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            // `ttl` is a reserved word.
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", AttributeValue::N(now_seconds.to_string()));
        transact_put(put)
    }

    /// Part of a transaction: puts `row`, which has a `version` of its own, over the one of this `version`.
    pub(crate) fn replace_version(&self, row: Row, version: u64) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row.0))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()));
        transact_put(put)
    }

    /// Part of a transaction: removes the item at `key` if it is still of this `version`.
    pub(crate) fn remove_version(&self, key: Key, version: u64) -> TransactWriteItem {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()));
        transact_delete(delete)
    }

    fn put(&self, row: Row, condition: Option<String>) -> TransactWriteItem {
        transact_put(Put::builder().table_name(&self.table).set_item(Some(row.0)).set_condition_expression(condition))
    }

    /// Part of a transaction: changes the item at `key`.
    pub(crate) fn update(&self, key: Key, change: Change) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression(change.expression)
            .set_condition_expression(change.condition)
            .set_expression_attribute_names(if_any(change.names))
            .set_expression_attribute_values(if_any(change.values));
        #[expect(clippy::expect_used, reason = "table, key and expression, all that is required, are set above")]
        let update = update.build().expect("a complete update");
        TransactWriteItem::builder().update(update).build()
    }

    /// Part of a transaction: removes the item at `key`, which must be there.
    pub(crate) fn remove(&self, key: Key) -> TransactWriteItem {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .condition_expression("attribute_exists(pk)");
        transact_delete(delete)
    }

    /// Part of a transaction: removes the item at `key`, if it is there.
    pub(crate) fn discard(&self, key: Key) -> TransactWriteItem {
        let delete = Delete::builder().table_name(&self.table).key("pk", text(key.pk)).key("sk", text(key.sk));
        transact_delete(delete)
    }

    /// Part of a transaction: changes nothing, but lets the others happen only if `condition` holds for the item at `key`.
    pub(crate) fn check(&self, key: Key, condition: &str, values: Vec<(&str, AttributeValue)>) -> TransactWriteItem {
        let mut check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .condition_expression(condition);
        for (placeholder, value) in values {
            check = check.expression_attribute_values(placeholder, value);
        }
        #[expect(clippy::expect_used, reason = "table, key and condition, all that is required, are set above")]
        TransactWriteItem::builder().condition_check(check.build().expect("a complete check")).build()
    }

    /// Changes the item at `key` by itself, at half of what a transaction takes; [`StoreError::Conflict`] when the condition
    /// does not hold. Sent again when it met a transaction.
    ///
    /// A transaction has a token, by which DynamoDB knows a request that the client repeats because the answer was lost. This
    /// has none: it is for changes that do no harm a second time, also late, and whose own repeat is no conflict to the caller.
    pub(crate) async fn write(&self, key: Key, change: Change) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression(change.expression)
            .set_condition_expression(change.condition)
            .set_expression_attribute_names(if_any(change.names))
            .set_expression_attribute_values(if_any(change.values));
        let mut backoff = Backoff::default();
        loop {
            match request.clone().send().await {
                Ok(_) => return Ok(()),
                Err(error)
                    if error.as_service_error().is_some_and(UpdateItemError::is_transaction_conflict_exception) =>
                {
                    backoff.pause(error.into()).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends a transaction whose conditions say that nobody else was faster: one that does not hold is
    /// [`StoreError::Conflict`]. Sent again when it met another transaction, which says nothing about the conditions.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let sent = self.client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = sent else { return Ok(()) };
            match Cancellation::of(&error) {
                Some(Cancellation { contention: true, .. }) => {
                    backoff.pause(StoreError::Throttled(Box::new(error))).await?;
                }
                Some(Cancellation { contention: false, .. }) => return Err(StoreError::Conflict),
                None => return Err(error.into()),
            }
        }
    }
}

fn transact_delete(delete: DeleteBuilder) -> TransactWriteItem {
    #[expect(clippy::expect_used, reason = "table and key, all that is required, are set by every caller")]
    let delete = delete.build().expect("a complete delete");
    TransactWriteItem::builder().delete(delete).build()
}

fn transact_put(put: PutBuilder) -> TransactWriteItem {
    #[expect(clippy::expect_used, reason = "table and item, all that is required, are set by every caller")]
    let put = put.build().expect("a complete put");
    TransactWriteItem::builder().put(put).build()
}

/// Why DynamoDB cancelled a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancellation {
    /// The position of the first item whose condition does not hold.
    pub(crate) condition: Option<usize>,
    /// Other transactions, or more of them than the table takes, touched the same items: a condition that is told not to
    /// hold beside this may have been read half way through one of them.
    pub(crate) contention: bool,
}

impl Cancellation {
    /// `None` when the transaction was not cancelled, or for a reason that trying again does not mend.
    pub(crate) fn of<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Self> {
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return None;
        };
        let codes = || canceled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or_default());
        let contention = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
        let cancellation = Self {
            condition: codes().position(|code| code == "ConditionalCheckFailed"),
            contention: codes().any(|code| contention.contains(&code)),
        };
        (cancellation.condition.is_some() || cancellation.contention).then_some(cancellation)
    }
}

/// The pauses between attempts that met others.
#[derive(Debug)]
pub(crate) struct Backoff {
    started: time::Instant,
    pause: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { started: time::Instant::now(), pause: FIRST_PAUSE }
    }
}

impl Backoff {
    /// Waits, longer each time; gives `error` back when that has gone on for long enough.
    pub(crate) async fn pause(&mut self, error: StoreError) -> Result<(), StoreError> {
        if self.started.elapsed() >= RETRY_FOR {
            return Err(error);
        }
        // Full jitter: writers that met once should not meet again.
        time::sleep(self.pause.mul_f64(fastrand::f64())).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// An update expression with its names and values.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) expression: String,
    pub(crate) condition: Option<String>,
    pub(crate) names: Vec<(String, String)>,
    pub(crate) values: Vec<(String, AttributeValue)>,
}

impl Change {
    pub(crate) fn new(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), ..Self::default() }
    }

    pub(crate) fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    pub(crate) fn name(mut self, placeholder: &str, name: impl Into<String>) -> Self {
        self.names.push((placeholder.to_owned(), name.into()));
        self
    }

    pub(crate) fn text(self, placeholder: &str, value: impl Into<String>) -> Self {
        self.value(placeholder, text(value))
    }

    pub(crate) fn number(self, placeholder: &str, value: impl fmt::Display) -> Self {
        self.value(placeholder, AttributeValue::N(value.to_string()))
    }

    pub(crate) fn flag(self, placeholder: &str, value: bool) -> Self {
        self.value(placeholder, AttributeValue::Bool(value))
    }

    pub(crate) fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.push((placeholder.to_owned(), value));
        self
    }
}

/// Placeholders as a request has them: DynamoDB refuses an empty map.
fn if_any<T>(placeholders: Vec<(String, T)>) -> Option<HashMap<String, T>> {
    (!placeholders.is_empty()).then(|| placeholders.into_iter().collect())
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("table", &self.table).finish_non_exhaustive()
    }
}
