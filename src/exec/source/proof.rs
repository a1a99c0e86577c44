//! A proof, made in this process: from a worktree's index and a look at its files, where that is certainly what git would
//! say.
//!
//! What git has to be asked for any proof (trees, upstreams, the stash) it is asked once for all worktrees of a repository,
//! by whoever comes first. A proof is made in a thread of its own: one that does not come back is given up on, never waited
//! for.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::exec::control::{Control, Phase};
use crate::exec::errand::carry;
use crate::exec::executor::{Answer, Asked, Batch, Done, NoPlace};
use crate::exec::source::hands::{Branches, Hands, Source, question};
use crate::exec::source::process::own;
use crate::git::branch_state::{BranchState, Inquiry};
use crate::git::errand::{Errand, Printed};
use crate::git::index::Hash;
use crate::git::prove::{Counted, Task, Terms, prove};
use crate::git::terms::{self, Allowed};
use crate::git::why::Why;
use crate::model::answer::{Finding, Verdict};
use crate::model::check::Prove;
use crate::model::id::WorktreeId;
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::{Plan, Repository};
use crate::text::duration;

/// git has this long to tell of the branches.
const LONGEST: Duration = Duration::from_secs(30);

/// The source.
pub(super) struct Proof;

impl Source for Proof {
    async fn answer(&self, hands: &Hands, batch: &Batch, control: Control) -> Result<Vec<Answer>, NoPlace> {
        let mut answers = Vec::with_capacity(batch.units.len());
        for asked in &batch.units {
            answers.push(answer(hands, &batch.plan, asked, &control).await?);
        }
        Ok(answers)
    }
}

async fn answer(hands: &Hands, plan: &Plan, asked: &Asked, control: &Control) -> Result<Answer, NoPlace> {
    let repository = plan.repository(plan.worktree(asked.unit));
    let finding = match proven(hands, plan, asked, control.clone()).await {
        Ok(finding) => finding,
        Err(NoProof::Git(why)) => return Ok(Answer::Pass(Some(why))),
        Err(NoProof::Verdict(verdict)) => return Ok(Answer::Done(Finding::from(verdict).into())),
    };
    if repository.prove != Prove::Check {
        return Ok(Answer::Done(finding.into()));
    }
    let git = own(hands, plan, asked, control.clone()).await?;
    Ok(Answer::Done(if git.verdict.outcome == Outcome::Passed { held_against(&finding, &git) } else { git }))
}

/// What was proven, where git says the same.
fn held_against(finding: &Finding, git: &Done) -> Done {
    if git.verdict.facts == finding.verdict.facts {
        return finding.clone().into();
    }
    let shown = |verdict: &Verdict| {
        let facts = verdict.facts.iter().map(|(name, fact)| format!("{name} {fact}"));
        facts.collect::<Vec<_>>().join(", ")
    };
    let reason = format!("a proof and git differ: {}; git: {}", shown(&finding.verdict), shown(&git.verdict));
    Done { is_final: true, ..Done::with(Outcome::Errored, Some(reason)) }
}

/// Why there is no proof.
enum NoProof {
    /// git has to be asked.
    Git(Why),
    /// It came to this.
    Verdict(Verdict),
}

impl From<Why> for NoProof {
    fn from(why: Why) -> Self {
        Self::Git(why)
    }
}

