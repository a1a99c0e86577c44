//! The commands: each wires the stages and holds no logic of its own.

pub mod config;
pub mod init;
mod outputs;
pub mod plan;
pub mod run;
pub mod setup;
pub mod trust;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use serde::Serialize;

use crate::cli::{Cli, When};
use crate::environment::Environment;
use crate::error::Error;
use crate::exec::watch::Watch;
use crate::git::command::Git;
use crate::git::config::{Entry, boolean, last};
use crate::git::repository::{GitError, Repository};
use crate::model::worktree::Worktree;
use crate::plan::{Plan, Selection};
use crate::report::git_colour;
use crate::report::json;
use crate::report::style::{Look, Palette, SLOTS};
use crate::settings::trust::Store;
use crate::settings::{Diagnostic, Faults, Layer, Merged, Origin, Settings, Sources, read};
use crate::text::door;

/// Where output goes.
pub struct Io<'a> {
    /// Standard input: only ever asked for a yes or a no.
    pub input: &'a mut dyn BufRead,
    /// Standard output: the report and nothing else.
    pub out: &'a mut dyn Write,
    /// Standard error: warnings, hints, what went wrong.
    pub err: &'a mut dyn Write,
}

/// What is known once the repository is found and its settings are read.
pub struct Survey {
    /// git.
    pub git: Git,
    /// The folder that all worktrees share.
    pub common_dir: PathBuf,
    /// The top of the worktree in which the user stands.
    pub toplevel: Option<PathBuf>,
    /// Every worktree.
    pub worktrees: Vec<Worktree>,
    /// git's configuration.
    pub entries: Vec<Entry>,
    /// Every layer of settings.
    pub merged: Merged,
    /// Where approvals are kept.
    pub store: Option<Store>,
    /// How reports look.
    pub look: Look,
    /// How progress looks, which goes to standard error.
    pub progress_look: Look,
    /// Whether hints are wanted.
    pub hints: bool,
}

/// Finds the repository and reads the settings. `file` stands in for the repository's own file.
pub fn survey(
    cli: &Cli,
    environment: &Environment,
    file: Option<&Path>,
    watch: &mut Watch,
) -> Result<Survey, GitError> {
    let git = Git::new(environment);
    let found = Repository::discover(&git, watch, environment.directory())?;
    let Repository { common_dir, toplevel, worktrees, config } = found;
    let sources = Sources {
        environment,
        entries: &config,
        toplevel: toplevel.as_deref(),
        named_file: file.or(cli.options.config.as_deref()),
        profile: cli.options.profile.as_deref(),
        command_line: cli.options.settings(),
    };
    let mut merged = read(&sources);
    let store = Store::of(environment);
    if merged.asks_for_approval() && store.as_ref().is_some_and(|store| store.approves(&common_dir, &merged.code)) {
        merged.approve();
    }
    let wanted = colour(cli.options.color, &config, &mut merged.warnings);
    let look = Look {
        colour: wanted.unwrap_or_else(|| shows_colours(environment)),
        ascii: cli.options.ascii || is_ascii(environment),
        palette: palette(&config, &mut merged.warnings),
    };
    let on_error = wanted.unwrap_or_else(|| environment.terminals.errors && takes_colours(environment));
    let progress_look = Look { colour: on_error, ..look };
    let hints = hints(&config, environment);
    Ok(Survey { git, common_dir, toplevel, worktrees, entries: config, merged, store, look, progress_look, hints })
}

/// Everything that is settled before a plan is carried out or shown.
pub struct Prepared {
    /// git.
    pub git: Git,
    /// The frozen plan.
    pub plan: Plan,
    /// How reports look.
    pub look: Look,
    /// How progress looks.
    pub progress_look: Look,
    /// What to warn of.
    pub warnings: Vec<Diagnostic>,
    /// Whether hints are wanted.
    pub hints: bool,
}

/// Why nothing could be prepared: what is wrong, and what to warn of besides.
pub struct Refusal {
    /// What is wrong.
    pub errors: Faults,
    /// What to warn of.
    pub warnings: Vec<Diagnostic>,
}

/// Resolves the settings and makes the plan. `to_run`: whether it will be carried out.
pub fn prepare(survey: Survey, cli: &Cli, environment: &Environment, to_run: bool) -> Result<Prepared, Refusal> {
    let Survey { git, common_dir, worktrees, merged, look, progress_look, hints, .. } = survey;
    let warnings = merged.warnings.clone().into_told();
    let selection = Selection {
        checks: cli.named_checks(),
        skip: cli.options.skip.clone(),
        worktrees: cli.options.worktree.clone(),
        directory: environment.directory().to_owned(),
        approved_only: to_run,
    };
    let plan = Settings::resolve(merged)
        .and_then(|settings| Plan::new(settings, &selection, common_dir, worktrees, environment.cpus));
    match plan {
        Ok(plan) => Ok(Prepared { git, plan, look, progress_look, warnings, hints }),
        Err(errors) => Err(Refusal { errors, warnings }),
    }
}

