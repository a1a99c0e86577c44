//! The inquiry about the branches of all worktrees of a repository, which proofs stand on.

use std::sync::Arc;
use std::time::Duration;

use crate::exec::control::Control;
use crate::exec::errand::carry;
use crate::exec::source::grounds::Branches;
use crate::exec::source::hands::Hands;
use crate::git::branch_state::Inquiry;
use crate::git::errand::Errand;
use crate::git::terms;
use crate::model::id::{RepositoryId, WorktreeId};
use crate::plan::Plan;

/// git has this long to tell of the branches. Nobody waits longer for it than their own time.
const LONGEST: Duration = Duration::from_secs(30);

/// Asks git about the branches of all worktrees that may be proven.
pub(super) fn inquire(
    hands: &Hands,
    plan: Arc<Plan>,
    repository: RepositoryId,
    control: Control,
) -> impl Future<Output = Branches> + Send + 'static {
    let (git, sessions, clock) = (hands.git.clone(), Arc::clone(&hands.sessions), hands.clock.clone());
    async move {
        let repository = &plan.repositories[repository];
        let mut told = Branches::new();
        let mut asked: Vec<WorktreeId> = Vec::new();
        for id in plan.worktrees.keys().filter(|id| repository.worktrees.contains(id)) {
            match terms::of_worktree(&plan.worktrees[id], git.mounts()) {
                Ok(()) => asked.push(id),
                Err(why) => _ = told.insert(id, Err(why)),
            }
        }
        let worktrees = asked.iter().map(|id| &plan.worktrees[*id]);
        let inquiry = Inquiry::new(&repository.terms.config, &repository.common_dir, worktrees);
        let printed = match inquiry.invocation(&git) {
            Some(invocation) => Some(carry(Errand { invocation, within: LONGEST }, sessions, clock, control).await),
            None => None,
        };
        told.extend(asked.into_iter().zip(inquiry.read(printed.as_ref())));
        told
    }
}
