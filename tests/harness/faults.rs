mod answers;
mod chance;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use http::request::Parts;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sporlog_boot::AwsService;
use sporlog_local::stack::Stack;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use self::chance::LATE;
pub(crate) use self::chance::{Chance, Met};

/// What AWS does now and then and the engines never do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// None yet: this request passes, the fault is for a later one.
    Pass,
    /// DynamoDB: another transaction was at the same item, or one of them.
    TransactionConflict,
    /// DynamoDB: one item of the transaction met too many requests.
    TransactionThrottled,
    /// DynamoDB: this status and code.
    DynamoDb(u16, &'static str),
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
    /// KMS: a fault of its own.
    KmsInternal,
    /// Lambda: this status and code.
    Lambda(u16, &'static str),
    /// S3: this status, code and message.
    S3(u16, &'static str, &'static str),
    /// STS: this status and code.
    Sts(u16, &'static str),
    /// The request is carried out, but its answer breaks off.
    LostAnswer,
    /// The connection ends before the request is carried out.
    Reset,
    /// The request is carried out, and the connection ends without an answer.
    LostConnection,
    /// The request is carried out, and answered when the client has given this attempt up.
    Late,
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
    engines: OnceLock<Engines>,
    http: reqwest::Client,
    script: Mutex<Script>,
    chance: Mutex<Option<Chance>>,
    /// A request has come to where its caller is to be stopped, or held.
    reached: Notify,
    released: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Engines {
    dynamodb: SocketAddr,
    s3: SocketAddr,
    /// Lambda, SQS and KMS.
    invoke: SocketAddr,
}

#[derive(Default)]
struct Script {
    by_operation: HashMap<&'static str, VecDeque<Fault>>,
    by_number: HashMap<usize, Fault>,
    seen: Vec<String>,
}

impl Faults {
    pub(crate) async fn before(stack: &Stack) -> Self {
        let faults = Self::listen().await;
        faults.lead_to(stack);
        faults
    }

    /// Listens already, for a system whose functions are to be led through here from their start: [`Self::lead_to`] it then.
    pub(crate) async fn listen() -> Self {
        let shared = Arc::new(Shared {
            engines: OnceLock::new(),
            http: reqwest::Client::new(),
            script: Mutex::default(),
            chance: Mutex::default(),
            reached: Notify::new(),
            released: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    pub(crate) fn lead_to(&self, stack: &Stack) {
        let engines = Engines { dynamodb: stack.dynamodb, s3: stack.s3, invoke: stack.invoke };
        self.shared.engines.set(engines).unwrap();
    }

    /// From now on requests meet faults by chance, beside those by script.
    pub(crate) fn by_chance(&self, chance: Chance) {
        *self.shared.chance.lock().unwrap() = Some(chance);
    }

    /// No more faults by chance; tells which there were.
    pub(crate) fn calm(&self) -> Met {
        self.shared.chance.lock().unwrap().take().unwrap().met()
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

/// Serves each connection until its end, or until a fault ends it.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // Small answers would otherwise wait for an acknowledgement that is delayed.
        stream.set_nodelay(true).unwrap();
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| pass(Arc::clone(&shared), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// The answer; an error ends the connection without one.
async fn pass(shared: Arc<Shared>, request: http::Request<Incoming>) -> io::Result<Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    let operation = operation(&parts);
    let fault = shared.fault(service(&parts), &operation);
    if let Some(refusal) = fault.and_then(|fault| answers::refusal(fault, &operation)) {
        return Ok(refusal);
    }
    match fault {
        Some(Fault::LostAnswer) => {
            shared.forward(parts, body).await?;
            let broken = stream::once(async { Err::<Vec<u8>, _>(io::Error::other("lost")) });
            Ok(Response::new(Body::from_stream(broken)))
        }
        Some(Fault::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::LostConnection) => {
            shared.forward(parts, body).await?;
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(Fault::Late) => {
            let answer = shared.forward(parts, body).await;
            tokio::time::sleep(LATE).await;
            answer
        }
        Some(Fault::CutBefore) => Ok(shared.stop_here().await),
        Some(Fault::Hold) => {
            shared.reached.notify_one();
            shared.released.notified().await;
            shared.forward(parts, body).await
        }
        Some(Fault::CutAfter) => {
            shared.forward(parts, body).await?;
            Ok(shared.stop_here().await)
        }
        _ => shared.forward(parts, body).await,
    }
}

impl Shared {
    /// What the next request meets: by script, or else by chance.
    fn fault(&self, service: AwsService, operation: &str) -> Option<Fault> {
        let scripted = self.script.lock().unwrap().next(operation);
        scripted.or_else(|| self.chance.lock().unwrap().as_mut()?.next(service, operation))
    }

    /// What the engine answers; an error if it has ended.
    async fn forward(&self, parts: Parts, body: Bytes) -> io::Result<Response> {
        let engines = self.engines.get().unwrap();
        let engine = match service(&parts) {
            AwsService::DynamoDb => engines.dynamodb,
            AwsService::S3 | AwsService::Sts => engines.s3,
            AwsService::Lambda | AwsService::Sqs | AwsService::Kms => engines.invoke,
        };
        let url = format!("http://{engine}{}", parts.uri);
        let sent = self.http.request(parts.method, url).headers(parts.headers).body(body).send();
        let sent = sent.await.map_err(io::Error::other)?;
        let mut response = Response::builder().status(sent.status());
        *response.headers_mut().unwrap() = sent.headers().clone();
        Ok(response.body(Body::from(sent.bytes().await.map_err(io::Error::other)?)).unwrap())
    }

    /// Never answers: who waits for it is dropped.
    async fn stop_here(&self) -> Response {
        self.reached.notify_one();
        std::future::pending().await
    }
}

fn target(parts: &Parts) -> Option<&str> {
    parts.headers.get("x-amz-target")?.to_str().ok()
}

fn service(parts: &Parts) -> AwsService {
    match target(parts).and_then(|target| target.split('.').next()) {
        Some("TrentService") => AwsService::Kms,
        Some("AmazonSQS") => AwsService::Sqs,
        Some(_) => AwsService::DynamoDb,
        None if parts.uri.path().starts_with("/2015-03-31/functions/") => AwsService::Lambda,
        None if parts.method == http::Method::POST => AwsService::Sts,
        None => AwsService::S3,
    }
}

/// The operation as AWS names it.
fn operation(parts: &Parts) -> String {
    if let Some(operation) = target(parts).and_then(|target| target.rsplit('.').next()) {
        return operation.to_owned();
    }
    let name = match service(parts) {
        AwsService::Lambda => "Invoke",
        AwsService::Sts => "AssumeRole",
        _ if parts.method == http::Method::DELETE => "DeleteObject",
        _ => "PutObject",
    };
    name.to_owned()
}
