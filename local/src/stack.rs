//! The whole system in one process: engines, functions, gateway, schedules, wired as the template says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError};
use sporlog_model::Clock;
use sporlog_store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::demo::{self, DemoError};
use crate::dynamodb::{Engine, EngineError};
use crate::functions::{self, Function, MissingFunction, Registry};
use crate::gateway::Gateway;
use crate::iam::{Iam, Role};
use crate::identity::{Issuer, IssuerError};
use crate::in_flight::InFlight;
use crate::invoke::{AsyncInvoker, InvokeServer, async_queue_spec};
use crate::kms::{KeyError, SigningKey};
use crate::queue::{self, QueueError, Queues};
use crate::s3::{self, Storage, StorageError};
use crate::scheduler;
use crate::template::{Deployment, EMBEDDED, FunctionSpec, Template, TemplateError};

/// How to run the system.
#[derive(Debug, Clone)]
pub struct Options {
    pub host: IpAddr,
    /// The port of the HTTP API; 0 for a free one, as for the others.
    pub port: u16,
    pub invoke_port: u16,
    pub dynamodb_port: u16,
    pub s3_port: u16,
    /// Where data is kept; `None` keeps it in memory.
    pub data_dir: Option<PathBuf>,
    /// Whether to set up the demo organizations.
    pub demo: bool,
    /// Whether the template's schedules run.
    pub schedule: bool,
    /// How old an event must be before it is exported.
    pub settle_seconds: u64,
    /// What is run: the text of a template.
    pub template: Cow<'static, str>,
}

impl Default for Options {
    /// In memory, on free ports of the loopback interface, with nothing that happens by itself: what a test wants.
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            invoke_port: 0,
            dynamodb_port: 0,
            s3_port: 0,
            data_dir: None,
            demo: false,
            schedule: false,
            settle_seconds: 0,
            template: Cow::Borrowed(EMBEDDED),
        }
    }
}

