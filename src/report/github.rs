//! `--format github`: annotations of a workflow of GitHub Actions, and a page for the summary of its job.

use std::io::{self, Write};

use crate::event::{Event, EventKind};
use crate::plan::Plan;
use crate::record::Record;
use crate::report::{Reporter, came_to, last_lines, markdown, notable, table};
use crate::text::door;
use crate::text::sanitize;

/// Lines of a failure's output.
const OUTPUT_LINES: usize = 10;

/// The report.
pub struct Github<'a> {
    out: Box<dyn Write + 'a>,
    summary: Option<Box<dyn Write + 'a>>,
}

impl<'a> Github<'a> {
    /// A report that goes to `out`, and its page to `summary`, where there is one.
    pub fn new(out: Box<dyn Write + 'a>, summary: Option<Box<dyn Write + 'a>>) -> Self {
        Self { out, summary }
    }
}

impl Reporter for Github<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        let (EventKind::RunFinished, Some(plan)) = (&event.kind, &record.plan) else { return Ok(()) };
        door::put(&mut self.out, &annotations(record, plan))?;
        match &mut self.summary {
            Some(summary) => door::put(summary, &format!("## git wtcheck\n\n{}", markdown::page(record, plan))),
            None => Ok(()),
        }
    }
}

/// A line for each unit that did not pass, and one that sums up.
fn annotations(record: &Record, plan: &Plan) -> String {
    let mut text = String::new();
    for (unit, end) in notable(plan, record) {
        let check = plan.check(unit);
        let counts = end.outcome.is_fault() && !check.allow_failure;
        let level = if counts { "error" } else { "warning" };
        let worktree = sanitize::line(&plan.worktree(unit).name);
        let title = if plan.worktree(unit).obstacle.is_some() {
            worktree.into_owned()
        } else {
            format!("{worktree}: {}", sanitize::line(&check.name))
        };
        let mut message = vec![came_to(plan, record, unit, end)];
        message.extend(last_lines(record, unit, OUTPUT_LINES));
        text.push_str(&format!("::{level} title={}::{}\n", property(&title), data(&message.join("\n"))));
    }
    text.push_str(&table::summary(record, plan));
    text.push('\n');
    text
}

/// What follows the second `::`, to the end of the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What follows `title=`, to the next `,` or `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_annotation_early() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a: b,c%3A"), "a%3A b%2Cc%253A");
    }
}
