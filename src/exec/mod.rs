//! Carrying a plan out: bounded, in order, and with nothing left behind.
//!
//! - [`dispatcher`] is one task that owns the state of the run and alone emits events.
//! - [`schedule`] says which unit may start next: a pure state machine.
//! - `units` is what is known of the units so far.
//! - [`mod@unit`] carries one attempt out: its process, its timeout, its end.
//! - [`readers`] is the wait for who reads the reports, once all units have ended.
//! - [`refresh`] is what may be done once the report is out.
//! - [`process`], [`session`] and [`signal`] are what is particular to Unix.
//! - [`watch`] holds the three together: over a run, and over what finds the repository before it.

pub mod capture;
pub mod clock;
pub mod dispatcher;
pub mod helper;
pub mod looks;
pub mod process;
pub mod readers;
pub mod refresh;
pub mod retry;
pub mod schedule;
pub mod session;
pub mod signal;
pub mod unit;
mod units;
pub mod watch;

use std::sync::Arc;
use std::time::Duration;

use bstr::BString;
use tokio::sync::watch as phases;

use crate::model::answer::{Captured, Finding, Verdict};
use crate::model::facts::Facts;
use crate::model::outcome::Outcome;
use crate::plan::{Plan, UnitIndex};

/// How far a run has been stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It goes on.
    Run,
    /// Running attempts are asked to end, and killed after their grace period.
    Stop,
    /// Running attempts are killed at once.
    Kill,
}

/// An attempt's view of the run's phase.
#[derive(Clone, Debug)]
pub struct Control(phases::Receiver<Phase>);

impl Control {
    /// A view, and what moves it.
    pub fn new() -> (phases::Sender<Phase>, Self) {
        let (sender, receiver) = phases::channel(Phase::Run);
        (sender, Self(receiver))
    }

    /// Whether the run has come to this phase, or a later one.
    pub fn is_at(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase
    }

    /// Waits until the run has come to this phase, or a later one.
    pub async fn reached(&mut self, phase: Phase) {
        if self.0.wait_for(|now| *now >= phase).await.is_err() {
            // The dispatcher is gone and will never say anything again.
            std::future::pending::<()>().await;
        }
    }
}

/// What an executor is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The unit.
    pub unit: UnitIndex,
    /// The attempt, counted from 1.
    pub number: u32,
    /// Other units of the same check that the same process should answer; empty: only this one.
    pub with: Vec<UnitIndex>,
    /// What a prerequisite on the same worktree has said of what differs from HEAD: see [`Finding::changed`].
    pub changed: Option<Arc<[BString]>>,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// How it ended; never `Skipped`.
    pub outcome: Outcome,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// What it found out.
    pub facts: Facts,
    /// The exit status of its process.
    pub exit_code: Option<i32>,
    /// The signal that ended its process.
    pub signal: Option<i32>,
    /// The end of its standard output, where a report may show it.
    pub stdout: Option<Captured>,
    /// The end of its standard error.
    pub stderr: Option<Captured>,
    /// Whether it left something behind.
    pub leaked: bool,
    /// Whether it was kept out by a lock of another git process.
    pub locked: bool,
    /// Whether no other attempt could come to anything else.
    pub is_final: bool,
    /// See [`Finding::changed`].
    pub changed: Option<Vec<BString>>,
    /// Answers to the other units that were asked for.
    pub others: Vec<(UnitIndex, Finding)>,
}

impl Done {
    /// An attempt that came to what a check has said.
    pub fn of(finding: Finding) -> Self {
        let Finding { verdict: Verdict { outcome, reason, facts }, changed } = finding;
        Self { facts, changed, ..Self::with(outcome, reason) }
    }

    /// An attempt that came to this and left nothing to show.
    pub fn with(outcome: Outcome, reason: Option<String>) -> Self {
        Self {
            outcome,
            reason,
            facts: Facts::new(),
            exit_code: None,
            signal: None,
            stdout: None,
            stderr: None,
            leaked: false,
            locked: false,
            is_final: false,
            changed: None,
            others: Vec::new(),
        }
    }
}

/// Why an attempt could not be made now. It does not count.
#[derive(Debug)]
pub enum NoAttempt {
    /// The machine has no place for one more process: too many open files, or too many processes.
    NoPlace(std::io::Error),
    /// What it needs is not known yet; asked again after this time, it may be.
    NotYet(Duration),
}

/// What carries attempts out. The real one starts processes; tests have one that only lets (virtual) time pass.
pub trait Executor: Send + Sync + 'static {
    /// Carries one attempt out, and obeys `control` while it does.
    fn attempt(&self, ask: Ask, control: Control) -> impl Future<Output = Result<Done, NoAttempt>> + Send;

    /// Stops everything that runs, and this program with it, until it is continued.
    fn suspend(&self) {}
}
