//! What happened, and when: the one stream that every report and the exit status are made of.

use std::sync::Arc;
use std::time::Duration;

use crate::git::why::Why;
use crate::model::answer::{Captured, ProcessEnd, SourceId};
use crate::model::facts::Facts;
use crate::model::id::UnitId;
use crate::model::outcome::Outcome;
use crate::plan::Plan;

/// One thing that happened. `at` counts from the run's start, as do all times in events.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Duration,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// The run began. All other events speak of this plan's units.
    RunStarted(Arc<Plan>),
    /// A unit took a place for the first time.
    UnitStarted(UnitId),
    /// An attempt began. It begins again, with the same number, where it came to nothing that counts: the machine had
    /// no place for it, or a source passed its unit on.
    AttemptStarted {
        /// Of this unit.
        unit: UnitId,
        /// Counted from 1.
        number: u32,
    },
    /// An attempt ended.
    AttemptFinished {
        /// Of this unit.
        unit: UnitId,
        /// How.
        attempt: Arc<Attempt>,
        /// When the next one is due; none: there is none.
        retry_in: Option<Duration>,
    },
    /// A unit ended, whether it ever started or not.
    UnitFinished {
        /// Which.
        unit: UnitId,
        /// How.
        end: Arc<UnitEnd>,
    },
    /// Units are being cancelled.
    Cancelling(Cause),
    /// The run is about to be stopped until it is continued (Ctrl-Z): the terminal is the shell's for a while.
    Suspending,
    /// The run ended, in order: every unit has ended.
    RunFinished,
}

/// Why a run was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A signal of this number.
    Signal(i32),
    /// As many faults as `max-fail` allows.
    Faults,
    /// `global-timeout`.
    Deadline,
}

/// One execution of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// When it began.
    pub started: Duration,
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// Who answered.
    pub source: SourceId,
    /// Why git was asked, where the answer could not be proven.
    pub asked: Option<Why>,
    /// What is left of its own process, where it had one.
    pub process: Option<ProcessEnd>,
}

impl Attempt {
    /// The exit status of its process.
    pub fn exit_code(&self) -> Option<i32> {
        self.process.as_ref().and_then(ProcessEnd::exit_code)
    }

    /// The signal that ended its process.
    pub fn signal(&self) -> Option<i32> {
        self.process.as_ref().and_then(ProcessEnd::signal)
    }

    /// The end of its standard output, where that is kept.
    pub fn stdout(&self) -> Option<&Captured> {
        self.process.as_ref()?.stdout.as_ref()
    }

    /// The end of its standard error, where that is kept.
    pub fn stderr(&self) -> Option<&Captured> {
        self.process.as_ref()?.stderr.as_ref()
    }

    /// What is kept of its output, standard output first.
    pub fn output(&self) -> impl Iterator<Item = &Captured> {
        self.stdout().into_iter().chain(self.stderr())
    }

    /// Whether it left processes running, or its output held open.
    pub fn has_leaked(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.leaked)
    }
}

/// How a unit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitEnd {
    /// How.
    pub outcome: Outcome,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// When it first took a place; none: it never did.
    pub started: Option<Duration>,
    /// From then to now, waits between attempts among it.
    pub duration: Duration,
    /// What it found out.
    pub facts: Facts,
}
