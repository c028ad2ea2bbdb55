use std::fmt;
use std::io::{self, Read};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};
use sporlog_boot::{Aws, AwsService, Environment};
use sporlog_model::{BucketName, OrgId, error_chain};
use sporlog_verify::{Source, SourceError};
use tokio::runtime::Handle;

use super::Failure;

/// An export where it is, in S3.
pub(super) struct BucketSource {
    client: Client,
    runtime: Handle,
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
}

impl fmt::Debug for BucketSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl BucketSource {
    /// `place` is a bucket's name, and a prefix behind a slash. Credentials, region and endpoint are the environment's.
    pub(super) fn open(place: &str, environment: &Environment, runtime: &Handle) -> Result<Self, Failure> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let bucket = BucketName::parse(bucket)?.as_str().to_owned();
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let shared = Aws::from_environment(environment)?.service(AwsService::S3);
        // As the export addresses buckets.
        let path_style = shared.endpoint_url().is_some() || bucket.contains('.');
        let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(path_style).build();
        Ok(Self { client: Client::from_conf(config), runtime: runtime.clone(), bucket, prefix })
    }

    fn keys_below(&self, prefix: &str) -> Result<Vec<String>, SourceError> {
        let pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator();
        let mut pages = pages.send();
        self.runtime.block_on(async {
            let mut keys = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| self.unreadable("", &error))?;
                keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            }
            Ok(keys)
        })
    }

    fn unreadable(&self, key: &str, error: &(dyn std::error::Error + 'static)) -> SourceError {
        let bucket = &self.bucket;
        SourceError { place: format!("s3://{bucket}/{key}"), problem: error_chain(error) }
    }
}

impl Source for BucketSource {
    fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    fn list(&self, org: &OrgId) -> Result<Vec<String>, SourceError> {
        // The usual case: the prefix of the export. It spares reading the names of all other organizations' objects.
        let own = format!("{}org_id={org}/", self.prefix);
        let keys = self.keys_below(&own)?;
        if keys.is_empty() { self.keys_below(&self.prefix) } else { Ok(keys) }
    }

    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError> {
        let get = self.client.get_object().bucket(&self.bucket).key(key).send();
        let object = self.runtime.block_on(get).map_err(|error| self.unreadable(key, &error))?;
        Ok(Box::new(Body { runtime: self.runtime.clone(), stream: object.body, chunk: Bytes::new() }))
    }

    fn has_whole_keys(&self) -> bool {
        true
    }
}

/// An object's content as it comes.
struct Body {
    runtime: Handle,
    stream: ByteStream,
    chunk: Bytes,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(chunk) => self.chunk = chunk.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let count = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
