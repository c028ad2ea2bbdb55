use crate::Environment;

/// What is measured for alarms and the dashboard. Its name in `CloudWatch` is the name of the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Seconds for which the organization that waits longest has waited for its export; at every tick of the schedule, so that
    /// no value means no tick.
    ExportAge,
    /// Events that runs of exports have committed.
    EventsExported,
    /// A run that failed, for whatever reason.
    ExportRunFailed,
    /// A run that failed for a reason that neither the customer can mend nor time: ours to look at.
    ExportRunFault,
    /// A run that found its log changed behind a planned segment: waits for a person.
    ExportPlanMismatch,
    /// An organization's export was switched off because its destination failed for too long.
    ExportSwitchedOff,
    /// Events that were new and are in the log.
    EventsStored,
    /// Records that can never be stored and are in the dead-letter queue.
    RecordsRejected,
    /// Records that could not be stored now and come again.
    RecordsFailed,
    /// A credential of which it could not be found out whether it holds. Not one that was refused.
    AuthorizerFault,
    /// An issuer's keys could not be fetched, and not because there is no such issuer.
    IssuerUnreachable,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ExportAge,
        Self::EventsExported,
        Self::ExportRunFailed,
        Self::ExportRunFault,
        Self::ExportPlanMismatch,
        Self::ExportSwitchedOff,
        Self::EventsStored,
        Self::RecordsRejected,
        Self::RecordsFailed,
        Self::AuthorizerFault,
        Self::IssuerUnreachable,
    ];

    /// The metric's name in [`METRIC_NAMESPACE`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExportAge => "ExportAge",
            Self::EventsExported => "EventsExported",
            Self::ExportRunFailed => "ExportRunFailed",
            Self::ExportRunFault => "ExportRunFault",
            Self::ExportPlanMismatch => "ExportPlanMismatch",
            Self::ExportSwitchedOff => "ExportSwitchedOff",
            Self::EventsStored => "EventsStored",
            Self::RecordsRejected => "RecordsRejected",
            Self::RecordsFailed => "RecordsFailed",
            Self::AuthorizerFault => "AuthorizerFault",
            Self::IssuerUnreachable => "IssuerUnreachable",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::ExportAge => "Seconds",
            _ => "Count",
        }
    }
}

/// Where all of our own metrics are.
pub const METRIC_NAMESPACE: &str = "Sporlog";

/// Their one dimension: the name of the function, as AWS/Lambda has it for its own. It tells the function and the deployment
/// apart; an organization is never one, since each value of a dimension is a metric that costs.
pub const METRIC_DIMENSION: &str = "FunctionName";

/// The target of the log events that are metrics. [`crate::init_logging`] writes them as `CloudWatch` wants them.
pub const METRIC_TARGET: &str = "sporlog_metric";

/// Measures for one function.
#[derive(Debug, Clone)]
pub struct Metrics {
    function: String,
}

impl Metrics {
    /// For the function that this process is, as `AWS_LAMBDA_FUNCTION_NAME` says; outside Lambda, `local`.
    pub fn of(environment: &Environment) -> Self {
        Self { function: environment.get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or("local").to_owned() }
    }

    /// Notes that something happened once. `now_seconds` are seconds since 1970.
    pub fn count(&self, metric: Metric, now_seconds: i64) {
        self.record(&[(metric, 1)], now_seconds);
    }

    /// Notes values, in one line. `now_seconds` are seconds since 1970.
    pub fn record(&self, values: &[(Metric, u64)], now_seconds: i64) {
        tracing::info!(target: METRIC_TARGET, emf = self.line(values, now_seconds));
    }

    /// One line in the embedded metric format, from which `CloudWatch` makes the metrics when it stores the line (Amazon
    /// `CloudWatch` User Guide, "Specification: Embedded metric format").
    fn line(&self, values: &[(Metric, u64)], now_seconds: i64) -> String {
        let metrics: Vec<_> = values
            .iter()
            .map(|(metric, _)| serde_json::json!({"Name": metric.name(), "Unit": metric.unit()}))
            .collect();
        let mut line = serde_json::json!({
            "_aws": {
                "Timestamp": now_seconds.saturating_mul(1_000),
                "CloudWatchMetrics": [{
                    "Namespace": METRIC_NAMESPACE,
                    "Dimensions": [[METRIC_DIMENSION]],
                    "Metrics": metrics,
                }],
            },
            METRIC_DIMENSION: self.function,
        });
        for (metric, value) in values {
            line[metric.name()] = (*value).into();
        }
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let environment =
            Environment::from_values([("AWS_LAMBDA_FUNCTION_NAME".to_owned(), "sporlog-run-1".to_owned())]);
        let values = [(Metric::EventsExported, 7), (Metric::ExportAge, 300)];
        let line = Metrics::of(&environment).line(&values, 1_700_000_000);
        assert!(!line.contains('\n'));
        let expected = serde_json::json!({
            "_aws": {
                "Timestamp": 1_700_000_000_000_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Sporlog",
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [
                        {"Name": "EventsExported", "Unit": "Count"},
                        {"Name": "ExportAge", "Unit": "Seconds"},
                    ],
                }],
            },
            "FunctionName": "sporlog-run-1",
            "EventsExported": 7,
            "ExportAge": 300,
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), expected);
    }

    #[test]
    fn names_are_those_of_the_variants() {
        assert!(Metric::ALL.into_iter().all(|metric| metric.name() == format!("{metric:?}")));
    }
}
