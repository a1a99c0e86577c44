//! The patterns of `matches`: compiled once, when planning, within bounds.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// How large a compiled pattern may be, in KiB: it is tried with the least first. What looking through a text with it
/// takes at worst grows with its size.
const SIZES: [usize; 4] = [16, 64, 256, 1024];
/// What a pattern may keep of what it has learnt of texts, in bytes.
const LEARNT: usize = 256 << 10;
/// Brackets in brackets.
const DEEPEST: u32 = 50;
/// All patterns of a plan together: so many, so long, so large once compiled (in KiB).
const MOST: usize = 256;
const MOST_TEXT: usize = 32 << 10;
const MOST_SIZE: usize = 32 << 10;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    regex: Regex,
    /// In KiB.
    size: usize,
}

impl Pattern {
    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a text has a place that it matches.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The steps that looking through a text takes at worst: a step is half a microsecond of a machine of 2024, and a
    /// byte of text took 15 of these with the worst patterns of 256 KiB.
    pub(super) fn steps(&self, text: &str) -> u64 {
        u64::try_from(text.len().saturating_mul(self.size / 8)).unwrap_or(u64::MAX)
    }
}

/// What is wrong with a pattern, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PatternFault {
    pub(super) problem: String,
    pub(super) remedy: Option<String>,
}

impl PatternFault {
    fn new(problem: impl Into<String>, remedy: Option<&str>) -> Self {
        Self { problem: problem.into(), remedy: remedy.map(str::to_owned) }
    }
}

/// All patterns of a plan.
#[derive(Default)]
pub(super) struct Patterns {
    known: HashMap<String, Pattern>,
    text: usize,
    size: usize,
}

impl Patterns {
    /// The compiled pattern of this text.
    pub(super) fn compile(&mut self, text: &str) -> Result<Pattern, PatternFault> {
        if let Some(known) = self.known.get(text) {
            return Ok(known.clone());
        }
        let too_many =
            || PatternFault::new("all patterns together are too large", Some("a command can look for more than these"));
        self.text += text.len();
        if self.known.len() == MOST || self.text > MOST_TEXT {
            return Err(too_many());
        }
        let pattern = compiled(text)?;
        self.size += pattern.size;
        if self.size > MOST_SIZE {
            return Err(too_many());
        }
        self.known.insert(text.to_owned(), pattern.clone());
        Ok(pattern)
    }
}

fn compiled(text: &str) -> Result<Pattern, PatternFault> {
    for size in SIZES {
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(size << 10).dfa_size_limit(LEARNT).nest_limit(DEEPEST);
        match builder.build() {
            Ok(regex) => return Ok(Pattern { text: text.to_owned(), regex, size }),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return Err(PatternFault::new(format!("this is no regular expression: {last}"), None));
            }
        }
    }
    let remedy = "repeat fewer times, or write '[a-z0-9_]' for '\\w' and '[0-9]' for '\\d', which mean all of Unicode";
    Err(PatternFault::new("this pattern is too large", Some(remedy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_together_are_bounded() {
        let mut many = Patterns::default();
        let first = (0..1000).find(|number| many.compile(&format!("a{number}")).is_err());
        assert_eq!(first, Some(MOST), "so many");
        assert!(many.compile("a0").is_ok(), "one that is known is no other");
        let mut long = Patterns::default();
        let first = (10..99).find(|number| long.compile(&format!("{number}{}", "a".repeat(1000))).is_err());
        assert_eq!(first, Some(10 + MOST_TEXT / 1002), "so long");
        let mut large = Patterns { size: MOST_SIZE - 1024, ..Patterns::default() };
        assert!(large.compile("\\w{20}").is_ok());
        assert!(large.compile("\\w{21}").is_err(), "so large");
    }

    #[test]
    fn what_would_be_large_is_refused_at_once() {
        for text in ["\\w{2000}", "((((a{10}){10}){10}){10}){10}", "(?i)\\pL{900}", ".{5000}"] {
            let before = std::time::Instant::now();
            let fault = compiled(text).err().map(|fault| fault.problem);
            assert_eq!(fault.as_deref(), Some("this pattern is too large"), "{text}");
            assert!(before.elapsed().as_secs() < 10, "{text} took {:?}", before.elapsed());
        }
        let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
        assert!(compiled(&deep).is_err_and(|fault| fault.problem.contains("nest")), "brackets in brackets");
    }
}
