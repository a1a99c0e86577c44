//! What is told to the user where there is no report: what is wrong, where, why, how to mend it; and the exit status.

use crate::git::repository::{GitError, OLDEST_GIT};
use crate::settings::{Diagnostic, Faults};
use crate::text::message::Prose;

/// Exit statuses that are not the outcome of a run.
pub mod status {
    /// The configuration or a pattern is wrong, or it selects nothing.
    pub const CONFIGURATION: u8 = 2;
    /// git itself refuses, or this program could not do its work.
    pub const FATAL: u8 = 128;
    /// The command line is wrong.
    pub const USAGE: u8 = 129;

    /// Ended by the signal of this number.
    pub fn of_signal(number: i32) -> u8 {
        u8::try_from(128 + number).unwrap_or(u8::MAX)
    }
}

/// What ended the program before, or in place of, a report.
#[derive(Debug)]
pub enum Error {
    /// git refuses.
    Git(GitError),
    /// Settings or a selection are wrong: every fault that was found.
    Settings(Vec<Diagnostic>),
    /// The command line is wrong, in clap's words or ours.
    Usage(String),
    /// The system refuses something that nothing can be done without.
    System {
        /// What was to be done.
        doing: &'static str,
        /// The system's word.
        error: std::io::Error,
    },
}

impl Error {
    /// The status to exit with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Git(GitError::Interrupted(number)) => status::of_signal(*number),
            Self::Settings(_) => status::CONFIGURATION,
            Self::Git(_) | Self::System { .. } => status::FATAL,
            Self::Usage(_) => status::USAGE,
        }
    }

    /// Lines for standard error, in git's style: a level and a text each.
    pub fn lines(&self) -> Vec<(&'static str, Prose)> {
        match self {
            // Who has sent the signal knows.
            Self::Git(GitError::Interrupted(_)) => Vec::new(),
            Self::Git(error) => {
                let words = match error {
                    GitError::Refused { words } => Prose::quoting(words),
                    other => Prose::from(other.to_string()),
                };
                let mut lines = vec![("fatal", words)];
                if let GitError::TooOld { .. } = error {
                    lines.push((
                        "hint",
                        format!("'git worktree list -z' came with git {}.{}", OLDEST_GIT.0, OLDEST_GIT.1).into(),
                    ));
                }
                lines
            }
            Self::Settings(diagnostics) => {
                diagnostics.iter().flat_map(|diagnostic| told("error", diagnostic)).collect()
            }
            Self::Usage(text) => vec![("error", text.clone().into())],
            Self::System { doing, error } => vec![("fatal", format!("cannot {doing}: {error}").into())],
        }
    }
}

/// A diagnostic and its remedy.
pub fn told(level: &'static str, diagnostic: &Diagnostic) -> Vec<(&'static str, Prose)> {
    let remedy = diagnostic.remedy.as_ref().map(|remedy| ("hint", remedy.as_str().into()));
    [(level, diagnostic.prose())].into_iter().chain(remedy).collect()
}

impl From<GitError> for Error {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

impl From<Vec<Diagnostic>> for Error {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Settings(diagnostics)
    }
}

impl From<Faults> for Error {
    fn from(faults: Faults) -> Self {
        Self::Settings(faults.into_told())
    }
}
