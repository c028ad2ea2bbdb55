//! Events into the log: from FOLIO's Kafka topics, from SQS, and as plain batches.
//!
//! Each record becomes one append, which is safe to repeat, so every source may deliver more than once. A record that can
//! never be stored goes to the dead-letter queue with the reason and counts as handled; one that could not be stored now
//! is reported back, and its source delivers it again. Start with [`Ingest::handle`].

mod batch;
mod dead_letter;
mod event;
mod kafka;
mod record;
mod response;
mod sqs;

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use futures_util::stream::{self, StreamExt};
use lambda_runtime::Diagnostic;
use serde_json::value::RawValue;
use sporlog_auth::{Service, TenantScope};
use sporlog_boot::{Aws, AwsService, Environment, EnvironmentError, Metric, Metrics};
use sporlog_model::settings::SettingGroup;
use sporlog_model::{Clock, EntityId, EntityType, OrgId, elapsed_ms};
use sporlog_store::{Appended, Store, StoreError};

use crate::dead_letter::DeadLetterQueue;
use crate::event::Source;
use crate::record::{Parsed, Record};
pub use crate::response::{IngestResponse, ItemIdentifier, Rejected};

/// Entities that are appended to at the same time. The events of one entity go one after the other: they share its counts,
/// and in parallel they would only stand in each other's way.
const ENTITIES_AT_ONCE: usize = 32;

/// The function, set up from `TABLE_NAME`, `DEAD_LETTER_QUEUE_URL` and the variables Lambda sets.
#[derive(Debug)]
pub struct Ingest {
    store: Store,
    dead_letters: DeadLetterQueue,
    clock: Clock,
    metrics: Metrics,
}

/// What became of one record.
#[derive(Debug)]
pub(crate) enum Outcome {
    Appended(Appended),
    /// Handled and not stored: the organization has switched the audit off.
    Skipped,
    /// Set aside for good, with the reason.
    Rejected(String),
    /// Not stored and not set aside; worth another delivery.
    Failed,
}

