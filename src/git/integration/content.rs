//! Whether content has landed in a base otherwise than with its commits: trees and patches, held against each other.

use std::collections::{BTreeSet, HashMap, HashSet};

use bstr::ByteSlice;
use gix_hash::ObjectId;

use super::ask::{Fault, streamed_so_far, whole};
use super::asked::{Head, Place};
use super::graph::Node;
use super::history::History;
use super::kept::{Answer, Kept, Question};
use super::merge::{Merged, Pair, merged, version};
use super::patch::{Known, Patches, Subject};
use super::sort_out::Sound;
use super::trials::{Landed, Outcome, Trial};
use crate::git::errand::Carrier;
use crate::git::survey::Standing;

/// No more of the branches' own commits are read as patches.
const MOST_OWN: usize = 20_000;

/// Nothing is left of what the branch has changed.
const NO_NET_CHANGE: &str = "no-net-change";

/// The content has landed, and the base does not have it any more, or has something else there.
const UNDONE: &str = "reverted-or-overwritten";

/// How patches are asked for: as they are stored, whatever is configured and whatever attributes there are.
const DIFF_TREE: [&str; 28] = [
    "-c",
    "core.quotePath=true",
    "-c",
    "core.attributesFile=",
    "-c",
    "core.bigFileThreshold=512m",
    "-c",
    "diff.suppressBlankEmpty=false",
    "diff-tree",
    "--stdin",
    "-p",
    "-r",
    "-U3",
    "--inter-hunk-context=0",
    "-O/dev/null",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--full-index",
    "--no-renames",
    "--no-relative",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=none",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--ws-error-highlight=none",
];

/// Looks for the content of the commits that no base has, and says where it was found.
pub(super) async fn look(
    carrier: &impl Carrier,
    place: &Place<'_>,
    history: &History,
    heads: &[Head],
    group: &[Sound],
    standings: &mut [(usize, Standing)],
) {
    let is_open = |at: &usize| standings[*at].1.integrated == Some("") && history.node(&group[*at].id).is_some();
    let open: Vec<usize> = (0..group.len()).filter(is_open).collect();
    if open.is_empty() {
        return;
    }
    let version = version(carrier, place).await;
    let kept = version.as_deref().filter(|_| place.may_keep).map(|git| Kept::read(place.common_dir, git));
    let mut found: Vec<Found> =
        open.iter().map(|at| Found::new(history, place, kept.as_ref(), *at, &group[*at])).collect();
    let trees = try_patches(carrier, place, history, &mut found).await;
    merge_into_bases(carrier, place, &trees, version.is_some(), &mut found).await;
    for one in &found {
        let standing = &mut standings[one.at].1;
        if let Some((base, Answer { landed: Some((how, with)), is_undone, .. })) = one.landed() {
            standing.base = Some(heads[group[one.at].index].bases[base].name.clone());
            standing.unmerged = Some(one.trials[base].own.len() as u64);
            standing.integrated = Some(how);
            standing.landed_as = Some(with.to_string());
            standing.notes.extend(is_undone.then_some(UNDONE));
        } else if one.answers.contains(&None) {
            standing.integrated = None;
        }
        if one.is_without_change == Some(true) {
            standing.notes.push(NO_NET_CHANGE);
        }
    }
    if let Some(kept) = kept {
        let new: Vec<(Question, Answer)> = found.iter().flat_map(Found::to_keep).collect();
        kept.keep(&new);
    }
}

/// What was found out of one branch.
struct Found {
    /// Which one it is.
    at: usize,
    trials: Vec<Trial>,
    /// What each trial answers.
    questions: Vec<Question>,
    /// What came of each trial; none: that is not known, or not yet.
    answers: Vec<Option<Answer>>,
    /// Of which of them it is not known whether the base still has what has landed.
    half: Vec<bool>,
    /// Whether the branch is where it began, as seen from its first base.
    is_without_change: Option<bool>,
}

impl Found {
    fn new(history: &History, place: &Place<'_>, kept: Option<&Kept>, at: usize, sound: &Sound) -> Self {
        let trial = |base: &ObjectId| Trial::new(history, &sound.id, base, place.depth);
        let question = |base: &ObjectId| Question { head: sound.id, base: *base, depth: place.depth };
        let questions: Vec<Question> = sound.bases.iter().map(question).collect();
        let answers: Vec<_> = questions.iter().map(|question| kept.and_then(|kept| kept.answer(question))).collect();
        Self {
            at,
            trials: sound.bases.iter().map(trial).collect(),
            is_without_change: answers.first().copied().flatten().and_then(|answer| answer.is_without_change),
            half: vec![false; questions.len()],
            questions,
            answers,
        }
    }

    /// The first base in which it has landed.
    fn landed(&self) -> Option<(usize, Answer)> {
        let mut answers = self.answers.iter().enumerate();
        answers.find_map(|(base, answer)| answer.filter(|answer| answer.landed.is_some()).map(|answer| (base, answer)))
    }

    /// The trials of which nothing is known yet, where it matters.
    fn open(&self) -> impl Iterator<Item = (usize, &Trial)> {
        let is_open = self.landed().is_none();
        self.trials.iter().enumerate().filter(move |(base, _)| is_open && self.answers[*base].is_none())
    }

    /// What holds for the next run, too.
    fn to_keep(&self) -> impl Iterator<Item = (Question, Answer)> {
        let known = self.questions.iter().zip(&self.answers).zip(&self.half);
        known.filter_map(|((question, answer), half)| Some((*question, answer.filter(|_| !half)?)))
    }
}

