use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Uri;
use jsonwebtoken::DecodingKey;
use sporlog_boot::{Metric, Metrics};
use sporlog_model::{Clock, Instant, error_chain};

use crate::fetch::Fetcher;
use crate::keys::{AsymmetricAlgorithm, PublicKeys};

/// For how long a set is believed without asking again: a key that its issuer withdraws is refused after this.
const FRESH: Duration = Duration::from_mins(10);

/// The least time between two fetches of a set. Anyone can name a key id that does not exist.
const REFRESH_INTERVAL: Duration = Duration::from_mins(1);

/// The same while there is no set at all: every caller of that issuer waits for the first.
const FIRST_INTERVAL: Duration = Duration::from_secs(5);

/// Most sets that are kept. Anyone can name a realm that does not exist.
const MAX_SETS: usize = 1_000;

/// The key sets of the issuers, fetched when they are first needed.
///
/// A set is kept for 10 minutes and while its issuer does not answer, and fetched again for a key id that it does not have,
/// at most once a minute. Callers that wait for the same set share one request.
#[derive(Debug)]
pub(crate) struct KeyCache {
    fetcher: Fetcher,
    clock: Clock,
    metrics: Metrics,
    sets: Mutex<HashMap<Uri, Arc<KeySet>>>,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// The issuer's keys could not be fetched yet.
    Unavailable,
}

#[derive(Debug, Default)]
struct KeySet {
    state: Mutex<State>,
    /// Whoever holds it is fetching.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    attempted_at: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    keys: PublicKeys,
    fetched_at: Instant,
}

impl KeyCache {
    pub(crate) fn new(clock: Clock, metrics: Metrics) -> Self {
        Self { fetcher: Fetcher::new(), clock, metrics, sets: Mutex::default() }
    }

    /// The key of that id for that algorithm in the set at `url`. `issuer` is for the log: the URL may have a realm in it that
    /// only a token names which nobody has verified yet.
    pub(crate) async fn find(
        &self,
        issuer: &(impl Display + Sync),
        url: &Uri,
        id: &str,
        algorithm: AsymmetricAlgorithm,
    ) -> Result<DecodingKey, NoKey> {
        let set = self.set(url);
        if set.is_due(id, algorithm, self.clock.now()) {
            let _turn = set.turn.lock().await;
            // Whoever had the turn before may have fetched what is wanted, or failed to.
            if set.is_due(id, algorithm, self.clock.now()) {
                self.refresh(&set, issuer, url).await;
            }
        }
        let state = set.state();
        let held = state.held.as_ref().ok_or(NoKey::Unavailable)?;
        held.keys.find(id, algorithm).cloned().ok_or(NoKey::Unknown)
    }

    async fn refresh(&self, set: &KeySet, issuer: &(impl Display + Sync), url: &Uri) {
        let fetched = self.fetcher.fetch(url).await;
        let now = self.clock.now();
        let mut state = set.state();
        // Only now, so that whoever comes during the request waits for its answer instead of going without.
        state.attempted_at = Some(now);
        match fetched {
            Ok(keys) => state.held = Some(Held { keys, fetched_at: now }),
            Err(error) => {
                tracing::warn!(%issuer, error = error_chain(&error), "an issuer's keys could not be fetched");
                // Anyone can name a realm that does not exist, and nobody is to be woken for that.
                if !error.is_refusal() {
                    self.metrics.count(Metric::IssuerUnreachable, now.epoch_seconds());
                }
            }
        }
    }

    fn set(&self, url: &Uri) -> Arc<KeySet> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.len() >= MAX_SETS && !sets.contains_key(url) {
            sets.retain(|_, set| set.state().held.is_some());
            // Still full of sets that hold: forgetting them costs one request each.
            if sets.len() >= MAX_SETS {
                sets.clear();
            }
        }
        Arc::clone(sets.entry(url.clone()).or_default())
    }
}

