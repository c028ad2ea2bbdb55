use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::*;
use crate::template::{Deployment, Template};

mod poller;
mod sdk;

const TEMPLATE: &str = "
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 360, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      Timeout: 3
      MemorySize: 128
      Events: {Q: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]}}}
";

fn template() -> Template {
    Template::parse(TEMPLATE, &Deployment::default()).unwrap()
}

fn queues(path: Option<&std::path::Path>) -> Arc<Queues> {
    Arc::new(Queues::open(&template().queues, path).unwrap())
}

fn send(queues: &Queues, body: &str) -> String {
    queues.send("Queue", body, &BTreeMap::new(), Duration::ZERO).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_received_message_is_hidden_for_its_time_and_goes_to_the_dead_letters_after_its_receives() {
    let queues = queues(None);
    let id = send(&queues, "m");
    for receives in 1..=2 {
        let messages = queues.receive_within("Queue", 1, None, Duration::from_hours(1)).await.unwrap();
        assert_eq!((messages[0].id.as_str(), messages[0].receives), (id.as_str(), receives));
        assert_eq!(queues.count("Queue").unwrap(), (0, 1));
    }
    tokio::time::advance(Duration::from_secs(361)).await;
    assert!(queues.receive("Queue", 1, None).unwrap().is_empty());
    assert_eq!(queues.receive("Dead", 1, None).unwrap()[0].id, id);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_receive_is_woken_by_a_message_and_a_delayed_one_is_waited_for() {
    let queues = queues(None);
    let waiting = tokio::spawn({
        let queues = Arc::clone(&queues);
        async move { queues.receive_within("Queue", 1, None, Duration::from_secs(20)).await.unwrap() }
    });
    tokio::task::yield_now().await;
    send(&queues, "now");
    assert_eq!(waiting.await.unwrap()[0].body, "now");

    queues.send("Queue", "later", &BTreeMap::new(), Duration::from_secs(5)).unwrap();
    assert!(queues.receive("Queue", 1, None).unwrap().is_empty());
    let messages = queues.receive_within("Queue", 1, None, Duration::from_secs(20)).await.unwrap();
    assert_eq!(messages[0].body, "later");
}

#[test]
fn messages_survive_in_their_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queues.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let id = send(&queues(Some(&path)), "kept");
    assert_eq!(queues(Some(&path)).receive("Queue", 1, None).unwrap()[0].id, id);
}
