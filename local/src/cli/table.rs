use aws_sdk_dynamodb::Client;
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_model::Clock;
use sporlog_store::Store;

use super::Failure;

/// A table by its name, or by its ARN when it is another account's; region, credentials and endpoint are the environment's.
pub(super) fn open(table: &str) -> Result<Store, Failure> {
    let aws = Aws::from_environment(&Environment::of_process())?;
    Ok(Store::new(Client::new(&aws.service(AwsService::DynamoDb)), table, Clock::system()))
}
