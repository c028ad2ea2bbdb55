//! What is done to a copy of an export.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tempfile::tempdir;

use sporlog_verify::{Fault, Report};

use super::export::Export;
use super::verify;

pub(crate) fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

impl Export {
    /// Changes an object's text.
    pub(crate) fn edit(&mut self, key: &str, change: impl FnOnce(String) -> String) {
        let text = gunzip(&self.files[key]);
        let changed = change(text.clone());
        assert_ne!(changed, text);
        self.files.insert(key.to_owned(), gzip(changed.as_bytes()));
    }

    /// Changes an object's lines.
    pub(crate) fn edit_lines(&mut self, key: &str, change: impl FnOnce(&mut Vec<String>)) {
        self.edit(key, |text| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            change(&mut lines);
            lines.join("\n") + "\n"
        });
    }

    /// What `verify` says of it.
    pub(crate) fn verified(&self) -> Result<Report, Fault> {
        let directory = tempdir().unwrap();
        self.write_to(directory.path());
        verify(directory.path())
    }
}
