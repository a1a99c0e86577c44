//! What will run where, and why not: worktrees x checks, frozen before anything starts.

mod approval;
pub mod budget;
pub mod condition;
mod evaluate;
pub mod expression;
mod metered;
mod patterns;
mod pipeline;
mod planned_check;
pub mod scope;
mod selection;
mod syntax;
mod typing;
mod units;
mod worktree_patterns;

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use typed_index_collections::TiVec;

use crate::checks::Check;
use crate::git::config::Entry;
use crate::git::terms::Allowed;
use crate::git::why::Why;
use crate::model::answer::SourceId;
use crate::model::check::Prove;
use crate::model::id::{CheckId, RepositoryId, UnitId, WorktreeId};
use crate::model::worktree::{Obstacle, Worktree};
use crate::settings::{Faults, RunSettings, Settings};

use pipeline::Pipeline;
pub use planned_check::{PlannedCheck, Prerequisite};
pub use selection::Selection;
pub use units::{Unit, Units};

/// A repository, with its part of the plan.
#[derive(Debug)]
pub struct Repository {
    /// The folder that its worktrees share.
    pub common_dir: PathBuf,
    /// Its worktrees.
    pub worktrees: Range<WorktreeId>,
    /// Its pipeline.
    pub checks: Range<CheckId>,
    /// Whether the state of its worktrees is proven without git.
    pub prove: Prove,
    /// Whether the listings of its worktrees are kept.
    pub listing_cache: bool,
    /// The branches that work is to land in, where that is said.
    pub bases: Vec<String>,
    /// What decides whether it can be.
    pub terms: Terms,
}

/// What decides whether the state of a repository's worktrees can be proven.
#[derive(Debug)]
pub struct Terms {
    /// git's configuration.
    pub config: Vec<Entry>,
    /// What holds in all of its worktrees; or why git has to be asked in each.
    pub allowed: Result<Allowed, Why>,
}

impl Terms {
    /// Of a repository about which git is always asked.
    pub const fn none() -> Self {
        Self { config: Vec::new(), allowed: Err(Why::TurnedOff) }
    }
}

/// What will run where, frozen.
#[derive(Debug)]
pub struct Plan {
    /// The repositories.
    pub repositories: TiVec<RepositoryId, Repository>,
    /// The worktrees, each repository's in git's order.
    pub worktrees: TiVec<WorktreeId, Worktree>,
    /// The pipelines, each in its order.
    pub checks: TiVec<CheckId, PlannedCheck>,
    /// The units.
    pub units: Units,
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
    /// Where the user stands.
    pub directory: PathBuf,
}

impl Plan {
    /// Freezes what is asked for. `cpus` stands in where the settings leave the number of places open.
    pub fn new(
        settings: Settings,
        selection: &Selection,
        (common_dir, terms): (PathBuf, Terms),
        worktrees: Vec<Worktree>,
        cpus: usize,
    ) -> Result<Self, Faults> {
        let annotated = |mut faults: Faults| {
            settings.files.annotate(&mut faults);
            faults
        };
        let pipeline = Pipeline::select(&settings, selection).map_err(annotated)?;
        let (unapproved, faults) = approval::unapproved(&pipeline, &settings, &selection.checks);
        if !faults.is_empty() && selection.approved_only {
            return Err(annotated(faults));
        }
        let worktrees = worktree_patterns::worktrees(worktrees, &selection.worktrees, &selection.directory)
            .map_err(Faults::from)?;
        let mut checks = pipeline.freeze(settings.checks)?;
        let RunSettings {
            max_concurrency,
            batch_size,
            global_timeout,
            max_fail,
            refresh_index,
            prove,
            listing_cache,
            bases,
        } = settings.run;
        for planned in &mut checks {
            planned.unapproved = unapproved.contains(&planned.check.name);
            planned.route.retain(|source| *source != SourceId::Proof || prove != Prove::No);
        }
        let mut worktrees = TiVec::from(worktrees);
        let repository = Repository {
            common_dir,
            worktrees: WorktreeId::default()..worktrees.next_key(),
            checks: CheckId::default()..checks.next_key(),
            prove,
            listing_cache,
            bases,
            terms,
        };
        let units = Units::of(worktrees.iter().map(|_| repository.checks.clone()));
        let repositories = TiVec::from(vec![repository]);
        worktrees.iter_mut().for_each(|worktree| worktree.repository = RepositoryId::default());
        let max_concurrency = if max_concurrency == 0 { cpus } else { max_concurrency }.max(1);
        Ok(Self {
            repositories,
            worktrees,
            checks,
            units,
            max_concurrency,
            batch_size,
            global_timeout,
            max_fail,
            refresh_index,
            directory: selection.directory.clone(),
        })
    }

    /// The worktree of a unit.
    pub fn worktree(&self, unit: UnitId) -> &Worktree {
        &self.worktrees[self.units[unit].worktree]
    }

    /// The check of a unit, with what the plan found out about it.
    pub fn planned(&self, unit: UnitId) -> &PlannedCheck {
        &self.checks[self.units[unit].check]
    }

    /// The check of a unit.
    pub fn check(&self, unit: UnitId) -> &Check {
        &self.planned(unit).check
    }

    /// The repository of a worktree.
    pub fn repository(&self, worktree: &Worktree) -> &Repository {
        &self.repositories[worktree.repository]
    }

    /// Why a unit cannot run, where that is known before anything starts.
    pub fn obstacle(&self, unit: UnitId) -> Option<Obstacle> {
        let left_out = || {
            let name = self.planned(unit).left_out.as_ref()?;
            Some(Obstacle::skipped(format!("needs {name}, which --skip leaves out")))
        };
        self.worktree(unit).obstacle.clone().or_else(left_out)
    }

    /// Whether one process may answer a unit together with others of its check: in a worktree that surely answers and
    /// is nobody else's, since only one of them is entered.
    pub fn may_join(&self, unit: UnitId) -> bool {
        let worktree = self.worktree(unit);
        let is_open = worktree.obstacle.is_none() && !worktree.is_unanswered && !worktree.foreign;
        is_open && self.check(unit).kind.may_join(worktree)
    }

    /// Hints at the checks that were brought along and those that did: at the first of them, and how many more there
    /// are.
    pub fn brought_along(&self) -> Vec<(&'static str, String)> {
        const TOLD: usize = 20;
        let pairs = || self.checks.iter().filter_map(|check| Some((&check.check.name, check.brought_by.as_ref()?)));
        let first = pairs().take(TOLD).map(|(check, by)| ("hint", format!("'{by}' brings '{check}' along")));
        let more = pairs().count().saturating_sub(TOLD);
        let rest = (more > 0).then(|| ("hint", format!("and {more} more are brought along")));
        first.chain(rest).collect()
    }
}
