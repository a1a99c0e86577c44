//! A pure fold: events in, the record of the run and its exit status out.

pub mod worktree;

use std::sync::Arc;
use std::time::Duration;

use typed_index_collections::{TiVec, ti_vec};

use crate::event::{Attempt, Cause, Event, EventKind, UnitEnd};
use crate::model::answer::ProcessEnd;
use crate::model::id::UnitId;
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::text::signal;

/// What is known of one unit.
#[derive(Clone, Debug, Default)]
pub struct UnitRecord {
    /// Its attempts so far.
    pub attempts: Vec<Arc<Attempt>>,
    /// Its end, once it has ended.
    pub end: Option<Arc<UnitEnd>>,
}

/// What is known of a run.
#[derive(Debug, Default)]
pub struct Record {
    /// The plan, once the run has begun.
    pub plan: Option<Arc<Plan>>,
    /// The units.
    pub units: TiVec<UnitId, UnitRecord>,
    /// Why it was cancelled, if it was; the first cause.
    pub cause: Option<Cause>,
    /// The signal that ended it, if one did, whatever else had cancelled it before.
    pub signal: Option<i32>,
    /// How long it took so far.
    pub duration: Duration,
    /// Units by outcome, in the order of [`Outcome::ALL`].
    counts: [usize; Outcome::ALL.len()],
    /// Whether some unit counts against the run.
    faulty: bool,
    keep_output: bool,
}

impl Record {
    /// An empty record. `keep_output`: whether a report will show the output of units that passed; otherwise it is
    /// dropped as they pass.
    pub fn new(keep_output: bool) -> Self {
        Self { keep_output, ..Self::default() }
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        self.duration = event.at;
        match &event.kind {
            EventKind::RunStarted(plan) => {
                self.units = ti_vec![UnitRecord::default(); plan.units.len()];
                self.plan = Some(Arc::clone(plan));
            }
            EventKind::AttemptFinished { unit, attempt, .. } => {
                let attempt = self.kept(attempt, attempt.outcome);
                self.units[*unit].attempts.push(attempt);
            }
            EventKind::UnitFinished { unit, end } => self.finish(*unit, end),
            EventKind::Cancelling(cause) => {
                self.cause.get_or_insert(*cause);
                if let Cause::Signal(number) = cause {
                    self.signal.get_or_insert(*number);
                }
            }
            EventKind::UnitStarted(_)
            | EventKind::AttemptStarted { .. }
            | EventKind::Suspending
            | EventKind::RunFinished => {}
        }
    }

    fn finish(&mut self, unit: UnitId, end: &Arc<UnitEnd>) {
        let is_allowed = self.plan.as_ref().is_some_and(|plan| plan.check(unit).allow_failure);
        if let Some(count) = Outcome::ALL.iter().position(|known| *known == end.outcome) {
            self.counts[count] += 1;
        }
        self.faulty |= !is_allowed && !matches!(end.outcome, Outcome::Passed | Outcome::Skipped);
        let attempts = std::mem::take(&mut self.units[unit].attempts);
        self.units[unit].attempts = attempts.iter().map(|attempt| self.kept(attempt, end.outcome)).collect();
        self.units[unit].end = Some(Arc::clone(end));
    }

    /// An attempt as it is kept: without its output, where what it belongs to passed and no report shows that. This is
    /// the one place where output is dropped.
    fn kept(&self, attempt: &Arc<Attempt>, outcome: Outcome) -> Arc<Attempt> {
        let is_dropped = outcome == Outcome::Passed && !self.keep_output && attempt.output().next().is_some();
        if !is_dropped {
            return Arc::clone(attempt);
        }
        let process = attempt.process.clone().map(|process| ProcessEnd { stdout: None, stderr: None, ..process });
        Arc::new(Attempt { process, ..Attempt::clone(attempt) })
    }

    /// How many units ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        Outcome::ALL.iter().position(|known| *known == outcome).map_or(0, |at| self.counts[at])
    }

    /// How many units have ended.
    pub fn ended(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The exit status of the run: 128+N after signal N; 1 where a unit that counts did not pass; else 0.
    pub fn exit_code(&self) -> u8 {
        match self.signal {
            Some(number) => signal::exit_status(number),
            None if self.faulty => 1,
            None => 0,
        }
    }
}
