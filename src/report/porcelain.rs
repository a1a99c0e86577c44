//! `--porcelain`: lines for shell scripts. Their fields are the manual page's, and do not change.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use crate::event::{Event, EventKind, UnitEnd};
use crate::model::id::{UnitId, WorktreeId};
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::record::{Record, worktree};
use crate::report::Reporter;
use crate::text::door;
use crate::text::quote;

/// The report.
pub struct Porcelain<'a> {
    out: Box<dyn Write + 'a>,
    nul: bool,
}

impl<'a> Porcelain<'a> {
    /// A report that goes to `out`. `nul`: lines end with NUL, and paths are as they are; otherwise they are quoted as
    /// git quotes them.
    pub fn new(out: Box<dyn Write + 'a>, nul: bool) -> Self {
        Self { out, nul }
    }

    fn line(&self, text: &mut Vec<u8>, fields: &str, path: Option<&Path>) {
        text.extend_from_slice(fields.as_bytes());
        if let Some(path) = path {
            let path = path.as_os_str().as_encoded_bytes();
            text.push(b' ');
            if self.nul {
                text.extend_from_slice(path);
            } else {
                text.extend_from_slice(quote::c_style(path, false).as_ref());
            }
        }
        text.push(if self.nul { 0 } else { b'\n' });
    }

    /// A field before the last.
    fn field<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.nul { Cow::Borrowed(text) } else { quote::c_style_text(text) }
    }

    fn fields_of(&self, record: &Record, plan: &Plan, unit: UnitId, end: &UnitEnd) -> String {
        let check = plan.check(unit);
        let attempts = &record.units[unit].attempts;
        let code =
            attempts.last().and_then(|last| last.exit_code()).map_or_else(|| "-".to_owned(), |code| code.to_string());
        let length = end.started.map_or_else(|| "-".to_owned(), |_| end.duration.as_millis().to_string());
        format!(
            "u {} {} {} {} {code} {length}",
            end.outcome.name(),
            self.field(&check.name),
            check.kind.name(),
            attempts.len()
        )
    }

    fn lines(&self, record: &Record, plan: &Plan) -> Vec<u8> {
        let mut text = Vec::new();
        for (row, worktree) in plan.worktrees.iter_enumerated() {
            let head = worktree.head.as_deref().unwrap_or("-");
            let branch = worktree.branch.as_deref().map_or(Cow::Borrowed("-"), |branch| self.field(branch));
            let fields = format!("w {} {head} {branch}", state(record, plan, row));
            self.line(&mut text, &fields, Some(&worktree.path));
            for unit in plan.units.of_worktree(row) {
                if let Some(end) = record.units[unit].end.as_deref() {
                    self.line(&mut text, &self.fields_of(record, plan, unit, end), Some(&worktree.path));
                }
            }
        }
        let counts: Vec<_> = Outcome::ALL.iter().map(|outcome| record.count(*outcome).to_string()).collect();
        self.line(&mut text, &format!("s {} {}", record.exit_code(), counts.join(" ")), None);
        text
    }
}

impl Reporter for Porcelain<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        match (&event.kind, &record.plan) {
            (EventKind::RunFinished, Some(plan)) => {
                let text = self.lines(record, plan);
                door::raw(&mut self.out, &text)
            }
            _ => Ok(()),
        }
    }
}

/// `clean` or `dirty`, where that is known.
fn state(record: &Record, plan: &Plan, row: WorktreeId) -> &'static str {
    match worktree::state(record, plan, row).clean {
        Some(true) => "clean",
        Some(false) => "dirty",
        None => "-",
    }
}
