//! What a child process gave back, and what a check made of it.

use std::sync::Arc;

use bstr::BString;
use serde::Serialize;

use crate::model::facts::Facts;
use crate::model::outcome::Outcome;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

/// The end of an output stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The last bytes.
    pub bytes: Vec<u8>,
    /// Whether there were more before them.
    pub truncated: bool,
}

/// What is left of a process once it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessEnd {
    /// How it ended; none: nobody knows.
    pub exit: Option<Exit>,
    /// The end of its standard output; none: it is not kept.
    pub stdout: Option<Captured>,
    /// The end of its standard error; none: it is not kept.
    pub stderr: Option<Captured>,
    /// Whether it left processes running, or its output held open.
    pub leaked: bool,
    /// Whether it was kept out by a lock of another git process.
    pub locked: bool,
    /// Why it never came to be the program that was to run.
    pub refused: Option<String>,
}

impl ProcessEnd {
    /// Its exit status, where it had one.
    pub const fn exit_code(&self) -> Option<i32> {
        match self.exit {
            Some(Exit::Code(code)) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended it, if one did.
    pub const fn signal(&self) -> Option<i32> {
        match self.exit {
            Some(Exit::Signal(number)) => Some(number),
            _ => None,
        }
    }

    /// What is kept of its streams, standard output first.
    pub fn streams(&self) -> impl Iterator<Item = &Captured> {
        self.stdout.iter().chain(&self.stderr)
    }
}

/// Who can answer for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceId {
    /// Nobody needs to be asked: it follows from what is known.
    Known,
    /// It is proven from the worktree's index and files, without git.
    Proof,
    /// One process answers for many units.
    Batch,
    /// A process of its own answers.
    Process,
    /// Several answers are put together, some of which are the same for all worktrees.
    Survey,
    /// It is held against the other worktrees of its repository, for all of them at once.
    Pairs,
}

impl SourceId {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Proof => "proof",
            Self::Batch => "batch",
            Self::Process => "process",
            Self::Survey => "survey",
            Self::Pairs => "pairs",
        }
    }
}

/// What a unit, or an attempt at it, came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// What was found out.
    pub facts: Facts,
}

impl Verdict {
    /// The check could answer.
    pub const fn passed(facts: Facts) -> Self {
        Self { outcome: Outcome::Passed, reason: None, facts }
    }

    /// The check could not be carried out.
    pub fn errored(reason: impl Into<String>) -> Self {
        Self::without_facts(Outcome::Errored, Some(reason.into()))
    }

    /// It ended so, and nothing was found out.
    pub const fn without_facts(outcome: Outcome, reason: Option<String>) -> Self {
        Self { outcome, reason, facts: Facts::new() }
    }
}

/// What a check knows besides its verdict that other checks on the same worktree can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Every tracked path of the worktree that differs from HEAD, from its top; none: not known, or too many.
    pub changed: Option<Arc<[BString]>>,
    /// The same files, where nothing is staged; none: not known, or too many.
    pub edits: Option<Arc<[Edit]>>,
}

/// A tracked file that differs from what HEAD and the index have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its path, from the top of the worktree.
    pub path: BString,
    /// The mode that it had, as in a tree.
    pub mode: u32,
    /// The id of the blob that it was.
    pub id: Vec<u8>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it says.
    pub verdict: Verdict,
    /// What it knows besides.
    pub evidence: Evidence,
}

impl From<Verdict> for Finding {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, evidence: Evidence::default() }
    }
}
