//! Sixteen appends at a time: `Store::append`, beside the same transactions sent as they are through a client of the same configuration.

use std::collections::HashMap;
use std::time::Instant;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;
use sporlog_model::{Clock, Event};

use super::Context;
use crate::Failure;
use crate::engine::{TestEngine, client, scope, store};
use crate::events::{Generator, ORG, numbered};
use crate::front::{Front, Manner};
use crate::report::{Goal, Section, Table, ratio, spread};
use crate::statistics::Sample;

pub(crate) const AT_ONCE: usize = 16;

const GOAL: Goal = Goal::AtLeast(0.85);

pub(crate) async fn measure(context: &Context) -> Result<Vec<Section>, Failure> {
    let events = events(context.size(2_000, 100))?;
    let transactions = recorded(&events).await?;
    let mut table = Table::new(["", "`Store::append`", "raw `TransactWriteItems`", "ratio", "goal", "verdict"]);
    for (name, with_engine) in [("the engine behind it", true), ("an endpoint that only answers", false)] {
        let (mut appends, mut raw) = (Vec::new(), Vec::new());
        for round in 0..=context.rounds {
            let endpoint = Endpoint::start(with_engine).await?;
            let appended = appends_per_second(&endpoint.url(), &events, AT_ONCE).await?;
            let endpoint = Endpoint::start(with_engine).await?;
            let sent = transactions_per_second(&endpoint.url(), &transactions).await?;
            if round > 0 {
                appends.push(appended);
                raw.push(sent);
            }
        }
        let (appends, raw) = Sample::of(appends).zip(Sample::of(raw)).ok_or("nothing was measured")?;
        let value = appends.median() / raw.median();
        table.row([
            name.to_owned(),
            spread(&appends, "/s"),
            spread(&raw, "/s"),
            ratio(value),
            GOAL.text(),
            GOAL.verdict(value).to_owned(),
        ]);
    }
    Ok(vec![table.section("append")])
}

/// A table in memory, or an endpoint that answers every transaction as done.
pub(crate) enum Endpoint {
    Engine(TestEngine),
    Nobody(Front),
}

impl Endpoint {
    pub(crate) async fn start(with_engine: bool) -> Result<Self, Failure> {
        if with_engine {
            Ok(Self::Engine(TestEngine::memory()?))
        } else {
            Ok(Self::Nobody(Front::without_engine(Manner::default()).await?))
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Engine(engine) => engine.endpoint(),
            Self::Nobody(front) => front.endpoint().to_owned(),
        }
    }
}

/// Events of as many orders, of this moment.
pub(crate) fn events(count: u64) -> Result<Vec<Event>, Failure> {
    let (mut generator, now) = (Generator::new(count), Clock::system().now());
    (0..count).map(|number| generator.event(&numbered(number), now)).collect()
}

/// Appends them, and says how many a second that were.
pub(crate) async fn appends_per_second(url: &str, events: &[Event], at_once: usize) -> Result<f64, Failure> {
    let (store, scope) = (store(url, Clock::system())?, scope(ORG)?);
    let started = Instant::now();
    let appends = stream::iter(events).map(|event| store.append(&scope, event));
    appends.buffer_unordered(at_once).try_for_each(|_| async { Ok(()) }).await?;
    Ok(per_second(events.len(), started))
}

async fn transactions_per_second(url: &str, transactions: &[Vec<TransactWriteItem>]) -> Result<f64, Failure> {
    let client: Client = client(url, None)?;
    let started = Instant::now();
    let sent = stream::iter(transactions)
        .map(|items| client.transact_write_items().set_transact_items(Some(items.clone())).send());
    sent.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
    Ok(per_second(transactions.len(), started))
}

#[expect(clippy::cast_precision_loss, reason = "some thousand")]
fn per_second(count: usize, started: Instant) -> f64 {
    count as f64 / started.elapsed().as_secs_f64()
}

/// The transactions that the store makes of these events.
async fn recorded(events: &[Event]) -> Result<Vec<Vec<TransactWriteItem>>, Failure> {
    let front = Front::without_engine(Manner { recorded: true, ..Manner::default() }).await?;
    let (store, scope) = (store(front.endpoint(), Clock::system())?, scope(ORG)?);
    for event in events {
        store.append(&scope, event).await?;
    }
    front.take_recorded().iter().map(|body| transaction(&serde_json::from_slice(body)?)).collect()
}

fn transaction(request: &Value) -> Result<Vec<TransactWriteItem>, Failure> {
    let items = request["TransactItems"].as_array().ok_or("not a transaction")?;
    items
        .iter()
        .map(|item| {
            let (put, update) = (&item["Put"], &item["Update"]);
            if put.is_object() {
                let put_item = Put::builder()
                    .set_table_name(text(&put["TableName"]))
                    .set_item(Some(attributes(&put["Item"])?))
                    .set_condition_expression(text(&put["ConditionExpression"]));
                return Ok(TransactWriteItem::builder().put(put_item.build()?).build());
            }
            let names = update["ExpressionAttributeNames"].as_object().into_iter().flatten();
            let names = names.filter_map(|(placeholder, name)| Some((placeholder.clone(), text(name)?))).collect();
            let update_item = Update::builder()
                .set_table_name(text(&update["TableName"]))
                .set_key(Some(attributes(&update["Key"])?))
                .set_update_expression(text(&update["UpdateExpression"]))
                .set_condition_expression(text(&update["ConditionExpression"]))
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(Some(attributes(&update["ExpressionAttributeValues"])?));
            Ok(TransactWriteItem::builder().update(update_item.build()?).build())
        })
        .collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn attributes(item: &Value) -> Result<HashMap<String, AttributeValue>, Failure> {
    let members = item.as_object().ok_or("not an item")?.iter();
    members
        .map(|(name, value)| {
            let (kind, value) = value.as_object().and_then(|typed| typed.iter().next()).ok_or("not an attribute")?;
            let value = text(value).ok_or("not a text")?;
            let value = match kind.as_str() {
                "S" => AttributeValue::S(value),
                "N" => AttributeValue::N(value),
                "B" => AttributeValue::B(Blob::new(BASE64_STANDARD.decode(value)?)),
                other => return Err(format!("an attribute of type {other}").into()),
            };
            Ok((name.clone(), value))
        })
        .collect()
}