impl Ingest {
    /// Reads the configuration and builds the clients.
    pub fn from_environment(environment: &Environment, clock: Clock) -> Result<Self, EnvironmentError> {
        let (table, queue_url) =
            environment.read(|reader| (reader.required("TABLE_NAME"), reader.required("DEAD_LETTER_QUEUE_URL")))?;
        let aws = Aws::from_environment(environment)?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws.service(AwsService::DynamoDb));
        let sqs = aws_sdk_sqs::Client::new(&aws.service(AwsService::Sqs));
        Ok(Self {
            store: Store::new(dynamodb, table, clock.clone()),
            dead_letters: DeadLetterQueue::new(sqs, queue_url, clock.clone()),
            clock,
            metrics: Metrics::of(environment),
        })
    }

    /// Handles one Lambda event: `{"records":…}` from Kafka, `{"Records":…}` from SQS or `{"events":…}`.
    ///
    /// An error means that the whole event must be delivered again: it has none of these shapes, or a plain batch, whose
    /// sender has no other way to learn of it, could not be stored completely.
    pub async fn handle(&self, event: Box<RawValue>) -> Result<IngestResponse, Diagnostic> {
        let began = Instant::now();
        let (source, records) = event::read(&event)
            .map_err(|error| Diagnostic { error_type: "UnknownEvent".to_owned(), error_message: error.to_string() })?;
        let outcomes = self.handle_records(&records).await;
        let response = IngestResponse::of(&records, &outcomes);
        let IngestResponse { stored, duplicates, skipped, .. } = response;
        let (rejected, failed) = (response.rejected.len(), response.batch_item_failures.len());
        self.measure(&[
            (Metric::EventsStored, stored),
            (Metric::RecordsRejected, rejected),
            (Metric::RecordsFailed, failed),
        ]);
        let duration_ms = elapsed_ms(began);
        tracing::info!(source = source.name(), stored, duplicates, skipped, rejected, failed, duration_ms, "ingested");
        if source == Source::Batch && failed > 0 {
            return Err(Diagnostic {
                error_type: "NotStored".to_owned(),
                error_message: format!(
                    "{failed} of {} events could not be stored now; send the batch again",
                    records.len()
                ),
            });
        }
        Ok(response)
    }

    /// What is not zero, for alarms and the dashboard.
    fn measure(&self, counts: &[(Metric, usize)]) {
        let count = |(metric, count): &(Metric, usize)| (*metric, u64::try_from(*count).unwrap_or(u64::MAX));
        let values: Vec<_> = counts.iter().map(count).filter(|(_, count)| *count > 0).collect();
        if !values.is_empty() {
            self.metrics.record(&values, self.clock.now().epoch_seconds());
        }
    }

    /// The outcome of each record, in their order.
    async fn handle_records(&self, records: &[Record]) -> Vec<Outcome> {
        let unreadable = &self.orgs_with_unreadable_settings(records).await;
        let mut by_entity: HashMap<Option<(&OrgId, EntityType, &EntityId)>, Vec<usize>> = HashMap::new();
        for (position, record) in records.iter().enumerate() {
            let entity =
                record.parsed.as_ref().ok().map(|Parsed { org, event }| (org, event.entity_type, &event.entity_id));
            by_entity.entry(entity).or_default().push(position);
        }
        let groups = by_entity.into_values().map(|positions| async move {
            let mut outcomes = Vec::with_capacity(positions.len());
            for position in positions {
                if let Some(record) = records.get(position) {
                    outcomes.push((position, self.handle_record(record, unreadable).await));
                }
            }
            outcomes
        });
        let mut outcomes: Vec<_> = stream::iter(groups)
            .buffer_unordered(ENTITIES_AT_ONCE)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .flatten()
            .collect();
        outcomes.sort_by_key(|(position, _)| *position);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Reads each organization's settings, so that its records find them read; of these organizations nothing can be stored
    /// now, and none of their records has to find that out by itself.
    async fn orgs_with_unreadable_settings(&self, records: &[Record]) -> BTreeSet<OrgId> {
        let parsed = records.iter().filter_map(|record| record.parsed.as_ref().ok());
        let orgs: BTreeSet<OrgId> = parsed.map(|parsed| parsed.org.clone()).collect();
        let reads = orgs.into_iter().map(|org| async move {
            let enabled = self.is_enabled(&org).await;
            (org, enabled)
        });
        let read: Vec<_> = stream::iter(reads).buffer_unordered(ENTITIES_AT_ONCE).collect().await;
        read.into_iter().filter(|(_, enabled)| enabled.is_none()).map(|(org, _)| org).collect()
    }

    /// Whether the organization's events are taken; `None` when that could not be read.
    async fn is_enabled(&self, org: &OrgId) -> Option<bool> {
        let scope = TenantScope::for_service(Service::Ingest, org);
        match self.store.is_enabled(&scope, SettingGroup::Acquisition).await {
            Ok(enabled) => Some(enabled),
            Err(error) => {
                let cause = sporlog_model::error_chain(&error);
                tracing::error!(%org, cause, "settings could not be read");
                None
            }
        }
    }

    async fn handle_record(&self, record: &Record, unreadable: &BTreeSet<OrgId>) -> Outcome {
        let parsed = match &record.parsed {
            Ok(parsed) => parsed,
            Err(reason) => return self.reject(record, reason.to_string()).await,
        };
        if unreadable.contains(&parsed.org) {
            return Outcome::Failed;
        }
        // Asked again for each record: a batch may take longer than a setting may take to act.
        match self.is_enabled(&parsed.org).await {
            Some(true) => {}
            Some(false) => return Outcome::Skipped,
            None => return Outcome::Failed,
        }
        let scope = TenantScope::for_service(Service::Ingest, &parsed.org);
        match self.store.append(&scope, &parsed.event).await {
            Ok(appended) => Outcome::Appended(appended),
            Err(error @ StoreError::TooLarge { .. }) => self.reject(record, error.to_string()).await,
            Err(error) => {
                let cause = sporlog_model::error_chain(&error);
                tracing::error!(position = %record.position, org = %parsed.org, cause, "append failed");
                Outcome::Failed
            }
        }
    }

    async fn reject(&self, record: &Record, reason: String) -> Outcome {
        match self.dead_letters.send(record, &reason).await {
            Ok(()) => {
                tracing::warn!(position = %record.position, reason, "record set aside");
                Outcome::Rejected(reason)
            }
            Err(error) => {
                let cause = sporlog_model::error_chain(&error);
                tracing::error!(position = %record.position, reason, cause, "record could not be set aside");
                Outcome::Failed
            }
        }
    }
}
