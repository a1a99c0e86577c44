//! The index of a worktree, read as a whole.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::git::regular_file::identity;
use crate::git::why::Why;

/// A longer index is not read.
const LONGEST: u64 = 256 << 20;

/// The bytes of an index, and when they were written.
pub(super) struct IndexFile {
    pub(super) bytes: Vec<u8>,
    /// The second in which it was written, as entries have theirs.
    pub(super) second: u32,
}

impl IndexFile {
    pub(super) fn read(git_dir: &Path) -> Result<Self, Why> {
        let path = git_dir.join("index");
        // A pipe of this name would have to be waited for.
        let before = path.metadata().ok().filter(Metadata::is_file).ok_or(Why::NoIndex)?;
        if before.len() > LONGEST {
            return Err(Why::IndexForm);
        }
        let file = File::open(&path).map_err(|_| Why::NoIndex)?;
        let mut bytes = Vec::with_capacity(usize::try_from(before.len() + 1).map_err(|_| Why::IndexForm)?);
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|_| Why::NoIndex)?;
        let after = path.metadata().map_err(|_| Why::IndexChanged)?;
        if identity(&before) != identity(&after) || bytes.len() as u64 != after.len() {
            return Err(Why::IndexChanged);
        }
        // Git has no time of an index at 0, and then takes nothing for racy.
        let second = u32::try_from(before.mtime()).ok().filter(|second| *second > 0).ok_or(Why::IndexForm)?;
        Ok(Self { bytes, second })
    }
}
