//! `--format json` and `--format jsonl`: the same objects, at the end or as they happen.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Serialize as Derive, ser::SerializeSeq};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::checks::CheckKind;
use crate::event::{Attempt, Event, EventKind, UnitEnd};
use crate::git::why::Why;
use crate::model::answer::{Captured, SourceId};
use crate::model::facts::Facts;
use crate::model::id::UnitId;
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::{Plan, PlannedCheck};
use crate::record::{Record, UnitRecord};
use crate::report::Reporter;
use crate::text::sanitize::is_unsafe;
use crate::text::{door, quote};

/// The version of the shape of the output: fields may be added under it, never renamed.
pub const SCHEMA_VERSION: u32 = 1;

/// Whether one document or a line for each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// One document when the run has ended.
    Document {
        /// Indented, for eyes.
        pretty: bool,
    },
    /// One line for each event, as it happens.
    Lines,
}

/// The report.
pub struct Json<'a> {
    out: Box<dyn Write + 'a>,
    stream: Stream,
    started_at: Timestamp,
}

impl<'a> Json<'a> {
    /// A report that goes to `out`.
    pub fn new(out: Box<dyn Write + 'a>, stream: Stream, started_at: Timestamp) -> Self {
        Self { out, stream, started_at }
    }

    fn line(&mut self, name: &str, at: Duration, body: impl Serialize) -> io::Result<()> {
        let mut text = Vec::new();
        let line = Line { schema_version: SCHEMA_VERSION, event: name, elapsed_ms: millis(at), body };
        write(&mut text, &line, false)?;
        door::raw(&mut self.out, &text)
    }
}

impl Reporter for Json<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        let Some(plan) = record.plan.clone() else { return Ok(()) };
        let plan = plan.as_ref();
        match (self.stream, &event.kind) {
            (Stream::Document { pretty }, EventKind::RunFinished) => {
                let mut text = Vec::new();
                write(&mut text, &Document { record, plan, started_at: self.started_at }, pretty)?;
                door::raw(&mut self.out, &text)
            }
            (Stream::Document { .. }, _) => Ok(()),
            (Stream::Lines, EventKind::RunStarted(_)) => {
                let body = RunStarted {
                    repository: repository(plan),
                    started_at: self.started_at.to_string(),
                    worktrees: plan.worktrees.iter().map(WorktreeFields::of).collect(),
                    checks: plan.checks.iter().map(CheckFields::of).collect(),
                    units: plan.units.len(),
                };
                self.line("run_started", event.at, body)
            }
            (Stream::Lines, EventKind::UnitStarted(unit)) => {
                self.line("unit_started", event.at, UnitName::of(plan, *unit))
            }
            (Stream::Lines, EventKind::AttemptFinished { unit, retry_in, .. }) => {
                // The record says what is kept of it.
                let Some(attempt) = record.units[*unit].attempts.last() else { return Ok(()) };
                let body = AttemptFinished {
                    name: UnitName::of(plan, *unit),
                    attempt: AttemptFields::of(attempt, plan.check(*unit).kind),
                    retry_in_ms: retry_in.map(millis),
                };
                self.line("attempt_finished", event.at, body)
            }
            (Stream::Lines, EventKind::UnitFinished { unit, end }) => {
                let worktree = plan.worktree(*unit).path.to_string_lossy();
                let fields = UnitFields::of(plan, *unit, &record.units[*unit], end);
                self.line("unit_finished", event.at, UnitFinished { worktree, fields })
            }
            (Stream::Lines, EventKind::RunFinished) => {
                self.line("run_finished", event.at, RunFinished { summary: Summary::of(record) })
            }
            (Stream::Lines, EventKind::AttemptStarted { .. } | EventKind::Cancelling(_) | EventKind::Suspending) => {
                Ok(())
            }
        }
    }
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[derive(Derive)]
struct Line<'a, T> {
    schema_version: u32,
    event: &'a str,
    elapsed_ms: f64,
    #[serde(flatten)]
    body: T,
}

