//! Queries, a page at a time: the one place that follows `LastEvaluatedKey`.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};

use crate::row::Row;
use crate::table::text;
use crate::{SortOrder, Store, StoreError};

pub(crate) type StartKey = Option<HashMap<String, AttributeValue>>;

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

    /// The rows of a query from `offset`, `limit` of them.
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
        let mut start = None;
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
}
