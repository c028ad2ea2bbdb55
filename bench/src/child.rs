//! Parts of a measurement that want a process, and one thread, of their own.

use std::time::Instant;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use futures_util::future::try_join_all;
use lambda_runtime::Context;
use serde_json::{Value, json};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_local::functions;
use sporlog_model::Clock;

use crate::Failure;
use crate::engine::TABLE;
use crate::events::ORG;
use crate::rows::milliseconds;

/// Calls before the first that counts.
const WARM_UP: u32 = 20;

/// A request for ten events of an order, as API Gateway sends it.
pub(crate) const EVENT: &[u8] = include_bytes!("../../events/acquisition-audit.json");
/// The order of [`EVENT`].
pub(crate) const ORDER: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

fn client(environment: &Environment) -> Result<Client, Failure> {
    Ok(Client::new(&Aws::from_environment(environment)?.service(AwsService::DynamoDb)))
}

/// Calls the router of `acquisition-audit` with a whole event, and one bare `Query` for the same ten items, in turn. Prints the
/// milliseconds of each call.
pub(crate) async fn router(calls: u32) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let function = functions::http(acquisition_audit::router(&environment, Clock::system())?);
    let client = client(&environment)?;
    let query = client
        .query()
        .table_name(TABLE)
        .consistent_read(true)
        .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
        .expression_attribute_values(":pk", AttributeValue::S(format!("ORG#{ORG}#order#{ORDER}")))
        .expression_attribute_values(":prefix", AttributeValue::S("EV#".to_owned()))
        .scan_index_forward(false)
        .limit(10);
    let (mut router, mut bare) = (Vec::new(), Vec::new());
    for call in 0..WARM_UP + calls {
        let started = Instant::now();
        let answer = function.invoke(Bytes::from_static(EVENT), Context::default()).await?;
        let routed = started.elapsed();
        let started = Instant::now();
        let page = query.clone().send().await?;
        let queried = started.elapsed();
        let answer: Value = serde_json::from_slice(&answer)?;
        if answer["statusCode"] != 200 || page.count != 10 {
            return Err(format!("not what was asked for: {answer} and {} items", page.count).into());
        }
        if call >= WARM_UP {
            router.push(milliseconds(routed));
            bare.push(milliseconds(queried));
        }
    }
    println!("{}", json!({"router": router, "query": bare}));
    Ok(())
}

/// Reads every page of a feed, the eight partitions of a day side by side as the export does, and drops it. Prints how many rows
/// there were and the seconds that took.
pub(crate) async fn read_feed(org: &str, days: &[String]) -> Result<(), Failure> {
    let client = client(&Environment::of_process())?;
    let started = Instant::now();
    let mut rows = 0;
    for day in days {
        let shards = (0..8).map(|shard| read_shard(&client, format!("ORG#{org}#FEED#{day}#{shard}")));
        rows += try_join_all(shards).await?.into_iter().sum::<usize>();
    }
    println!("{}", json!({"rows": rows, "seconds": started.elapsed().as_secs_f64()}));
    Ok(())
}

async fn read_shard(client: &Client, partition: String) -> Result<usize, Failure> {
    let (mut rows, mut start) = (0, None);
    loop {
        let query = client
            .query()
            .table_name(TABLE)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.clone()))
            .limit(500)
            .set_exclusive_start_key(start);
        let page = query.send().await?;
        rows += page.items().len();
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(rows);
        }
    }
}
