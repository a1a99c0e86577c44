//! One fold of what all checks of a worktree have said of its changes: every report and the summary read this, so that
//! none says `clean` where another says `dirty`.

use crate::checks::STATUS;
use crate::model::facts::Facts;
use crate::model::id::{UnitId, WorktreeId};
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Record;

/// What is known of a worktree's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<'a> {
    /// Whether nothing is staged, unstaged, untracked or conflicted. Clean is said only by a check that asked about all
    /// of the worktree; dirty by any that has found a change. None: nobody knows.
    pub clean: Option<bool>,
    /// What the check has found that says so; where none says either, what one has found at all.
    pub facts: Option<&'a Facts>,
    /// How a check of the kind ended that has found nothing, where none has.
    pub unanswered: Option<Outcome>,
}

/// Folds the state of a worktree.
pub fn state<'a>(record: &'a Record, plan: &Plan, worktree: WorktreeId) -> State<'a> {
    let asked = plan.units.of_worktree(worktree).filter(|unit| plan.check(*unit).kind == STATUS);
    let end = |unit: UnitId| Some((plan.check(unit).asks_of_all(), record.units[unit].end.as_deref()?));
    let mut state = State::default();
    for (all, end) in asked.filter_map(end) {
        match end.facts.bool("clean") {
            Some(false) if state.clean != Some(false) => {
                state = State { clean: Some(false), facts: Some(&end.facts), unanswered: None };
            }
            Some(true) if all && state.clean.is_none() => {
                state = State { clean: Some(true), facts: Some(&end.facts), unanswered: None };
            }
            Some(_) if state.facts.is_none() => state = State { facts: Some(&end.facts), ..State::default() },
            None if state.facts.is_none() => {
                state.unanswered.get_or_insert(end.outcome);
            }
            _ => {}
        }
    }
    state
}
