//! The index of a worktree, read as a whole.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::git::regular_file::{self, Links, identity};
use crate::git::why::Why;

/// A longer index is not read.
const LONGEST: usize = 256 << 20;

/// The bytes of an index, and when they were written.
pub(super) struct IndexFile {
    pub(super) bytes: Vec<u8>,
    /// The second in which it was written, as entries have theirs.
    pub(super) second: u32,
}

impl IndexFile {
    pub(super) fn read(git_dir: &Path) -> Result<Self, Why> {
        let path = git_dir.join("index");
        // What was opened is what is held against what has this name afterwards.
        let (bytes, before) =
            regular_file::contents_and_file(&path, Links::Followed, LONGEST).map_err(|error| unread(&error))?;
        let after = path.metadata().map_err(|_| Why::IndexChanged)?;
        if identity(&before) != identity(&after) || bytes.len() as u64 != after.len() {
            return Err(Why::IndexChanged);
        }
        // Git has no time of an index at 0, and then takes nothing for racy.
        let second = u32::try_from(before.mtime()).ok().filter(|second| *second > 0).ok_or(Why::IndexForm)?;
        Ok(Self { bytes, second })
    }
}

/// Why an index is not read: it is too long, or there is none.
fn unread(error: &io::Error) -> Why {
    if error.kind() == io::ErrorKind::FileTooLarge { Why::IndexForm } else { Why::NoIndex }
}
