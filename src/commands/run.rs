//! `git wtcheck [run]`: carries the plan out.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::{Cli, Format, Options, Output};
use crate::commands::{Io, Prepared};
use crate::error::{Error, status};
use crate::exec::clock::Clock;
use crate::exec::dispatcher::{self, Surroundings};
use crate::exec::process;
use crate::exec::unit::Processes;
use crate::exec::watch::Watch;
use crate::model::environment::{Environment, is_in_foreground};
use crate::report::github::Github;
use crate::report::json::{Json, Stream};
use crate::report::junit::Junit;
use crate::report::links;
use crate::report::live::{self, Live, Terminal};
use crate::report::markdown::Markdown;
use crate::report::porcelain::Porcelain;
use crate::report::screen::Size;
use crate::report::style::Look;
use crate::report::table::{Detail, Table};
use crate::report::timings::Timings;
use crate::report::{Reporter, Reports, taskbar};
use crate::settings::Diagnostic;

/// Carries the plan out and shows it. Gives the exit status: the record's, but never 0 where a report was lost.
pub fn run(
    prepared: Prepared,
    cli: &Cli,
    environment: &Environment,
    watch: &mut Watch,
    io: &mut Io<'_>,
) -> Result<u8, Error> {
    let Prepared { git, plan, look, progress_look, .. } = prepared;
    let most = process::most_at_a_time();
    if plan.max_concurrency > most {
        let text = format!("the limit of open files allows only {most} at a time");
        super::tell(io.err, &[("warning", text), ("hint", "'ulimit -n' raises it".to_owned())], prepared.hints);
    }
    let options = &cli.options;
    let verbose = options.verbose > 0;
    let drawing = draws_progress(options, environment);
    let mut reporters: Vec<Box<dyn Reporter + '_>> = Vec::new();
    if drawing {
        let always = options.progress;
        reporters.push(Box::new(Live::new(
            progress_look,
            Terminal {
                out: Box::new(io::stderr()),
                size: Box::new(Size::of_standard_error),
                is_ours: Box::new(move || always || is_in_foreground()),
                taskbar: taskbar::supported(environment),
            },
        )));
    }
    let shown = Shown { look, detail: detail(options), verbose, nul: options.nul, started_at: Timestamp::now() };
    let out = Box::new(&mut *io.out);
    reporters.push(shown.reporter(options.format(), out, environment)?);
    let plain = Shown { look: Look { colour: false, ..look }, ..shown };
    let on_file = environment.on_file();
    let outputs = options.outputs(&plan.common_dir.join("wtcheck/timings.html"));
    let page = outputs.last().filter(|_| options.timings.is_some()).map(|output| output.file.clone());
    if let (Some(Some(folder)), Some(None)) = (page.as_deref().map(Path::parent), &options.timings) {
        std::fs::create_dir_all(folder).map_err(|error| unopened(folder, &error))?;
    }
    for file in open(&outputs, environment)? {
        reporters.push(plain.reporter(file.0, Box::new(file.1), &on_file)?);
    }
    let reports = RefCell::new(Reports::new(reporters, verbose));

    let (sessions, looks) = (watch.sessions(), watch.looks());
    watch.over(async |listening| {
        let clock = Clock::default();
        let executor = Arc::new(Processes::new(git, clock.clone(), sessions, verbose).with_looks(looks));
        let time = clock.clone();
        let surroundings = Surroundings { clock, orders: listening.orders, random: fastrand::Rng::new(), most };
        let mut emit = |event: &crate::event::Event| reports.borrow_mut().event(event);
        let running = dispatcher::run(Arc::new(plan), executor, surroundings, &mut emit);
        let drawing = async {
            if !drawing {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(live::DELAY).await;
            loop {
                reports.borrow_mut().tick(time.now());
                tokio::time::sleep(live::REDRAW).await;
            }
        };
        tokio::select! {
            () = running => {}
            () = drawing => {}
        }
    });
    let (record, broken) = reports.into_inner().finish(environment.stdout_is_terminal);
    for error in &broken {
        super::tell(io.err, &[("error", format!("cannot write the report: {error}"))], prepared.hints);
    }
    if let Some(page) = page.filter(|_| broken.is_empty() && !options.quiet) {
        super::tell(io.err, &[("timings", page.display().to_string())], prepared.hints);
    }
    Ok(match record.exit_code() {
        // Who reads half a report must not take the exit status for its other half.
        0 if !broken.is_empty() => status::FATAL,
        code => code,
    })
}

/// What reports have in common.
struct Shown {
    look: Look,
    detail: Detail,
    verbose: bool,
    nul: bool,
    started_at: Timestamp,
}

impl Shown {
    /// Where formats are chosen. `environment` is what `out` is: a terminal of some width, or none.
    fn reporter<'a>(
        &self,
        format: Format,
        out: Box<dyn Write + 'a>,
        environment: &Environment,
    ) -> Result<Box<dyn Reporter + 'a>, Error> {
        let pretty = Stream::Document { pretty: environment.stdout_is_terminal };
        Ok(match format {
            Format::Human => {
                let links = self.look.colour && links::supported(environment);
                let table = Table::new(out, self.look, self.detail, environment.width);
                Box::new(table.linked(links).seen_from(environment.directory()))
            }
            Format::Json => Box::new(Json::new(out, pretty, self.started_at, self.verbose)),
            Format::Jsonl => Box::new(Json::new(out, Stream::Lines, self.started_at, self.verbose)),
            Format::Junit => Box::new(Junit::new(out, self.started_at, self.verbose)),
            Format::Github => Box::new(Github::new(out, step_summary(environment)?)),
            Format::Markdown => Box::new(Markdown::new(out)),
            Format::Porcelain => Box::new(Porcelain::new(out, self.nul)),
            Format::Timings => Box::new(Timings::new(out, self.started_at)),
        })
    }
}

