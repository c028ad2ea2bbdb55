//! Policies: the JSON that says what may be done, in a session of a role or in the template.

use serde::Deserialize;

use super::Call;

/// A policy that could be read. Supported: `Effect`, `Action` and `Resource` with `*` and `?`, and of the conditions the one on
/// DynamoDB's partition keys, `ForAllValues:StringLike` of `dynamodb:LeadingKeys`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    #[serde(default)]
    version: Version,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<Statement>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
enum Version {
    #[default]
    #[serde(rename = "2008-10-17")]
    Old,
    #[serde(rename = "2012-10-17")]
    Current,
}

/// Members that are not named here (`NotAction`, `NotResource`, …) would narrow or widen what is written; leaving one out unseen
/// would grant what AWS refuses, so they make the policy unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
    condition: Option<Condition>,
}

/// What a statement does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Effect {
    /// It may be done, unless a statement denies it.
    Allow,
    /// It may not be done, whatever other statements say.
    Deny,
}

/// For the same reason, the one operator and the one key that are evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "ForAllValues:StringLike")]
    all_like: AllLike,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllLike {
    #[serde(rename = "dynamodb:LeadingKeys")]
    leading_keys: OneOrMany<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// What a policy says about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    Allowed(Grant<'a>),
    /// No statement matches.
    NotAllowed,
    ExplicitlyDenied,
}

/// What allows a call: the first statement that does, and the parts of it that were needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant<'a> {
    pub(crate) sid: Option<&'a str>,
    /// The resource as the statement has it.
    pub(crate) resource: &'a str,
    /// The patterns of the condition that the call's partition keys are like.
    pub(crate) leading_keys: Vec<&'a str>,
}

impl Policy {
    /// `None` when it is not a policy, or uses what this engine does not evaluate.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        Self::well_formed(serde_json::from_str(json).ok()?)
    }

    /// The same of a value.
    pub(crate) fn from_value(value: serde_json::Value) -> Option<Self> {
        Self::well_formed(serde_json::from_value(value).ok()?)
    }

    fn well_formed(self) -> Option<Self> {
        self.statement.as_slice().iter().all(is_well_formed).then_some(self)
    }

    /// Its statements, in their order.
    pub fn statements(&self) -> &[Statement] {
        self.statement.as_slice()
    }

    /// What the policies say together; without a policy nothing is allowed.
    pub(crate) fn verdict_of<'a>(policies: impl IntoIterator<Item = &'a Self>, call: &Call) -> Verdict<'a> {
        let mut verdict = Verdict::NotAllowed;
        for statement in policies.into_iter().flat_map(Self::statements) {
            match (statement.grant(call), statement.effect, &verdict) {
                (None, ..) | (Some(_), Effect::Allow, Verdict::Allowed(_)) => {}
                (Some(_), Effect::Deny, _) => return Verdict::ExplicitlyDenied,
                (Some(grant), Effect::Allow, _) => verdict = Verdict::Allowed(grant),
            }
        }
        verdict
    }

    pub(crate) fn verdict(&self, call: &Call) -> Verdict<'_> {
        Self::verdict_of([self], call)
    }
}

impl Statement {
    /// Its name, unique in a policy of the template.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Whether it allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The actions as they are written, wildcards included.
    pub fn actions(&self) -> &[String] {
        self.action.as_slice()
    }

    /// The resources as they are written, wildcards included.
    pub fn resources(&self) -> &[String] {
        self.resource.as_slice()
    }

    /// What every partition key of a request has to be like; `None` is no condition.
    pub fn leading_keys(&self) -> Option<&[String]> {
        self.condition.as_ref().map(|condition| condition.all_like.leading_keys.as_slice())
    }

    /// What of it matches the call; `None` when it does not.
    fn grant(&self, call: &Call) -> Option<Grant<'_>> {
        let action = call.action.to_ascii_lowercase();
        if !self.actions().iter().any(|pattern| is_match(&pattern.to_ascii_lowercase(), &action)) {
            return None;
        }
        let resource = self.resources().iter().find(|pattern| is_match(pattern, &call.resource))?;
        let mut leading_keys = Vec::new();
        if let Some(patterns) = self.leading_keys() {
            // `ForAllValues` holds for a request without keys too, on AWS as here.
            for key in &call.leading_keys {
                leading_keys.push(patterns.iter().find(|pattern| is_match(pattern, key))?.as_str());
            }
            leading_keys.sort_unstable();
            leading_keys.dedup();
        }
        Some(Grant { sid: self.sid(), resource, leading_keys })
    }
}

