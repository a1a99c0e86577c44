//! What is known of the units while a run goes on, and what follows from it for those that are still to come.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::model::facts::Facts;
use crate::model::outcome::Outcome;
use crate::plan::budget::Budget;
use crate::plan::condition::{Condition, Known, Truth, was};
use crate::plan::{CheckIndex, Plan, UnitIndex};

/// What is known of one unit.
#[derive(Default)]
pub(super) struct Unit {
    pub(super) attempts: u32,
    pub(super) started: Option<Duration>,
    pub(super) duration: Duration,
    pub(super) outcome: Option<Outcome>,
    pub(super) exit_code: Option<i32>,
    pub(super) facts: Facts,
    /// See [`Finding::changed`](crate::model::answer::Finding::changed).
    pub(super) changed: Option<Arc<[BString]>>,
}

/// All units of a plan.
pub(super) struct Units {
    plan: Arc<Plan>,
    all: Vec<Unit>,
    checks: HashMap<String, CheckIndex>,
    /// What the evaluations of this run may still take.
    budget: Budget,
}

impl Units {
    /// None of them has begun.
    pub(super) fn new(plan: &Arc<Plan>) -> Self {
        let checks = plan.checks.iter().enumerate().map(|(index, planned)| (planned.check.name.clone(), index));
        Self {
            all: (0..plan.units()).map(|_| Unit::default()).collect(),
            checks: checks.collect(),
            budget: Budget::default(),
            plan: Arc::clone(plan),
        }
    }

    /// What of its prerequisites and its `when` keeps a unit from running, if something does, and what it comes to then.
    pub(super) fn hindrance(&self, unit: UnitIndex) -> Option<(Outcome, Option<String>)> {
        let planned = &self.plan.checks[self.plan.check_of(unit)];
        let worktree = self.plan.worktree_of(unit);
        for prerequisite in planned.prerequisites.iter().filter(|prerequisite| prerequisite.must_pass) {
            let outcome = self[self.plan.unit(worktree, prerequisite.check)].outcome?;
            if outcome != Outcome::Passed {
                let name = &self.plan.checks[prerequisite.check].check.name;
                return Some((Outcome::Skipped, Some(format!("needs {name}, which {}", was(outcome)))));
            }
        }
        let when = planned.when.as_ref()?;
        match self.evaluate(when, unit, None) {
            Truth::Is(true) => None,
            Truth::Is(false) => Some((Outcome::Skipped, Some(format!("when '{}' is false", when.text())))),
            Truth::Unknown(reason) => Some((Outcome::Skipped, Some(reason))),
            Truth::Wrong(reason) | Truth::GivenUp(reason) => Some((Outcome::Errored, Some(format!("when {reason}")))),
        }
    }

    /// Evaluates a condition of a unit's check. `own`: what the unit itself has just found out.
    pub(super) fn evaluate<'a>(&'a self, condition: &'a Condition, unit: UnitIndex, own: Option<Known<'a>>) -> Truth {
        let index = self.plan.worktree_of(unit);
        condition.evaluate(&self.plan.worktrees[index], &self.budget, |name| {
            let check = *self.checks.get(name)?;
            if check == self.plan.check_of(unit) {
                return own;
            }
            let Unit { outcome, facts, exit_code, duration, .. } = &self[self.plan.unit(index, check)];
            Some(Known { outcome: *outcome, facts, exit_code: *exit_code, duration: *duration })
        })
    }

    /// What a prerequisite of a unit has said of what differs from HEAD.
    pub(super) fn changed(&self, unit: UnitIndex) -> Option<Arc<[BString]>> {
        let worktree = self.plan.worktree_of(unit);
        let before = &self.plan.checks[self.plan.check_of(unit)].prerequisites;
        before.iter().find_map(|other| self[self.plan.unit(worktree, other.check)].changed.clone())
    }
}

impl Index<UnitIndex> for Units {
    type Output = Unit;

    fn index(&self, unit: UnitIndex) -> &Unit {
        &self.all[unit]
    }
}

impl IndexMut<UnitIndex> for Units {
    fn index_mut(&mut self, unit: UnitIndex) -> &mut Unit {
        &mut self.all[unit]
    }
}
