use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream;
use http::request::Parts;
use serde_json::json;
use sporlog_local::stack::Stack;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What AWS does now and then and the engines never do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// None yet: this request passes, the fault is for a later one.
    Pass,
    /// DynamoDB: another transaction was at the same item, or one of them.
    TransactionConflict,
    /// DynamoDB: too many requests.
    Throttle,
    /// DynamoDB: a fault of its own, before anything was done.
    InternalError,
    /// S3: too many requests.
    SlowDown,
    /// S3: a policy does not allow it.
    AccessDenied,
    /// S3: the session has ended.
    ExpiredToken,
    /// KMS: too many requests.
    KmsThrottle,
    /// KMS: the key was switched off.
    KmsDisabled,
    /// S3: this status, code and message.
    S3(u16, &'static str, &'static str),
    /// STS: this status and code.
    Sts(u16, &'static str),
    /// The request is carried out, but its answer breaks off.
    LostAnswer,
    /// The caller is to be stopped here: the request is not carried out.
    CutBefore,
    /// The caller is to be stopped here: the request is carried out, and not answered.
    CutAfter,
    /// The request waits until it is released.
    Hold,
}

/// Stands between what is tested and the engines of a system, and injects faults by script.
pub(crate) struct Faults {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    dynamodb: SocketAddr,
    s3: SocketAddr,
    /// Lambda, SQS and KMS.
    invoke: SocketAddr,
    http: reqwest::Client,
    script: Mutex<Script>,
    /// A request has come to where its caller is to be stopped, or held.
    reached: Notify,
    released: Notify,
}

#[derive(Default)]
struct Script {
    by_operation: HashMap<&'static str, VecDeque<Fault>>,
    by_number: HashMap<usize, Fault>,
    seen: Vec<String>,
}

impl Faults {
    pub(crate) async fn before(stack: &Stack) -> Self {
        let shared = Arc::new(Shared {
            dynamodb: stack.dynamodb,
            s3: stack.s3,
            invoke: stack.invoke,
            http: reqwest::Client::new(),
            script: Mutex::default(),
            reached: Notify::new(),
            released: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, server }
    }

    /// The variables that lead a function through here.
    pub(crate) fn endpoints(&self) -> Vec<(&'static str, String)> {
        let names =
            ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_KMS"];
        names.map(|name| (name, format!("http://{}", self.address))).to_vec()
    }

    /// The next requests for this operation meet these faults, one each.
    pub(crate) fn on(&self, operation: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.shared.script.lock().unwrap().by_operation.entry(operation).or_default().extend(faults);
    }

    /// The request of this number, from 0, meets this fault.
    pub(crate) fn at(&self, number: usize, fault: Fault) {
        self.shared.script.lock().unwrap().by_number.insert(number, fault);
    }

    /// Forgets the faults that nothing has met, and tells how many there were.
    pub(crate) fn clear(&self) -> usize {
        let mut script = self.shared.script.lock().unwrap();
        let operations = std::mem::take(&mut script.by_operation);
        let numbers = std::mem::take(&mut script.by_number);
        operations.values().map(VecDeque::len).sum::<usize>() + numbers.len()
    }

    /// Counts requests from 0 again.
    pub(crate) fn forget(&self) {
        self.shared.script.lock().unwrap().seen.clear();
    }

    /// The operations asked for so far.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.shared.script.lock().unwrap().seen.clone()
    }

