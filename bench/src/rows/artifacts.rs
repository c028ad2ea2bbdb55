//! What is deployed, how large it is and how long it takes to build; and how long the local system takes to start.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::Context;
use super::export::float;
use crate::Failure;
use crate::report::{Goal, Section, Table, figure, spread};
use crate::statistics::Sample;
use crate::workspace::{binary, functions};

/// Of an archive, in bytes.
const ZIP_LIMIT: f64 = 4.5e6;
/// What a ZIP archive of one file has beside its data (APPNOTE.TXT 4.3: local header, central header and end record, with the name
/// `bootstrap` twice).
const ZIP_OVERHEAD: u64 = 30 + 46 + 22 + 2 * 9;
const START_LIMIT: Duration = Duration::from_secs(1);
const WITHIN: Goal = Goal::AtMost(1.0);

pub(crate) fn measure(context: &Context) -> Result<Vec<Section>, Failure> {
    let mut table = Table::new(["artifact", "binary", "zip", "goal", "verdict"]);
    for name in functions()? {
        let bytes = std::fs::read(binary(&name))?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        let zip = encoder.finish()?.len() as u64 + ZIP_OVERHEAD;
        table.row([
            format!("`{name}`"),
            format!("{} MB", figure(float(bytes.len() as u64) / 1e6)),
            format!("{} MB", figure(float(zip) / 1e6)),
            format!("≤ {} MB", ZIP_LIMIT / 1e6),
            WITHIN.verdict(float(zip) / ZIP_LIMIT).to_owned(),
        ]);
    }
    let mut starts = Vec::new();
    for _ in 0..context.rounds {
        starts.push(start_of_serve()?.as_secs_f64());
    }
    let starts = Sample::of(starts).ok_or("nothing was measured")?;
    let mut other = Table::new(["", "", "goal", "verdict"]);
    other.row([
        "`sporlog serve` to `ready`, empty directory, with the demo".to_owned(),
        spread(&starts, "s"),
        "< 1 s".to_owned(),
        WITHIN.verdict(starts.median() / START_LIMIT.as_secs_f64()).to_owned(),
    ]);
    let build = context
        .build_seconds
        .map_or_else(|| "not measured; `--clean-build` does".to_owned(), |seconds| format!("{} s", figure(seconds)));
    other.row(["release build of everything, from nothing".to_owned(), build, "noted".to_owned(), "–".to_owned()]);
    Ok(vec![table.section("artifacts"), other.section("serve")])
}

/// Starts it in an empty directory and waits for the line that says so. Blocks, and nothing else is done meanwhile.
fn start_of_serve() -> Result<Duration, Failure> {
    let directory = tempfile::tempdir()?;
    let started = Instant::now();
    let mut child = Command::new(binary("sporlog"))
        .args(["serve", "--port=0", "--invoke-port=0", "--dynamodb-port=0", "--s3-port=0", "--data-dir"])
        .arg(directory.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let ready = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "ready");
    let taken = started.elapsed();
    child.kill()?;
    child.wait()?;
    if ready { Ok(taken) } else { Err("the server ended before it was ready".into()) }
}
