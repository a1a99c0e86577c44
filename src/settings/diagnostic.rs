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

impl std::error::Error for Diagnostic {}

impl Diagnostic {
    /// Messages for standard error: what is wrong at this level, and how to mend it.
    pub fn messages(&self, level: &'static str) -> impl Iterator<Item = (&'static str, Prose)> {
        let remedy = self.remedy.as_ref().map(|remedy| ("hint", remedy.as_str().into()));
        [(level, self.prose())].into_iter().chain(remedy)
    }

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

/// How many faults are told one by one.
const TOLD: usize = 20;

/// Faults as they are found: the first of them, and how many more there are. What would not be told is not even put
/// into words, so that a file of a hundred thousand faults costs no more than one of twenty.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    told: Vec<Diagnostic>,
    more: usize,
}

impl Faults {
    /// Adds a fault. It is put into words only where it will be told.
    pub fn add(&mut self, fault: impl FnOnce() -> Diagnostic) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.told.push(fault());
        }
    }

    /// Whether what is added from now on is only counted.
    fn is_full(&self) -> bool {
        self.told.len() >= TOLD
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Adds faults that have been put into words already.
    pub(super) fn extend(&mut self, faults: impl IntoIterator<Item = Diagnostic>) {
        for fault in faults {
            self.add(|| fault);
        }
    }

    /// Adds all of others.
    pub fn append(&mut self, others: Self) {
        self.more += others.more;
        self.extend(others.told);
    }

    /// Those that have been put into words, to say more of each.
    pub(super) fn each_mut(&mut self) -> &mut [Diagnostic] {
        &mut self.told
    }

    /// What is to be told: the first faults, and the number of the others.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let rest = (self.more > 0).then(|| Diagnostic::new(format!("and {} more", self.more)));
        self.told.into_iter().chain(rest).collect()
    }
}

/// What reading has found besides values.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// What is wrong and stops the run.
    pub(super) errors: Faults,
    /// What is wrong but stops nothing.
    pub(super) warnings: Faults,
}

impl Findings {
    /// Adds all of others.
    pub(super) fn append(&mut self, others: Self) {
        self.errors.append(others.errors);
        self.warnings.append(others.warnings);
    }
}

impl From<Diagnostic> for Faults {
    fn from(fault: Diagnostic) -> Self {
        Self { told: vec![fault], more: 0 }
    }
}

/// How many names are held against a misspelt one: a comparison takes its time, and a file may hold very many.
const COMPARED: usize = 200;

/// The known name that a misspelt one is most likely meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody misspells so much at length; the comparison would take its time for it.
    if name.len() > 64 {
        return None;
    }
    let most = 1 + name.chars().count() / 4;
    let (length, lower) = (name.len(), name.to_lowercase());
    // A letter is at most four bytes: where the lengths are further apart, the names are too.
    let near = known.into_iter().filter(|known| known.len().abs_diff(length) <= 4 * most && shares(known, name, most));
    let close = |known: &'a str| {
        let distance = strsim::damerau_levenshtein(&lower, &known.to_lowercase());
        (distance <= most).then_some((distance, known))
    };
    near.take(COMPARED).filter_map(close).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Whether two names share so many letters that only `most` of them can differ: a quick look before the comparison.
fn shares(known: &str, name: &str, most: usize) -> bool {
    let mut counts = [0_i32; 26];
    let mut count = |text: &str, by: i32| {
        for letter in text.bytes().filter(u8::is_ascii_alphabetic) {
            counts[usize::from(letter.to_ascii_lowercase() - b'a')] += by;
        }
    };
    count(known, 1);
    count(name, -1);
    // One change takes one letter and puts another.
    counts.iter().map(|count| count.unsigned_abs() as usize).sum::<usize>() <= 2 * most
}

/// Names of which each leads to the next; of very many, the first and the last.
pub fn around(names: &[String]) -> String {
    match names {
        [first @ .., last] if names.len() > TOLD => {
            let left_out = names.len() - TOLD;
            format!("{} -> ({left_out} more) -> {last}", first[..TOLD - 1].join(" -> "))
        }
        _ => names.join(" -> "),
    }
}

/// Names in a list, the first of them where there are many.
pub fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(TOLD);
    let rest = (more > 0).then(|| format!("and {more} more"));
    names.take(TOLD).map(str::to_owned).chain(rest).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_only_what_is_near() {
        assert_eq!(nearest("tiemout", ["timeout", "retries"]), Some("timeout"));
        assert_eq!(nearest("maxConcurency", ["max-concurrency", "checks"]), Some("max-concurrency"));
        assert_eq!(nearest("colour", ["timeout", "retries"]), None);
        assert_eq!(nearest("tset", ["TEST"]), Some("TEST"));
    }

    #[test]
    fn the_first_faults_are_told_and_the_others_counted() {
        let mut faults = Faults::default();
        for _ in 0..TOLD {
            faults.add(|| Diagnostic::new("wrong"));
        }
        faults.add(|| unreachable!("it is not put into words"));
        let mut others = Faults::from(Diagnostic::new("other"));
        others.more = 4;
        faults.append(others);
        let told = faults.into_diagnostics();
        assert_eq!((told.len(), told[TOLD].to_string()), (TOLD + 1, "and 6 more".to_owned()));
    }

    #[test]
    fn of_many_names_the_first_are_listed() {
        let names: Vec<String> = (0..30).map(|index| index.to_string()).collect();
        assert!(listed(names.iter().map(String::as_str)).ends_with("18, 19, and 10 more"));
        assert_eq!(listed(["a", "b"].into_iter()), "a, b");
    }
}
