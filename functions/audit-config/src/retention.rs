use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::json;
use sporlog_model::settings::SettingGroup;
use sporlog_model::{OrgId, error_chain};

/// The function that deletes what is too old.
#[derive(Debug, Clone)]
pub(crate) struct RetentionFunction {
    lambda: Client,
    name: String,
}

impl RetentionFunction {
    pub(crate) fn new(lambda: Client, name: String) -> Self {
        Self { lambda, name }
    }

    /// Has the events of a group looked at now. One that fails is logged and no more: the setting is stored, and the group
    /// is due, so that the schedule finds it.
    pub(crate) async fn start(&self, org: &OrgId, group: SettingGroup) {
        let payload = json!({"orgId": org.as_str(), "group": group}).to_string();
        let invoke = self.lambda.invoke().function_name(&self.name).invocation_type(InvocationType::Event);
        if let Err(error) = invoke.payload(Blob::new(payload)).send().await {
            let cause = error_chain(&error);
            tracing::error!(%org, %group, cause, "retention was not started; its schedule will");
        }
    }
}
