//! Reads of many rows, a page at a time: the one place that follows `LastEvaluatedKey` and `UnprocessedKeys`.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Select};

use crate::keys::Key;
use crate::row::Row;
use crate::table::{Backoff, text};
use crate::{SortOrder, Store, StoreError};

pub(crate) type StartKey = Option<HashMap<String, AttributeValue>>;

/// `BatchGetItem` takes at most this many keys.
pub(crate) const BATCH_GET_KEYS: usize = 100;

pub(crate) fn page_size(left: u64) -> i32 {
    i32::try_from(left).unwrap_or(i32::MAX)
}

impl Store {
    /// A query over the rows of a partition whose sort key begins with `prefix`.
    pub(crate) fn range(&self, partition: &str, prefix: &str, order: SortOrder) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":prefix", text(prefix))
            .scan_index_forward(order == SortOrder::Ascending)
    }

    /// A query over the rows of a partition whose sort key is at least `from` and at most `to`.
    pub(crate) fn between(&self, partition: &str, from: String, to: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
    }

    /// The rows of a query from `offset`, `limit` of them; behind the query's own start key, if it has one.
    pub(crate) async fn slice(
        &self,
        request: QueryFluentBuilder,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(mut start) = self.skip(&request, offset).await? else {
            return Ok(Vec::new());
        };
        let mut rows = Vec::new();
        loop {
            let left = limit.saturating_sub(rows.len() as u64);
            let page = request.clone().set_exclusive_start_key(start).limit(page_size(left)).send().await?;
            rows.extend(page.items.unwrap_or_default().into_iter().map(Row));
            start = page.last_evaluated_key;
            if start.is_none() || rows.len() as u64 >= limit {
                return Ok(rows);
            }
        }
    }

    /// The key to start after in order to pass `offset` rows; `None` if there are not more than that. The rows are counted
    /// by DynamoDB and do not travel.
    pub(crate) async fn skip(&self, request: &QueryFluentBuilder, offset: u64) -> Result<Option<StartKey>, StoreError> {
        let mut start = request.get_exclusive_start_key().clone();
        let mut left = offset;
        while left > 0 {
            let count = request.clone().select(Select::Count).set_exclusive_start_key(start).limit(page_size(left));
            let page = count.send().await?;
            left = left.saturating_sub(u64::try_from(page.count).unwrap_or(0));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(start))
    }

    /// The rows at these keys, at most [`BATCH_GET_KEYS`], strongly consistent. What is not there is not in the answer.
    pub(crate) async fn batch_get(&self, keys: impl Iterator<Item = Key>) -> Result<HashMap<Key, Row>, StoreError> {
        let of = |key: Key| HashMap::from([("pk".to_owned(), text(key.pk)), ("sk".to_owned(), text(key.sk))]);
        let mut keys: Vec<_> = keys.map(of).collect();
        let mut found = HashMap::with_capacity(keys.len());
        let (mut backoff, mut found_before) = (Backoff::default(), 0);
        // DynamoDB answers as much as fits into 16 MB and hands the other keys back; all of them when it is throttled.
        while !keys.is_empty() {
            #[expect(clippy::expect_used, reason = "the keys, all that is required, are set")]
            let wanted =
                KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().expect("complete keys");
            let mut output = self.client.batch_get_item().request_items(&self.table, wanted).send().await?;
            let rows = output.responses.as_mut().and_then(|tables| tables.remove(&self.table)).unwrap_or_default();
            for row in rows.into_iter().map(Row) {
                found.insert(row.key()?, row);
            }
            let unprocessed = output.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.table));
            keys = unprocessed.map(|wanted| wanted.keys).unwrap_or_default();
            if !keys.is_empty() && found.len() == found_before {
                backoff.pause(StoreError::Throttled("no key was processed".into())).await?;
            }
            found_before = found.len();
        }
        Ok(found)
    }
}
