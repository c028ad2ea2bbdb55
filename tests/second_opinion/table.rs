//! The same with the table on `MiniStack`: its conditions, transactions and queries come from other hands than the embedded
//! engine's.

use std::time::Duration;

use export_run::{ExportRun, RunOutcome, RunRequest};
use serde_json::json;
use sporlog_boot::Environment;
use sporlog_model::{AwsRegion, BucketName, Clock, Destination, EntityType, KeyPrefix, RoleArn};
use sporlog_store::{ExportConfig, RunTrigger};
use uuid::Uuid;

use super::{BUCKET, Opinion, REGION, SPORLOG, may_assume, policy, root};
use crate::audit_export::ORG;
use crate::harness::{FolioEvent, ManualClock, org, scope_of, store};
use crate::structure::template;

#[tokio::test(flavor = "multi_thread")]
async fn an_export_runs_from_a_table_of_ministack() {
    let opinion = Opinion::start().await;
    let sporlog = root(SPORLOG);
    for table in template().tables {
        opinion.ministack.call(&sporlog, "dynamodb", "create_table", &table.create);
    }
    let mut allowed = may_assume();
    let table = format!("arn:aws:dynamodb:{REGION}:{SPORLOG}:table/*");
    allowed.as_array_mut().unwrap().push(json!({"Effect": "Allow", "Action": "dynamodb:*", "Resource": table}));
    let allow = json!({"RoleName": "ExportRunFunctionRole", "PolicyName": "allow", "PolicyDocument": policy(&allowed)});
    opinion.ministack.call(&sporlog, "iam", "put_role_policy", &allow);

    let clock = ManualClock::at(&Clock::system().now().to_string());
    let (scope, store) = (scope_of(ORG), store(&on_ministack(&opinion, &sporlog), clock.clock()));
    let destination = Destination {
        bucket: BucketName::parse(BUCKET).unwrap(),
        region: AwsRegion::parse(REGION).unwrap(),
        role_arn: RoleArn::parse(&opinion.deploy_setup(BUCKET).await).unwrap(),
        // The one that the setup named.
        external_id: opinion.system.stack.store.export_external_id(&scope).await.unwrap(),
        prefix: KeyPrefix::default(),
        kms_key: None,
    };
    store.put_export_config(&scope, &ExportConfig::new(destination, true, clock.now())).await.unwrap();
    let run = ExportRun::from_environment(&on_ministack(&opinion, &opinion.export_run), clock.clock()).unwrap();
    for round in 1..=2 {
        for _ in 0..3 {
            let event = FolioEvent::of(EntityType::Order, &Uuid::new_v4().to_string()).event();
            // The same again changes nothing.
            for _ in 0..2 {
                store.append(&scope, &event).await.unwrap();
            }
            clock.advance(Duration::from_hours(12));
        }
        let request = RunRequest { org_id: org(ORG), trigger: RunTrigger::Schedule, run_id: None };
        let outcome = Box::pin(run.handle(request, u64::MAX)).await.unwrap();
        assert!(matches!(outcome, RunOutcome::Succeeded { event_count: 3, .. }), "{outcome:?}");
        assert_eq!(opinion.verified(BUCKET).await.events, round * 3);
    }
    assert_eq!(store.runs(&scope, None, 10).await.unwrap().len(), 2);
    opinion.system.stop().await;
}

fn on_ministack(opinion: &Opinion, credentials: &[String]) -> Environment {
    let mut own = opinion.variables(credentials);
    own.push(("AWS_ENDPOINT_URL_DYNAMODB", opinion.ministack.endpoint.clone()));
    own.push(("SETTLE_SECONDS", "60".to_owned()));
    let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    opinion.system.environment(&own)
}
