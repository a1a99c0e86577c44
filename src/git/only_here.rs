//! Which commits only one worktree names: what its own git folder names, and no ref that all share, nor the log of one.
//!
//! The HEADs and the logs of other worktrees do not count as keepers: they move, and go with their worktrees.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use bstr::ByteSlice;

use crate::git::anchors::Anchors;
use crate::git::command::{Invocation, complaint};
use crate::git::errand::{Carrier, Errand, Printed};
use crate::git::integration::Place;
use crate::git::open_folder::{Buffer, Folder};
use crate::git::reflog;
use crate::git::refs::Refs;
use crate::model::answer::Exit;

/// What only one worktree names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnlyHere {
    /// How many commits.
    pub commits: u64,
    /// Whether one of its own refs is the last name of something.
    pub refs: bool,
}

/// More logs than these are not read.
const MOST_LOGS: usize = 100_000;

/// Every object that the log of a shared ref names. It may wait for a drive.
pub fn logged(common_dir: &Path, id_length: usize) -> Result<BTreeSet<String>, String> {
    let cannot = || "cannot read the logs of all refs".to_owned();
    let mut ids = BTreeSet::new();
    let Ok(top) = Folder::at(&common_dir.join("logs/refs")) else {
        // No log has ever been written: nothing is kept by one.
        return Ok(ids);
    };
    let (mut folders, mut left) = (vec![(top, Vec::new())], MOST_LOGS);
    while let Some((folder, path)) = folders.pop() {
        let mut names = Vec::new();
        let mut note = |name: &[u8], _| {
            names.push(name.to_vec());
            Ok(true)
        };
        folder.list(&mut Buffer::default(), &mut note).map_err(|_| cannot())?;
        for name in names {
            // What each worktree has for itself is no keeper.
            if path.is_empty() && matches!(name.as_slice(), b"worktree" | b"bisect" | b"rewritten" | b"wtcheck") {
                continue;
            }
            left = left.checked_sub(1).ok_or_else(cannot)?;
            if let Ok(Some(below)) = folder.folder(&name) {
                folders.push((below, [path.as_slice(), b"/", &name].concat()));
                continue;
            }
            // A log that cannot be read keeps nothing that is known of.
            let lines = folder.file(&name).ok().flatten().and_then(|file| reflog::contents_of(file).ok());
            let entries = lines.as_deref().map(|lines| reflog::entries(lines, id_length));
            for entry in entries.and_then(Result::ok).unwrap_or_default() {
                ids.extend(entry.ids.iter().map(|id| id.to_str_lossy().into_owned()));
            }
        }
    }
    Ok(ids)
}

/// What only each of these worktrees names, in their order; or why that is not known, in words. `logged` gives what the
/// logs of shared refs name: it is asked only where that matters.
///
/// Three processes at the most, whatever the number of worktrees.
pub async fn find<L>(
    carrier: &impl Carrier,
    place: &Place<'_>,
    refs: &Refs,
    anchors: &[Result<Anchors, String>],
    logged: impl FnOnce() -> L,
) -> Vec<Result<OnlyHere, String>>
where
    L: Future<Output = Result<BTreeSet<String>, String>>,
{
    let found = only_here(carrier, place, refs, anchors, logged).await;
    let of = |anchors: &Result<Anchors, String>| {
        let anchors = anchors.as_ref().map_err(Clone::clone)?;
        let (graph, kinds) = found.as_ref().map_err(Clone::clone)?;
        Ok(OnlyHere { commits: reached(graph, &anchors.ids), refs: names_last(graph, kinds, &anchors.refs) })
    };
    anchors.iter().map(of).collect()
}

/// Commits that only worktrees name, with their parents.
type Graph = HashMap<String, Vec<String>>;
/// The kinds of objects that no shared ref names itself.
type Kinds = BTreeMap<String, String>;

