//! What all that reads expressions has in common: what they read, what is known of it, and what is wrong with them.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::model::facts::Facts;
use crate::model::outcome::Outcome;
use crate::text::sanitize::in_place;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionFault {
    /// What is wrong.
    pub problem: String,
    /// The characters at fault: the first and the one after the last.
    pub span: (usize, usize),
    /// How to mend it.
    pub remedy: Option<String>,
}

/// An expression, and below it a mark at the place: of a longer one, the line and what surrounds the place.
pub(super) fn pointed(text: &str, span: (usize, usize)) -> [String; 2] {
    const SHOWN: usize = 90;
    let letters: Vec<char> = text.chars().collect();
    let start = span.0.min(letters.len());
    let before = letters[..start].iter().rposition(|c| *c == '\n').map_or(0, |at| at + 1);
    let after = letters[start..].iter().position(|c| *c == '\n').map_or(letters.len(), |at| start + at);
    // Of a long line, only what surrounds the place.
    let first = if after - before > SHOWN { start.saturating_sub(SHOWN / 3).max(before) } else { before };
    let last = after.min(first + SHOWN);
    let stop = span.1.clamp(start, last);
    let shown = |letters: &[char]| {
        let line: String = letters.iter().map(|c| if c.is_whitespace() { ' ' } else { *c }).collect();
        in_place(&line)
    };
    let (lead, tail) = (if first > before { "..." } else { "" }, if last < after { "..." } else { "" });
    let gap = lead.len() + shown(&letters[first..start]).width();
    let width = shown(&letters[start..stop]).width().max(1);
    let expression = format!("    {lead}{}{tail}", shown(&letters[first..last]));
    [expression, format!("    {}{}", " ".repeat(gap), "^".repeat(width))]
}

/// A fact that an expression reads: its name in the expression, the check's own, and the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) name: String,
    pub(super) check: Option<String>,
    pub(super) field: String,
    /// Whether it only asks for it, with `has()`.
    pub(super) asked: bool,
    /// Where, in characters.
    pub(super) span: (usize, usize),
}

/// What is known of a check that has ended on a worktree (or, for its own `fail-if`, has answered).
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What it found out.
    pub facts: &'a Facts,
    /// The exit status of its last attempt.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_below_their_place() {
        assert_eq!(pointed("a && b", (5, 6)), ["    a && b", "         ^"]);
        assert_eq!(pointed("a", (7, 9)), ["    a", "     ^"]);
        assert_eq!(pointed("", (0, 0)), ["    ", "    ^"]);
        assert_eq!(pointed("x\n\t\u{4e16} y", (5, 6)), ["     \u{4e16} y", "        ^"]);
        let long = "z".repeat(300);
        let shown = pointed(&long, (150, 160));
        assert_eq!(shown.iter().map(String::len).max(), Some(4 + 3 + 90 + 3));
        assert!(shown[1] == format!("{}^^^^^^^^^^", " ".repeat(4 + 3 + 30)), "{shown:?}");
    }
}