async fn proven(hands: &Hands, plan: &Plan, asked: &Asked, mut control: Control) -> Result<Finding, NoProof> {
    let worktree = plan.worktree(asked.unit);
    let repository = plan.repository(worktree);
    let allowed = repository.terms.allowed.as_ref().map_err(|why| *why)?;
    let branch = branch(hands, plan, plan.units[asked.unit].worktree, control.clone()).await?;
    let git_dir = worktree.git_dir.clone().ok_or(Why::Unreadable)?;
    let stop = Arc::new(AtomicBool::new(false));
    let proof = begin(worktree, git_dir, &branch, allowed, &stop)?;
    let check = plan.check(asked.unit);
    let over = async {
        match check.timeout {
            Some(timeout) => hands.clock.sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let verdict = tokio::select! {
        biased;
        counted = proof => {
            let counted = counted.map_err(|_| Why::Stopped)??;
            let question = question(plan, asked, worktree);
            return question.check.kind.proven(&question, counted, &branch).ok_or(NoProof::Git(Why::OwnArguments));
        }
        () = control.reached(Phase::Stop) => Verdict::without_facts(Outcome::Cancelled, None),
        () = over => {
            let reason = format!("no end after {}", duration::write(check.timeout.unwrap_or_default()));
            Verdict::without_facts(Outcome::TimedOut, Some(reason))
        }
    };
    stop.store(true, Ordering::Relaxed);
    Err(NoProof::Verdict(verdict))
}

/// Begins a proof. Nobody waits for its thread.
fn begin(
    worktree: &Worktree,
    git_dir: PathBuf,
    branch: &BranchState,
    allowed: &Allowed,
    stop: &Arc<AtomicBool>,
) -> Result<oneshot::Receiver<Result<Counted, Why>>, Why> {
    let (path, tree, stop) = (worktree.path.clone(), branch.tree.clone(), Arc::clone(stop));
    let hash = if worktree.sha256 { Hash::Sha256 } else { Hash::Sha1 };
    let terms = Terms::from(allowed);
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        let task = Task { worktree: &path, git_dir: &git_dir, head_tree: &tree, hash, terms: &terms };
        // Where nobody waits any more, nobody has to be told.
        let _ = sender.send(prove(&task, &stop));
    };
    thread::Builder::new().name("proof".to_owned()).spawn(work).map_err(|_| Why::Unreadable)?;
    Ok(receiver)
}

/// What is told of a worktree's branch.
async fn branch(hands: &Hands, plan: &Plan, worktree: WorktreeId, control: Control) -> Result<BranchState, Why> {
    let repository = plan.worktrees[worktree].repository;
    let branches: Branches = {
        let mut known = hands.branches.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(repository).or_default())
    };
    let all = branches.get_or_init(|| inquire(hands, plan, &plan.repositories[repository], control)).await;
    all.get(&worktree).cloned().unwrap_or(Err(Why::Stopped))
}

/// Asks git about the branches of all worktrees that may be proven.
async fn inquire(
    hands: &Hands,
    plan: &Plan,
    repository: &Repository,
    control: Control,
) -> HashMap<WorktreeId, Result<BranchState, Why>> {
    if repository.terms.allowed.is_err() {
        return HashMap::new();
    }
    let of_repository = plan.worktrees.keys().filter(|id| repository.worktrees.contains(id));
    let mut told: HashMap<WorktreeId, Result<BranchState, Why>> = HashMap::new();
    let mut asked: Vec<WorktreeId> = Vec::new();
    for id in of_repository {
        match terms::of_worktree(&plan.worktrees[id], hands.git.mounts()) {
            Ok(()) => asked.push(id),
            Err(why) => _ = told.insert(id, Err(why)),
        }
    }
    let worktrees = asked.iter().map(|id| &plan.worktrees[*id]);
    let common_dir: &Path = &repository.common_dir;
    let inquiry = Inquiry::new(&repository.terms.config, common_dir, worktrees);
    let mut running = Vec::new();
    for invocation in inquiry.invocations(&hands.git) {
        let errand = Errand { invocation, within: LONGEST };
        let carried = carry(errand, Arc::clone(&hands.sessions), hands.clock.clone(), control.clone());
        running.push(tokio::spawn(carried));
    }
    let mut printed: Vec<io::Result<Printed>> = Vec::new();
    for process in running {
        printed.push(process.await.unwrap_or_else(|error| Err(io::Error::other(error))));
    }
    told.extend(asked.into_iter().zip(inquiry.read(&printed)));
    told
}
