//! Which worktrees of a repository would stop a merge of one into the other, what is uncommitted included.
//!
//! Nothing is left behind: what is made to be tried goes into a folder of its own, and the repository's objects, indexes
//! and locks stay as they are. No program of the user's is run but the filters through which git takes files in.

mod content;
mod folder;
mod graph;
mod paths;
mod place;
mod trial;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bstr::{BString, ByteSlice};

use crate::git::command::Git;
use crate::git::errand::Carrier;
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;

use place::{Bench, is_id};
use trial::Trial;

/// The oldest git that tries many merges at once and can be told whose attributes hold.
const OLDEST_GIT: (u32, u32) = (2, 41);
/// So many worktrees are looked at side by side.
const SIDE_BY_SIDE: usize = 4;
/// Worktrees beyond these are not held against each other.
const MOST_WORKTREES: usize = 1_000;
/// Merges beyond these are not tried.
const MOST_MERGES: usize = 50_000;
/// Paths beyond these are not counted.
const MOST_PATHS: usize = 100_000;

/// A repository that is asked.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// git.
    pub git: &'a Git,
    /// The folder that all of its worktrees share.
    pub common_dir: &'a Path,
    /// One process may take so long.
    pub within: Duration,
}

/// A worktree, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The worktree.
    pub worktree: &'a Worktree,
    /// Whether it is known to hold what its HEAD does, and nothing else.
    pub is_clean: bool,
}

/// With which others a worktree would stop a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// The others, by their places in the list.
    pub with: BTreeSet<usize>,
    /// At how many paths; none: not counted, because some are not known.
    pub files: Option<u64>,
    /// The others with which it could not be tried, and why, in words.
    pub unknown: BTreeMap<usize, String>,
}

/// With which others each of these worktrees would stop a merge, in their order; or why it is not known, in words.
pub async fn between<C: Carrier>(carrier: &C, place: &Place<'_>, sides: &[Side<'_>]) -> Vec<Result<Conflicts, String>> {
    let nobody = |words: String| sides.iter().map(|_| Err(words.clone())).collect();
    if sides.len() > MOST_WORKTREES {
        return nobody(format!("there are more than {MOST_WORKTREES} worktrees"));
    }
    let bench = match Bench::new(carrier, place.git, place.common_dir, place.within) {
        Ok(bench) => bench,
        Err(error) => return nobody(format!("cannot make a folder to try merges in: {error}")),
    };
    if let Err(words) = is_new_enough(&bench).await {
        return nobody(words);
    }
    let commits = match commits(&bench, sides).await {
        Ok(commits) => commits,
        Err(words) => return nobody(words),
    };
    let mut distinct: Vec<String> = commits.iter().flatten().flatten().cloned().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let trials = match trials(&bench, &distinct).await {
        Ok(trials) => trials,
        Err(words) => return nobody(words),
    };
    told(&commits, &distinct, &trials)
}

async fn is_new_enough<C: Carrier>(bench: &Bench<'_, C>) -> Result<(), String> {
    let printed = bench.done(bench.of_repository(&["version"])).await?;
    let text = printed.stdout.to_str_lossy();
    let found = text.split_whitespace().nth(2).unwrap_or_default();
    let mut numbers = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= OLDEST_GIT {
        return Ok(());
    }
    Err(format!("git {found} is too old: {}.{} or later is needed", OLDEST_GIT.0, OLDEST_GIT.1))
}

type Commits = Vec<Result<Option<String>, String>>;

