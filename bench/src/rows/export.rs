//! The export of a log: the function, beside what bounds it (reading the feed, compressing the lines) and what one would write in
//! Python. The function is a process of its own; the table, S3 and STS are here.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sporlog_model::Clock;
use std::process::Command;

use super::Context;
use super::units::item_bytes;
use crate::Failure;
use crate::bucket::{BUCKET, Services};
use crate::engine::{TABLE, TestEngine, store, variables};
use crate::feed::{database, days_of, org_of};
use crate::process::{FunctionProcess, Program, output};
use crate::report::{Goal, Section, Table, figure, grouped, ratio, spread};
use crate::statistics::Sample;
use crate::workspace::binary;

const OF_THE_BOUND: Goal = Goal::AtLeast(0.8);
const OF_PYTHON: Goal = Goal::AtLeast(8.0);
const PEAK: Goal = Goal::AtMost(1.0);
/// What the function may use at most, in bytes.
const PEAK_BYTES: f64 = 128e6;

/// Events of the feeds that are exported, smallest first. The last is exported once a run, the last but one in turn with the others.
pub(crate) fn sizes(context: &Context) -> [u64; 4] {
    if context.quick { [50, 100, 500, 1_000] } else { [1_000, 10_000, 100_000, 1_000_000] }
}

/// What a whole export took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exported {
    pub(crate) seconds: f64,
    pub(crate) processor_seconds: f64,
    pub(crate) peak_bytes: f64,
    pub(crate) objects: usize,
    pub(crate) object_bytes: u64,
}

/// A log, in a file of its own, that exports run against.
pub(crate) struct Log {
    pub(crate) engine: TestEngine,
    count: u64,
}

impl Log {
    pub(crate) async fn of(count: u64) -> Result<Self, Failure> {
        Ok(Self { engine: TestEngine::file(&database(count).await?)?, count })
    }

    /// One run of `export-run` over a feed from its first event; leaves the export as if there had been none.
    pub(crate) async fn export(&self) -> Result<(Exported, Services), Failure> {
        let count = self.count;
        let (org, services) = (org_of(count), Services::start().await?);
        services.enable_export(&store(&self.engine.endpoint(), Clock::system())?, &org).await?;
        let variables = [variables(&self.engine.endpoint(), None), services.variables()].concat();
        let mut function = FunctionProcess::start(&Program::binary(&binary("export-run")), &variables).await?;
        let event = Bytes::from(json!({"orgId": org, "trigger": "manual"}).to_string());
        let invocation = function.invoke(&event).await?;
        let answer: Value = serde_json::from_slice(&invocation.answer)?;
        if answer["outcome"] != "succeeded" || answer["eventCount"] != count {
            return Err(format!("not a whole export: {answer}").into());
        }
        let objects = services.storage.list_objects(BUCKET, "")?;
        let segments = objects.iter().filter(|object| object.key.ends_with(".jsonl.gz"));
        let exported = Exported {
            seconds: invocation.took.as_secs_f64(),
            processor_seconds: function.processor_time()?.as_secs_f64(),
            peak_bytes: float(function.memory()?.peak),
            objects: segments.clone().count(),
            object_bytes: segments.map(|object| object.size).sum(),
        };
        drop(function);
        self.forget_export(&org)?;
        Ok((exported, services))
    }

