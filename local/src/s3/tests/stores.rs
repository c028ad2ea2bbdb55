//! The `SQLite` file: shared by processes, surviving restarts, keeping secrets.

use super::super::{RoleDefinition, Storage};
use super::{Aws, BUCKET, refusal, refused};

fn role(bucket: &str) -> RoleDefinition {
    RoleDefinition { name: "late".to_owned(), bucket: bucket.to_owned(), external_id: None, deny: None }
}

#[tokio::test]
async fn a_role_defined_elsewhere_counts_from_the_next_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s3.sqlite");
    let aws = Aws::serve(Storage::open(&path).unwrap()).await;
    let arn = role(BUCKET).arn();
    let assume = || aws.sts().assume_role().role_arn(arn.as_str()).role_session_name("test").send();
    assert_eq!(refusal(assume().await), refused("AccessDenied", 403));

    let other_process = Storage::open(&path).unwrap();
    other_process.define_role(&role(BUCKET)).unwrap();
    assume().await.unwrap();

    // A session that exists follows its role to the new bucket, which was created with it.
    let s3 = aws.s3_as(aws.assume(&arn, None).await);
    s3.put_object().bucket(BUCKET).key("k").send().await.unwrap();
    other_process.define_role(&role("moved-to")).unwrap();
    assert_eq!(refusal(s3.put_object().bucket(BUCKET).key("k").send().await), refused("AccessDenied", 403));
    s3.put_object().bucket("moved-to").key("k").send().await.unwrap();
}

#[tokio::test]
async fn objects_and_sessions_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s3.sqlite");
    let session = {
        let aws = Aws::serve(Storage::open(&path).unwrap()).await;
        let role = aws.role("exporter", None, None);
        let session = aws.assume(&role, None).await;
        aws.s3_as(session.clone())
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(b"v".to_vec().into())
            .send()
            .await
            .unwrap();
        aws.server.stop().await;
        session
    };
    let aws = Aws::serve(Storage::open(&path).unwrap()).await;
    let object = aws.s3_as(session).get_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "v");
}

#[test]
fn many_processes_may_open_a_new_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s3.sqlite");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let storage = Storage::open(path).unwrap();
                storage.create_bucket(&format!("bucket-{number}"), "eu-north-1").unwrap();
            });
        }
    });
}

#[test]
fn names_that_aws_refuses() {
    let storage = Storage::memory().unwrap();
    assert!(storage.create_bucket("Not_A_Bucket", "eu-north-1").is_err());
    let nameless = RoleDefinition { name: "a b".to_owned(), ..role(BUCKET) };
    assert!(storage.define_role(&nameless).is_err());
}
