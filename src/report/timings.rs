//! `--timings`: a page that shows when each attempt ran, and what the run's end waited for.
//!
//! What is measured and what follows from it are worked out here; the page, `timings.html`, only draws them.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::{Attempt, Event, EventKind};
use crate::git::why::Why as Asked;
use crate::model::id::UnitId;
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Record;
use crate::report::Reporter;
use crate::report::critical_path::{self, Follows, Link, Step, Why};
use crate::text::door;
use crate::text::quote;
use crate::text::sanitize;

/// The page, which has its data where [`HERE`] stands.
const PAGE: &str = include_str!("timings.html");
const HERE: &str = "@data@";

/// The report.
pub struct Timings<'a> {
    out: Box<dyn Write + 'a>,
    started_at: Timestamp,
    /// When the next attempt was due, by a unit and the number of the attempt before.
    due: HashMap<(UnitId, u32), Duration>,
    /// When a unit ended.
    ended: HashMap<UnitId, Duration>,
}

impl<'a> Timings<'a> {
    /// A report that goes to `out`.
    pub fn new(out: Box<dyn Write + 'a>, started_at: Timestamp) -> Self {
        Self { out, started_at, due: HashMap::new(), ended: HashMap::new() }
    }

    /// What each attempt followed.
    fn links(&self, plan: &Plan, attempts: &[(UnitId, &Attempt)]) -> Vec<Link> {
        let mut known: HashMap<UnitId, Vec<usize>> = HashMap::new();
        for (index, (unit, _)) in attempts.iter().enumerate() {
            known.entry(*unit).or_default().push(index);
        }
        let follows = |unit: UnitId, attempt: &Attempt| {
            if attempt.number > 1 {
                let earlier =
                    known.get(&unit)?.iter().find(|index| attempts[**index].1.number + 1 == attempt.number)?;
                let ready = self.due.get(&(unit, attempt.number - 1)).copied();
                let ready = ready.unwrap_or_else(|| end(attempts[*earlier].1));
                return Some(Follows { link: *earlier, why: Why::Retry, ready });
            }
            let mut awaited = Vec::new();
            prerequisites(plan, unit, &known, &mut awaited);
            let link = awaited.into_iter().max_by_key(|index| end(attempts[*index].1))?;
            let ready = self.ended.get(&attempts[link].0).copied().unwrap_or_else(|| end(attempts[link].1));
            Some(Follows { link, why: Why::Needs, ready })
        };
        let link = |(unit, attempt): &(UnitId, &Attempt)| Link {
            start: attempt.started,
            end: end(attempt),
            follows: follows(*unit, attempt),
        };
        attempts.iter().map(link).collect()
    }

    fn page(&self, record: &Record, plan: &Plan) -> String {
        let units = &record.units;
        let attempts: Vec<(UnitId, &Attempt)> = units
            .iter_enumerated()
            .flat_map(|(unit, record)| record.attempts.iter().map(move |one| (unit, one.as_ref())))
            .collect();
        let spans: Vec<_> = attempts.iter().map(|(_, attempt)| (attempt.started, end(attempt))).collect();
        let path = critical_path::critical(&self.links(plan, &attempts));
        let bars = attempts.iter().zip(critical_path::places(&spans)).map(|((unit, attempt), place)| Bar {
            worktree: plan.units[*unit].worktree.into(),
            check: plan.units[*unit].check.into(),
            place,
            number: attempt.number,
            start: millis(attempt.started),
            end: millis(end(attempt)),
            outcome: attempt.outcome.name(),
            reason: attempt.reason.as_deref().map(safe),
            source: attempt.source.name(),
            asked: attempt.asked.map(Asked::words),
            due: self.due.get(&(*unit, attempt.number)).map(|due| millis(*due)),
        });
        let data = Data {
            repository: plan
                .repositories
                .iter()
                .map(|one| safe(&one.common_dir.to_string_lossy()))
                .collect::<Vec<_>>()
                .join(", "),
            started_at: self.started_at.to_string(),
            duration: millis(record.duration),
            places: plan.max_concurrency,
            exit_code: record.exit_code(),
            outcomes: Outcome::ALL.iter().map(|outcome| (outcome.name(), record.count(*outcome))).collect(),
            worktrees: plan.worktrees.iter().map(|worktree| safe(&worktree.name)).collect(),
            checks: plan.checks.iter().map(|planned| safe(&planned.check.name)).collect(),
            attempts: bars.collect(),
            units: units.keys().filter_map(|unit| Row::of(record, plan, unit)).collect(),
            path: path.into_iter().map(PathStep::of).collect(),
        };
        PAGE.replacen(HERE, &in_script(&data), 1)
    }
}

