//! How a unit, or one attempt at it, ended.

use serde::{Deserialize, Serialize};

/// The outcome of a unit or of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It answered, and nothing was wrong.
    Passed,
    /// It answered, and something was wrong.
    Failed,
    /// It did not answer in its time.
    TimedOut,
    /// It could not be carried out.
    Errored,
    /// It was not carried out, for a reason that is no fault.
    Skipped,
    /// The run ended before it did.
    Cancelled,
}

impl Outcome {
    /// Every outcome, in the order in which a summary counts them.
    pub const ALL: [Self; 6] =
        [Self::Passed, Self::Failed, Self::TimedOut, Self::Errored, Self::Skipped, Self::Cancelled];

    /// The name that machine output and expressions use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Errored => "errored",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The words that a person reads.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TimedOut => "timed out",
            other => other.name(),
        }
    }

    /// Whether it found a fault of its own: what `--fail-fast` and `--max-fail` count.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Errored)
    }
}
