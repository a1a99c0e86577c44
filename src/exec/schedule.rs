//! Which unit may start next: a pure state machine, without time or processes.
//!
//! A unit is first *blocked* by its prerequisites on its own worktree, then *ready*, then *running*, or *along* with
//! one that runs; it may come back to ready (another attempt), and in the end it is *settled*. There is no barrier
//! between checks: whatever is ready may start as soon as there is a place, the earliest worktree first, so that a
//! worktree is finished rather than many begun.

use std::collections::BTreeSet;
use std::sync::Arc;

use typed_index_collections::{TiVec, ti_vec};

use crate::model::id::{CheckId, UnitId, WorktreeId};
use crate::plan::{Plan, Unit};

/// The state of the units of a run.
pub struct Schedule {
    plan: Arc<Plan>,
    queues: TiVec<CheckId, Queue>,
    /// For each unit, how many of its prerequisites have not ended.
    blocked: TiVec<UnitId, usize>,
    settled: TiVec<UnitId, bool>,
    unsettled: usize,
    running: usize,
    places: usize,
    /// The first worktree of the next wave.
    next_wave: WorktreeId,
    /// Units of the admitted waves that have not settled.
    open_in_wave: usize,
}

struct Queue {
    ready: BTreeSet<UnitId>,
    running: usize,
    most: usize,
}

impl Schedule {
    /// Nothing is admitted yet. `places`: units at a time.
    pub fn new(plan: &Arc<Plan>, places: usize) -> Self {
        let queues = plan.checks.iter().map(|planned| Queue {
            ready: BTreeSet::new(),
            running: 0,
            most: planned.check.max_concurrency.unwrap_or(usize::MAX),
        });
        Self {
            queues: queues.collect(),
            blocked: plan.units.ids().map(|unit| plan.planned(unit).prerequisites.len()).collect(),
            settled: ti_vec![false; plan.units.len()],
            unsettled: plan.units.len(),
            running: 0,
            places,
            next_wave: WorktreeId::default(),
            open_in_wave: 0,
            plan: Arc::clone(plan),
        }
    }

    /// Lets the next wave in where the last one has settled. Gives its units that nothing blocks, to be decided about.
    pub fn admit(&mut self) -> Vec<UnitId> {
        if !self.is_wave_due() {
            return Vec::new();
        }
        let size = self.plan.batch_size.map_or(usize::MAX, |size| size.max(1));
        let wave = self.plan.worktrees.keys().skip(self.next_wave.into()).take(size);
        let units: Vec<UnitId> = wave
            .flat_map(|worktree| {
                self.next_wave = (usize::from(worktree) + 1).into();
                self.plan.units.of_worktree(worktree)
            })
            .filter(|unit| !self.settled[*unit])
            .collect();
        self.open_in_wave = units.len();
        units.into_iter().filter(|unit| self.blocked[*unit] == 0).collect()
    }

    /// Whether the last wave has settled and there is another to let in.
    pub fn is_wave_due(&self) -> bool {
        self.open_in_wave == 0 && self.next_wave < self.plan.worktrees.next_key()
    }

    /// A unit may start as soon as there is a place.
    pub fn ready(&mut self, unit: UnitId) {
        self.queue(unit).ready.insert(unit);
    }

    /// The units of a check that may start.
    pub fn ready_of(&self, check: CheckId) -> impl Iterator<Item = UnitId> {
        self.queues[check].ready.iter().copied()
    }

    /// The next unit to start, if there is a place for one. It counts as running from now on.
    pub fn start(&mut self) -> Option<UnitId> {
        if self.running >= self.places {
            return None;
        }
        let open = self.queues.iter().filter(|queue| queue.running < queue.most);
        let unit = open.filter_map(|queue| queue.ready.first().copied()).min()?;
        let queue = self.queue(unit);
        queue.ready.remove(&unit);
        queue.running += 1;
        self.running += 1;
        Some(unit)
    }

    /// A unit that was ready goes along with one that runs: it takes no place of its own.
    pub fn join(&mut self, unit: UnitId) {
        self.queue(unit).ready.remove(&unit);
    }

    /// A running unit gave its place back: it has ended, or waits for its next attempt.
    pub fn leave(&mut self, unit: UnitId) {
        self.queue(unit).running -= 1;
        self.running -= 1;
    }

    /// A unit has ended. Gives the units that it was the last to block, to be decided about.
    pub fn settle(&mut self, unit: UnitId) -> Vec<UnitId> {
        if std::mem::replace(&mut self.settled[unit], true) {
            return Vec::new();
        }
        self.unsettled -= 1;
        let Unit { worktree, check } = self.plan.units[unit];
        if worktree < self.next_wave {
            self.open_in_wave -= 1;
        }
        self.queues[check].ready.remove(&unit);
        let mut freed = Vec::new();
        for dependent in &self.plan.checks[check].dependents {
            let dependent = self.plan.units.at(worktree, *dependent);
            self.blocked[dependent] -= 1;
            if self.blocked[dependent] == 0 && !self.settled[dependent] {
                freed.push(dependent);
            }
        }
        freed
    }

    /// Lowers the number of places to what runs now: the machine has no more.
    pub fn shrink(&mut self) {
        self.places = self.running.max(1);
    }

    /// How many units hold a place.
    pub const fn running(&self) -> usize {
        self.running
    }

    /// Whether every unit has ended.
    pub const fn is_over(&self) -> bool {
        self.unsettled == 0
    }

    /// The units that have not ended.
    pub fn unsettled(&self) -> Vec<UnitId> {
        self.settled.iter_enumerated().filter(|(_, settled)| !**settled).map(|(unit, _)| unit).collect()
    }

    fn queue(&mut self, unit: UnitId) -> &mut Queue {
        &mut self.queues[self.plan.units[unit].check]
    }
}
