//! Where an export ends by what is in its bucket: what an operator's `resume-export` goes by.

use std::error::Error;

use sporlog_model::OrgId;
use sporlog_store::{ExportState, ExportedSoFar};
use sporlog_verify::{ChainEnd, FaultKind, Options, Source, TrustedKeys, Verifier, VerifyError};

type Failure = Box<dyn Error>;

/// Where the chain in these sources ends. An error, which may be a [`sporlog_verify::Fault`], when they do not verify, or when
/// the digest that `state` names is not in the chain: then this is not that export, or not all of it.
pub fn read(
    sources: &[Box<dyn Source>],
    org: &OrgId,
    state: &ExportState,
    trusted: &TrustedKeys,
) -> Result<ExportedSoFar, Failure> {
    let known = state.previous_digest_sha256.as_deref();
    let end = |begun| {
        let options = Options { trusted: trusted.clone(), begun, ..Options::default() };
        Verifier { sources, org, options: &options }.end(known)
    };
    let end = match end(None) {
        // Of a run that was cut between a segment and its digest: right if it is the segment that the state has planned, and
        // if nothing came behind it.
        Err(VerifyError::Fault(fault)) if fault.kind == FaultKind::Orphan => {
            let end = end(begun(state)).map_err(failure)?;
            if Some(end.newest_digest_sha256.as_str()) != known {
                return Err(fault);
            }
            end
        }
        end => end.map_err(failure)?,
    };
    if let Some(known) = known
        && !end.has_looked_for
    {
        return Err(format!(
            "the digest {known}, which the state names, is not in the chain: this is not all of that export"
        )
        .into());
    }
    let ChainEnd { next_seq, newest_digest_sha256, live, backfill, has_looked_for: _ } = end;
    Ok(ExportedSoFar { next_seq, newest_digest_sha256, live, backfill })
}

/// That nothing was exported, but for what tests of the connection left and for the object that `state` has planned.
pub fn none(sources: &[Box<dyn Source>], org: &OrgId, state: &ExportState) -> Result<(), Failure> {
    if let Some(digest) = &state.previous_digest_sha256 {
        return Err(format!("something was exported: the state names the digest {digest}").into());
    }
    let begun = begun(state);
    for source in sources {
        let keys = source.list(org)?;
        let other = keys.iter().find(|key| !key.contains("/connection-tests/") && begun.as_ref() != Some(key));
        if let Some(key) = other {
            return Err(format!("something was exported: {} has {key}", source.name()).into());
        }
    }
    Ok(())
}

fn begun(state: &ExportState) -> Option<String> {
    state.plan.as_ref().and_then(|plan| plan.object.as_ref()).map(|object| object.key.clone())
}

fn failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Fault(fault) => fault,
        VerifyError::Source(error) => error.into(),
    }
}
