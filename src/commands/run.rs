//! `git wtcheck [run]`: carries the plan out.

use std::cell::RefCell;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::{Cli, Format, Options};
use crate::commands::{Io, Prepared};
use crate::error::Error;
use crate::exec::clock::Clock;
use crate::exec::dispatcher::{self, Surroundings};
use crate::exec::unit::Processes;
use crate::exec::{process, signal};
use crate::model::environment::Environment;
use crate::report::json::{Json, Stream};
use crate::report::live::{self, Live};
use crate::report::table::{Detail, Table};
use crate::report::{Reporter, Reports};
use crate::summary::Record;

/// Carries the plan out and shows it. Gives the record, from which the exit status comes.
pub fn run(prepared: Prepared, cli: &Cli, environment: &Environment, io: &mut Io<'_>) -> Result<Record, Error> {
    let system = |doing| move |error| Error::System { doing, error };
    let Prepared { git, plan, look, .. } = prepared;
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
        reporters.push(Box::new(Live::new(look)));
    }
    let out = Box::new(&mut *io.out);
    reporters.push(match options.format {
        Format::Human => {
            let detail = if options.quiet {
                Detail::Quiet
            } else if verbose {
                Detail::Verbose
            } else {
                Detail::Normal
            };
            Box::new(Table::new(out, look, detail, environment.width))
        }
        Format::Json => Box::new(Json::new(
            out,
            Stream::Document { pretty: environment.stdout_is_terminal },
            Timestamp::now(),
            verbose,
        )),
        Format::Jsonl => Box::new(Json::new(out, Stream::Lines, Timestamp::now(), verbose)),
    });
    let reports = RefCell::new(Reports::new(reporters, verbose));

    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("start the executor"))?;
    runtime.block_on(async {
        let clock = Clock::default();
        let orders = signal::listen().map_err(system("listen for signals"))?;
        let executor = Arc::new(Processes::new(git, clock.clone(), verbose));
        let surroundings = Surroundings { clock, orders, random: fastrand::Rng::new(), most };
        let mut emit = |event: &crate::event::Event| reports.borrow_mut().event(event);
        let running = dispatcher::run(Arc::new(plan), executor, surroundings, &mut emit);
        let drawing = async {
            if !drawing {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(live::DELAY).await;
            loop {
                reports.borrow_mut().tick();
                tokio::time::sleep(live::REDRAW).await;
            }
        };
        tokio::select! {
            () = running => Ok::<(), Error>(()),
            () = drawing => Ok(()),
        }
    })?;
    let (record, broken) = reports.into_inner().finish();
    for error in broken {
        super::tell(io.err, &[("error", format!("cannot write the report: {error}"))], prepared.hints);
    }
    Ok(record)
}

/// As git does: asked for, or on a terminal of which this is the foreground.
fn draws_progress(options: &Options, environment: &Environment) -> bool {
    if options.progress || options.no_progress {
        return options.progress && environment.stderr_is_terminal;
    }
    !options.quiet
        && environment.stderr_is_terminal
        && environment.in_foreground
        && environment.text("TERM").is_none_or(|term| term != "dumb")
}