async fn only_here<L>(
    carrier: &impl Carrier,
    place: &Place<'_>,
    refs: &Refs,
    anchors: &[Result<Anchors, String>],
    logged: impl FnOnce() -> L,
) -> Result<(Graph, Kinds), String>
where
    L: Future<Output = Result<BTreeSet<String>, String>>,
{
    let shared = || refs.shared().flat_map(|(_, found)| std::iter::once(&found.id).chain(&found.tag));
    let known: HashSet<&String> = shared().collect();
    let named = anchors.iter().flatten().flat_map(|anchors| &anchors.ids);
    let open: BTreeSet<&String> = named.filter(|id| !known.contains(id)).collect();
    if open.is_empty() {
        return Ok((Graph::new(), Kinds::new()));
    }
    let ask = |args: &[&str], input: String| {
        let mut invocation: Invocation = place.git.of_repository(place.common_dir, args);
        invocation.input = Some(input.into_bytes());
        Errand { invocation, within: place.within }
    };
    let lines = |ids: &mut dyn Iterator<Item = &String>| ids.map(|id| format!("{id}\n")).collect::<String>();
    let printed =
        carrier.carry(ask(&["cat-file", "--batch-check=%(objectname) %(objecttype)"], lines(&mut open.into_iter())));
    // What is missing is lost already; git says `missing` of it.
    let kinds: Kinds = whole(printed.await, "cat-file")?
        .lines()
        .filter_map(|line| line.split_once_str(" "))
        .map(|(id, kind)| (id.to_str_lossy().into_owned(), kind.to_str_lossy().into_owned()))
        .filter(|(_, kind)| kind != "missing")
        .collect();
    let starts =
        lines(&mut kinds.iter().filter(|(_, kind)| matches!(kind.as_str(), "commit" | "tag")).map(|(id, _)| id));
    if starts.is_empty() {
        return Ok((Graph::new(), kinds));
    }
    let keepers: String = shared().map(|id| format!("^{id}\n")).collect();
    let walk = ["rev-list", "--parents", "--ignore-missing", "--stdin"];
    let printed = carrier.carry(ask(&walk, starts.clone() + &keepers)).await;
    let graph = graph(whole(printed, "rev-list")?.as_slice())?;
    if graph.is_empty() {
        return Ok((graph, kinds));
    }
    let kept: String = logged().await?.iter().map(|id| format!("^{id}\n")).collect();
    let printed = carrier.carry(ask(&walk, starts + &keepers + &kept)).await;
    Ok((self::graph(whole(printed, "rev-list")?.as_slice())?, kinds))
}

fn whole(printed: std::io::Result<Printed>, command: &str) -> Result<Vec<u8>, String> {
    let printed = printed.map_err(|error| format!("git {command}: {error}"))?;
    if printed.exit != Exit::Code(0) {
        let words = complaint(&printed.stderr).unwrap_or_else(|| "it failed without a word".to_owned());
        return Err(format!("git {command}: {words}"));
    }
    Ok(printed.stdout)
}

fn graph(output: &[u8]) -> Result<Graph, String> {
    let is_whole = output.is_empty() || output.ends_with(b"\n");
    let line = |line: &[u8]| {
        let text = line.to_str().ok()?;
        let mut ids = text.split(' ').map(str::to_owned);
        Some((ids.next().filter(|id| !id.is_empty())?, ids.collect()))
    };
    let read: Option<Graph> = output.lines().map(line).collect();
    read.filter(|_| is_whole).ok_or_else(|| "cannot read what git rev-list printed".to_owned())
}

/// How many commits of the graph are reached from these.
fn reached(graph: &Graph, from: &BTreeSet<String>) -> u64 {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = from.iter().map(String::as_str).collect();
    while let Some(id) = open.pop() {
        if let Some(parents) = graph.get(id)
            && seen.insert(id)
        {
            open.extend(parents.iter().map(String::as_str));
        }
    }
    seen.len() as u64
}

/// Whether one of these refs is the last name of a commit, or names something that is none.
fn names_last(graph: &Graph, kinds: &Kinds, refs: &BTreeSet<String>) -> bool {
    refs.iter().any(|id| graph.contains_key(id) || kinds.get(id).is_some_and(|kind| kind != "commit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_commit_is_counted_once() {
        let read = graph(b"d b c\nc a\nb a\na\n").expect("well-formed");
        let from = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(reached(&read, &from(&["d"])), 4);
        assert_eq!(reached(&read, &from(&["b", "c", "x"])), 3);
        assert_eq!(reached(&read, &from(&["x"])), 0);
        assert!(graph(b"a b").is_err() && graph(b"\n").is_err());
    }

    #[test]
    fn a_ref_to_what_is_no_commit_is_its_last_name() {
        let kinds = Kinds::from([("t".to_owned(), "tree".to_owned()), ("c".to_owned(), "commit".to_owned())]);
        let names =
            |id: &str| names_last(&Graph::from([("o".to_owned(), Vec::new())]), &kinds, &[id.to_owned()].into());
        assert!(names("t") && names("o"));
        assert!(!names("c") && !names("shared"));
    }
}
