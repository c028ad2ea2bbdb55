/// What is counted for alarms, one each time it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// An organization's export was switched off because its destination failed for too long.
    ExportSwitchedOff,
}

impl Metric {
    /// The metric's name in the namespace `Sporlog`.
    const fn name(self) -> &'static str {
        match self {
            Self::ExportSwitchedOff => "ExportSwitchedOff",
        }
    }

    /// One line in the embedded metric format, from which `CloudWatch` makes the metric when it stores the line (Amazon
    /// `CloudWatch` User Guide, "Specification: Embedded metric format"). `service` is the dimension `Service`.
    fn line(self, service: &str, now_ms: i64) -> String {
        let name = self.name();
        serde_json::json!({
            "_aws": {
                "Timestamp": now_ms,
                "CloudWatchMetrics": [{
                    "Namespace": "Sporlog",
                    "Dimensions": [["Service"]],
                    "Metrics": [{"Name": name, "Unit": "Count"}],
                }],
            },
            "Service": service,
            name: 1,
        })
        .to_string()
    }
}

/// Counts one of `metric`, now: a line on standard output, which Lambda hands to `CloudWatch` as it is. `service` is the
/// function's crate; `now_ms` are milliseconds since 1970.
pub fn count(metric: Metric, service: &str, now_ms: i64) {
    println!("{}", metric.line(service, now_ms));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let line = Metric::ExportSwitchedOff.line("export-run", 1_700_000_000_000);
        assert!(!line.contains('\n'));
        let expected = serde_json::json!({
            "_aws": {
                "Timestamp": 1_700_000_000_000_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Sporlog",
                    "Dimensions": [["Service"]],
                    "Metrics": [{"Name": "ExportSwitchedOff", "Unit": "Count"}],
                }],
            },
            "Service": "export-run",
            "ExportSwitchedOff": 1,
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), expected);
    }
}
