//! How much the tests do: seconds in their short form, minutes in the long one.

use std::time::Duration;

const LONG: bool = cfg!(feature = "long");

/// Of the faults by chance. Another seed gives other faults.
pub(super) const SEED: u64 = 20_261_121;

/// Faults by chance.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaultsSize {
    /// Organizations, each with its own clients.
    pub(super) orgs: usize,
    /// What each client does so often.
    pub(super) rounds: usize,
    /// Of so many answers of AWS one comes when the attempt was given up.
    pub(super) late_one_in: u32,
}

impl FaultsSize {
    /// Of a hundred calls of AWS, `percent` meet a fault.
    pub(super) const fn of(percent: u32) -> Self {
        let rounds = match (percent, LONG) {
            (..=5, false) => 6,
            (_, false) => 4,
            (..=1, true) => 60,
            (2..=5, true) => 50,
            (_, true) => 30,
        };
        let (orgs, late_one_in) = if LONG { (6, 1_000) } else { (3, 500) };
        Self { orgs, rounds, late_one_in }
    }
}

/// The flood.
#[derive(Debug, Clone, Copy)]
pub(super) struct FloodSize {
    /// Organizations beside the busy one.
    pub(super) quiet_orgs: u32,
    /// How long the machine is tried out.
    pub(super) calibration: Duration,
    /// How long the quiet organizations are measured alone.
    pub(super) alone: Duration,
    /// How long the flood lasts.
    pub(super) flood: Duration,
    /// Whether latency and memory are held against their limits: of a few seconds beside other tests they say nothing.
    pub(super) is_judged: bool,
}

pub(super) const FLOOD: FloodSize = if LONG {
    FloodSize {
        quiet_orgs: 199,
        calibration: Duration::from_secs(30),
        alone: Duration::from_mins(2),
        flood: Duration::from_mins(10),
        is_judged: true,
    }
} else {
    FloodSize {
        quiet_orgs: 39,
        calibration: Duration::from_secs(2),
        alone: Duration::from_secs(2),
        flood: Duration::from_secs(6),
        is_judged: false,
    }
};
