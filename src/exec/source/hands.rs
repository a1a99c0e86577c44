//! What all sources work with.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::checks::Question;
use crate::exec::clock::Clock;
use crate::exec::control::Control;
use crate::exec::executor::{Answer, Asked, Batch, Done, NoPlace};
use crate::exec::looks::{Looks, Seen};
use crate::exec::session::Sessions;
use crate::exec::source::grounds::Grounds;
use crate::exec::source::workers::Workers;
use crate::git::command::Git;
use crate::git::listing_file::ListingFile;
use crate::git::prove::News;
use crate::git::worktree_folder::Found;
use crate::model::id::{RepositoryId, UnitId, WorktreeId};
use crate::model::worktree::{Obstacle, Worktree};
use crate::plan::Plan;

/// Answers a batch of units, each of them, or passes it on.
pub(super) trait Source {
    /// An answer for each unit of the batch, in their order.
    fn answer(
        &self,
        hands: &Hands,
        batch: &Batch,
        control: Control,
    ) -> impl Future<Output = Result<Vec<Answer>, NoPlace>> + Send;
}

/// What sources work with.
pub(super) struct Hands {
    pub(super) git: Git,
    pub(super) clock: Clock,
    pub(super) sessions: Arc<Sessions>,
    /// What is known of folders that had not answered when the plan was made.
    pub(super) looks: Looks,
    /// What proofs need of each repository.
    pub(super) grounds: Mutex<HashMap<RepositoryId, Arc<Grounds>>>,
    /// What proofs have found that is to be kept, once the report is out.
    pub(super) listings: Mutex<Vec<Kept>>,
    /// Worktrees that were proven without a file having to be read.
    pub(super) unread: Mutex<BTreeSet<WorktreeId>>,
    /// Who does what may wait on a drive.
    pub(super) workers: Workers,
}

/// What is to be kept of a worktree.
pub(super) struct Kept {
    pub(super) repository: RepositoryId,
    pub(super) file: ListingFile,
    pub(super) news: News,
}

impl Hands {
    /// What proofs need of a repository.
    pub(super) fn grounds(&self, repository: RepositoryId) -> Arc<Grounds> {
        let mut all = self.grounds.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(repository).or_default())
    }

    /// A unit's worktree with what has been found of its folder by now; or what the unit comes to, where nothing can be
    /// done there.
    pub(super) fn worktree<'a>(&self, plan: &'a Plan, unit: UnitId) -> Result<Cow<'a, Worktree>, Done> {
        let planned = plan.worktree(unit);
        if !planned.is_unanswered {
            return Ok(Cow::Borrowed(planned));
        }
        let found = match self.looks.seen(&planned.path) {
            Seen::Found(found) => *found,
            Seen::NotYet | Seen::Never => Found::no_answer(),
        };
        match found.obstacle {
            Some(Obstacle { outcome, reason }) => Err(Done { is_final: true, ..Done::with(outcome, Some(reason)) }),
            None => Ok(Cow::Owned(found.completes(planned.clone()))),
        }
    }
}

/// What a unit's check is to find out on this worktree, which is the unit's.
pub(super) fn question<'a>(plan: &'a Plan, asked: &'a Asked, worktree: &'a Worktree) -> Question<'a> {
    Question {
        check: plan.check(asked.unit),
        worktree,
        common_dir: &plan.repository(worktree).common_dir,
        number: asked.number,
        evidence: &asked.evidence,
    }
}
