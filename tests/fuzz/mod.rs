//! Whatever comes in: texts, bytes and buckets that nobody meant, by the hundred, and by the hundred thousand with `PROPTEST_CASES`.
//!
//! `tests/fuzz/run` beside this does the same to the whole API over HTTP.

mod bucket;
mod credentials;
mod flood;
mod hoards;
mod ingest;
mod names;
mod requests;
mod schemas;

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{TestCaseError, TestRunner};

/// Runs the test for each of many values, and tells the smallest for which it fails. Unlike `proptest!`, the scene of a test is set once
/// for all of them.
fn for_all<S>(values: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S: Strategy,
    S::Value: Debug,
{
    // A failing value is printed, not kept in a file of the tree.
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(values, test).unwrap_or_else(|error| panic!("{error}"));
}

/// A text as somebody sends it who wishes us ill: separators of keys and paths, control characters, other alphabets' digits, far too much.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => "[A-Za-z0-9_.-]{1,12}",
        2 => prop::sample::select(vec![
            "#", "/", "..", "../", "\\", "\0", "\n", "\r\n", "\u{7f}", "\u{85}", "\u{200b}", "\u{202e}", "\u{feff}", "٤٢", "４２", "ⅷ", "é",
            "e\u{301}", "İ", "ß", "%2e%2e%2f", "%00", "*", "?", "${a}", "org_id=", "ORG#", "aud-", "ap_live_", "arn:aws:iam::", "1e400",
            "-1", "18446744073709551616", "𝟙", "\u{10ffff}",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let long = prop::sample::select(vec!["a", "#", "0", "[", "ø", "\u{1f600}"])
        .prop_flat_map(|piece| (1_usize..20_000).prop_map(move |times| piece.repeat(times)));
    prop_oneof![
        9 => prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),
        1 => long,
    ]
}

/// What was done to some bytes.
#[derive(Debug, Clone)]
enum Edit {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Delete(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let to = |at: usize, length: usize, bytes: &[u8]| at..(at + length).min(bytes.len());
        match self {
            Self::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Delete(at, length) => drop(bytes.drain(to(at.index(bytes.len()), *length, bytes))),
            Self::Repeat(at, length) => {
                let again = bytes[to(at.index(bytes.len()), *length, bytes)].to_vec();
                let at = at.index(bytes.len());
                bytes.splice(at..at, again);
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let tokens = vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        ":",
        "null",
        "-1",
        "1e400",
        "18446744073709551616",
        "\\u0000",
        "\\ud800",
        "\u{ff}",
        "{}",
    ];
    let more = prop_oneof![
        prop::sample::select(tokens).prop_map(|token| token.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..6),
        (1_usize..5_000).prop_map(|depth| b"[".repeat(depth)),
    ];
    prop_oneof![
        3 => (any::<Index>(), 1..=u8::MAX).prop_map(|(at, bits)| Edit::Flip(at, bits)),
        3 => (any::<Index>(), more).prop_map(|(at, more)| Edit::Insert(at, more)),
        2 => (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Edit::Delete(at, length)),
        1 => (any::<Index>(), 1_usize..200).prop_map(|(at, length)| Edit::Repeat(at, length)),
        1 => any::<Index>().prop_map(Edit::Cut),
    ]
}

/// Something near to one of the samples.
fn near(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(samples), prop::collection::vec(edit(), 0..5)).prop_map(|(mut bytes, edits)| {
        for edit in edits {
            edit.apply(&mut bytes);
        }
        bytes
    })
}

/// Any JSON, with numbers that no type holds.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        prop::sample::select(vec![
            "1e400",
            "-0",
            "18446744073709551615",
            "18446744073709551616",
            "1.0",
            "-1",
            "1E-999",
            "0.1e1"
        ])
        .prop_map(str::to_owned),
        hostile_text().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((hostile_text(), inner), 0..6).prop_map(|all| {
                let members: Vec<String> = all
                    .into_iter()
                    .map(|(name, value)| format!("{}:{value}", serde_json::to_string(&name).unwrap()))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}
