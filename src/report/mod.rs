//! What people and machines are shown. Each report of a run is one file behind [`Reporter`], fed by the event stream;
//! what other commands show is a file that makes text of what they found out.

pub mod approvals;
mod cells;
mod conflicts;
mod critical_path;
mod draft;
mod estimate;
pub mod explanation;
pub mod git_colour;
pub mod github;
pub mod json;
pub mod junit;
mod links;
pub mod live;
pub mod markdown;
mod matrix;
mod named_file;
pub mod outlet;
pub mod plan;
pub mod porcelain;
mod risk;
pub mod screen;
pub mod settings;
pub mod setup;
pub mod style;
pub mod table;
pub mod target;
mod taskbar;
pub mod timings;

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use typed_index_collections::TiVec;

use crate::event::{Event, EventKind, UnitEnd};
use crate::model::id::{UnitId, WorktreeId};
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::Plan;
use crate::record::Record;
use crate::report::outlet::Outlet;
use crate::text::sanitize;

/// Shows a run. It gets every event after the record has; it cannot touch the run.
pub trait Reporter {
    /// Something happened.
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()>;

    /// Some time has passed: what moves may be drawn again. `now` counts from the run's start, as events do.
    fn tick(&mut self, _record: &Record, _now: Duration) -> io::Result<()> {
        Ok(())
    }

    /// Whether a run that cannot write this report must not look well.
    fn is_relied_on(&self) -> bool {
        true
    }

    /// The run is over, and the report's readers were waited for. Fails where something could not be written.
    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A report with the outlets that it writes to.
pub struct Sent<'a> {
    /// The report.
    pub reporter: Box<dyn Reporter + 'a>,
    /// All of its outlets.
    pub outlets: Vec<Outlet>,
}

impl Reporter for Sent<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        self.reporter.event(event, record)?;
        match event.kind {
            // Not later: the reader of another report may keep the program waiting.
            EventKind::RunFinished => self.outlets.iter().try_for_each(Outlet::finish),
            _ => Ok(()),
        }
    }

    fn tick(&mut self, record: &Record, now: Duration) -> io::Result<()> {
        self.reporter.tick(record, now)
    }

    fn is_relied_on(&self) -> bool {
        self.reporter.is_relied_on()
    }

    fn close(&mut self) -> io::Result<()> {
        self.outlets.iter().try_for_each(Outlet::close)
    }
}

/// All reports of a run, and the record that they look at.
pub struct Reports<'a> {
    /// What is known of the run.
    pub record: Record,
    reporters: Vec<Option<Box<dyn Reporter + 'a>>>,
    broken: Vec<io::Error>,
}

impl<'a> Reports<'a> {
    /// Reports over an empty record. `keep_output`: see [`Record::new`].
    pub fn new(reporters: Vec<Box<dyn Reporter + 'a>>, keep_output: bool) -> Self {
        Self {
            record: Record::new(keep_output),
            reporters: reporters.into_iter().map(Some).collect(),
            broken: Vec::new(),
        }
    }

    /// Takes an event in and passes it on.
    pub fn event(&mut self, event: &Event) {
        self.record.apply(event);
        self.each(|reporter, record| reporter.event(event, record));
    }

    /// Passes the time on.
    pub fn tick(&mut self, now: Duration) {
        self.each(|reporter, record| reporter.tick(record, now));
    }

    /// Calls each report. One that fails is not called again; the run goes on.
    fn each(&mut self, mut show: impl FnMut(&mut dyn Reporter, &Record) -> io::Result<()>) {
        for slot in &mut self.reporters {
            if let Some(reporter) = slot
                && let Err(error) = show(reporter.as_mut(), &self.record)
            {
                let is_relied_on = reporter.is_relied_on();
                *slot = None;
                if is_relied_on {
                    self.broken.push(error);
                }
            }
        }
    }

    /// What kept reports from writing, less what is no fault: a reader that has seen enough (`| head`), a terminal that
    /// is gone. On a disk, the same EIO is a fault: `to_terminal` tells them apart.
    pub fn finish(mut self, to_terminal: bool) -> (Record, Vec<io::Error>) {
        self.each(|reporter, _| reporter.close());
        let gone = |error: &io::Error| {
            error.kind() == ErrorKind::BrokenPipe
                || (to_terminal && error.raw_os_error() == Some(nix::errno::Errno::EIO as i32))
        };
        (self.record, self.broken.into_iter().filter(|error| !gone(error)).collect())
    }
}

/// Folder names, made safe; where two are the same, with the folder above.
fn names(plan: &Plan) -> TiVec<WorktreeId, String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for worktree in &plan.worktrees {
        *seen.entry(&worktree.name).or_default() += 1;
    }
    let name = |worktree: &Worktree| {
        let above = worktree.path.parent().and_then(Path::file_name).filter(|_| seen[worktree.name.as_str()] > 1);
        let above = above.map_or_else(String::new, |above| above.to_string_lossy().into_owned() + "/");
        sanitize::line(&(above + &worktree.name)).into_owned()
    };
    plan.worktrees.iter().map(name).collect()
}

/// Units that neither passed nor were skipped; of a worktree that cannot be checked, only the first.
fn notable<'a>(plan: &'a Plan, record: &'a Record) -> impl Iterator<Item = (UnitId, &'a UnitEnd)> {
    let ended = record.units.iter_enumerated().filter_map(|(unit, record)| Some((unit, record.end.as_deref()?)));
    ended.filter(|(unit, end)| {
        !matches!(end.outcome, Outcome::Passed | Outcome::Skipped) && !repeats_its_worktree(plan, *unit)
    })
}

/// Whether a unit only repeats what the first one of its worktree says: the worktree cannot be checked.
fn repeats_its_worktree(plan: &Plan, unit: UnitId) -> bool {
    let first = plan.units.of_worktree(plan.units[unit].worktree).next();
    plan.worktree(unit).obstacle.is_some() && first != Some(unit)
}

/// How a unit ended, in one line without escapes: `failed: exit status 3 (attempt 2 of 2) (allowed to fail)`.
fn came_to(plan: &Plan, record: &Record, unit: UnitId, end: &UnitEnd) -> String {
    let check = plan.check(unit);
    let mut text = end.outcome.words().to_owned();
    if let Some(reason) = &end.reason {
        text.push_str(&format!(": {}", sanitize::line(reason)));
    }
    let attempts = record.units[unit].attempts.len();
    if attempts > 1 {
        text.push_str(&format!(" (attempt {attempts} of {})", check.retries + 1));
    }
    if check.allow_failure && end.outcome.is_fault() {
        text.push_str(" (allowed to fail)");
    }
    text
}

/// The last lines of what a unit's last attempt printed, each made safe.
fn last_lines(record: &Record, unit: UnitId, most: usize) -> Vec<String> {
    let Some(last) = record.units[unit].attempts.last() else { return Vec::new() };
    let lines = |bytes: &[u8]| {
        let lines = sanitize::lines(bytes);
        let left_out = lines.len().saturating_sub(most);
        lines.into_iter().skip(left_out).collect::<Vec<_>>()
    };
    last.output().flat_map(|captured| lines(&captured.bytes)).collect()
}
