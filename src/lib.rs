//! `git wtcheck` answers, for every worktree of a repository at once: what state is it in, does it pass my checks, and is
//! any work at risk?
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
//! | 11 | `main.rs` | the process: its streams in, its exit status out |
//! | 10 | this file | arguments in, exit status out |
//! | 9 | [`commands`] | each command wires the stages |
//! | 9 | [`manual`] | the manual page, from the same definitions that the program works by |
//! | 9 | [`completion`] | what a shell offers to complete, from the repository one stands in |
//! | 8 | [`cli`] | the command line's types |
//! | 7 | [`exec`], [`report`] | carrying out; showing |
//! | 6 | [`record`] | events folded to a record |
//! | 5 | [`event`] | what happened, when |
//! | 4 | [`plan`] | worktrees × checks, frozen; conditions compiled and typed |
//! | 4 | [`error`] | what ends the program in place of a report: level, sources, hints, exit status |
//! | 3 | [`settings`] | every layer read, merged, typed, resolved |
//! | 2 | [`checks`] | one file a kind of check: its facts, its defaults, what it asks and how it reads the answer |
//! | 1 | [`git`] | the one place that builds git commands; worktrees, configuration |
//! | 0 | [`model`] | plain types |
//! | 0 | [`environment`] | what the program was started with: the one reader of the environment |
//! | ground | [`terminal`] | what the standard streams lead to: the one place that asks |
//! | ground | [`text`] | what of a text may be shown, and how it is quoted; how numbers are written |
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
pub mod settings;
pub mod terminal;
pub mod text;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::error::ContextValue;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::commands::{Io, Refusal};
use crate::environment::Environment;
use crate::error::{Error, status};
use crate::exec::watch::Watch;
use crate::text::message::tell;
use crate::text::{door, sanitize};

/// Runs the program: arguments (the program's name first) and environment in, exit status out.
pub fn run(args: impl IntoIterator<Item = OsString>, environment: Environment, io: &mut Io<'_>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return parsed(&quoting_safely(error), &environment, io),
    };
    if cli.command.is_some() && !cli.checks.is_empty() {
        tell(
            io.err,
            &Error::Usage(format!("'{}' stands before the command; checks are named after it", cli.checks[0]))
                .messages(),
            true,
        );
        return status::USAGE;
    }
    if let Some(misfit) = cli.misfit() {
        tell(io.err, &Error::Usage(misfit).messages(), true);
        return status::USAGE;
    }
    let environment =
        cli.options.directory.iter().fold(environment, |environment, directory| environment.standing_in(directory));
    carry_out(&cli, &environment, io).unwrap_or_else(|error| {
        tell(io.err, &error.messages(), true);
        error.exit_code()
    })
}

fn carry_out(cli: &Cli, environment: &Environment, io: &mut Io<'_>) -> Result<u8, Error> {
    let file = match &cli.command {
        Some(Command::Setup(asked)) => return commands::setup::setup(asked, environment, io),
        Some(Command::Config(ConfigCommand::Schema)) => return commands::config::schema(io),
        Some(Command::Config(command)) => commands::config::named_file(command),
        _ => None,
    };
    let mut watch = Watch::begin().map_err(Error::cannot("watch over processes"))?;
    let survey = commands::survey(cli, environment, file.map(PathBuf::as_path), &mut watch)?;
    match &cli.command {
        Some(Command::Config(command)) => return commands::config::run(survey, command, cli, environment, io),
        Some(Command::Trust(asked)) => return commands::trust::trust(&survey, asked, environment, io),
        Some(Command::Untrust) => return commands::trust::untrust(&survey, io),
        Some(Command::Run(_) | Command::Plan(_) | Command::Setup(_)) | None => {}
    }
    let hints = survey.hints;
    let to_run = !matches!(cli.command, Some(Command::Plan(_)));
    let prepared = match commands::prepare(survey, cli, environment, to_run) {
        Ok(prepared) => prepared,
        Err(Refusal { errors, warnings }) => {
            warn(&warnings, hints, io);
            let error = Error::from(errors);
            tell(io.err, &error.messages(), hints);
            return Ok(error.exit_code());
        }
    };
    warn(&prepared.warnings, hints, io);
    // Who has asked for checks by name is told of more; what the settings say is no news on every run.
    let to_tell = hints && !cli.options.quiet && !cli.named_checks().is_empty();
    if to_tell {
        tell(io.err, &prepared.plan.brought_along(), true);
    }
    if to_run {
        commands::run::run(prepared, cli, environment, &mut watch, io)
    } else {
        commands::plan::show(&prepared.plan, cli.options.format(), prepared.look, io).map(|()| 0)
    }
}

fn warn(warnings: &[settings::Diagnostic], hints: bool, io: &mut Io<'_>) {
    for warning in warnings {
        tell(io.err, &warning.messages("warning").collect::<Vec<_>>(), hints);
    }
}

/// A fault of the command line, with what it quotes of the arguments made safe.
fn quoting_safely(mut fault: clap::Error) -> clap::Error {
    let safe = |text: &String| sanitize::line(text).into_owned();
    let quoted = fault.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, ContextValue::String(safe(text)))),
        ContextValue::Strings(texts) => Some((kind, ContextValue::Strings(texts.iter().map(safe).collect()))),
        _ => None,
    });
    for (kind, value) in quoted.collect::<Vec<_>>() {
        fault.insert(kind, value);
    }
    fault
}

/// Help and version go to standard output; what cannot be parsed is a usage error, in git's number.
fn parsed(fault: &clap::Error, environment: &Environment, io: &mut Io<'_>) -> u8 {
    let text = fault.render();
    let shown = |colour: bool| if colour { text.ansi().to_string() } else { text.to_string() };
    let colours = commands::takes_colours(environment);
    let written = if fault.use_stderr() {
        // `git wtcheck --help` is the manual; the short help is what one wants after a slip.
        door::put(io.err, &shown(environment.terminals.errors && colours).replace("--help", "-h"))
    } else {
        door::put(io.out, &shown(environment.terminals.output && colours))
    };
    match (fault.use_stderr(), written) {
        (false, Ok(())) => 0,
        (false, Err(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
        (false, Err(_)) => status::FATAL,
        (true, _) => status::USAGE,
    }
}
