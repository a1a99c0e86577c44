//! What a shell offers to complete: the words of the command line, and names from the repository one stands in.
//!
//! A shell asks by running the program with `COMPLETE=SHELL` and the words behind `--`; the files under `completions/`
//! make `git wtcheck` do so too. Where there is nothing to offer, nothing is printed: a message would land in the
//! middle of somebody's typing.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory, FromArgMatches};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use crate::cli::{Cli, Options};
use crate::exec::watch::Watch;
use crate::git::command::Git;
use crate::git::repository::Repository;
use crate::model::check::CheckKind;
use crate::model::environment::Environment;
use crate::settings::schema::{CheckKeys, Key, TopKeys};
use crate::settings::{Merged, Sources, read};
use crate::text::sanitize;

/// What a shell asks with.
const VARIABLE: &str = "COMPLETE";

/// Whether a shell asks, and which that is known. (A variable of this name may well be set for another program.)
pub fn is_asked(environment: &Environment) -> bool {
    let shell = environment.get(VARIABLE).and_then(|shell| Path::new(shell).file_stem()).and_then(OsStr::to_str);
    shell.is_some_and(|shell| Shells::builtins().completer(shell).is_some())
}

/// Answers a shell, on standard output.
pub fn answer(args: &[OsString], environment: &Environment) {
    let words = args.iter().position(|word| word == "--").map_or(&[][..], |at| &args[at + 1..]);
    // The word that is being typed is not said yet.
    let index = environment.text("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok());
    let said = words.len().min(index.unwrap_or(words.len().saturating_sub(1)));
    let here = Arc::new(Here::of(&words[..said], environment));
    let directory = here.environment.directory().to_owned();
    let asked = CompleteEnv::with_factory(|| offering(&here)).bin("git-wtcheck").completer("git-wtcheck");
    // A word that cannot be completed is no fault that one would want to read about while typing.
    let _ = asked.try_complete(args.iter().cloned(), Some(&directory));
}

/// Where the words that are typed so far say that one stands.
struct Here {
    environment: Environment,
    options: Option<Options>,
}

impl Here {
    fn of(words: &[OsString], environment: &Environment) -> Self {
        let typed = Cli::command().ignore_errors(true).try_get_matches_from(words);
        let options = typed.ok().and_then(|typed| Options::from_arg_matches(&typed).ok());
        let directories = options.iter().flat_map(|options| &options.directory);
        let environment =
            directories.fold(environment.clone(), |environment, directory| environment.standing_in(directory));
        Self { environment, options }
    }

    fn repository(&self) -> Option<Repository> {
        let mut watch = Watch::begin().ok()?;
        Repository::discover(&Git::new(&self.environment), &mut watch, self.environment.directory()).ok()
    }

    /// Every layer of settings; those of no repository where there is none.
    fn settings(&self) -> Merged {
        let repository = self.repository();
        read(&Sources {
            environment: &self.environment,
            entries: repository.as_ref().map_or(&[], |repository| &repository.config),
            toplevel: repository.as_ref().and_then(|repository| repository.toplevel.as_deref()),
            named_file: self.options.as_ref().and_then(|options| options.config.as_deref()),
            profile: None,
            command_line: Vec::new(),
        })
    }

    /// Every check that is defined, whether or not it would run now.
    fn checks(&self) -> Vec<CompletionCandidate> {
        let built_in = CheckKind::BUILT_IN.map(|kind| (kind.name().to_owned(), "built-in check".to_owned()));
        let merged = self.settings();
        let own = merged.checks.iter().map(|(name, keys)| {
            let description = keys.description.as_ref().map(|said| said.value.0.clone());
            let command = keys.command.as_ref().map(|command| format!("$ {}", command.value.shown()));
            (name.clone(), description.or(command).unwrap_or_else(|| "check".to_owned()))
        });
        let others = built_in.into_iter().filter(|(name, _)| !merged.checks.contains_key(name));
        candidates(others.chain(own))
    }

    /// Every profile that some layer defines.
    fn profiles(&self) -> Vec<CompletionCandidate> {
        candidates(self.settings().profile_names().into_iter().map(|name| (name, "profile".to_owned())))
    }

    /// Every key of the run, and of each check that is defined.
    fn keys(&self) -> Vec<CompletionCandidate> {
        let merged = self.settings();
        let built_in = CheckKind::BUILT_IN.map(|kind| kind.name().to_owned());
        let checks: BTreeSet<String> = built_in.into_iter().chain(merged.checks.into_keys()).collect();
        let about = |key: &Key| key.doc.trim().split_once(". ").map_or(key.doc.trim(), |(first, _)| first).to_owned();
        let of_run = TopKeys::KEYS.iter().map(|key| (key.name.to_owned(), about(key)));
        let of_checks = checks.iter().flat_map(|check| {
            CheckKeys::KEYS.iter().map(move |key| (format!("check.{check}.{}", key.name), about(key)))
        });
        candidates(of_run.chain(of_checks))
    }

    /// Names and branches of worktrees; behind a `!`, with it.
    fn worktrees(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let Some(typed) = typed.to_str() else { return Vec::new() };
        let (sign, typed) = typed.strip_prefix('!').map_or(("", typed), |rest| ("!", rest));
        let mut offered: Vec<(String, String)> = Vec::new();
        for worktree in self.repository().into_iter().flat_map(|repository| repository.worktrees) {
            let branch = worktree.branch.map(|branch| (branch, format!("branch of {}", worktree.path.display())));
            for (name, help) in [(worktree.name, worktree.path.display().to_string())].into_iter().chain(branch) {
                if name.starts_with(typed) && offered.iter().all(|(known, _)| *known != name) {
                    offered.push((name, help));
                }
            }
        }
        candidates(offered.into_iter().map(|(name, help)| (format!("{sign}{name}"), help)))
    }
}

/// Names that a shell can be given on a line of their own.
fn candidates(named: impl IntoIterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let named = named.into_iter().filter(|(name, _)| !name.chars().any(char::is_control));
    named
        .map(|(name, help)| {
            CompletionCandidate::new(name).help(Some(StyledStr::from(sanitize::line(&help).into_owned())))
        })
        .collect()
}

/// The command line with what the repository has to offer.
fn offering(here: &Arc<Here>) -> Command {
    let checks = || {
        let here = Arc::clone(here);
        ArgValueCandidates::new(move || here.checks())
    };
    let profiles = {
        let here = Arc::clone(here);
        ArgValueCandidates::new(move || here.profiles())
    };
    let keys = {
        let here = Arc::clone(here);
        ArgValueCandidates::new(move || here.keys())
    };
    let worktrees = {
        let here = Arc::clone(here);
        ArgValueCompleter::new(move |typed: &OsStr| here.worktrees(typed))
    };
    let named = |command: Command| {
        let takes_checks = command.get_arguments().any(|arg| arg.get_id() == "checks");
        if takes_checks { command.mut_arg("checks", |arg| arg.add(checks())) } else { command }
    };
    named(Cli::command())
        .mut_arg("worktree", |arg| arg.add(worktrees))
        .mut_arg("skip", |arg| arg.add(checks()))
        .mut_arg("profile", |arg| arg.add(profiles))
        .mut_subcommand("config", |config| {
            config.mut_subcommand("explain", |explain| explain.mut_arg("key", |arg| arg.add(keys)))
        })
        .mut_subcommands(named)
}