/// A repository, for every machine format.
#[derive(Derive)]
pub struct Repository {
    common_dir: String,
}

/// The repository of a plan that has one.
pub fn repository(plan: &Plan) -> Option<Repository> {
    let common_dir = plan.repositories.first()?.common_dir.to_string_lossy().into_owned();
    Some(Repository { common_dir })
}

#[derive(Derive)]
struct RunStarted<'a> {
    repository: Option<Repository>,
    started_at: String,
    worktrees: Vec<WorktreeFields<'a>>,
    checks: Vec<CheckFields<'a>>,
    units: usize,
}

#[derive(Derive)]
struct CheckFields<'a> {
    check: &'a str,
    kind: CheckKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl<'a> CheckFields<'a> {
    fn of(planned: &'a PlannedCheck) -> Self {
        Self { check: &planned.check.name, kind: planned.check.kind, description: planned.check.description.as_deref() }
    }
}

/// A worktree without its units, for every machine format.
#[derive(Derive)]
pub struct WorktreeFields<'a> {
    path: std::borrow::Cow<'a, str>,
    name: &'a str,
    branch: Option<&'a str>,
    head: Option<&'a str>,
    main: bool,
    detached: bool,
    bare: bool,
    locked: bool,
    prunable: bool,
}

impl<'a> WorktreeFields<'a> {
    /// The fields of a worktree.
    pub fn of(worktree: &'a Worktree) -> Self {
        Self {
            path: worktree.path.to_string_lossy(),
            name: &worktree.name,
            branch: worktree.branch.as_deref(),
            head: worktree.head.as_deref(),
            main: worktree.main,
            detached: worktree.detached,
            bare: worktree.bare,
            locked: worktree.locked,
            prunable: worktree.prunable,
        }
    }
}

#[derive(Derive)]
struct UnitName<'a> {
    worktree: std::borrow::Cow<'a, str>,
    check: &'a str,
}

impl<'a> UnitName<'a> {
    fn of(plan: &'a Plan, unit: UnitId) -> Self {
        Self { worktree: plan.worktree(unit).path.to_string_lossy(), check: &plan.check(unit).name }
    }
}

#[derive(Derive)]
struct AttemptFinished<'a> {
    #[serde(flatten)]
    name: UnitName<'a>,
    attempt: AttemptFields,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<f64>,
}

#[derive(Derive)]
struct UnitFinished<'a> {
    worktree: std::borrow::Cow<'a, str>,
    #[serde(flatten)]
    fields: UnitFields<'a>,
}

#[derive(Derive)]
struct RunFinished {
    summary: Summary,
}

#[derive(Derive)]
struct AttemptFields {
    number: u32,
    outcome: Outcome,
    started_ms: f64,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaked: Option<bool>,
}

impl AttemptFields {
    fn of(attempt: &Attempt, kind: CheckKind) -> Self {
        let text = |captured: &Captured| String::from_utf8_lossy(&captured.bytes).into_owned();
        let is_kept = attempt.output().next().is_some();
        Self {
            number: attempt.number,
            outcome: attempt.outcome,
            started_ms: millis(attempt.started),
            duration_ms: millis(attempt.duration),
            reason: attempt.reason.clone(),
            exit_code: attempt.exit_code().filter(|_| !kind.is_built_in() || attempt.outcome != Outcome::Passed),
            signal: attempt.signal(),
            stdout: attempt.stdout().map(text),
            stderr: attempt.stderr().map(text),
            truncated: is_kept.then(|| attempt.output().any(|captured| captured.truncated)),
            leaked: (is_kept || attempt.has_leaked()).then_some(attempt.has_leaked()),
        }
    }
}

/// A unit that has ended.
#[derive(Derive)]
struct UnitFields<'a> {
    check: &'a str,
    kind: CheckKind,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    allow_failure: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a Facts>,
    attempts: Vec<AttemptFields>,
}

