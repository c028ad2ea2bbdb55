use std::time::Duration;

/// One tick of the schedule.
const FIRST: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(6);

/// How long to wait after the given number of failures in a row: doubling, up to six hours, and between half of that and
/// all of it, so that organizations that failed together do not come back together. `random` is in 0..1.
pub(crate) fn wait_after(consecutive_failures: u64, random: f64) -> Duration {
    let doublings = u32::try_from(consecutive_failures.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let wait = FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST);
    wait.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest() {
        let minutes = |failures| wait_after(failures, 1.0).as_secs() / 60;
        assert_eq!([1, 2, 3, 7, 8, u64::MAX].map(minutes), [5, 10, 20, 320, 360, 360]);
        assert_eq!(wait_after(1, 0.0), FIRST / 2);
    }
}
