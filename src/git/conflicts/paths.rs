//! Which two of many commits can stop a merge at all, by the paths that each has changed since the commit that they have
//! in common.
//!
//! Where no path is changed on both sides, git takes each from the side that has changed it, but for three things, for
//! each of which the merge is tried: a file on one side where the other has a folder; a folder that one side has moved
//! and in which the other has added a file (`merge.directoryRenames`); histories that cross, where the base is itself a
//! merge. Moves are told by nothing but that one side both adds and deletes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::git::conflicts::graph::{Base, Bases};
use crate::git::conflicts::place::{Bench, is_id, refusal};
use crate::git::errand::{Carrier, Errand, Taker};
use crate::model::answer::Exit;

/// Bytes of all paths together. Beyond them, every merge is tried.
const MOST_BYTES: usize = 64 << 20;
/// No path is longer.
const LONGEST_FIELD: usize = 1 << 20;

/// Two commits, by their places in the list.
pub(super) type Pair = (usize, usize);

/// What a commit has changed since another.
#[derive(Debug, Default)]
struct Changed {
    paths: Vec<BString>,
    adds: bool,
    deletes: bool,
}

/// A commit's place in the list, and the base that it is held against.
type Key = (Arc<str>, usize);

/// The pairs that have to be tried. Those without a base are not among them.
pub(super) async fn to_try<C: Carrier>(
    bench: &Bench<'_, C>,
    commits: &[String],
    bases: &Bases,
) -> Result<BTreeSet<Pair>, String> {
    let mut pairs = BTreeSet::new();
    let mut keys: BTreeSet<Key> = BTreeSet::new();
    for (pair, base) in bases {
        match base {
            Base::Many => _ = pairs.insert(*pair),
            Base::One(base) => keys.extend([pair.0, pair.1].map(|place| (Arc::clone(base), place))),
        }
    }
    let keys: Vec<Key> = keys.into_iter().filter(|(base, place)| **base != *commits[*place]).collect();
    let lines = keys.iter().map(|(base, place)| (commits[*place].as_str(), &**base));
    let args = ["diff-tree", "--stdin", "--always", "-r", "--raw", "-z", "--no-renames", "--no-abbrev"];
    let Some(changed) = differences(bench, &args, lines).await? else {
        return Ok(bases.keys().copied().collect());
    };
    let mut sets = BTreeMap::new();
    for (key, changes) in keys.into_iter().zip(changed) {
        let mut set = Changed::default();
        for Change { path, adds, deletes, .. } in changes {
            set.adds |= adds;
            set.deletes |= deletes;
            set.paths.push(path);
        }
        sets.insert(key, set);
    }
    let meeting = meeting(&sets);
    for (pair, base) in bases {
        let Base::One(base) = base else { continue };
        let of = |place| sets.get(&(Arc::clone(base), place));
        let (Some(one), Some(other)) = (of(pair.0), of(pair.1)) else { continue };
        let moves = |one: &Changed, other: &Changed| one.adds && one.deletes && other.adds;
        if moves(one, other) || moves(other, one) || meeting.contains(&(Arc::clone(base), pair.0, pair.1)) {
            pairs.insert(*pair);
        }
    }
    Ok(pairs)
}

/// Those that have changed one path, or of which one has a file where the other has a folder.
fn meeting(sets: &BTreeMap<Key, Changed>) -> BTreeSet<(Arc<str>, usize, usize)> {
    let keys: Vec<&Key> = sets.keys().collect();
    let mut at_path: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (number, changed) in sets.values().enumerate() {
        for path in &changed.paths {
            at_path.entry(path.as_slice()).or_default().push(number);
        }
    }
    let mut together: BTreeSet<Vec<usize>> = at_path.values().filter(|numbers| numbers.len() > 1).cloned().collect();
    let mut meeting = BTreeSet::new();
    for (number, changed) in sets.values().enumerate() {
        for path in &changed.paths {
            for end in path.find_iter(b"/") {
                if let Some(files) = at_path.get(&path[..end]) {
                    together.extend(files.iter().map(|file| vec![*file.min(&number), *file.max(&number)]));
                }
            }
        }
    }
    for numbers in together {
        for (at, one) in numbers.iter().enumerate() {
            for other in &numbers[at + 1..] {
                let ((base, one), (of_other, other)) = (keys[*one], keys[*other]);
                if base == of_other {
                    meeting.insert((Arc::clone(base), *one.min(other), *one.max(other)));
                }
            }
        }
    }
    meeting
}

