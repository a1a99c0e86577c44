//! What a unit costs besides its process: planned, run by an executor that answers at once, and folded to a record.
//! `cargo bench --bench scheduling`. The goal is under 10 µs a unit, and no more for many units than for few.

#![allow(clippy::disallowed_methods, reason = "a bench stands outside the program")]

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use git_wtcheck::checks::Check;
use git_wtcheck::exec::clock::Clock;
use git_wtcheck::exec::control::Control;
use git_wtcheck::exec::dispatcher::{self, Surroundings};
use git_wtcheck::exec::executor::{Answer, Batch, Done, Executor, NoPlace};
use git_wtcheck::model::answer::{Finding, Verdict};
use git_wtcheck::model::backlog::Backlog;
use git_wtcheck::model::facts::Facts;
use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::model::worktree::Worktree;
use git_wtcheck::plan::{Plan, Selection, Terms};
use git_wtcheck::record::Record;
use git_wtcheck::settings::{Merged, Settings};

use support::plans;

#[path = "../tests/it/support/mod.rs"]
mod support;

/// Answers at once: like a `status` of a clean worktree.
struct Instantly;

impl Executor for Instantly {
    fn answer(&self, batch: Batch, _: Control) -> impl Future<Output = Result<Vec<Answer>, NoPlace>> + Send {
        let answer = |_| {
            let mut facts = Facts::new();
            facts.set("clean", true);
            facts.set("dirty", false);
            Answer::Done(Done::from(Finding::from(Verdict::passed(facts))))
        };
        ready(Ok(batch.units.iter().map(answer).collect()))
    }
}

/// The built-in checks (one waits for another, one may be asked for in batches), and some that stand by themselves.
fn settings() -> Settings {
    let Ok(built_in) = Settings::resolve(Merged::default()) else { panic!("the defaults hold") };
    let named = |name: &String| built_in.checks[name].clone();
    let others = (built_in.pipeline.len()..CHECKS)
        .map(|index| Check { name: format!("c{index}"), ..built_in.checks["status"].clone() });
    let mut settings = plans::settings(built_in.pipeline.iter().map(named).chain(others));
    settings.run.max_concurrency = 16;
    settings
}

const CHECKS: usize = 10;

/// How long so many units took to plan, to run and fold, in microseconds a unit.
fn measure(units: usize) -> (f64, f64) {
    let worktrees: Vec<Worktree> = (0..units / CHECKS).map(plans::worktree).collect();
    let settings = settings();
    let start = Instant::now();
    let Ok(plan) = Plan::new(settings, &Selection::default(), ("/r/.git".into(), Terms::none()), worktrees, 2) else {
        panic!("a plan");
    };
    let planned = start.elapsed();
    let plan = Arc::new(plan);
    assert_eq!(plan.units.len(), units);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut record = Record::new(false);
    let start = Instant::now();
    runtime.block_on(async {
        let (_orders, mut orders) = tokio::sync::mpsc::unbounded_channel();
        let surroundings = Surroundings {
            clock: Clock::default(),
            orders: &mut orders,
            random: fastrand::Rng::with_seed(1),
            most: usize::MAX,
            backlog: Backlog::default(),
        };
        dispatcher::run(plan, Arc::new(Instantly), surroundings, &mut |event| record.apply(event)).await;
    });
    let ran = start.elapsed();
    assert_eq!(record.count(Outcome::Passed) + record.count(Outcome::Skipped), units);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(u32::try_from(units).expect("a few"));
    (each(planned), each(ran))
}

fn main() {
    // `cargo bench` says so; what only wants to know which tests there are is told of none.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let best = |units| {
        let runs: Vec<(f64, f64)> = (0..5).map(|_| measure(units)).collect();
        let least = |part: fn(&(f64, f64)) -> f64| runs.iter().map(part).fold(f64::INFINITY, f64::min);
        let (planned, ran) = (least(|run| run.0), least(|run| run.1));
        let line = format!("{units:>7} units: {planned:.2} µs a unit to plan, {ran:.2} µs to run and fold");
        (planned + ran, line)
    };
    let ((few, one), (many, other)) = (best(10_000), best(100_000));
    let growth = many / few;
    let report =
        format!("{one}\n{other}\n{few:.2} µs, then {many:.2} µs a unit: x {growth:.2} for ten times the units\n");
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes()).expect("standard output");
}
