//! A proof, made in this process: from a worktree's index and a look at its files, where that is certainly what git would
//! say.
//!
//! A proof is made in another thread: one that does not come back is given up on, never waited for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::checks::{Basis, Proven};
use crate::exec::control::{Control, Phase};
use crate::exec::executor::{Answer, Asked, Batch, Done, NoPlace};
use crate::exec::source::grounds::Grounds;
use crate::exec::source::hands::{Hands, Kept, Source, question};
use crate::exec::source::inquiry::inquire;
use crate::exec::source::process::own;
use crate::git::attributes::Sources;
use crate::git::command::Git;
use crate::git::edits::{self, Differing};
use crate::git::index::Hash;
use crate::git::listing_file::ListingFile;
use crate::git::objects::Reader;
use crate::git::prove::{Counted, Moment, Task, Terms, prove_from};
use crate::git::terms;
use crate::git::why::Why;
use crate::model::answer::{Edit, Finding, Verdict};
use crate::model::check::Prove;
use crate::model::id::{RepositoryId, WorktreeId};
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::Plan;
use crate::text::duration;

/// In a worktree of fewer files, it costs as much to read what was kept as to do without.
const FEWEST_FILES: u32 = 256;

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
    held_against_git(hands, plan, asked, control, finding).await.map(Answer::Done)
}

/// What is changed between two looks, by a command that runs beside them, makes them differ: they are taken again then.
const LOOKS: usize = 3;

/// What was proven, where git says the same; or how they differ.
async fn held_against_git(
    hands: &Hands,
    plan: &Arc<Plan>,
    asked: &Asked,
    control: &Control,
    mut finding: Finding,
) -> Result<Done, NoPlace> {
    let mut looks = 1;
    loop {
        let git = own(hands, plan, asked, control.clone()).await?;
        if git.verdict.outcome != Outcome::Passed {
            return Ok(git);
        }
        let held = held_against(&finding, &git);
        if held.verdict.outcome == Outcome::Passed || looks == LOOKS {
            return Ok(held);
        }
        looks += 1;
        finding = match proven(hands, plan, asked, control.clone()).await {
            Ok(finding) if finding.verdict.facts == git.verdict.facts => return Ok(finding.into()),
            Ok(finding) => finding,
            Err(_) => return Ok(git),
        };
    }
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
    let place = Place::of(hands, plan, worktree, Arc::clone(&grounds), stop)?;
    let question = question(plan, asked, worktree);
    let kind = question.check.kind;
    let finding = match kind.basis() {
        Basis::Changes => {
            let inquire = || inquire(hands, Arc::clone(plan), worktree.repository, control.clone());
            let branch = grounds.branch(plan.units[asked.unit].worktree, inquire).await?;
            let terms = Terms::from(allowed);
            let (counted, kept) = hands.workers.apart(move || Ok(place.changes(&terms))).await?;
            hands.listings.lock().unwrap_or_else(PoisonError::into_inner).extend(kept);
            let counted = counted?;
            if counted.read == 0 {
                let mut unread = hands.unread.lock().unwrap_or_else(PoisonError::into_inner);
                unread.insert(plan.units[asked.unit].worktree);
            }
            kind.proven(&question, Proven::Changes(counted, &branch))
        }
        Basis::Lines => {
            let sources = allowed.attributes.clone().filter(|_| allowed.plain_lines).ok_or(Why::Lines)?;
            let edits = asked.evidence.edits.clone().ok_or(Why::Unproven)?;
            let differing = hands.workers.apart(move || place.lines(&edits, &sources)).await?;
            kind.proven(&question, Proven::Lines(differing))
        }
    };
    finding.ok_or(Why::OwnArguments)
}

/// So many threads look at worktrees side by side.
const SIDE_BY_SIDE: usize = 4;
/// Whoever has not been proven after this is left to git.
const LONGEST: Duration = Duration::from_secs(5);