impl<'a> UnitFields<'a> {
    fn of(plan: &'a Plan, unit: UnitId, record: &'a UnitRecord, end: &'a UnitEnd) -> Self {
        let check = plan.check(unit);
        Self {
            check: &check.name,
            kind: check.kind,
            outcome: end.outcome,
            reason: end.reason.as_deref(),
            allow_failure: check.allow_failure,
            started_ms: end.started.map(millis),
            duration_ms: end.started.map(|_| millis(end.duration)),
            facts: (!end.facts.is_empty()).then_some(&end.facts),
            source: record.attempts.last().map(|last| last.source),
            asked: record.attempts.last().and_then(|last| last.asked).map(Why::words),
            attempts: record.attempts.iter().map(|attempt| AttemptFields::of(attempt, check.kind)).collect(),
        }
    }
}

#[derive(Derive)]
struct Summary {
    worktrees: usize,
    passed: usize,
    failed: usize,
    timed_out: usize,
    errored: usize,
    skipped: usize,
    cancelled: usize,
    exit_code: u8,
}

impl Summary {
    fn of(record: &Record) -> Self {
        Self {
            worktrees: record.plan.as_ref().map_or(0, |plan| plan.worktrees.len()),
            passed: record.count(Outcome::Passed),
            failed: record.count(Outcome::Failed),
            timed_out: record.count(Outcome::TimedOut),
            errored: record.count(Outcome::Errored),
            skipped: record.count(Outcome::Skipped),
            cancelled: record.count(Outcome::Cancelled),
            exit_code: record.exit_code(),
        }
    }
}

/// The document, written without a second copy of the record in memory.
struct Document<'a> {
    record: &'a Record,
    plan: &'a Plan,
    started_at: Timestamp,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema_version", &SCHEMA_VERSION)?;
        map.serialize_entry("repository", &repository(self.plan))?;
        map.serialize_entry("started_at", &self.started_at.to_string())?;
        map.serialize_entry("duration_ms", &millis(self.record.duration))?;
        map.serialize_entry("worktrees", &Worktrees(self))?;
        map.serialize_entry("summary", &Summary::of(self.record))?;
        map.end()
    }
}

struct Worktrees<'a>(&'a Document<'a>);

impl Serialize for Worktrees<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Derive)]
        struct Row<'a> {
            #[serde(flatten)]
            worktree: WorktreeFields<'a>,
            checks: Vec<UnitFields<'a>>,
        }
        let Document { record, plan, .. } = self.0;
        let mut rows = serializer.serialize_seq(Some(plan.worktrees.len()))?;
        for (id, worktree) in plan.worktrees.iter_enumerated() {
            let unit = |unit: UnitId| {
                let record = &record.units[unit];
                Some(UnitFields::of(plan, unit, record, record.end.as_ref()?))
            };
            rows.serialize_element(&Row {
                worktree: WorktreeFields::of(worktree),
                checks: plan.units.of_worktree(id).filter_map(unit).collect(),
            })?;
        }
        rows.end()
    }
}

/// Writes a value and a line feed. What a terminal could take for a command stays escaped, so that JSON can be looked
/// at raw.
pub fn write(out: &mut Vec<u8>, value: &impl Serialize, pretty: bool) -> io::Result<()> {
    if pretty {
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Escaping(PrettyFormatter::new())))?;
    } else {
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Escaping(CompactFormatter)))?;
    }
    out.push(b'\n');
    Ok(())
}

struct Escaping<F>(F);

macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*);)+) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })+
    };
}

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unsafe) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut letters = from.chars();
            writer.write_all(quote::json(letters.next().unwrap_or_default()).as_bytes())?;
            rest = letters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    forward! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_terminal_would_obey_and_reads_back_the_same() {
        let text = "a\u{9b}31m\u{202e}\u{7f}\n\u{1f600}\"";
        for pretty in [false, true] {
            let mut out = Vec::new();
            write(&mut out, &[text], pretty).expect("memory does not refuse");
            let shown = String::from_utf8(out).expect("UTF-8");
            assert!(!shown.trim_end().replace('\n', "").contains(is_unsafe), "{shown:?}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&shown).expect("JSON"), [text]);
        }
    }
}
