use std::io;

use clap::Args;
use sporlog_auth::{Service, TenantScope};
use sporlog_model::{Instant, OrgId};
use sporlog_store::{ExportState, StandingExport, Store};
use sporlog_verify::{Fingerprint, TrustedKeys};
use tokio::runtime::Runtime;

use super::output::print;
use super::{Failure, runtime, table, verify};
use crate::bucket_end;

#[derive(Debug, Args)]
pub(super) struct ResumeExportArgs {
    /// The organization's bucket, all of it: `s3://BUCKET/PREFIX`, or a copy. Several, when the export has moved.
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    /// Whose export.
    #[arg(long, value_parser = OrgId::parse)]
    org: OrgId,
    /// The table that it is to go on from: its name, or its ARN.
    #[arg(long)]
    table: String,
    /// The table that it went on from before, if that still answers: no run exports from there any more. May be given more
    /// than once.
    #[arg(long, value_name = "OLD_TABLE")]
    in_place_of: Vec<String>,
    /// A key whose signatures count; as for `verify`.
    #[arg(long = "public-key", value_name = "KEY", value_parser = verify::trusted_key)]
    public_keys: Vec<Fingerprint>,
    /// A key that signed before those; as for `verify`.
    #[arg(long = "retired-key", value_name = "KEY", value_parser = verify::trusted_key, requires = "public_keys")]
    retired_keys: Vec<Fingerprint>,
    /// No digest was ever written: the bucket is empty, and rightly so.
    #[arg(long)]
    nothing_exported: bool,
    /// The newest window may have ended more than 25 hours ago: the export was switched off, or stood still.
    #[arg(long, conflicts_with = "nothing_exported")]
    export_was_off: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// The exit status is as for `verify`, and 1 when the state cannot be moved.
pub(super) fn run(args: &ResumeExportArgs) -> Result<u8, Failure> {
    verify::told(resume(args), false)
}

fn resume(args: &ResumeExportArgs) -> Result<u8, Failure> {
    let (runtime, store) = (runtime()?, table::open(&args.table)?);
    let scope = TenantScope::for_service(Service::Operator, &args.org);
    let standing =
        runtime.block_on(store.standing_export(&scope)).map_err(|error| sporlog_model::error_chain(&error))?;
    let standing = standing.ok_or_else(|| format!("{} has no export in this table", args.org))?;
    if standing.running {
        return Err("a run is under way; try again when it has ended".into());
    }
    let sources = args.sources.iter().map(|source| verify::open(source, &runtime)).collect::<Result<Vec<_>, _>>()?;
    let bucket = if args.nothing_exported {
        bucket_end::none(&sources, &args.org, &standing.state)?;
        None
    } else {
        let trusted = args.public_keys.iter().cloned().collect::<TrustedKeys>();
        let trusted = trusted.with_retired(args.retired_keys.iter().cloned());
        Some(bucket_end::read(&sources, &args.org, &standing.state, &trusted)?)
    };
    let state = match &bucket {
        None => standing.state.clone(),
        Some(bucket) => {
            let days = store.feed_days(&scope, Instant::MIN, Instant::MAX);
            let days = runtime.block_on(days).map_err(|error| sporlog_model::error_chain(&error))?;
            standing.moved_to(bucket, days.first().map(|day| day.start()), args.export_was_off)?
        }
    };
    tell("state", &standing.state)?;
    tell("goes on at", &state)?;
    if let Some(plan) = &state.plan {
        print(format_args!("first           the segment that is begun: {}", plan.digest_key))?;
    }
    if args.dry_run {
        print(format_args!("dry run         nothing was changed"))?;
        return Ok(0);
    }
    for old in &args.in_place_of {
        // First, so that at no point two tables export; cut here, none does until this is repeated.
        let stopped = runtime.block_on(table::open(old)?.hand_over_export(&scope, &store));
        stopped.map_err(|error| sporlog_model::error_chain(&error))?;
        print(format_args!("stopped         in the table {old}"))?;
    }
    write(&store, &scope, &standing, &state, &runtime)?;
    print(format_args!("resumed         in the table {}", args.table))?;
    Ok(0)
}

fn write(
    store: &Store,
    scope: &TenantScope,
    standing: &StandingExport,
    state: &ExportState,
    runtime: &Runtime,
) -> Result<(), Failure> {
    let resumed = runtime.block_on(store.resume_export(scope, standing, state));
    resumed.map_err(|error| format!("nothing was changed: {}", sporlog_model::error_chain(&error)).into())
}

fn tell(name: &str, state: &ExportState) -> io::Result<()> {
    let digest = state.previous_digest_sha256.as_deref().unwrap_or("none");
    let live = state.exported_to.map_or_else(|| "not begun".to_owned(), |to| format!("up to {to}"));
    let backfill = state.backfill.map(|left| format!(", history from {} still to come", left.from)).unwrap_or_default();
    print(format_args!("{name:<15} number {} behind the digest {digest}; live {live}{backfill}", state.next_seq))
}