const fn detail(options: &Options) -> Detail {
    match (options.quiet, options.verbose) {
        (true, _) => Detail::Quiet,
        (false, 0) => Detail::Normal,
        (false, _) => Detail::Verbose,
    }
}

/// The page of a job's summary, to which a workflow's steps append.
fn step_summary<'a>(environment: &Environment) -> Result<Option<Box<dyn Write + 'a>>, Error> {
    let Some(path) = environment.get("GITHUB_STEP_SUMMARY") else { return Ok(None) };
    let path = environment.directory().join(path);
    match File::options().append(true).create(true).open(&path) {
        Ok(file) => Ok(Some(Box::new(Target { path, file }))),
        Err(error) => Err(unopened(&path, &error)),
    }
}

/// The files that reports go to, each emptied. Two reports cannot share one.
fn open(outputs: &[Output], environment: &Environment) -> Result<Vec<(Format, Target)>, Error> {
    let paths: Vec<_> = outputs.iter().map(|output| environment.directory().join(&output.file)).collect();
    for (index, path) in paths.iter().enumerate() {
        if paths[..index].contains(path) {
            let problem = format!("two reports would go to '{}'", path.display());
            return Err(Error::from(vec![Diagnostic::new(problem)]));
        }
    }
    // All are opened before one is emptied: where one cannot be, the others are as they were.
    let open = |path: &PathBuf| File::options().write(true).create(true).truncate(false).open(path);
    let files: Vec<_> =
        paths.iter().map(|path| open(path).map_err(|error| unopened(path, &error))).collect::<Result<_, _>>()?;
    let mut targets = Vec::new();
    for ((output, path), file) in outputs.iter().zip(paths).zip(files) {
        // What is no regular file (a pipe, /dev/null) cannot be emptied, and need not be.
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            file.set_len(0).map_err(|error| unopened(&path, &error))?;
        }
        targets.push((output.format, Target { path, file }));
    }
    Ok(targets)
}

/// A file that names itself in what keeps it from being written.
struct Target {
    path: PathBuf,
    file: File,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| match error.kind() {
            // The one error that asks for another try.
            ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("'{}': {error}", self.path.display())),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that cannot be opened is told of before anything runs.
fn unopened(path: &Path, error: &io::Error) -> Error {
    Error::from(vec![Diagnostic::new(format!("cannot write to '{}': {error}", path.display()))])
}

/// As git does: asked for, or on a terminal of which this is the foreground. Never where lines come to the terminal while
/// units run: they are the progress.
fn draws_progress(options: &Options, environment: &Environment) -> bool {
    if options.format() == Format::Jsonl && environment.stdout_is_terminal {
        return false;
    }
    if options.progress || options.no_progress {
        return options.progress && environment.stderr_is_terminal;
    }
    !options.quiet
        && environment.stderr_is_terminal
        && environment.in_foreground
        && environment.text("TERM").is_none_or(|term| term != "dumb")
}
