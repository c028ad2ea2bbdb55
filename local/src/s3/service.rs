//! The S3 operations. What is not here answers `NotImplemented`.

use s3s::dto::{
    Bucket, BucketLocationConstraint, CommonPrefix, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
    DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETag, ETagCondition, Error, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass, Owner, PutObjectInput, PutObjectOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::access::{object_arn, signed_identity};
use super::identity::Identity;
use super::listing::{self, Position, Query};
use super::put::{self, precondition_failed};
use super::read::{self, s3s_timestamp};
use super::{ACCOUNT_ID, Clock, Storage, buckets, objects};

/// The most that one page of a listing holds, and the default.
const MAX_KEYS: i32 = 1000;

pub(super) struct Service {
    pub(super) storage: Storage,
    pub(super) clock: Clock,
    pub(super) region: String,
}

#[async_trait::async_trait]
impl S3 for Service {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let constraint = req.input.create_bucket_configuration.and_then(|config| config.location_constraint);
        let asked = constraint.as_ref().map_or("us-east-1", BucketLocationConstraint::as_str);
        if asked != self.region {
            let asked = if constraint.is_some() { asked } else { "unspecified" };
            return Err(s3_error!(
                IllegalLocationConstraintException,
                "The {asked} location constraint is incompatible for the region specific endpoint this request was \
                 sent to."
            ));
        }
        let (bucket, region) = (req.input.bucket, self.region.clone());
        let location = format!("/{bucket}");
        let created = self.storage.write(move |transaction| buckets::create(transaction, &bucket, &region));
        if !created.await? {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn head_bucket(&self, _req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        // The access check has found it, in this region.
        let bucket_region = Some(self.region.clone());
        Ok(S3Response::new(HeadBucketOutput { bucket_region, ..HeadBucketOutput::default() }))
    }

    async fn get_bucket_location(
        &self,
        _req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        // The first region has no name here.
        let constraint = (self.region != "us-east-1").then(|| BucketLocationConstraint::from(self.region.clone()));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: constraint }))
    }

    async fn list_buckets(&self, _req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.storage.read(buckets::list).await?;
        let buckets = buckets.into_iter().map(|bucket| Bucket {
            name: Some(bucket.name),
            bucket_region: Some(bucket.region),
            creation_date: Some(s3s_timestamp(bucket.created_at)),
        });
        let owner = Owner { id: Some(ACCOUNT_ID.to_owned()), ..Owner::default() };
        let (buckets, owner) = (Some(buckets.collect()), Some(owner));
        Ok(S3Response::new(ListBucketsOutput { buckets, owner, ..ListBucketsOutput::default() }))
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        let bucket = req.input.bucket;
        match self.storage.write(move |transaction| buckets::delete(transaction, &bucket)).await? {
            buckets::Deleted::Done => Ok(S3Response::new(DeleteBucketOutput {})),
            buckets::Deleted::NotFound => Err(s3_error!(NoSuchBucket, "The specified bucket does not exist")),
            buckets::Deleted::NotEmpty => Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty")),
        }
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        put::put_object(&self.storage, &self.clock, &caller(&req)?, req).await
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let found = read::find(&self.storage, &caller(&req)?, req.input.into(), true).await?;
        Ok(S3Response::new(found.into_get()))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let found = read::find(&self.storage, &caller(&req)?, req.input.into(), false).await?;
        Ok(S3Response::new(found.into_head()))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let DeleteObjectInput { bucket, key, if_match, .. } = req.input;
        let deleted = self.storage.write(move |transaction| {
            if let Some(condition) = if_match {
                let fits = objects::find(transaction, &bucket, &key)?.is_some_and(|object| match &condition {
                    ETagCondition::Any => true,
                    ETagCondition::ETag(etag) => etag.value() == object.etag,
                });
                if !fits {
                    return Ok(false);
                }
            }
            // An object that is not there is deleted as well: S3 answers 204 to both.
            objects::delete(transaction, &bucket, &key)?;
            Ok(true)
        });
        if !deleted.await? {
            return Err(precondition_failed());
        }
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let identity = caller(&req)?;
        let DeleteObjectsInput { bucket, delete, .. } = req.input;
        let quiet = delete.quiet.unwrap_or(false);
        let mut errors = Vec::new();
        let mut keys = Vec::new();
        for object in delete.objects {
            match identity.allow("s3:DeleteObject", &object_arn(&bucket, &object.key)) {
                Ok(()) => keys.push(object.key),
                Err(sentence) => errors.push(Error {
                    code: Some("AccessDenied".to_owned()),
                    key: Some(object.key),
                    message: Some(sentence),
                    ..Error::default()
                }),
            }
        }
        let deleted = self.storage.write(move |transaction| {
            for key in &keys {
                objects::delete(transaction, &bucket, key)?;
            }
            Ok(keys)
        });
        let deleted =
            deleted.await?.into_iter().map(|key| DeletedObject { key: Some(key), ..DeletedObject::default() });
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then(|| deleted.collect()),
            errors: (!errors.is_empty()).then_some(errors),
            request_charged: None,
        }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let max_keys = input.max_keys.unwrap_or(MAX_KEYS);
        let Ok(limit) = usize::try_from(max_keys.min(MAX_KEYS)) else {
            return Err(s3_error!(InvalidArgument, "Argument max-keys must be an integer between 0 and 2147483647"));
        };
        let after = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => {
                let position = Position::from_token(token);
                let wrong = || s3_error!(InvalidArgument, "The continuation token provided is incorrect");
                Some(position.ok_or_else(wrong)?)
            }
            (None, Some(key)) => Some(Position::Key(key.clone())),
            (None, None) => None,
        };
        let query = Query {
            bucket: input.bucket.clone(),
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after,
            limit,
        };
        let page = self.storage.read(move |connection| listing::page(connection, &query)).await?;
        let contents: Vec<_> = page.objects.into_iter().map(listed).collect();
        let common_prefixes: Vec<_> =
            page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(input.prefix.unwrap_or_default()),
            delimiter: input.delimiter,
            start_after: input.start_after,
            max_keys: Some(max_keys.min(MAX_KEYS)),
            key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
            is_truncated: Some(page.next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: page.next.map(|position| position.to_token()),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsV2Output::default()
        }))
    }
}

fn listed(object: objects::ListedObject) -> Object {
    Object {
        key: Some(object.key),
        size: i64::try_from(object.size).ok(),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(s3s_timestamp(object.modified_at)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    }
}

fn caller<T>(req: &S3Request<T>) -> S3Result<Identity> {
    let signed_by = req.credentials.as_ref().map(|credentials| credentials.access_key.as_str());
    signed_identity(signed_by, req.extensions.get::<Identity>())
}