/// Why the system did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data directory {0} cannot be used")]
    DataDir(PathBuf, #[source] io::Error),
    #[error("the data directory {0} is in use by another sporlog")]
    InUse(PathBuf),
    #[error("port {0} cannot be used")]
    Port(u16, #[source] io::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    DynamoDb(#[from] EngineError),
    #[error(transparent)]
    S3(#[from] StorageError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    #[error(transparent)]
    SigningKey(#[from] KeyError),
    #[error(transparent)]
    Function(#[from] MissingFunction),
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Demo(#[from] DemoError),
}

/// The running system.
#[derive(Debug)]
pub struct Stack {
    pub api: SocketAddr,
    pub invoke: SocketAddr,
    pub dynamodb: SocketAddr,
    pub s3: SocketAddr,
    pub issuer: Issuer,
    pub store: Store,
    pub storage: Storage,
    pub queues: Arc<Queues>,
    pub registry: Arc<Registry>,
    /// What each function may do, and did.
    pub iam: Iam,
    invoker: Arc<AsyncInvoker>,
    engine: Engine,
    s3_server: s3::Server,
    /// Ends what brings new work: gateway, schedules, queue pollers.
    stop_intake: CancellationToken,
    /// Ends what functions still need while they finish: the Lambda, SQS and KMS endpoint.
    stop_services: CancellationToken,
    intake: Vec<JoinHandle<()>>,
    services: JoinHandle<()>,
    /// Held as long as the system runs.
    _lock: Option<File>,
}

impl Stack {
    /// Starts everything; when this returns, everything answers.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let file = |name: &str| options.data_dir.as_ref().map(|directory| directory.join(name));
        let lock = options.data_dir.as_deref().map(claim).transpose()?;
        let clock = Clock::system();
        // Ports first: the functions' environment names them.
        let listen = |port| StdListener::bind((options.host, port)).map_err(|error| StartError::Port(port, error));
        let api_listener = asynchronous(listen(options.port)?)?;
        let invoke_listener = asynchronous(listen(options.invoke_port)?)?;
        let s3_listener = asynchronous(listen(options.s3_port)?)?;
        let dynamodb_listener = listen(options.dynamodb_port)?;
        let (api, invoke) = (api_listener.local_addr()?, invoke_listener.local_addr()?);

        let issuer = Issuer::open(options.data_dir.as_deref())?;
        let template = template(&options, &issuer, invoke)?;
        let iam = Iam::of(&template);
        let storage = match file("s3.sqlite") {
            Some(path) => Storage::open(&path)?,
            None => Storage::memory()?,
        };
        let s3_server = s3::Server::start(
            storage.clone(),
            s3_listener,
            Arc::new(crate::clock::now),
            s3::DEFAULT_REGION,
            iam.clone(),
        )?;
        let engine =
            Engine::start(dynamodb_listener, file("dynamodb.sqlite").as_deref(), &template.tables, iam.clone())?;
        let queue_specs: Vec<_> = template.queues.iter().cloned().chain([async_queue_spec()]).collect();
        let queues = Arc::new(Queues::open(&queue_specs, file("queues.sqlite").as_deref())?);

        let endpoints = Endpoints { invoke, dynamodb: engine.address(), s3: s3_server.address() };
        let registry = Arc::new(registry(&template, endpoints, &iam, &clock)?);
        let (stop_intake, stop_services) = (CancellationToken::new(), CancellationToken::new());
        let invoker = AsyncInvoker::new(&template, Arc::clone(&registry), Arc::clone(&queues), stop_intake.clone());

        let aws = Aws::from_environment(&Environment::from_values(endpoints.variables()))?;
        let dynamodb_client = aws_sdk_dynamodb::Client::new(&aws.service(AwsService::DynamoDb));
        let table = template.tables.first().map(|table| table.logical_id.clone()).unwrap_or_default();
        let store = Store::new(dynamodb_client, table, clock.clone());
        if options.demo {
            demo::set_up(&store, &storage, &clock).await?;
        }

        let signing_key = SigningKey::open(options.data_dir.as_deref())?;
        let server = InvokeServer::new(
            Arc::clone(&registry),
            Arc::clone(&invoker),
            Arc::clone(&queues),
            issuer.key_set()?,
            signing_key,
            iam.clone(),
        );
        let services = spawn("invoke", {
            let stop = stop_services.clone();
            async move { server.serve(invoke_listener, stop).await }
        });
        invoker.resume()?;
        let gateway = Gateway::new(&template, Arc::clone(&registry));
        let mut intake = vec![spawn("gateway", {
            let stop = stop_intake.clone();
            async move { gateway.serve(api_listener, stop).await }
        })];
        intake.push(spawn("pollers", {
            let (template, queues, registry) = (template.clone(), Arc::clone(&queues), Arc::clone(&registry));
            let stop = stop_intake.clone();
            async move {
                queue::run_pollers(&template, &queues, &registry, &stop).await;
                Ok(())
            }
        }));
        if options.schedule {
            let (invoker, stop) = (Arc::clone(&invoker), stop_intake.clone());
            intake.push(spawn("schedules", async move {
                scheduler::run(&template, &invoker, None, &stop).await;
                Ok(())
            }));
        }
        Ok(Self {
            api,
            invoke,
            dynamodb: endpoints.dynamodb,
            s3: endpoints.s3,
            issuer,
            store,
            storage,
            queues,
            registry,
            iam,
            invoker,
            engine,
            s3_server,
            stop_intake,
            stop_services,
            intake,
            services,
            _lock: lock,
        })
    }

    /// Waits until every asynchronous invocation that was accepted so far has ended.
    pub async fn invoked(&self) {
        self.invoker.drained().await;
    }

    /// Ends everything in order: no new work, then what was accepted is done, then the engines close.
    pub async fn stop(self) {
        self.stop_intake.cancel();
        for task in self.intake {
            join(task).await;
        }
        self.invoker.drained().await;
        self.registry.drained().await;
        self.stop_services.cancel();
        join(self.services).await;
        self.s3_server.stop().await;
        // Closing the database blocks.
        join(tokio::task::spawn_blocking(move || self.engine.stop())).await;
    }
}

/// Where the functions find AWS.
#[derive(Debug, Clone, Copy)]
struct Endpoints {
    invoke: SocketAddr,
    dynamodb: SocketAddr,
    s3: SocketAddr,
}

impl Endpoints {
    /// The variables that Lambda would set, credentials of the function's role among them, those that point at the local engines, and
    /// the function's own.
    fn environment(self, iam: &Iam, function: &FunctionSpec) -> Environment {
        let role = iam.role_of(&function.logical_id).into_iter().flat_map(Role::variables);
        let role = role.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let own = function.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
        Environment::from_values(self.variables().chain(role).chain(own))
    }

    /// The administrator's.
    fn variables(self) -> impl Iterator<Item = (String, String)> {
        variables(self.invoke, self.dynamodb, self.s3).into_iter().map(|(name, value)| (name.to_owned(), value))
    }
}

/// The variables with which any AWS SDK and the AWS CLI call the local engines as the administrator.
pub fn variables(invoke: SocketAddr, dynamodb: SocketAddr, s3: SocketAddr) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_REGION", s3::DEFAULT_REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", s3::ROOT_ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", s3::ROOT_SECRET_KEY.to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dynamodb}")),
        ("AWS_ENDPOINT_URL_S3", format!("http://{s3}")),
        ("AWS_ENDPOINT_URL_STS", format!("http://{s3}")),
        ("AWS_ENDPOINT_URL_LAMBDA", format!("http://{invoke}")),
        ("AWS_ENDPOINT_URL_SQS", format!("http://{invoke}")),
        ("AWS_ENDPOINT_URL_KMS", format!("http://{invoke}")),
    ]
}

