//! What is found out of a worktree and its repository, put together: the answer to a question that no single process can
//! answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bstr::BString;

use crate::exec::control::{Control, Phase};
use crate::exec::errand::Carrying;
use crate::exec::executor::{Answer, Asked, Batch, Done, NoPlace};
use crate::exec::process::is_no_place;
use crate::exec::source::census::{Census, Counted};
use crate::exec::source::census_taker;
use crate::exec::source::hands::{Hands, Source};
use crate::git::changes_listed::{self, Listed};
use crate::git::errand::{Carrier, Errand};
use crate::git::flagged::{self, Flagged};
use crate::git::index::Hash;
use crate::git::survey::{Blocker, Survey};
use crate::git::{last_touch, leftovers, operation};
use crate::model::answer::Verdict;
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::Plan;
use crate::text::duration;

/// git has this long for one answer, where the check has for ever.
const LONGEST: std::time::Duration = std::time::Duration::from_hours(24);

/// So many files that git was told to leave alone, and submodules, are named.
const MOST_NAMED: usize = 100;

/// The source.
pub(super) struct Surveyed;

impl Source for Surveyed {
    async fn answer(&self, hands: &Hands, batch: &Batch, control: Control) -> Result<Vec<Answer>, NoPlace> {
        let mut answers = Vec::with_capacity(batch.units.len());
        for asked in &batch.units {
            answers.push(Answer::Done(answer(hands, &batch.plan, asked, control.clone()).await?));
        }
        Ok(answers)
    }
}