/// Holds trees and patches against each other. Gives the trees that were looked up.
async fn try_patches(
    carrier: &impl Carrier,
    place: &Place<'_>,
    history: &History,
    found: &mut [Found],
) -> HashMap<Node, ObjectId> {
    let graph = &history.graph;
    let nodes: BTreeSet<Node> = found
        .iter()
        .flat_map(Found::open)
        .flat_map(|(_, trial)| {
            trial.since.iter().copied().chain([trial.fork, trial.base, trial.head].into_iter().flatten())
        })
        .collect();
    if nodes.is_empty() {
        return HashMap::new();
    }
    let trees = trees(carrier, place, history, &nodes).await.unwrap_or_default();
    let (mut room, mut asked) = (MOST_OWN, Vec::new());
    for (_, trial) in found.iter().flat_map(Found::open) {
        let mut is_room_for = |count: usize| {
            let is_room = count <= room;
            room -= if is_room { count } else { 0 };
            is_room
        };
        asked.extend(trial.subjects(graph, &trees, &mut is_room_for));
    }
    let patches = patches(carrier, place, &asked).await;
    for one in found {
        let open: Vec<usize> = one.open().map(|(base, _)| base).collect();
        for base in open {
            let trial = &one.trials[base];
            let is_without_change = trial.is_without_change(&trees);
            let outcome = patches.as_ref().map_or(Outcome::Unknown, |patches| trial.outcome(graph, &trees, patches));
            let answer = |landed| Some(Answer { landed, is_without_change, is_undone: false });
            one.answers[base] = match outcome {
                Outcome::Yes(Landed { how, with }) => answer(Some((how, graph.id(with)))),
                Outcome::No => answer(None),
                Outcome::Unknown => None,
            };
            one.half[base] = trial.can_be_merged(&trees);
            if base == 0 {
                one.is_without_change = is_without_change;
            }
        }
    }
    trees
}

/// Asks what the bases would be if the branches were merged into them. Where that is what they are, the content is in
/// them; where it has landed, and that is something else, it has gone from there again.
async fn merge_into_bases(
    carrier: &impl Carrier,
    place: &Place<'_>,
    trees: &HashMap<Node, ObjectId>,
    is_possible: bool,
    found: &mut [Found],
) {
    let mut asked = Vec::new();
    for (number, one) in found.iter().enumerate() {
        let landed = one.landed().map(|(base, _)| base);
        for (base, trial) in one.trials.iter().enumerate().filter(|(base, _)| one.half[*base]) {
            if let Some(node) = trial.base.filter(|_| landed.is_none_or(|landed| landed == base)) {
                let Question { base: commit, head, .. } = one.questions[base];
                asked.push((number, base, node, Pair { base: commit, head }));
            }
        }
    }
    let pairs: Vec<Pair> = asked.iter().map(|(.., pair)| *pair).collect();
    let merged = if is_possible { merged(carrier, place, &pairs).await } else { vec![None; pairs.len()] };
    for ((number, base, node, pair), merged) in asked.into_iter().zip(merged) {
        let one = &mut found[number];
        let is_without_change = one.trials[base].is_without_change(trees);
        let adds_nothing = merged.zip(trees.get(&node)).map(|(merged, tree)| merged == Merged::Clean(*tree));
        let answer = &mut one.answers[base];
        let has_landed = answer.is_some_and(|answer| answer.landed.is_some());
        match (adds_nothing, answer.as_mut()) {
            (Some(adds_nothing), Some(answer)) if has_landed => answer.is_undone = !adds_nothing,
            (Some(true), _) => {
                *answer = Some(Answer { landed: Some(("merge", pair.base)), is_without_change, is_undone: false });
            }
            (None, _) if !has_landed => *answer = None,
            _ => {}
        }
        one.half[base] = adds_nothing.is_none();
    }
}

/// The trees of commits, as far as they are there.
async fn trees(
    carrier: &impl Carrier,
    place: &Place<'_>,
    history: &History,
    of: &BTreeSet<Node>,
) -> Result<HashMap<Node, ObjectId>, Fault> {
    let input = of.iter().flat_map(|node| format!("{}^{{tree}}\n", history.graph.id(*node)).into_bytes()).collect();
    let words = ["cat-file", "--batch-check=%(objectname) %(objecttype)"];
    let printed = whole(carrier, place, &words, input).await?;
    let mut lines = printed.lines();
    let mut trees = HashMap::new();
    for node in of {
        let line = lines.next().ok_or_else(|| Fault::odd(words[0]))?;
        if let Some(tree) = line.strip_suffix(b" tree").and_then(|id| ObjectId::from_hex(id).ok()) {
            trees.insert(*node, tree);
        }
    }
    if lines.next().is_some() { Err(Fault::odd(words[0])) } else { Ok(trees) }
}

/// The patches of these, as far as git comes.
async fn patches(carrier: &impl Carrier, place: &Place<'_>, of: &[Subject]) -> Option<Known> {
    let kind = if place.sha256 { gix_hash::Kind::Sha256 } else { gix_hash::Kind::Sha1 };
    if of.is_empty() {
        return Patches::new(kind).known(HashSet::new(), true);
    }
    let mut asked = HashSet::new();
    let mut input = Vec::new();
    for subject in of.iter().filter(|subject| asked.insert(**subject)) {
        let line = match subject {
            Subject::Commit(id) => format!("{id}\n"),
            Subject::Trees(before, after) => format!("{before} {after}\n"),
        };
        input.extend_from_slice(line.as_bytes());
    }
    let (patches, fault) = streamed_so_far(carrier, place, &DIFF_TREE, input, Patches::new(kind)).await.ok()?;
    patches.known(asked, fault.is_none())
}
