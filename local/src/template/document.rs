//! From the document to [`Template`]: which resources and properties are read, which are for AWS only.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::de::DeserializeOwned;
use serde_yaml_ng::{Mapping, Value as Yaml};

use super::{
    AsyncPolicy, AuthorizerSpec, FunctionSpec, QueueSource, QueueSpec, Redrive, Route, Schedule, TableSpec, Template,
    properties, rate,
    resolve::{Deployment, Resolver, text},
};
use crate::iam::Policy;

/// Something in the template that the local run does not understand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template.yaml: {place}: {problem}")]
pub struct TemplateError {
    /// Where, for example `Resources.Table.Properties.KeySchema`.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl TemplateError {
    pub(super) fn at(place: &str, problem: &str) -> Self {
        Self { place: place.to_owned(), problem: problem.to_owned() }
    }
}

/// Resources that exist in AWS only.
const DEPLOYED_TYPES: [&str; 9] = [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::Policy",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
];
/// Properties that mean something in AWS only. Everything that is not listed here is read, or refused. Locally nobody is slowed
/// down, and no page of another origin is let in.
const DEPLOYED_PROPERTIES: [&str; 19] = [
    "AccessLogSettings",
    "Architectures",
    "CodeUri",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "DeletionProtectionEnabled",
    "Description",
    "FailOnWarnings",
    "Handler",
    "LoggingConfig",
    "PointInTimeRecoverySpecification",
    "PropagateTags",
    "ReservedConcurrentExecutions",
    "RouteSettings",
    "Runtime",
    "SSESpecification",
    "SqsManagedSseEnabled",
    "Tags",
    "Tracing",
];

pub(super) fn read(source: &str, deployment: &Deployment) -> Result<Template, TemplateError> {
    let document: Yaml =
        serde_yaml_ng::from_str(source).map_err(|error| TemplateError::at("document", &error.to_string()))?;
    let resources = section(&document, "Resources");
    let mut kinds = BTreeMap::new();
    for (id, resource) in &resources {
        let id = text(id, "Resources")?;
        let kind = resource
            .get("Type")
            .map(|kind| text(kind, &format!("Resources.{id}.Type")))
            .transpose()?
            .unwrap_or_default();
        kinds.insert(id, kind);
    }
    let resolver =
        Resolver::new(&section(&document, "Parameters"), section(&document, "Conditions"), kinds.clone(), deployment)?;
    let mut globals = section(&document, "Globals");
    let function_globals = globals.remove("Function").unwrap_or(Yaml::Mapping(Mapping::new()));
    if let Some((other, _)) = globals.iter().next() {
        return Err(TemplateError::at(
            "Globals",
            &format!("{} is not understood by the local run", text(other, "Globals")?),
        ));
    }

    let mut template = Template { functions: vec![], authorizers: BTreeMap::new(), tables: vec![], queues: vec![] };
    for (id, kind) in &kinds {
        let place = format!("Resources.{id}");
        let resource = &resources[id.as_str()];
        if DEPLOYED_TYPES.contains(&kind.as_str()) || !applies(resource, &resolver, &place)? {
            continue;
        }
        let reader = Reader { resolver: &resolver, resource, place: format!("{place}.Properties") };
        match kind.as_str() {
            "AWS::Serverless::Function" => template.functions.push(reader.function(id, &function_globals)?),
            "AWS::Serverless::HttpApi" => template.authorizers.extend(reader.authorizers()?),
            "AWS::DynamoDB::Table" => template.tables.push(reader.table(id)?),
            "AWS::SQS::Queue" => template.queues.push(reader.queue(id)?),
            other => {
                return Err(TemplateError::at(
                    &place,
                    &format!("the resource type {other} is not understood by the local run"),
                ));
            }
        }
    }
    Ok(template)
}

fn section(document: &Yaml, name: &str) -> Mapping {
    document.get(name).and_then(Yaml::as_mapping).cloned().unwrap_or_default()
}

fn applies(resource: &Yaml, resolver: &Resolver, place: &str) -> Result<bool, TemplateError> {
    match resource.get("Condition") {
        Some(name) => resolver.condition(&text(name, place)?, place),
        None => Ok(true),
    }
}

/// One resource, being read.
struct Reader<'a> {
    resolver: &'a Resolver,
    resource: &'a Yaml,
    place: String,
}

