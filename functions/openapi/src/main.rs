use lambda_http::Error;
use sporlog_boot::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    sporlog_boot::init_logging(&Environment::of_process());
    lambda_http::run(openapi::router()).await
}
