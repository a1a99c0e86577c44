//! A proof, made in this process: from a worktree's index and a look at its files, where that is certainly what git would
//! say.
//!
//! A proof is made in a thread of its own: one that does not come back is given up on, never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::oneshot;

use crate::exec::control::{Control, Phase};
use crate::exec::executor::{Answer, Asked, Batch, Done, NoPlace};
use crate::exec::source::grounds::Grounds;
use crate::exec::source::hands::{Hands, Source, question};
use crate::exec::source::inquiry::inquire;
use crate::exec::source::process::own;
use crate::git::index::Hash;
use crate::git::prove::{Counted, Task, Terms, prove};
use crate::git::terms::Allowed;
use crate::git::why::Why;
use crate::model::answer::{Finding, Verdict};
use crate::model::check::Prove;
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::text::duration;

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

async fn answer(hands: &Hands, plan: &Arc<Plan>, asked: &Asked, control: &Control) -> Result<Answer, NoPlace> {
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

/// The proof, in the unit's time, whatever it waits for.
async fn proven(hands: &Hands, plan: &Arc<Plan>, asked: &Asked, mut control: Control) -> Result<Finding, NoProof> {
    let stop = Arc::new(AtomicBool::new(false));
    let timeout = plan.check(asked.unit).timeout;
    let over = async {
        match timeout {
            Some(timeout) => hands.clock.sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let its_own = control.clone();
    let proof = made(hands, plan, asked, &its_own, &stop);
    let verdict = tokio::select! {
        biased;
        finding = proof => return finding.map_err(NoProof::Git),
        () = control.reached(Phase::Stop) => Verdict::without_facts(Outcome::Cancelled, None),
        () = over => {
            let reason = format!("no end after {}", duration::write(timeout.unwrap_or_default()));
            Verdict::without_facts(Outcome::TimedOut, Some(reason))
        }
    };
    stop.store(true, Ordering::Relaxed);
    Err(NoProof::Verdict(verdict))
}

async fn made(
    hands: &Hands,
    plan: &Arc<Plan>,
    asked: &Asked,
    control: &Control,
    stop: &Arc<AtomicBool>,
) -> Result<Finding, Why> {
    let worktree = plan.worktree(asked.unit);
    let allowed = plan.repository(worktree).terms.allowed.as_ref().map_err(|why| *why)?;
    let grounds = hands.grounds(worktree.repository);
    let inquire = || inquire(hands, Arc::clone(plan), worktree.repository, control.clone());
    let branch = grounds.branch(plan.units[asked.unit].worktree, inquire).await?;
    let counted = begin(hands, plan, asked, grounds, allowed, stop)?.await.map_err(|_| Why::Stopped)??;
    let question = question(plan, asked, worktree);
    question.check.kind.proven(&question, counted, &branch).ok_or(Why::OwnArguments)
}

/// Begins a look at a worktree. Nobody waits for its thread.
fn begin(
    hands: &Hands,
    plan: &Plan,
    asked: &Asked,
    grounds: Arc<Grounds>,
    allowed: &Allowed,
    stop: &Arc<AtomicBool>,
) -> Result<oneshot::Receiver<Result<Counted, Why>>, Why> {
    let worktree = plan.worktree(asked.unit);
    let (path, stop, git) = (worktree.path.clone(), Arc::clone(stop), hands.git.clone());
    let git_dir = worktree.git_dir.clone().ok_or(Why::Unreadable)?;
    let head = worktree.head.clone().ok_or(Why::Head)?;
    let common_dir = plan.repository(worktree).common_dir.clone();
    let hash = if worktree.sha256 { Hash::Sha256 } else { Hash::Sha1 };
    let terms = Terms::from(allowed);
    let counted = move || {
        let head_tree = &grounds.objects(&common_dir, hash, &git)?.tree_of(&head)?;
        prove(&Task { worktree: &path, git_dir: &git_dir, head_tree, hash, terms: &terms }, &stop)
    };
    let (sender, receiver) = oneshot::channel();
    // Where nobody waits any more, nobody has to be told.
    let work = move || _ = sender.send(counted());
    thread::Builder::new().name("proof".to_owned()).spawn(work).map_err(|_| Why::Unreadable)?;
    Ok(receiver)
}
