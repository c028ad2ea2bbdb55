use tracing_subscriber::EnvFilter;

use crate::Environment;

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

/// Sends log lines to standard output, one JSON object each, from the level in `AWS_LAMBDA_LOG_LEVEL` (default `info`) up,
/// which Lambda sets as the function's logging configuration says.
///
/// Other crates speak from `warn` up only, whatever the level: the SDK's and the runtime's debug lines hold request bodies.
pub fn init_logging(environment: &Environment) {
    let level = environment.get("AWS_LAMBDA_LOG_LEVEL").unwrap_or("info").to_ascii_lowercase();
    let directives = OWN_TARGETS.map(|name| format!("{name}={level}")).join(",");
    let filter = EnvFilter::try_new(format!("warn,{directives}")).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // A process that has a subscriber already, such as a test, keeps it.
    let _ = subscriber.with_env_filter(filter).try_init();
}
