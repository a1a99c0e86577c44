//! Two sides in one run: paired ratios, not times.

#![allow(dead_code, reason = "each bench uses its own part")]

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// What a command costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Of it and of all that it has waited for, user and system together.
    pub(crate) cpu: Duration,
}

/// What a command costs, which must succeed, or tell that checks have failed.
pub(crate) fn cost(mut command: Command) -> Cost {
    let (start, before) = (Instant::now(), children());
    let status = command.status().expect("a program");
    assert!(matches!(status.code(), Some(0 | 1)), "{command:?}: {status}");
    Cost { wall: start.elapsed(), cpu: children().saturating_sub(before) }
}

/// How long a command takes.
pub(crate) fn time(command: Command) -> Duration {
    cost(command).wall
}

/// What all children that were waited for have used by now.
fn children() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
    let of = |time: TimeVal| {
        let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(u64::try_from(micros).expect("a time"))
    };
    of(used.user_time()) + of(used.system_time())
}

/// The medians of the ratios of `rounds` pairs, in CPU and in wall time, the sides taking turns at being first.
pub(crate) fn ratios(rounds: usize, ours: impl Fn() -> Cost, theirs: impl Fn() -> Cost) -> [f64; 2] {
    ours();
    theirs();
    let pairs: Vec<(Cost, Cost)> = (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                let own = ours();
                (own, theirs())
            } else {
                let other = theirs();
                (ours(), other)
            }
        })
        .collect();
    let median = |of: fn(&Cost) -> Duration| {
        let mut ratios: Vec<f64> =
            pairs.iter().map(|(own, other)| of(own).as_secs_f64() / of(other).as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    [median(|cost| cost.cpu), median(|cost| cost.wall)]
}

/// The median of the ratios of wall times.
pub(crate) fn ratio(rounds: usize, ours: impl Fn() -> Duration, theirs: impl Fn() -> Duration) -> f64 {
    let timed = |time: Duration| Cost { wall: time, cpu: time };
    ratios(rounds, || timed(ours()), || timed(theirs()))[1]
}

/// One line of the result: the ratio, and whether it is within its bound.
pub(crate) fn row(fleet: &str, what: &str, ratio: f64, most: Option<f64>) {
    println!("{fleet:<18} {what:<58} {ratio:>6.2}         {}", goal(ratio, most));
}

/// One line of the result: the ratios in CPU, which has a bound, and in wall time.
pub(crate) fn row_of_both(fleet: &str, what: &str, [cpu, wall]: [f64; 2], most: Option<f64>) {
    println!("{fleet:<18} {what:<58} {cpu:>6.2} {wall:>6.2}  {}", goal(cpu, most));
}

fn goal(ratio: f64, most: Option<f64>) -> String {
    most.map_or_else(String::new, |most| format!("at most {most:.2}: {}", if ratio <= most { "met" } else { "MISSED" }))
}
