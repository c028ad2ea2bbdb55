use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tokio::sync::{Mutex, Notify, mpsc};
use tower::service_fn;

use super::*;
use crate::{
    functions::{Function, Registry, from_service},
    invoke::async_queue_spec,
    queue::Queues,
    template::Deployment,
};

const TEMPLATE: &str = "
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      Timeout: 900
      MemorySize: 128
      Events: {Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes)}}}
";

fn invoker(template: &Template, function: Arc<dyn Function>, stop: &CancellationToken) -> Arc<AsyncInvoker> {
    let registry = Arc::new(Registry::new(template, &BTreeMap::from([("f".to_owned(), function)])).unwrap());
    let queues = Arc::new(Queues::open(&[async_queue_spec()], None).unwrap());
    AsyncInvoker::new(template, registry, queues, stop.clone())
}

/// Compiles only for what `tokio::spawn` would take, lifetimes aside.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::test(start_paused = true)]
async fn a_schedule_starts_its_function_at_its_interval() {
    let (sent, mut received) = mpsc::unbounded_channel();
    let started = Instant::now();
    let function = from_service(service_fn(move |event: LambdaEvent<Value>| {
        sent.send((started.elapsed(), event.payload)).unwrap();
        async { Ok::<_, lambda_runtime::Error>(()) }
    }));
    let template = Template::parse(TEMPLATE, &Deployment::default()).unwrap();
    let stop = CancellationToken::new();
    let invoker = invoker(&template, function, &stop);
    let watch = async {
        for tick in 1..=3 {
            let (after, event) = received.recv().await.unwrap();
            assert_eq!(after.as_secs(), 300 * tick);
            assert_eq!((&event["source"], &event["detail"]), (&"aws.scheduler".into(), &"{}".into()));
            assert_eq!(event["resources"][0], "arn:aws:scheduler:eu-north-1:000000000000:schedule/default/Often");
        }
        stop.cancel();
    };
    tokio::join!(sendable(run(&template, &invoker, None, &stop)), watch);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_still_runs_is_not_doubled() {
    let running = Arc::new(AtomicUsize::new(0));
    let (begun, release) = (Arc::new(Mutex::new(vec![])), Arc::new(Notify::new()));
    let function = {
        let (running, begun, release) = (Arc::clone(&running), Arc::clone(&begun), Arc::clone(&release));
        from_service(service_fn(move |_: LambdaEvent<Value>| {
            let (running, begun, release) = (Arc::clone(&running), Arc::clone(&begun), Arc::clone(&release));
            async move {
                begun.lock().await.push(running.fetch_add(1, Ordering::Relaxed));
                release.notified().await;
                running.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, lambda_runtime::Error>(())
            }
        }))
    };
    let template = Template::parse(TEMPLATE, &Deployment::default()).unwrap();
    let stop = CancellationToken::new();
    let invoker = invoker(&template, function, &stop);
    let watch = async {
        // Three and a half intervals pass while the first run goes on, then it ends and the next tick starts the second.
        tokio::time::sleep(Duration::from_secs(35)).await;
        assert_eq!(*begun.lock().await, [0]);
        release.notify_one();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(*begun.lock().await, [0, 0]);
        release.notify_one();
        stop.cancel();
    };
    tokio::join!(run(&template, &invoker, Some(Duration::from_secs(10)), &stop), watch);
}
