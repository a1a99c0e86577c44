//! What evaluating may cost. Expressions come from files that may be anybody's, and they are evaluated where the run is
//! steered: nothing that they say may keep it from hearing a signal or a timeout.
//!
//! One evaluation may take so many steps, which is the same on every machine; all evaluations of a run together may
//! take so much of the processor's time, which holds whatever the steps are worth. (It is the processor's time, so that
//! a machine that is busy, or a run that is suspended, spends nothing.)

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cel::ExecutionError;
use cel::common::types::{CelBytes, CelList, CelMap, CelOptional, CelString};
use cel::common::value::Val;
use nix::time::{ClockId, clock_gettime};

/// The steps that one evaluation may take.
pub const MOST_STEPS: u64 = 100_000;
/// The time of the processor that all evaluations of a run may take.
pub const MOST_TIME: Duration = Duration::from_secs(1);
/// So much of a text is a step.
const STEP_BYTES: usize = 64;
/// The clock is looked at once in so many steps.
const STEPS_A_LOOK: u64 = 1_000;

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Steps of one evaluation.
    Steps,
    /// Time of all of them.
    Time,
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps => write!(f, "it takes more than {MOST_STEPS} steps"),
            Self::Time => {
                write!(f, "the expressions of this run have taken more than {} second", MOST_TIME.as_secs())
            }
        }
    }
}

/// What the evaluations of one run may still take.
#[derive(Debug, Default)]
pub struct Budget {
    spent: Cell<Duration>,
}

impl Budget {
    #[cfg(test)]
    pub(super) fn spent(&self) -> Duration {
        self.spent.get()
    }

    #[cfg(test)]
    pub(super) fn used_up() -> Self {
        Self { spent: Cell::new(MOST_TIME) }
    }

    /// Evaluates, unless the time is over. What the evaluation gives is worth nothing once its meter has run out.
    pub(super) fn spend<T>(&self, evaluate: impl FnOnce(&Arc<Meter>) -> T) -> Result<T, Over> {
        let left = MOST_TIME.saturating_sub(self.spent.get());
        if left.is_zero() {
            return Err(Over::Time);
        }
        let meter =
            Arc::new(Meter { started: processor_time(), left, steps: AtomicU64::new(0), over: OnceLock::new() });
        let found = evaluate(&meter);
        self.spent.set(self.spent.get() + meter.elapsed());
        meter.over.get().map_or(Ok(found), |over| Err(*over))
    }
}

/// What one evaluation has taken. Once it has run out, every charge is refused.
#[derive(Debug)]
pub(super) struct Meter {
    started: Duration,
    left: Duration,
    steps: AtomicU64,
    over: OnceLock<Over>,
}

impl Meter {
    fn elapsed(&self) -> Duration {
        processor_time().saturating_sub(self.started)
    }

    /// Takes steps.
    pub(super) fn charge(&self, steps: u64) -> Result<(), ExecutionError> {
        let before = self.steps.fetch_add(steps, Ordering::Relaxed);
        let after = before.saturating_add(steps);
        if self.over.get().is_none() {
            let over = if after > MOST_STEPS {
                Some(Over::Steps)
            } else if before / STEPS_A_LOOK != after / STEPS_A_LOOK && self.elapsed() > self.left {
                Some(Over::Time)
            } else {
                None
            };
            let Some(over) = over else { return Ok(()) };
            self.over.get_or_init(|| over);
        }
        Err(ExecutionError::function_error("budget", "over"))
    }

    /// Takes as many steps as a value is large: one for each part of it, and more for long texts.
    pub(super) fn weigh(&self, value: &dyn Val) -> Result<(), ExecutionError> {
        self.charge(1)?;
        if let Some(text) = value.downcast_ref::<CelString<'_>>() {
            self.charge(steps_of(text.inner().len()))
        } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
            list.inner().iter().try_for_each(|item| self.weigh(item.as_ref()))
        } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
            map.inner().iter().try_for_each(|(key, item)| {
                self.weigh(key.inner())?;
                self.weigh(item.as_ref())
            })
        } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
            self.charge(steps_of(bytes.inner().len()))
        } else if let Some(inner) = value.downcast_ref::<CelOptional<'_>>().and_then(CelOptional::option) {
            self.weigh(inner)
        } else {
            Ok(())
        }
    }
}

fn steps_of(bytes: usize) -> u64 {
    u64::try_from(bytes / STEP_BYTES).unwrap_or(u64::MAX)
}

/// What this thread has had of the processor. (A system without such a clock has the steps alone.)
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
