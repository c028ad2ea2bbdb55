//! The properties that the local run reads, typed. A member that is not here is an error, never ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Function {
    pub timeout: u64,
    pub memory_size: u32,
    #[serde(default)]
    pub environment: Environment,
    #[serde(default)]
    pub events: BTreeMap<String, Event>,
    #[serde(default)]
    pub event_invoke_config: EventInvokeConfig,
    #[serde(default)]
    pub policies: Vec<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Environment {
    pub variables: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
pub(super) enum Event {
    HttpApi(HttpApiEvent),
    ScheduleV2(ScheduleEvent),
    #[serde(rename = "SQS")]
    Queue(QueueEvent),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct HttpApiEvent {
    #[serde(rename = "ApiId")]
    pub _api_id: String,
    pub method: String,
    pub path: String,
    pub auth: Option<EventAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EventAuth {
    pub authorizer: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleEvent {
    pub schedule_expression: String,
    pub input: Option<String>,
    #[serde(rename = "Description")]
    pub _description: Option<String>,
    #[serde(rename = "OmitName")]
    pub _omit_name: Option<bool>,
    // The scheduler's own retries are of calls that did not reach Lambda, which cannot happen in one process.
    #[serde(rename = "RetryPolicy")]
    pub _retry_policy: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct QueueEvent {
    pub queue: String,
    #[serde(default = "ten")]
    pub batch_size: usize,
    #[serde(default)]
    pub function_response_types: Vec<FunctionResponseType>,
}

#[derive(Deserialize, PartialEq)]
pub(super) enum FunctionResponseType {
    ReportBatchItemFailures,
}

fn ten() -> usize {
    10
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EventInvokeConfig {
    #[serde(default = "two")]
    pub maximum_retry_attempts: u32,
    // An event waits locally for seconds, never for the minutes that this limits.
    #[serde(rename = "MaximumEventAgeInSeconds")]
    pub _maximum_event_age_in_seconds: Option<u32>,
    pub destination_config: Option<DestinationConfig>,
}

fn two() -> u32 {
    2
}

impl Default for EventInvokeConfig {
    fn default() -> Self {
        Self { maximum_retry_attempts: two(), _maximum_event_age_in_seconds: None, destination_config: None }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DestinationConfig {
    pub on_failure: Destination,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Destination")]
pub(super) enum Destination {
    #[serde(rename = "SQS")]
    Queue(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct HttpApi {
    pub auth: Option<ApiAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ApiAuth {
    #[serde(default)]
    pub authorizers: BTreeMap<String, Authorizer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Authorizer {
    pub function_arn: String,
    #[serde(rename = "EnableFunctionDefaultPermissions")]
    pub _enable_function_default_permissions: bool,
    #[serde(rename = "AuthorizerPayloadFormatVersion")]
    pub payload_format_version: String,
    pub enable_simple_responses: bool,
    pub identity: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Identity {
    pub headers: Vec<String>,
    pub reauthorize_every: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Table {
    pub billing_mode: serde_json::Value,
    pub attribute_definitions: serde_json::Value,
    pub key_schema: serde_json::Value,
    pub global_secondary_indexes: Option<serde_json::Value>,
    pub time_to_live_specification: Option<TimeToLive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TimeToLive {
    pub attribute_name: String,
    pub enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Queue {
    #[serde(default = "four_days")]
    pub message_retention_period: u64,
    #[serde(default = "half_a_minute")]
    pub visibility_timeout: u64,
    pub redrive_policy: Option<RedrivePolicy>,
}

fn four_days() -> u64 {
    345_600
}

fn half_a_minute() -> u64 {
    30
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RedrivePolicy {
    pub dead_letter_target_arn: String,
    pub max_receive_count: u32,
}
