//! The command line: types only.

mod options;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use options::{Format, Options, Output, When};

/// What is typed.
#[derive(Debug, Parser)]
#[command(
    name = "git-wtcheck",
    bin_name = "git wtcheck",
    version,
    about = "Run configured checks over every worktree of a repository at once",
    long_about = None,
    disable_help_subcommand = true,
    subcommand_precedence_over_arg = true,
    args_override_self = true,
    max_term_width = 100,
    after_help = "Exit status: 0 every unit passed or was skipped; 1 some did not pass; 2 a wrong setting or pattern;\n128 git refuses; 129 usage; 128+N ended by signal N. See 'git wtcheck --help' for the manual."
)]
pub struct Cli {
    /// Options, before or after a command.
    #[command(flatten)]
    pub options: Options,
    /// What to do; without one: run the checks that are named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Checks to run, by name, in place of the configured pipeline
    #[arg(value_name = "CHECK")]
    pub checks: Vec<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline (what happens without a command)
    Run(Run),
    /// Show what would run where, and why not; run nothing
    Plan(Plan),
    /// Show, explain, check and begin settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Approve what this repository's .wtcheck.toml would run
    Trust(Trust),
    /// Take back every approval for this repository
    Untrust(Untrust),
    /// Install the manual page and the completions for this user, or remove them
    ///
    /// It says each file that it wrote, and each line that a start-up file must have. It replaces and removes only
    /// files that it wrote itself. It needs no repository.
    Setup(Setup),
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the settings in effect as TOML, each with where it comes from
    Show(Show),
    /// Show what every layer says of a key, which one wins, and what the key means
    Explain(Explain),
    /// Find everything that is wrong with the settings; unknown keys are errors here
    Validate(Validate),
    /// Print the JSON Schema of settings files
    Schema(Schema),
    /// Write a commented starting point, made for what lies in the worktree
    Init(Init),
}

/// The settings in effect.
#[derive(Debug, Args)]
pub struct Show {}

/// Which key is explained.
#[derive(Debug, Args)]
pub struct Explain {
    /// `timeout`, `check.test.timeout`, or as gitconfig has it: `wtcheck.test.timeout`
    #[arg(value_name = "KEY")]
    pub key: String,
}

/// What is validated.
#[derive(Debug, Args)]
pub struct Validate {
    /// This file in place of the repository's .wtcheck.toml
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// The schema of settings files.
#[derive(Debug, Args)]
pub struct Schema {}

/// Where a starting point is written.
#[derive(Debug, Args)]
pub struct Init {
    /// Into the repository's .git/config (the default)
    #[arg(long, conflicts_with = "file")]
    pub local: bool,
    /// Into .wtcheck.toml at the top of this worktree
    #[arg(long)]
    pub file: bool,
}

/// How to approve.
#[derive(Debug, Args)]
pub struct Trust {
    /// Approve without asking
    #[arg(short, long, conflicts_with = "list")]
    pub yes: bool,
    /// Show every approval there is, of all repositories
    #[arg(long)]
    pub list: bool,
}

/// What is no longer approved: all of this repository's.
#[derive(Debug, Args)]
pub struct Untrust {}

/// What is installed, and where.
#[derive(Debug, Args)]
pub struct Setup {
    /// Into folders below DIR/share, in place of this user's own
    #[arg(long, value_name = "DIR")]
    pub prefix: Option<PathBuf>,
    /// Completions for this shell only; repeatable
    ///
    /// Without it: for all three. The manual page comes in any case.
    #[arg(long, value_enum, value_name = "SHELL")]
    pub shell: Vec<Shell>,
    /// Remove what was installed
    #[arg(long)]
    pub uninstall: bool,
    /// Say what would be done; do nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// A shell that can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

/// What runs.
#[derive(Debug, Args)]
pub struct Run {
    /// Checks by name, in place of the configured pipeline
    #[arg(value_name = "CHECK")]
    pub checks: Vec<String>,
}

/// What would run.
#[derive(Debug, Args)]
pub struct Plan {
    /// Checks by name, in place of the configured pipeline
    #[arg(value_name = "CHECK")]
    pub checks: Vec<String>,
}

impl Cli {
    /// What is wrong with words that each are right.
    pub fn misfit(&self) -> Option<String> {
        let options = &self.options;
        if let (Some(_), [check, ..]) = (&self.command, self.checks.as_slice()) {
            return Some(format!("'{check}' stands before the command; checks are named after it"));
        }
        let format = options.format();
        let shown = format.name();
        let has_porcelain =
            options.output.iter().map(|output| output.format).chain([format]).any(|f| f == Format::Porcelain);
        if options.nul && !has_porcelain {
            return Some(format!("-z is for the format 'porcelain', not '{shown}'"));
        }
        if matches!(self.command, Some(Command::Run(_)) | None) {
            return None;
        }
        if !options.output.is_empty() {
            return Some("--output is for runs".to_owned());
        }
        if options.timings.is_some() {
            return Some("--timings is for runs".to_owned());
        }
        let known = matches!(format, Format::Human | Format::Json | Format::Jsonl);
        (!known).then(|| format!("the format '{shown}' is for runs; this command knows human, json and jsonl"))
    }
}
