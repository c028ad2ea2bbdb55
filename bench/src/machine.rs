//! On what, and with which versions, the figures were measured.

use sporlog_model::Clock;

use crate::report::{Section, Table};
use crate::workspace::first_line;

fn from_proc(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

/// The section `machine`.
pub(crate) fn section() -> Section {
    let unknown = || "unknown".to_owned();
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let model = from_proc("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let memory = from_proc("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let mut table = Table::new(["", ""]);
    table
        .row(["measured".to_owned(), format!("{}", Clock::system().now().day())])
        .row(["commit".to_owned(), first_line("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown)])
        .row(["processor".to_owned(), format!("{model}, {processors} cores, {}", std::env::consts::ARCH)])
        .row(["memory".to_owned(), format!("{} GB", memory.unwrap_or_default() / 1_048_576)])
        .row(["system".to_owned(), first_line("uname", &["-sr"]).unwrap_or_else(unknown)])
        .row(["Rust".to_owned(), first_line("rustc", &["--version"]).unwrap_or_else(unknown)])
        .row(["Python".to_owned(), first_line("python3.11", &["--version"]).unwrap_or_else(unknown)])
        .row(["Node.js".to_owned(), first_line("node", &["--version"]).unwrap_or_else(unknown)]);
    table.section("machine")
}
