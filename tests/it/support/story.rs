//! What came of a run on the virtual machine, and what holds for every run.

use std::collections::BTreeMap;
use std::sync::Arc;

use git_wtcheck::event::{Attempt, Cause, Event, EventKind};
use git_wtcheck::exec::executor::Batch;
use git_wtcheck::model::answer::SourceId;
use git_wtcheck::model::id::{CheckId, UnitId};
use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::plan::Plan;
use git_wtcheck::record::{Record, UnitRecord};

/// How busy the machine was.
#[derive(Clone, Debug, Default)]
pub struct Load {
    pub(super) running: usize,
    /// The most batches at a time.
    pub most: usize,
    pub(super) each: BTreeMap<CheckId, usize>,
    /// The most batches at a time of each check.
    pub most_of: BTreeMap<CheckId, usize>,
    /// What was asked for, in the order in which it was.
    pub asked: Vec<Batch>,
}

impl Load {
    /// The units of each batch of this check, by their worktrees.
    pub fn asked_of(&self, check: usize) -> Vec<Vec<usize>> {
        let of_check = |batch: &&Batch| batch.plan.units[batch.units[0].unit].check == CheckId::from(check);
        let worktrees = |batch: &Batch| {
            batch.units.iter().map(|asked| usize::from(batch.plan.units[asked.unit].worktree)).collect()
        };
        self.asked.iter().filter(of_check).map(worktrees).collect()
    }
}

/// What came of a run.
pub struct Story {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Everything that happened.
    pub events: Vec<Event>,
    /// The record of it.
    pub record: Record,
    /// How busy the machine was.
    pub load: Load,
}

impl Story {
    pub(super) fn holds_what_always_holds(&self) {
        let plan = &self.plan;
        assert!(matches!(self.events.first().map(|event| &event.kind), Some(EventKind::RunStarted(_))));
        assert!(matches!(self.events.last().map(|event| &event.kind), Some(EventKind::RunFinished)));
        assert!(self.events.is_sorted_by_key(|event| event.at), "time never falls");
        let mut ends = vec![0; plan.units.len()];
        let mut open: BTreeMap<UnitId, u32> = BTreeMap::new();
        let mut finished = vec![0; plan.units.len()];
        let mut cancelled = false;
        for event in &self.events {
            match &event.kind {
                EventKind::UnitFinished { unit, .. } => {
                    ends[usize::from(*unit)] += 1;
                    // An attempt that came to nothing that counts may have been its last.
                    let is_open = open.remove(unit).is_some() && !cancelled;
                    assert!(!is_open, "a unit ends after its attempt");
                }
                EventKind::AttemptStarted { unit, number } => {
                    let at = usize::from(*unit);
                    assert_eq!(*number, finished[at] + 1, "attempts are counted from 1");
                    assert_eq!(ends[at], 0, "nothing begins after the end");
                    assert!(!cancelled, "no attempt starts after the run was cancelled");
                    open.insert(*unit, *number);
                }
                EventKind::AttemptFinished { unit, attempt, .. } => {
                    assert_eq!(open.remove(unit), Some(attempt.number), "what ends had begun");
                    assert!(plan.planned(*unit).route.contains(&attempt.source), "{:?} is asked", attempt.source);
                    finished[usize::from(*unit)] = attempt.number;
                }
                EventKind::Cancelling(_) => cancelled = true,
                _ => {}
            }
        }
        assert!(ends.iter().all(|count| *count == 1), "every unit ends exactly once: {ends:?}");
        self.holds_of_batches();
        assert_eq!(self.record.ended(), plan.units.len());
        for (unit, record) in self.record.units.iter_enumerated() {
            assert_eq!(record.attempts.len(), finished[usize::from(unit)] as usize);
            assert!(record.attempts.len() <= 1 + plan.check(unit).retries as usize);
        }
    }

    fn holds_of_batches(&self) {
        let plan = &self.plan;
        assert!(self.load.most <= plan.max_concurrency, "{} at a time", self.load.most);
        for (check, most) in &self.load.most_of {
            let allowed = plan.checks[*check].check.max_concurrency.unwrap_or(usize::MAX);
            assert!(*most <= allowed, "{most} of check {check:?} at a time, not {allowed}");
        }
        let wave =
            |unit: UnitId| plan.batch_size.map_or(0, |size| usize::from(plan.units[unit].worktree) / size.max(1));
        for batch in &self.load.asked {
            let units: Vec<UnitId> = batch.units.iter().map(|asked| asked.unit).collect();
            let same =
                |unit: &UnitId| plan.units[*unit].check == plan.units[units[0]].check && wave(*unit) == wave(units[0]);
            assert!(units.iter().all(same), "a batch is of one check and one wave: {units:?}");
            assert!((batch.source == SourceId::Batch) == (units.len() > 1), "{:?} of {units:?}", batch.source);
            assert!(units.is_sorted() && units.windows(2).all(|pair| pair[0] != pair[1]), "each once: {units:?}");
            let joins = |unit: &UnitId| plan.may_join(*unit) && plan.planned(*unit).route.contains(&batch.source);
            assert!(units.len() == 1 || units.iter().all(joins), "{units:?}");
        }
    }

    fn unit(&self, worktree: usize, check: usize) -> UnitId {
        self.plan.units.at(worktree.into(), check.into())
    }

    /// How a unit ended.
    pub fn outcome(&self, worktree: usize, check: usize) -> Outcome {
        self.record.units[self.unit(worktree, check)].end.as_ref().expect("an end").outcome
    }

    /// How every unit ended, in the order of the plan.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.record.units.iter().map(|unit| unit.end.as_ref().expect("an end").outcome).collect()
    }

    /// Why a unit did not pass.
    pub fn reason(&self, worktree: usize, check: usize) -> String {
        let end = self.record.units[self.unit(worktree, check)].end.as_ref().expect("an end");
        end.reason.clone().unwrap_or_default()
    }

    /// The attempts of a unit: from when to when, in milliseconds, and to what.
    pub fn attempts(&self, worktree: usize, check: usize) -> Vec<(u128, u128, Outcome)> {
        let attempts = &self.record.units[self.unit(worktree, check)].attempts;
        let span = |attempt: &Arc<Attempt>| {
            let end = attempt.started + attempt.duration;
            (attempt.started.as_millis(), end.as_millis(), attempt.outcome)
        };
        attempts.iter().map(span).collect()
    }

    /// When each unit first started, in milliseconds; none: never.
    pub fn starts(&self) -> Vec<Option<u128>> {
        let start =
            |unit: &UnitRecord| unit.end.as_ref().and_then(|end| end.started).map(|started| started.as_millis());
        self.record.units.iter().map(start).collect()
    }

    /// When a unit ended, in milliseconds.
    pub fn end(&self, worktree: usize, check: usize) -> u128 {
        let meant = self.unit(worktree, check);
        let is_end = |event: &&Event| matches!(event.kind, EventKind::UnitFinished { unit, .. } if unit == meant);
        self.events.iter().find(is_end).expect("an end").at.as_millis()
    }

    /// When the run ended, in milliseconds.
    pub fn took(&self) -> u128 {
        self.record.duration.as_millis()
    }

    /// When and why it was cancelled.
    pub fn cancelled(&self) -> Vec<(u128, Cause)> {
        let cause = |event: &Event| match event.kind {
            EventKind::Cancelling(cause) => Some((event.at.as_millis(), cause)),
            _ => None,
        };
        self.events.iter().filter_map(cause).collect()
    }
}
