//! What a shell offers to complete: the words of the command line, and names from the repository one stands in.
//!
//! A shell asks by running the program with `COMPLETE=SHELL` and the words behind `--`; the files under `completions/`
//! make `git wtcheck` do so too. Where there is nothing to offer, nothing is printed: a message would land in the
//! middle of somebody's typing.
//!
//! Names of worktrees and branches are anybody's, and what is offered is soon executed. So each shell hands over the
//! word as it is typed, quotes and all, and what is offered means exactly the name: bash puts it there as it comes,
//! quoted here; zsh and fish are given the name itself, and quote it. What a terminal would not show as it is, is not
//! offered.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory, FromArgMatches};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use crate::checks::built_in;
use crate::cli::{Cli, Options};
use crate::environment::Environment;
use crate::exec::watch::Watch;
use crate::git::command::Git;
use crate::git::repository::{Configuration, Repository};
use crate::settings::{CheckKeys, Definitions, Key, Merged, Sources, TopKeys, read};
use crate::text::shell_word::{Shell, Word, words_of_bash};
use crate::text::{door, name, sanitize};

/// What a shell asks with.
const VARIABLE: &str = "COMPLETE";
/// Where bash begins to replace what is typed.
const BREAKS: &str = "_WTCHECK_BREAKS";

/// Whether a shell asks, and which that is known. (A variable of this name may well be set for another program.)
pub fn is_asked(environment: &Environment) -> bool {
    asking(environment).is_some()
}

fn asking(environment: &Environment) -> Option<Shell> {
    let shell = environment.get(VARIABLE).and_then(|shell| Path::new(shell).file_stem());
    shell.and_then(OsStr::to_str).and_then(Shell::of)
}

/// Answers a shell, a line for each word that is offered.
pub fn answer(args: &[OsString], environment: &Environment, out: &mut dyn Write) {
    let Some(shell) = asking(environment) else { return };
    let Some((said, word)) = typed(args, shell, environment.text(BREAKS).unwrap_or_default()) else { return };
    let here = Arc::new(Here::of(&said, environment));
    let directory = here.environment.directory().to_owned();
    let (index, words) = (said.len(), said.into_iter().chain([OsString::from(&word.meant)]).collect());
    // A word that cannot be completed is no fault that one would want to read about while typing.
    let Ok(offered) = complete(&mut offering(&here), words, index, Some(&directory)) else { return };
    let lines: String = offered.iter().filter_map(|candidate| line(candidate, &word, shell)).collect();
    let _ = door::raw(out, lines.as_bytes());
}

/// The words that are said, the program's name first, and the one that is being typed. bash gives its line, the others
/// give words: zsh all as typed, fish only the last.
fn typed(args: &[OsString], shell: Shell, breaks: &str) -> Option<(Vec<OsString>, Word)> {
    let at = args.iter().position(|word| word == "--")?;
    let (program, rest) = args[at + 1..].split_first()?;
    let (said, word): (Vec<OsString>, Word) = match (shell, rest) {
        (_, []) => (Vec::new(), Word::default()),
        (Shell::Bash, [line, ..]) => {
            let (said, word) = words_of_bash(&line.to_string_lossy(), breaks);
            (said.into_iter().map(OsString::from).collect(), word)
        }
        (_, [said @ .., last]) => {
            let meant = |raw: &OsString| match raw.to_str() {
                Some(raw) if shell == Shell::Zsh => Word::of(raw, shell).meant.into(),
                _ => raw.clone(),
            };
            (said.iter().map(meant).collect(), Word::of(&last.to_string_lossy(), shell))
        }
    };
    Some(([program.clone()].into_iter().chain(said).collect(), word))
}

