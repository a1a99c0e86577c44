//! What is wrong with a setting: where it stands, what it says, what would be right.

use std::fmt;

use crate::settings::origin::Origin;
use crate::text::message::Prose;
use crate::text::sanitize::in_place;

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
    pub problem: Prose,
    /// How to mend it.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// A fault that belongs to no one value.
    pub fn new(problem: impl Into<Prose>) -> Self {
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
    pub fn of(origin: &Origin, key: &[&str], problem: impl Into<Prose>) -> Self {
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

impl Diagnostic {
    /// As it is told: where, which key, what is wrong; below it the place, if the problem does not show it already.
    pub fn prose(&self) -> Prose {
        let mut place = String::new();
        if let Some(origin) = &self.origin {
            let line = self.excerpt.as_ref().map_or_else(String::new, |excerpt| format!(":{}", excerpt.line));
            place.push_str(&format!("{origin}{line}: "));
        }
        if let Some(key) = &self.key {
            let value = self.value.as_ref().map_or_else(String::new, |value| format!(" = {value}"));
            place.push_str(&format!("{key}{value}: "));
        }
        let prose = self.problem.clone().behind(&place);
        match self.excerpt.as_ref().filter(|_| !self.problem.has_more()) {
            Some(excerpt) => excerpt.below(prose),
            None => prose,
        }
    }
}

impl Excerpt {
    fn below(&self, prose: Prose) -> Prose {
        let (gutter, text) = (self.line.to_string(), in_place(&self.text));
        let (blank, before) = (" ".repeat(gutter.len()), " ".repeat(self.column));
        prose.below(format!("  {gutter} | {text}")).below(format!("  {blank} | {before}{}", "^".repeat(self.width)))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.prose().fmt(f)
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