/// Which of the commits have the same attributes in all of their folders: a number for each.
pub(super) async fn attributes<C: Carrier>(bench: &Bench<'_, C>, commits: &[String]) -> Result<Vec<usize>, String> {
    let Some((first, others)) = commits.split_first() else { return Ok(Vec::new()) };
    let args = ["diff-tree", "--stdin", "--always", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", "--"];
    let args: Vec<&str> = args.into_iter().chain([":(top,glob)**/.gitattributes"]).collect();
    let lines = others.iter().map(|commit| (commit.as_str(), first.as_str()));
    let Some(changed) = differences(bench, &args, lines).await? else {
        return Ok((0..commits.len()).collect());
    };
    let mut numbers = BTreeMap::from([(Vec::new(), 0)]);
    let others = changed.into_iter().map(|changes| {
        let content: Vec<(BString, BString)> =
            changes.into_iter().map(|change| (change.path, change.content)).collect();
        let next = numbers.len();
        *numbers.entry(content).or_insert(next)
    });
    let others: Vec<usize> = others.collect();
    Ok(std::iter::once(0).chain(others).collect())
}

/// What differs in each of these commits from another, in their order; none: it is too much to be held.
async fn differences<C: Carrier>(
    bench: &Bench<'_, C>,
    args: &[&str],
    lines: impl Iterator<Item = (&str, &str)>,
) -> Result<Option<Vec<Vec<Change>>>, String> {
    let mut input = String::new();
    let mut asked = Vec::new();
    for (commit, from) in lines {
        input.push_str(&format!("{commit} {from}\n"));
        asked.push(commit.to_owned());
    }
    if asked.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut invocation = bench.of_repository(args);
    invocation.input = Some(input.into_bytes());
    let errand = Errand { invocation, within: bench.within };
    let (reading, ended) =
        bench.carrier.stream(errand, Reading::default()).await.map_err(|error| Bench::<C>::words(&error))?;
    if ended.exit != Exit::Code(0) {
        return Err(refusal(&ended.stderr));
    }
    if reading.bytes > MOST_BYTES {
        return Ok(None);
    }
    let is_whole = !reading.is_odd && reading.field.is_empty() && reading.change.is_none();
    let is_in_order = reading.commits.iter().map(|(id, _)| id).eq(asked.iter());
    if !is_whole || !is_in_order {
        return Err("cannot read what git diff-tree printed".to_owned());
    }
    Ok(Some(reading.commits.into_iter().map(|(_, changes)| changes).collect()))
}

/// One path that differs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    path: BString,
    adds: bool,
    deletes: bool,
    /// The modes and ids that it had and has.
    content: BString,
}

/// Reads commits, each with what differs in it. (Format: git-diff-tree(1), "RAW OUTPUT FORMAT".)
#[derive(Debug, Default)]
struct Reading {
    commits: Vec<(String, Vec<Change>)>,
    change: Option<Change>,
    field: Vec<u8>,
    bytes: usize,
    is_odd: bool,
}

impl Taker for Reading {
    fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.is_odd || self.bytes > MOST_BYTES {
                return;
            }
            if *byte == 0 {
                let field = std::mem::take(&mut self.field);
                self.bytes += field.len() + size_of::<Change>();
                self.field(field);
            } else if self.field.len() < LONGEST_FIELD {
                self.field.push(*byte);
            } else {
                self.is_odd = true;
            }
        }
    }
}

impl Reading {
    fn field(&mut self, field: Vec<u8>) {
        if let Some(change) = self.change.take() {
            match self.commits.last_mut() {
                Some((_, changes)) if !field.is_empty() => changes.push(Change { path: field.into(), ..change }),
                _ => self.is_odd = true,
            }
        } else if field.starts_with(b":") {
            let status = field.last().copied();
            let (adds, deletes) = (status == Some(b'A'), status == Some(b'D'));
            self.change = Some(Change { adds, deletes, content: field.into(), ..Change::default() });
        } else if is_id(&field) {
            self.commits.push((field.to_str_lossy().into_owned(), Vec::new()));
        } else {
            self.is_odd = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Reading {
        let mut reading = Reading::default();
        for piece in bytes.chunks(5) {
            reading.take(piece);
        }
        reading
    }

    #[test]
    fn each_commit_is_read_with_what_it_has_changed() {
        let id = "0123456789012345678901234567890123456789";
        let printed = format!("{id}\0:1 2 a b M\0x\0:1 2 a b D\0{id}\0{id}\0");
        let reading = read(printed.as_bytes());
        assert!(!reading.is_odd && reading.change.is_none());
        assert_eq!(reading.commits.len(), 2);
        assert_eq!(reading.commits[0].1.iter().map(|change| change.deletes).collect::<Vec<_>>(), [false, true]);
        assert_eq!(reading.commits[0].1[1].path, id, "a path may look like a commit");
        for odd in [&b"x\0"[..], b":1 2 a b M\0x\0", b"\0"] {
            assert!(read(odd).is_odd, "{odd:?}");
        }
    }

    #[test]
    fn those_meet_that_change_one_path_or_a_folder_that_is_a_file_elsewhere() {
        let base: Arc<str> = "b".into();
        let other_base: Arc<str> = "c".into();
        let set =
            |paths: &[&str]| Changed { paths: paths.iter().map(|path| (*path).into()).collect(), ..Changed::default() };
        let sets = BTreeMap::from([
            ((Arc::clone(&base), 0), set(&["x", "a/b"])),
            ((Arc::clone(&base), 1), set(&["x", "a-b"])),
            ((Arc::clone(&base), 2), set(&["a"])),
            ((Arc::clone(&base), 3), set(&["y"])),
            ((Arc::clone(&other_base), 4), set(&["y", "x"])),
        ]);
        let met: Vec<Pair> = meeting(&sets).into_iter().map(|(_, one, other)| (one, other)).collect();
        assert_eq!(met, [(0, 1), (0, 2)]);
    }
}