impl Reader<'_> {
    fn wrong(&self, problem: impl std::fmt::Display) -> TemplateError {
        TemplateError::at(&self.place, &problem.to_string())
    }

    /// The properties without those for AWS only, merged over the globals, resolved and typed.
    fn properties<T: DeserializeOwned>(&self, globals: &Yaml) -> Result<T, TemplateError> {
        let mut merged = globals.clone();
        if let Some(own) = self.resource.get("Properties") {
            merge(&mut merged, own);
        }
        if let Yaml::Mapping(mapping) = &mut merged {
            mapping.retain(|key, _| !key.as_str().is_some_and(|key| DEPLOYED_PROPERTIES.contains(&key)));
        }
        let resolved = self.resolver.resolve(&merged, &self.place)?.unwrap_or_default();
        serde_json::from_value(resolved).map_err(|error| self.wrong(error))
    }

    fn function(&self, id: &str, globals: &Yaml) -> Result<FunctionSpec, TemplateError> {
        let properties: properties::Function = self.properties(globals)?;
        let binary =
            self.resource.get("Metadata").and_then(|metadata| metadata.get("BuildProperties")?.get("Binary")?.as_str());
        let mut function = FunctionSpec {
            logical_id: id.to_owned(),
            binary: binary.ok_or_else(|| self.wrong("Metadata.BuildProperties.Binary is missing"))?.to_owned(),
            timeout: Duration::from_secs(properties.timeout),
            memory_mb: properties.memory_size,
            environment: properties
                .environment
                .variables
                .into_iter()
                .map(|(name, value)| (name, written(value)))
                .collect(),
            policies: self.policies(properties.policies)?,
            routes: vec![],
            schedules: vec![],
            queue_sources: vec![],
            asynchronous: AsyncPolicy {
                retries: properties.event_invoke_config.maximum_retry_attempts,
                on_failure: properties.event_invoke_config.destination_config.map(|config| {
                    let properties::Destination::Queue(arn) = config.on_failure;
                    last_part(&arn)
                }),
            },
        };
        for (name, event) in properties.events {
            match event {
                properties::Event::HttpApi(event) => function.routes.push(self.route(event)?),
                properties::Event::ScheduleV2(event) => function.schedules.push(Schedule {
                    every: rate::parse(&event.schedule_expression)
                        .ok_or_else(|| self.wrong(format!("{name}: only rate(…) is understood locally")))?,
                    input: event.input,
                    name,
                }),
                properties::Event::Queue(event) => function.queue_sources.push(QueueSource {
                    queue: last_part(&event.queue),
                    batch_size: event.batch_size,
                    reports_item_failures: !event.function_response_types.is_empty(),
                }),
            }
        }
        Ok(function)
    }

    /// Inline policies, in which every statement has a name of its own: what is used and what is not is told by it.
    fn policies(&self, documents: Vec<serde_json::Value>) -> Result<Vec<Policy>, TemplateError> {
        let policies: Option<Vec<_>> = documents.into_iter().map(Policy::from_value).collect();
        let policies =
            policies.ok_or_else(|| self.wrong("Policies: something in them is not evaluated by the local run"))?;
        let mut names = BTreeSet::new();
        for statement in policies.iter().flat_map(Policy::statements) {
            let name = statement.sid().ok_or_else(|| self.wrong("Policies: a statement without Sid"))?;
            if !names.insert(name) {
                return Err(self.wrong(format!("Policies: two statements are called {name}")));
            }
        }
        Ok(policies)
    }

    fn route(&self, event: properties::HttpApiEvent) -> Result<Route, TemplateError> {
        if event.path.contains("+}") || event.path.contains('$') || event.method.eq_ignore_ascii_case("any") {
            return Err(self.wrong(format!(
                "{} {}: greedy and catch-all routes are not understood locally",
                event.method, event.path
            )));
        }
        Ok(Route {
            method: event.method.to_ascii_uppercase(),
            path: event.path,
            authorizer: event.auth.map(|auth| auth.authorizer),
        })
    }

    fn authorizers(&self) -> Result<Vec<(String, AuthorizerSpec)>, TemplateError> {
        let api: properties::HttpApi = self.properties(&Yaml::Mapping(Mapping::new()))?;
        let mut authorizers = vec![];
        for (name, authorizer) in api.auth.map(|auth| auth.authorizers).unwrap_or_default() {
            let [header] = authorizer.identity.headers.as_slice() else {
                return Err(self.wrong(format!("{name}: exactly one identity header is understood locally")));
            };
            if !authorizer.enable_simple_responses || authorizer.payload_format_version != "2.0" {
                return Err(self.wrong(format!("{name}: only payload 2.0 with simple responses is understood locally")));
            }
            let spec = AuthorizerSpec {
                identity_header: header.to_ascii_lowercase(),
                function: last_part(&authorizer.function_arn),
                ttl: Duration::from_secs(authorizer.identity.reauthorize_every),
            };
            authorizers.push((name, spec));
        }
        Ok(authorizers)
    }

    fn table(&self, id: &str) -> Result<TableSpec, TemplateError> {
        let table: properties::Table = self.properties(&Yaml::Mapping(Mapping::new()))?;
        let mut create = serde_json::json!({
            "TableName": id,
            "BillingMode": table.billing_mode,
            "AttributeDefinitions": table.attribute_definitions,
            "KeySchema": table.key_schema,
        });
        if let Some(indexes) = table.global_secondary_indexes {
            create["GlobalSecondaryIndexes"] = indexes;
        }
        let ttl_attribute = table.time_to_live_specification.filter(|ttl| ttl.enabled).map(|ttl| ttl.attribute_name);
        Ok(TableSpec { logical_id: id.to_owned(), create, ttl_attribute })
    }

    fn queue(&self, id: &str) -> Result<QueueSpec, TemplateError> {
        let queue: properties::Queue = self.properties(&Yaml::Mapping(Mapping::new()))?;
        Ok(QueueSpec {
            logical_id: id.to_owned(),
            visibility_timeout: Duration::from_secs(queue.visibility_timeout),
            retention: Duration::from_secs(queue.message_retention_period),
            redrive: queue.redrive_policy.map(|redrive| Redrive {
                queue: last_part(&redrive.dead_letter_target_arn),
                max_receives: redrive.max_receive_count,
            }),
        })
    }
}

/// SAM's merge of globals: mappings join, anything else is replaced. An intrinsic is a value, not a mapping to join.
fn merge(base: &mut Yaml, over: &Yaml) {
    match (base, over) {
        (Yaml::Mapping(base), Yaml::Mapping(over)) => {
            for (key, value) in over {
                match base.get_mut(key) {
                    Some(existing) => merge(existing, value),
                    None => drop(base.insert(key.clone(), value.clone())),
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// The resource that a local ARN names.
fn last_part(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or(arn).to_owned()
}

fn written(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
