//! The report for people: a row for each worktree, below it what did not pass, and one line that sums up.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::event::{Cause, Event, EventKind, UnitEnd};
use crate::model::check::CheckKind;
use crate::model::duration;
use crate::model::facts::Facts;
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::{Plan, UnitIndex, WorktreeIndex};
use crate::report::sanitize;
use crate::report::style::{Look, Role};
use crate::report::{Reporter, put};
use crate::summary::Record;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only what did not pass.
    Quiet,
    /// The table, what did not pass, the summary.
    Normal,
    /// With reasons, times and whole outputs.
    Verbose,
}

/// Lines of a failure's output that are shown unless more is asked for.
const OUTPUT_LINES: usize = 10;
/// No column is made narrower than this to fit the terminal.
const NARROWEST: usize = 8;

/// The report.
pub struct Table<'a> {
    out: Box<dyn Write + 'a>,
    look: Look,
    detail: Detail,
    width: Option<usize>,
}

impl<'a> Table<'a> {
    /// A report that goes to `out`, fitted into `width` columns where there is a width to fit into.
    pub fn new(out: Box<dyn Write + 'a>, look: Look, detail: Detail, width: Option<usize>) -> Self {
        Self { out, look, detail, width }
    }
}

impl Reporter for Table<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        if !matches!(event.kind, EventKind::RunFinished) {
            return Ok(());
        }
        let Some(plan) = record.plan.clone() else { return Ok(()) };
        let page = Page { record, plan: &plan, look: self.look, detail: self.detail };
        put(&mut self.out, page.text(self.width).as_bytes())
    }
}

/// A piece of text with its role.
#[derive(Clone, Debug)]
struct Span {
    role: Role,
    text: String,
}

/// What stands in one column of one row.
#[derive(Clone, Debug, Default)]
struct Cell(Vec<Span>);

impl Cell {
    fn of(role: Role, text: impl Into<String>) -> Self {
        Self(vec![Span { role, text: text.into() }])
    }

    fn push(&mut self, role: Role, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push(Span { role, text });
        }
    }

    /// Its text alone.
    fn plain(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Its pieces stand apart by one column each.
    fn width(&self) -> usize {
        self.0.iter().map(|span| span.text.width()).sum::<usize>() + self.0.len().saturating_sub(1)
    }

    fn draw(&self, width: usize, pad: bool, look: Look) -> String {
        let mut left = width;
        let mut drawn = String::new();
        for (index, span) in self.0.iter().enumerate() {
            if index > 0 {
                if left < 2 {
                    break;
                }
                drawn.push(' ');
                left -= 1;
            }
            let text = shorten(&span.text, left, look);
            left -= text.width();
            drawn.push_str(&look.paint(span.role, &text));
        }
        if pad {
            drawn.push_str(&" ".repeat(left));
        }
        drawn
    }
}

/// Cuts text to so many columns; what is left out is marked. Names keep their end too: it often tells them apart.
fn shorten(text: &str, width: usize, look: Look) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (_, _, mark) = look.marks();
    let room = width.saturating_sub(mark.width());
    if width == 0 || text.contains(' ') || room < 6 {
        return if width == 0 { String::new() } else { take(text.chars(), room) + mark };
    }
    let end: String = take(text.chars().rev(), room / 2).chars().rev().collect();
    take(text.chars(), room - end.width()) + mark + &end
}

fn take(letters: impl Iterator<Item = char>, width: usize) -> String {
    let mut left = width;
    letters
        .take_while(|letter| {
            let wide = letter.width().unwrap_or(0);
            let fits = wide <= left;
            left = left.saturating_sub(wide);
            fits
        })
        .collect()
}

/// The table's text: the names of its columns, then a row for each worktree.
pub(super) fn rows(record: &Record, plan: &Plan, look: Look) -> Vec<Vec<String>> {
    let page = Page { record, plan, look, detail: Detail::Normal };
    let rows: Vec<_> = (0..plan.worktrees.len()).collect();
    page.rows(&rows).iter().map(|cells| cells.iter().map(Cell::plain).collect()).collect()
}

