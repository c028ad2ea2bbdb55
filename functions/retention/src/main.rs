use lambda_runtime::{Error, LambdaEvent, service_fn};
use retention::Retention;
use sporlog_boot::Environment;
use sporlog_model::Clock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    sporlog_boot::init_logging(&environment);
    let retention = Retention::from_environment(&environment, Clock::system())?;
    let retention = &retention;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| retention.handle(event.payload, event.context.deadline)))
        .await
}
