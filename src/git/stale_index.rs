//! Whether the index of a worktree is stale: git would read unchanged files again at every look, as long as nobody
//! writes down that they are the same.
//!
//! Reads the index once and starts no process. In doubt an index is not stale, and nothing is done about it.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::unistd::{AccessFlags, access, geteuid};

use crate::git::index::{Entry, Hash, Index, Stat, Type, is_plain};
use crate::git::operation;
use crate::model::worktree::{Marks, Worktree};

/// An index must have rested so long: whoever has just written it is likely to write it again.
const REST: Duration = Duration::from_secs(10);

/// An index that is longer than this is not looked into.
const LONGEST_INDEX: u64 = 256 << 20;

/// Looks into indexes, one after the other, in one buffer.
#[derive(Debug, Default)]
pub struct Judge {
    bytes: Vec<u8>,
}

/// A worktree whose index may be stale, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The worktree.
    pub worktree: &'a Worktree,
    /// How many of its files differ from the index, as git has just found.
    pub unstaged: u64,
    /// No more files than this are looked at.
    pub sample: usize,
}

/// The index of a worktree, where nothing speaks against its being written: it has not been for a while, nobody holds
/// its lock, and no operation is under way.
pub fn at_rest(git_dir: &Path, marks: Marks) -> Option<Metadata> {
    let index = rested(git_dir)?;
    let is_locked = !is_missing(&git_dir.join("index.lock"));
    let is_busy = operation::under_way(git_dir, marks).is_none_or(|operation| !operation.is_empty());
    (!is_locked && !is_busy).then_some(index)
}

fn rested(git_dir: &Path) -> Option<Metadata> {
    let index = git_dir.join("index").symlink_metadata().ok()?;
    // A time in the future gives no age.
    let age = SystemTime::now().duration_since(index.modified().ok()?).ok()?;
    // An index of another user's would become ours if it were written anew.
    (index.is_file() && age >= REST && index.uid() == geteuid().as_raw()).then_some(index)
}

/// Whether nothing has this name. In doubt, something has.
fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

impl Judge {
    /// Whether git would read files of this worktree again at every look, and would not if its index were refreshed
    /// now.
    pub fn is_stale(&mut self, question: Question<'_>) -> bool {
        self.judge(question).unwrap_or(false)
    }

    fn judge(&mut self, question: Question<'_>) -> Option<bool> {
        let Question { worktree, unstaged, sample } = question;
        let git_dir = worktree.git_dir.as_deref()?;
        let index = rested(git_dir)?;
        self.read(git_dir, &index)?;
        let hash = if worktree.sha256 { Hash::Sha256 } else { Hash::Sha1 };
        let (is_racy, files) = survey(&self.bytes, hash, index.mtime(), sample)?;
        let is_stale = is_racy || {
            let read_again = files.iter().filter(|file| file.would_be_read(&worktree.path)).count();
            // git reads files that differ at every look, whatever the index says.
            u64::try_from(read_again).is_ok_and(|count| count > unstaged)
        };
        Some(is_stale && at_rest(git_dir, worktree.marks).is_some() && access(git_dir, AccessFlags::W_OK).is_ok())
    }

    fn read(&mut self, git_dir: &Path, index: &Metadata) -> Option<()> {
        self.bytes.clear();
        let file = File::open(git_dir.join("index")).ok()?;
        let opened = file.metadata().ok()?;
        let is_same = (opened.dev(), opened.ino(), opened.len()) == (index.dev(), index.ino(), index.len());
        if !is_same || opened.len() > LONGEST_INDEX {
            return None;
        }
        self.bytes.reserve(usize::try_from(opened.len()).ok()? + 1);
        let read = file.take(LONGEST_INDEX + 1).read_to_end(&mut self.bytes).ok()?;
        (read as u64 == opened.len()).then_some(())
    }
}

/// A file that the index knows.
struct Known {
    path: PathBuf,
    kind: Type,
    stat: Stat,
}

/// Whether some entry is racy, and a sample of the files, spread over all of them.
///
/// Racy: the file was as the index says in the second in which the index was written, and may have changed in the rest
/// of that second, so that git reads it to be sure. (Rule: `is_racy_stat` in git's read-cache.c, without `USE_NSEC`.)
fn survey(bytes: &[u8], hash: Hash, written: i64, sample: usize) -> Option<(bool, Vec<Known>)> {
    let index = Index::open(bytes, hash).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let (now, written) = (u32::try_from(now).ok()?, u32::try_from(written).ok()?);
    let step = usize::try_from(index.count()).ok()?.div_ceil(sample.max(1)).max(1);
    // The sample begins elsewhere in another second: a later run finds what this one has missed.
    let first = usize::try_from(now).ok()? % step;
    let (mut is_racy, mut files, mut seen) = (false, Vec::new(), 0_usize);
    let extensions = index
        .walk(|entry| {
            if !is_looked_at(entry) {
                return;
            }
            // A file from the future would be racy again in an index that is written now.
            is_racy |= (written..now).contains(&entry.stat.mtime.seconds);
            if seen % step == first && !is_racy && is_plain(entry.path) {
                let path = PathBuf::from(std::ffi::OsStr::from_bytes(entry.path));
                files.push(Known { path, kind: entry.kind(), stat: entry.stat });
            }
            seen += 1;
        })
        .ok()?;
    // Entries of a split or a sparse index stand elsewhere too; with a monitor of the file system git looks at no file.
    let is_whole = extensions.iter().all(|extension| !extension.is_required() && extension.name != *b"FSMN");
    is_whole.then_some((is_racy, files))
}

/// Whether git looks at the file of an entry, and may come to find it the same.
fn is_looked_at(entry: &Entry<'_>) -> bool {
    let is_set_aside = entry.assume_unchanged || entry.skip_worktree || entry.intent_to_add || entry.stage > 0;
    !is_set_aside && matches!(entry.kind(), Type::File | Type::Link)
}

impl Known {
    /// Whether git, looking at the file now, would have to read it. (Rule: `ie_match_stat` and `ie_modified` in git's
    /// read-cache.c: where the type or the size is another one, it has changed, and need not be read; but a recorded
    /// size of 0 asks for reading.)
    fn would_be_read(&self, worktree: &Path) -> bool {
        let Ok(file) = worktree.join(&self.path).symlink_metadata() else { return false };
        let is_kind = match self.kind {
            Type::File => file.is_file(),
            Type::Link => file.is_symlink(),
            Type::Gitlink | Type::Other => false,
        };
        // The index keeps the low 32 bits of both.
        let has_size = file.size() & u64::from(u32::MAX) == u64::from(self.stat.size);
        let has_time = file.mtime() & i64::from(u32::MAX) == i64::from(self.stat.mtime.seconds);
        is_kind && if has_size { !has_time } else { self.stat.size == 0 }
    }
}
