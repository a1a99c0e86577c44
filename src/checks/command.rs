//! `command`: does this program succeed?

use std::path::Path;

use crate::checks::{Prepared, Reader};
use crate::git::command::Git;
use crate::model::answer::{Exit, Verdict};
use crate::model::check::{Check, CommandLine};
use crate::model::facts::Facts;
use crate::model::outcome::Outcome;
use crate::text::signal;

pub(super) fn prepare(git: &Git, check: &Check, dir: &Path) -> Prepared {
    let (invocation, shell) = match &check.command {
        Some(CommandLine::Direct(words)) => {
            let (program, args) = words.split_first().map_or(("", &[][..]), |(program, args)| (program.as_str(), args));
            (git.program(program, args, dir), false)
        }
        Some(CommandLine::Shell(script)) => (git.program("sh", &["-c".to_owned(), script.clone()], dir), true),
        // Settings refuse such a check; should one come through, it must not pass.
        None => (git.program("", &[], dir), false),
    };
    Prepared { invocation, reader: Box::new(ExitStatus { shell }) }
}

/// Judges by the exit status alone; what the program prints is for people.
struct ExitStatus {
    shell: bool,
}

impl Reader for ExitStatus {
    fn feed(&mut self, _: &[u8]) {}

    fn finish(&mut self, exit: Exit, _: &[u8]) -> Verdict {
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
        Verdict { outcome, reason, facts, changed: None }
    }
}
