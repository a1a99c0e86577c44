//! `git wtcheck [run]`: carries the plan out.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::cli::{Cli, Format, Options};
use crate::commands::outputs::{self, Outputs};
use crate::commands::{Io, Prepared};
use crate::environment::Environment;
use crate::error::{Error, status};
use crate::event::{Event, EventKind};
use crate::exec::clock::Clock;
use crate::exec::dispatcher::{self, Surroundings};
use crate::exec::readers::{self, Wait};
use crate::exec::source::Sources;
use crate::exec::watch::Watch;
use crate::exec::{process, refresh};
use crate::model::backlog::Backlog;
use crate::plan::Plan;
use crate::report::live::{self, Live, Terminal};
use crate::report::outlet::{Outlet, Outlets};
use crate::report::style::Look;
use crate::report::{Reporter, Reports, taskbar};
use crate::terminal::{Size, is_in_foreground};
use crate::text::message::tell;

/// Carries the plan out and shows it. Gives the exit status: the record's, but never 0 where a report was lost.
pub fn run(
    prepared: Prepared,
    cli: &Cli,
    environment: &Environment,
    watch: &mut Watch,
    io: &mut Io<'_>,
) -> Result<u8, Error> {
    let Prepared { git, plan, look, progress_look, hints, .. } = prepared;
    let most = process::most_at_a_time();
    if plan.max_concurrency > most {
        let text = format!("the limit of open files allows only {most} at a time");
        tell(io.err, &[("warning", text), ("hint", "'ulimit -n' raises it".to_owned())], hints);
    }
    let options = &cli.options;
    let verbose = options.verbose > 0;
    let backlog = Backlog::default();
    let mut outlets = Outlets::new(backlog.clone());
    let mut errors = outputs::standard(&mut outlets, io::stderr()).map_err(Error::cannot("write to standard error"))?;
    let drawing = draws_progress(options, environment);
    let Outputs { reporters, page } = outputs::open(options, home(&plan), look, environment, &mut outlets)?;
    let progress = drawing.then(|| progress(&errors, progress_look, options.progress, environment));
    let reports = RefCell::new(Reports::new(progress.into_iter().chain(reporters).collect(), verbose));

    let (sessions, looks) = (watch.sessions(), watch.looks());
    watch.over(async |listening| {
        let clock = Clock::default();
        let executor = Arc::new(Sources::new(git.clone(), clock.clone(), Arc::clone(&sessions), looks));
        let time = clock.clone();
        let orders = &mut *listening.orders;
        let surroundings = Surroundings { clock, orders, random: fastrand::Rng::new(), most, backlog: backlog.clone() };
        let mut emit = |event: &Event| {
            reports.borrow_mut().event(event);
            if matches!(event.kind, EventKind::Suspending) {
                errors.settle(live::LAST_DRAWING);
            }
        };
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

        let is_interrupted = reports.borrow().record.signal.is_some();
        if let Wait::Signal(number) = readers::wait(&backlog, listening.orders, is_interrupted).await {
            return Ok(status::of_signal(number));
        }
        let (record, broken) = reports.into_inner().finish(environment.terminals.output);
        let mut told: Vec<_> =
            broken.iter().map(|error| ("error", format!("cannot write the report: {error}"))).collect();
        told.extend(
            page.filter(|_| broken.is_empty() && !options.quiet).map(|page| ("timings", page.display().to_string())),
        );
        tell(&mut errors, &told, hints);
        if let Wait::Signal(number) = readers::wait(&backlog, listening.orders, is_interrupted).await {
            return Ok(status::of_signal(number));
        }
        if let Some(number) = refresh::after(&record, &git, most, &sessions, listening).await {
            return Ok(status::of_signal(number));
        }
        Ok(match record.exit_code() {
            // Who reads half a report must not take the exit status for its other half.
            0 if !broken.is_empty() => status::FATAL,
            code => code,
        })
    })
}

/// The folder in which a page of timings lies where no file is named: the first repository's.
fn home(plan: &Plan) -> &Path {
    plan.repositories.first().map_or(Path::new(""), |repository| &repository.common_dir)
}

/// Progress, drawn on the terminal that is standard error.
fn progress<'a>(errors: &Outlet, look: Look, always: bool, environment: &Environment) -> Box<dyn Reporter + 'a> {
    let drawn = errors.clone();
    let terminal = Terminal {
        out: Box::new(errors.clone()),
        size: Box::new(Size::of_standard_error),
        is_ours: Box::new(move || always || is_in_foreground()),
        is_behind: Box::new(move || drawn.is_behind()),
        taskbar: taskbar::supported(environment),
    };
    Box::new(Live::new(look, terminal))
}

/// As git does: asked for, or on a terminal of which this is the foreground. Never where lines come to the terminal while
/// units run: they are the progress.
fn draws_progress(options: &Options, environment: &Environment) -> bool {
    if options.format() == Format::Jsonl && environment.terminals.output {
        return false;
    }
    if options.progress || options.no_progress {
        return options.progress && environment.terminals.errors;
    }
    !options.quiet
        && environment.terminals.errors
        && is_in_foreground()
        && environment.text("TERM").is_none_or(|term| term != "dumb")
}
