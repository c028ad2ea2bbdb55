//! When the oldest running ingest began.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use lambda_runtime::Context;
use sporlog_model::{Clock, Instant};

use crate::functions::{Function, FunctionError};

/// Knows which invocations of a function are running.
///
/// The settle lag of a deployment, 60 s, is longer than DynamoDB and the SDK ever take for a write. The local one is 2 s, and
/// under load the embedded engine takes longer. So the local export sees a clock that stops at the oldest ingest in flight:
/// whatever that one still writes is recorded after it began, and so is not passed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    next: u64,
    began: BTreeMap<u64, Instant>,
}

impl InFlight {
    /// The same function, watched.
    pub(crate) fn watch(&self, function: Arc<dyn Function>, clock: Clock) -> Arc<dyn Function> {
        Arc::new(Watched { function, clock, in_flight: self.clone() })
    }

    /// `clock`, as long as nothing runs.
    pub(crate) fn clock(&self, clock: Clock) -> Clock {
        let in_flight = self.clone();
        Clock::from_fn(move || {
            let now = clock.now();
            in_flight.with(|running| running.began.values().min().copied()).map_or(now, |oldest| oldest.min(now))
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Running) -> T) -> T {
        // Nothing that happens under the lock can panic half way.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Watched {
    function: Arc<dyn Function>,
    clock: Clock,
    in_flight: InFlight,
}

/// One invocation; over when dropped, also by a timeout.
struct Invocation {
    number: u64,
    in_flight: InFlight,
}

impl Function for Watched {
    fn invoke(&self, event: Bytes, context: Context) -> BoxFuture<'_, Result<Bytes, FunctionError>> {
        let number = self.in_flight.with(|running| {
            running.next += 1;
            running.began.insert(running.next, self.clock.now());
            running.next
        });
        let invocation = Invocation { number, in_flight: self.in_flight.clone() };
        Box::pin(async move {
            let answer = self.function.invoke(event, context).await;
            drop(invocation);
            answer
        })
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        self.in_flight.with(|running| running.began.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    struct Waits(Arc<Notify>);

    impl Function for Waits {
        fn invoke(&self, event: Bytes, _: Context) -> BoxFuture<'_, Result<Bytes, FunctionError>> {
            Box::pin(async move {
                self.0.notified().await;
                Ok(event)
            })
        }
    }

    #[tokio::test]
    async fn the_clock_stops_at_the_oldest_invocation() {
        let time = Arc::new(Mutex::new(Instant::from_epoch_millis(1_000).unwrap()));
        let clock = Clock::from_fn({
            let time = Arc::clone(&time);
            move || *time.lock().unwrap()
        });
        let set = |millis| *time.lock().unwrap() = Instant::from_epoch_millis(millis).unwrap();
        let at = |millis| Instant::from_epoch_millis(millis).unwrap();
        let (in_flight, end) = (InFlight::default(), Arc::new(Notify::new()));
        let function = in_flight.watch(Arc::new(Waits(Arc::clone(&end))), clock.clone());
        let held = in_flight.clock(clock);
        set(2_000);
        let running = function.invoke(Bytes::new(), Context::default());
        set(3_000);
        assert_eq!(held.now(), at(2_000));
        let later = function.invoke(Bytes::new(), Context::default());
        set(4_000);
        assert_eq!(held.now(), at(2_000));
        end.notify_one();
        running.await.unwrap();
        assert_eq!(held.now(), at(3_000));
        drop(later);
        assert_eq!(held.now(), at(4_000));
    }
}
