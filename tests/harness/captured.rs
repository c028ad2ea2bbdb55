use std::collections::HashMap;
use std::io;
use std::sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError};

use serde_json::Value;
use sporlog_boot::{INVOCATION_SPAN, METRIC_TARGET, OWN_TARGETS, log_lines};
use tokio::runtime::{Handle, Id};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

/// What each runtime has logged, while somebody wants to know.
static WRITTEN: LazyLock<Mutex<HashMap<Id, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// What a test logs, line by line as a deployed function writes it at `info`: whatever runs on the test's own runtime, on any of
/// its threads.
pub(crate) struct Captured(Id);

impl Captured {
    pub(crate) fn start() -> Self {
        static INSTALLED: Once = Once::new();
        // For the whole process: a subscriber that comes and goes leaves call sites behind that believe nobody listens.
        INSTALLED.call_once(|| {
            let lines = log_lines(|| Runtime).with_filter(dynamic_filter_fn(|metadata, _| {
                let own = OWN_TARGETS.iter().any(|target| metadata.target().starts_with(target));
                let level = *metadata.level() <= tracing::Level::INFO;
                level && (own || metadata.target() == INVOCATION_SPAN) && lines_of_this_runtime(|_| ()).is_some()
            }));
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).unwrap();
        });
        let id = Handle::current().id();
        written().insert(id, Vec::new());
        Self(id)
    }

    /// What was written since the last call.
    pub(crate) fn text(&self) -> String {
        let lines = written().get_mut(&self.0).map(std::mem::take).unwrap();
        String::from_utf8(lines).unwrap()
    }

    /// The lines since the last call: those that say this, without when.
    pub(crate) fn lines(&self, message: &str) -> Vec<Value> {
        let mut lines: Vec<Value> = read(&self.text()).filter(|line| line["message"] == message).collect();
        for line in &mut lines {
            let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert!(timestamp.as_str().unwrap().ends_with('Z'));
        }
        lines
    }

    /// The values of a metric since the last call.
    pub(crate) fn metric(&self, name: &str) -> Vec<u64> {
        let text = self.text();
        let metrics = read(&text).filter(|line| line["target"] == METRIC_TARGET);
        let metrics = metrics.map(|line| serde_json::from_str::<Value>(line["emf"].as_str().unwrap()).unwrap());
        metrics.filter_map(|line| line[name].as_u64()).collect()
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        written().remove(&self.0);
    }
}

fn read(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// Whatever test has failed while it held the lock: lines are whole, since nothing under it panics half way.
fn written() -> MutexGuard<'static, HashMap<Id, Vec<u8>>> {
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lines of the runtime on which this runs, if somebody wants to know them.
fn lines_of_this_runtime<T>(see: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
    let id = Handle::try_current().ok()?.id();
    written().get_mut(&id).map(see)
}

struct Runtime;

impl io::Write for Runtime {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines_of_this_runtime(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