/// What a unit comes to, in its time, whatever is waited for.
async fn answer(hands: &Hands, plan: &Arc<Plan>, asked: &Asked, mut control: Control) -> Result<Done, NoPlace> {
    let worktree = match hands.worktree(plan, asked.unit) {
        Ok(worktree) => worktree,
        Err(done) => return Ok(done),
    };
    let check = plan.check(asked.unit);
    let timeout = check.timeout;
    let over = async {
        match timeout {
            Some(timeout) => hands.clock.sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let its_own = control.clone();
    let survey = survey(hands, plan, asked, &worktree, its_own, &stop);
    let ended = tokio::select! {
        biased;
        survey = survey => survey?,
        () = control.reached(Phase::Stop) => Err(Verdict::without_facts(Outcome::Cancelled, None)),
        () = over => {
            let reason = format!("no end after {}", duration::write(timeout.unwrap_or_default()));
            Err(Verdict::without_facts(Outcome::TimedOut, Some(reason)))
        }
    };
    stop.store(true, Ordering::Relaxed);
    Ok(match ended {
        Ok(survey) => match check.kind.surveyed(&survey) {
            Some(finding) => finding.into(),
            None => {
                let reason = "a survey does not answer it: a fault in git wtcheck itself".to_owned();
                Done { is_final: true, ..Done::with(Outcome::Errored, Some(reason)) }
            }
        },
        Err(verdict) => Done::with(verdict.outcome, verdict.reason),
    })
}

async fn survey(
    hands: &Hands,
    plan: &Arc<Plan>,
    asked: &Asked,
    worktree: &Worktree,
    control: Control,
    stop: &Arc<AtomicBool>,
) -> Result<Result<Survey, Verdict>, NoPlace> {
    let within = plan.check(asked.unit).timeout.unwrap_or(LONGEST);
    let carrier =
        Carrying { sessions: Arc::clone(&hands.sessions), clock: hands.clock.clone(), control: control.clone() };
    let listing = carrier.carry(Errand { invocation: changes_listed::invocation(&hands.git, worktree), within });
    let grounds = hands.grounds(worktree.repository);
    let census = grounds.census(|| census_taker::take(hands, Arc::clone(plan), worktree.repository, control.clone()));
    let (listed, census) = tokio::join!(listing, census);
    let listed = match listed {
        Ok(printed) => changes_listed::read(&printed),
        Err(error) if is_no_place(&error) => return Err(NoPlace(error)),
        Err(error) => Err(format!("git status: {error}")),
    };
    // A worktree of which git itself cannot tell what has changed is nobody's to judge.
    let listed = match listed {
        Ok(listed) => listed,
        Err(words) => return Ok(Err(Verdict::errored(words))),
    };
    let looked = look(hands, plan, worktree, &listed, stop).await;
    let Some(census) = census else {
        return Ok(Err(Verdict::errored("what is known of all worktrees was not told".to_owned())));
    };
    let id = plan.units[asked.unit].worktree;
    if let Some(Err(words)) = census.worktrees.get(&id).map(|counted| &counted.bases) {
        return Ok(Err(Verdict::errored(words.clone())));
    }
    Ok(Ok(put_together(plan, worktree, census.as_ref(), census.worktrees.get(&id), listed, looked)))
}

/// What was found by looking into folders.
struct Looked {
    ignored: Result<Vec<BString>, String>,
    operation: Result<String, String>,
    flagged: Result<Flagged, String>,
    has_modules: Result<bool, String>,
    touched_at: Option<i64>,
}

async fn look(hands: &Hands, plan: &Plan, worktree: &Worktree, listed: &Listed, stop: &Arc<AtomicBool>) -> Looked {
    let nothing = |words: &str| Looked {
        ignored: Err(words.to_owned()),
        operation: Err(words.to_owned()),
        flagged: Err(words.to_owned()),
        has_modules: Err(words.to_owned()),
        touched_at: None,
    };
    let Some(git_dir) = worktree.git_dir.clone() else { return nothing("its git folder is not known") };
    if !hands.git.mounts().answers_below(&worktree.path) {
        return nothing("it lies on a file system that may not answer, or has one in it");
    }
    let hash = if worktree.sha256 { Hash::Sha256 } else { Hash::Sha1 };
    let (folder, marks, stop) = (worktree.path.clone(), worktree.marks, Arc::clone(stop));
    let listed = listed.ignored.clone().ok_or_else(|| "too many paths are ignored".to_owned());
    let main = main(plan, worktree).filter(|main| hands.git.mounts().answers_below(main));
    let work = move || {
        let modules = git_dir.join("modules");
        Ok(Looked {
            ignored: listed.and_then(|ignored| leftovers::work(&folder, main.as_deref(), &ignored, &stop)),
            operation: operation::under_way(&git_dir, marks)
                .ok_or_else(|| "which operation is under way is not known".to_owned()),
            flagged: flagged::present(&folder, &git_dir, hash, MOST_NAMED),
            has_modules: match modules.symlink_metadata() {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(format!("cannot look at {}: {error}", modules.display())),
            },
            touched_at: last_touch::of_worktree(&git_dir, hash),
        })
    };
    hands.workers.apart(work).await.unwrap_or_else(|why| nothing(why.words()))
}

/// The folder of the main worktree, where this is another one.
fn main(plan: &Plan, worktree: &Worktree) -> Option<PathBuf> {
    let mut all = plan.worktrees.iter().filter(|other| other.repository == worktree.repository);
    all.find(|other| other.main && !other.bare && other.obstacle.is_none())
        .filter(|_| !worktree.main)
        .map(|main| main.path.clone())
}

fn put_together(
    plan: &Plan,
    worktree: &Worktree,
    census: &Census,
    counted: Option<&Counted>,
    listed: Listed,
    looked: Looked,
) -> Survey {
    let untold = || "what is known of all worktrees does not tell of it".to_owned();
    let Looked { ignored, operation, flagged, has_modules, touched_at } = looked;
    Survey {
        listed: Ok(listed),
        ignored,
        only_here: counted.map_or_else(|| Err(untold()), |counted| counted.only_here.clone()),
        operation,
        flagged,
        autostash: counted.is_some_and(|counted| counted.autostash),
        has_modules,
        standing: counted.map_or_else(|| Err(untold()), |counted| counted.standing.clone()),
        upstream_gone: counted.and_then(|counted| counted.upstream_gone),
        stashes: census.stashes(worktree.branch.as_deref()),
        touched_at,
        fetched_at: census.fetched_at,
        contained_in: counted.and_then(|counted| counted.contained_in.clone()),
        blockers: blockers(plan, worktree),
    }
}

fn blockers(plan: &Plan, worktree: &Worktree) -> Vec<Blocker> {
    let lies_in = |path: &Path| path.starts_with(&worktree.path);
    let contains = || plan.worktrees.iter().any(|other| other.path != worktree.path && lies_in(&other.path));
    [
        (Blocker::Main, worktree.main),
        (Blocker::Current, lies_in(&plan.directory)),
        (Blocker::Locked, worktree.locked),
        (Blocker::ContainsWorktree, contains()),
        (Blocker::Foreign, worktree.foreign),
    ]
    .into_iter()
    .filter_map(|(blocker, holds)| holds.then_some(blocker))
    .collect()
}
