//! What is wrong with a setting: where it stands, what it says, what would be right.

use std::fmt;

use crate::settings::origin::Origin;

/// A line of a file, and the place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands in it.
    pub text: String,
    /// The first character at fault, counted from 0.
    pub column: usize,
    /// How many characters are.
    pub width: usize,
}

/// One fault in the settings, or one thing to warn of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The layer and the file, where there is one.
    pub origin: Option<Origin>,
    /// The key, as its layer writes it.
    pub key: Option<String>,
    /// The key's path in the schema: `check`, name, `timeout`.
    pub path: Vec<String>,
    /// Whether the key itself is at fault, and not its value.
    pub at_key: bool,
    /// The line in which it stands, where it stands in a file that has been read.
    pub excerpt: Option<Excerpt>,
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
        Self {
            origin: None,
            key: None,
            path: Vec::new(),
            at_key: false,
            excerpt: None,
            value: None,
            problem: problem.into(),
            remedy: None,
        }
    }

    /// A fault of one key.
    pub fn of(origin: &Origin, key: &[&str], problem: impl Into<String>) -> Self {
        Self {
            key: Some(origin.layer.write_key(key)),
            path: key.iter().map(|part| (*part).to_owned()).collect(),
            origin: Some(origin.clone()),
            ..Self::new(problem)
        }
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
            match &self.excerpt {
                Some(excerpt) => write!(f, "{origin}:{}: ", excerpt.line)?,
                None => write!(f, "{origin}: ")?,
            }
        }
        if let Some(key) = &self.key {
            match &self.value {
                Some(value) => write!(f, "{key} = {value}: ")?,
                None => write!(f, "{key}: ")?,
            }
        }
        f.write_str(&self.problem)?;
        // An expression that is at fault quotes itself.
        let quotes_itself = self.problem.contains('\n');
        if let Some(Excerpt { line, text, column, width }) = self.excerpt.as_ref().filter(|_| !quotes_itself) {
            // A tab is shown as one space, so that the mark below stays under its character.
            let (text, gutter) = (text.replace('\t', " "), line.to_string());
            let (blank, before) = (" ".repeat(gutter.len()), " ".repeat(*column));
            write!(f, "\n  {gutter} | {text}\n  {blank} | {before}{}", "^".repeat(*width))?;
        }
        Ok(())
    }
}

/// The known name that a misspelt one is most likely meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody misspells so much at length; the comparison would take its time for it.
    if name.len() > 64 {
        return None;
    }
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