/// The commit that holds what each worktree does; none: it holds nothing that could be merged.
async fn commits<C: Carrier>(bench: &Bench<'_, C>, sides: &[Side<'_>]) -> Result<Commits, String> {
    let mut commits: Commits = Vec::with_capacity(sides.len());
    let looks = sides.iter().enumerate().map(|(number, side)| Box::pin(commit(bench, number, side)) as Look<'_, _>);
    commits.extend(side_by_side(looks).await);
    // One commit that is not there would end every process that is asked about it.
    let mut input = String::new();
    for id in commits.iter().flatten().flatten() {
        input.push_str(id);
        input.push('\n');
    }
    if input.is_empty() {
        return Ok(commits);
    }
    let mut check = bench.of_repository(&["cat-file", "--batch-check=%(objectname) %(objecttype)"]);
    check.input = Some(input.into_bytes());
    let printed = bench.done(check).await?;
    let there: BTreeSet<&[u8]> =
        printed.stdout.lines().filter_map(|line| line.strip_suffix(b" commit")).filter(|id| is_id(id)).collect();
    for commit in &mut commits {
        if matches!(commit, Ok(Some(id)) if !there.contains(id.as_bytes())) {
            *commit = Err("its commit is not in the repository".to_owned());
        }
    }
    Ok(commits)
}

async fn commit<C: Carrier>(bench: &Bench<'_, C>, number: usize, side: &Side<'_>) -> Result<Option<String>, String> {
    let worktree = side.worktree;
    match &worktree.obstacle {
        // It has no files, and nothing is to be merged from there.
        Some(obstacle) if worktree.bare && obstacle.outcome == Outcome::Skipped => Ok(None),
        Some(obstacle) => Err(obstacle.reason.clone()),
        None if worktree.is_unanswered => Err("its folder has not answered".to_owned()),
        None if side.is_clean && worktree.head.is_some() && !content::is_merging(worktree) => Ok(worktree.head.clone()),
        None => content::commit(bench, number, worktree).await,
    }
}

type Look<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Waits for all of these, a few at a time. One that takes long holds up none but itself.
async fn side_by_side<'a, T>(looks: impl ExactSizeIterator<Item = Look<'a, T>>) -> Vec<T> {
    let mut found: Vec<Option<T>> = (0..looks.len()).map(|_| None).collect();
    let mut waiting = looks.enumerate();
    let mut begun: Vec<(usize, Look<'a, T>)> = Vec::with_capacity(SIDE_BY_SIDE);
    std::future::poll_fn(|context| {
        loop {
            begun.extend(waiting.by_ref().take(SIDE_BY_SIDE - begun.len()));
            if begun.is_empty() {
                return Poll::Ready(());
            }
            let before = begun.len();
            begun.retain_mut(|(at, look)| match look.as_mut().poll(context) {
                Poll::Ready(value) => {
                    found[*at] = Some(value);
                    false
                }
                Poll::Pending => true,
            });
            if begun.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    found.into_iter().flatten().collect()
}

type Trials = HashMap<(usize, usize), Trial>;

/// What every two of these commits come to, but for those that go through.
async fn trials<C: Carrier>(bench: &Bench<'_, C>, commits: &[String]) -> Result<Trials, String> {
    let mut trials = Trials::new();
    if commits.len() < 2 {
        return Ok(trials);
    }
    let bases = graph::bases(bench, commits).await?;
    for one in 0..commits.len() {
        for other in one + 1..commits.len() {
            if !bases.contains_key(&(one, other)) {
                trials.insert((one, other), Trial::Unknown("they have no commit in common".to_owned()));
            }
        }
    }
    let pairs = paths::to_try(bench, commits, &bases).await?;
    if pairs.is_empty() {
        return Ok(trials);
    }
    let drivers = trial::drivers(bench).await?;
    let attributes = paths::attributes(bench, commits).await?;
    // Whose attributes hold depends on which is merged into which: where they differ, both are tried.
    let mut groups: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (one, other) in pairs {
        groups.entry(attributes[one]).or_default().push((one, other));
        if attributes[one] != attributes[other] {
            groups.entry(attributes[other]).or_default().push((other, one));
        }
    }
    let (mut left, mut begun_again) = (MOST_MERGES, 0);
    for group in groups.values() {
        let (some, others) = group.split_at(group.len().min(left));
        left -= some.len();
        let merges: Vec<_> =
            some.iter().map(|(one, other)| (commits[*one].as_str(), commits[*other].as_str())).collect();
        let found = match some.first() {
            Some((first, _)) => trial::try_all(bench, &commits[*first], &drivers, &merges, &mut begun_again).await,
            None => Vec::new(),
        };
        let too_many = || Trial::Unknown(format!("more than {MOST_MERGES} merges would have to be tried"));
        for ((one, other), trial) in some.iter().zip(found).chain(others.iter().map(|pair| (pair, too_many()))) {
            let pair = (*one.min(other), *one.max(other));
            let known = trials.remove(&pair);
            if let Some(trial) = worse(known, trial) {
                trials.insert(pair, trial);
            }
        }
    }
    Ok(trials)
}

/// What two trials of one pair come to: it stops where one does.
fn worse(known: Option<Trial>, trial: Trial) -> Option<Trial> {
    match (known, trial) {
        (known, Trial::Clean) => known,
        (Some(Trial::Stops(Some(mut paths))), Trial::Stops(Some(more))) => {
            paths.extend(more);
            Some(Trial::Stops(Some(paths)))
        }
        // At which paths it stops the other way is not known.
        (Some(Trial::Stops(_)), _) | (_, Trial::Stops(None)) | (Some(Trial::Unknown(_)), Trial::Stops(_)) => {
            Some(Trial::Stops(None))
        }
        (_, trial) => Some(trial),
    }
}

/// What all of it comes to for each worktree.
fn told(commits: &Commits, distinct: &[String], trials: &Trials) -> Vec<Result<Conflicts, String>> {
    let places: Vec<Option<usize>> =
        commits.iter().map(|commit| distinct.binary_search(commit.as_ref().ok()?.as_ref()?).ok()).collect();
    let each = commits.iter().enumerate().map(|(number, commit)| {
        let commit = commit.as_ref().map_err(String::clone)?;
        let mut conflicts = Conflicts { files: Some(0), ..Conflicts::default() };
        let (Some(_), Some(place)) = (commit, places[number]) else { return Ok(conflicts) };
        let mut paths: Option<BTreeSet<&BString>> = Some(BTreeSet::new());
        for (other, of_other) in commits.iter().enumerate().filter(|(other, _)| *other != number) {
            if let Err(words) = of_other {
                conflicts.unknown.insert(other, words.clone());
                continue;
            }
            let Some(of_other) = places[other] else { continue };
            match trials.get(&(place.min(of_other), place.max(of_other))) {
                None | Some(Trial::Clean) => {}
                Some(Trial::Stops(at)) => {
                    _ = conflicts.with.insert(other);
                    paths = paths.zip(at.as_ref()).map(|(mut paths, at)| {
                        paths.extend(at);
                        paths
                    });
                }
                Some(Trial::Unknown(words)) => _ = conflicts.unknown.insert(other, words.clone()),
            }
        }
        let paths = paths.filter(|paths| paths.len() <= MOST_PATHS && conflicts.unknown.is_empty());
        conflicts.files = paths.map(|paths| paths.len() as u64);
        Ok(conflicts)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn one_that_does_not_end_holds_up_no_other() {
        const LOOKS: usize = 3 * SIDE_BY_SIDE;
        let (running, most, ended) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let look = |number: usize| {
            let mut is_begun = false;
            let (running, most, ended) = (&running, &most, &ended);
            Box::pin(std::future::poll_fn(move |_| {
                if !std::mem::replace(&mut is_begun, true) {
                    most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    return Poll::Pending;
                }
                // The first one ends when all others have.
                if number == 0 && ended.load(Ordering::Relaxed) + 1 < LOOKS {
                    return Poll::Pending;
                }
                running.fetch_sub(1, Ordering::Relaxed);
                ended.fetch_add(1, Ordering::Relaxed);
                Poll::Ready(number)
            })) as Look<'_, usize>
        };
        let mut all = Box::pin(side_by_side((0..LOOKS).map(look)));
        let mut context = Context::from_waker(Waker::noop());
        let told = (0..10 * LOOKS).find_map(|_| match all.as_mut().poll(&mut context) {
            Poll::Ready(told) => Some(told),
            Poll::Pending => None,
        });
        assert_eq!(told, Some((0..LOOKS).collect()));
        assert_eq!(most.load(Ordering::Relaxed), SIDE_BY_SIDE);
    }

    #[test]
    fn a_merge_stops_where_it_does_one_way_and_is_not_known_where_one_way_is_not() {
        let stops = |path: &str| Trial::Stops(Some(vec![path.into()]));
        let unknown = || Trial::Unknown("no".to_owned());
        assert_eq!(worse(None, Trial::Clean), None);
        assert_eq!(worse(Some(unknown()), Trial::Clean), Some(unknown()));
        assert_eq!(worse(None, unknown()), Some(unknown()));
        assert_eq!(worse(Some(unknown()), stops("a")), Some(Trial::Stops(None)));
        assert_eq!(worse(Some(stops("a")), unknown()), Some(Trial::Stops(None)));
        assert_eq!(worse(Some(stops("a")), Trial::Clean), Some(stops("a")));
        assert_eq!(worse(None, stops("a")), Some(stops("a")));
    }

    #[test]
    fn what_is_not_known_of_one_leaves_no_count_for_the_others() {
        let id = |letter: &str| letter.repeat(40);
        let commits: Commits = vec![Ok(Some(id("a"))), Ok(Some(id("b"))), Err("gone".to_owned()), Ok(None)];
        let distinct = [id("a"), id("b")];
        let told = told(&commits, &distinct, &Trials::new());
        assert_eq!(told[2], Err("gone".to_owned()));
        let other = told[0].as_ref().expect("known");
        assert_eq!((other.files, other.unknown.len(), other.with.len()), (None, 1, 0));
        assert_eq!(told[3].as_ref().expect("known").files, Some(0), "it has nothing to merge");
    }
}
