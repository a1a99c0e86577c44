//! `--format junit`: a test suite for each worktree, a test case for each unit, as servers of continuous integration
//! read them.

use std::io::{self, Write};

use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use crate::event::{Attempt, Event, EventKind, UnitEnd};
use crate::model::answer::Captured;
use crate::model::id::{UnitId, WorktreeId};
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Record;
use crate::report::{Reporter, came_to};
use crate::text::door;
use crate::text::duration;
use crate::text::sanitize;

/// The report.
pub struct Junit<'a> {
    out: Box<dyn Write + 'a>,
    started_at: Timestamp,
}

impl<'a> Junit<'a> {
    /// A report that goes to `out`.
    pub fn new(out: Box<dyn Write + 'a>, started_at: Timestamp) -> Self {
        Self { out, started_at }
    }

    fn suite(&self, record: &Record, plan: &Plan, row: WorktreeId) -> TestSuite {
        let worktree = &plan.worktrees[row];
        let mut suite = TestSuite::new(line(&worktree.name));
        suite.extra.insert("timestamp".into(), self.started_at.to_string().into());
        suite.add_property(Property::new("path", line(&worktree.path.to_string_lossy())));
        for (name, value) in [("branch", &worktree.branch), ("head", &worktree.head)] {
            if let Some(value) = value {
                suite.add_property(Property::new(name, line(value)));
            }
        }
        for unit in plan.units.of_worktree(row) {
            if let Some(end) = record.units[unit].end.as_deref() {
                suite.add_test_case(Self::case(record, plan, unit, end));
            }
        }
        suite
    }

    fn case(record: &Record, plan: &Plan, unit: UnitId, end: &UnitEnd) -> TestCase {
        let attempts = &record.units[unit].attempts;
        let mut status = status(record, plan, unit, end);
        let earlier = attempts.split_last().map_or([].as_slice(), |(_, earlier)| earlier);
        status.add_reruns(earlier.iter().map(|attempt| rerun(attempt)));
        let mut case = TestCase::new(line(&plan.check(unit).name), status);
        case.set_classname(line(&plan.worktree(unit).name));
        if end.started.is_some() {
            case.set_time(end.duration);
        }
        if let Some(last) = attempts.last() {
            if let Some(text) = output(last.stdout()) {
                case.set_system_out(text);
            }
            if let Some(text) = output(last.stderr()) {
                case.set_system_err(text);
            }
        }
        case
    }
}

impl Reporter for Junit<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        if !matches!(event.kind, EventKind::RunFinished) {
            return Ok(());
        }
        let Some(plan) = record.plan.as_deref() else { return Ok(()) };
        let mut report = Report::new("git wtcheck");
        report.set_time(record.duration);
        report.add_test_suites(plan.worktrees.keys().map(|row| self.suite(record, plan, row)));
        let text = report.to_string().map_err(io::Error::other)?;
        // The library counts what was skipped on the outermost element too, where the schema of Jenkins has no such
        // thing.
        let text = text.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1);
        door::raw(&mut self.out, text.as_bytes())
    }
}

/// What is allowed to fail is no failure to a server that would mail somebody: it stands as skipped, and says what it
/// came to.
fn status(record: &Record, plan: &Plan, unit: UnitId, end: &UnitEnd) -> TestCaseStatus {
    let allowed = plan.check(unit).allow_failure;
    let mut status = match end.outcome {
        Outcome::Passed => return TestCaseStatus::success(),
        Outcome::Skipped => TestCaseStatus::skipped(),
        Outcome::Failed | Outcome::TimedOut | Outcome::Errored | Outcome::Cancelled if allowed => {
            TestCaseStatus::skipped()
        }
        other => TestCaseStatus::non_success(kind(other)),
    };
    let message = match (end.outcome, &end.reason) {
        (Outcome::Skipped, Some(reason)) => line(reason),
        _ => line(&came_to(plan, record, unit, end)),
    };
    status.set_message(message);
    status.set_type(end.outcome.name());
    status
}

/// A failure is an answer; where there is no answer, that is an error.
const fn kind(outcome: Outcome) -> NonSuccessKind {
    match outcome {
        Outcome::Failed | Outcome::TimedOut => NonSuccessKind::Failure,
        Outcome::Passed | Outcome::Errored | Outcome::Skipped | Outcome::Cancelled => NonSuccessKind::Error,
    }
}

fn rerun(attempt: &Attempt) -> TestRerun {
    let mut rerun = TestRerun::new(kind(attempt.outcome));
    rerun.set_type(attempt.outcome.name());
    // There is no place for a time of its own: the schema of Jenkins has none.
    let reason = line(attempt.reason.as_deref().unwrap_or(attempt.outcome.words()));
    rerun.set_message(format!("{reason} (in {})", duration::show(attempt.duration)));
    if let Some(text) = output(attempt.stdout()) {
        rerun.set_system_out(text);
    }
    if let Some(text) = output(attempt.stderr()) {
        rerun.set_system_err(text);
    }
    rerun
}

fn output(captured: Option<&Captured>) -> Option<String> {
    captured.map(|captured| allowed(&sanitize::lines(&captured.bytes).join("\n")))
}

/// One line: an attribute's line feed would come back as a space.
fn line(text: &str) -> String {
    allowed(&sanitize::line(text))
}

/// Text of the characters that XML allows. (Controls are gone already.)
fn allowed(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
