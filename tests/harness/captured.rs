use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Once;

use serde_json::Value;
use sporlog_boot::{INVOCATION_SPAN, METRIC_TARGET, OWN_TARGETS, log_lines};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

type Lines = Rc<RefCell<Vec<u8>>>;

thread_local! {
    /// What this thread has logged, while somebody wants to know.
    static WRITTEN: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// What a test's thread logs, line by line as a deployed function writes it at `info`. Of a test that runs on one thread, since
/// other threads are other tests'.
pub(crate) struct Captured(Lines);

impl Captured {
    pub(crate) fn start() -> Self {
        static INSTALLED: Once = Once::new();
        // For the whole process: a subscriber that comes and goes leaves call sites behind that believe nobody listens.
        INSTALLED.call_once(|| {
            let lines = log_lines(|| Thread).with_filter(dynamic_filter_fn(|metadata, _| {
                let own = OWN_TARGETS.iter().any(|target| metadata.target().starts_with(target));
                let level = *metadata.level() <= tracing::Level::INFO;
                level && (own || metadata.target() == INVOCATION_SPAN) && WRITTEN.with_borrow(Option::is_some)
            }));
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).unwrap();
        });
        let lines = Lines::default();
        WRITTEN.set(Some(Rc::clone(&lines)));
        Self(lines)
    }

    /// What was written since the last call.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.take()).unwrap()
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
        WRITTEN.set(None);
    }
}

fn read(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

struct Thread;

impl io::Write for Thread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow(|lines| lines.iter().for_each(|lines| lines.borrow_mut().extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