/// Whether to use colours: the option, then `color.wtcheck`, then `color.ui`. None: it depends on where they would go.
fn colour(said: Option<When>, entries: &[Entry], warnings: &mut Faults) -> Option<bool> {
    let mut of_entry = |key: &str| {
        let entry = last(entries, key)?;
        let value = entry.value.as_ref().map(|value| value.as_slice());
        let when = match value {
            Some(word) if word.eq_ignore_ascii_case(b"always") => Some(When::Always),
            Some(word) if word.eq_ignore_ascii_case(b"never") => Some(When::Never),
            Some(word) if word.eq_ignore_ascii_case(b"auto") => Some(When::Auto),
            // As git has it, "true" means where it makes sense.
            other => boolean(other).map(|flag| if flag { When::Auto } else { When::Never }),
        };
        if when.is_none() {
            warnings.add(|| not_used(entry, "expected auto, always, never, true or false"));
        }
        when
    };
    match said.or_else(|| of_entry("color.wtcheck")).or_else(|| of_entry("color.ui")).unwrap_or(When::Auto) {
        When::Always => Some(true),
        When::Never => Some(false),
        When::Auto => None,
    }
}

/// Whether standard output is shown by what takes colours: a terminal, or the pager that git has started.
fn shows_colours(environment: &Environment) -> bool {
    let pager = environment.text("GIT_PAGER_IN_USE");
    let is_shown =
        environment.terminals.output || pager.is_some_and(|flag| boolean(Some(flag.as_bytes())) == Some(true));
    is_shown && takes_colours(environment)
}

/// Whether nothing in the environment speaks against colours on a terminal.
pub fn takes_colours(environment: &Environment) -> bool {
    environment.text("TERM").is_none_or(|term| term != "dumb") && environment.get("NO_COLOR").is_none()
}

/// The colours that `color.wtcheck.SLOT` chooses. As in git, a slot that is not known is another version's.
fn palette(entries: &[Entry], warnings: &mut Faults) -> Palette {
    let mut palette = Palette::BUILT_IN;
    for (slot, (name, _)) in SLOTS.iter().enumerate() {
        let Some(entry) = last(entries, &format!("color.wtcheck.{name}")) else { continue };
        let said = entry.value.as_ref().and_then(|value| value.to_str().ok());
        match said.and_then(git_colour::parse) {
            Some(style) => palette.choose(slot, style),
            None => warnings.add(|| not_used(entry, "expected a colour, such as 'bold red'")),
        }
    }
    palette
}

/// A value of git's configuration that is not understood, and so not used.
fn not_used(entry: &Entry, expected: &str) -> Diagnostic {
    let origin = Origin { layer: Layer::of_scope(entry.scope), file: Some(entry.origin.clone()) };
    Diagnostic {
        origin: Some(origin),
        key: Some(entry.key.clone()),
        value: entry.value.as_ref().map(ToString::to_string),
        ..Diagnostic::new(format!("{expected}; it is not used"))
    }
}

/// Whether the locale is one without UTF-8.
fn is_ascii(environment: &Environment) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment.text(name));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

fn hints(entries: &[Entry], environment: &Environment) -> bool {
    let said =
        last(entries, "advice.wtcheck").and_then(|entry| boolean(entry.value.as_ref().map(|value| value.as_slice())));
    let asked = environment.text("GIT_ADVICE").and_then(|value| boolean(Some(value.as_bytes())));
    said.unwrap_or(true) && asked.unwrap_or(true)
}

/// Writes text for people to standard output.
fn put(io: &mut Io<'_>, text: &str) -> Result<(), Error> {
    written(door::put(io.out, text))
}

/// Writes JSON to standard output.
fn put_json(io: &mut Io<'_>, value: &impl Serialize, pretty: bool, doing: &'static str) -> Result<(), Error> {
    let mut text = Vec::new();
    json::write(&mut text, value, pretty).map_err(Error::cannot(doing))?;
    written(door::raw(io.out, &text))
}

/// A reader that has seen enough is no fault.
fn written(result: std::io::Result<()>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::cannot("write to standard output")(error))
        }
        _ => Ok(()),
    }
}
