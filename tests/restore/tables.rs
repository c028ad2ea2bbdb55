use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue::{self, S};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use serde_json::Value;

use crate::harness::{System, dynamodb, soon};
use crate::structure::template;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The tables of a system, as DynamoDB's own tools see them.
pub(super) struct Tables {
    pub(super) client: Client,
}

impl Tables {
    pub(super) fn of(system: &System) -> Self {
        Self { client: dynamodb(&system.environment(&[]), soon()) }
    }

    /// A table like the template's, with nothing in it.
    pub(super) async fn create(&self, name: &str) {
        let create = template().tables.remove(0).create;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let keys = |schema: &Value| -> Vec<_> {
            let key = |key: &Value| {
                let kind = KeyType::from(text(&key["KeyType"]).as_str());
                KeySchemaElement::builder().attribute_name(text(&key["AttributeName"])).key_type(kind).build().unwrap()
            };
            schema.as_array().unwrap().iter().map(key).collect()
        };
        let mut request = self.client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        request = request.set_key_schema(Some(keys(&create["KeySchema"])));
        for attribute in create["AttributeDefinitions"].as_array().unwrap() {
            let definition = AttributeDefinition::builder().attribute_name(text(&attribute["AttributeName"]));
            let definition = definition.attribute_type(ScalarAttributeType::S).build().unwrap();
            request = request.attribute_definitions(definition);
        }
        for index in create["GlobalSecondaryIndexes"].as_array().unwrap() {
            let index = GlobalSecondaryIndex::builder()
                .index_name(text(&index["IndexName"]))
                .set_key_schema(Some(keys(&index["KeySchema"])))
                .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
            request = request.global_secondary_indexes(index.build().unwrap());
        }
        request.send().await.unwrap();
    }

    /// All items, or all of one organization.
    pub(super) async fn items(&self, table: &str, org: Option<&str>) -> Vec<Item> {
        let mut scan = self.client.scan().table_name(table).consistent_read(true);
        if let Some(org) = org {
            scan = scan
                .filter_expression("pk = :own OR begins_with(pk, :within)")
                .expression_attribute_values(":own", S(format!("ORG#{org}")))
                .expression_attribute_values(":within", S(format!("ORG#{org}#")));
        }
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// A new table with these items, as a restore makes it.
    pub(super) async fn restore(&self, name: &str, items: Vec<Item>) {
        self.create(name).await;
        for item in items {
            self.client.put_item().table_name(name).set_item(Some(item)).send().await.unwrap();
        }
    }

    pub(super) async fn item(&self, table: &str, pk: &str, sk: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(table).consistent_read(true);
        get.key("pk", S(pk.to_owned())).key("sk", S(sk.to_owned())).send().await.unwrap().item
    }
}
