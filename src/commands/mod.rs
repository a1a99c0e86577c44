//! The commands: each wires the stages and holds no logic of its own.

pub mod plan;
pub mod run;

use std::io::Write;

use crate::cli::{Cli, When};
use crate::git::command::Git;
use crate::git::config::{self, Entry, boolean};
use crate::git::repository::{GitError, Repository};
use crate::model::environment::Environment;
use crate::plan::{Plan, Selection};
use crate::report::sanitize;
use crate::report::style::Look;
use crate::settings::{Diagnostic, Settings, Sources, read};

/// Where output goes.
pub struct Io<'a> {
    /// Standard output: the report and nothing else.
    pub out: &'a mut dyn Write,
    /// Standard error: warnings, hints, what went wrong.
    pub err: &'a mut dyn Write,
}

/// Everything that is settled before a plan is carried out or shown.
pub struct Prepared {
    /// git.
    pub git: Git,
    /// The frozen plan.
    pub plan: Plan,
    /// How reports look.
    pub look: Look,
    /// What to warn of.
    pub warnings: Vec<Diagnostic>,
    /// Whether hints are wanted.
    pub hints: bool,
}

/// Why nothing could be prepared.
pub enum Refusal {
    /// git refuses.
    Git(GitError),
    /// Settings or the selection are wrong; with the warnings that came before, and whether hints are wanted.
    Settings {
        /// What is wrong.
        errors: Vec<Diagnostic>,
        /// What to warn of.
        warnings: Vec<Diagnostic>,
        /// Whether hints are wanted.
        hints: bool,
    },
}

/// Finds the repository, reads the settings, makes the plan.
pub fn prepare(cli: &Cli, environment: &Environment) -> Result<Prepared, Refusal> {
    let git = Git::new(environment);
    let Repository { common_dir, toplevel, worktrees, config } =
        Repository::discover(&git, environment.directory()).map_err(Refusal::Git)?;
    let hints = hints(&config, environment);
    let sources = Sources {
        environment,
        entries: &config,
        toplevel: toplevel.as_deref(),
        named_file: cli.options.config.as_deref(),
        command_line: cli.options.settings(),
    };
    let merged = read(&sources);
    let early = merged.warnings.clone();
    let refuse = |errors, warnings| Refusal::Settings { errors, warnings, hints };
    let mut settings = Settings::resolve(merged).map_err(|errors| refuse(errors, early.clone()))?;
    let warnings = std::mem::take(&mut settings.warnings);
    let selection = Selection {
        checks: cli.named_checks(),
        skip: cli.options.skip.clone(),
        worktrees: cli.options.worktree.clone(),
        directory: environment.directory().to_owned(),
    };
    let plan = Plan::new(settings, &selection, common_dir, worktrees, environment.cpus)
        .map_err(|errors| refuse(errors, early))?;
    let look = Look { colour: colour(cli.options.color, &config, environment), ascii: is_ascii(environment) };
    Ok(Prepared { git, plan, look, warnings, hints })
}

/// Whether to use colours: the option, then `color.wtcheck`, then `color.ui`, then by what standard output is.
fn colour(said: Option<When>, entries: &[Entry], environment: &Environment) -> bool {
    let of_entry = |key: &str| {
        let value = config::last(entries, key)?.value.as_ref().map(|value| value.as_slice());
        match value {
            Some(b"always") => Some(When::Always),
            Some(b"never") => Some(When::Never),
            Some(b"auto") => Some(When::Auto),
            // As git has it, "true" means where it makes sense.
            other => boolean(other).map(|flag| if flag { When::Auto } else { When::Never }),
        }
    };
    match said.or_else(|| of_entry("color.wtcheck")).or_else(|| of_entry("color.ui")).unwrap_or(When::Auto) {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let terminal = environment.stdout_is_terminal
                || environment
                    .text("GIT_PAGER_IN_USE")
                    .is_some_and(|flag| boolean(Some(flag.as_bytes())) == Some(true));
            terminal
                && environment.text("TERM").is_none_or(|term| term != "dumb")
                && environment.get("NO_COLOR").is_none()
        }
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
    let said = config::last(entries, "advice.wtcheck")
        .and_then(|entry| boolean(entry.value.as_ref().map(|value| value.as_slice())));
    let asked = environment.text("GIT_ADVICE").and_then(|value| boolean(Some(value.as_bytes())));
    said.unwrap_or(true) && asked.unwrap_or(true)
}

/// Writes messages in git's style. What cannot be told cannot be told: nothing depends on it.
pub fn tell(err: &mut dyn Write, lines: &[(&'static str, String)], hints: bool) {
    for (level, text) in lines.iter().filter(|(level, _)| hints || *level != "hint") {
        for (index, line) in text.lines().enumerate() {
            // Lines of one message that quote something keep their place below it.
            let prefix = if index == 0 || *level == "hint" { format!("{level}: ") } else { String::new() };
            let _ = writeln!(err, "{prefix}{}", sanitize::line(line));
        }
    }
    let _ = err.flush();
}