/// A line for a shell: what is offered, and what is told of it where the shell shows that.
fn line(candidate: &CompletionCandidate, word: &Word, shell: Shell) -> Option<String> {
    let value = candidate.get_value().to_str().filter(|value| sanitize::is_safe(value))?;
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    let help = sanitize::line(help.lines().next().unwrap_or_default());
    let (value, sign) = match shell {
        Shell::Bash => return word.continued(value).map(|text| text + "\n"),
        Shell::Zsh => (value.replace('\\', "\\\\").replace(':', "\\:"), ':'),
        Shell::Fish => (value.to_owned(), '\t'),
    };
    Some(if help.is_empty() { format!("{value}\n") } else { format!("{value}{sign}{help}\n") })
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

    /// What is configured where one stands: worktrees have no part in it, and are not looked for.
    fn configuration(&self) -> Option<Configuration> {
        let mut watch = Watch::begin().ok()?;
        Configuration::read(&Git::new(&self.environment), &mut watch, self.environment.directory()).ok()
    }

    /// Every layer of settings; those of no repository where there is none.
    fn settings(&self) -> Merged {
        let configuration = self.configuration();
        read(&Sources {
            environment: &self.environment,
            entries: configuration.as_ref().map_or(&[], |configuration| &configuration.entries),
            toplevel: configuration.as_ref().and_then(|configuration| configuration.toplevel.as_deref()),
            named_file: self.options.as_ref().and_then(|options| options.config.as_deref()),
            profile: None,
            command_line: TopKeys::default(),
        })
    }

    /// The names that begin as what is typed. None begins as an option does: that needs no repository.
    fn names(&self, typed: &OsStr, offered: fn(&Self) -> Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
        let Some(typed) = typed.to_str().filter(|typed| !typed.starts_with('-')) else { return Vec::new() };
        let begins = |candidate: &CompletionCandidate| {
            candidate.get_value().to_str().is_some_and(|name| name.starts_with(typed))
        };
        offered(self).into_iter().filter(begins).collect()
    }

    /// Every check that is defined, whether or not it would run now.
    fn checks(&self) -> Vec<CompletionCandidate> {
        let built_in = built_in().map(|kind| (kind.name().to_owned(), "built-in check".to_owned()));
        let Definitions { checks, .. } = self.settings().definitions;
        let own = checks.iter().map(|(name, check)| {
            let description = check.keys.description.as_ref().map(|said| said.value.0.clone());
            let command = check.keys.command.as_ref().map(|command| format!("$ {}", command.value.shown()));
            (name.clone(), description.or(command).unwrap_or_else(|| "check".to_owned()))
        });
        let others = built_in.filter(|(name, _)| !checks.contains_key(name));
        candidates(others.chain(own).filter(|(name, _)| name::is_valid(name)))
    }

    /// Every profile that some layer defines.
    fn profiles(&self) -> Vec<CompletionCandidate> {
        let names = self.settings().profile_names().into_iter().filter(|name| name::is_valid(name));
        candidates(names.map(|name| (name, "profile".to_owned())))
    }

    /// Every key of the run, and of each check that is defined.
    fn keys(&self) -> Vec<CompletionCandidate> {
        let Definitions { checks, .. } = self.settings().definitions;
        let built_in = built_in().map(|kind| kind.name().to_owned());
        let checks: BTreeSet<String> = built_in.chain(checks.into_keys()).filter(|name| name::is_valid(name)).collect();
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
                // Behind `!`, a name would be one to leave out: one that begins with it cannot be given.
                if name.starts_with(typed) && !name.starts_with('!') && offered.iter().all(|(known, _)| *known != name)
                {
                    offered.push((name, help));
                }
            }
        }
        candidates(offered.into_iter().map(|(name, help)| (format!("{sign}{name}"), help)))
    }
}

fn candidates(named: impl IntoIterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let candidate = |(name, help): (String, String)| CompletionCandidate::new(name).help(Some(StyledStr::from(help)));
    named.into_iter().map(candidate).collect()
}

/// The command line with what the repository has to offer.
fn offering(here: &Arc<Here>) -> Command {
    let completer = |offered: fn(&Here) -> Vec<CompletionCandidate>| {
        let here = Arc::clone(here);
        ArgValueCompleter::new(move |typed: &OsStr| here.names(typed, offered))
    };
    let (checks, profiles, keys) = (|| completer(Here::checks), completer(Here::profiles), completer(Here::keys));
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
