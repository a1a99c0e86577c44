//! What is wrong with a setting: where it stands, what it says, what would be right.

use std::fmt;

use crate::settings::layers::Origin;

/// One fault in the settings, or one thing to warn of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The layer and the file, where there is one.
    pub origin: Option<Origin>,
    /// The key, as its layer writes it.
    pub key: Option<String>,
    /// The value, as its layer writes it.
    pub value: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// A fault that belongs to no one value.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { origin: None, key: None, value: None, problem: problem.into(), remedy: None }
    }

    /// A fault of one key.
    pub fn of(origin: &Origin, key: &[&str], problem: impl Into<String>) -> Self {
        Self { key: Some(origin.layer.write_key(key)), origin: Some(origin.clone()), ..Self::new(problem) }
    }

    /// With the value that is at fault.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// With a way to mend it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if let Some(key) = &self.key {
            match &self.value {
                Some(value) => write!(f, "{key} = {value}: ")?,
                None => write!(f, "{key}: ")?,
            }
        }
        f.write_str(&self.problem)
    }
}

/// The known name that a misspelt one is most likely meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |known: &'a str| {
        let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
        (distance <= 1 + name.chars().count() / 4).then_some((distance, known))
    };
    known.into_iter().filter_map(close).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn offers_only_what_is_near() {
        assert_eq!(nearest("tiemout", ["timeout", "retries"]), Some("timeout"));
        assert_eq!(nearest("maxConcurency", ["max-concurrency", "checks"]), Some("max-concurrency"));
        assert_eq!(nearest("colour", ["timeout", "retries"]), None);
    }
}
