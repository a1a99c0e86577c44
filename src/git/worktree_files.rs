//! The records of worktrees as they lie in the repository, for when `git worktree list` does not answer: git looks at
//! the folder of each worktree that is not locked, and one of them may lie on a drive that is dead.
//!
//! Only where refs are files (`extensions.refStorage`): otherwise HEAD is none either. (Layout:
//! gitrepository-layout(5); `get_linked_worktree` in git's worktree.c, and its order in builtin/worktree.c.)

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bstr::ByteSlice;

use crate::git::config::{Entry, boolean, last};
use crate::git::mounts::lexically;
use crate::git::ref_storage::are_apart;
use crate::git::worktree_list::Record;

/// Reads every record, the main worktree's first. None where refs are not files.
///
/// A HEAD that names a branch comes without an object id: see [`branches`].
///
/// # Errors
/// Where the repository's own folder cannot be read.
pub fn read(common_dir: &Path, entries: &[Entry]) -> io::Result<Option<Vec<Record>>> {
    if are_apart(entries) {
        return Ok(None);
    }
    let mut linked = Vec::new();
    match common_dir.join("worktrees").read_dir() {
        Ok(folders) => {
            for folder in folders {
                linked.extend(linked_record(&folder?.path()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // git compares bytes, not names of folders.
    linked.sort_by(|one, other| one.path.as_os_str().cmp(other.path.as_os_str()));
    linked.insert(0, main_record(common_dir, entries));
    Ok(Some(linked))
}

/// The branches that the records name, for git to tell where they are.
pub fn branches(records: &[Record]) -> Vec<u8> {
    records
        .iter()
        .filter_map(|record| record.branch.as_ref())
        .flat_map(|branch| [branch.as_bytes(), b"\n"].concat())
        .collect()
}

/// Gives each record on a branch its commit, from what `git cat-file --batch-check=%(objectname)` printed for
/// [`branches`]: a line for each. What is no object id stands for a branch without a commit; or for a broken one where
/// its ref exists, and git lists no branch then. None: there are not as many lines as branches.
pub fn put_heads(records: &mut [Record], printed: &[u8], common_dir: &Path) -> Option<()> {
    let packed = std::fs::read(common_dir.join("packed-refs")).unwrap_or_default();
    let is_there = |branch: &str| {
        let is_packed = packed.lines().any(|line| line.ends_with(format!(" {branch}").as_bytes()));
        is_packed || common_dir.join(branch).symlink_metadata().is_ok()
    };
    let mut lines = printed.lines();
    for record in records {
        let Some(branch) = &record.branch else { continue };
        record.head =
            Some(lines.next()?).filter(|line| is_object_id(line)).map(|line| line.to_str_lossy().into_owned());
        if record.head.is_none() && is_there(branch) {
            record.branch = None;
        }
    }
    lines.next().is_none().then_some(())
}

fn main_record(common_dir: &Path, entries: &[Entry]) -> Record {
    let bare = last(entries, "core.bare").and_then(|entry| boolean(entry.value.as_ref().map(|value| value.as_slice())));
    let above = common_dir.parent().filter(|_| common_dir.ends_with(".git"));
    let record = Record { path: above.unwrap_or(common_dir).to_owned(), bare: bare == Some(true), ..Record::default() };
    if record.bare { record } else { with_head(record, common_dir) }
}

/// The record of a linked worktree; none where its folder holds none.
fn linked_record(folder: &Path) -> Option<Record> {
    let place = std::fs::read(folder.join("gitdir")).ok()?;
    let place = place.trim_end_with(|c| c.is_ascii_whitespace());
    let place = place.strip_suffix(b"/.git").unwrap_or(place);
    // A relative path starts from the folder that the file lies in.
    let path = lexically(&folder.join(OsStr::from_bytes(place)));
    let locked = std::fs::read(folder.join("locked")).ok();
    let locked = locked.map(|reason| reason.trim_ascii().to_str_lossy().into_owned());
    Some(with_head(Record { path, locked, ..Record::default() }, folder))
}

fn with_head(record: Record, git_dir: &Path) -> Record {
    let head = std::fs::read(git_dir.join("HEAD")).unwrap_or_default();
    let head = head.trim_ascii();
    match head.strip_prefix(b"ref:") {
        Some(branch) => Record { branch: Some(branch.trim_ascii().to_str_lossy().into_owned()), ..record },
        None if is_object_id(head) => Record { head: Some(head.to_str_lossy().into_owned()), detached: true, ..record },
        // A HEAD that cannot be read: git lists neither.
        None => record,
    }
}

fn is_object_id(text: &[u8]) -> bool {
    matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_given_in_the_order_of_their_branches() {
        let on = |branch: &str| Record { branch: Some(branch.to_owned()), ..Record::default() };
        let folder = tempfile::tempdir().expect("a folder");
        let put = |records: &mut [Record], printed: &str| put_heads(records, printed.as_bytes(), folder.path());
        let mut records = [on("refs/heads/a"), Record::default(), on("refs/heads/new")];
        assert_eq!(branches(&records), b"refs/heads/a\nrefs/heads/new\n");
        let id = "1".repeat(40);
        assert_eq!(put(&mut records, &format!("{id}\nrefs/heads/new missing\n")), Some(()));
        assert_eq!(records.each_ref().map(|record| record.head.clone()), [Some(id.clone()), None, None]);
        assert!(records[2].branch.is_some(), "it has no commit yet");
        assert_eq!(put(&mut [on("refs/heads/a")], ""), None, "half an answer is no answer");
        assert_eq!(put(&mut [], "1\n"), None);
        // What is there and names no object is not a branch without a commit.
        std::fs::create_dir_all(folder.path().join("refs/heads")).expect("folders");
        std::fs::write(folder.path().join("refs/heads/loose"), "garbage\n").expect("a file");
        std::fs::write(folder.path().join("packed-refs"), format!("# pack-refs\n{id} refs/heads/packed\n"))
            .expect("a file");
        let mut broken = [on("refs/heads/loose"), on("refs/heads/packed")];
        assert_eq!(put(&mut broken, "refs/heads/loose missing\nrefs/heads/packed missing\n"), Some(()));
        assert!(broken.iter().all(|record| record.branch.is_none() && record.head.is_none()));
    }
}
