//! What the dispatcher asks, and what it gets: the seam between the order of a run and those who answer for its units.

use std::sync::Arc;
use std::time::Duration;

use crate::exec::control::Control;
use crate::git::why::Why;
use crate::model::answer::{Evidence, Finding, ProcessEnd, SourceId, Verdict};
use crate::model::id::UnitId;
use crate::model::outcome::Outcome;
use crate::plan::Plan;

/// A unit for which an answer is wanted.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The unit.
    pub unit: UnitId,
    /// The attempt, counted from 1.
    pub number: u32,
    /// What its prerequisites on the same worktree know.
    pub evidence: Evidence,
}

/// Units of one check that are asked for together, and who is asked. A process of its own is asked for one.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Who is asked.
    pub source: SourceId,
    /// The units; never none.
    pub units: Vec<Asked>,
}

/// What a source says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This is what it came to.
    Done(Done),
    /// It cannot tell: the next source of the route is asked, and this was nobody's attempt. Where it was to prove the
    /// answer, it says why git has to be asked.
    Pass(Option<Why>),
}

impl From<Option<Finding>> for Answer {
    fn from(found: Option<Finding>) -> Self {
        found.map_or(Self::Pass(None), |finding| Self::Done(finding.into()))
    }
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// How it ended (never `Skipped`), and what it found out.
    pub verdict: Verdict,
    /// What it knows besides.
    pub evidence: Evidence,
    /// What is left of its own process, where it had one.
    pub process: Option<ProcessEnd>,
    /// Whether no other attempt could come to anything else.
    pub is_final: bool,
}

impl Done {
    /// An attempt that ended so, and found nothing out.
    pub fn with(outcome: Outcome, reason: Option<String>) -> Self {
        Finding::from(Verdict::without_facts(outcome, reason)).into()
    }

    /// The same, with what is left of its process.
    #[must_use]
    pub fn of_process(self, process: ProcessEnd) -> Self {
        Self { process: Some(process), ..self }
    }
}

impl From<Finding> for Done {
    fn from(finding: Finding) -> Self {
        let Finding { verdict, evidence } = finding;
        Self { verdict, evidence, process: None, is_final: false }
    }
}

/// The machine has no place for one more process: too many open files, or too many processes. Nobody was asked.
#[derive(Debug)]
pub struct NoPlace(pub std::io::Error);

/// Answers for units. The real one asks its sources; tests have one that only lets (virtual) time pass.
pub trait Executor: Send + Sync + 'static {
    /// How long to wait before a unit can be asked for at all, where something that it needs is not known yet.
    fn not_yet(&self, _plan: &Plan, _unit: UnitId) -> Option<Duration> {
        None
    }

    /// What is known without asking anybody ([`SourceId::Known`]).
    fn known(&self, _plan: &Plan, _asked: &Asked) -> Answer {
        Answer::Pass(None)
    }

    /// Asks for units, and obeys `control` meanwhile: an answer for each, in their order.
    fn answer(&self, batch: Batch, control: Control) -> impl Future<Output = Result<Vec<Answer>, NoPlace>> + Send;

    /// Stops everything that runs, and this program with it, until it is continued.
    fn suspend(&self) {}
}
