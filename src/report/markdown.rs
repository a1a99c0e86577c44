//! `--format markdown`: the table as GitHub and its like show it, and below it what did not pass.

use std::io::{self, Write};

use crate::event::{Event, EventKind};
use crate::plan::Plan;
use crate::record::Record;
use crate::report::style::Look;
use crate::report::{Reporter, came_to, last_lines, notable, table};
use crate::text::door;
use crate::text::sanitize;

/// Lines of a failure's output.
const OUTPUT_LINES: usize = 30;
/// Markdown has no colours; every sign can stand in it.
const LOOK: Look = Look::PLAIN;

/// The report.
pub struct Markdown<'a> {
    out: Box<dyn Write + 'a>,
}

impl<'a> Markdown<'a> {
    /// A report that goes to `out`.
    pub fn new(out: Box<dyn Write + 'a>) -> Self {
        Self { out }
    }
}

impl Reporter for Markdown<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        match (&event.kind, &record.plan) {
            (EventKind::RunFinished, Some(plan)) => door::put(&mut self.out, &page(record, plan)),
            _ => Ok(()),
        }
    }
}

/// The whole page.
pub(super) fn page(record: &Record, plan: &Plan) -> String {
    let mut text = String::new();
    for (index, cells) in table::rows(record, plan, LOOK).iter().enumerate() {
        let cells: Vec<_> = cells.iter().map(|cell| escape(cell)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if index == 0 {
            text.push_str(&format!("|{}\n", " --- |".repeat(cells.len())));
        }
    }
    text.push_str(&format!("\n{}\n", escape(&table::summary(record, plan))));
    for (unit, end) in notable(plan, record) {
        let worktree = escape(&sanitize::line(&plan.worktree(unit).name));
        let check = &plan.check(unit).name;
        let what = if plan.worktree(unit).obstacle.is_some() {
            String::new()
        } else {
            format!(": {}", escape(&sanitize::line(check)))
        };
        text.push_str(&format!("\n**{worktree}**{what} {}\n", escape(&came_to(plan, record, unit, end))));
        let lines = last_lines(record, unit, OUTPUT_LINES);
        if !lines.is_empty() {
            let fence = "`".repeat(fence(&lines));
            text.push_str(&format!("\n{fence}text\n{}\n{fence}\n", lines.join("\n")));
        }
    }
    text
}

/// Text that means nothing but itself in a cell or a paragraph.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_[]<>|~&#$".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// How many backticks enclose these lines: more than any of them has in a row.
fn fence(lines: &[String]) -> usize {
    let longest = |line: &String| line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    lines.iter().map(longest).max().unwrap_or(0).max(2) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_escaped() {
        assert_eq!(escape("a|b <img> *c* `d` \\"), "a\\|b \\<img\\> \\*c\\* \\`d\\` \\\\");
        assert_eq!(fence(&["plain".to_owned()]), 3);
        assert_eq!(fence(&["```` x `".to_owned()]), 5);
    }
}