/// The one line that sums up, without colours.
pub(super) fn summary(record: &Record, plan: &Plan) -> String {
    Page { record, plan, look: Look::PLAIN, detail: Detail::Normal }.summary()
}

struct Page<'a> {
    record: &'a Record,
    plan: &'a Plan,
    look: Look,
    detail: Detail,
}

impl Page<'_> {
    fn text(&self, width: Option<usize>) -> String {
        let mut text = String::new();
        let rows: Vec<WorktreeIndex> = (0..self.plan.worktrees.len())
            .filter(|row| self.detail > Detail::Quiet || self.is_at_fault(*row))
            .collect();
        if !rows.is_empty() {
            text.push_str(&self.table(&rows, width));
        }
        for unit in 0..self.plan.units() {
            if let Some(end) = self.end(unit) {
                self.below(unit, end, &mut text);
            }
        }
        if self.detail > Detail::Quiet || self.record.exit_code() != 0 {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&self.summary());
            text.push('\n');
        }
        text
    }

    fn end(&self, unit: UnitIndex) -> Option<&UnitEnd> {
        self.record.units[unit].end.as_deref()
    }

    fn ends(&self, row: WorktreeIndex) -> impl Iterator<Item = (UnitIndex, &UnitEnd)> {
        (0..self.plan.checks.len())
            .map(move |check| self.plan.unit(row, check))
            .filter_map(|unit| Some((unit, self.end(unit)?)))
    }

    fn is_at_fault(&self, row: WorktreeIndex) -> bool {
        self.ends(row).any(|(_, end)| !matches!(end.outcome, Outcome::Passed | Outcome::Skipped))
    }

    /// The names of the columns, then a row for each of these worktrees.
    fn rows(&self, rows: &[WorktreeIndex]) -> Vec<Vec<Cell>> {
        let names = self.names();
        let columns: Vec<_> = (0..self.plan.checks.len())
            .filter(|check| self.plan.checks[*check].check.kind != CheckKind::Status)
            .collect();
        let mut lines: Vec<Vec<Cell>> = Vec::new();
        let header = ["", "WORKTREE", "BRANCH", "STATE"].into_iter().map(str::to_owned);
        let checks = columns.iter().map(|check| self.plan.checks[*check].check.name.to_uppercase());
        lines.push(header.chain(checks).map(|name| Cell::of(Role::Header, name)).collect());
        for row in rows {
            let worktree = &self.plan.worktrees[*row];
            let mut cells = vec![
                self.sign(*row),
                Cell::of(Role::Worktree, names[*row].clone()),
                branch(worktree),
                self.state(*row),
            ];
            cells.extend(columns.iter().map(|check| self.outcome(self.plan.unit(*row, *check))));
            lines.push(cells);
        }
        lines
    }

    fn table(&self, rows: &[WorktreeIndex], width: Option<usize>) -> String {
        let lines = self.rows(rows);
        let mut widths: Vec<usize> =
            (0..lines[0].len()).map(|at| lines.iter().map(|cells| cells[at].width()).max().unwrap_or(0)).collect();
        if let Some(width) = width {
            fit(&mut widths, width);
        }
        let last = widths.len() - 1;
        let mut text = String::new();
        for cells in &lines {
            let drawn: Vec<_> = cells
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(at, (cell, width))| cell.draw(*width, at < last, self.look))
                .collect();
            let joined = drawn[0].clone() + " " + &drawn[1..].join("  ");
            text.push_str(joined.trim_end());
            text.push('\n');
        }
        text
    }

    /// Folder names; where two are the same, with the folder above.
    fn names(&self) -> Vec<String> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for worktree in &self.plan.worktrees {
            *seen.entry(&worktree.name).or_default() += 1;
        }
        let name = |worktree: &Worktree| {
            let above = worktree.path.parent().and_then(Path::file_name).filter(|_| seen[worktree.name.as_str()] > 1);
            let name = above.map_or_else(
                || worktree.name.clone(),
                |above| format!("{}/{}", above.to_string_lossy(), worktree.name),
            );
            sanitize::line(&name).into_owned()
        };
        self.plan.worktrees.iter().map(name).collect()
    }

    /// The worst of a worktree's outcomes.
    fn sign(&self, row: WorktreeIndex) -> Cell {
        let weight = |outcome: Outcome| match outcome {
            Outcome::Errored => 5,
            Outcome::Failed => 4,
            Outcome::TimedOut => 3,
            Outcome::Cancelled => 2,
            Outcome::Passed => 1,
            Outcome::Skipped => 0,
        };
        let worst = self.ends(row).map(|(_, end)| end.outcome).max_by_key(|outcome| weight(*outcome));
        worst.map_or_else(Cell::default, |worst| Cell::of(Look::role(worst), self.look.sign(worst)))
    }

    fn state(&self, row: WorktreeIndex) -> Cell {
        let worktree = &self.plan.worktrees[row];
        if let Some(obstacle) = &worktree.obstacle {
            let role = if obstacle.outcome == Outcome::Errored { Role::Bad } else { Role::Faint };
            return Cell::of(role, sanitize::line(&obstacle.reason));
        }
        let mut cell = Cell::default();
        let status = self
            .ends(row)
            .find(|(unit, _)| self.plan.checks[self.plan.check_of(*unit)].check.kind == CheckKind::Status);
        match status {
            Some((_, end)) if end.outcome == Outcome::Passed || !end.facts.is_empty() => {
                changes(&mut cell, &end.facts, self.look);
            }
            Some((_, end)) => cell.push(Look::role(end.outcome), end.outcome.words()),
            None => {}
        }
        if worktree.locked {
            cell.push(Role::Faint, "locked");
        }
        cell
    }

    /// A check's own column: its sign, and the one thing that one wants to know.
    fn outcome(&self, unit: UnitIndex) -> Cell {
        let Some(end) = self.end(unit) else { return Cell::default() };
        let mut cell = Cell::of(Look::role(end.outcome), self.look.sign(end.outcome));
        let kind = self.plan.checks[self.plan.check_of(unit)].check.kind;
        match (end.outcome, kind) {
            (Outcome::Passed, CheckKind::Diff) => {
                let (more, less) = (end.facts.int("insertions").unwrap_or(0), end.facts.int("deletions").unwrap_or(0));
                cell.push(Role::Good, format!("+{more}"));
                cell.push(Role::Bad, format!("-{less}"));
            }
            (Outcome::Passed, CheckKind::Log) => {
                if let (Some(age), Some(subject)) = (end.facts.int("age"), end.facts.text("subject")) {
                    cell.push(Role::Faint, format!("{:>3}", duration::ago(age)));
                    cell.push(Role::Plain, shorten(&sanitize::line(subject), 40, self.look));
                } else {
                    cell.push(Role::Faint, "no commit yet");
                }
            }
            (Outcome::Passed, _) => {
                cell.push(Role::Faint, duration::show(end.duration));
                let tried = self.record.units[unit].attempts.len();
                if tried > 1 {
                    cell.push(Role::Changed, format!("attempt {tried}"));
                }
            }
            (Outcome::Failed, _) => {
                let code = end.facts.int("exit_code").filter(|code| *code != 0);
                cell.push(Role::Bad, code.map_or_else(|| "failed".to_owned(), |code| format!("exit {code}")));
            }
            (Outcome::TimedOut, _) => cell.push(Role::Bad, "timeout"),
            (Outcome::Errored, _) if self.plan.obstacle(unit).is_none() => cell.push(Role::Bad, "error"),
            (Outcome::Cancelled, _) => cell.push(Role::Changed, "cancelled"),
            (Outcome::Errored | Outcome::Skipped, _) => {}
        }
        cell
    }

    /// What is told of a unit below the table.
    fn below(&self, unit: UnitIndex, end: &UnitEnd, text: &mut String) {
        let check = &self.plan.checks[self.plan.check_of(unit)].check;
        let worktree = &self.plan.worktrees[self.plan.worktree_of(unit)];
        let verbose = self.detail == Detail::Verbose;
        let attempts = &self.record.units[unit].attempts;
        let told = match end.outcome {
            Outcome::Failed | Outcome::TimedOut | Outcome::Errored => true,
            Outcome::Passed => verbose && (check.kind == CheckKind::Command || attempts.len() > 1),
            Outcome::Skipped | Outcome::Cancelled => verbose,
        };
        // What stands in the way of a whole worktree is told once, with its first check.
        let whole = worktree.obstacle.is_some();
        if !told || (whole && self.plan.check_of(unit) > 0) {
            return;
        }
        let name = sanitize::line(&worktree.name).into_owned();
        let mut line = if whole {
            self.look.paint(Role::Worktree, &name)
        } else {
            format!("{}: {}", self.look.paint(Role::Worktree, &name), check.name)
        };
        line.push_str(&format!(" {}", self.look.paint(Look::role(end.outcome), end.outcome.words())));
        if let Some(reason) = &end.reason {
            line.push_str(&format!(": {}", sanitize::line(reason)));
        }
        if attempts.len() > 1 {
            line.push_str(&format!(" (attempt {} of {})", attempts.len(), check.retries + 1));
        }
        if check.allow_failure && end.outcome.is_fault() {
            line.push_str(" (allowed to fail)");
        }
        if verbose && end.started.is_some() {
            line.push_str(&format!(" in {}", duration::show(end.duration)));
        }
        text.push_str(&format!("\n{line}\n"));
        if whole {
            return;
        }
        if let Some(command) = &check.command {
            let shown = sanitize::line(&command.shown()).into_owned();
            text.push_str(&format!("  {}\n", self.look.paint(Role::Faint, &format!("$ {shown}"))));
        }
        let Some(last) = attempts.last() else { return };
        for captured in [&last.stdout, &last.stderr].into_iter().flatten() {
            let lines = sanitize::lines(&captured.bytes);
            let most = if verbose { usize::MAX } else { OUTPUT_LINES };
            let left_out = lines.len().saturating_sub(most);
            if left_out > 0 || captured.truncated {
                let told = if captured.truncated {
                    "earlier output not kept".to_owned()
                } else {
                    format!("{left_out} more lines; -v shows all")
                };
                text.push_str(&format!("  {}\n", self.look.paint(Role::Faint, &format!("({told})"))));
            }
            for line in &lines[left_out..] {
                text.push_str(&format!("  {} {line}\n", self.look.paint(Role::Faint, "|")));
            }
        }
        if last.leaked {
            text.push_str(&format!(
                "  {}\n",
                self.look.paint(Role::Changed, "(it left processes behind, or its output held open)")
            ));
        }
    }

    fn summary(&self) -> String {
        let record = self.record;
        let count = |number: usize, one: &str, many: &str| {
            if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
        };
        let mut parts = vec![count(self.plan.worktrees.len(), "worktree", "worktrees")];
        let dirty = (0..self.plan.worktrees.len())
            .filter(|row| self.ends(*row).any(|(_, end)| end.facts.bool("dirty") == Some(true)))
            .count();
        if dirty > 0 {
            parts.push(self.look.paint(Role::Changed, &format!("{dirty} dirty")));
        }
        let mut units = Vec::new();
        for outcome in Outcome::ALL {
            let number = record.count(outcome);
            if number > 0 {
                units.push(self.look.paint(Look::role(outcome), &format!("{number} {}", outcome.words())));
            }
        }
        let mut line =
            format!("{}; checks: {} in {}", parts.join(", "), units.join(", "), duration::show(record.duration));
        match (record.signal, record.cause) {
            (Some(_), _) => line.push_str(&self.look.paint(Role::Bad, " (interrupted)")),
            (None, Some(Cause::Deadline)) => line.push_str(&self.look.paint(Role::Bad, " (global timeout)")),
            (None, Some(Cause::Faults | Cause::Signal(_))) => {
                line.push_str(&self.look.paint(Role::Bad, " (stopped at a failure)"));
            }
            (None, None) => {}
        }
        line
    }
}

