use ingest::Ingest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use sporlog_boot::Environment;
use sporlog_model::Clock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    sporlog_boot::init_logging(&environment);
    let ingest = Ingest::from_environment(&environment, Clock::system())?;
    let ingest = &ingest;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| ingest.handle(event.payload))).await
}
