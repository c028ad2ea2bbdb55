//! Lambda authorizers with simple responses, and the cache of their answers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::event::Incoming;
use crate::{functions::Registry, template::AuthorizerSpec};

/// Most answers that are kept. AWS does not say its own bound; ours only keeps a flood of made-up credentials from filling memory.
const MAX_CACHED: usize = 10_000;

/// What an authorizer makes of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Let in, with the context that the function receives.
    Allowed(Value),
    /// No credential, or the authorizer failed with the message `Unauthorized`.
    Unauthorized,
    /// The authorizer said no.
    Forbidden,
    /// The authorizer failed, or answered something else.
    Failed,
}

/// The simple response of an authorizer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimpleResponse {
    is_authorized: bool,
    context: Option<Value>,
}

/// An answer that is kept, and until when.
struct Kept {
    verdict: Verdict,
    until: Instant,
}

/// The authorizers of an API.
pub(super) struct Authorizers {
    specs: BTreeMap<String, AuthorizerSpec>,
    registry: Arc<Registry>,
    /// By authorizer and credential. As in AWS the route is not part of it: an answer holds for the whole API.
    cache: Mutex<HashMap<(String, String), Kept>>,
}

impl Authorizers {
    pub(super) fn new(specs: BTreeMap<String, AuthorizerSpec>, registry: Arc<Registry>) -> Self {
        Self { specs, registry, cache: Mutex::default() }
    }

    /// Asks an authorizer, or its cache.
    pub(super) async fn ask(&self, name: &str, incoming: &Incoming<'_>) -> Verdict {
        let Some(spec) = self.specs.get(name) else {
            tracing::error!(name, "a route names an authorizer that the template does not have");
            return Verdict::Failed;
        };
        let Some(identity) = incoming.identity(&spec.identity_header) else {
            return Verdict::Unauthorized;
        };
        let key = (name.to_owned(), identity.to_owned());
        if let Some(verdict) = self.kept(&key) {
            return verdict;
        }
        let event = Bytes::from(incoming.authorizer_event(identity).to_string());
        let verdict = match self.registry.invoke(&spec.function, event).await {
            Ok(Ok(answer)) => verdict(&answer),
            Ok(Err(error)) if error.error_message == "Unauthorized" => Verdict::Unauthorized,
            Ok(Err(error)) => {
                tracing::error!(name, %error, "the authorizer failed");
                Verdict::Failed
            }
            Err(error) => {
                tracing::error!(name, %error, "the authorizer could not be invoked");
                Verdict::Failed
            }
        };
        if matches!(verdict, Verdict::Allowed(_) | Verdict::Forbidden) && !spec.ttl.is_zero() {
            self.keep(key, Kept { verdict: verdict.clone(), until: Instant::now() + spec.ttl });
        }
        verdict
    }

    fn kept(&self, key: &(String, String)) -> Option<Verdict> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(key).filter(|kept| kept.until > Instant::now()).map(|kept| kept.verdict.clone())
    }

    fn keep(&self, key: (String, String), kept: Kept) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_CACHED {
            let now = Instant::now();
            cache.retain(|_, kept| kept.until > now);
        }
        // Still full of answers that hold: forgetting them costs one question each.
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(key, kept);
    }
}

fn verdict(answer: &[u8]) -> Verdict {
    match serde_json::from_slice(answer) {
        Ok(SimpleResponse { is_authorized: true, context }) => Verdict::Allowed(context.unwrap_or_else(|| json!({}))),
        Ok(SimpleResponse { is_authorized: false, .. }) => Verdict::Forbidden,
        Err(error) => {
            tracing::error!(%error, "the authorizer did not answer with a simple response");
            Verdict::Failed
        }
    }
}