fn branch(worktree: &Worktree) -> Cell {
    match (&worktree.branch, &worktree.head) {
        (Some(branch), _) => Cell::of(Role::Branch, sanitize::line(branch)),
        (None, Some(head)) => Cell::of(Role::Faint, format!("({})", head.get(..9).unwrap_or(head))),
        (None, None) => Cell::default(),
    }
}

/// `rebase`, then `clean` or `dirty` with its counts, then how it stands to its upstream, then what is stashed.
fn changes(cell: &mut Cell, facts: &Facts, look: Look) {
    let (ahead, behind, _) = look.marks();
    let counted =
        |name: &str, sign: &str| facts.int(name).filter(|count| *count > 0).map(|count| format!("{sign}{count}"));
    if let Some(operation) = facts.text("operation").filter(|operation| !operation.is_empty()) {
        cell.push(Role::Bad, operation);
    }
    match facts.bool("clean") {
        Some(true) => cell.push(Role::Good, "clean"),
        Some(false) => {
            cell.push(Role::Changed, "dirty");
            cell.push(Role::Bad, counted("conflicted", "!").unwrap_or_default());
            for (name, sign) in [("staged", "+"), ("unstaged", "~"), ("untracked", "?")] {
                cell.push(Role::Changed, counted(name, sign).unwrap_or_default());
            }
        }
        None => {}
    }
    cell.push(Role::Branch, counted("ahead", ahead).unwrap_or_default());
    cell.push(Role::Branch, counted("behind", behind).unwrap_or_default());
    cell.push(Role::Faint, counted("stash", "$").unwrap_or_default());
}