/// The worktrees of a repository that are proven to hold what their HEAD does, and nothing else.
pub(super) fn clean(
    hands: &Hands,
    plan: &Plan,
    repository: RepositoryId,
) -> impl Future<Output = BTreeSet<WorktreeId>> + Send + use<> {
    let (told, mut heard) = mpsc::unbounded_channel();
    let stop = Arc::new(AtomicBool::new(false));
    let of = &plan.repositories[repository];
    // Where proofs are held against git, git is asked.
    if let (Ok(allowed), Prove::Yes) = (&of.terms.allowed, of.prove) {
        let listed = plan.worktrees.iter_enumerated().filter(|(id, _)| of.worktrees.contains(id));
        let listed = listed.filter(|(_, worktree)| worktree.obstacle.is_none() && !worktree.is_unanswered);
        let mut shares: [Vec<(WorktreeId, Worktree, Place)>; SIDE_BY_SIDE] = Default::default();
        for (id, worktree) in listed {
            let grounds = hands.grounds(repository);
            if let Ok(place) = Place::of(hands, plan, worktree, grounds, &stop) {
                shares[usize::from(id) % SIDE_BY_SIDE].push((id, worktree.clone(), place));
            }
        }
        for share in shares.into_iter().filter(|share| !share.is_empty()) {
            let (told, terms, git) = (told.clone(), Terms::from(allowed), hands.git.clone());
            let work = move || {
                for (id, worktree, place) in share {
                    // One that is configured, owned or mounted apart is not what the repository's terms are about.
                    if terms::of_worktree(&worktree, git.mounts()).is_err() {
                        continue;
                    }
                    let (counted, _) = place.changes(&terms);
                    if counted.is_ok_and(|counted| counted.unstaged == 0 && counted.untracked == 0) {
                        // Nobody may wait for it any more.
                        let _ = told.send(id);
                    }
                }
            };
            // Where there is no thread for it, git is asked.
            let _ = hands.workers.begin(work);
        }
    }
    drop(told);
    let clock = hands.clock.clone();
    async move {
        let mut clean = BTreeSet::new();
        let over = clock.sleep(LONGEST);
        let mut over = std::pin::pin!(over);
        loop {
            tokio::select! {
                biased;
                proven = heard.recv() => match proven {
                    Some(id) => _ = clean.insert(id),
                    None => break,
                },
                () = &mut over => break,
            }
        }
        stop.store(true, Ordering::Relaxed);
        clean
    }
}

/// Where something is to be looked at.
struct Place {
    worktree: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    head: String,
    hash: Hash,
    git: Git,
    grounds: Arc<Grounds>,
    repository: RepositoryId,
    /// Where its listing is kept, if it is.
    listing: Option<ListingFile>,
    stop: Arc<AtomicBool>,
}

impl Place {
    fn of(
        hands: &Hands,
        plan: &Plan,
        worktree: &Worktree,
        grounds: Arc<Grounds>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, Why> {
        let git_dir = worktree.git_dir.clone().ok_or(Why::Unreadable)?;
        let repository = plan.repository(worktree);
        let listing = if repository.listing_cache { ListingFile::of(&repository.common_dir, &git_dir) } else { None };
        Ok(Self {
            worktree: worktree.path.clone(),
            git_dir,
            common_dir: repository.common_dir.clone(),
            head: worktree.head.clone().ok_or(Why::Head)?,
            hash: if worktree.sha256 { Hash::Sha256 } else { Hash::Sha1 },
            git: hands.git.clone(),
            grounds,
            repository: worktree.repository,
            listing,
            stop: Arc::clone(stop),
        })
    }

    fn objects(&self) -> Result<Reader, Why> {
        self.grounds.objects(&self.common_dir, self.hash, &self.git)
    }

    fn changes(self, terms: &Terms) -> (Result<Counted, Why>, Option<Kept>) {
        let head_tree = match self.grounds.tree_of(&self.head, || self.objects()) {
            Ok(tree) => tree,
            Err(why) => return (Err(why), None),
        };
        let Self { worktree, git_dir, hash, repository, listing, stop, .. } = self;
        let task = Task { worktree: &worktree, git_dir: &git_dir, head_tree: &head_tree, hash, terms, names: false };
        let read = |files| {
            let file = listing.as_ref().filter(|_| files >= FEWEST_FILES)?;
            Moment::now().map(|now| (file.read(&now), now))
        };
        let (counted, news) = prove_from(&task, read, &stop);
        let news = news.filter(|news| news.is_worth_a_file);
        (counted, listing.zip(news).map(|(file, news)| Kept { repository, file, news }))
    }

    fn lines(&self, edits: &[Edit], sources: &Sources) -> Result<Differing, Why> {
        edits::count(&self.worktree, edits, sources, &mut self.objects()?, &self.stop)
    }
}
