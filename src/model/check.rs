//! What the settings of a check are made of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::quote;

/// What a `command` check runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum CommandLine {
    /// Given to `sh -c`.
    Shell(String),
    /// A program and its arguments, executed directly.
    Direct(Vec<String>),
}

impl CommandLine {
    /// The command as a person would type it.
    pub fn shown(&self) -> String {
        match self {
            Self::Shell(script) => script.clone(),
            Self::Direct(words) => words.iter().map(|word| quote::shell(word)).collect::<Vec<_>>().join(" "),
        }
    }
}

/// How the wait between attempts grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackoffKind {
    /// Always the delay.
    Fixed,
    /// The delay times the attempt.
    Linear,
    /// The delay times 2^(attempt - 1).
    Exponential,
}

/// Whether the state of worktrees is proven without git where that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prove {
    /// git is asked in any case.
    No,
    /// It is.
    Yes,
    /// It is, and git is asked as well: a difference is an error.
    Check,
}

/// More attempts than these after the first are a slip, or a wish to keep the machine busy.
pub const MOST_RETRIES: u32 = 999;

/// The waits between the attempts of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How it grows.
    pub kind: BackoffKind,
    /// The wait after the first attempt.
    pub delay: Duration,
    /// No wait is longer than this.
    pub max_delay: Duration,
    /// Whether each wait is multiplied by a factor drawn from 0.5 to 1.
    pub jitter: bool,
}

/// Why an attempt that did not pass may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryClass {
    /// It did not end in its time.
    Timeout,
    /// Another git process held a lock.
    Lock,
    /// It could not be carried out.
    Error,
    /// It answered, and something was wrong.
    Failure,
}

impl RetryClass {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Timeout, Self::Lock, Self::Error, Self::Failure];

    /// Its name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Lock => "lock",
            Self::Error => "error",
            Self::Failure => "failure",
        }
    }
}
