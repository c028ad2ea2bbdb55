use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Builder, retry::RetryConfig};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_model::{Clock, Instant};
use sporlog_store::Store;

/// A clock that a test sets. Clones show the same time.
#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<Mutex<Instant>>);

impl ManualClock {
    pub(crate) fn at(text: &str) -> Self {
        Self(Arc::new(Mutex::new(Instant::parse(text).unwrap())))
    }

    pub(crate) fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }

    pub(crate) fn set(&self, text: &str) {
        *self.0.lock().unwrap() = Instant::parse(text).unwrap();
    }

    pub(crate) fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(span);
    }

    pub(crate) fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || clock.now())
    }
}

/// A client of the table's engine.
pub(crate) fn dynamodb(environment: &Environment, retry: RetryConfig) -> Client {
    let config = Aws::from_environment(environment).unwrap().service(AwsService::DynamoDb);
    Client::from_conf(Builder::from(&config).retry_config(retry).build())
}

/// A store with a clock of its own.
pub(crate) fn store(environment: &Environment, clock: Clock) -> Store {
    store_of(environment, "Table", clock)
}

/// The same with another table.
pub(crate) fn store_of(environment: &Environment, table: &str, clock: Clock) -> Store {
    Store::new(dynamodb(environment, soon()), table, clock)
}

/// As often as in production, but without its pauses of seconds.
pub(crate) fn soon() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(1))
}
