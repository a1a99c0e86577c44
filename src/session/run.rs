//! The last stage: a plan is carried out, its reports are written, and their readers waited for.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{Error, status};
use crate::event::{Event, EventKind};
use crate::exec::clock::Clock;
use crate::exec::dispatcher::{self, Surroundings};
use crate::exec::readers::{self, Wait};
use crate::exec::signal::Listening;
use crate::exec::source::Sources;
use crate::exec::{process, refresh};
use crate::git::config_memory;
use crate::git::errand::Interrupted;
use crate::model::backlog::Backlog;
use crate::plan::Plan;
use crate::report::live::{self, Live, Terminal};
use crate::report::outlet::{Outlet, Outlets};
use crate::report::{Reporter, Reports};
use crate::session::outputs::{self, Outputs};
use crate::session::{Planned, Session};
use crate::terminal::{Size, is_in_foreground};
use crate::text::message::tell;
use crate::text::signal;

/// A signal of this number has ended the wait for something.
struct Signalled(i32);

impl Session<'_> {
    /// Carries a plan out and shows it. Gives the exit status: the record's, but never 0 where a report was lost.
    pub fn run(&mut self, planned: Planned, err: &mut dyn Write) -> Result<u8, Error> {
        let Planned { plan, ui } = planned;
        let Self { options, environment, git, watch, memory } = self;
        let most = process::most_at_a_time();
        if plan.max_concurrency > most {
            let text = format!("the limit of open files allows only {most} at a time");
            tell(err, &[("warning", text), ("hint", "'ulimit -n' raises it".to_owned())], ui.hints);
        }
        let verbose = options.verbose > 0;
        let backlog = Backlog::default();
        let mut outlets = Outlets::new(backlog.clone());
        let mut errors =
            outputs::standard(&mut outlets, io::stderr()).map_err(Error::cannot("write to standard error"))?;
        let Outputs { reporters, page } = outputs::open(options, home(&plan), ui, environment, &mut outlets)?;
        let terminal = terminal(&errors, options.progress, ui.taskbar);
        let progress = ui.progress.then(|| Box::new(Live::new(ui.progress_look, terminal)) as Box<dyn Reporter>);
        let reports = RefCell::new(Reports::new(progress.into_iter().chain(reporters).collect(), verbose));

        let (sessions, looks) = (watch.sessions(), watch.looks());
        let ended = watch.over(async |listening| {
            let clock = Clock::default();
            let executor = Arc::new(Sources::new(git.clone(), clock.clone(), Arc::clone(&sessions), looks));
            let sources = Arc::clone(&executor);
            let (time, orders) = (clock.clone(), &mut *listening.orders);
            let surroundings =
                Surroundings { clock, orders, random: fastrand::Rng::new(), most, backlog: backlog.clone() };
            let mut emit = |event: &Event| {
                reports.borrow_mut().event(event);
                if matches!(event.kind, EventKind::Suspending) {
                    errors.settle(live::LAST_DRAWING);
                }
            };
            tokio::select! {
                () = dispatcher::run(Arc::new(plan), executor, surroundings, &mut emit) => {}
                () = draw_again_and_again(&reports, &time), if ui.progress => {}
            }

            let is_interrupted = reports.borrow().record.signal.is_some();
            wait_for_readers(&backlog, listening, is_interrupted).await?;
            let (record, broken) = reports.into_inner().finish(environment.terminals.output);
            let page = page.filter(|_| broken.is_empty() && !options.quiet);
            tell(&mut errors, &last_words(&broken, page), ui.hints);
            wait_for_readers(&backlog, listening, is_interrupted).await?;
            if let Some(plan) = record.plan.as_ref().filter(|_| !is_interrupted) {
                sources.keep_listings(plan);
            }
            let is_whole = record.cause.is_none();
            match refresh::after(&record, &sources.unread(), git, most, &sessions, listening).await {
                Some(number) => Err(Signalled(number)),
                // Who reads half a report must not take the exit status for its other half.
                None if record.exit_code() == 0 && !broken.is_empty() => Ok((status::FATAL, false)),
                None => Ok((record.exit_code(), is_whole)),
            }
        });
        // Nothing is written where the user wants no optional writes.
        let memory = memory.take().filter(|_| git.optional_locks);
        let ended = ended.and_then(|(status, is_whole)| match memory.filter(|_| is_whole) {
            Some(place) => {
                let remembered = config_memory::remember(git, watch, &place, SystemTime::now());
                remembered.map(|()| status).map_err(|Interrupted(number)| Signalled(number))
            }
            None => Ok(status),
        });
        Ok(ended.unwrap_or_else(|Signalled(number)| signal::exit_status(number)))
    }
}

/// The folder in which a page of timings lies where no file is named: the first repository's.
fn home(plan: &Plan) -> &Path {
    plan.repositories.first().map_or(Path::new(""), |repository| &repository.common_dir)
}

/// The terminal on standard error, for progress. `always`: whether it is drawn on even in the background.
fn terminal(errors: &Outlet, always: bool, taskbar: bool) -> Terminal<'static> {
    let drawn = errors.clone();
    Terminal {
        out: Box::new(errors.clone()),
        size: Box::new(Size::of_standard_error),
        is_ours: Box::new(move || always || is_in_foreground()),
        is_behind: Box::new(move || drawn.is_behind()),
        taskbar,
    }
}

/// Lets what moves move, for as long as it is polled.
async fn draw_again_and_again(reports: &RefCell<Reports<'_>>, clock: &Clock) {
    tokio::time::sleep(live::DELAY).await;
    loop {
        reports.borrow_mut().tick(clock.now());
        tokio::time::sleep(live::REDRAW).await;
    }
}

/// Waits until the reports' readers have taken everything, or are given up on.
async fn wait_for_readers(
    backlog: &Backlog,
    listening: &mut Listening<'_>,
    is_interrupted: bool,
) -> Result<(), Signalled> {
    match readers::wait(backlog, listening.orders, is_interrupted).await {
        Wait::Signal(number) => Err(Signalled(number)),
        Wait::Over | Wait::GivenUp => Ok(()),
    }
}

/// What is told below the reports: which of them were lost, and where the page of timings is.
fn last_words(broken: &[io::Error], page: Option<PathBuf>) -> Vec<(&'static str, String)> {
    let lost = broken.iter().map(|error| ("error", format!("cannot write the report: {error}")));
    lost.chain(page.map(|page| ("timings", page.display().to_string()))).collect()
}