impl Reporter for Timings<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        match &event.kind {
            EventKind::AttemptFinished { unit, attempt, retry_in: Some(wait) } => {
                self.due.insert((*unit, attempt.number), event.at + *wait);
            }
            EventKind::UnitFinished { unit, .. } => {
                self.ended.insert(*unit, event.at);
            }
            EventKind::RunFinished => {
                let Some(plan) = record.plan.as_deref() else { return Ok(()) };
                let page = self.page(record, plan);
                return door::raw(&mut self.out, page.as_bytes());
            }
            _ => {}
        }
        Ok(())
    }
}

/// The last attempts that a unit waited for. A prerequisite that never ran passes on what it waited for itself.
fn prerequisites(plan: &Plan, unit: UnitId, known: &HashMap<UnitId, Vec<usize>>, found: &mut Vec<usize>) {
    for prerequisite in &plan.planned(unit).prerequisites {
        let other = plan.units.beside(unit, prerequisite.check);
        match known.get(&other).and_then(|attempts| attempts.last()) {
            Some(last) => found.push(*last),
            None => prerequisites(plan, other, known, found),
        }
    }
}

fn end(attempt: &Attempt) -> Duration {
    attempt.started + attempt.duration
}

/// Milliseconds with three decimals: finer is noise.
fn millis(length: Duration) -> f64 {
    (length.as_secs_f64() * 1e6).round() / 1e3
}

fn safe(text: &str) -> String {
    sanitize::line(text).into_owned()
}

/// JSON for a script element, which nothing in it can end: what HTML or JavaScript would read is written as an escape.
fn in_script(data: &Data) -> String {
    let json = serde_json::to_string(data).unwrap_or_default();
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            letter if "<>&".contains(letter) || sanitize::is_unsafe(letter) => text.push_str(&quote::json(letter)),
            letter => text.push(letter),
        }
    }
    text
}

/// What the page draws. Times are milliseconds from the run's start; worktrees and checks are named by their place in
/// the lists.
#[derive(Serialize)]
struct Data {
    repository: String,
    started_at: String,
    duration: f64,
    places: usize,
    exit_code: u8,
    outcomes: Vec<(&'static str, usize)>,
    worktrees: Vec<String>,
    checks: Vec<String>,
    attempts: Vec<Bar>,
    units: Vec<Row>,
    path: Vec<PathStep>,
}

/// An attempt.
#[derive(Serialize)]
struct Bar {
    worktree: usize,
    check: usize,
    place: usize,
    number: u32,
    start: f64,
    end: f64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Who answered.
    source: &'static str,
    /// Why git was asked, where the answer could not be proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<&'static str>,
    /// When the next one was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<f64>,
}

/// A unit that ran.
#[derive(Serialize)]
struct Row {
    worktree: usize,
    check: usize,
    outcome: &'static str,
    attempts: usize,
    start: f64,
    duration: f64,
    /// The part of its duration that was spent in no attempt.
    waited: f64,
}

impl Row {
    fn of(record: &Record, plan: &Plan, unit: UnitId) -> Option<Self> {
        let (end, attempts) = (record.units[unit].end.as_deref()?, &record.units[unit].attempts);
        let ran: Duration = attempts.iter().map(|attempt| attempt.duration).sum();
        Some(Self {
            worktree: plan.units[unit].worktree.into(),
            check: plan.units[unit].check.into(),
            outcome: end.outcome.name(),
            attempts: attempts.len(),
            start: millis(end.started?),
            duration: millis(end.duration),
            waited: millis(end.duration.saturating_sub(ran)),
        })
    }
}

/// A step of the critical path.
#[derive(Serialize)]
struct PathStep {
    attempt: usize,
    why: &'static str,
    waited: f64,
}

impl PathStep {
    fn of(step: Step) -> Self {
        let why = match step.why {
            Why::Start => "start",
            Why::Needs => "needs",
            Why::Retry => "retry",
            Why::Place => "place",
        };
        Self { attempt: step.link, why, waited: millis(step.waited) }
    }
}
