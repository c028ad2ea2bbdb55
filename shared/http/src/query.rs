use std::convert::Infallible;
use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The query parameters, decoded, in the order they were sent. Of a repeated one the first counts.
#[derive(Debug, Clone, Default)]
pub struct QueryParameters(Vec<(String, String)>);

impl QueryParameters {
    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of `name` as a whole number in a range: digits alone, without a sign.
    pub fn number(&self, name: &str, allowed: RangeInclusive<u64>) -> Result<Option<u64>, OutOfRange> {
        let Some(text) = self.get(name) else { return Ok(None) };
        // `parse` alone would also take a sign.
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|number| digits && allowed.contains(number)).map(Some).ok_or(OutOfRange)
    }
}

/// A parameter that is no whole number, or none in its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

impl<S: Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_in_their_range() {
        let query =
            |text: &str| QueryParameters(vec![("n".to_owned(), text.to_owned()), ("n".to_owned(), "1".to_owned())]);
        for (text, expected) in [("0", Err(OutOfRange)), ("1", Ok(Some(1))), ("007", Ok(Some(7))), ("9", Ok(Some(9)))] {
            assert_eq!(query(text).number("n", 1..=9), expected, "{text}");
        }
        for text in ["", " 1", "+1", "-1", "1.0", "10", "a", "99999999999999999999"] {
            assert_eq!(query(text).number("n", 1..=9), Err(OutOfRange), "{text}");
        }
        assert_eq!(query("1").number("m", 1..=9), Ok(None));
    }
}
