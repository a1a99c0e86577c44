//! What ends the program before, or in place of, a report: how bad it is, what is wrong and why, how to mend it; and
//! the exit status of that.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;

use crate::git::repository::{GitError, OLDEST_GIT};
use crate::settings::{Diagnostic, Faults};
use crate::text::message::Prose;
use crate::text::signal;

/// Exit statuses that are not the outcome of a run.
pub mod status {
    /// The configuration or a pattern is wrong, or it selects nothing.
    pub const CONFIGURATION: u8 = 2;
    /// git itself refuses, or this program could not do its work.
    pub const FATAL: u8 = 128;
    /// The command line is wrong.
    pub const USAGE: u8 = 129;
}

/// What ended the program before, or in place of, a report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// git refuses.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Settings or a selection are wrong: every fault that was found.
    #[error("{}", in_lines(.0))]
    Settings(Vec<Diagnostic>),
    /// What is asked for cannot be done as things stand; nothing was done.
    #[error("{}", in_lines(.0))]
    Refused(Vec<Refusal>),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The system refuses something that nothing can be done without.
    #[error("cannot {doing}")]
    System {
        /// What was to be done.
        doing: &'static str,
        /// The system's word.
        source: io::Error,
    },
}

/// Something that is not done, why, and what could be done about it.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Refusal {
    problem: String,
    source: Option<io::Error>,
    hint: Option<&'static str>,
}

impl Refusal {
    /// Something that is not done.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), source: None, hint: None }
    }

    /// With what the system says.
    #[must_use]
    pub fn because(self, source: io::Error) -> Self {
        Self { source: Some(source), ..self }
    }

    /// With what could be done about it.
    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl Error {
    /// For `map_err`: something could not be done.
    pub fn cannot(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }

    /// How bad it is, in git's words.
    pub const fn level(&self) -> &'static str {
        match self {
            Self::Git(_) | Self::System { .. } => "fatal",
            Self::Settings(_) | Self::Refused(_) | Self::Usage(_) => "error",
        }
    }

    /// The status to exit with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Git(GitError::Interrupted(number)) => signal::exit_status(*number),
            Self::Settings(_) | Self::Refused(_) => status::CONFIGURATION,
            Self::Git(_) | Self::System { .. } => status::FATAL,
            Self::Usage(_) => status::USAGE,
        }
    }

    /// Messages for standard error, in git's style: a level and a text each, and behind each fault how to mend it.
    pub fn messages(&self) -> Vec<(&'static str, Prose)> {
        let level = self.level();
        match self {
            // Who has sent the signal knows.
            Self::Git(GitError::Interrupted(_)) => Vec::new(),
            Self::Git(GitError::Refused { words }) => vec![(level, Prose::quoting(words))],
            Self::Git(error @ GitError::TooOld { .. }) => {
                let hint = format!("'git worktree list -z' came with git {}.{}", OLDEST_GIT.0, OLDEST_GIT.1);
                vec![(level, with_sources(error)), ("hint", hint.into())]
            }
            Self::Settings(faults) => faults.iter().flat_map(|fault| fault.messages(level)).collect(),
            Self::Refused(refusals) => {
                let hint = |refusal: &Refusal| refusal.hint.map(|hint| ("hint", hint.into()));
                refusals.iter().flat_map(|each| [Some((level, with_sources(each))), hint(each)]).flatten().collect()
            }
            Self::Git(_) | Self::Usage(_) | Self::System { .. } => vec![(level, with_sources(self))],
        }
    }

    /// The same; where the user wants no hints, without any.
    #[must_use]
    pub fn with_hints(mut self, wanted: bool) -> Self {
        if let Self::Settings(faults) = &mut self
            && !wanted
        {
            for fault in faults {
                fault.remedy = None;
            }
        }
        self
    }
}

/// What an error says, and what the errors behind it say.
fn with_sources(error: &dyn StdError) -> Prose {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        text.push_str(&format!(": {error}"));
        behind = error.source();
    }
    text.into()
}

fn in_lines(all: &[impl Display]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<Diagnostic> for Error {
    fn from(fault: Diagnostic) -> Self {
        Self::Settings(vec![fault])
    }
}

impl From<Faults> for Error {
    fn from(faults: Faults) -> Self {
        Self::Settings(faults.into_diagnostics())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_an_error_stands_behind_it_and_its_hint_below() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let said = |error: Error| {
            let words: Vec<_> = error.messages().iter().map(|(level, text)| format!("{level}: {text}")).collect();
            (error.to_string(), error.source().map(ToString::to_string), words, error.exit_code())
        };
        let system = said(Error::cannot("write the plan")(denied()));
        assert_eq!(system.0, "cannot write the plan");
        assert_eq!(system.1.as_deref(), Some("permission denied"));
        assert_eq!((system.2, system.3), (vec!["fatal: cannot write the plan: permission denied".to_owned()], 128));
        let refused = said(Refusal::new("cannot write to 'x'").because(denied()).hint("try y").into());
        assert_eq!(refused.2, ["error: cannot write to 'x': permission denied", "hint: try y"]);
        assert_eq!(refused.3, 2);
    }
}
