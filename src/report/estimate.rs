//! How much longer a run will take, as far as what it has done tells.

use std::time::Duration;

use typed_index_collections::TiVec;

use crate::model::id::CheckId;
use crate::plan::Plan;

/// What the ended units of each check took.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    checks: TiVec<CheckId, Ended>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    units: u32,
    took: Duration,
}

impl Estimate {
    /// Takes in that a unit ended. One that was skipped took no time: others of its check may well be skipped too.
    pub(super) fn ended(&mut self, check: CheckId, took: Duration) {
        if self.checks.len() <= check.into() {
            self.checks.resize(usize::from(check) + 1, Ended::default());
        }
        self.checks[check].units += 1;
        self.checks[check].took += took;
    }

    /// The time that is left: what is still to be done at the mean of what is done, shared among the places; no shorter
    /// than the longest unit that runs, nor than a check that is bound to places of its own. `running`: each unit's
    /// check, and for how long. None, as long as no unit of some check has ended: nothing tells how long one takes
    /// then.
    pub(super) fn left(&self, plan: &Plan, running: &[(CheckId, Duration)]) -> Option<Duration> {
        let (mut total, mut longest) = (Duration::ZERO, Duration::ZERO);
        for (check, planned) in plan.checks.iter_enumerated() {
            let ended = self.checks.get(check).copied().unwrap_or_default();
            let open = u32::try_from(plan.worktrees.len()).ok()?.saturating_sub(ended.units);
            if open == 0 {
                continue;
            }
            let mean = ended.took.checked_div(ended.units)?;
            let mut work = mean * open;
            for (_, since) in running.iter().filter(|(of, _)| *of == check) {
                work = work.saturating_sub(mean.min(*since));
                longest = longest.max(mean.saturating_sub(*since));
            }
            if let Some(places) = planned.check.max_concurrency {
                longest = longest.max(shared(work, places));
            }
            total += work;
        }
        Some(longest.max(shared(total, plan.max_concurrency)))
    }
}

fn shared(work: Duration, places: usize) -> Duration {
    work / u32::try_from(places).unwrap_or(u32::MAX).max(1)
}
