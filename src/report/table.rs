//! The report for people: a row for each worktree, below it what did not pass, and one line that sums up.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use typed_index_collections::TiSlice;

use crate::checks::{CONFLICTS, Check, CheckKind, DIFF, LOG, RISK, STATUS};
use crate::event::{Cause, Event, EventKind, UnitEnd};
use crate::model::facts::Facts;
use crate::model::id::{CheckId, UnitId, WorktreeId};
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::Plan;
use crate::record::Record;
use crate::record::worktree::state;
use crate::report::cells::{Cell, Give, fit, shorten, total, widths};
use crate::report::style::{Look, Role};
use crate::report::{Reporter, conflicts, links, matrix, names, repeats_its_worktree, risk};
use crate::terminal::Width;
use crate::text::door;
use crate::text::duration;
use crate::text::plural;
use crate::text::sanitize;

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
/// Names and branches keep so many columns while others can still give way.
const NAMES: usize = 8;
/// Columns of a subject: it is cut at the most, and left out where there is no room for the least.
const SUBJECT: std::ops::RangeInclusive<usize> = 12..=72;
/// Where names and branches stand in a row.
const NAME: usize = 1;
const BRANCH: usize = 2;
const STATE: usize = 3;
/// Columns of the reason why there is no state that are kept before anything else gives way.
const REASON: usize = 24;
/// The columns before those of the checks.
const FIRST_CHECK: usize = 4;

/// The report.
pub struct Table<'a> {
    out: Box<dyn Write + 'a>,
    look: Look,
    detail: Detail,
    width: Width,
    links: bool,
    directory: PathBuf,
}

impl<'a> Table<'a> {
    /// A report that goes to `out`, fitted into the width that there is when the run ends.
    pub fn new(out: Box<dyn Write + 'a>, look: Look, detail: Detail, width: Width) -> Self {
        Self { out, look, detail, width, links: false, directory: PathBuf::new() }
    }

    /// This report with links on the names and paths of worktrees, or without.
    #[must_use]
    pub fn linked(self, links: bool) -> Self {
        Self { links, ..self }
    }

    /// This report for somebody who stands in a folder: paths are relative to it.
    #[must_use]
    pub fn seen_from(self, directory: &Path) -> Self {
        Self { directory: directory.to_owned(), ..self }
    }
}

impl Reporter for Table<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        if !matches!(event.kind, EventKind::RunFinished) {
            return Ok(());
        }
        let Some(plan) = record.plan.clone() else { return Ok(()) };
        let Self { look, detail, links, directory, .. } = &*self;
        let page = Page { record, plan: &plan, look: *look, detail: *detail, links: *links, directory };
        let text = page.text(self.width.columns());
        door::put(&mut self.out, &text)
    }
}

/// The table's text: the names of its columns, then a row for each worktree.
pub(super) fn rows(record: &Record, plan: &Plan, look: Look) -> Vec<Vec<String>> {
    let page = Page { record, plan, look, detail: Detail::Normal, links: false, directory: Path::new("") };
    let rows: Vec<_> = plan.worktrees.keys().collect();
    page.rows(&rows).iter().map(|cells| cells.iter().map(Cell::plain).collect()).collect()
}

/// The one line that sums up, without colours.
pub(super) fn summary(record: &Record, plan: &Plan) -> String {
    let directory = Path::new("");
    Page { record, plan, look: Look::PLAIN, detail: Detail::Normal, links: false, directory }.summary()
}

struct Page<'a> {
    record: &'a Record,
    plan: &'a Plan,
    look: Look,
    detail: Detail,
    links: bool,
    directory: &'a Path,
}

