use std::collections::BTreeMap;
use std::time::Duration;

use sporlog_auth::{KeyScope, Principal};
use sporlog_model::{ApiKeySecret, Clock};
use sporlog_store::{ApiKey, Store, StoreError};
use tokio::time::timeout;

/// The header that carries an API key, as payload 2.0 spells header names.
const API_KEY_HEADER: &str = "x-api-key";

/// The headers that carry the other credentials.
const TOKEN_HEADERS: [&str; 2] = ["authorization", "x-okapi-token"];

/// How long a key is looked for. Lambda ends the function after 10 s, API Gateway waits no longer either, and what ends there is in no line
/// of the log and in no alarm; noting the use takes a second more.
const FOUND_WITHIN: Duration = Duration::from_secs(8);

/// What a credential is, told by the header it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Token,
    ApiKey,
    /// API Gateway does not say which header it asks about, and it cannot be told: the same text stands in the headers of both
    /// kinds, or in none, or in one of them beside another. A credential must open only what its own header opens.
    Ambiguous,
}

impl Kind {
    /// For the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::ApiKey => "api-key",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// API Gateway names the value of the identity source, not its header. Other credentials of the request do not count.
pub(crate) fn kind(headers: &BTreeMap<String, String>, credential: &str) -> Kind {
    let values = |names: &[&str]| names.iter().filter_map(|name| headers.get(*name)).collect::<Vec<_>>();
    let (keys, tokens) = (values(&[API_KEY_HEADER]), values(&TOKEN_HEADERS));
    // The values of a header that is sent twice come joined by commas, of which neither kind has any.
    let is_one_of_several = |value: &str| value != credential && value.split(',').any(|one| one.trim() == credential);
    if keys.iter().chain(&tokens).any(|value| is_one_of_several(value)) {
        return Kind::Ambiguous;
    }
    let stands_in = |values: &[&String]| values.iter().any(|value| *value == credential);
    match (stands_in(&keys), stands_in(&tokens)) {
        (true, false) => Kind::ApiKey,
        (false, true) => Kind::Token,
        (true, true) | (false, false) => Kind::Ambiguous,
    }
}

/// Verifies API keys against the store.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    store: Store,
    clock: Clock,
}

/// Why there is no principal.
#[derive(Debug)]
pub(crate) enum NoPrincipal {
    /// For the log; the caller learns nothing.
    Refused(&'static str),
    /// It could not be found out.
    Unknown(StoreError),
}

impl ApiKeys {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The principal of a key: no roles, its own scopes. Notes that it is used.
    pub(crate) async fn verify(&self, credential: &str) -> Result<Principal, NoPrincipal> {
        let refused = NoPrincipal::Refused;
        let hash = ApiKeySecret::parse(credential).ok_or(refused("not an API key"))?.hash();
        let found = timeout(FOUND_WITHIN, self.store.api_key_by_hash(&hash)).await;
        let key =
            found.unwrap_or_else(|late| Err(StoreError::Unavailable(late.into()))).map_err(NoPrincipal::Unknown)?;
        // The table found it by the hash; in constant time only this tells whether it found the right one.
        let key = key.filter(|key| key.hash == hash).ok_or(refused("unknown API key"))?;
        if !key.is_live(self.clock.now()) {
            return Err(refused("API key revoked or expired"));
        }
        self.store.touch_api_key(&key).await;
        Ok(principal(key))
    }
}

fn principal(key: ApiKey) -> Principal {
    Principal {
        subject: format!("key:{}", key.id),
        org: key.org,
        roles: [].into(),
        scopes: key.scopes.into_iter().map(KeyScope::name).map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use aws_sdk_dynamodb::Client;
    use sporlog_boot::{Aws, AwsService, Environment};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_found_in_time_is_unknown_before_lambda_ends_the_search() {
        // Takes connections and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let values = [
            ("AWS_REGION", "eu-north-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", silent.local_addr().unwrap())),
        ];
        let environment = Environment::from_values(values.map(|(name, value)| (name.to_owned(), value)));
        let client = Client::new(&Aws::from_environment(&environment).unwrap().service(AwsService::DynamoDb));
        let keys = ApiKeys::new(Store::new(client, "Table", Clock::system()), Clock::system());
        let secret = ApiKeySecret::generate().unwrap();
        // Lambda's patience, and API Gateway's.
        let verified = timeout(Duration::from_secs(10), keys.verify(secret.reveal())).await;
        assert!(matches!(verified, Ok(Err(NoPrincipal::Unknown(_)))), "{verified:?}");
    }

    #[test]
    fn the_header_of_the_identity_source_decides() {
        let headers = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (list, credential, expected) in [
            (&[("x-api-key", "a")][..], "a", Kind::ApiKey),
            (&[("authorization", "Bearer a")], "Bearer a", Kind::Token),
            (&[("x-okapi-token", "a")], "a", Kind::Token),
            (&[("x-api-key", "a"), ("authorization", "Bearer b")], "a", Kind::ApiKey),
            (&[("x-api-key", "a"), ("authorization", "Bearer b")], "Bearer b", Kind::Token),
            (&[("x-api-key", "a"), ("x-okapi-token", "a")], "a", Kind::Ambiguous),
            (&[("x-api-key", "a"), ("authorization", "a")], "a", Kind::Ambiguous),
            (&[], "ap_live_a", Kind::Ambiguous),
            (&[("x-api-key", "a,b"), ("authorization", "Bearer c")], "a", Kind::Ambiguous),
            (&[("x-api-key", "b, a")], "a", Kind::Ambiguous),
            (&[("authorization", "a,b"), ("x-api-key", "a")], "a", Kind::Ambiguous),
            (&[("authorization", "Digest a=b, c=d"), ("x-api-key", "a")], "a", Kind::ApiKey),
            (&[("authorization", "a,b")], "a,b", Kind::Token),
        ] {
            assert_eq!(kind(&headers(list), credential), expected, "{list:?} {credential}");
        }
    }
}
