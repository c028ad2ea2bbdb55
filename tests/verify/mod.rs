//! Whether `verify` believes what it should, and nothing else: real exports, and copies of them that somebody changed.

mod chain;
pub(crate) mod copy;
pub(crate) mod export;
mod proofs;
mod signatures;
mod tampering;
mod whole;

use std::path::Path;

use sporlog_verify::{Directory, Fault, FaultKind, Options, Report, Source, Verifier, VerifyError};

use crate::harness::org;

/// What `verify` says of an organization's export in these directories.
fn verify_all(directories: &[&Path], id: &str, options: &Options) -> Result<Report, Fault> {
    let open = |path: &&Path| -> Box<dyn Source> { Box::new(Directory::open(path).unwrap()) };
    let sources: Vec<_> = directories.iter().map(open).collect();
    let org = org(id);
    match (Verifier { sources: &sources, org: &org, options }).verify() {
        Ok(report) => Ok(report),
        Err(VerifyError::Fault(fault)) => Err(*fault),
        Err(VerifyError::Source(error)) => panic!("{error}"),
    }
}

fn verify(directory: &Path) -> Result<Report, Fault> {
    verify_all(&[directory], "diku", &Options::default())
}

/// That `verify` names this, and there.
fn assert_fault(result: Result<Report, Fault>, kind: FaultKind, place: &str) -> Fault {
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.to_string().contains(place), "{place}: {fault}");
    fault
}
