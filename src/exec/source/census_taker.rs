//! The inquiry about all worktrees of a repository at once, whose results a [`Census`] holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::exec::control::Control;
use crate::exec::errand::Carrying;
use crate::exec::source::census::{Census, Counted};
use crate::exec::source::hands::Hands;
use crate::exec::source::workers::Workers;
use crate::git::anchors::{self, Anchors};
use crate::git::base;
use crate::git::errand::{Carrier, Errand};
use crate::git::index::Hash;
use crate::git::integration::{self, Base, Head, Place};
use crate::git::only_here;
use crate::git::ref_storage::are_apart;
use crate::git::refs::Refs;
use crate::git::survey::Standing;
use crate::git::{last_touch, stashes};
use crate::model::id::{RepositoryId, WorktreeId};
use crate::model::worktree::Worktree;
use crate::plan::Plan;

/// git has this long for one answer. Nobody waits longer for it than their own time.
const LONGEST: Duration = Duration::from_secs(30);
/// So many commits of a base are looked at for content that has landed.
const DEPTH: usize = 2_000;

/// What lies in files of the repository's own folder.
struct Files {
    anchors: Vec<Result<Anchors, String>>,
    fetched_at: Option<i64>,
    stashes: Option<BTreeMap<BString, u64>>,
}

/// Takes it. Where something cannot be told, that is said of each worktree that it concerns.
pub(super) fn take(
    hands: &Hands,
    plan: Arc<Plan>,
    repository: RepositoryId,
    control: Control,
) -> impl Future<Output = Census> + Send + 'static {
    let (git, workers) = (hands.git.clone(), hands.workers.clone());
    let carrier = Carrying { sessions: Arc::clone(&hands.sessions), clock: hands.clock.clone(), control };
    async move {
        let about = &plan.repositories[repository];
        let ids: Vec<WorktreeId> = plan
            .worktrees
            .keys()
            .filter(|id| about.worktrees.contains(id) && plan.worktrees[*id].git_dir.is_some())
            .collect();
        let worktrees: Vec<&Worktree> = ids.iter().map(|id| &plan.worktrees[*id]).collect();
        let sha256 = worktrees.iter().any(|worktree| worktree.sha256);
        let hash = if sha256 { Hash::Sha256 } else { Hash::Sha1 };
        let files = files(&workers, &plan, repository, &worktrees, hash).await;
        let place = Place {
            git: &git,
            common_dir: &about.common_dir,
            sha256,
            depth: DEPTH,
            within: LONGEST,
            may_keep: about.listing_cache && git.optional_locks,
        };
        let errand = Errand { invocation: Refs::invocation(&git, place.common_dir), within: LONGEST };
        let refs = carrier.carry(errand).await.map_err(|error| format!("git for-each-ref: {error}"));
        let refs = refs.and_then(|printed| Refs::read(&printed));
        let worktrees = match &refs {
            Ok(refs) => {
                let common_dir = about.common_dir.clone();
                let logged = async || {
                    let read = move || Ok(only_here::logged(&common_dir, hash.length() * 2));
                    workers.apart(read).await.unwrap_or_else(|why| Err(why.words().to_owned()))
                };
                let only_here = only_here::find(&carrier, &place, refs, &files.anchors, logged).await;
                let standings = standings(&carrier, &place, &plan, repository, &worktrees, refs).await;
                let of = |(((worktree, only_here), (standing, bases)), anchors): (
                    ((&&Worktree, _), _),
                    &Result<Anchors, String>,
                )| {
                    Counted {
                        only_here,
                        autostash: anchors.as_ref().is_ok_and(|anchors| anchors.autostash),
                        standing,
                        bases,
                        upstream_gone: Some(is_upstream_gone(worktree, refs)),
                        contained_in: contained_in(worktree, refs),
                    }
                };
                worktrees.iter().zip(only_here).zip(standings).zip(&files.anchors).map(of).collect()
            }
            Err(words) => vec![
                Counted {
                    only_here: Err(words.clone()),
                    autostash: false,
                    standing: Err(words.clone()),
                    bases: Ok(()),
                    upstream_gone: None,
                    contained_in: None,
                };
                ids.len()
            ],
        };
        Census {
            worktrees: ids.into_iter().zip(worktrees).collect(),
            fetched_at: files.fetched_at,
            stashes: files.stashes,
        }
    }
}

async fn files(workers: &Workers, plan: &Plan, repository: RepositoryId, worktrees: &[&Worktree], hash: Hash) -> Files {
    let about = &plan.repositories[repository];
    let nothing = |words: &str| Files {
        anchors: worktrees.iter().map(|_| Err(words.to_owned())).collect(),
        fetched_at: None,
        stashes: None,
    };
    if are_apart(&about.terms.config) {
        return nothing("its refs are no files, and are not looked into");
    }
    let (git_dirs, common_dir): (Vec<_>, _) =
        (worktrees.iter().filter_map(|worktree| worktree.git_dir.clone()).collect(), about.common_dir.clone());
    let read = move || {
        let id_length = hash.length() * 2;
        Ok(Files {
            anchors: git_dirs.iter().map(|git_dir| anchors::read(git_dir, id_length)).collect(),
            fetched_at: last_touch::of_remotes(&common_dir, hash),
            stashes: stashes::by_branch(&common_dir, id_length).ok(),
        })
    };
    workers.apart(read).await.unwrap_or_else(|why| nothing(why.words()))
}

async fn standings(
    carrier: &impl Carrier,
    place: &Place<'_>,
    plan: &Plan,
    repository: RepositoryId,
    worktrees: &[&Worktree],
    refs: &Refs,
) -> Vec<(Result<Standing, String>, Result<(), String>)> {
    let about = &plan.repositories[repository];
    let bases: Vec<_> = worktrees
        .iter()
        .map(|worktree| base::of(worktree.branch.as_deref(), &about.bases, refs, &about.terms.config))
        .collect();
    let of = |(worktree, bases): (&&Worktree, &Result<Vec<Base>, String>)| {
        let bases = bases.as_ref().ok()?.clone();
        Some(Head { id: worktree.head.clone()?, bases })
    };
    let asked: Vec<Option<Head>> = worktrees.iter().zip(&bases).map(of).collect();
    let heads: Vec<Head> = asked.iter().flatten().cloned().collect();
    let mut found = integration::standings(carrier, place, &heads).await.into_iter();
    let mut next = |asked: Option<Head>| match asked {
        Some(_) => found.next().unwrap_or_else(|| Err("nobody has told".to_owned())),
        None => Err("it has no commit".to_owned()),
    };
    asked.into_iter().zip(bases).map(|(asked, bases)| (next(asked), bases.map(drop))).collect()
}

fn is_upstream_gone(worktree: &Worktree, refs: &Refs) -> bool {
    let branch = worktree.branch.as_ref().and_then(|branch| refs.get(format!("refs/heads/{branch}")));
    let upstream = branch.and_then(|branch| branch.upstream.as_ref());
    upstream.is_some_and(|upstream| refs.get(upstream).is_none())
}

fn contained_in(worktree: &Worktree, refs: &Refs) -> Option<String> {
    let head = worktree.head.as_ref()?;
    let own = worktree.branch.as_ref().map(|branch| format!("refs/heads/{branch}"));
    let branches = refs.shared().filter_map(|(name, found)| Some((name.strip_prefix(b"refs/heads/")?, name, found)));
    let mut others = branches.filter(|(_, name, found)| {
        found.id == *head && found.symref.is_none() && own.as_ref().is_none_or(|own| *name != own.as_str())
    });
    others.next().map(|(short, ..)| BString::from(short).to_string())
}
