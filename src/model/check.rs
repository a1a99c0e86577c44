//! A check: a named question that is asked of each worktree, with every setting resolved.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::quote;

/// What kind of question a check asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// What has changed here?
    Status,
    /// How much, against HEAD?
    Diff,
    /// What is the last commit?
    Log,
    /// Does this command succeed?
    Command,
}

impl CheckKind {
    /// The kinds that need no definition: their name is enough.
    pub const BUILT_IN: [Self; 3] = [Self::Status, Self::Diff, Self::Log];

    /// Its name in settings and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Diff => "diff",
            Self::Log => "log",
            Self::Command => "command",
        }
    }

    /// The kind of a built-in check of this name.
    pub fn built_in(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether git answers it.
    pub const fn is_built_in(self) -> bool {
        !matches!(self, Self::Command)
    }

    /// The facts that a check of this kind can find, with their types.
    pub const fn facts(self) -> &'static [(&'static str, FactType)] {
        use FactType::{Bool, Int, Text};
        match self {
            Self::Status => &[
                ("clean", Bool),
                ("dirty", Bool),
                ("staged", Int),
                ("unstaged", Int),
                ("untracked", Int),
                ("conflicted", Int),
                ("upstream", Text),
                ("ahead", Int),
                ("behind", Int),
                ("stash", Int),
                ("operation", Text),
            ],
            Self::Diff => &[("files", Int), ("insertions", Int), ("deletions", Int)],
            Self::Log => &[("commit", Text), ("subject", Text), ("author", Text), ("committed_at", Int), ("age", Int)],
            Self::Command => &[("exit_code", Int)],
        }
    }
}

/// The type of a fact, for expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactType {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A string.
    Text,
}

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

/// One check of the pipeline, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, unique in the pipeline.
    pub name: String,
    /// What kind it is of.
    pub kind: CheckKind,
    /// What a `command` check runs.
    pub command: Option<CommandLine>,
    /// Extra arguments to a built-in's git command.
    pub args: Vec<String>,
    /// Variables for its processes.
    pub env: Vec<(String, String)>,
    /// The folder inside the worktree in which it runs.
    pub dir: Option<String>,
    /// How long one attempt may take. None: for ever.
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    pub grace_period: Duration,
    /// How long an attempt may run before it is called slow. None: for ever.
    pub slow_after: Option<Duration>,
    /// Attempts after the first; at most [`MOST_RETRIES`].
    pub retries: u32,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// What is worth another attempt.
    pub retry_on: Vec<RetryClass>,
    /// Bytes that are kept of each output stream, the last ones.
    pub max_output: usize,
    /// How many of its units may run at a time. None: no bound of its own.
    pub max_concurrency: Option<usize>,
    /// The condition under which it runs, as written.
    pub when: Option<String>,
    /// Checks that must have passed on the same worktree.
    pub needs: Vec<String>,
    /// The condition under which it fails, as written.
    pub fail_if: Option<String>,
    /// Whether its units never count against the run.
    pub allow_failure: bool,
    /// A word for people.
    pub description: Option<String>,
}

impl Check {
    /// Whether it asks what its kind asks by itself: with arguments, variables or a folder of its own it may ask about a part.
    pub const fn asks_of_all(&self) -> bool {
        self.args.is_empty() && self.env.is_empty() && self.dir.is_none()
    }
}
