//! What is known of the units while a run goes on, and what follows from it for those that are still to come.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::time::Duration;

use typed_index_collections::{TiVec, ti_vec};

use crate::exec::executor::Done;
use crate::git::why::Why;
use crate::model::answer::{Evidence, ProcessEnd, SourceId};
use crate::model::facts::Facts;
use crate::model::id::{CheckId, RepositoryId, UnitId};
use crate::model::outcome::Outcome;
use crate::plan::budget::Budget;
use crate::plan::condition::{Condition, Truth, was};
use crate::plan::expression::Known;
use crate::plan::{Plan, Repository};

/// What is known of one unit.
#[derive(Clone, Default)]
pub(super) struct Entry {
    /// How many sources of its route have passed it on.
    pub(super) passed_on: usize,
    /// Why git has to be asked, where a proof was tried.
    pub(super) asked: Option<Why>,
    pub(super) attempts: u32,
    pub(super) started: Option<Duration>,
    pub(super) duration: Duration,
    pub(super) outcome: Option<Outcome>,
    pub(super) exit_code: Option<i32>,
    pub(super) facts: Facts,
    pub(super) evidence: Evidence,
}

/// What is known of all units of a plan.
pub(super) struct Ledger {
    plan: Arc<Plan>,
    entries: TiVec<UnitId, Entry>,
    /// The checks of each repository, by their names.
    checks: TiVec<RepositoryId, HashMap<String, CheckId>>,
    /// What the evaluations of this run may still take.
    budget: Budget,
}

impl Ledger {
    /// None of them has begun.
    pub(super) fn new(plan: &Arc<Plan>) -> Self {
        let named = |repository: &Repository| {
            let ids = plan.checks.keys().filter(|id| repository.checks.contains(id));
            ids.map(|id| (plan.checks[id].check.name.clone(), id)).collect()
        };
        Self {
            entries: ti_vec![Entry::default(); plan.units.len()],
            checks: plan.repositories.iter().map(named).collect(),
            budget: Budget::default(),
            plan: Arc::clone(plan),
        }
    }

    /// Who is to be asked for a unit; none: all of its route have passed it on.
    pub(super) fn source(&self, unit: UnitId) -> Option<SourceId> {
        self.plan.planned(unit).route.get(self[unit].passed_on).copied()
    }

    /// Whether who is to be asked for a unit is the last who can be.
    pub(super) fn is_last_source(&self, unit: UnitId) -> bool {
        self[unit].passed_on + 1 >= self.plan.planned(unit).route.len()
    }

    /// What of its prerequisites and its `when` keeps a unit from running, if something does, and what it comes to
    /// then.
    pub(super) fn hindrance(&self, unit: UnitId) -> Option<(Outcome, Option<String>)> {
        let planned = self.plan.planned(unit);
        for prerequisite in planned.prerequisites.iter().filter(|prerequisite| prerequisite.must_pass) {
            let outcome = self[self.plan.units.beside(unit, prerequisite.check)].outcome?;
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
    pub(super) fn evaluate<'a>(&'a self, condition: &'a Condition, unit: UnitId, own: Option<Known<'a>>) -> Truth {
        let worktree = self.plan.worktree(unit);
        condition.evaluate(worktree, &self.budget, |name| {
            let check = *self.checks[worktree.repository].get(name)?;
            if check == self.plan.units[unit].check {
                return own;
            }
            let Entry { outcome, facts, exit_code, duration, .. } = &self[self.plan.units.beside(unit, check)];
            Some(Known { outcome: *outcome, facts, exit_code: *exit_code, duration: *duration })
        })
    }

    /// What an attempt that passed comes to under its check's `fail-if`; and whether that was given up on.
    pub(super) fn held_against_fail_if(&self, unit: UnitId, took: Duration, mut done: Done) -> (Done, bool) {
        let (Outcome::Passed, Some(condition)) = (done.verdict.outcome, &self.plan.planned(unit).fail_if) else {
            return (done, false);
        };
        let exit_code = done.process.as_ref().and_then(ProcessEnd::exit_code);
        let own = Known { outcome: None, facts: &done.verdict.facts, exit_code, duration: took };
        let truth = self.evaluate(condition, unit, Some(own));
        let is_given_up = matches!(truth, Truth::GivenUp(_));
        let (outcome, reason) = match truth {
            Truth::Is(false) => return (done, false),
            Truth::Is(true) => (Outcome::Failed, format!("fail-if '{}' is true", condition.text())),
            Truth::Unknown(reason) => (Outcome::Skipped, reason),
            Truth::Wrong(reason) | Truth::GivenUp(reason) => (Outcome::Errored, format!("fail-if {reason}")),
        };
        (done.verdict.outcome, done.verdict.reason) = (outcome, Some(reason));
        (done, is_given_up)
    }

    /// What the prerequisites of a unit know.
    pub(super) fn evidence(&self, unit: UnitId) -> Evidence {
        let before = &self.plan.planned(unit).prerequisites;
        let of = |check| &self[self.plan.units.beside(unit, check)].evidence;
        let known = before.iter().map(|prerequisite| of(prerequisite.check));
        known.into_iter().find(|evidence| evidence.changed.is_some()).cloned().unwrap_or_default()
    }
}

impl Index<UnitId> for Ledger {
    type Output = Entry;

    fn index(&self, unit: UnitId) -> &Entry {
        &self.entries[unit]
    }
}

impl IndexMut<UnitId> for Ledger {
    fn index_mut(&mut self, unit: UnitId) -> &mut Entry {
        &mut self.entries[unit]
    }
}
