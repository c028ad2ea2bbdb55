//! Session policies: the JSON that narrows an assumed role.

use serde::Deserialize;

/// A policy that could be read. Supported: `Effect`, `Action` and `Resource` with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Policy {
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

/// Members that are not named here (`Condition`, `NotAction`, `NotResource`, …) would narrow or widen what is written;
/// leaving one out unseen would grant what AWS refuses, so they make the policy unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
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

/// What a policy says about one action on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// No statement matches.
    NotAllowed,
    ExplicitlyDenied,
}

impl Policy {
    /// `None` when it is not a policy, or uses what this engine does not evaluate.
    pub(super) fn parse(json: &str) -> Option<Self> {
        serde_json::from_str::<Self>(json).ok().filter(|policy| policy.statement.as_slice().iter().all(is_well_formed))
    }

    pub(super) fn verdict(&self, action: &str, resource: &str) -> Verdict {
        let mut verdict = Verdict::NotAllowed;
        for statement in self.statement.as_slice() {
            match statement.effect {
                _ if !statement.matches(action, resource) => {}
                Effect::Deny => return Verdict::ExplicitlyDenied,
                Effect::Allow => verdict = Verdict::Allowed,
            }
        }
        verdict
    }
}

impl Statement {
    fn matches(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.action.as_slice().iter().any(|pattern| is_match(&pattern.to_ascii_lowercase(), &action))
            && self.resource.as_slice().iter().any(|pattern| is_match(pattern, resource))
    }
}

fn is_well_formed(statement: &Statement) -> bool {
    let is_action =
        |action: &String| action == "*" || action.split_once(':').is_some_and(|(vendor, _)| !vendor.is_empty());
    let is_resource = |resource: &String| resource == "*" || resource.starts_with("arn:");
    !statement.action.as_slice().is_empty()
        && !statement.resource.as_slice().is_empty()
        && statement.action.as_slice().iter().all(is_action)
        && statement.resource.as_slice().iter().all(is_resource)
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
                {"Effect":"Allow","Action":["s3:get*","S3:PutObject"],"Resource":["arn:aws:s3:::b/*"]}]}"#,
        )
        .unwrap();
        assert_eq!(policy.verdict("s3:PutObject", "arn:aws:s3:::b/k"), Verdict::Allowed);
        assert_eq!(policy.verdict("s3:GetObject", "arn:aws:s3:::b/secret/k"), Verdict::Allowed);
        assert_eq!(policy.verdict("s3:PutObject", "arn:aws:s3:::b/secret/k"), Verdict::ExplicitlyDenied);
        assert_eq!(policy.verdict("s3:DeleteObject", "arn:aws:s3:::b/k"), Verdict::NotAllowed);
    }

    #[test]
    fn what_is_not_evaluated_is_not_accepted() {
        for json in [
            "",
            "{}",
            r#"{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}"#,
            r#"{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"PutObject","Resource":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"bucket"}}"#,
            r#"{"Statement":{"Effect":"Allow","NotAction":"*","Resource":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}}"#,
        ] {
            assert_eq!(Policy::parse(json), None, "{json}");
        }
    }
}
