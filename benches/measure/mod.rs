//! Two sides in one run: paired ratios, not times.

#![allow(dead_code, reason = "each bench uses its own part")]

use std::process::Command;
use std::time::{Duration, Instant};

/// How long a command takes, which must succeed.
pub(crate) fn time(mut command: Command) -> Duration {
    let start = Instant::now();
    let status = command.status().expect("a program");
    assert!(status.success(), "{command:?}: {status}");
    start.elapsed()
}

/// The median of the ratios of `rounds` pairs, the sides taking turns at being first.
pub(crate) fn ratio(rounds: usize, ours: impl Fn() -> Duration, theirs: impl Fn() -> Duration) -> f64 {
    ours();
    theirs();
    let mut ratios: Vec<f64> = (0..rounds)
        .map(|round| {
            let (own, other) = if round % 2 == 0 {
                let own = ours();
                (own, theirs())
            } else {
                let other = theirs();
                (ours(), other)
            };
            own.as_secs_f64() / other.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// One line of the result: the ratio, and whether it is within its bound.
pub(crate) fn row(fleet: &str, what: &str, ratio: f64, most: Option<f64>) {
    let goal = most.map_or_else(String::new, |most| {
        format!("at most {most:.2}: {}", if ratio <= most { "met" } else { "MISSED" })
    });
    println!("{fleet:<18} {what:<44} {ratio:>6.2}  {goal}");
}
