use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::json;
use sporlog_model::{OrgId, RunId};
use sporlog_store::RunTrigger;

/// The function that runs exports.
#[derive(Debug, Clone)]
pub(crate) struct RunFunction {
    lambda: Client,
    name: String,
}

impl RunFunction {
    pub(crate) fn new(lambda: Client, name: String) -> Self {
        Self { lambda, name }
    }

    /// Has an organization's export run, without waiting for it; under this id, if there is one. Done when Lambda has taken
    /// the request.
    pub(crate) async fn start(
        &self,
        org: &OrgId,
        trigger: RunTrigger,
        run: Option<RunId>,
    ) -> Result<(), SdkError<InvokeError>> {
        let mut payload = json!({"orgId": org, "trigger": trigger});
        if let Some(run) = run {
            payload["runId"] = json!(run);
        }
        let invoke = self.lambda.invoke().function_name(&self.name).invocation_type(InvocationType::Event);
        invoke.payload(Blob::new(payload.to_string())).send().await.map(drop)
    }
}
