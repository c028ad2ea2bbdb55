use std::fmt::Display;
use std::io;

use sporlog_verify::{Backfill, Fault, ProofReport, Report};

use super::Failure;
use crate::cli::output::print;

/// What was proven.
pub(super) fn report(report: &Report, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(print(serde_json::to_string_pretty(report)?)?);
    }
    let without_events = report.digests - report.objects;
    line("organization", &report.org_id)?;
    line("digests", format!("{}, chained; {without_events} of windows without events", report.digests))?;
    line("objects", format!("{}, {} bytes of lines", report.objects, report.bytes))?;
    let twice = match report.repeated {
        0 => "none twice".to_owned(),
        again => format!("{again} of them again, as after the table was restored"),
    };
    line("events", format!("{}, numbered without a gap, {twice}", report.events))?;
    line("complete", format!("from {} up to {}", report.complete_from, report.complete_to))?;
    line(
        "backfill",
        match report.backfill {
            Backfill::None => "none".to_owned(),
            Backfill::Finished { from } => format!("finished, from {from}"),
            Backfill::Unfinished { from, to } => {
                format!("from {from} up to {to} so far; the first digest of the live stream shows where it ends")
            }
        },
    )?;
    line("signed", signed(report))?;
    for signer in &report.signers {
        line("  by", format!("{} ({})", signer.fingerprint, signer.key_id))?;
    }
    line("newest digest", format!("{} ({})", report.newest_digest_sha256, report.newest_digest_key))?;
    line("nothing else", other(report))?;
    Ok(())
}

fn signed(report: &Report) -> String {
    match report.signed {
        0 => "not signed".to_owned(),
        all if all == report.digests => "all digests".to_owned(),
        some => format!("{some} digests, the newest among them: it covers those before"),
    }
}

fn other(report: &Report) -> String {
    let mut told = vec!["no object that no digest names".to_owned()];
    if report.connection_tests > 0 {
        told.push(format!("{} of tests of the connection, ignored", report.connection_tests));
    }
    if report.left_behind > 0 {
        told.push(format!("{} second copies, left behind when the export moved", report.left_behind));
    }
    told.join("; ")
}

/// What a proof proves.
pub(super) fn proof(report: &ProofReport, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(print(serde_json::to_string_pretty(report)?)?);
    }
    line("organization", &report.org_id)?;
    line("event", format!("{} {}, number {}", report.entity_type, report.id, report.seq))?;
    line("recorded", report.recorded_at)?;
    line("in the digest", &report.digest_sha256)?;
    match &report.signer {
        Some(signer) => line("signed by", signer)?,
        None => line("signed", "not signed: as good as the source of the digest's hash")?,
    }
    Ok(())
}

/// The first thing that is wrong.
pub(super) fn fault(fault: &Fault, json: bool) -> Result<(), Failure> {
    if json {
        print(serde_json::to_string_pretty(&serde_json::json!({ "fault": fault }))?)?;
    } else {
        eprintln!("sporlog: {fault}");
    }
    Ok(())
}

fn line(name: &str, value: impl Display) -> io::Result<()> {
    print(format_args!("{name:<15} {value}"))
}
