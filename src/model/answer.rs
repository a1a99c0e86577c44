//! What a child process gave back, and what a check made of it.

use bstr::BString;

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

/// What a check says of its worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `Passed`, `Failed` or `Errored`.
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
        Self { outcome: Outcome::Errored, reason: Some(reason.into()), facts: Facts::new() }
    }
}

/// What a check found: what it says, and what it knows besides that other checks on the same worktree can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it says.
    pub verdict: Verdict,
    /// Every tracked path of the worktree that differs from HEAD, from its top; none: not known, or too many.
    pub changed: Option<Vec<BString>>,
}

impl From<Verdict> for Finding {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, changed: None }
    }
}
