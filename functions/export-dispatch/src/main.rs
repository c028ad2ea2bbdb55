use export_dispatch::ExportDispatch;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use sporlog_boot::Environment;
use sporlog_model::Clock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    sporlog_boot::init_logging(&environment);
    let dispatch = ExportDispatch::from_environment(&environment, Clock::system())?;
    let dispatch = &dispatch;
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| dispatch.handle())).await
}
