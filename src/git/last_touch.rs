//! When somebody last worked in a worktree, and when its remotes were last heard of.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::git::index::{Hash, Index};
use crate::git::reflog;
use crate::git::regular_file::{self, Links};

/// A longer index is not read.
const LONGEST_INDEX: usize = 256 << 20;
/// No more logs of remote-tracking refs than these are read.
const MOST_LOGS: usize = 10_000;

/// The newest of HEAD's last movement and of the times of the files that the index knows, in seconds since 1970; none:
/// nothing tells. The time of the index itself lies: `git status` moves it.
pub fn of_worktree(git_dir: &Path, hash: Hash) -> Option<i64> {
    let moved = last_entry(&git_dir.join("logs/HEAD"), hash.length() * 2);
    moved.into_iter().chain(newest_file(git_dir, hash)).max()
}

/// When a remote-tracking ref last moved, by the logs of all of them. None: no log tells.
pub fn of_remotes(common_dir: &Path, hash: Hash) -> Option<i64> {
    let mut newest = None;
    let (mut folders, mut logs) = (vec![common_dir.join("logs/refs/remotes")], 0);
    while let Some(folder) = folders.pop() {
        let names = match fs::read_dir(&folder) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(_) => return None,
        };
        for name in names {
            let name = name.ok()?;
            let kind = name.file_type().ok()?;
            logs += 1;
            if logs > MOST_LOGS {
                return None;
            }
            if kind.is_dir() {
                folders.push(name.path());
            } else if kind.is_file() {
                newest = newest.max(last_entry(&name.path(), hash.length() * 2));
            }
        }
    }
    newest
}

fn last_entry(log: &Path, id_length: usize) -> Option<i64> {
    let lines = reflog::read(log).ok()?;
    reflog::entries(&lines, id_length).ok()?.last().map(|entry| entry.time)
}

fn newest_file(git_dir: &Path, hash: Hash) -> Option<i64> {
    let bytes = regular_file::contents(&git_dir.join("index"), Links::Refused, LONGEST_INDEX).ok()?;
    let mut newest = None;
    let index = Index::open(&bytes, hash).ok()?;
    index.walk(|entry| newest = newest.max(Some(entry.stat.mtime.seconds))).ok()?;
    newest.map(i64::from)
}
