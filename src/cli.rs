//! The command line: types only.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::ByteSlice;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, value_parser};

use crate::model::check::MOST_RETRIES;
use crate::settings::types::{Count, Flag, Retries, Span};
use crate::settings::{Layer, Origin, Sourced, TopKeys};
use crate::text::duration;

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
    /// It says each file that it wrote, and each line that a start-up file must have. It replaces and removes only files that it
    /// wrote itself. It needs no repository.
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

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Only these worktrees: a glob on path, folder name or branch; `!PATTERN` leaves out; repeatable
    ///
    /// `*` crosses `/`, as in `git branch --list`. What `!PATTERN` names is left out, whatever other patterns say. A pattern that
    /// matches no worktree is an error.
    #[arg(short, long, value_name = "PATTERN", global = true, allow_hyphen_values = true)]
    pub worktree: Vec<String>,
    /// Leave a check out; repeatable
    ///
    /// What needs the check, or names it in an expression, is skipped, with that reason.
    #[arg(long, value_name = "CHECK", global = true)]
    pub skip: Vec<String>,
    /// Units at a time; 0 = number of CPUs
    #[arg(short = 'j', long, alias = "jobs", value_name = "N", global = true)]
    pub max_concurrency: Option<u32>,
    /// Worktrees in waves of N: the next wave starts when the last one has ended
    #[arg(long, value_name = "N", global = true)]
    pub batch_size: Option<u32>,
    /// How long each attempt may take (500ms, 10s, 2m); 0 = for ever
    ///
    /// Typed here, it holds for every check, also for one with a timeout of its own. (A timeout for the run from any other layer
    /// gives way to the check's own.)
    #[arg(long, value_name = "DUR", value_parser = read_duration, global = true)]
    pub timeout: Option<Duration>,
    /// Extra attempts of each unit, at most 999
    ///
    /// Typed here, it holds for every check, as `--timeout` does.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(..=i64::from(MOST_RETRIES)), global = true)]
    pub retries: Option<u32>,
    /// How long the whole run may take; what has not ended by then is cancelled
    ///
    /// The exit status is 1 then.
    #[arg(long, value_name = "DUR", value_parser = read_duration, global = true)]
    pub global_timeout: Option<Duration>,
    /// Cancel everything else at the first unit that does not pass
    ///
    /// Without it, everything runs, whatever fails.
    #[arg(long, overrides_with = "no_fail_fast", global = true)]
    pub fail_fast: bool,
    /// Keep going, whatever the settings say
    #[arg(long, overrides_with = "fail_fast", global = true)]
    pub no_fail_fast: bool,
    /// Cancel everything else at the N-th unit that does not pass
    #[arg(long, value_name = "N", global = true)]
    pub max_fail: Option<u32>,
    /// What goes to standard output
    ///
    /// Without the option: `human`. `plan` and `config` know `human`, `json` and `jsonl`.
    #[arg(long, value_enum, value_name = "FORMAT", global = true)]
    pub format: Option<Format>,
    /// Lines for shell scripts: the same as `--format porcelain`
    #[arg(long, conflicts_with = "format", global = true)]
    pub porcelain: bool,
    /// End the lines of `porcelain` with NUL, and quote nothing; without `--format` and `--output`, it implies `--porcelain`
    #[arg(short = 'z', global = true)]
    pub nul: bool,
    /// Also write a report to FILE; repeatable
    ///
    /// It is written beside what goes to standard output, and takes FILE's place when it is whole. A file that cannot be opened is
    /// an error, and nothing runs; one that later cannot be written is told of, and changes neither the run nor its exit status.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = OsStringValueParser::new().try_map(|text| read_output(&text)), global = true)]
    pub output: Vec<Output>,
    /// Also write a page that shows when each attempt ran
    ///
    /// The same as `--output timings=FILE`. Without FILE, it goes to `wtcheck/timings.html` in the folder that all worktrees share,
    /// where it makes no worktree dirty.
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "FILE", global = true)]
    pub timings: Option<Option<PathBuf>>,
    /// When to use colours
    ///
    /// `--color` alone means `always`. Without the option, `color.wtcheck` and then `color.ui` say.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "always", value_name = "WHEN", global = true)]
    pub color: Option<When>,
    /// Only ASCII for signs, whatever the locale
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Show progress on standard error, even where it is no terminal's foreground
    #[arg(long, overrides_with = "no_progress", global = true)]
    pub progress: bool,
    /// Show no progress
    #[arg(long, overrides_with = "progress", global = true)]
    pub no_progress: bool,
    /// Print only what did not pass
    #[arg(short, long, conflicts_with = "verbose", global = true)]
    pub quiet: bool,
    /// Print reasons, times and whole outputs too
    ///
    /// In JSON, it adds the output of units that passed.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// This TOML file in place of the repository's .wtcheck.toml
    ///
    /// It may define commands: naming it is to approve of it.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Lay this profile over the settings
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
    /// Run as if started in DIR; repeatable, each relative to the one before
    // As in git, an empty one changes nothing.
    #[arg(short = 'C', value_name = "DIR", global = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub directory: Vec<PathBuf>,
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Human,
    /// One JSON document when the run ends
    Json,
    /// One JSON object for each event, as it happens
    Jsonl,
    /// JUnit's XML, for servers of continuous integration
    Junit,
    /// Annotations for GitHub Actions, and a page for the job's summary
    Github,
    /// A table in Markdown
    Markdown,
    /// Lines for shell scripts
    Porcelain,
    /// A page in HTML that shows when each attempt ran
    Timings,
}

