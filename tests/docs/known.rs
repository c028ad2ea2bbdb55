//! What may be another text on the page than in fact: ids and instants that Sporlog makes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::Value;
use sporlog_model::Instant;

/// A UUID, an instant, the id of an export's audit, an API key (RFC 4648 base64url), the start of one, a SHA-256, the start of one
/// and the day in the key of an exported object.
static MADE: LazyLock<Regex> = LazyLock::new(|| {
    let uuid = r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b";
    let instant = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)";
    let key = r"\bap_live_[\w-]{43}|\bap_live_[\w-]{4}";
    let object = r"\b[0-9a-f]{64}\b|-[0-9a-f]{16}\.jsonl\.gz|\bdate=\d{4}-\d\d-\d\d";
    Regex::new(&format!(r"{uuid}|{instant}|\baud-\d{{8}}-\d{{3,}}\b|{key}|{object}")).unwrap()
});

/// The form of such a text: texts of one form can stand for each other.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    /// With every digit as 0: the same form has the same precision and writes its offset in the same way.
    Instant(String),
    AuditId,
    ApiKey {
        characters: usize,
    },
    Uuid,
    Sha256,
    ObjectHash,
    ObjectDay,
}

impl Form {
    fn of(text: &str) -> Self {
        match text.get(..4) {
            Some("aud-") => Self::AuditId,
            Some("date") => Self::ObjectDay,
            _ if text.ends_with(".jsonl.gz") => Self::ObjectHash,
            _ if text.len() == 64 => Self::Sha256,
            Some("ap_l") => Self::ApiKey { characters: text.len() },
            _ if text.contains(':') => Self::Instant(text.replace(|c: char| c.is_ascii_digit(), "0")),
            _ => Self::Uuid,
        }
    }
}

/// What the texts of one page stand for.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What the page, or who set it up, said first. It comes back as it was: only what Sporlog makes may be another.
    said: BTreeSet<String>,
    /// The text of the page and the actual one.
    actual: BTreeMap<String, String>,
}

impl Known {
    /// A text to send, with the actual ids and instants in it.
    pub(super) fn sent(&mut self, text: &str) -> String {
        let actual = MADE.replace_all(text, |found: &Captures<'_>| {
            let found = &found[0];
            self.actual.get(found).cloned().unwrap_or_else(|| {
                self.said.insert(meaning(found));
                found.to_owned()
            })
        });
        actual.into_owned()
    }

    /// A text of an answer as it should be, given how it is.
    pub(super) fn expected(&mut self, page: &str, actual: &str) -> String {
        let mut found = MADE.find_iter(actual);
        let expected = MADE.replace_all(page, |page: &Captures<'_>| {
            found.next().map_or(page[0].to_owned(), |actual| self.stands_for(&page[0], actual.as_str()))
        });
        expected.into_owned()
    }

    /// The same for JSON.
    pub(super) fn expected_json(&mut self, page: &Value, actual: &Value) -> Value {
        match page {
            Value::String(page) => self.expected(page, actual.as_str().unwrap_or_default()).into(),
            Value::Array(page) => {
                page.iter().enumerate().map(|(at, page)| self.expected_json(page, &actual[at])).collect()
            }
            Value::Object(page) => {
                let member = |(name, page): (&String, &Value)| (name.clone(), self.expected_json(page, &actual[name]));
                page.iter().map(member).collect()
            }
            other => other.clone(),
        }
    }

    fn stands_for(&mut self, page: &str, actual: &str) -> String {
        let form = Form::of(page);
        let is_instant = matches!(form, Form::Instant(_));
        if let Some(known) = self.actual.get(page).filter(|_| !is_instant) {
            return known.clone();
        }
        let said = [page, actual].into_iter().any(|text| self.said.contains(&meaning(text)));
        let another = !is_instant && self.actual.values().any(|known| known == actual);
        if said || another || form != Form::of(actual) {
            return page.to_owned();
        }
        self.actual.insert(page.to_owned(), actual.to_owned());
        actual.to_owned()
    }
}

