//! The waits between attempts.

use std::time::Duration;

use crate::checks::Check;
use crate::exec::executor::Done;
use crate::model::check::{Backoff, BackoffKind, RetryClass};
use crate::model::outcome::Outcome;

/// No wait is shorter, whatever the settings say: a check that fails at once would otherwise keep a processor busy with
/// starting it.
const SHORTEST: Duration = Duration::from_millis(10);

/// The wait after this attempt (counted from 1). `factor`, from 0.5 to 1, is the jitter that was drawn; it is used only
/// where jitter is on.
pub fn wait(backoff: &Backoff, attempt: u32, factor: f64) -> Duration {
    let times = match backoff.kind {
        BackoffKind::Fixed => 1,
        BackoffKind::Linear => attempt,
        BackoffKind::Exponential => 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX),
    };
    let whole = backoff.delay.saturating_mul(times).min(backoff.max_delay);
    let drawn = if backoff.jitter { whole.mul_f64(factor.clamp(0.5, 1.0)) } else { whole };
    drawn.max(SHORTEST)
}

/// Whether an attempt that ended so is worth another.
pub fn is_worth_another(check: &Check, done: &Done) -> bool {
    let class = match done.verdict.outcome {
        Outcome::TimedOut => RetryClass::Timeout,
        Outcome::Errored => RetryClass::Error,
        Outcome::Failed => RetryClass::Failure,
        Outcome::Passed | Outcome::Skipped | Outcome::Cancelled => return false,
    };
    if done.is_final {
        return false;
    }
    let is_locked = done.process.as_ref().is_some_and(|process| process.locked);
    check.retry_on.contains(&class) || (is_locked && check.retry_on.contains(&RetryClass::Lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn backoff(kind: BackoffKind, jitter: bool) -> Backoff {
        Backoff { kind, delay: Duration::from_millis(200), max_delay: Duration::from_secs(1), jitter }
    }

    fn waits(kind: BackoffKind) -> Vec<u128> {
        (1..=5).map(|attempt| wait(&backoff(kind, false), attempt, 0.5).as_millis()).collect()
    }

    #[test]
    fn grows_as_it_says_and_no_further_than_the_cap() {
        assert_eq!(waits(BackoffKind::Fixed), [200, 200, 200, 200, 200]);
        assert_eq!(waits(BackoffKind::Linear), [200, 400, 600, 800, 1000]);
        assert_eq!(waits(BackoffKind::Exponential), [200, 400, 800, 1000, 1000]);
        assert_eq!(wait(&backoff(BackoffKind::Exponential, false), u32::MAX, 1.0), Duration::from_secs(1));
    }

    #[test]
    fn no_wait_is_shorter_than_ten_milliseconds() {
        for kind in [BackoffKind::Fixed, BackoffKind::Linear, BackoffKind::Exponential] {
            for (delay, max_delay) in [(0, 10_000), (200, 0), (0, 0), (1, 1)] {
                let of = |millis| Duration::from_millis(millis);
                let backoff = Backoff { kind, delay: of(delay), max_delay: of(max_delay), jitter: true };
                assert_eq!(wait(&backoff, 1, 0.5), SHORTEST, "{kind:?}: {delay} ms, at most {max_delay} ms");
            }
        }
    }

    #[test]
    fn jitter_only_shortens_and_by_no_more_than_half() {
        let jittered = |factor| wait(&backoff(BackoffKind::Exponential, true), 2, factor).as_millis();
        assert_eq!((jittered(0.5), jittered(0.75), jittered(1.0)), (200, 300, 400));
        assert_eq!((jittered(-3.0), jittered(7.0)), (200, 400), "a factor out of range is brought back");
    }
}
