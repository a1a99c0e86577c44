//! Who answers for units: one file a source.

mod batch;
mod census;
mod census_taker;
mod grounds;
mod hands;
mod inquiry;
mod known;
mod listings;
mod pairs;
mod process;
mod proof;
mod survey;
mod workers;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::exec::clock::Clock;
use crate::exec::control::Control;
use crate::exec::executor::{Answer, Asked, Batch, Executor, NoPlace};
use crate::exec::looks::{Looks, Seen};
use crate::exec::session::Sessions;
use crate::exec::signal;
use crate::git::command::Git;
use crate::model::answer::SourceId;
use crate::model::id::{UnitId, WorktreeId};
use crate::plan::Plan;

use batch::OneForMany;
use hands::{Hands, Source};
use known::Known;
use pairs::InPairs;
use process::OneEach;
use proof::Proof;
use survey::Surveyed;
use workers::Workers;

/// A folder that has not answered yet is asked for again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// All sources.
pub struct Sources(Hands);

impl Sources {
    /// Sources on this clock, whose processes are among these sessions. `looks`: what is known of folders that had not
    /// answered when the plan was made.
    pub fn new(git: Git, clock: Clock, sessions: Arc<Sessions>, looks: Looks) -> Self {
        Self(Hands {
            git,
            clock,
            sessions,
            looks,
            grounds: Mutex::default(),
            listings: Mutex::default(),
            unread: Mutex::default(),
            workers: Workers::default(),
        })
    }

    /// The worktrees that were proven without a file having to be read: their indexes are not stale.
    pub fn unread(&self) -> BTreeSet<WorktreeId> {
        self.0.unread.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what proofs have found, for the next run.
    pub fn keep_listings(&self, plan: &Plan) {
        listings::keep(&self.0, plan);
    }
}

impl Executor for Sources {
    fn not_yet(&self, plan: &Plan, unit: UnitId) -> Option<Duration> {
        let worktree = plan.worktree(unit);
        let waits = worktree.is_unanswered && self.0.looks.seen(&worktree.path) == Seen::NotYet;
        waits.then_some(LOOK_AGAIN)
    }

    fn known(&self, plan: &Plan, asked: &Asked) -> Answer {
        known::answer(&self.0, plan, asked)
    }

    async fn answer(&self, batch: Batch, control: Control) -> Result<Vec<Answer>, NoPlace> {
        match batch.source {
            SourceId::Known => Known.answer(&self.0, &batch, control).await,
            SourceId::Proof => Proof.answer(&self.0, &batch, control).await,
            SourceId::Batch => OneForMany.answer(&self.0, &batch, control).await,
            SourceId::Process => OneEach.answer(&self.0, &batch, control).await,
            SourceId::Pairs => InPairs.answer(&self.0, &batch, control).await,
            SourceId::Survey => Surveyed.answer(&self.0, &batch, control).await,
        }
    }

    fn suspend(&self) {
        self.0.sessions.suspended(signal::stop_self);
    }
}
