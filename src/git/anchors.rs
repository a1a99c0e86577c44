//! What a worktree's own git folder names: commits that may have no other name, and so would go with it.
//!
//! Only where refs are files. What cannot be read, or is a link, leaves everything unknown. `FETCH_HEAD` is passed over:
//! what it names is where it was fetched from.

use std::collections::BTreeSet;
use std::path::Path;

use bstr::ByteSlice;
use rustix::fs::FileType;

use crate::git::open_folder::{Buffer, Folder};
use crate::git::reflog;
use crate::git::refs::is_id;
use crate::git::regular_file;

/// A longer file is not read.
const LONGEST: usize = 16 << 20;
/// More files are not read.
const MOST: usize = 10_000;
/// Folders that lie deeper are not read.
const DEEPEST: usize = 32;

/// What a worktree's git folder names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors {
    /// Every object id that stands in its HEAD, its refs, its logs, and the state of its operations.
    pub ids: BTreeSet<String>,
    /// Those that its own refs name (`refs/worktree/`): a bisection's and a rebase's are the operation's.
    pub refs: BTreeSet<String>,
    /// Whether an operation has put changes aside that it is to bring back.
    pub autostash: bool,
}

/// Reads what a worktree's git folder names; or why it cannot be read, in words. `id_length`: how many digits an id has.
pub fn read(git_dir: &Path, id_length: usize) -> Result<Anchors, String> {
    let folder = Folder::at(git_dir).map_err(|_| format!("cannot read {}", git_dir.display()))?;
    let mut reading = Reading { anchors: Anchors::default(), id_length, left: MOST };
    for (name, kind) in listed(&folder, b"")? {
        match (name.as_slice(), kind) {
            (b"refs" | b"logs" | b"rebase-merge" | b"rebase-apply" | b"sequencer", _) => {
                let below = folder.folder(&name).map_err(|_| cannot(&name))?;
                if let Some(below) = below {
                    reading.folder(&below, &name, 0)?;
                }
            }
            (b"FETCH_HEAD", _) => {}
            _ if is_root_ref(&name) => reading.file(&folder, &name, &name)?,
            _ => {}
        }
    }
    Ok(reading.anchors)
}

/// `HEAD`, `ORIG_HEAD`, `MERGE_HEAD`, `AUTO_MERGE` and their like. (Rule: `is_root_ref_syntax` in git's refs.c.)
fn is_root_ref(name: &[u8]) -> bool {
    name.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'))
}

fn cannot(path: &[u8]) -> String {
    format!("cannot read {} in its git folder", path.to_str_lossy())
}

fn listed(folder: &Folder, path: &[u8]) -> Result<Vec<(Vec<u8>, FileType)>, String> {
    let mut names = Vec::new();
    let listing = folder.list(&mut Buffer::default(), |name, kind| {
        names.push((name.to_vec(), kind));
        Ok(names.len() <= MOST)
    });
    match listing {
        Ok(()) if names.len() <= MOST => Ok(names),
        _ => Err(cannot(path)),
    }
}

struct Reading {
    anchors: Anchors,
    id_length: usize,
    left: usize,
}

impl Reading {
    fn folder(&mut self, folder: &Folder, path: &[u8], depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(cannot(path));
        }
        for (name, kind) in listed(folder, path)? {
            let path = [path, b"/", &name].concat();
            match kind {
                FileType::Directory => {
                    let below = folder.folder(&name).map_err(|_| cannot(&path))?;
                    if let Some(below) = below {
                        self.folder(&below, &path, depth + 1)?;
                    }
                }
                // A lock is somebody's who is about to write, or has died: what it holds is not in force.
                _ if name.ends_with(b".lock") => {}
                _ => self.file(folder, &name, &path)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, folder: &Folder, name: &[u8], path: &[u8]) -> Result<(), String> {
        self.left = self.left.checked_sub(1).ok_or_else(|| cannot(path))?;
        // Gone since it was listed.
        let Some(file) = folder.file(name).map_err(|_| cannot(path))? else { return Ok(()) };
        if !file.metadata().is_ok_and(|about| about.is_file()) {
            return Err(cannot(path));
        }
        let bytes = regular_file::contents_of(file, LONGEST).map_err(|_| cannot(path))?;
        if path.starts_with(b"logs/") {
            for entry in reflog::entries(&bytes, self.id_length).map_err(|_| cannot(path))? {
                entry.ids.iter().for_each(|id| self.add(id));
            }
            return Ok(());
        }
        let is_stash = name == b"autostash" || name == b"MERGE_AUTOSTASH";
        self.anchors.autostash |= is_stash;
        let mut has_any = false;
        for word in bytes.split(|byte| !byte.is_ascii_alphanumeric()) {
            if word.len() == self.id_length && is_id(word) {
                self.add(word);
                has_any = true;
                if path.starts_with(b"refs/worktree/") {
                    self.anchors.refs.insert(word.to_str_lossy().into_owned());
                }
            }
        }
        let is_symbolic = bytes.starts_with(b"ref:");
        if path.starts_with(b"refs/") && !has_any && !is_symbolic {
            return Err(cannot(path));
        }
        Ok(())
    }

    fn add(&mut self, id: &[u8]) {
        if id.iter().any(|digit| *digit != b'0') {
            self.anchors.ids.insert(id.to_str_lossy().into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn id(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn write(folder: &Path, path: &str, text: &str) {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }

    #[test]
    fn every_name_counts_and_what_was_fetched_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        write(at, "HEAD", &format!("{}\n", id('1')));
        write(at, "ORIG_HEAD", &format!("{}\n", id('2')));
        write(at, "FETCH_HEAD", &format!("{}\t\tbranch 'x' of y\n", id('3')));
        write(at, "refs/worktree/keep", &format!("{}\n", id('4')));
        write(at, "refs/bisect/bad", &format!("{}\n", id('5')));
        write(at, "logs/HEAD", &format!("{} {} A <a@b> 1700000000 +0000\tx\n", id('6'), id('7')));
        write(at, "rebase-merge/autostash", &format!("{}\n", id('8')));
        write(at, "rebase-merge/git-rebase-todo", &format!("pick {} subject\n", id('9')));
        write(at, "gitdir", &format!("{}\n", id('a')));
        write(at, "index", "DIRC");
        let anchors = read(at, 40).expect("readable");
        assert_eq!(anchors.ids, "12456789".chars().map(id).collect());
        assert_eq!(anchors.refs, [id('4')].into());
        assert!(anchors.autostash);
    }

    #[test]
    fn what_cannot_be_read_leaves_everything_unknown() {
        let odd: [fn(&Path); 5] = [
            |at| write(at, "logs/HEAD", "half a line"),
            |at| write(at, "refs/worktree/x", "nothing\n"),
            |at| fs::create_dir(at.join("ORIG_HEAD")).expect("a folder"),
            |at| std::os::unix::fs::symlink("/", at.join("logs")).expect("a link"),
            |at| write(at, "refs", "a file\n"),
        ];
        for make in odd {
            let folder = tempfile::tempdir().expect("a folder");
            make(folder.path());
            assert!(read(folder.path(), 40).is_err());
        }
        assert!(read(Path::new("/nowhere"), 40).is_err());
        let empty = tempfile::tempdir().expect("a folder");
        assert_eq!(read(empty.path(), 40), Ok(Anchors::default()));
    }
}
