use clap::Args;
use sporlog_auth::{Service, TenantScope};
use sporlog_model::{OrgId, error_chain};
use sporlog_store::{CopyError, CopyReport, Copying, Store};

use super::output::print;
use super::{Failure, runtime, table};

/// Not every row is there as it is in the other table.
const DIFFERENT: u8 = 1;

#[derive(Debug, Args)]
pub(super) struct CopyOrgArgs {
    /// Whose rows.
    #[arg(long, value_parser = OrgId::parse)]
    org: OrgId,
    /// The table they are in: its name, or its ARN.
    #[arg(long, value_name = "TABLE")]
    from: String,
    /// The table they are to be in.
    #[arg(long, value_name = "TABLE")]
    to: String,
    /// Only compare; write nothing.
    #[arg(long, conflicts_with = "hand_over")]
    dry_run: bool,
    /// Events that the other table's export has passed were exported before they were lost: put them back. Without this,
    /// nothing is written when there are such, since they would never be exported.
    #[arg(long, conflicts_with = "dry_run")]
    already_exported: bool,
    /// When everything is there: the export goes on in the other table, and never again from this one.
    #[arg(long)]
    hand_over: bool,
    /// Into how many parts the reading of the table is split.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    segments: u16,
}

/// The exit status is 0 when every row is there, byte for byte.
pub(super) fn run(args: &CopyOrgArgs) -> Result<u8, Failure> {
    let (from, to) = (table::open(&args.from)?, table::open(&args.to)?);
    runtime()?.block_on(copy(args, &from, &to))
}

async fn copy(args: &CopyOrgArgs, from: &Store, to: &Store) -> Result<u8, Failure> {
    let scope = TenantScope::for_service(Service::Operator, &args.org);
    if !args.dry_run {
        let copying = if args.already_exported { Copying::WriteExported } else { Copying::Write };
        let copied = from.copy_org(&scope, to, args.segments, copying).await.map_err(|error| told(&error))?;
        print(format_args!("copied          {} of {} rows", copied.absent, copied.rows))?;
    }
    let CopyReport { rows, same, absent, different, different_keys, passed, first_passed: _ } =
        from.copy_org(&scope, to, args.segments, Copying::Compare).await.map_err(|error| told(&error))?;
    print(format_args!("compared        {rows} rows: {same} the same, {absent} absent, {different} different"))?;
    if passed > 0 {
        print(format_args!("passed          {passed} of the absent are events that the export there would leave out"))?;
    }
    for key in &different_keys {
        print(format_args!("different       {key}"))?;
    }
    if absent > 0 || different > 0 {
        return Ok(DIFFERENT);
    }
    if args.hand_over {
        from.hand_over_export(&scope, to).await.map_err(|error| told(&error))?;
        print(format_args!("handed over     the export goes on in {}", args.to))?;
    }
    Ok(0)
}

/// The whole chain of causes: an SDK's error alone says next to nothing.
fn told(error: &CopyError) -> Failure {
    error_chain(error).into()
}