    /// Runs `work` until its end, or until it meets a cut, where it is dropped as the end of a process would; then `None`.
    pub(crate) async fn cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.shared.reached.notified() => None,
        }
    }

    /// Runs `work` until its end; whenever it meets a hold, it goes on after one more `meanwhile`.
    pub(crate) async fn hold_each<T>(&self, work: impl Future<Output = T>, mut meanwhile: impl AsyncFnMut()) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = self.shared.reached.notified() => {
                    meanwhile().await;
                    self.shared.released.notify_one();
                }
            }
        }
    }

    /// Runs `work` until its end, or until it meets a hold; then it goes on after `meanwhile`.
    pub(crate) async fn hold<T>(
        &self,
        work: impl Future<Output = T>,
        meanwhile: impl Future<Output = ()>,
    ) -> (T, bool) {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return (done, false),
            () = self.shared.reached.notified() => {}
        }
        meanwhile.await;
        self.shared.released.notify_one();
        (work.await, true)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Script {
    fn next(&mut self, operation: &str) -> Option<Fault> {
        let number = self.seen.len();
        self.seen.push(operation.to_owned());
        let by_operation = self.by_operation.get_mut(operation).and_then(VecDeque::pop_front);
        by_operation.or_else(|| self.by_number.remove(&number))
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let operation = operation(&parts);
    let fault = shared.script.lock().unwrap().next(&operation);
    match fault {
        Some(Fault::TransactionConflict) if operation == "TransactWriteItems" => {
            dynamodb_error(400, "TransactionCanceledException")
        }
        Some(Fault::TransactionConflict) => dynamodb_error(400, "TransactionConflictException"),
        Some(Fault::Throttle) => dynamodb_error(400, "ProvisionedThroughputExceededException"),
        Some(Fault::InternalError) => dynamodb_error(500, "InternalServerError"),
        Some(Fault::ExpiredToken) => s3_error(400, "ExpiredToken", "injected"),
        Some(Fault::KmsThrottle) => kms_error("ThrottlingException"),
        Some(Fault::KmsDisabled) => kms_error("DisabledException"),
        Some(Fault::S3(status, code, message)) => s3_error(status, code, message),
        Some(Fault::Sts(status, code)) => sts_error(status, code),
        Some(Fault::SlowDown) => s3_error(503, "SlowDown", "injected"),
        Some(Fault::AccessDenied) => s3_error(403, "AccessDenied", "injected"),
        Some(Fault::LostAnswer) => {
            shared.forward(parts, body).await;
            let broken = stream::once(async { Err::<Vec<u8>, _>(io::Error::other("lost")) });
            Response::new(Body::from_stream(broken))
        }
        Some(Fault::CutBefore) => shared.stop_here().await,
        Some(Fault::Hold) => {
            shared.reached.notify_one();
            shared.released.notified().await;
            shared.forward(parts, body).await
        }
        Some(Fault::CutAfter) => {
            shared.forward(parts, body).await;
            shared.stop_here().await
        }
        Some(Fault::Pass) | None => shared.forward(parts, body).await,
    }
}

impl Shared {
    async fn forward(&self, parts: Parts, body: axum::body::Bytes) -> Response {
        let engine = match parts.headers.get("x-amz-target") {
            Some(target) if target.as_bytes().starts_with(b"TrentService.") => self.invoke,
            Some(_) => self.dynamodb,
            None => self.s3,
        };
        let url = format!("http://{engine}{}", parts.uri);
        let sent = self.http.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
        let mut response = Response::builder().status(sent.status());
        *response.headers_mut().unwrap() = sent.headers().clone();
        response.body(Body::from(sent.bytes().await.unwrap())).unwrap()
    }

    /// Never answers: who waits for it is dropped.
    async fn stop_here(&self) -> Response {
        self.reached.notify_one();
        std::future::pending().await
    }
}

/// The operation as AWS names it.
fn operation(parts: &Parts) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.rsplit('.').next()) {
        Some(operation) => operation.to_owned(),
        None if parts.method == http::Method::DELETE => "DeleteObject".to_owned(),
        None if parts.method == http::Method::POST => "AssumeRole".to_owned(),
        None => "PutObject".to_owned(),
    }
}

fn dynamodb_error(status: u16, code: &str) -> Response {
    let reasons = json!([{"Code": "None"}, {"Code": "None"}, {"Code": "None"}, {"Code": "TransactionConflict"}]);
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "injected", "CancellationReasons": reasons,
    });
    answer(status, "application/x-amz-json-1.0", body.to_string())
}

fn kms_error(code: &str) -> Response {
    answer(400, "application/x-amz-json-1.1", json!({"__type": code, "message": "injected"}).to_string())
}

fn sts_error(status: u16, code: &str) -> Response {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>injected</Message></Error>");
    answer(status, "text/xml", format!("<ErrorResponse>{error}<RequestId>injected</RequestId></ErrorResponse>"))
}

fn s3_error(status: u16, code: &str, message: &str) -> Response {
    // Some redirects come without a body.
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let body = if code.is_empty() { String::new() } else { error };
    answer(status, "application/xml", body)
}

fn answer(status: u16, content_type: &str, body: String) -> Response {
    Response::builder().status(status).header("content-type", content_type).body(Body::from(body)).unwrap()
}
