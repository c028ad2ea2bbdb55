mod bucket;
mod print;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sporlog_boot::Environment;
use sporlog_model::{Clock, OrgId};
use sporlog_verify::{
    Directory, EventQuery, Fault, Fingerprint, Options, Proof, Source, TrustedKeys, Verifier, VerifyError,
};
use tokio::runtime::Runtime;

use self::bucket::BucketSource;
use super::output::print as print_text;
use super::{Failure, runtime};

/// Something is wrong with the export.
const FAULTY: u8 = 1;
/// Nothing can be said of the export: it was not read, or not asked for in a way that is understood. As clap has it.
const UNREADABLE: u8 = 2;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// A copy of the bucket or its prefix, or `s3://BUCKET/PREFIX`. Several, when the export has moved.
    #[arg(value_name = "SOURCE", required_unless_present = "proof")]
    sources: Vec<String>,
    /// Whose export it is.
    #[arg(long, required_unless_present = "proof", value_parser = OrgId::parse)]
    org: Option<OrgId>,
    /// A key whose signatures count: a PEM file, its DER in base64, or its SHA-256. May be given more than once.
    #[arg(long = "public-key", value_name = "KEY", value_parser = trusted_key)]
    public_keys: Vec<Fingerprint>,
    /// A key that signed before those: its signatures count only before the first of a `--public-key`.
    #[arg(long = "retired-key", value_name = "KEY", value_parser = trusted_key, requires = "public_keys")]
    retired_keys: Vec<Fingerprint>,
    /// Every digest must be signed.
    #[arg(long)]
    require_signature: bool,
    /// The newest window must have ended within this many hours. An idle organization has a digest at least daily: 25.
    #[arg(long, value_name = "HOURS")]
    max_age: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print a proof that this event is in the export: a file with its line, or with its `id` and `entityType`.
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// Check a proof, without the export.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sources", "org", "event", "max_age"])]
    proof: Option<PathBuf>,
}

/// The exit status is 0 when everything was proven, 1 when something is wrong, 2 when it cannot be told.
pub(super) fn run(args: VerifyArgs) -> u8 {
    let json = args.json;
    told(checked(args), json).unwrap_or_else(|error| {
        eprintln!("sporlog: {}", sporlog_model::error_chain(error.as_ref()));
        UNREADABLE
    })
}

/// The exit status of what came out; a fault is printed.
pub(super) fn told(outcome: Result<u8, Failure>, json: bool) -> Result<u8, Failure> {
    outcome.or_else(|error| {
        let fault = error.downcast::<Fault>()?;
        print::fault(&fault, json)?;
        Ok(FAULTY)
    })
}

fn checked(args: VerifyArgs) -> Result<u8, Failure> {
    let options = Options {
        trusted: args.public_keys.into_iter().collect::<TrustedKeys>().with_retired(args.retired_keys),
        require_signature: args.require_signature,
        max_age: args.max_age.map(|hours| (Duration::from_hours(hours), Clock::system().now())),
        begun: None,
    };
    if let Some(file) = &args.proof {
        let name = file.display().to_string();
        let proof = Proof::parse(&read(file)?, &name)?.check(&name, &options)?;
        print::proof(&proof, args.json)?;
        return Ok(0);
    }
    let org = args.org.ok_or("--org is missing")?;
    let runtime = runtime()?;
    let sources = args.sources.iter().map(|source| open(source, &runtime)).collect::<Result<Vec<_>, _>>()?;
    let verifier = Verifier { sources: &sources, org: &org, options: &options };
    let Some(file) = &args.event else {
        let report = verifier.verify().map_err(failure)?;
        print::report(&report, args.json)?;
        return Ok(0);
    };
    let query = EventQuery::parse(&read(file)?).map_err(|error| format!("{} {error}", file.display()))?;
    let (_, proof) = verifier.prove(&query).map_err(failure)?;
    let Some(proof) = proof else {
        eprintln!("sporlog: the export is whole, and this event is not in it");
        return Ok(FAULTY);
    };
    // Whoever gets the proof checks it like this.
    proof.check(&file.display().to_string(), &options)?;
    print_text(serde_json::to_string_pretty(&proof)?)?;
    Ok(0)
}

pub(super) fn failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Fault(fault) => fault,
        VerifyError::Source(error) => error.into(),
    }
}

pub(super) fn open(source: &str, runtime: &Runtime) -> Result<Box<dyn Source>, Failure> {
    match source.strip_prefix("s3://") {
        Some(place) => Ok(Box::new(BucketSource::open(place, &Environment::of_process(), runtime.handle())?)),
        None => Ok(Box::new(Directory::open(Path::new(source))?)),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

pub(super) fn trusted_key(text: &str) -> Result<Fingerprint, String> {
    let file = Path::new(text);
    let content = if file.is_file() {
        std::fs::read_to_string(file).map_err(|error| error.to_string())?
    } else {
        text.to_owned()
    };
    Fingerprint::parse(&content).map_err(|error| error.to_string())
}
