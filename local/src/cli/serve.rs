use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::output::print;
use super::ports::{ApiPort, DynamoDbPort, Host, InvokePort, S3Port};
use super::{Failure, runtime};
use crate::demo::{DEMO_ORG, EXAMPLE_ORDER};
use crate::stack::{Options, Stack};

/// The entity of [`EXAMPLE_ORDER`].
const EXAMPLE_ORDER_ID: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    host: Host,
    #[command(flatten)]
    api: ApiPort,
    #[command(flatten)]
    invoke: InvokePort,
    #[command(flatten)]
    dynamodb: DynamoDbPort,
    #[command(flatten)]
    s3: S3Port,
    /// Where the data is kept.
    #[arg(long, default_value = ".sporlog", value_name = "DIR", conflicts_with = "ephemeral")]
    data_dir: PathBuf,
    /// Keep nothing after the end.
    #[arg(long)]
    ephemeral: bool,
    /// Do not set up the demo organizations.
    #[arg(long)]
    no_demo: bool,
    /// Do not run the schedules.
    #[arg(long)]
    no_schedule: bool,
    /// How old an event must be before it is exported.
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    settle_seconds: u64,
    /// What to log to standard error: error, warn, info or debug.
    #[arg(long, default_value = "warn", value_name = "LEVEL")]
    log_level: LevelFilter,
}

/// How long the end waits for what is still running.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Runs until Ctrl-C, SIGTERM or SIGHUP.
pub(super) fn run(args: &ServeArgs) -> Result<u8, Failure> {
    // The engine warns of every condition that does not hold, and a repeated event is just that.
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("dynoxide", LevelFilter::ERROR)
        .with_targets(sporlog_boot::OWN_TARGETS.map(|target| (target, args.log_level)));
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(std::io::stderr);
    lines.finish().with(filter).init();
    // An ephemeral run has a directory too, for its key, so that `sporlog token` can be pointed at it.
    let temporary = args.ephemeral.then(tempfile::tempdir).transpose()?;
    let data_dir = temporary.as_ref().map_or(args.data_dir.clone(), |directory| directory.path().to_owned());
    let options = Options {
        host: args.host.host,
        port: args.api.port,
        invoke_port: args.invoke.invoke_port,
        dynamodb_port: args.dynamodb.dynamodb_port,
        s3_port: args.s3.s3_port,
        data_dir: Some(data_dir.clone()),
        demo: !args.no_demo,
        schedule: !args.no_schedule,
        settle_seconds: args.settle_seconds,
        ..Options::default()
    };
    runtime()?.block_on(async {
        // Before anything is printed: whoever waits for `ready` may signal at once.
        let mut ends = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            // The terminal was closed.
            signal(SignalKind::hangup())?,
        ];
        let stack = Stack::start(options).await?;
        print(announcement(&stack, &data_dir, args.settle_seconds)?)?;
        any_of(&mut ends).await;
        if timeout(STOP_WITHIN, stack.stop()).await.is_err() {
            // Such as a client in the middle of a request. What was acknowledged is kept.
            eprintln!("sporlog: something did not end within {STOP_WITHIN:?} and was cut");
        }
        Ok(0)
    })
}

async fn any_of(signals: &mut [Signal; 3]) {
    let [interrupt, terminate, hangup] = signals;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Addresses, lines to try, and `ready`.
fn announcement(stack: &Stack, data_dir: &Path, settle: u64) -> Result<String, Failure> {
    let Stack { api, invoke, dynamodb, s3, .. } = stack;
    let example = serde_json::json!({"events": [{
        "orgId": DEMO_ORG, "type": "order", "payload": serde_json::from_str::<serde_json::Value>(EXAMPLE_ORDER)?,
    }]});
    let (program, data_dir) = (std::env::current_exe()?, std::path::absolute(data_dir)?);
    let token = format!(
        "{} token --data-dir {} --org {DEMO_ORG} --role member --scope audit.all",
        quoted(&program),
        quoted(&data_dir)
    );
    let functions = format!("http://{invoke}/2015-03-31/functions");
    let mut out = String::new();
    writeln!(out, "HTTP API       http://{api}")?;
    writeln!(out, "Lambda, SQS    http://{invoke}")?;
    writeln!(out, "DynamoDB       http://{dynamodb}")?;
    writeln!(out, "S3, STS        http://{s3}")?;
    writeln!(out, "data           {}", data_dir.display())?;
    writeln!(out, "\nTo send an event, read it back, and export it (once it is {settle} s old):\n")?;
    writeln!(out, "curl -sw '\\n' {functions}/IngestFunction/invocations -d '{example}'")?;
    writeln!(
        out,
        "curl -sw '\\n' http://{api}/audit-data/acquisition/order/{EXAMPLE_ORDER_ID} -H 'X-Okapi-Tenant: {DEMO_ORG}' -H \"X-Okapi-Token: $({token})\""
    )?;
    writeln!(out, "curl -sw '\\n' {functions}/ExportDispatchFunction/invocations -d '{{}}'\n")?;
    write!(out, "ready")?;
    Ok(out)
}

/// A path as one word of a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