/// An instant is the same however it is written.
fn meaning(text: &str) -> String {
    Instant::parse(text).map_or_else(|_| text.to_owned(), |instant| instant.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "ap_live_ONpFm-dRZqmQ1Ghvn3Kf5T_g9H0jYwUeXcLi2tB8sPA";
    const ID: &str = "c4abf6c3-4bd5-4464-999b-c66cfb6f1cf9";
    const OTHER_ID: &str = "99FB699A-CDF1-11E9-A9D9-F2801F1B9AA1";

    /// Whether an answer that has `actual` where the page has `page` is as it should be.
    fn fits(known: &mut Known, page: &str, actual: &str) -> bool {
        known.expected_json(&json!({"a": [page]}), &json!({"a": [actual]})) == json!({"a": [actual]})
    }

    #[test]
    fn only_a_text_of_the_same_form_may_stand_there() {
        for (page, same, others) in [
            (ID, OTHER_ID, &["", "c4abf6c34bd54464999bc66cfb6f1cf9", "c4abf6c3-4bd5-4464-999b-c66cfb6f1cfg"][..]),
            (
                "2026-11-20T08:05:00.000Z",
                "2027-01-02T23:59:59.999Z",
                &["2027-01-02T23:59:59Z", "2027-01-02T23:59:59.999+00:00", "2027-01-02", "2027-01-02T23:59:59.999000Z"],
            ),
            ("2026-11-20T08:05:00Z", "2027-01-02T23:59:59Z", &["2027-01-02T23:59:59.000Z", "2027-01-02T23:59:59"]),
            (
                "2026-11-20T08:05:00.340+00:00",
                "2027-01-02T23:59:59.000+00:00",
                &["2027-01-02T23:59:59.000Z", "2027-01-02T23:59:59.000+0000", "2027-01-02T23:59:59+00:00"],
            ),
            ("aud-20261120-001", "aud-20270101-1000", &["aud-20270101-01", "aud-2027011-001", "20270101-001"]),
            (KEY, "ap_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &["ap_live_AAAA", "ap_test_AAAA"]),
            ("ap_live_ONpF", "ap_live_A_-9", &[KEY, "ap_live_AAA", "ap_live_AAAAA"]),
            ("the id of 2026", "the id of 2026", &["the id of 2027"]),
        ] {
            assert!(fits(&mut Known::default(), page, page) && fits(&mut Known::default(), page, same), "{page}");
            for other in others {
                assert!(!fits(&mut Known::default(), page, other), "{page} {other}");
            }
        }
    }

    #[test]
    fn an_id_stands_for_one_and_the_same_and_is_sent_as_that() {
        let mut known = Known::default();
        let (page, actual) = (format!("{KEY} of {ID}"), format!("{} of {OTHER_ID}", KEY.replace("ONpF", "AAAA")));
        assert!(fits(&mut known, &page, &actual));
        assert!(fits(&mut known, ID, OTHER_ID) && !fits(&mut known, ID, ID));
        let third = "00000000-0000-4000-8000-000000000000";
        assert!(!fits(&mut known, third, OTHER_ID), "two ids of the page are one in fact");
        assert!(fits(&mut known, "ap_live_ONpF", "ap_live_AAAA"));
        let sent = known.sent(&format!("/{ID}?key={KEY}&id={third}\n"));
        assert_eq!(sent, format!("/{OTHER_ID}?key={}&id={third}\n", KEY.replace("ONpF", "AAAA")));

        let (one, two, three) = ("2026-11-20T08:05:00Z", "2026-11-20T08:05:01Z", "2026-11-20T08:05:02Z");
        assert!(fits(&mut known, one, two) && fits(&mut known, one, three), "an instant may come again");
        assert_eq!(known.sent(one), three);
    }

    #[test]
    fn what_was_said_comes_back_as_it_was() {
        let mut known = Known::default();
        known.sent(&format!(r#"{{"id": "{ID}", "at": "2018-07-19T01:00:00.000+0100"}}"#));
        let at = "2018-07-19T00:00:00.000+00:00";
        assert!(fits(&mut known, ID, ID) && fits(&mut known, at, at));
        for (page, actual) in [(ID, OTHER_ID), (OTHER_ID, ID), (at, "2018-07-19T00:00:00.001+00:00")] {
            assert!(!fits(&mut known, page, actual) && !fits(&mut known, actual, page), "{page} {actual}");
        }
    }
}
