//! What a request to DynamoDB wants, as IAM sees it.
//!
//! A transaction needs the permission of each of its parts (`PutItem` for a `Put`, `ConditionCheckItem` for a `ConditionCheck`); a query
//! of an index is on the index and not on its table. AWS does not say whether a condition on the partition keys sees those of one part
//! or of the whole request. Here it is the whole request, the stricter reading, so what passes here passes there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Call, arn};
use crate::template::TableSpec;

/// The names of the partition keys of the tables, and of their indexes.
#[derive(Debug, Clone, Default)]
pub struct PartitionKeys(BTreeMap<String, BTreeMap<Option<String>, String>>);

/// A request whose partition keys cannot be read; it is not let through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("because the local run cannot tell what the request is about: {0}")]
pub struct Unreadable(String);

type Item = BTreeMap<String, Attribute>;

/// Text is the only type of the table's keys; values of other types are passed over.
#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "S")]
    text: Option<String>,
}

/// One item: as its key, or whole.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneItem {
    table_name: String,
    #[serde(alias = "Item")]
    key: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    table_name: String,
    index_name: Option<String>,
    key_condition_expression: String,
    #[serde(default)]
    expression_attribute_names: BTreeMap<String, String>,
    #[serde(default)]
    expression_attribute_values: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchGet {
    request_items: BTreeMap<String, Keys>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    keys: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transaction {
    transact_items: Vec<Part>,
}

#[derive(Deserialize)]
enum Part {
    Get(OneItem),
    Put(OneItem),
    Update(OneItem),
    Delete(OneItem),
    ConditionCheck(OneItem),
}

/// What every other operation says about its table.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Other {
    table_name: Option<String>,
}

