//! Read and write units, as the engine computes them by `DynamoDB`'s rules. A test below holds the engine to those rules.

use serde_json::Value;

/// What requests consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Units {
    pub(crate) requests: u32,
    /// A strongly consistent read of 4 KB is one, an eventually consistent one a half.
    pub(crate) read: f64,
    /// A write of 1 KB is one, in a transaction two; the writes of indexes are in it.
    pub(crate) write: f64,
    /// Items that were read, whether they were answered or not.
    pub(crate) items_read: u64,
}

impl Units {
    /// The units of one request, from its answer. A request that the engine refused consumed none by its count.
    pub(crate) fn of(operation: &str, answer: &Value) -> Self {
        let consumed = &answer["ConsumedCapacity"];
        let one = std::slice::from_ref(consumed);
        let tables = consumed.as_array().map_or(one, Vec::as_slice);
        let units: f64 = tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum();
        let reads = matches!(operation, "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems");
        let (read, write) = if reads { (units, 0.0) } else { (0.0, units) };
        Self { requests: 1, read, write, items_read: if reads { items_read(answer) } else { 0 } }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.read += other.read;
        self.write += other.write;
        self.items_read += other.items_read;
    }
}

/// `ScannedCount` is what a query read, whatever it answered; the other reads answer what they read.
fn items_read(answer: &Value) -> u64 {
    let scanned = answer["ScannedCount"].as_u64().unwrap_or_default();
    let tables = answer["Responses"].as_object().into_iter().flat_map(|tables| tables.values());
    let batch: usize = tables.filter_map(Value::as_array).map(Vec::len).sum();
    scanned + batch as u64 + u64::from(answer.get("Item").is_some())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::types::{AttributeValue, Put, Select, TransactWriteItem, Update};

    use super::*;
    use crate::engine::TestEngine;
    use crate::front::{Front, Manner};

    struct Metered {
        _engine: TestEngine,
        front: Front,
        client: Client,
    }

    impl Metered {
        async fn start() -> Self {
            let engine = TestEngine::memory().unwrap();
            let manner = Manner { metered: true, ..Manner::default() };
            let front = Front::before(engine.address(), manner).await.unwrap();
            let client = crate::engine::client(front.endpoint(), None).unwrap();
            Self { _engine: engine, front, client }
        }

        /// An item of this many bytes, by DynamoDB's count: names and values.
        fn item(sk: &str, bytes: usize) -> std::collections::HashMap<String, AttributeValue> {
            // pk + p, sk + its value, body + its value.
            let body = "x".repeat(bytes - "pk".len() - 1 - "sk".len() - sk.len() - "body".len());
            [("pk", "p".to_owned()), ("sk", sk.to_owned()), ("body", body)]
                .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
                .into()
        }

        async fn put(&self, sk: &str, bytes: usize) -> Units {
            let put = self.client.put_item().table_name("Table").set_item(Some(Self::item(sk, bytes)));
            put.send().await.unwrap();
            self.front.take_units()
        }

        async fn get(&self, sk: &str, consistent: bool) -> f64 {
            let get = self.client.get_item().table_name("Table").consistent_read(consistent);
            let key = |value: &str| AttributeValue::S(value.to_owned());
            get.key("pk", key("p")).key("sk", key(sk)).send().await.unwrap();
            self.front.take_units().read
        }
    }

    #[track_caller]
    fn assert_units(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} units, not {expected}");
    }

    /// Amazon DynamoDB Developer Guide, "DynamoDB read and write operations": writes round up to 1 KB, strongly consistent reads to
    /// 4 KB, an item that is not there costs one, eventually consistent reads half.
    #[tokio::test(flavor = "multi_thread")]
    async fn single_items() {
        let metered = Metered::start().await;
        for (bytes, write, read) in [(1_024, 1.0, 1.0), (1_025, 2.0, 1.0), (4_096, 4.0, 1.0), (4_097, 5.0, 2.0)] {
            let name = bytes.to_string();
            assert_units(metered.put(&name, bytes).await.write, write);
            assert_units(metered.get(&name, true).await, read);
            assert_units(metered.get(&name, false).await, read / 2.0);
        }
        assert_units(metered.get("absent", true).await, 1.0);
        // A write over an item costs what the larger of the two costs.
        assert_units(metered.put("4097", 100).await.write, 5.0);
    }

    /// The same guide: a query costs the sum of its items, rounded up once, also when it only counts.
    #[tokio::test(flavor = "multi_thread")]
    async fn queries() {
        let metered = Metered::start().await;
        for number in 0..10 {
            metered.put(&format!("EV#{number}"), 1_000).await;
        }
        for (select, limit, expected) in [(None, 10, 3.0), (None, 4, 1.0), (Some(Select::Count), 10, 3.0)] {
            let query = metered.client.query().table_name("Table").consistent_read(true).limit(limit);
            let query = query.set_select(select).key_condition_expression("pk = :pk");
            query.expression_attribute_values(":pk", AttributeValue::S("p".to_owned())).send().await.unwrap();
            let units = metered.front.take_units();
            assert_units(units.read, expected);
            assert_eq!(units.items_read, u64::try_from(limit).unwrap());
        }
    }

    /// The same guide: each item of a transaction costs twice. An index entry is one more write.
    #[tokio::test(flavor = "multi_thread")]
    async fn transactions_and_indexes() {
        let metered = Metered::start().await;
        let put = Put::builder().table_name("Table").set_item(Some(Metered::item("a", 1_500))).build().unwrap();
        let key = |value: &str| AttributeValue::S(value.to_owned());
        let update = Update::builder()
            .table_name("Table")
            .key("pk", key("p"))
            .key("sk", key("HEAD"))
            .update_expression("ADD n :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .build()
            .unwrap();
        let items =
            [TransactWriteItem::builder().put(put).build(), TransactWriteItem::builder().update(update).build()];
        metered.client.transact_write_items().set_transact_items(Some(items.into())).send().await.unwrap();
        assert_units(metered.front.take_units().write, 2.0 * 2.0 + 2.0);

        let mut indexed = Metered::item("b", 500);
        indexed.extend(["gsi1pk", "gsi1sk"].map(|name| (name.to_owned(), key("x"))));
        metered.client.put_item().table_name("Table").set_item(Some(indexed)).send().await.unwrap();
        assert_units(metered.front.take_units().write, 2.0);
    }
}
