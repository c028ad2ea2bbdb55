use authorizer::Authorizer;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use sporlog_boot::Environment;
use sporlog_model::Clock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    sporlog_boot::init_logging(&environment);
    let authorizer = Authorizer::from_environment(&environment, Clock::system())?;
    let authorizer = &authorizer;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| async move { authorizer.authorize(&event.payload).await }))
        .await
}
