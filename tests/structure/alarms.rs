//! Who is woken for what: alarms, their runbook, the metrics they watch, and what every function and route has for whoever is on
//! call.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex_lite::Regex;
use serde_yaml_ng::{Mapping, Value};
use sporlog_boot::{METRIC_DIMENSION, METRIC_NAMESPACE, Metric};
use sporlog_local::template::EMBEDDED;

use super::{root, template};

/// Which function measures what.
const MEASURES: [(&str, &[Metric]); 4] = [
    ("AuthorizerFunction", &[Metric::AuthorizerFault, Metric::IssuerUnreachable]),
    ("ExportDispatchFunction", &[Metric::ExportAge]),
    (
        "ExportRunFunction",
        &[
            Metric::EventsExported,
            Metric::ExportRunFailed,
            Metric::ExportRunFault,
            Metric::ExportPlanMismatch,
            Metric::ExportSwitchedOff,
        ],
    ),
    ("IngestFunction", &[Metric::EventsStored, Metric::RecordsRejected, Metric::RecordsFailed]),
];

/// What can carry tags and is written out in the template; what SAM makes has those of its function.
const TAGGED: [&str; 8] = [
    "AWS::CloudWatch::Alarm",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::Serverless::HttpApi",
];

fn document() -> Value {
    serde_yaml_ng::from_str(EMBEDDED).unwrap()
}

/// The resources of a type with their properties.
fn all(kind: &str) -> BTreeMap<String, Value> {
    let document = document();
    let resources = document["Resources"].as_mapping().unwrap().iter();
    let of_kind = resources.filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource["Properties"].clone())).collect()
}

/// The value within `!Ref` and the like; of `!If`, the one of a stack as it is delivered.
fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) if tagged.tag == "If" => untagged(&tagged.value[2]),
        Value::Tagged(tagged) => &tagged.value,
        other => other,
    }
}

/// A metric that an alarm watches.
struct Watched {
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
}

fn watched(alarm: &Value) -> Vec<Watched> {
    let metrics = alarm["Metrics"].as_sequence().cloned().unwrap_or_default();
    let within = metrics.iter().filter_map(|metric| metric.get("MetricStat")).map(|stat| stat["Metric"].clone());
    let own = alarm.get("MetricName").map(|_| alarm.clone());
    let text = |value: &Value| untagged(value).as_str().unwrap().to_owned();
    within
        .chain(own)
        .map(|metric| {
            let dimensions = metric["Dimensions"].as_sequence().cloned().unwrap_or_default();
            let dimensions = dimensions.iter().map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"])));
            Watched {
                namespace: text(&metric["Namespace"]),
                name: text(&metric["MetricName"]),
                dimensions: dimensions.collect(),
            }
        })
        .collect()
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings =
        page.lines().filter_map(|line| line.strip_prefix("##")).map(|rest| rest.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
    };
    headings.map(anchor).collect()
}

fn operations_page() -> String {
    fs::read_to_string(root().join("docs/operations.md")).unwrap()
}

#[test]
fn every_alarm_is_complete_and_has_its_section() {
    let (page, alarms) = (operations_page(), all("AWS::CloudWatch::Alarm"));
    let anchors = anchors(&page);
    assert!(alarms.len() > 20, "{}", alarms.len());
    let mut sections = BTreeSet::new();
    for (name, alarm) in &alarms {
        let description = alarm["AlarmDescription"].as_str().unwrap();
        let (text, anchor) = description.split_once(" Runbook: docs/operations.md#").expect(name);
        // What CloudWatch takes.
        assert!(text.len() > 60 && description.len() <= 1024, "{name}");
        assert!(anchors.contains(anchor), "{name}: no section {anchor}");
        assert!(page.contains(&format!("`{name}`")), "{name} is not named in docs/operations.md");
        sections.insert(anchor.to_owned());
        for actions in ["AlarmActions", "OKActions"] {
            let topics: Vec<_> = alarm[actions].as_sequence().expect(name).iter().map(untagged).collect();
            assert_eq!(topics, ["AlarmTopic"], "{name}");
        }
        let missing = alarm["TreatMissingData"].as_str().expect(name);
        let breaching =
            ["ExportAgeAlarm", "ExportDispatchSilentAlarm", "RetentionSilentAlarm"].contains(&name.as_str());
        assert_eq!(missing, if breaching { "breaching" } else { "notBreaching" }, "{name}");
        for member in ["ComparisonOperator", "Threshold", "EvaluationPeriods"] {
            assert!(alarm.get(member).is_some(), "{name}: {member}");
        }
    }
    // A section under "Alarms" that no alarm leads to is one that nobody finds.
    let part = page.split_once("\n## Alarms\n").expect("a part about alarms").1;
    let part = part.split_once("\n## ").map_or(part, |(part, _)| part);
    let written = self::anchors(&part.replace("\n### ", "\n## "));
    assert_eq!(written, sections);
}

