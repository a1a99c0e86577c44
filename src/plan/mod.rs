//! What will run where, and why not: worktrees x checks, frozen before anything starts.

mod approval;
pub mod budget;
pub mod condition;
mod evaluate;
mod metered;
mod patterns;
mod pipeline;
pub mod scope;
mod select;
mod syntax;
mod typing;

use std::path::PathBuf;
use std::time::Duration;

use crate::checks::Check;
use crate::model::worktree::{Obstacle, Worktree};
use crate::settings::{Faults, RunSettings, Settings};

use condition::Condition;
use pipeline::Pipeline;

/// The place of a check in the pipeline.
pub type CheckIndex = usize;
/// The place of a worktree in the plan.
pub type WorktreeIndex = usize;
/// The place of a unit in the plan: worktrees in git's order, and on each the checks in the pipeline's.
pub type UnitIndex = usize;

/// What the command line selects.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Checks by name; none: the configured pipeline.
    pub checks: Vec<String>,
    /// Checks to leave out.
    pub skip: Vec<String>,
    /// Patterns of worktrees.
    pub worktrees: Vec<String>,
    /// The folder that relative paths among the patterns start from.
    pub directory: PathBuf,
    /// Whether a check that nobody has approved stops the plan: it must, where the plan is carried out.
    pub approved_only: bool,
}

/// A check's prerequisite: another check that must have ended on the same worktree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prerequisite {
    /// Which.
    pub check: CheckIndex,
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
    pub dependents: Vec<CheckIndex>,
    /// The check that brought it along, where nobody asked for it by name.
    pub brought_by: Option<String>,
    /// A prerequisite that `--skip` leaves out: no unit of this check can run.
    pub left_out: Option<String>,
    /// Whether one process may answer it for all worktrees at once.
    pub shared: bool,
    /// Whether it would run what only the repository's own file says and nobody has approved. Such a plan is shown, never carried out.
    pub unapproved: bool,
}

/// What will run where, frozen.
#[derive(Debug)]
pub struct Plan {
    /// The folder that all worktrees share.
    pub common_dir: PathBuf,
    /// The worktrees, in git's order.
    pub worktrees: Vec<Worktree>,
    /// The pipeline, in order.
    pub checks: Vec<PlannedCheck>,
    /// Units at a time; at least 1.
    pub max_concurrency: usize,
    /// Worktrees in a wave.
    pub batch_size: Option<usize>,
    /// For the whole run.
    pub global_timeout: Option<Duration>,
    /// Cancel at this many faults.
    pub max_fail: Option<u32>,
    /// Whether stale indexes may be refreshed after the report.
    pub refresh_index: bool,
}

impl Plan {
    /// Freezes what is asked for. `cpus` stands in where the settings leave the number of places open.
    pub fn new(
        settings: Settings,
        selection: &Selection,
        common_dir: PathBuf,
        worktrees: Vec<Worktree>,
        cpus: usize,
    ) -> Result<Self, Faults> {
        let annotated = |mut faults: Faults| {
            settings.files.annotate(faults.told_mut());
            faults
        };
        let pipeline = Pipeline::select(&settings, selection).map_err(annotated)?;
        let (unapproved, faults) = approval::unapproved(&pipeline, &settings, &selection.checks);
        if !faults.is_empty() && selection.approved_only {
            return Err(annotated(faults));
        }
        let worktrees =
            select::worktrees(worktrees, &selection.worktrees, &selection.directory).map_err(Faults::from)?;
        let mut checks = pipeline.freeze(settings.checks)?;
        for planned in &mut checks {
            planned.unapproved = unapproved.contains(&planned.check.name);
        }
        let RunSettings { max_concurrency, batch_size, global_timeout, max_fail, refresh_index } = settings.run;
        let max_concurrency = if max_concurrency == 0 { cpus } else { max_concurrency }.max(1);
        Ok(Self { common_dir, worktrees, checks, max_concurrency, batch_size, global_timeout, max_fail, refresh_index })
    }

    /// How many units there are.
    pub fn units(&self) -> usize {
        self.worktrees.len() * self.checks.len()
    }

    /// The unit of a check on a worktree.
    pub fn unit(&self, worktree: WorktreeIndex, check: CheckIndex) -> UnitIndex {
        worktree * self.checks.len() + check
    }

    /// The worktree of a unit.
    pub fn worktree_of(&self, unit: UnitIndex) -> WorktreeIndex {
        unit / self.checks.len()
    }

    /// The check of a unit.
    pub fn check_of(&self, unit: UnitIndex) -> CheckIndex {
        unit % self.checks.len()
    }

    /// Why a unit cannot run, where that is known before anything starts.
    pub fn obstacle(&self, unit: UnitIndex) -> Option<Obstacle> {
        let worktree = &self.worktrees[self.worktree_of(unit)];
        let check = &self.checks[self.check_of(unit)];
        let left_out =
            || check.left_out.as_ref().map(|name| Obstacle::skipped(format!("needs {name}, which --skip leaves out")));
        worktree.obstacle.clone().or_else(left_out)
    }

    /// Whether one process may answer this unit together with others of its check.
    pub fn is_shared(&self, unit: UnitIndex) -> bool {
        let worktree = &self.worktrees[self.worktree_of(unit)];
        self.checks[self.check_of(unit)].shared
            && worktree.head.is_some()
            && worktree.obstacle.is_none()
            && !worktree.is_unanswered
            && !worktree.foreign
    }

    /// Hints at the checks that were brought along and those that did: at the first of them, and how many more there are.
    pub fn brought_along(&self) -> Vec<(&'static str, String)> {
        const TOLD: usize = 20;
        let pairs = || self.checks.iter().filter_map(|check| Some((&check.check.name, check.brought_by.as_ref()?)));
        let first = pairs().take(TOLD).map(|(check, by)| ("hint", format!("'{by}' brings '{check}' along")));
        let more = pairs().count().saturating_sub(TOLD);
        let rest = (more > 0).then(|| ("hint", format!("and {more} more are brought along")));
        first.chain(rest).collect()
    }
}
