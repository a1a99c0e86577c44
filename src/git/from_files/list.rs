//! The records of all worktrees, as `git worktree list` prints them.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use super::place::{COMMON, plain_path};
use super::refs::{Head, Refs, head};
use crate::git::mounts::{Mounts, Way};
use crate::git::place::Place;
use crate::git::regular_file::{self, Links};
use crate::git::worktree_list::Record;

/// A file of a record larger than this is no plain one.
const LONGEST: usize = 64 << 10;
/// git's reason for a worktree whose folder, or whose `.git` file, is gone. (Rule: `should_prune_worktree` in git's
/// worktree.c.)
const GONE: &str = "gitdir file points to non-existent location";

/// Reads every record, the main worktree's first. None: some record is not plain.
pub(super) fn read(place: &Place, mounts: &Mounts) -> Option<Vec<Record>> {
    let common_dir = place.common_dir.as_path();
    let refs = Refs::of(common_dir);
    let mut linked = Vec::new();
    let mut is_listed = place.git_dir == common_dir;
    for git_dir in folders_of_records(&common_dir.join("worktrees"))? {
        if let Some(record) = record(&git_dir, &refs, mounts)? {
            is_listed |= git_dir == place.git_dir;
            linked.push(record);
        }
    }
    linked.sort_by(|one, other| bytes(one).cmp(bytes(other)));
    // Two records of one folder have no order of their own.
    let is_ambiguous = linked.windows(2).any(|pair| pair[0].path == pair[1].path);
    let main = Record { path: common_dir.parent()?.to_owned(), ..Record::default() };
    linked.insert(0, with_head(main, common_dir, &refs)?);
    (is_listed && !is_ambiguous && refs.are_current()).then_some(linked)
}

/// The folders in which records lie. None: there is something else among them that may be one.
fn folders_of_records(folder: &Path) -> Option<Vec<PathBuf>> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(Vec::new()),
        found if !found.as_ref().is_ok_and(Metadata::is_dir) => return None,
        _ => {}
    }
    let mut folders = Vec::new();
    for entry in folder.read_dir().ok()? {
        let entry = entry.ok()?;
        // A file that lies there is no record. What is a link, or of a kind that is not told, may be one.
        match entry.file_type().ok()? {
            kind if kind.is_dir() => folders.push(entry.path()),
            kind if kind.is_file() => {}
            _ => return None,
        }
    }
    Some(folders)
}

fn bytes(record: &Record) -> &[u8] {
    record.path.as_os_str().as_bytes()
}

/// The record of a linked worktree; none where its folder holds none. None at all: it is not plain.
#[expect(clippy::option_option, reason = "what git passes over is another thing than what it has to be asked of")]
fn record(git_dir: &Path, refs: &Refs<'_>, mounts: &Mounts) -> Option<Option<Record>> {
    let dot_git = match regular_file::contents(&git_dir.join("gitdir"), Links::Refused, LONGEST) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(None),
        read => read.ok()?,
    };
    // Where its branches lie is written there, for each worktree by itself.
    let shared = regular_file::contents(&git_dir.join("commondir"), Links::Refused, LONGEST).ok()?;
    let dot_git = plain_path(&dot_git).filter(|_| shared == COMMON)?;
    let path = dot_git.as_os_str().as_bytes().strip_suffix(b"/.git").filter(|path| !path.is_empty())?;
    let locked = match regular_file::contents(&git_dir.join("locked"), Links::Refused, LONGEST) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some(reason(&read.ok()?)?),
    };
    let prunable = if locked.is_some() { None } else { gone(dot_git, mounts)? };
    let (path, read_from) = (path.to_path().ok()?.to_owned(), Some(git_dir.to_owned()));
    let record = Record { path, locked, prunable, read_from, ..Record::default() };
    with_head(record, git_dir, refs).map(Some)
}

/// Why a worktree is locked: what is written, without blanks around it.
fn reason(written: &[u8]) -> Option<String> {
    let is_blank = |byte: char| matches!(byte, ' ' | '\t' | '\n' | '\r');
    (!written.contains(&0)).then(|| written.trim_with(is_blank).to_str_lossy().into_owned())
}

/// Why a worktree that is not locked can be pruned, if it can. None at all: it cannot be told.
#[expect(clippy::option_option, reason = "that it cannot be pruned is another thing than that nobody knows")]
fn gone(dot_git: &Path, mounts: &Mounts) -> Option<Option<String>> {
    match mounts.way_to(dot_git) {
        // Whatever a link there leads to, something has this name.
        Way::There => return Some(None),
        Way::Nothing => {}
        Way::Unsure => return None,
    }
    match dot_git.symlink_metadata() {
        Ok(_) => Some(None),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Some(Some(GONE.to_owned()))
        }
        Err(_) => None,
    }
}

fn with_head(record: Record, git_dir: &Path, refs: &Refs<'_>) -> Option<Record> {
    match head(git_dir)? {
        Head::Commit(id) => Some(Record { head: Some(id), detached: true, ..record }),
        Head::Branch(name) => {
            let head = Some(refs.commit(&name)?);
            Some(Record { head, branch: Some(name.to_str_lossy().into_owned()), ..record })
        }
    }
}
