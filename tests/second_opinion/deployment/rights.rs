//! What the roles of the stack allow is what lets the functions work, and no more.

use serde_json::json;
use sporlog_auth::Role;

use super::template::ground;
use super::{Deployed, PATIENCE};
use crate::harness::{Caller, Place, System};

/// Without this the other tests could pass with policies that nobody looks at.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_its_policy_is_refused_by_the_table() {
    let system = System::at(Place::Deployed(Box::new(Deployed::start(None).await)));
    let Place::Deployed(deployed) = &system.stack else { panic!("not deployed") };
    let runner = Caller::platform_admin();
    assert_eq!(system.call(&runner, "PUT", "/orgs/diku", None).await.status, 201);
    let role = json!({"RoleName": deployed.resources["OrganizationsFunctionRole"]});
    let policies = ground().call("iam", "list_role_policies", &role);
    for policy in policies["PolicyNames"].as_array().unwrap() {
        let named = json!({"RoleName": role["RoleName"], "PolicyName": policy});
        ground().call("iam", "delete_role_policy", &named);
    }
    let refused = system.call(&runner, "PUT", "/orgs/diku", None).await;
    assert_eq!((refused.status, &refused.json()["code"]), (500, &json!("internal_error")), "{}", refused.text());
    // The others go on.
    let listed = system.call(&Caller::of_role("diku", Role::Member), "GET", "/api/v1/bufdir-export-audit", None).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    system.stop().await;
}

/// Whoever deletes the stack keeps the log.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_outlives_the_stack_and_refuses_to_be_deleted() {
    let deployed = Deployed::start(None).await;
    let (stack, table) = (json!({"StackName": deployed.id}), json!({"TableName": deployed.resources["Table"]}));
    deployed.stop().await;
    let deleted = || {
        let stacks = ground().call("cloudformation", "describe_stacks", &stack);
        stacks["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    };
    let gone = async {
        while !deleted() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    let kept = ground().call("dynamodb", "describe_table", &table);
    assert_eq!(
        (&kept["Table"]["TableStatus"], &kept["Table"]["DeletionProtectionEnabled"]),
        (&json!("ACTIVE"), &json!(true))
    );
}