impl KeySet {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the set is to be fetched before that key is looked up.
    fn is_due(&self, id: &str, algorithm: AsymmetricAlgorithm, now: Instant) -> bool {
        let state = self.state();
        let (wanted, interval) = match &state.held {
            None => (true, FIRST_INTERVAL),
            Some(held) => {
                (now.since(held.fetched_at) >= FRESH || held.keys.find(id, algorithm).is_none(), REFRESH_INTERVAL)
            }
        };
        wanted && state.attempted_at.is_none_or(|attempted_at| now.since(attempted_at) >= interval)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::test_issuer::{Behaviour, HeldClock, Signer, TestIssuer, signers};

    struct Fixture {
        clock: HeldClock,
        cache: Arc<KeyCache>,
        issuer: TestIssuer,
        old: Signer,
        new: Signer,
    }

    impl Fixture {
        async fn start() -> Self {
            let [_, old, new] = signers();
            let clock = HeldClock::start();
            let cache = Arc::new(KeyCache::new(clock.clock(), Metrics::of(&sporlog_boot::Environment::default())));
            Self { cache, clock, issuer: TestIssuer::start(&[&old]).await, old, new }
        }

        async fn find(&self, signer: &Signer) -> Result<(), NoKey> {
            let algorithm = AsymmetricAlgorithm::of(signer.algorithm()).unwrap();
            self.cache.find(&"the issuer", &self.issuer.url(), signer.key_id(), algorithm).await.map(drop)
        }
    }

    #[tokio::test]
    async fn a_set_is_fetched_once_in_ten_minutes() {
        let fixture = Fixture::start().await;
        assert_eq!(fixture.issuer.fetches(), 0);
        for (seconds, fetches) in [(0, 1), (0, 1), (599, 1), (1, 2), (1, 2), (598, 2), (1, 3)] {
            fixture.clock.advance(Duration::from_secs(seconds));
            assert_eq!(fixture.find(&fixture.old).await, Ok(()));
            assert_eq!(fixture.issuer.fetches(), fetches, "{seconds}");
        }
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_at_most_once_a_minute() {
        let fixture = Fixture::start().await;
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
        for (seconds, fetches) in [(0, 1), (59, 1), (1, 2), (0, 2), (59, 2), (1, 3)] {
            fixture.clock.advance(Duration::from_secs(seconds));
            assert_eq!(fixture.find(&fixture.new).await, Err(NoKey::Unknown));
            assert_eq!(fixture.issuer.fetches(), fetches, "{seconds}");
        }
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
        assert_eq!(fixture.issuer.fetches(), 3);
    }

    #[tokio::test]
    async fn a_new_key_is_taken_up_and_a_withdrawn_one_dropped() {
        let fixture = Fixture::start().await;
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
        fixture.issuer.serve(&[&fixture.old, &fixture.new]);
        assert_eq!(fixture.find(&fixture.new).await, Err(NoKey::Unknown), "fetched a moment ago");
        fixture.clock.advance(REFRESH_INTERVAL);
        assert_eq!(fixture.find(&fixture.new).await, Ok(()));
        assert_eq!(fixture.issuer.fetches(), 2);
        fixture.issuer.serve(&[&fixture.new]);
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
        fixture.clock.advance(FRESH);
        assert_eq!(fixture.find(&fixture.old).await, Err(NoKey::Unknown));
        assert_eq!(fixture.find(&fixture.new).await, Ok(()));
        assert_eq!(fixture.issuer.fetches(), 3);
    }

    #[tokio::test]
    async fn the_old_set_holds_while_the_issuer_is_down() {
        let fixture = Fixture::start().await;
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
        for behaviour in [Behaviour::Closes, Behaviour::Status(503), Behaviour::Endless] {
            fixture.issuer.behave(behaviour);
            let fetches = fixture.issuer.fetches();
            fixture.clock.advance(FRESH);
            for seconds in [0, 59] {
                fixture.clock.advance(Duration::from_secs(seconds));
                assert_eq!(fixture.find(&fixture.old).await, Ok(()));
                assert_eq!(fixture.issuer.fetches(), fetches + 1);
            }
        }
        fixture.issuer.serve(&[&fixture.new]);
        fixture.clock.advance(REFRESH_INTERVAL);
        assert_eq!(fixture.find(&fixture.old).await, Err(NoKey::Unknown));
        assert_eq!(fixture.find(&fixture.new).await, Ok(()));
    }

    #[tokio::test]
    async fn without_a_set_the_next_try_is_soon_but_not_at_once() {
        let fixture = Fixture::start().await;
        fixture.issuer.behave(Behaviour::Status(503));
        for (seconds, fetches) in [(0, 1), (0, 1), (4, 1), (1, 2)] {
            fixture.clock.advance(Duration::from_secs(seconds));
            assert_eq!(fixture.find(&fixture.old).await, Err(NoKey::Unavailable));
            assert_eq!(fixture.issuer.fetches(), fetches, "{seconds}");
        }
        fixture.issuer.serve(&[&fixture.old]);
        fixture.clock.advance(FIRST_INTERVAL);
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
    }

    #[tokio::test]
    async fn callers_that_wait_share_one_request() {
        let fixture = Arc::new(Fixture::start().await);
        for signer in ["old", "new"] {
            fixture.clock.advance(REFRESH_INTERVAL);
            fixture.issuer.serve(&[&fixture.old, &fixture.new][..if signer == "old" { 1 } else { 2 }]);
            let fetches = fixture.issuer.fetches();
            let release = fixture.issuer.pause();
            let mut callers = JoinSet::new();
            for _ in 0..10 {
                let fixture = Arc::clone(&fixture);
                callers.spawn(
                    async move { fixture.find(if signer == "old" { &fixture.old } else { &fixture.new }).await },
                );
            }
            fixture.issuer.asked(fetches + 1).await;
            // The keys that are held do not wait for the request.
            if signer == "new" {
                assert_eq!(fixture.find(&fixture.old).await, Ok(()));
            }
            drop(release);
            assert_eq!(callers.join_all().await, [Ok(()); 10]);
            assert_eq!(fixture.issuer.fetches(), fetches + 1);
        }
    }

    #[tokio::test]
    async fn made_up_realms_do_not_fill_memory_or_push_out_a_set_that_holds() {
        let fixture = Fixture::start().await;
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
        for realm in 0..2 * MAX_SETS {
            fixture.cache.set(&format!("http://127.0.0.1/{realm}").parse().unwrap());
        }
        assert!(fixture.cache.sets.lock().unwrap().len() <= MAX_SETS);
        assert_eq!(fixture.find(&fixture.old).await, Ok(()));
        assert_eq!(fixture.issuer.fetches(), 1);
    }
}
