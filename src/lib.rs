//! `git wtcheck` answers, for every worktree of a repository at once: what state is it in, does it pass my checks, and
//! is any work at risk?
//!
//! # The house
//!
//! ```text
//! argv, files, gitconfig, env ─► settings ─► plan ─► exec ─► events ─► reports ─► exit status
//!             (what is asked)   (resolved)  (frozen)  (does)  (facts)   (shows)
//! ```
//!
//! Data flows one way, and a later stage never reaches back: [`exec`] takes a [`plan::Plan`] and cannot read settings;
//! reports take events and cannot touch `exec`; the exit status comes from a pure fold over the events ([`record`]),
//! never from a report.
//!
//! | floor | room | what it is for |
//! |---|---|---|
//! | 14 | `main.rs` | the process: its streams in, its exit status out |
//! | 13 | this file | arguments in, exit status out |
//! | 12 | [`usage`] | help, and what is shown where the command line cannot be read |
//! | 11 | [`commands`] | one file a command, one signature: each puts stages and rooms together |
//! | 10 | [`session`] | repository found, settings read, plan made, plan carried out: each stage made from the last |
//! | 10 | [`manual`] | the manual page, from the same definitions that the program works by |
//! | 10 | [`completion`] | what a shell offers to complete, from the repository one stands in |
//! | 9 | [`ui`] | how the program shows itself: policy about colour, signs, hints, progress |
//! | 8 | [`exec`], [`report`] | carrying out; showing |
//! | 7 | [`record`] | events folded to a record |
//! | 6 | [`event`] | what happened, when |
//! | 6 | [`setup`] | the manual page and the completions, where man and each shell look for them |
//! | 5 | [`plan`] | worktrees × checks, frozen; conditions compiled and typed |
//! | 5 | [`cli`] | the command line's types |
//! | 5 | [`error`] | what ends the program in place of a report: level, sources, hints, exit status |
//! | 4 | [`settings`] | every layer read, merged, typed, resolved |
//! | 3 | [`checks`] | one file a kind of check: its facts, its defaults, what it asks and how it reads the answer |
//! | 2 | [`git`] | the one place that builds git commands; worktrees, configuration |
//! | 1 | [`model`] | plain types |
//! | 1 | [`environment`] | what the program was started with: the one reader of the environment |
//! | 0 | [`terminal`] | what the standard streams lead to: the one place that asks |
//! | 0 | [`text`] | what of a text may be shown, and how it is quoted; how numbers are written |
//!
//! A room imports only from lower floors, or from within its own folder, and there without circles. A test reads this
//! table and holds the code to it.

pub mod checks;
pub mod cli;
pub mod commands;
pub mod completion;
pub mod environment;
pub mod error;
pub mod event;
pub mod exec;
pub mod git;
pub mod manual;
pub mod model;
pub mod plan;
pub mod record;
pub mod report;
pub mod session;
pub mod settings;
pub mod setup;
pub mod terminal;
pub mod text;
pub mod ui;
pub mod usage;

use std::ffi::OsString;

use clap::Parser;

use crate::cli::Cli;
use crate::commands::Io;
use crate::environment::Environment;
use crate::text::message::tell;

/// Runs the program: arguments (the program's name first) and environment in, exit status out.
pub fn run(args: &[OsString], environment: Environment, io: &mut Io<'_>) -> u8 {
    if completion::is_asked(&environment) {
        completion::answer(args, &environment, io.out);
        return 0;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(fault) => return usage::show(fault, &environment, io),
    };
    commands::execute(cli, environment, io).unwrap_or_else(|error| {
        tell(io.err, &error.messages(), true);
        error.exit_code()
    })
}