    pub(crate) fn forget_export(&self, org: &str) -> Result<(), Failure> {
        let query = json!({
            "TableName": TABLE, "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": format!("ORG#{org}#EXPORT")}},
        });
        let rows = serde_json::to_value(self.engine.database().query(serde_json::from_value(query)?)?)?;
        for row in rows["Items"].as_array().into_iter().flatten() {
            let delete = json!({"TableName": TABLE, "Key": {"pk": row["pk"], "sk": row["sk"]}});
            self.engine.database().delete_item(serde_json::from_value(delete)?)?;
        }
        Ok(())
    }

    /// What the rows of a feed have together, by `DynamoDB`'s count of read units times 4 KB.
    pub(crate) fn feed_bytes(&self) -> Result<u64, Failure> {
        let count = self.count;
        let mut bytes = 0;
        for day in days_of(count)? {
            for shard in 0..8 {
                let partition = format!("ORG#{}#FEED#{day}#{shard}", org_of(count));
                let mut start = Value::Null;
                loop {
                    let mut query = json!({
                        "TableName": TABLE, "KeyConditionExpression": "pk = :pk",
                        "ExpressionAttributeValues": {":pk": {"S": partition}},
                    });
                    if !start.is_null() {
                        query["ExclusiveStartKey"] = start;
                    }
                    let mut page = serde_json::to_value(self.engine.database().query(serde_json::from_value(query)?)?)?;
                    bytes += page["Items"].as_array().into_iter().flatten().map(item_bytes).sum::<u64>();
                    start = page["LastEvaluatedKey"].take();
                    if start.is_null() {
                        break;
                    }
                }
            }
        }
        Ok(bytes)
    }

    /// The feed, read by a process of its own and dropped; in seconds.
    async fn read(&self) -> Result<f64, Failure> {
        let count = self.count;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["read-feed", &org_of(count)]).args(days_of(count)?);
        command.env_clear().envs(variables(&self.engine.endpoint(), None));
        let output = output(command).await?;
        let answer: Value =
            serde_json::from_slice(&output.stdout).map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
        if answer["rows"] != count {
            return Err(format!("not the whole feed: {answer}").into());
        }
        answer["seconds"].as_f64().ok_or_else(|| "no time".into())
    }

    async fn python(&self, context: &Context) -> Result<f64, Failure> {
        let count = self.count;
        let services = Services::start().await?;
        services.enable_export(&store(&self.engine.endpoint(), Clock::system())?, &org_of(count)).await?;
        let variables = [variables(&self.engine.endpoint(), None), services.variables()].concat();
        let mut function = FunctionProcess::start(&context.peers()?.python_export, &variables).await?;
        let event = json!({"orgId": org_of(count), "bucket": BUCKET, "days": days_of(count)?}).to_string();
        let invocation = function.invoke(&Bytes::from(event)).await?;
        let answer: Value = serde_json::from_slice(&invocation.answer)?;
        if answer["eventCount"] != count {
            return Err(format!("not a whole export: {answer}").into());
        }
        drop(function);
        self.forget_export(&org_of(count))?;
        services.stop().await;
        Ok(invocation.took.as_secs_f64())
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts, for people to read")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

/// The lines of an export compressed again, as one does it with one core and nothing else to do; in seconds, and the lines' bytes.
fn compress(services: &Services) -> Result<(f64, u64), Failure> {
    let (mut taken, mut bytes) = (Duration::ZERO, 0);
    for object in services.storage.list_objects(BUCKET, "")? {
        let Some(object) = object.key.ends_with(".jsonl.gz").then(|| services.storage.get_object(BUCKET, &object.key))
        else {
            continue;
        };
        let mut lines = Vec::new();
        GzDecoder::new(&object?.ok_or("an object is gone")?.body[..]).read_to_end(&mut lines)?;
        let started = Instant::now();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&lines)?;
        encoder.finish()?;
        taken += started.elapsed();
        bytes += lines.len() as u64;
    }
    Ok((taken.as_secs_f64(), bytes))
}

pub(crate) async fn measure(context: &Context) -> Result<Vec<Section>, Failure> {
    let [_, _, count, large] = sizes(context);
    let log = Log::of(count).await?;
    let mut rates: [Vec<f64>; 4] = Default::default();
    let mut line_bytes = 0;
    for round in 0..=context.rounds {
        let (exported, services) = log.export().await?;
        let (compressed, bytes) = compress(&services)?;
        services.stop().await;
        line_bytes = bytes / count;
        let seconds = [exported.seconds, log.read().await?, compressed, log.python(context).await?];
        if round > 0 {
            seconds.iter().zip(&mut rates).for_each(|(seconds, rates)| rates.push(float(count) / seconds));
        }
    }
    let [sporlog, read, gzip, python] = rates.map(|rates| Sample::of(rates).ok_or("nothing was measured"));
    let (sporlog, read, gzip, python) = (sporlog?, read?, gzip?, python?);
    let mut table = Table::new(["events a second", "", "Sporlog's ratio to it", "goal", "verdict"]);
    table.row(["Sporlog".to_owned(), spread(&sporlog, "/s")]);
    let bound = if read.median() < gzip.median() { &read } else { &gzip };
    let sides = [
        ("the feed read by one thread and dropped", &read, None),
        ("the lines compressed by one thread", &gzip, None),
        ("the slower of these two", bound, Some(OF_THE_BOUND)),
        ("Python 3.11 with boto3", &python, Some(OF_PYTHON)),
    ];
    for (name, other, goal) in sides {
        let value = sporlog.median() / other.median();
        table.row([
            name.to_owned(),
            spread(other, "/s"),
            ratio(value),
            goal.map_or_else(|| "–".to_owned(), Goal::text),
            goal.map_or("–", |goal| goal.verdict(value)).to_owned(),
        ]);
    }
    let (whole, services) = Log::of(large).await?.export().await?;
    services.stop().await;
    let peak = whole.peak_bytes / PEAK_BYTES;
    table.row([
        format!("{} events of {} bytes in one run", grouped(float(large)), grouped(float(line_bytes))),
        format!(
            "{} s, {} s of processor time, {} objects, {} MB",
            figure(whole.seconds),
            figure(whole.processor_seconds),
            whole.objects,
            figure(float(whole.object_bytes) / 1e6)
        ),
    ]);
    table.row([
        "its peak memory".to_owned(),
        format!("{} MB", figure(whole.peak_bytes / 1e6)),
        String::new(),
        "≤ 128 MB".to_owned(),
        PEAK.verdict(peak).to_owned(),
    ]);
    Ok(vec![table.section("export")])
}