impl Part {
    fn into_parts(self) -> (&'static str, OneItem) {
        match self {
            Self::Get(item) => ("GetItem", item),
            Self::Put(item) => ("PutItem", item),
            Self::Update(item) => ("UpdateItem", item),
            Self::Delete(item) => ("DeleteItem", item),
            Self::ConditionCheck(item) => ("ConditionCheckItem", item),
        }
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl PartitionKeys {
    /// Those of the template's tables.
    pub fn of(tables: &[TableSpec]) -> Self {
        let partition_key = |schema: &serde_json::Value| {
            let mut elements = schema["KeySchema"].as_array().into_iter().flatten();
            let hash = elements.find(|element| element["KeyType"] == "HASH");
            hash.and_then(|element| element["AttributeName"].as_str()).unwrap_or_default().to_owned()
        };
        let of_table = |table: &TableSpec| {
            let indexes = table.create["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
            let indexes = indexes.map(|index| (index["IndexName"].as_str().map(str::to_owned), partition_key(index)));
            (table.logical_id.clone(), [(None, partition_key(&table.create))].into_iter().chain(indexes).collect())
        };
        Self(tables.iter().map(of_table).collect())
    }

    /// The calls that a request stands for. An operation that is not known here is an action of its own name on its table, without keys.
    pub fn calls(&self, operation: &str, body: &[u8]) -> Result<Vec<Call>, Unreadable> {
        match operation {
            "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" => self.of_items([(operation, read(body)?)]),
            "Query" => self.of_query(&read(body)?),
            "BatchGetItem" => {
                let BatchGet { request_items } = read(body)?;
                let items = request_items.into_iter().flat_map(|(table_name, keys)| {
                    keys.keys.into_iter().map(move |key| (operation, OneItem { table_name: table_name.clone(), key }))
                });
                self.of_items(items)
            }
            "TransactGetItems" | "TransactWriteItems" => {
                let Transaction { transact_items } = read(body)?;
                self.of_items(transact_items.into_iter().map(Part::into_parts))
            }
            _ => {
                let Other { table_name } = read(body)?;
                let resource = table_name.map_or("*".to_owned(), |table| table_arn(&table));
                Ok(vec![Call::on(format!("dynamodb:{operation}"), resource)])
            }
        }
    }

    fn of_items<'a>(&self, items: impl IntoIterator<Item = (&'a str, OneItem)>) -> Result<Vec<Call>, Unreadable> {
        let (mut actions, mut keys) = (BTreeSet::new(), BTreeMap::<String, BTreeSet<String>>::new());
        for (operation, OneItem { table_name, key }) in items {
            let leading = self.leading_key(&table_name, None, |name| key.get(name)?.text.clone())?;
            keys.entry(table_name.clone()).or_default().insert(leading);
            actions.insert((operation, table_name));
        }
        let call = |(operation, table): (&str, String)| Call {
            action: format!("dynamodb:{operation}"),
            resource: table_arn(&table),
            leading_keys: keys[&table].iter().cloned().collect(),
        };
        Ok(actions.into_iter().map(call).collect())
    }

    fn of_query(&self, query: &Query) -> Result<Vec<Call>, Unreadable> {
        let index = query.index_name.as_deref();
        let leading = self.leading_key(&query.table_name, index, |name| {
            let value = query.key_condition_expression.split(" AND ").find_map(|condition| {
                let (left, right) = condition.trim_matches([' ', '(', ')']).split_once('=')?;
                let left = left.trim();
                let left = query.expression_attribute_names.get(left).map_or(left, String::as_str);
                (left == name).then(|| right.trim())
            })?;
            query.expression_attribute_values.get(value)?.text.clone()
        })?;
        let table = table_arn(&query.table_name);
        let resource = index.map_or(table.clone(), |index| format!("{table}/index/{index}"));
        Ok(vec![Call { action: "dynamodb:Query".to_owned(), resource, leading_keys: vec![leading] }])
    }

    fn leading_key(
        &self,
        table: &str,
        index: Option<&str>,
        value: impl FnOnce(&str) -> Option<String>,
    ) -> Result<String, Unreadable> {
        let name = self.0.get(table).and_then(|keys| keys.get(&index.map(str::to_owned)));
        let name =
            name.ok_or_else(|| Unreadable(format!("the template has no table {table} {}", index.unwrap_or_default())))?;
        value(name).ok_or_else(|| Unreadable(format!("it has no value for {name}")))
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    Ok(serde_json::from_slice(body)?)
}

fn table_arn(table: &str) -> String {
    arn("dynamodb", &format!("table/{table}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::template::{Deployment, Template};

    const TABLE: &str = "arn:aws:dynamodb:eu-north-1:000000000000:table/Table";

    fn calls(operation: &str, body: &Value) -> Result<Vec<Call>, Unreadable> {
        let tables = Template::embedded(&Deployment::default()).unwrap().tables;
        PartitionKeys::of(&tables).calls(operation, body.to_string().as_bytes())
    }

    fn key(pk: &str) -> Value {
        json!({"pk": {"S": pk}, "sk": {"S": "META"}})
    }

    #[test]
    fn one_item_is_one_call() {
        for operation in ["GetItem", "UpdateItem", "DeleteItem"] {
            let body = json!({"TableName": "Table", "Key": key("ORG#a")});
            let expected = Call::on(format!("dynamodb:{operation}"), TABLE).with_keys(&["ORG#a"]);
            assert_eq!(calls(operation, &body), Ok(vec![expected]));
        }
        let item =
            json!({"pk": {"S": "ORG#a"}, "sk": {"S": "x"}, "n": {"N": "1"}, "body": {"B": "AAAA"}, "m": {"M": {}}});
        let put = calls("PutItem", &json!({"TableName": "Table", "Item": item}));
        assert_eq!(put, Ok(vec![Call::on("dynamodb:PutItem", TABLE).with_keys(&["ORG#a"])]));
    }

    #[test]
    fn a_transaction_is_the_calls_of_its_parts_each_with_all_keys() {
        let body = json!({"TransactItems": [
            {"Put": {"TableName": "Table", "Item": key("ORG#a")}},
            {"Put": {"TableName": "Table", "Item": key("ORG#a")}},
            {"Update": {"TableName": "Table", "Key": key("KEY#b")}},
            {"Delete": {"TableName": "Table", "Key": key("ORG#a")}},
            {"ConditionCheck": {"TableName": "Table", "Key": key("ORG#a")}},
        ]});
        let expected = ["ConditionCheckItem", "DeleteItem", "PutItem", "UpdateItem"]
            .map(|action| Call::on(format!("dynamodb:{action}"), TABLE).with_keys(&["KEY#b", "ORG#a"]));
        assert_eq!(calls("TransactWriteItems", &body), Ok(expected.to_vec()));
        let body = json!({"TransactItems": [{"Get": {"TableName": "Table", "Key": key("ORG#a")}}]});
        let expected = Call::on("dynamodb:GetItem", TABLE).with_keys(&["ORG#a"]);
        assert_eq!(calls("TransactGetItems", &body), Ok(vec![expected]));
        let body = json!({"RequestItems": {"Table": {"Keys": [key("ORG#a"), key("ORG#b")]}}});
        let expected = Call::on("dynamodb:BatchGetItem", TABLE).with_keys(&["ORG#a", "ORG#b"]);
        assert_eq!(calls("BatchGetItem", &body), Ok(vec![expected]));
    }

    #[test]
    fn a_query_is_on_its_table_or_on_its_index() {
        let values = json!({":pk": {"S": "ORG#a"}, ":from": {"S": "x"}, ":to": {"S": "y"}});
        let query = |condition: &str| {
            json!({"TableName": "Table", "KeyConditionExpression": condition, "ExpressionAttributeValues": values,
                "ExpressionAttributeNames": {"#p": "pk"}})
        };
        for condition in ["pk = :pk", "sk BETWEEN :from AND :to AND pk=:pk", "(#p = :pk) AND (begins_with(sk, :from))"]
        {
            let expected = Call::on("dynamodb:Query", TABLE).with_keys(&["ORG#a"]);
            assert_eq!(calls("Query", &query(condition)), Ok(vec![expected]), "{condition}");
        }
        let mut on_index = query("gsi1pk = :pk AND gsi1sk < :to");
        on_index["IndexName"] = json!("gsi1");
        let expected = Call::on("dynamodb:Query", format!("{TABLE}/index/gsi1")).with_keys(&["ORG#a"]);
        assert_eq!(calls("Query", &on_index), Ok(vec![expected]));
    }

    #[test]
    fn what_cannot_be_read_is_no_call() {
        for (operation, body) in [
            ("GetItem", json!({"TableName": "Other", "Key": key("ORG#a")})),
            ("GetItem", json!({"TableName": "Table", "Key": {"sk": {"S": "META"}}})),
            ("GetItem", json!({"TableName": "Table", "Key": {"pk": {"N": "1"}}})),
            ("Query", json!({"TableName": "Table", "KeyConditionExpression": "sk = :sk"})),
            ("Query", json!({"TableName": "Table", "KeyConditions": {}})),
            ("TransactWriteItems", json!({"TransactItems": [{"Unknown": {}}]})),
        ] {
            assert!(calls(operation, &body).is_err(), "{operation} {body}");
        }
        let scan = calls("Scan", &json!({"TableName": "Table"}));
        assert_eq!(scan, Ok(vec![Call::on("dynamodb:Scan", TABLE)]));
    }
}
