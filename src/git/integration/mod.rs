//! How the commits of worktrees stand to the bases and to the remotes: whether their content has landed, and where.
//!
//! Invariants:
//! - The number of processes does not depend on the number of commits, but where an object of the history is missing or
//!   broken: then what it spoils is told from the rest, by no more than `MOST_GROUPS` groups.
//! - Nothing is said to have landed without a proof. Where a test could not be made, that nothing has is not said either.

mod ask;
mod asked;
mod content;
mod graph;
mod history;
mod kept;
mod merge;
mod patch;
mod sort_out;
mod trials;

pub use self::asked::{Base, Head, Place};

use self::graph::Marks;
use self::history::{History, has_remotes, history, is_cut};
use self::sort_out::{Sound, sort_out};
use crate::git::errand::Carrier;
use crate::git::survey::Standing;

/// The groups of commits that are asked for at the most.
const MOST_GROUPS: usize = 40;

/// Nothing has been merged there: the branch has no commit of its own, and is one of the base's own line.
const STARTED_EMPTY: &str = "started-empty";

/// How each of these commits stands, in their order; or why that is not known, in words.
pub async fn standings(carrier: &impl Carrier, place: &Place<'_>, heads: &[Head]) -> Vec<Result<Standing, String>> {
    let sorted = match sort_out(carrier, place, heads).await {
        Ok(sorted) => sorted,
        Err(fault) => return heads.iter().map(|_| Err(fault.words.clone())).collect(),
    };
    let mut sound = Vec::new();
    let mut standings: Vec<Result<Standing, String>> = Vec::with_capacity(heads.len());
    for one in sorted {
        standings.push(one.map(|one| sound.push(one)).map(|()| Standing::default()));
    }
    if sound.is_empty() {
        return standings;
    }
    let remotes = has_remotes(carrier, place).await;
    let is_cut = is_cut(place.common_dir);
    let (mut groups, mut asked) = (vec![sound], 0);
    while let Some(mut group) = groups.pop() {
        asked += 1;
        match history(carrier, place, &group, remotes == Some(true)).await {
            Ok(history) => {
                let mut found = stand(&history, heads, &group, is_cut);
                content::look(carrier, place, &history, heads, &group, &mut found).await;
                for (index, standing) in found {
                    standings[index] = Ok(standing);
                }
            }
            // An object of the history is missing. It may not be in everybody's.
            Err(fault) if fault.is_gits && group.len() > 1 && asked + groups.len() + 2 <= MOST_GROUPS => {
                let half = group.split_off(group.len() / 2);
                groups.extend([group, half]);
            }
            Err(fault) => group.iter().for_each(|sound| standings[sound.index] = Err(fault.words.clone())),
        }
    }
    standings
}

/// How commits stand in the history.
fn stand(history: &History, heads: &[Head], group: &[Sound], is_cut: bool) -> Vec<(usize, Standing)> {
    let graph = &history.graph;
    let mut reaches: std::collections::HashMap<_, Marks> = std::collections::HashMap::new();
    let mut standings = Vec::new();
    for sound in group {
        let node = history.node(&sound.id);
        let mut standing = Standing { unpushed: history.count_unpushed(&sound.id), ..Standing::default() };
        let mut first = None;
        for (base, id) in heads[sound.index].bases.iter().zip(&sound.bases) {
            let reach = reaches.entry(*id).or_insert_with(|| graph.reach(history.node(id)));
            let is_held = graph.holds(reach, node);
            if is_held || first.is_none() {
                first = Some(id);
                standing.base = Some(base.name.clone());
                standing.unmerged = Some(graph.apart(node, reach).own.len() as u64);
            }
            if is_held {
                standing.integrated = Some(if *id == sound.id { "same" } else { "ancestor" });
                standing.landed_as = Some(sound.id.to_string());
                if graph.is_on_first_line(history.node(id), node) {
                    standing.notes.push(STARTED_EMPTY);
                }
                break;
            }
            standing.integrated = Some("");
        }
        // What has parents that are not there may have come from anywhere.
        if is_cut {
            let is_none = |count: &u64| *count == 0;
            standing.unmerged = standing.unmerged.filter(is_none);
            standing.unpushed = standing.unpushed.filter(is_none);
            standing.integrated = standing.integrated.filter(|how| !how.is_empty());
        }
        standings.push((sound.index, standing));
    }
    standings
}