impl Page<'_> {
    fn text(&self, width: Option<usize>) -> String {
        let mut text = String::new();
        let rows: Vec<WorktreeId> =
            (self.plan.worktrees.keys()).filter(|row| self.detail > Detail::Quiet || self.is_at_fault(*row)).collect();
        let names = names(self.plan);
        let matrix = || matrix::draw(self.record, self.plan, &names, self.look, width);
        if let Some(matrix) = (self.detail > Detail::Quiet).then(matrix).flatten() {
            text.push_str(&matrix);
        } else if !rows.is_empty() {
            text.push_str(&self.table(&rows, width));
        }
        let mut was_line = false;
        for entry in self.plan.units.ids().filter_map(|unit| self.below(&names, unit, self.end(unit)?)) {
            let is_line = entry.lines().count() == 1;
            // Single lines stand together; what has output below it stands apart.
            if !(was_line && is_line) {
                text.push('\n');
            }
            text.push_str(&entry);
            was_line = is_line;
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

    fn end(&self, unit: UnitId) -> Option<&UnitEnd> {
        self.record.units[unit].end.as_deref()
    }

    fn ends(&self, row: WorktreeId) -> impl Iterator<Item = (UnitId, &UnitEnd)> {
        self.plan.units.of_worktree(row).filter_map(|unit| Some((unit, self.end(unit)?)))
    }

    fn is_at_fault(&self, row: WorktreeId) -> bool {
        self.ends(row).any(|(_, end)| !matches!(end.outcome, Outcome::Passed | Outcome::Skipped))
    }

    /// The checks that have a column of their own; what `status` found is the column STATE.
    fn columns(&self) -> impl Iterator<Item = CheckId> {
        self.plan.checks.keys().filter(|check| self.plan.checks[*check].check.kind != STATUS)
    }

    /// The names of the columns, then a row for each of these worktrees.
    fn rows(&self, rows: &[WorktreeId]) -> Vec<Vec<Cell>> {
        let names = names(self.plan);
        let mut lines: Vec<Vec<Cell>> = Vec::new();
        let header = ["", "WORKTREE", "BRANCH", "STATE"].into_iter().map(str::to_owned);
        let checks = self.columns().map(|check| sanitize::line(&self.plan.checks[check].check.name).to_uppercase());
        lines.push(header.chain(checks).map(|name| Cell::of(Role::Header, name)).collect());
        for row in rows {
            let worktree = &self.plan.worktrees[*row];
            let mut cells = vec![
                self.sign(*row),
                Cell {
                    link: self.links.then(|| worktree.path.clone()),
                    ..Cell::of(Role::Worktree, names[*row].clone())
                },
                branch(worktree),
                self.state(*row),
            ];
            cells.extend(self.columns().map(|check| self.outcome(self.plan.units.at(*row, check))));
            lines.push(cells);
        }
        lines
    }

    fn table(&self, rows: &[WorktreeId], width: Option<usize>) -> String {
        let mut lines = self.rows(rows);
        let widths = match width {
            Some(width) => self.fitted(rows, &mut lines, width),
            None => widths(&lines),
        };
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

    /// Makes the rows fit, what tells least first: subjects, then the numbers of diffs, then the middle of branches and
    /// of names.
    fn fitted(&self, rows: &[WorktreeId], lines: &mut [Vec<Cell>], width: usize) -> Vec<usize> {
        let kinds: Vec<_> = self.columns().map(|check| self.plan.checks[check].check.kind).collect();
        let mut columns = widths(lines);
        // The long reason of one worktree that cannot be checked must not take the subjects from all others.
        let states = rows.iter().zip(&lines[1..]).filter(|(row, _)| self.plan.worktrees[**row].obstacle.is_none());
        let states = states.map(|(_, cells)| cells[STATE].width()).max().unwrap_or(0).max(REASON);
        let over = total(&columns).saturating_sub(width);
        columns[STATE] = columns[STATE].saturating_sub(over).max(states.min(columns[STATE]));
        for kind in [LOG, DIFF] {
            for at in (FIRST_CHECK..columns.len()).rev().filter(|at| kinds[*at - FIRST_CHECK] == kind) {
                let over = total(&columns).saturating_sub(width);
                let without = |cell: &Cell| {
                    let mut cell = cell.clone();
                    cell.shed();
                    cell.width()
                };
                let bare = lines.iter().map(|cells| without(&cells[at])).max().unwrap_or(0);
                if over == 0 {
                    return columns;
                }
                let left = columns[at].saturating_sub(over);
                if kind == LOG && left > bare + SUBJECT.start() {
                    columns[at] = left;
                } else {
                    for cells in lines.iter_mut() {
                        cells[at].shed();
                    }
                    columns[at] = bare;
                }
            }
        }
        for at in [BRANCH, NAME] {
            let over = total(&columns).saturating_sub(width);
            columns[at] = columns[at].saturating_sub(over).max(NAMES.min(columns[at]));
        }
        let give = |kind: &CheckKind| if *kind == LOG { Give::Words } else { Give::Outcome };
        let first = [Give::State, Give::Words, Give::Words, Give::State];
        let gives: Vec<Give> = first.into_iter().chain(kinds.iter().map(give)).collect();
        fit(&mut columns, &gives, width);
        columns
    }

    /// The worst of a worktree's outcomes.
    fn sign(&self, row: WorktreeId) -> Cell {
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

    fn state(&self, row: WorktreeId) -> Cell {
        let worktree = &self.plan.worktrees[row];
        if let Some(obstacle) = &worktree.obstacle {
            let role = if obstacle.outcome == Outcome::Errored { Role::Bad } else { Role::Faint };
            return Cell::of(role, sanitize::line(&obstacle.reason));
        }
        let mut cell = Cell::default();
        let state = state(self.record, self.plan, row);
        match (state.facts, state.unanswered) {
            (Some(facts), _) => changes(&mut cell, state.clean, facts, self.look),
            (None, Some(outcome)) => cell.push(Look::role(outcome), outcome.words()),
            (None, None) => {}
        }
        if worktree.locked {
            cell.push(Role::Faint, "locked");
        }
        cell
    }

    /// A check's own column: its sign, and the one thing that one wants to know.
    fn outcome(&self, unit: UnitId) -> Cell {
        let Some(end) = self.end(unit) else { return Cell::default() };
        let mut cell = Cell::of(Look::role(end.outcome), self.look.sign(end.outcome));
        let kind = self.plan.check(unit).kind;
        match (end.outcome, kind) {
            // Only files that git does not track: there is nothing to count.
            (Outcome::Passed, kind) if kind == DIFF && end.facts.int("files") == Some(0) => {}
            (Outcome::Passed, kind) if kind == DIFF => {
                cell.spare();
                match (end.facts.int("insertions"), end.facts.int("deletions")) {
                    (Some(more), Some(less)) => {
                        cell.push(Role::Good, format!("+{more}"));
                        cell.push(Role::Bad, format!("-{less}"));
                    }
                    // Asked, and not to be known here: no number says so.
                    _ => cell.push(Role::Changed, "unknown"),
                }
            }
            (Outcome::Passed, kind) if kind == LOG => {
                if let (Some(age), Some(subject)) = (end.facts.int("age"), end.facts.text("subject")) {
                    cell.push(Role::Faint, format!("{:>3}", duration::ago(age)));
                    cell.spare();
                    cell.push(Role::Plain, shorten(&sanitize::line(subject), *SUBJECT.end(), self.look));
                } else {
                    cell.spare();
                    cell.push(Role::Faint, "no commit yet");
                }
            }
            (Outcome::Passed, kind) if kind == RISK => risk::say(&mut cell, &end.facts),
            (Outcome::Passed, kind) if kind == CONFLICTS => conflicts::say(&mut cell, &end.facts),
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
    fn below(&self, names: &TiSlice<WorktreeId, String>, unit: UnitId, end: &UnitEnd) -> Option<String> {
        let check = self.plan.check(unit);
        let worktree = self.plan.worktree(unit);
        let verbose = self.detail == Detail::Verbose;
        let attempts = &self.record.units[unit].attempts;
        let told = match end.outcome {
            Outcome::Failed | Outcome::TimedOut | Outcome::Errored => true,
            Outcome::Passed | Outcome::Skipped | Outcome::Cancelled => verbose,
        };
        // What stands in the way of a whole worktree is told once, with its first check.
        let whole = worktree.obstacle.is_some();
        if !told || repeats_its_worktree(self.plan, unit) {
            return None;
        }
        let name = &names[self.plan.units[unit].worktree];
        let mut line = if whole {
            self.look.paint(Role::Worktree, name)
        } else {
            format!("{}: {}", self.look.paint(Role::Worktree, name), sanitize::line(&check.name))
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
        if let Some(why) = attempts.last().and_then(|last| last.asked).filter(|_| verbose) {
            line.push_str(&format!(" (git was asked: {})", why.words()));
        }
        let mut text = line + "\n";
        if whole {
            return Some(text);
        }
        if let Some(command) = &check.command {
            let shown = self.look.paint(Role::Faint, &format!("$ {}", sanitize::line(&command.shown())));
            text.push_str(&format!("  {} {shown}\n", self.place(worktree, check)));
        }
        let Some(last) = attempts.last() else { return Some(text) };
        for captured in last.output() {
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
        if last.has_leaked() {
            text.push_str(&format!(
                "  {}\n",
                self.look.paint(Role::Changed, "(it left processes behind, or its output held open)")
            ));
        }
        Some(text)
    }

    /// The folder in which a command ran, as one would type it from here.
    fn place(&self, worktree: &Worktree, check: &Check) -> String {
        let path = check.dir.as_ref().map_or_else(|| worktree.path.clone(), |dir| worktree.path.join(dir));
        let relative = pathdiff::diff_paths(&path, self.directory);
        let shown = match &relative {
            Some(here) if here.as_os_str().is_empty() => Path::new("."),
            // From far away, the way from the top is the shorter one.
            Some(relative) if relative.as_os_str().len() < path.as_os_str().len() => relative,
            _ => &path,
        };
        let shown = self.look.paint(Role::Faint, &sanitize::line(&shown.to_string_lossy()));
        if self.links { links::linked(&shown, &path) } else { shown }
    }

    fn summary(&self) -> String {
        let record = self.record;
        let mut parts = vec![plural::count(self.plan.worktrees.len(), "worktree", "worktrees")];
        let dirty =
            self.plan.worktrees.keys().filter(|row| state(self.record, self.plan, *row).clean == Some(false)).count();
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
        // Whether all is well, as the exit status has it.
        let whole = if record.exit_code() == 0 {
            Outcome::Passed
        } else if Outcome::ALL.iter().any(|outcome| outcome.is_fault() && record.count(*outcome) > 0) {
            Outcome::Failed
        } else {
            Outcome::Cancelled
        };
        let mut line = format!(
            "{} {}; checks: {} in {}",
            self.look.paint(Look::role(whole), self.look.sign(whole)),
            parts.join(", "),
            units.join(", "),
            duration::show(record.duration)
        );
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
    match (&worktree.branch, &worktree.returns_to, &worktree.head) {
        (Some(branch), ..) => Cell::of(Role::Branch, sanitize::line(branch)),
        (None, Some(branch), _) => Cell::of(Role::Faint, format!("({})", sanitize::line(branch))),
        (None, None, Some(head)) => Cell::of(Role::Faint, format!("({})", head.get(..9).unwrap_or(head))),
        (None, None, None) => Cell::default(),
    }
}

/// `rebase`, then `clean` or `dirty` with its counts, then how it stands to its upstream, then what is stashed.
fn changes(cell: &mut Cell, clean: Option<bool>, facts: &Facts, look: Look) {
    let (ahead, behind, _) = look.marks();
    let counted =
        |name: &str, sign: &str| facts.int(name).filter(|count| *count > 0).map(|count| format!("{sign}{count}"));
    if let Some(operation) = facts.text("operation").filter(|operation| !operation.is_empty()) {
        cell.push(Role::Bad, operation);
    }
    match clean {
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
