use std::fmt::Debug;
use std::io;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{Environment, METRIC_TARGET};

/// What the targets of our own log lines begin with: every function's crate, and the shared ones.
pub const OWN_TARGETS: [&str; 13] = [
    "acquisition_audit",
    "audit_config",
    "audit_export",
    "authorizer",
    "bufdir_export_audit",
    "export_dispatch",
    "export_run",
    "ingest",
    "kyc_audit_log",
    "openapi",
    "organizations",
    "retention",
    "sporlog",
];

/// The span that `lambda_runtime` opens around each invocation: with it, every line says Lambda's id of the request and that of
/// the X-Ray trace.
pub const INVOCATION_SPAN: &str = "lambda_runtime::layers::trace";

/// Sends log lines to standard output, one JSON object each, from the level in `AWS_LAMBDA_LOG_LEVEL` (default `info`) up,
/// which Lambda sets as the function's logging configuration says; and metrics, whatever the level.
///
/// Other crates speak from `warn` up only, whatever the level: the SDK's and the runtime's debug lines hold request bodies.
pub fn init_logging(environment: &Environment) {
    let level = match environment.get("AWS_LAMBDA_LOG_LEVEL") {
        // Lambda's highest, which nothing here has.
        Some("FATAL") => LevelFilter::ERROR,
        level => level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO),
    };
    // Not `EnvFilter`, whose regular expressions are a tenth of a function's size and of its start.
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target(INVOCATION_SPAN, LevelFilter::INFO)
        .with_targets(OWN_TARGETS.map(|target| (target, level)));
    let lines =
        log_lines(io::stdout).with_filter(filter).with_filter(filter_fn(|metadata| metadata.target() != METRIC_TARGET));
    let metrics = MetricLines.with_filter(Targets::new().with_target(METRIC_TARGET, LevelFilter::INFO));
    // A process that has a subscriber already, such as a test, keeps it.
    let _ = tracing_subscriber::registry().with(lines).with(metrics).try_init();
}

/// How a log line looks: its members beside each other, and in `span` those of the invocation.
pub fn log_lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer)
}

/// Writes metrics as they are: a line that is anything but the embedded metric format is no metric.
struct MetricLines;

impl<S: Subscriber> Layer<S> for MetricLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Printed);
    }
}

struct Printed;

impl Visit for Printed {
    fn record_str(&mut self, _: &Field, line: &str) {
        println!("{line}");
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
