use std::fs;
use std::time::Duration;

/// How long answers took, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn push(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(super) fn merge(all: impl IntoIterator<Item = Self>) -> Self {
        Self(all.into_iter().flat_map(|latencies| latencies.0).collect())
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Below this were `percent` of a hundred, in milliseconds.
    pub(super) fn percentile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let position = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted[position].as_secs_f64() * 1_000.0
    }
}

/// Resident memory of this process, in MB, over time.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<f64>);

impl Memory {
    pub(super) fn sample(&mut self) {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        self.0.push(kilobytes / 1_024.0);
    }

    /// The median of a quarter, from 0.
    pub(super) fn of_quarter(&self, quarter: usize) -> f64 {
        let bounds = [quarter, quarter + 1].map(|quarter| self.0.len() * quarter / 4);
        let mut samples = self.0[bounds[0]..bounds[1]].to_vec();
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    }
}
