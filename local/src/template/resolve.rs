//! CloudFormation's intrinsic functions, as far as the template uses them in what the local run reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use serde_yaml_ng::{Mapping, Value as Yaml};

use super::{ACCOUNT, REGION, TemplateError};

/// What differs between two runs of one template.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// Parameter values that replace the defaults. Their constraints (`MinValue` and the like) are for deployments and are not applied.
    pub parameters: BTreeMap<String, String>,
    /// Where queues are served, for example `http://127.0.0.1:3001`; the start of every queue URL.
    pub queue_endpoint: String,
}

/// Resolves the intrinsics of one template.
pub(super) struct Resolver {
    parameters: BTreeMap<String, String>,
    conditions: Mapping,
    /// Logical id → resource type.
    resources: BTreeMap<String, String>,
    queue_endpoint: String,
}

impl Resolver {
    pub(super) fn new(
        declared: &Mapping,
        conditions: Mapping,
        resources: BTreeMap<String, String>,
        deployment: &Deployment,
    ) -> Result<Self, TemplateError> {
        let mut parameters = BTreeMap::new();
        for (name, declaration) in declared {
            let name = text(name, "Parameters")?;
            let place = format!("Parameters.{name}");
            let value = match (deployment.parameters.get(&name), declaration.get("Default")) {
                (Some(value), _) => value.clone(),
                (None, Some(default)) => text(default, &place)?,
                (None, None) => return Err(TemplateError::at(&place, "has no default and no value was given")),
            };
            parameters.insert(name, value);
        }
        if let Some(name) = deployment.parameters.keys().find(|name| !parameters.contains_key(*name)) {
            return Err(TemplateError::at(&format!("Parameters.{name}"), "is not declared"));
        }
        Ok(Self { parameters, conditions, resources, queue_endpoint: deployment.queue_endpoint.clone() })
    }

    /// The value with every intrinsic resolved; `None` is `AWS::NoValue`.
    pub(super) fn resolve(&self, value: &Yaml, place: &str) -> Result<Option<Json>, TemplateError> {
        if let Some((name, argument)) = intrinsic(value) {
            return self.call(&name, argument, place);
        }
        Ok(Some(match value {
            Yaml::Mapping(mapping) => {
                let mut object = Map::new();
                for (key, value) in mapping {
                    let key = text(key, place)?;
                    if let Some(value) = self.resolve(value, &format!("{place}.{key}"))? {
                        object.insert(key, value);
                    }
                }
                Json::Object(object)
            }
            Yaml::Sequence(sequence) => {
                let mut array = Vec::with_capacity(sequence.len());
                for (index, value) in sequence.iter().enumerate() {
                    array.extend(self.resolve(value, &format!("{place}[{index}]"))?);
                }
                Json::Array(array)
            }
            scalar => serde_json::to_value(scalar).map_err(|error| TemplateError::at(place, &error.to_string()))?,
        }))
    }

    fn call(&self, name: &str, argument: &Yaml, place: &str) -> Result<Option<Json>, TemplateError> {
        Ok(Some(Json::String(match name {
            "Ref" => match text(argument, place)?.as_str() {
                "AWS::NoValue" => return Ok(None),
                target => self.reference(target, place)?,
            },
            "GetAtt" => self.attribute(argument, place)?,
            "Sub" => self.substitute(argument, place)?,
            "If" => {
                let [condition, yes, no] = arguments::<3>(argument, place)?;
                let branch = if self.condition(&text(condition, place)?, place)? { yes } else { no };
                return self.resolve(branch, place);
            }
            other => {
                return Err(TemplateError::at(
                    place,
                    &format!("the intrinsic {other} is not understood by the local run"),
                ));
            }
        })))
    }

    /// What `!Ref` gives: a parameter's value, a pseudo parameter, or the name of a resource (of a queue its URL).
    fn reference(&self, target: &str, place: &str) -> Result<String, TemplateError> {
        if let Some(value) = self.parameters.get(target) {
            return Ok(value.clone());
        }
        Ok(match (target, self.resources.get(target).map(String::as_str)) {
            ("AWS::Region", _) => REGION.to_owned(),
            ("AWS::AccountId", _) => ACCOUNT.to_owned(),
            ("AWS::Partition", _) => "aws".to_owned(),
            (_, Some("AWS::SQS::Queue")) => format!("{}/{ACCOUNT}/{target}", self.queue_endpoint),
            (_, Some("AWS::DynamoDB::Table" | "AWS::Serverless::Function" | "AWS::Serverless::HttpApi")) => {
                target.to_owned()
            }
            (_, Some(kind)) => {
                return Err(TemplateError::at(
                    place,
                    &format!("what !Ref {target} gives ({kind}) is not known locally"),
                ));
            }
            (_, None) => return Err(TemplateError::at(place, &format!("!Ref {target} names nothing"))),
        })
    }