/// Whoever routes alarms finds each of them once, with who is to be woken.
#[test]
fn the_page_says_of_every_alarm_whether_it_wakes() {
    let page = operations_page();
    let table = page.split_once("| | alarms | why |\n").unwrap().1.split_once("\n\n").unwrap().0;
    let cells = table.lines().filter_map(|row| row.split('|').nth(2)).flat_map(|cell| cell.split(','));
    let mut named: Vec<&str> = cells.filter_map(|name| name.trim().strip_prefix('`')?.strip_suffix('`')).collect();
    named.sort_unstable();
    assert_eq!(named, all("AWS::CloudWatch::Alarm").into_keys().collect::<Vec<_>>());
}

#[test]
fn the_page_says_what_the_alarms_cost() {
    let page = operations_page();
    let watched: usize = all("AWS::CloudWatch::Alarm").values().map(|alarm| watched(alarm).len()).sum();
    assert!(page.contains(&format!("| metrics that alarms watch | {watched}, $0.10 each |")), "{watched}");
    // Ours, and the filter's.
    let own = Metric::ALL.len() + all("AWS::Logs::MetricFilter").len();
    assert!(page.contains(&format!("| own metrics | {own}, $0.30 each,")), "{own}");
}

/// Every code that a run can fail with, or a test of a connection, as the source has them.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    // A code stands before its sentence, or has a name of its own.
    let before_sentence = Regex::new(r#""([a-z0-9]+(?:_[a-z0-9]+)+)",\s*(?:"[A-Z]|sentence\b)"#).unwrap();
    let named = Regex::new(r#"const [A-Z_]+: &str = "([a-z0-9]+(?:_[a-z0-9]+)+)";"#).unwrap();
    for folder in ["shared/export/src", "functions/export-run/src", "shared/store/src"] {
        for file in fs::read_dir(root().join(folder)).unwrap() {
            let path = file.unwrap().path();
            let is_ours = folder != "shared/store/src" || path.ends_with("run.rs");
            let Some(text) = path.is_file().then(|| fs::read_to_string(&path).unwrap()).filter(|_| is_ours) else {
                continue;
            };
            let found = before_sentence.captures_iter(&text).chain(named.captures_iter(&text));
            codes.extend(found.map(|found| found[1].to_owned()));
        }
    }
    codes
}

#[test]
fn every_code_of_a_failed_run_is_explained_and_no_other() {
    let (page, codes) = (operations_page(), codes());
    assert!(codes.len() > 20, "{codes:?}");
    let part = page.split_once("\n## Codes of failed runs\n").unwrap().1.split_once("\n## ").unwrap().0;
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let explained: BTreeSet<String> =
        cells.flat_map(|cell| cell.split(',')).map(|code| code.trim().trim_matches('`').to_owned()).collect();
    // One word, which the pattern above does not look for.
    let codes: BTreeSet<String> = codes.into_iter().chain(["interrupted".to_owned()]).collect();
    assert_eq!(explained, codes);
}

#[test]
fn what_alarms_and_dashboard_watch_is_measured_and_the_reverse() {
    let measured: BTreeSet<(String, String)> = MEASURES
        .iter()
        .flat_map(|(function, metrics)| metrics.iter().map(|metric| (metric.name().to_owned(), (*function).to_owned())))
        .collect();
    let all_names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(measured.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(), all_names);

    let mut shown = BTreeSet::new();
    for (name, alarm) in all("AWS::CloudWatch::Alarm") {
        for Watched { namespace, name: metric, dimensions } in watched(&alarm) {
            if namespace == METRIC_NAMESPACE {
                let [(dimension, function)] = &dimensions[..] else { panic!("{name}: {dimensions:?}") };
                assert_eq!(dimension, METRIC_DIMENSION, "{name}");
                assert!(measured.contains(&(metric.clone(), function.clone())), "{name}: {metric} of {function}");
            }
        }
    }
    for metric in dashboard_metrics() {
        let parts: Vec<&str> = metric.iter().filter_map(serde_json::Value::as_str).collect();
        if let [METRIC_NAMESPACE, name, dimension, function] = parts[..] {
            assert_eq!(dimension, METRIC_DIMENSION);
            let function = function.trim_start_matches("${").trim_end_matches('}');
            shown.insert((name.to_owned(), function.to_owned()));
        }
    }
    assert_eq!(shown, measured);
}

/// The rows of all of the dashboard's graphs.
fn dashboard_metrics() -> Vec<Vec<serde_json::Value>> {
    let widgets = dashboard()["widgets"].as_array().unwrap().clone();
    let rows = widgets.iter().filter_map(|widget| widget["properties"]["metrics"].as_array());
    rows.flatten().map(|row| row.as_array().unwrap().clone()).collect()
}

fn dashboard() -> serde_json::Value {
    let dashboard = all("AWS::CloudWatch::Dashboard").remove("Dashboard").unwrap();
    let body = untagged(&dashboard["DashboardBody"])[0].as_str().unwrap();
    // A parameter that is a number stands without quotes.
    serde_json::from_str(&body.replace("${ExportAgeAlarmSeconds}", "7200")).unwrap()
}

#[test]
fn the_dashboard_shows_every_alarm_and_names_nothing_that_is_not() {
    let dashboard = dashboard();
    let alarms: BTreeSet<String> = dashboard["widgets"][0]["properties"]["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alarm| alarm.as_str().unwrap().trim_start_matches("${").trim_end_matches(".Arn}").to_owned())
        .collect();
    assert_eq!(alarms, all("AWS::CloudWatch::Alarm").into_keys().collect());
    let document = document();
    let text = dashboard.to_string();
    let names = text.split("${").skip(1).map(|rest| rest.split(['}', '.']).next().unwrap());
    for name in names.filter(|name| !name.starts_with("AWS::")) {
        let given = untagged(&document["Resources"]["Dashboard"]["Properties"]["DashboardBody"])[1].get(name);
        assert!(document["Resources"].get(name).or(given).is_some(), "{name}");
    }
}

#[test]
fn every_function_is_watched_traced_and_keeps_its_log_for_a_while() {
    let (document, logs) = (document(), all("AWS::Logs::LogGroup"));
    assert_eq!(document["Globals"]["Function"]["Tracing"], "Active");
    let alarms: Vec<_> = all("AWS::CloudWatch::Alarm").values().map(watched).collect();
    for function in template().functions {
        let name = function.logical_id;
        // A refused token is an error of the authorizer's too, so of its errors its own count is watched.
        let errors =
            if name == "AuthorizerFunction" { (METRIC_NAMESPACE, "AuthorizerFault") } else { ("AWS/Lambda", "Errors") };
        let of_function = |wanted: (&str, &str), metric: &Watched| {
            (metric.namespace.as_str(), metric.name.as_str()) == wanted
                && metric.dimensions == [("FunctionName".to_owned(), name.clone())]
        };
        let both = alarms.iter().any(|alarm| {
            [errors, ("AWS/Lambda", "Throttles")].iter().all(|wanted| alarm.iter().any(|m| of_function(*wanted, m)))
        });
        assert!(both, "{name} has no alarm for its errors and throttles");
        let properties = &document["Resources"][name.as_str()]["Properties"];
        assert!(properties.get("Tracing").is_none(), "{name} is traced as all are");
        let group = untagged(&properties["LoggingConfig"]["LogGroup"]).as_str().expect(&name);
        assert_eq!(untagged(&logs[group]["RetentionInDays"]), "LogRetentionDays", "{name}");
    }
}

#[test]
fn every_route_has_a_limit_and_those_that_change_something_a_lower_one() {
    let api = all("AWS::Serverless::HttpApi").remove("HttpApi").unwrap();
    let limit = |settings: &Value| {
        assert_eq!(untagged(&settings["DetailedMetricsEnabled"]), "RouteMetrics");
        let [rate, burst] = ["ThrottlingRateLimit", "ThrottlingBurstLimit"].map(|member| untagged(&settings[member]));
        let (rate, burst) = (rate.as_str().unwrap(), burst.as_str().unwrap());
        assert_eq!(rate.strip_suffix("Rate"), burst.strip_suffix("Burst"), "one class");
        rate.strip_suffix("Rate").unwrap().to_owned()
    };
    assert_eq!(limit(&api["DefaultRouteSettings"]), "Read");
    let own: Mapping = api["RouteSettings"].as_mapping().unwrap().clone();
    let own: BTreeMap<String, String> =
        own.iter().map(|(route, settings)| (route.as_str().unwrap().to_owned(), limit(settings))).collect();
    let mut changing = BTreeMap::new();
    for route in template().functions.iter().flat_map(|function| &function.routes) {
        let key = format!("{} {}", route.method, route.path);
        let costly = key.ends_with("/test-connection") || key.ends_with("/audit-export/runs");
        if route.method != "GET" {
            changing.insert(key, if costly { "Costly" } else { "Write" }.to_owned());
        }
    }
    assert_eq!(own, changing);
}

/// An intrinsic within one of its members replaces all of it: SAM takes it for the whole.
#[test]
fn pages_of_other_origins_are_let_in_by_a_parameter_and_never_with_credentials() {
    let api = all("AWS::Serverless::HttpApi").remove("HttpApi").unwrap();
    let Value::Tagged(cors) = &api["CorsConfiguration"] else { panic!("CorsConfiguration is not conditional") };
    assert_eq!(cors.tag, "If");
    let [condition, with, without] = &cors.value.as_sequence().unwrap()[..] else { panic!("an !If of three") };
    assert_eq!((condition, untagged(without)), (&Value::from("AllowsOrigins"), &Value::from("AWS::NoValue")));
    assert!(with.get("allowCredentials").is_none());
    let list = |name: &str| -> BTreeSet<String> {
        with[name].as_sequence().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let template = template();
    let methods = template.functions.iter().flat_map(|function| &function.routes).map(|route| route.method.clone());
    assert_eq!(list("allowMethods"), methods.collect());
    let headers: BTreeSet<String> = list("allowHeaders").iter().map(|name| name.to_lowercase()).collect();
    for authorizer in template.authorizers.values() {
        assert!(headers.contains(&authorizer.identity_header), "{}", authorizer.identity_header);
    }
    assert_eq!(document()["Parameters"]["CorsAllowedOrigins"]["Default"], "");
}

#[test]
fn everything_that_can_be_tagged_says_of_which_stage_it_is() {
    for kind in TAGGED {
        let resources = all(kind);
        assert!(!resources.is_empty(), "{kind}");
        for (name, properties) in resources {
            let tags = &properties["Tags"];
            let stage = match tags.as_sequence() {
                Some(list) => list.iter().find(|tag| tag["Key"] == "Stage").map(|tag| &tag["Value"]),
                None => tags.get("Stage"),
            };
            assert_eq!(stage.map(untagged), Some(&Value::from("Stage")), "{name}");
        }
    }
    let globals = &document()["Globals"]["Function"];
    assert_eq!(untagged(&globals["Tags"]["Stage"]), "Stage");
    assert_eq!(globals["PropagateTags"], true);
}
