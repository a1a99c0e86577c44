//! Messages for standard error, in git's style: a level, what is wrong, and lines below it.
//!
//! Whoever reads a message must be able to tell the program's words from those it quotes. A line break within a value
//! is therefore never one on the terminal, and a line below a message's first never begins at the first column: nothing
//! that a name, a path, a file or another program says can look like a message of its own.

use std::fmt;
use std::io::Write;

use crate::text::door;
use crate::text::sanitize::line;

/// A message: a line, and lines below it that the program made. A line break within one of them came with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose {
    first: String,
    below: Vec<String>,
}

impl Prose {
    /// Adds a line below the others.
    #[must_use]
    pub fn below(mut self, line: impl Into<String>) -> Self {
        self.below.push(line.into());
        self
    }

    /// A message in another program's words, each line of which stays one.
    pub fn quoting(words: &str) -> Self {
        let mut lines = words.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        Self { first, below: lines.map(str::to_owned).collect() }
    }

    /// Puts words in front of the first line.
    #[must_use]
    pub fn behind(self, words: &str) -> Self {
        Self { first: format!("{words}{}", self.first), ..self }
    }

    /// Whether it has more than its first line.
    pub const fn has_more(&self) -> bool {
        !self.below.is_empty()
    }

    /// The message with its level: once, or before each line of a hint, as in git.
    fn with_level(&self, level: &str) -> String {
        let mut text = format!("{level}: {}\n", line(&self.first));
        for below in &self.below {
            let below = below.replace('\t', "    ");
            let below = line(below.trim_end());
            let indent = if level == "hint" {
                "hint: "
            } else if below.is_empty() || below.starts_with(' ') {
                ""
            } else {
                "  "
            };
            text.push_str(&format!("{indent}{below}\n"));
        }
        text
    }
}

impl<T: Into<String>> From<T> for Prose {
    fn from(text: T) -> Self {
        Self { first: text.into(), below: Vec::new() }
    }
}

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first)?;
        self.below.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Writes messages, each with its level. Where they cannot be written, the program goes on: nothing depends on them.
pub fn tell<P: Clone + Into<Prose>>(err: &mut dyn Write, messages: &[(&'static str, P)], hints: bool) {
    let wanted = messages.iter().filter(|(level, _)| hints || *level != "hint");
    let text: String = wanted.map(|(level, text)| text.clone().into().with_level(level)).collect();
    let _ = door::put(err, &text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(messages: &[(&'static str, Prose)]) -> String {
        let mut err = Vec::new();
        tell(&mut err, messages, true);
        String::from_utf8(err).expect("UTF-8")
    }

    #[test]
    fn no_value_begins_a_line() {
        let value = "x\nfatal: y\r\nhint: z";
        assert_eq!(told(&[("error", Prose::from(value))]), "error: x\u{fffd}fatal: y\u{fffd}\u{fffd}hint: z\n");
        assert_eq!(
            told(&[("error", Prose::from("no").below(value).below("\u{1b}[0mfatal: y"))]),
            "error: no\n  x\u{fffd}fatal: y\u{fffd}\u{fffd}hint: z\n  fatal: y\n"
        );
    }

    #[test]
    fn the_words_of_others_stand_below_their_first() {
        let words = "unsafe\nTo add an exception, call:\n\n\tgit config\nfatal: z\n";
        assert_eq!(
            told(&[("fatal", Prose::quoting(words)), ("hint", Prose::from("one").below("two"))]),
            "fatal: unsafe\n  To add an exception, call:\n\n    git config\n  fatal: z\nhint: one\nhint: two\n"
        );
    }
}
