//! Schedule expressions.

use std::time::Duration;

/// `rate(5 minutes)` as a duration. `cron(…)` and `at(…)` are not understood: the local run has no calendar.
pub(super) fn parse(expression: &str) -> Option<Duration> {
    let (count, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let seconds: u64 = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(count.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_nothing_else() {
        assert_eq!(parse("rate(5 minutes)"), Some(Duration::from_mins(5)));
        assert_eq!(parse("rate(1 hour)"), Some(Duration::from_hours(1)));
        assert_eq!(parse("rate(2 days)"), Some(Duration::from_hours(48)));
        for wrong in ["rate(0 minutes)", "rate(5 weeks)", "rate(5)", "cron(0 1 * * ? *)", "rate(-1 minutes)", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