    /// `!GetAtt Resource.Attribute`, or the list form.
    fn attribute(&self, argument: &Yaml, place: &str) -> Result<String, TemplateError> {
        let path = match argument {
            Yaml::Sequence(_) => arguments::<2>(argument, place)?
                .map(|part| text(part, place))
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?
                .join("."),
            scalar => text(scalar, place)?,
        };
        let arn = |rest: &str| Ok(format!("arn:aws:{rest}"));
        match path.split_once('.').map(|(target, name)| (target, name, self.resources.get(target).map(String::as_str)))
        {
            Some((target, "Arn", Some("AWS::Serverless::Function"))) => {
                arn(&format!("lambda:{REGION}:{ACCOUNT}:function:{target}"))
            }
            // The role that SAM makes for a function.
            Some((target, "Arn", None)) if self.is_function_role(target) => {
                arn(&format!("iam::{ACCOUNT}:role/{target}"))
            }
            Some((target, "Arn", Some("AWS::SQS::Queue"))) => arn(&format!("sqs:{REGION}:{ACCOUNT}:{target}")),
            Some((target, "Arn", Some("AWS::DynamoDB::Table"))) => {
                arn(&format!("dynamodb:{REGION}:{ACCOUNT}:table/{target}"))
            }
            _ => Err(TemplateError::at(place, &format!("!GetAtt {path} is not known locally"))),
        }
    }

    fn is_function_role(&self, target: &str) -> bool {
        let function = target.strip_suffix("Role").and_then(|function| self.resources.get(function));
        function.is_some_and(|kind| kind == "AWS::Serverless::Function")
    }

    /// `!Sub text`, or `!Sub [text, {Name: value}]`; `${!x}` stands for the text `${x}`.
    fn substitute(&self, argument: &Yaml, place: &str) -> Result<String, TemplateError> {
        let (pattern, given) = match argument {
            Yaml::Sequence(_) => {
                let [pattern, given] = arguments::<2>(argument, place)?;
                (text(pattern, place)?, self.resolve(given, place)?)
            }
            scalar => (text(scalar, place)?, None),
        };
        let mut out = String::new();
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| TemplateError::at(place, "!Sub has a `${` without `}`"))?;
            out.push_str(before);
            match (name.strip_prefix('!'), given.as_ref().and_then(|given| given.get(name))) {
                (Some(literal), _) => out.extend(["${", literal, "}"]),
                (None, Some(Json::String(value))) => out.push_str(value),
                (None, Some(other)) => out.push_str(&other.to_string()),
                (None, None) if name.contains('.') => {
                    out.push_str(&self.attribute(&Yaml::String(name.to_owned()), place)?);
                }
                (None, None) => out.push_str(&self.reference(name, place)?),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Whether a condition of the template holds.
    pub(super) fn condition(&self, name: &str, place: &str) -> Result<bool, TemplateError> {
        match self.conditions.get(name) {
            Some(expression) => self.holds(expression, &format!("Conditions.{name}")),
            None => Err(TemplateError::at(place, &format!("the condition {name} is not declared"))),
        }
    }

    fn holds(&self, expression: &Yaml, place: &str) -> Result<bool, TemplateError> {
        match intrinsic(expression) {
            Some((name, argument)) if name == "Equals" => {
                let [left, right] = arguments::<2>(argument, place)?;
                // CloudFormation compares text: a parameter is text whatever its type.
                let written = |value: &Yaml| match self.resolve(value, place) {
                    Ok(Some(Json::String(value))) => Ok(value),
                    Ok(Some(value)) => Ok(value.to_string()),
                    Ok(None) => Err(TemplateError::at(place, "!Equals cannot compare AWS::NoValue")),
                    Err(error) => Err(error),
                };
                Ok(written(left)? == written(right)?)
            }
            Some((name, argument)) if name == "Not" => {
                let [inner] = arguments::<1>(argument, place)?;
                Ok(!self.holds(inner, place)?)
            }
            Some((name, argument)) if name == "Condition" => self.condition(&text(argument, place)?, place),
            Some((name, _)) => {
                Err(TemplateError::at(place, &format!("the intrinsic {name} is not understood by the local run")))
            }
            None => Err(TemplateError::at(place, "is not a condition")),
        }
    }
}

/// The name and the argument of an intrinsic, in its short form (`!Ref x`) or its long one (`Ref: x`, `Fn::Sub: x`).
fn intrinsic(value: &Yaml) -> Option<(String, &Yaml)> {
    match value {
        Yaml::Tagged(tagged) => Some((tagged.tag.to_string().trim_start_matches('!').to_owned(), &tagged.value)),
        Yaml::Mapping(mapping) if mapping.len() == 1 => {
            let (key, argument) = mapping.iter().next()?;
            let key = key.as_str()?;
            let name = if key == "Ref" || key == "Condition" { key } else { key.strip_prefix("Fn::")? };
            Some((name.to_owned(), argument))
        }
        _ => None,
    }
}

fn arguments<'a, const N: usize>(value: &'a Yaml, place: &str) -> Result<[&'a Yaml; N], TemplateError> {
    let found: Option<Vec<_>> = value.as_sequence().map(|sequence| sequence.iter().collect());
    found
        .and_then(|found| found.try_into().ok())
        .ok_or_else(|| TemplateError::at(place, &format!("the intrinsic wants a list of {N}")))
}

/// A scalar as text, the way CloudFormation sees it.
pub(super) fn text(value: &Yaml, place: &str) -> Result<String, TemplateError> {
    match value {
        Yaml::String(text) => Ok(text.clone()),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(bool) => Ok(bool.to_string()),
        _ => Err(TemplateError::at(place, "should be a scalar")),
    }
}