/// A report that goes to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What is written.
    pub format: Format,
    /// Where to.
    pub file: PathBuf,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// In any case
    Always,
    /// Never
    Never,
}

/// `FORMAT=FILE`. The file may be of any bytes.
fn read_output(text: &OsStr) -> Result<Output, String> {
    let bytes = text.as_encoded_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=').filter(|at| *at + 1 < bytes.len());
    let at = at.ok_or("expected FORMAT=FILE, as in junit=report.xml")?;
    let name = String::from_utf8_lossy(&bytes[..at]);
    let format = Format::from_str(&name, false).map_err(|_| {
        let names: Vec<_> = Format::value_variants().iter().map(|format| format.name()).collect();
        format!("no format is named '{name}'; there are: {}", names.join(", "))
    })?;
    let file = bytes[at + 1..].to_path().map_err(|error| error.to_string())?;
    Ok(Output { format, file: file.to_owned() })
}

fn read_duration(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| format!("expected {}", duration::ACCEPTED))
}

impl Format {
    /// As it is typed.
    fn name(self) -> String {
        self.to_possible_value().map(|word| word.get_name().to_owned()).unwrap_or_default()
    }
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

impl Options {
    /// What goes to standard output.
    pub fn format(&self) -> Format {
        let implied =
            if self.porcelain || (self.nul && self.output.is_empty()) { Format::Porcelain } else { Format::Human };
        self.format.unwrap_or(implied)
    }

    /// Every report that goes to a file. `timings`: where that one goes when no file is named.
    pub fn outputs(&self, timings: &Path) -> Vec<Output> {
        let file = self.timings.as_ref().map(|file| file.clone().unwrap_or_else(|| timings.to_owned()));
        let page = file.map(|file| Output { format: Format::Timings, file });
        self.output.iter().cloned().chain(page).collect()
    }

    /// What is typed, as a layer of settings: only what is typed.
    pub fn settings(&self) -> TopKeys {
        let fail_fast = match (self.no_fail_fast, self.fail_fast) {
            (true, _) => Some(false),
            (false, true) => Some(true),
            // A number that is typed is meant, whatever a file says of the first.
            (false, false) => self.max_fail.map(|_| false),
        };
        let max_fail = self.max_fail.or(self.no_fail_fast.then_some(0));
        TopKeys {
            max_concurrency: typed(self.max_concurrency, Count),
            batch_size: typed(self.batch_size, Count),
            timeout: typed(self.timeout, Span),
            retries: typed(self.retries, Retries),
            global_timeout: typed(self.global_timeout, Span),
            fail_fast: typed(fail_fast, Flag),
            max_fail: typed(max_fail, Count),
            ..TopKeys::default()
        }
    }
}

fn typed<T, S>(value: Option<T>, setting: impl Fn(T) -> S) -> Option<Sourced<S>> {
    value.map(|value| Sourced { value: setting(value), origin: Origin::of(Layer::CommandLine) })
}