/// Makes the widest columns narrower until the row fits.
fn fit(widths: &mut [usize], width: usize) {
    let gaps = 2 * widths.len().saturating_sub(2) + 1;
    while widths.iter().sum::<usize>() + gaps > width {
        let Some(widest) = widths.iter_mut().filter(|width| **width > NARROWEST).max() else { return };
        *widest -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::palette::Palette;

    const LOOK: Look = Look::PLAIN;

    #[test]
    fn shortens_by_display_width_and_keeps_both_ends_of_a_name() {
        assert_eq!(shorten("feature/one-two-three", 12, LOOK), "featur\u{2026}three");
        assert_eq!(shorten("fix the parser", 8, LOOK), "fix the\u{2026}");
        assert_eq!(shorten("\u{4e16}\u{754c}\u{4e16}\u{754c}\u{4e16}\u{754c}\u{4e16}\u{754c}", 9, LOOK).width(), 9);
        assert_eq!(shorten("short", 5, LOOK), "short");
        for width in 0..30 {
            for text in
                ["feature/one-two-three-four", "\u{4e16}\u{754c}\u{4e16}\u{754c} \u{1f600}\u{1f600}", "a b c d e f g h"]
            {
                assert!(shorten(text, width, LOOK).width() <= width, "{text} in {width}");
            }
        }
    }

    #[test]
    fn fits_or_gives_up_at_the_narrowest() {
        let mut widths = [1, 30, 20, 10];
        fit(&mut widths, 40);
        assert_eq!(widths.iter().sum::<usize>() + 5, 40);
        fit(&mut widths, 10);
        assert_eq!(widths, [1, 8, 8, 8]);
    }
}
