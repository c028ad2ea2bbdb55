use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::StoreError;
use crate::keys::Key;

/// An item as DynamoDB has it. Reading a wrong or missing attribute is [`StoreError::Corrupt`], naming the key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row(pub(crate) HashMap<String, AttributeValue>);

impl Row {
    /// A new item with its key.
    pub(crate) fn at(key: Key) -> Self {
        Self::default().with_text("pk", key.pk).with_text("sk", key.sk)
    }

    /// Where it is.
    pub(crate) fn key(&self) -> Result<Key, StoreError> {
        Ok(Key { pk: self.text("pk")?.to_owned(), sk: self.text("sk")?.to_owned() })
    }

    /// The same item under another key.
    pub(crate) fn moved_to(self, key: Key) -> Self {
        self.with_text("pk", key.pk).with_text("sk", key.sk)
    }

    pub(crate) fn with_text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::S(value.into()));
        self
    }

    pub(crate) fn with_optional(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with_text(name, value),
            None => self,
        }
    }

    pub(crate) fn with_number(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        self
    }

    pub(crate) fn with_flag(mut self, name: &str, value: bool) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::Bool(value));
        self
    }

    pub(crate) fn with_bytes(mut self, name: &str, value: Vec<u8>) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::B(value.into()));
        self
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&str, StoreError> {
        self.optional_text(name).ok_or_else(|| self.corrupt(name))
    }

    /// An attribute that has its own type: absent is `None`, unreadable is corrupt.
    pub(crate) fn parse_optional<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value.as_s().ok().and_then(|text| parse(text)).map(Some).ok_or_else(|| self.corrupt(name)),
        }
    }

    pub(crate) fn parse<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        self.parse_optional(name, parse)?.ok_or_else(|| self.corrupt(name))
    }

    /// A count; absent is zero, as DynamoDB's `ADD` has it.
    pub(crate) fn count(&self, name: &'static str) -> Result<u64, StoreError> {
        match self.0.get(name) {
            None => Ok(0),
            Some(value) => {
                let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
                number.ok_or_else(|| self.corrupt(name))
            }
        }
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, StoreError> {
        self.0.get(name).and_then(|value| value.as_bool().ok()).copied().ok_or_else(|| self.corrupt(name))
    }

    pub(crate) fn bytes(&self, name: &'static str) -> Option<&[u8]> {
        self.0.get(name).and_then(|value| value.as_b().ok()).map(AsRef::as_ref)
    }

    pub(crate) fn corrupt(&self, problem: &'static str) -> StoreError {
        let part = |name| self.optional_text(name).unwrap_or("?");
        StoreError::Corrupt { key: format!("{} {}", part("pk"), part("sk")), problem }
    }
}
