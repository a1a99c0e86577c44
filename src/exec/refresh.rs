//! The deferred refresh: after the report is out, git may write down once what it has found to be the same.
//!
//! No process of a run takes an optional lock, so that no neighbour's `git add` ever meets one. The price would be paid
//! in a worktree that was just made: its files are as old as its index, and git reads every one of them, at every look,
//! until somebody writes the index anew. So an index that is stale and at rest is refreshed here, by git itself.
//!
//! Invariants:
//! - An index is written only where the worktree was answered for in this run, and [`stale_index::at_rest`] holds right before.
//! - All of it together ends after five seconds, and at the first signal: with SIGTERM, on which git takes its lock away.
//! - Nothing is printed, and nothing that goes wrong here is a fault of the run: the next one tries again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::checks::STATUS;
use crate::exec::clock::Clock;
use crate::exec::control::{Control, Phase};
use crate::exec::process::{Process, Sink};
use crate::exec::session::Sessions;
use crate::exec::signal::{Listening, Order, stop_self};
use crate::exec::supervise::supervise;
use crate::git::command::{Git, Invocation};
use crate::git::stale_index::{self, Judge, Question};
use crate::model::id::{UnitId, WorktreeId};
use crate::model::worktree::Marks;
use crate::plan::Plan;
use crate::record::Record;

/// No longer than this may all of it take.
const LONGEST: Duration = Duration::from_secs(5);
/// A git that holds an index's lock has this long to take it away.
const GRACE: Duration = Duration::from_secs(1);
/// So many files are looked at in all, though a few in each worktree, and in none more than [`MOST_FILES`].
const FILES: usize = 512;
const FEWEST_FILES: usize = 4;
const MOST_FILES: usize = 256;

/// Refreshes what is stale after a run that has been reported, `most` indexes at a time. Gives the number of the signal
/// that ended it, if one did. `unread`: worktrees of which it is known already that nothing in them is stale.
pub async fn after(
    run: &Record,
    unread: &BTreeSet<WorktreeId>,
    git: &Git,
    most: usize,
    sessions: &Arc<Sessions>,
    listening: &mut Listening<'_>,
) -> Option<i32> {
    let plan = run.plan.as_ref().filter(|plan| plan.refresh_index && git.optional_locks && run.cause.is_none())?;
    let clock = Clock::default();
    let stale = stale(run, plan, unread, git);
    if stale.is_empty() {
        return None;
    }
    let most = plan.max_concurrency.min(most);
    refresh(stale, most, clock, sessions, listening).await
}

/// An index that is to be refreshed.
struct Stale {
    git_dir: PathBuf,
    marks: Marks,
    invocation: Invocation,
    /// How long git took to read the same files in this run.
    took: Duration,
}

fn stale(run: &Record, plan: &Plan, unread: &BTreeSet<WorktreeId>, git: &Git) -> Vec<Stale> {
    let sample = (FILES / plan.worktrees.len().max(1)).clamp(FEWEST_FILES, MOST_FILES);
    let mut judge = Judge::default();
    let tells_all = |unit: &UnitId| plan.check(*unit).kind == STATUS && plan.check(*unit).asks_of_all();
    let stale = |id: WorktreeId| {
        let worktree = &plan.worktrees[id];
        let unit = &run.units[plan.units.of_worktree(id).find(tells_all)?];
        let unstaged = unit.end.as_ref()?.facts.int("unstaged")?;
        let question = Question { worktree, unstaged: u64::try_from(unstaged).ok()?, sample };
        // What is looked at here is looked at by this program itself, which no drive may hang.
        let answers = |folder| git.mounts().answers(folder);
        let is_open = worktree.obstacle.is_none()
            && !worktree.foreign
            && answers(&worktree.path)
            && answers(&plan.repository(worktree).common_dir);
        if !is_open || !judge.is_stale(question) {
            return None;
        }
        let invocation = git.of(worktree, &worktree.path, &["update-index", "-q", "--refresh"]);
        let took = unit.attempts.last()?.duration;
        Some(Stale { git_dir: worktree.git_dir.clone()?, marks: worktree.marks, invocation, took })
    };
    plan.worktrees.keys().filter(|id| !unread.contains(id)).filter_map(stale).collect()
}

async fn refresh(
    stale: Vec<Stale>,
    most: usize,
    clock: Clock,
    sessions: &Arc<Sessions>,
    listening: &mut Listening<'_>,
) -> Option<i32> {
    let (phase, control) = Control::new();
    let (mut waiting, mut running) = (stale.into_iter(), JoinSet::new());
    let mut told = None;
    loop {
        while told.is_none() && running.len() < most.max(1) {
            let Some(next) = waiting.next() else { break };
            running.spawn(next.refresh(Arc::clone(sessions), clock.clone(), control.clone()));
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            Some(order) = listening.orders.recv() => {
                told.get_or_insert(order);
                phase.send_replace(Phase::Stop);
            }
            _ = running.join_next() => {}
        }
    }
    match told? {
        Order::End(number) | Order::EndNow(number) => Some(number),
        // A lock must not be held while one is stopped: what was not refreshed yet can wait for the next run.
        Order::Suspend => {
            stop_self();
            None
        }
    }
}

impl Stale {
    async fn refresh(self, sessions: Arc<Sessions>, clock: Clock, mut control: Control) {
        let left = LONGEST.saturating_sub(clock.now());
        // git holds the lock for as long as it reads.
        if self.took > left || stale_index::at_rest(&self.git_dir, self.marks).is_none() {
            return;
        }
        // The next run tries again.
        let Ok(mut process) = Process::spawn(&self.invocation, &sessions, Unheard) else { return };
        supervise(&mut process, Some(left), GRACE, &clock, &mut control).await;
    }
}

/// Where git's words go: it tells which files differ, which is no news here.
struct Unheard;

impl Sink for Unheard {
    fn stdout(&mut self, _: &[u8]) {}

    fn stderr(&mut self, _: &[u8]) {}
}
