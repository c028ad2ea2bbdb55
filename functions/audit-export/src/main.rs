use lambda_http::Error;
use sporlog_boot::Environment;
use sporlog_model::Clock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    sporlog_boot::init_logging(&environment);
    lambda_http::run(audit_export::router(&environment, Clock::system())?).await
}
