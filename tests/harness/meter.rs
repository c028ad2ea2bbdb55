use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Stands between a function and the DynamoDB engine and counts the items that the engine read for it.
pub(crate) struct Meter {
    pub(crate) address: SocketAddr,
    counter: Arc<Counter>,
    server: JoinHandle<()>,
}

struct Counter {
    engine: SocketAddr,
    http: reqwest::Client,
    items: AtomicUsize,
    /// Of these, what was asked for by its key, with others: a read unit each at least.
    batched: AtomicUsize,
}

impl Meter {
    pub(crate) async fn before(engine: SocketAddr) -> Self {
        let counter = Arc::new(Counter {
            engine,
            http: reqwest::Client::new(),
            items: AtomicUsize::new(0),
            batched: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(forward).with_state(Arc::clone(&counter));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, counter, server }
    }

    /// Items read since the last call.
    pub(crate) fn take(&self) -> usize {
        self.counter.items.swap(0, Ordering::SeqCst)
    }

    /// Items answered by `BatchGetItem` since the last call.
    pub(crate) fn take_batched(&self) -> usize {
        self.counter.batched.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(counter): State<Arc<Counter>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let url = format!("http://{}{}", counter.engine, parts.uri);
    let sent = counter.http.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
    let mut response = Response::builder().status(sent.status());
    *response.headers_mut().unwrap() = sent.headers().clone();
    let bytes = sent.bytes().await.unwrap();
    let answer = serde_json::from_slice(&bytes).unwrap_or_default();
    let batched = items_batched(&answer);
    counter.items.fetch_add(items_read(&answer) + batched, Ordering::SeqCst);
    counter.batched.fetch_add(batched, Ordering::SeqCst);
    response.body(Body::from(bytes)).unwrap()
}

/// `ScannedCount` is what a query read, whatever it answered; a single item is answered as it is.
fn items_read(answer: &Value) -> usize {
    let scanned = answer["ScannedCount"].as_u64().map_or(0, |count| usize::try_from(count).unwrap());
    scanned + usize::from(answer.get("Item").is_some())
}

/// What `BatchGetItem` answers is what it read.
fn items_batched(answer: &Value) -> usize {
    let tables = answer["Responses"].as_object().into_iter().flat_map(|tables| tables.values());
    tables.filter_map(Value::as_array).map(Vec::len).sum()
}
