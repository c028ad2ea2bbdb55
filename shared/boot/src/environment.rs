use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The names and values a process was started with.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
}

/// Every name that is missing or unreadable, so that a deployment is mended in one go. Never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment: {}", problems.join("; "))]
pub struct EnvironmentError {
    problems: Vec<String>,
}

impl Environment {
    /// What the operating system gave this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        Self { values: std::env::vars().collect() }
    }

    /// The given values and no others.
    pub fn from_values(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: values.into_iter().collect() }
    }

    /// Reads a configuration, or reports everything that is wrong with it.
    pub fn read<T>(&self, read: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, EnvironmentError> {
        let mut reader = Reader { environment: self, problems: Vec::new() };
        let config = read(&mut reader);
        if reader.problems.is_empty() { Ok(config) } else { Err(EnvironmentError { problems: reader.problems }) }
    }

    /// The value of `name`, unless it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Names only: values hold credentials.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Collects what is wrong while a configuration is read.
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// A value that must be there.
    pub fn required(&mut self, name: &str) -> String {
        let value = self.environment.get(name).map(str::to_owned);
        value.unwrap_or_else(|| {
            self.problems.push(format!("{name} is missing"));
            String::new()
        })
    }

    /// A value whose variable must be there and may be empty: a deployment that goes without says so, and one that forgot
    /// it does not start.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        let value = self.environment.values.get(name);
        if value.is_none() {
            self.problems.push(format!("{name} is missing"));
        }
        value.filter(|value| !value.is_empty()).cloned()
    }

    /// A value that must be there and read as `T`.
    pub fn parsed<T: FromStr + Default>(&mut self, name: &str) -> T {
        let text = self.required(name);
        if text.is_empty() {
            return T::default();
        }
        text.parse().unwrap_or_else(|_| {
            self.problems.push(format!("{name} cannot be read"));
            T::default()
        })
    }

    /// The same for a value that is no secret: says why it cannot be read.
    pub fn explained<T: FromStr<Err: fmt::Display> + Default>(&mut self, name: &str) -> T {
        let text = self.required(name);
        if text.is_empty() {
            return T::default();
        }
        text.parse().unwrap_or_else(|reason| {
            self.problems.push(format!("{name} cannot be read: {reason}"));
            T::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(values: &[(&str, &str)]) -> Environment {
        Environment::from_values(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn reports_everything_that_is_wrong_at_once_and_no_value() {
        let environment = environment(&[("SETTLE_SECONDS", "secret"), ("EMPTY", "")]);
        let read = environment.read(|reader| {
            (reader.required("TABLE_NAME"), reader.required("EMPTY"), reader.parsed::<u64>("SETTLE_SECONDS"))
        });
        let expected = "environment: TABLE_NAME is missing; EMPTY is missing; SETTLE_SECONDS cannot be read";
        assert_eq!(read.unwrap_err().to_string(), expected);
        assert!(!format!("{environment:?}").contains("secret"));
    }

    #[test]
    fn an_optional_value_may_be_empty_and_not_absent() {
        let environment = environment(&[("KEY", "k"), ("EMPTY", "")]);
        assert_eq!(environment.read(|reader| reader.optional("KEY")), Ok(Some("k".to_owned())));
        assert_eq!(environment.read(|reader| reader.optional("EMPTY")), Ok(None));
        let error = environment.read(|reader| reader.optional("NONE")).unwrap_err();
        assert_eq!(error.to_string(), "environment: NONE is missing");
    }

    #[test]
    fn explains_what_is_no_secret() {
        let environment = environment(&[("PORT", "x")]);
        let read = environment.read(|reader| (reader.explained::<u16>("PORT"), reader.explained::<u16>("NONE")));
        let expected = "environment: PORT cannot be read: invalid digit found in string; NONE is missing";
        assert_eq!(read.unwrap_err().to_string(), expected);
    }

    #[test]
    fn reads_what_is_there() {
        let environment = environment(&[("TABLE_NAME", "t"), ("SETTLE_SECONDS", "60")]);
        let read = environment.read(|reader| (reader.required("TABLE_NAME"), reader.parsed::<u64>("SETTLE_SECONDS")));
        assert_eq!(read, Ok(("t".to_owned(), 60)));
    }
}
