//! Lambda's Runtime API (version 2018-06-01) for one function process: it hands out events and takes answers, as Lambda does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sporlog_model::{Clock, Instant as WallTime};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::Failure;

/// What came back for an event.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) answer: Bytes,
    /// From handing out the event until its answer was here.
    pub(crate) took: Duration,
    /// When the answer was here.
    pub(crate) at: Instant,
}

struct Event {
    payload: Bytes,
    deadline_ms: i64,
    answered: oneshot::Sender<Result<Invocation, String>>,
}

struct Open {
    request_id: String,
    handed_out: Instant,
    answered: oneshot::Sender<Result<Invocation, String>>,
}

struct Shared {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    /// The event that the function works on; a function has one at a time.
    open: Mutex<Option<Open>>,
    /// What the function said instead of asking for its first event.
    failed_start: Mutex<Option<String>>,
}

/// A listening Runtime API. It ends when it is dropped.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    events: mpsc::UnboundedSender<Event>,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let (events, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            events: tokio::sync::Mutex::new(received),
            open: Mutex::default(),
            failed_start: Mutex::default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .route("/2018-06-01/runtime/init/error", post(fail_start))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // A small answer must not wait for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
        });
        let server = tokio::spawn(async move {
            // It serves until it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, events, shared, server })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands out an event that must be answered within `deadline`, and waits for the answer.
    pub(crate) async fn invoke(&self, payload: Bytes, deadline: Duration) -> Result<Invocation, Failure> {
        let (answered, answer) = oneshot::channel();
        let until = Clock::system().now().plus(deadline);
        let deadline_ms = i64::try_from(until.since(WallTime::from_epoch_millis(0)?).as_millis())?;
        self.events.send(Event { payload, deadline_ms, answered }).map_err(|_| "the Runtime API has ended")?;
        let failed = |problem: String| Failure::from(format!("the function failed: {problem}"));
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => answer.map_err(failed),
            Ok(Err(_)) => Err("the function was dropped".into()),
            Err(_) => {
                let said = lock(&self.shared.failed_start).take();
                Err(failed(said.unwrap_or_else(|| format!("no answer within {deadline:?}"))))
            }
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What is behind these locks is whole after any panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let Some(Event { payload, deadline_ms, answered }) = shared.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let request_id = uuid::Uuid::new_v4().to_string();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", request_id.as_str()),
        ("lambda-runtime-deadline-ms", &deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-north-1:000000000000:function:bench"),
        ("content-type", "application/json"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    *lock(&shared.open) = Some(Open { request_id, handed_out: Instant::now(), answered });
    (headers, payload).into_response()
}

async fn respond(State(shared): State<Arc<Shared>>, Path(id): Path<String>, answer: Bytes) -> StatusCode {
    close(&shared, &id, |open| {
        let at = Instant::now();
        Ok(Invocation { answer, took: at - open.handed_out, at })
    })
}

async fn fail(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    close(&shared, &id, |_| Err(String::from_utf8_lossy(&body).into_owned()))
}

async fn fail_start(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    *lock(&shared.failed_start) = Some(String::from_utf8_lossy(&body).into_owned());
    StatusCode::ACCEPTED
}

fn close(shared: &Shared, id: &str, outcome: impl FnOnce(&Open) -> Result<Invocation, String>) -> StatusCode {
    let Some(open) = lock(&shared.open).take_if(|open| open.request_id == id) else {
        return StatusCode::FORBIDDEN;
    };
    let outcome = outcome(&open);
    // Whoever asked may have given up.
    let _ = open.answered.send(outcome);
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    async fn take(api: SocketAddr) -> (String, String) {
        let url = format!("http://{api}/2018-06-01/runtime/invocation/next");
        let answer = reqwest::get(url).await.unwrap();
        let id = answer.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
        assert!(answer.headers()["lambda-runtime-deadline-ms"].to_str().unwrap().parse::<u64>().unwrap() > 0);
        (id, answer.text().await.unwrap())
    }

    async fn tell(api: SocketAddr, path: &str, body: &'static str) -> u16 {
        let url = format!("http://{api}/2018-06-01/runtime/{path}");
        reqwest::Client::new().post(url).body(body).send().await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn an_event_is_answered_once() {
        let api = RuntimeApi::start().await.unwrap();
        let function = async {
            let (id, payload) = take(api.address()).await;
            assert_eq!(payload, "question");
            assert_eq!(tell(api.address(), "invocation/other/response", "wrong").await, 403);
            assert_eq!(tell(api.address(), &format!("invocation/{id}/response"), "answer").await, 202);
            assert_eq!(tell(api.address(), &format!("invocation/{id}/response"), "again").await, 403);
        };
        let (invocation, ()) = tokio::join!(api.invoke("question".into(), SOON), function);
        assert_eq!(invocation.unwrap().answer, "answer");
    }

    #[tokio::test]
    async fn failures_are_told() {
        let api = RuntimeApi::start().await.unwrap();
        let function = async {
            let (id, _) = take(api.address()).await;
            tell(api.address(), &format!("invocation/{id}/error"), r#"{"errorType":"Odd"}"#).await
        };
        let (invocation, _) = tokio::join!(api.invoke("question".into(), SOON), function);
        assert!(invocation.unwrap_err().to_string().contains("Odd"));
        tell(api.address(), "init/error", "no TABLE_NAME").await;
        let error = api.invoke("question".into(), Duration::from_millis(1)).await.unwrap_err();
        assert!(error.to_string().contains("no TABLE_NAME"));
    }
}
