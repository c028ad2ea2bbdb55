use std::fmt;
use std::sync::Arc;

use crate::Instant;

/// Where "now" comes from, so that no function below reads the machine's clock by itself and tests can hold time still.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// The machine's clock, in microseconds UTC.
    pub fn system() -> Self {
        Self::from_fn(|| {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            let now = jiff::Timestamp::now();
            Instant::from_timestamp(now).unwrap_or(Instant::MAX)
        })
    }

    /// A clock under the caller's control.
    pub fn from_fn(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current instant.
    pub fn now(&self) -> Instant {
        (self.0)()
    }
}

/// The milliseconds since then, for a log line's `duration_ms`. Not from a [`Clock`]: that can be set back while something takes its time.
pub fn elapsed_ms(began: std::time::Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
