//! Which unit may start next: a pure state machine, without time or processes.
//!
//! A unit is first *blocked* by its prerequisites on its own worktree, then *ready*, then *running*; it may come back to
//! ready (another attempt), and in the end it is *settled*. There is no barrier between checks: whatever is ready may
//! start as soon as there is a place, the earliest worktree first, so that a worktree is finished rather than many begun.

use std::collections::BTreeSet;

use crate::plan::{CheckIndex, Plan, UnitIndex, WorktreeIndex};

/// The state of the units of a run.
pub struct Schedule {
    checks: Vec<Queue>,
    /// For each unit, how many of its prerequisites have not ended.
    blocked: Vec<u32>,
    settled: Vec<bool>,
    unsettled: usize,
    running: usize,
    places: usize,
    wave: Option<usize>,
    /// The first worktree of the next wave.
    next_wave: WorktreeIndex,
    /// Units of the admitted waves that have not settled.
    open_in_wave: usize,
    worktrees: usize,
}

struct Queue {
    ready: BTreeSet<UnitIndex>,
    running: usize,
    most: usize,
    dependents: Vec<CheckIndex>,
}

impl Schedule {
    /// Nothing is admitted yet. `places`: units at a time.
    pub fn new(plan: &Plan, places: usize) -> Self {
        let queue = |check: &crate::plan::PlannedCheck| Queue {
            ready: BTreeSet::new(),
            running: 0,
            most: check.check.max_concurrency.unwrap_or(usize::MAX),
            dependents: check.dependents.clone(),
        };
        let counts: Vec<u32> =
            plan.checks.iter().map(|check| u32::try_from(check.prerequisites.len()).unwrap_or(u32::MAX)).collect();
        Self {
            checks: plan.checks.iter().map(queue).collect(),
            blocked: counts.iter().copied().cycle().take(plan.units()).collect(),
            settled: vec![false; plan.units()],
            unsettled: plan.units(),
            running: 0,
            places,
            wave: plan.batch_size,
            next_wave: 0,
            open_in_wave: 0,
            worktrees: plan.worktrees.len(),
        }
    }

    /// Lets the next wave in where the last one has settled. Gives its units that nothing blocks, to be decided about.
    pub fn admit(&mut self) -> Vec<UnitIndex> {
        if !self.is_wave_due() {
            return Vec::new();
        }
        let first = self.next_wave;
        self.next_wave = self.wave.map_or(self.worktrees, |size| first.saturating_add(size.max(1))).min(self.worktrees);
        let units = first * self.checks.len()..self.next_wave * self.checks.len();
        self.open_in_wave = units.clone().filter(|unit| !self.settled[*unit]).count();
        units.filter(|unit| self.blocked[*unit] == 0 && !self.settled[*unit]).collect()
    }

    /// Whether the last wave has settled and there is another to let in.
    pub const fn is_wave_due(&self) -> bool {
        self.open_in_wave == 0 && self.next_wave < self.worktrees
    }

    /// A unit may start as soon as there is a place.
    pub fn ready(&mut self, unit: UnitIndex) {
        let check = unit % self.checks.len();
        self.checks[check].ready.insert(unit);
    }

    /// The next unit to start, if there is a place for one. It counts as running from now on.
    pub fn start(&mut self) -> Option<UnitIndex> {
        if self.running >= self.places {
            return None;
        }
        let open = self.checks.iter().filter(|queue| queue.running < queue.most);
        let unit = open.filter_map(|queue| queue.ready.first().copied()).min()?;
        let queue = self.queue(unit);
        queue.ready.remove(&unit);
        queue.running += 1;
        self.running += 1;
        Some(unit)
    }

    /// A running unit gave its place back: it has ended, or waits for its next attempt.
    pub fn leave(&mut self, unit: UnitIndex) {
        self.queue(unit).running -= 1;
        self.running -= 1;
    }

    /// A unit has ended. Gives the units that it was the last to block, to be decided about.
    pub fn settle(&mut self, unit: UnitIndex) -> Vec<UnitIndex> {
        if std::mem::replace(&mut self.settled[unit], true) {
            return Vec::new();
        }
        self.unsettled -= 1;
        let width = self.checks.len();
        let (row, check) = (unit - unit % width, unit % width);
        if unit / width < self.next_wave {
            self.open_in_wave -= 1;
        }
        let queue = &mut self.checks[check];
        queue.ready.remove(&unit);
        let mut freed = Vec::new();
        for dependent in &queue.dependents {
            let dependent = row + dependent;
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
    pub fn unsettled(&self) -> Vec<UnitIndex> {
        (0..self.settled.len()).filter(|unit| !self.settled[*unit]).collect()
    }

    fn queue(&mut self, unit: UnitIndex) -> &mut Queue {
        let check = unit % self.checks.len();
        &mut self.checks[check]
    }
}
