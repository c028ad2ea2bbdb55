//! Measures Sporlog against what one would use instead, and writes the figures of `docs/performance.md`.
//!
//! `main.rs` says which rows there are and in which order; `rows/` has them. What they stand on: `process.rs` and `runtime_api.rs` run a
//! function as Lambda does, `engine.rs` and `front.rs` are the table and what stands before it, `peers.rs` installs the others,
//! `statistics.rs` and `report.rs` make tables of it. Must not be used by any other crate.

mod bucket;
mod child;
mod engine;
mod events;
mod feed;
mod front;
mod gateway;
mod machine;
mod peers;
mod process;
mod report;
mod rows;
mod runtime_api;
mod statistics;
mod tls;
mod units;
mod workspace;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::peers::Peers;
use crate::report::Section;
use crate::rows::{Context, append, artifacts, export, growth, pages, start, units as unit_rows, warm};

/// What went wrong. Whatever it is, the run ends.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures Sporlog against what one would use instead.
#[derive(Debug, Parser)]
struct Arguments {
    /// The rows to measure; all without it.
    #[arg(long, value_delimiter = ',', value_enum)]
    rows: Vec<Row>,
    /// Few repeats and little data: to see that it works. Writes nothing unless --write is given.
    #[arg(long)]
    quick: bool,
    /// How often each thing is measured, in turn with what it is measured against.
    #[arg(long, default_value_t = 11)]
    rounds: u32,
    /// The document to write; docs/performance.md without it.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Builds everything from nothing first, and notes how long that took.
    #[arg(long)]
    clean_build: bool,
    #[command(subcommand)]
    child: Option<Child>,
}

/// Parts of a measurement that want a process of their own. Started by the bench itself.
#[derive(Debug, Subcommand)]
enum Child {
    /// Calls the router and a bare query in turn; prints the times.
    #[command(hide = true)]
    Router { calls: u32 },
    /// Reads a feed and drops it; prints the time.
    #[command(hide = true)]
    ReadFeed { org: String, days: Vec<String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    Cold,
    Warm,
    Memory,
    Append,
    Pages,
    Export,
    Units,
    Artifacts,
    Growth,
}

impl Row {
    /// In the order of their time: an export heats the machine.
    const ALL: [Self; 9] = [
        Self::Cold,
        Self::Warm,
        Self::Memory,
        Self::Append,
        Self::Pages,
        Self::Units,
        Self::Artifacts,
        Self::Growth,
        Self::Export,
    ];

    fn needs_peers(self) -> bool {
        matches!(self, Self::Cold | Self::Memory | Self::Export)
    }

    async fn measure(self, context: &Context) -> Result<Vec<Section>, Failure> {
        match self {
            Self::Cold => start::cold(context).await,
            Self::Warm => warm::measure(context).await,
            Self::Memory => start::memory(context).await,
            Self::Append => append::measure(context).await,
            Self::Pages => pages::measure(context).await,
            Self::Export => export::measure(context).await,
            Self::Units => unit_rows::measure(context).await,
            Self::Artifacts => artifacts::measure(context),
            Self::Growth => growth::measure(context).await,
        }
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let mut runtime = match arguments.child {
        // As Lambda's functions: one thread.
        Some(_) => tokio::runtime::Builder::new_current_thread(),
        None => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    match arguments.child {
        Some(Child::Router { calls }) => runtime.block_on(child::router(calls)),
        Some(Child::ReadFeed { org, days }) => runtime.block_on(child::read_feed(&org, &days)),
        None => runtime.block_on(measure(&arguments)),
    }
}

async fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let chosen = |row: &Row| arguments.rows.is_empty() || arguments.rows.contains(row);
    let rows: Vec<Row> = Row::ALL.into_iter().filter(chosen).collect();
    let peers = rows.iter().any(|row| row.needs_peers()).then(Peers::install).transpose()?;
    let build_seconds = workspace::build_released(arguments.clean_build)?;
    let context = Context {
        rounds: if arguments.quick { 3 } else { arguments.rounds.max(10) },
        quick: arguments.quick,
        peers,
        build_seconds,
    };
    // A partial run says nothing about the others' machine.
    let mut sections = if arguments.rows.is_empty() { vec![machine::section()] } else { Vec::new() };
    for row in rows {
        eprintln!("measuring {row:?}");
        for section in row.measure(&context).await? {
            println!("\n## {}\n\n{}", section.name, section.markdown);
            sections.push(section);
        }
    }
    match &arguments.write {
        Some(path) => report::write(path, &sections),
        None if arguments.quick => Ok(()),
        None => report::write(&workspace::root().join("docs/performance.md"), &sections),
    }
}
