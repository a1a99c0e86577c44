//! `command`: does this program succeed?

use std::time::Duration;

use crate::checks::check::{Asking, Defaults, Feed, Kind, Question, Reader};
use crate::git::command::Git;
use crate::model::answer::{Exit, Finding, Verdict};
use crate::model::check::{CommandLine, RetryClass};
use crate::model::facts::{FactDef, FactType, Facts};
use crate::model::outcome::Outcome;
use crate::text::signal;

/// The kind.
pub(super) struct Command;

impl Kind for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn question(&self) -> &'static str {
        "Does this command exit with 0?"
    }

    fn facts(&self) -> &'static [FactDef] {
        const FACTS: [FactDef; 1] = [FactDef::new("exit_code", FactType::Int, "The exit status of the last attempt.")];
        &FACTS
    }

    /// A command may do anything, and take its time: what failed is not tried again unasked.
    fn defaults(&self) -> Defaults {
        Defaults { timeout: Duration::from_mins(10), retries: 0, retry_on: &RetryClass::ALL, when: None }
    }

    fn is_built_in(&self) -> bool {
        false
    }

    fn ask(&self, git: &Git, question: &Question<'_>) -> Option<Asking<dyn Reader>> {
        let dir = question.folder();
        let (invocation, shell) = match &question.check.command {
            Some(CommandLine::Direct(words)) => {
                let (program, args) =
                    words.split_first().map_or(("", &[][..]), |(program, args)| (program.as_str(), args));
                (git.program(program, args, &dir), false)
            }
            Some(CommandLine::Shell(script)) => (git.program("sh", &["-c".to_owned(), script.clone()], &dir), true),
            // Settings refuse such a check; should one come through, it must not pass.
            None => (git.program("", &[], &dir), false),
        };
        Some(Asking { invocation, reader: Box::new(ExitStatus { shell }) })
    }
}

/// Judges by the exit status alone; what the program prints is for people.
struct ExitStatus {
    shell: bool,
}

impl Feed for ExitStatus {
    fn feed(&mut self, _: &[u8]) {}
}

impl Reader for ExitStatus {
    fn finish(&mut self, exit: Exit, _: &[u8]) -> Finding {
        let mut facts = Facts::new();
        let (outcome, reason) = match exit {
            Exit::Code(code) => {
                facts.set("exit_code", i64::from(code));
                match code {
                    0 => (Outcome::Passed, None),
                    // What a shell exits with where there was nothing to run (POSIX, "Exit Status for Commands").
                    126 if self.shell => {
                        (Outcome::Errored, Some("exit status 126: the command is not executable".to_owned()))
                    }
                    127 if self.shell => {
                        (Outcome::Errored, Some("exit status 127: the command was not found".to_owned()))
                    }
                    code => (Outcome::Failed, Some(format!("exit status {code}"))),
                }
            }
            Exit::Signal(number) => (Outcome::Failed, Some(format!("killed by {}", signal::name(number)))),
        };
        Verdict { outcome, reason, facts }.into()
    }
}
