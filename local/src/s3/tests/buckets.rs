//! Buckets and listings.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use super::{Aws, BUCKET, refusal, refused};

#[tokio::test]
async fn the_life_of_a_bucket() {
    let aws = Aws::start().await;
    let s3 = aws.s3();
    let here = |region: &str| {
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
    };
    let create = |region| s3.create_bucket().bucket("new-bucket").create_bucket_configuration(here(region)).send();
    assert_eq!(refusal(create("us-west-2").await), refused("IllegalLocationConstraintException", 400));
    assert_eq!(
        refusal(s3.create_bucket().bucket("new-bucket").send().await),
        refused("IllegalLocationConstraintException", 400)
    );
    create("eu-north-1").await.unwrap();
    assert_eq!(refusal(create("eu-north-1").await), refused("BucketAlreadyOwnedByYou", 409));

    let head = s3.head_bucket().bucket("new-bucket").send().await.unwrap();
    assert_eq!(head.bucket_region(), Some("eu-north-1"));
    let location = s3.get_bucket_location().bucket("new-bucket").send().await.unwrap();
    assert_eq!(location.location_constraint().unwrap().as_str(), "eu-north-1");
    let listed = s3.list_buckets().send().await.unwrap();
    let names: Vec<_> = listed.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, [BUCKET, "new-bucket"]);

    s3.put_object().bucket("new-bucket").key("k").send().await.unwrap();
    assert_eq!(refusal(s3.delete_bucket().bucket("new-bucket").send().await), refused("BucketNotEmpty", 409));
    s3.delete_object().bucket("new-bucket").key("k").send().await.unwrap();
    s3.delete_bucket().bucket("new-bucket").send().await.unwrap();
    assert_eq!(refusal(s3.delete_bucket().bucket("new-bucket").send().await), refused("NoSuchBucket", 404));
    assert_eq!(refusal(s3.head_bucket().bucket("new-bucket").send().await).1, 404);
    assert_eq!(refusal(s3.list_objects_v2().bucket("new-bucket").send().await), refused("NoSuchBucket", 404));
}

#[tokio::test]
async fn a_listing_folds_and_continues() {
    let aws = Aws::start().await;
    let s3 = aws.s3();
    // The last but one comes after every "logs/a/…" that ends in the greatest character.
    let last = format!("logs/a/{}{}", char::MAX, char::MAX);
    let keys = ["a", "logs/a/1", "logs/a/2", &last, "logs/b/1", "logs/c", "z æøå & <x>"];
    for key in keys {
        s3.put_object().bucket(BUCKET).key(key).send().await.unwrap();
    }
    let listed = |page: &aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output| -> Vec<String> {
        let objects = page.contents().iter().filter_map(|object| object.key().map(str::to_owned));
        let prefixes = page.common_prefixes().iter().filter_map(|prefix| prefix.prefix().map(str::to_owned));
        objects.chain(prefixes).collect()
    };
    let all = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed(&all), keys);
    assert_eq!((all.key_count(), all.is_truncated()), (Some(7), Some(false)));

    for page_size in 1..=4 {
        let mut found = Vec::new();
        let mut pages = s3
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix("logs/")
            .delimiter("/")
            .max_keys(page_size)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.key_count().unwrap() <= page_size);
            found.extend(listed(&page));
        }
        found.sort();
        assert_eq!(found, ["logs/a/", "logs/b/", "logs/c"], "pages of {page_size}");
    }
    let after = s3.list_objects_v2().bucket(BUCKET).start_after("logs/b/1").send().await.unwrap();
    assert_eq!(listed(&after), ["logs/c", "z æøå & <x>"]);
    let after = s3.list_objects_v2().bucket(BUCKET).start_after("a").prefix("logs/a/").send().await.unwrap();
    assert_eq!(listed(&after).len(), 3);
    let none = s3.list_objects_v2().bucket(BUCKET).max_keys(0).send().await.unwrap();
    assert_eq!((listed(&none).len(), none.is_truncated()), (0, Some(false)));
    let wrong = s3.list_objects_v2().bucket(BUCKET).continuation_token("wrong").send().await;
    assert_eq!(refusal(wrong), refused("InvalidArgument", 400));

    let stored = aws.storage.list_objects(BUCKET, "logs/a/").unwrap();
    assert_eq!(stored.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), keys[1..4]);
}
