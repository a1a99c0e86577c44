//! What every two worktrees of a repository come to together: found once, for all units that ask.

use std::sync::Arc;
use std::time::Duration;

use crate::exec::control::{Control, Phase};
use crate::exec::errand::Carrying;
use crate::exec::executor::{Answer, Asked, Batch, Done, NoPlace};
use crate::exec::source::grounds::Pairs;
use crate::exec::source::hands::{Hands, Source};
use crate::exec::source::proof;
use crate::git::conflicts::{self, Conflicts, Place, Side};
use crate::model::id::{RepositoryId, WorktreeId};
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::text::duration;

/// One process may take so long. Nobody waits longer for all of them than their own time.
const LONGEST: Duration = Duration::from_secs(30);
/// Nor may it take more than this part of the check's own time: one worktree that does not answer would leave the others
/// without an answer too.
const PART: u32 = 3;
/// Once the run is stopped, the inquiry has so long to take away what it has made.
const TO_CLEAR: Duration = Duration::from_secs(1);

/// The source.
pub(super) struct InPairs;

impl Source for InPairs {
    async fn answer(&self, hands: &Hands, batch: &Batch, control: Control) -> Result<Vec<Answer>, NoPlace> {
        let mut answers = Vec::with_capacity(batch.units.len());
        for asked in &batch.units {
            answers.push(answer(hands, &batch.plan, asked, control.clone()).await);
        }
        Ok(answers)
    }
}

/// What a unit comes to, in its own time.
async fn answer(hands: &Hands, plan: &Arc<Plan>, asked: &Asked, mut control: Control) -> Answer {
    if let Err(done) = hands.worktree(plan, asked.unit) {
        return Answer::Done(done);
    }
    let id = plan.units[asked.unit].worktree;
    let repository = plan.worktrees[id].repository;
    let check = plan.check(asked.unit);
    let grounds = hands.grounds(repository);
    let within = check.timeout.map_or(LONGEST, |timeout| LONGEST.min(timeout / PART));
    let begin = || inquire(hands, Arc::clone(plan), repository, within, control.clone());
    let mut told = grounds.pairs(begin);
    let over = async {
        match check.timeout {
            Some(timeout) => hands.clock.sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        found = told.wait_for(Option::is_some) => {
            let range = plan.repositories[repository].worktrees.clone();
            let worktrees = &plan.worktrees[range.clone()];
            let place = usize::from(id) - usize::from(range.start);
            let found = found.ok().and_then(|found| found.as_ref().and_then(|all| all.get(place)).cloned());
            let found = found.unwrap_or_else(|| Err("the inquiry did not come to its end".to_owned()));
            return check.kind.paired(&found, &worktrees.raw).into();
        }
        () = control.reached(Phase::Stop) => {}
        () = over => {
            let reason = format!("no end after {}", duration::write(check.timeout.unwrap_or_default()));
            return Answer::Done(Done::with(Outcome::TimedOut, Some(reason)));
        }
    }
    tokio::select! {
        biased;
        _ = told.wait_for(Option::is_some) => {}
        () = control.reached(Phase::Kill) => {}
        () = hands.clock.sleep(TO_CLEAR) => {}
    }
    Answer::Done(Done::with(Outcome::Cancelled, None))
}

/// Tries all pairs of a repository.
fn inquire(
    hands: &Hands,
    plan: Arc<Plan>,
    repository: RepositoryId,
    within: Duration,
    control: Control,
) -> impl Future<Output = Pairs> + Send + 'static {
    let git = hands.git.clone();
    let carrying = Carrying { sessions: Arc::clone(&hands.sessions), clock: hands.clock.clone(), control };
    let clean = proof::clean(hands, &plan, repository);
    async move {
        let clean = clean.await;
        let repository = &plan.repositories[repository];
        let worktrees = &plan.worktrees[repository.worktrees.clone()];
        let first = usize::from(repository.worktrees.start);
        let side = |(place, worktree)| Side { worktree, is_clean: clean.contains(&WorktreeId::from(first + place)) };
        let sides: Vec<Side<'_>> = worktrees.iter().enumerate().map(side).collect();
        let place = Place { git: &git, common_dir: &repository.common_dir, within };
        let found: Vec<Result<Conflicts, String>> = conflicts::between(&carrying, &place, &sides).await;
        found
    }
}