/// The template with the parameters of this run.
fn template(options: &Options, issuer: &Issuer, invoke: SocketAddr) -> Result<Template, StartError> {
    let parameters = BTreeMap::from([
        ("TrustedIssuers".to_owned(), issuer.trusted_issuers(invoke)?),
        ("SettleSeconds".to_owned(), options.settle_seconds.to_string()),
        ("SigningKeyArn".to_owned(), SigningKey::arn()),
        // Here there is only one account.
        ("RolesOfOwnAccount".to_owned(), "allowed".to_owned()),
    ]);
    let deployment = Deployment { parameters, queue_endpoint: format!("http://{invoke}") };
    Ok(Template::parse(&options.template, &deployment)?)
}

/// The functions of the template, each with its own environment.
fn registry(template: &Template, endpoints: Endpoints, iam: &Iam, clock: &Clock) -> Result<Registry, StartError> {
    let in_flight = InFlight::default();
    let mut crates: BTreeMap<String, Arc<dyn Function>> = BTreeMap::new();
    for spec in &template.functions {
        if let Some(function) = function(spec, &endpoints.environment(iam, spec), clock, &in_flight)? {
            crates.insert(spec.binary.clone(), function);
        }
    }
    Ok(Registry::new(template, &crates)?)
}

/// A function of the template, as its own `main` would start it; `None` for a crate this process does not know, which the
/// registry then reports.
fn function(
    spec: &FunctionSpec,
    environment: &Environment,
    clock: &Clock,
    in_flight: &InFlight,
) -> Result<Option<Arc<dyn Function>>, EnvironmentError> {
    let clock = clock.clone();
    Ok(Some(match spec.binary.as_str() {
        "acquisition-audit" => functions::http(acquisition_audit::router(environment, clock)?),
        "audit-config" => {
            let function = functions::http(audit_config::router(environment, clock.clone())?);
            in_flight.watch(function, clock)
        }
        "audit-export" => {
            let function = functions::http(audit_export::router(environment, clock.clone())?);
            in_flight.watch(function, clock)
        }
        "authorizer" => {
            let authorizer = Arc::new(authorizer::Authorizer::from_environment(environment, clock)?);
            functions::from_service(service_fn(move |event: LambdaEvent<_>| {
                let authorizer = Arc::clone(&authorizer);
                async move { authorizer.authorize(&event.payload).await }
            }))
        }
        "bufdir-export-audit" => {
            let function = functions::http(bufdir_export_audit::router(environment, clock.clone())?);
            in_flight.watch(function, clock)
        }
        "organizations" => {
            let function = functions::http(organizations::router(environment, clock.clone())?);
            in_flight.watch(function, clock)
        }
        "kyc-audit-log" => {
            let function = functions::http(kyc_audit_log::router(environment, clock.clone())?);
            in_flight.watch(function, clock)
        }
        "ingest" => {
            let ingest = Arc::new(ingest::Ingest::from_environment(environment, clock.clone())?);
            let function = functions::from_service(service_fn(move |event: LambdaEvent<_>| {
                let ingest = Arc::clone(&ingest);
                async move { ingest.handle(event.payload).await }
            }));
            in_flight.watch(function, clock)
        }
        "openapi" => functions::http(openapi::router()),
        "export-dispatch" => {
            let dispatch = Arc::new(export_dispatch::ExportDispatch::from_environment(environment, clock)?);
            functions::from_service(service_fn(move |_: LambdaEvent<IgnoredAny>| {
                let dispatch = Arc::clone(&dispatch);
                async move { dispatch.handle().await }
            }))
        }
        "export-run" => {
            let run = Arc::new(export_run::ExportRun::from_environment(environment, in_flight.clock(clock))?);
            functions::from_service(service_fn(move |event: LambdaEvent<_>| {
                let run = Arc::clone(&run);
                async move { run.handle(event.payload, event.context.deadline).await }
            }))
        }
        "retention" => {
            let retention = Arc::new(retention::Retention::from_environment(environment, clock.clone())?);
            let function = functions::from_service(service_fn(move |event: LambdaEvent<_>| {
                let retention = Arc::clone(&retention);
                async move { retention.handle(event.payload, event.context.deadline).await }
            }));
            in_flight.watch(function, clock)
        }
        _ => return Ok(None),
    }))
}

/// Makes the data directory, if it is not there, and locks it: two servers on one would each export without knowing what the
/// other still writes.
fn claim(directory: &Path) -> Result<File, StartError> {
    let unusable = |error| StartError::DataDir(directory.to_owned(), error);
    create_data_dir(directory).map_err(unusable)?;
    let file = File::create(directory.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Makes a data directory, if it is not there: only its owner may look into it, since private keys, session keys and everybody's
/// events are in it.
pub(crate) fn create_data_dir(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn asynchronous(listener: StdListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn spawn(name: &'static str, task: impl Future<Output = io::Result<()>> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = task.await {
            tracing::error!(name, %error, "a part of the local run has ended");
        }
    })
}

async fn join(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "a part of the local run panicked");
    }
}