fn is_well_formed(statement: &Statement) -> bool {
    let is_action =
        |action: &String| action == "*" || action.split_once(':').is_some_and(|(vendor, _)| !vendor.is_empty());
    let is_resource = |resource: &String| resource == "*" || resource.starts_with("arn:");
    // A policy variable, `${aws:…}`, would have to be put in.
    let is_plain = |text: &String| !text.contains("${");
    let keys = statement.leading_keys();
    !statement.actions().is_empty()
        && !statement.resources().is_empty()
        && statement.actions().iter().all(is_action)
        && statement.resources().iter().all(|resource| is_resource(resource) && is_plain(resource))
        && keys.is_none_or(|keys| !keys.is_empty() && keys.iter().all(is_plain))
}

/// `*` stands for any characters, `?` for one. Goes back to the last `*` only, so it never takes more than
/// length × length steps whatever the pattern.
fn is_match(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star_p, star_t)) = star else { return false };
                star = Some((star_p, star_t + 1));
                p = star_p + 1;
                t = star_t + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(policy: &Policy, action: &str, resource: &str) -> bool {
        matches!(policy.verdict(&Call::on(action, resource)), Verdict::Allowed(_))
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*b*", "abab", true),
            ("arn:aws:s3:::b/p/*", "arn:aws:s3:::b/p/k", true),
            ("arn:aws:s3:::b/p/*", "arn:aws:s3:::b/q/k", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn deny_wins_whatever_its_place() {
        let policy = Policy::parse(
            r#"{"Version":"2012-10-17","Statement":[
                {"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/secret/*"},
                {"Effect":"Allow","Action":["s3:get*","S3:PutObject"],"Resource":["arn:aws:s3:::b/*"]},
                {"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/late/*"}]}"#,
        )
        .unwrap();
        assert!(is_allowed(&policy, "s3:PutObject", "arn:aws:s3:::b/k"));
        assert!(is_allowed(&policy, "s3:GetObject", "arn:aws:s3:::b/secret/k"));
        for denied in ["arn:aws:s3:::b/secret/k", "arn:aws:s3:::b/late/k"] {
            assert_eq!(policy.verdict(&Call::on("s3:PutObject", denied)), Verdict::ExplicitlyDenied);
        }
        assert_eq!(policy.verdict(&Call::on("s3:DeleteObject", "arn:aws:s3:::b/k")), Verdict::NotAllowed);
    }

    #[test]
    fn every_partition_key_has_to_be_like_the_condition() {
        let policy = Policy::parse(
            r#"{"Statement":{"Sid":"S","Effect":"Allow","Action":"dynamodb:PutItem","Resource":"arn:aws:dynamodb:::table/T",
                "Condition":{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["ORG#*","KEY#*"]}}}}"#,
        )
        .unwrap();
        let put = |keys: &[&str]| Call::on("dynamodb:PutItem", "arn:aws:dynamodb:::table/T").with_keys(keys);
        let allowed = put(&["ORG#a", "ORG#b"]);
        let grant = Grant { sid: Some("S"), resource: "arn:aws:dynamodb:::table/T", leading_keys: vec!["ORG#*"] };
        assert_eq!(policy.verdict(&allowed), Verdict::Allowed(grant));
        assert!(matches!(policy.verdict(&put(&["ORG#a", "KEY#b"])), Verdict::Allowed(_)));
        assert_eq!(policy.verdict(&put(&["ORG#a", "DUE#00"])), Verdict::NotAllowed);
    }

    #[test]
    fn what_is_not_evaluated_is_not_accepted() {
        let of_condition = |condition: &str| {
            format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}}}"#)
        };
        for json in [
            "",
            "{}",
            r#"{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}"#,
            r#"{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"PutObject","Resource":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"bucket"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"}}"#,
            r#"{"Statement":{"Effect":"Allow","NotAction":"*","Resource":"*"}}"#,
            &of_condition("{}"),
            &of_condition(r#"{"StringLike":{"dynamodb:LeadingKeys":"A#*"}}"#),
            &of_condition(r#"{"ForAllValues:StringLike":{"dynamodb:Attributes":"A"}}"#),
            &of_condition(r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":[]}}"#),
            &of_condition(r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":"${aws:username}"}}"#),
        ] {
            assert_eq!(Policy::parse(json), None, "{json}");
        }
    }
}
