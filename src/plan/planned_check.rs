//! A check as it stands in a plan.

use crate::checks::Check;
use crate::model::answer::SourceId;
use crate::model::id::CheckId;
use crate::plan::condition::Condition;

/// A check's prerequisite: another check that must have ended on the same worktree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prerequisite {
    /// Which.
    pub check: CheckId,
    /// Whether it must have passed (`needs`), or only ended (an expression names it).
    pub must_pass: bool,
}

/// A check with what the plan found out about it.
#[derive(Debug)]
pub struct PlannedCheck {
    /// The check.
    pub check: Check,
    /// Its `when`, compiled.
    pub when: Option<Condition>,
    /// Its `fail-if`, compiled.
    pub fail_if: Option<Condition>,
    /// What must have ended before it starts.
    pub prerequisites: Vec<Prerequisite>,
    /// The checks that wait for it.
    pub dependents: Vec<CheckId>,
    /// The check that brought it along, where nobody asked for it by name.
    pub brought_by: Option<String>,
    /// A prerequisite that `--skip` leaves out: no unit of this check can run.
    pub left_out: Option<String>,
    /// Who can answer for its units, in the order in which they are asked; never empty.
    pub route: Vec<SourceId>,
    /// Whether it would run what only the repository's own file says and nobody has approved. Such a plan is shown,
    /// never carried out.
    pub unapproved: bool,
}
