use std::fmt;

/// What people call an organization or a key: 1–100 visible characters, with spaces between them only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// Text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 100 visible characters, without a space at either end")]
pub struct InvalidName;

impl Name {
    /// Counts characters (Unicode scalar values), not bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let trimmed = text.trim().len() == text.len();
        if trimmed && (1..=100).contains(&text.chars().count()) && !text.contains(|c| c != ' ' && is_hidden(c)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Controls, white space, and what reorders or hides text without being seen.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_read() {
        for good in ["a", "Diku Universitetsbibliotek", "Røde Kors #1", &"ø".repeat(100)] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", " a", "a ", "a\nb", "a\tb", "a\u{0}", "a\u{202e}b", "a\u{2028}b", &"ø".repeat(101)] {
            assert_eq!(Name::parse(bad), Err(InvalidName), "{bad:?}");
        }
    }
}
