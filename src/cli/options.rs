//! The options that every command takes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::ByteSlice;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, ValueEnum, value_parser};

use crate::model::check::MOST_RETRIES;
use crate::settings::types::{Count, Flag, Retries, Span, Words};
use crate::settings::{Layer, Origin, Sourced, TopKeys};
use crate::text::duration;

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Only these worktrees: a glob on path, folder name or branch; `!PATTERN` leaves out; repeatable
    ///
    /// `*` crosses `/`, as in `git branch --list`. What `!PATTERN` names is left out, whatever other patterns say. A
    /// pattern that matches no worktree is an error.
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
    /// Typed here, it holds for every check, also for one with a timeout of its own. (A timeout for the run from any
    /// other layer gives way to the check's own.)
    #[arg(long, value_name = "DUR", value_parser = read_duration, global = true)]
    pub timeout: Option<Duration>,
    /// Extra attempts of each unit, at most 999
    ///
    /// Typed here, it holds for every check, as `--timeout` does.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(..=i64::from(MOST_RETRIES)), global = true)]
    pub retries: Option<u32>,
    /// Hold commits against this branch; repeatable
    ///
    /// `risk` asks whether they have landed there. Without it: what the branch tracks, where that is another branch; the
    /// default branch of the remote; main, master or trunk.
    #[arg(long, value_name = "REF", global = true)]
    pub base: Vec<String>,
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
    /// End the lines of `porcelain` with NUL, and quote nothing; without `--format` and `--output`, it implies
    /// `--porcelain`
    #[arg(short = 'z', global = true)]
    pub nul: bool,
    /// Also write a report to FILE; repeatable
    ///
    /// It is written beside what goes to standard output, and takes FILE's place when it is whole. A file that cannot
    /// be opened is an error, and nothing runs; one that later cannot be written is told of, and changes neither the
    /// run nor its exit status.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = OsStringValueParser::new().try_map(|text| read_output(&text)), global = true)]
    pub output: Vec<Output>,
    /// Also write a page that shows when each attempt ran
    ///
    /// The same as `--output timings=FILE`. Without FILE, it goes to `wtcheck/timings.html` in the folder that all
    /// worktrees share, where it makes no worktree dirty.
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
    pub fn name(self) -> String {
        self.to_possible_value().map(|word| word.get_name().to_owned()).unwrap_or_default()
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
            base: typed((!self.base.is_empty()).then(|| self.base.clone()), Words),
            ..TopKeys::default()
        }
    }
}

fn typed<T, S>(value: Option<T>, setting: impl Fn(T) -> S) -> Option<Sourced<S>> {
    value.map(|value| Sourced { value: setting(value), origin: Origin::of(Layer::CommandLine) })
}
