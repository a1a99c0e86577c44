//! What `git status` would count in a worktree, told without git: from its index, and from looks at its files.
//!
//! Invariants:
//! - What is said is what `git status --porcelain=v2 --untracked-files=normal` would say. Wherever that is not certain, nothing
//!   is said but [`Why`]. A tracked file is read only where git would, too, and where it is certain that nothing would be
//!   converted in it.
//! - Nothing is written, no process is started, no link is followed below the top (but see `walk.rs`), and no other mount is gone
//!   over to.
//! - Memory is bounded by the index, and by the longest file of ignore rules for each folder on the way down; no more than
//!   64 folders are open at a time.
//!
//! What concerns the repository as a whole (its configuration, its extensions, who owns it, where it lies) is for the
//! caller to rule out beforehand.

mod content;
mod entry;
mod index_file;
mod listing;
mod task;
mod untracked;
mod walk;

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use crate::git::attributes;
use crate::git::index::{Entry, Extension, Hash, Index, Odd, Type, is_plain};
use crate::git::why::Why;
use entry::Rule;
use index_file::IndexFile;
use listing::Notes;
pub use listing::{LONGEST, Listing, Moment, News};
pub use task::{Counted, Names, Task, Terms};
use task::{LONGEST_PATH, Stop};
use walk::Walk;

/// Tells what git would count, or why git has to be asked. `stop` is looked at all the while.
pub fn prove(task: &Task<'_>, stop: &AtomicBool) -> Result<Counted, Why> {
    prove_from(task, |_| None, stop).0
}

/// The same, from what was kept of the worktree, which is read where there is a use for it; `read` is given the number of tracked
/// files, and gives the present moment with it. Gives also what is to be kept from now on, where that is not the same.
pub fn prove_from(
    task: &Task<'_>,
    read: impl FnOnce(u32) -> Option<(Listing, Moment)>,
    stop: &AtomicBool,
) -> (Result<Counted, Why>, Option<News>) {
    let mut notes = None;
    let told = prove_noting(task, read, &mut notes, stop);
    let news = notes.and_then(|notes| notes.end(told.is_ok()));
    (told, news)
}

fn prove_noting(
    task: &Task<'_>,
    read: impl FnOnce(u32) -> Option<(Listing, Moment)>,
    notes: &mut Option<Notes>,
    stop: &AtomicBool,
) -> Result<Counted, Why> {
    if task.terms.ignore_case {
        return Err(Why::Names);
    }
    let file = IndexFile::read(task.git_dir)?;
    let index = Index::open(&file.bytes, task.hash)?;
    // What can be ruled out without a look at a file is ruled out before any.
    let stop = Stop(stop);
    let rule = Rule { written: file.second, file_mode: task.terms.file_mode };
    *notes = read(index.count()).map(Notes::new);
    let defeated_by = notes.as_ref().and_then(Notes::defeated_before).map(<[u8]>::to_vec);
    let (mut first, mut attributes) = (None, HashSet::new());
    let extensions = index.try_walk(|entry| {
        if attributes::is_file_of(entry.path) {
            attributes.insert(entry.path.to_owned());
        }
        if let Some(path) = defeated_by.as_deref().filter(|path| *path == entry.path) {
            first = Some((Entry { path, id: &[], ..*entry }, entry.id.to_vec()));
        }
        rule_out(entry, task.terms)
    })?;
    rule_out_extensions(&extensions)?;
    if root(&extensions, task.hash)? != (index.count(), task.head_tree) {
        return Err(Why::Staged);
    }
    // The file that defeated the last proof is likely to defeat this one: all others need not be looked at then.
    if let Some((entry, id)) = first {
        let looked_at = Walk::begin(task, rule, attributes.clone(), stop, None)?.visit(&Entry { id: &id, ..entry });
        if let (Err(_), Some(notes)) = (looked_at, notes.as_mut()) {
            notes.defeated_by(entry.path, 0);
        }
        looked_at?;
    }
    let mut walk = Walk::begin(task, rule, attributes, stop, notes.as_mut())?;
    index.try_walk(|entry| walk.visit(entry))?;
    walk.end()
}

impl From<Odd> for Why {
    fn from(_: Odd) -> Self {
        Self::IndexForm
    }
}

fn rule_out(entry: &Entry<'_>, terms: &Terms) -> Result<(), Why> {
    let Entry { path, stage, assume_unchanged, skip_worktree, intent_to_add, .. } = *entry;
    if stage > 0 || assume_unchanged || skip_worktree || intent_to_add {
        return Err(Why::Flags);
    }
    if !is_plain(path) || path.len() > LONGEST_PATH {
        return Err(Why::IndexForm);
    }
    if terms.precompose_unicode && !path.is_ascii() {
        return Err(Why::Names);
    }
    match entry.kind() {
        Type::File => Ok(()),
        Type::Link if terms.symlinks => Ok(()),
        Type::Link => Err(Why::Names),
        Type::Gitlink => Err(Why::Submodule),
        Type::Other => Err(Why::IndexForm),
    }
}

fn rule_out_extensions(extensions: &[Extension<'_>]) -> Result<(), Why> {
    if extensions.iter().any(Extension::is_required) {
        return Err(Why::IndexForm);
    }
    if extensions.iter().any(|extension| extension.name == *b"FSMN") {
        return Err(Why::Fsmonitor);
    }
    Ok(())
}

/// How many entries the index had when it was, as a whole, the tree of this id. (Format of `TREE`: gitformat-index(5).)
fn root<'a>(extensions: &[Extension<'a>], hash: Hash) -> Result<(u32, &'a [u8]), Why> {
    let mut trees = extensions.iter().filter(|extension| extension.name == *b"TREE");
    let (Some(tree), None) = (trees.next(), trees.next()) else { return Err(Why::Staged) };
    read_root(tree.content, hash).ok_or(Why::Staged)
}

fn read_root(content: &[u8], hash: Hash) -> Option<(u32, &[u8])> {
    // The path of the root is empty.
    let numbers_and_rest = content.strip_prefix(b"\0")?;
    let end = numbers_and_rest.iter().position(|byte| *byte == b'\n')?;
    let (numbers, rest) = numbers_and_rest.split_at(end);
    let count = numbers.split(|byte| *byte == b' ').next()?;
    // -1 where it is no tree any more.
    let count = std::str::from_utf8(count).ok()?.parse().ok()?;
    Some((count, rest.get(1..=hash.length())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_root_of_a_cache_tree() {
        let read = |content: &[u8]| read_root(content, Hash::Sha1).map(|(count, id)| (count, id.to_vec()));
        let tree = |numbers: &str| [b"\0", numbers.as_bytes(), b"\n", &[7; 20], b"sub\x001 0\n"].concat();
        assert_eq!(read(&tree("12 1")), Some((12, vec![7; 20])));
        assert_eq!(read(&tree("-1 1")), None);
        assert_eq!(read(&tree("x 1")), None);
        assert_eq!(read(b"sub\x001 0\n"), None);
        for end in 0..24 {
            assert_eq!(read(&tree("1 1")[..end]), None);
        }
    }
}
