//! Whether a file is as its entry in the index says.
//!
//! (Rules: `ie_match_stat`, `ie_modified` and `is_racy_stat` in git's read-cache.c, without `USE_NSEC`; where git would
//! go on and read the file, it is asked.)

use rustix::fs::{FileType, Stat};

use crate::git::index::{Entry, Time, Type};
use crate::git::why::Why;

/// The ids of an empty blob.
const EMPTY: [&[u8]; 2] = [
    b"\xe6\x9d\xe2\x9b\xb2\xd1\xd6\x43\x4b\x8b\x29\xae\x77\x5a\xd8\xc2\xe4\x8c\x53\x91",
    b"\x47\x3a\x0f\x4c\x3b\xe8\xa9\x36\x81\xa2\x67\xe3\xb1\xe9\xa7\xdc\xda\x11\x85\x43\x6f\xe1\x41\xf7\x74\x91\x20\xa3\x03\x72\x18\x13",
];

/// The rest of what decides it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The second in which the index was written.
    pub(super) written: u32,
    /// The executable bit counts.
    pub(super) file_mode: bool,
}

impl Rule {
    /// Whether git would find the file changed.
    pub(super) fn is_changed(self, entry: &Entry<'_>, found: &Stat) -> Result<bool, Why> {
        match (entry.kind(), FileType::from_raw_mode(found.st_mode)) {
            (Type::File, FileType::RegularFile) | (Type::Link, FileType::Symlink) => {}
            _ => return Err(Why::Kind),
        }
        let size = u32::try_from(found.st_size).map_err(|_| Why::Size)?;
        let (was_executable, is_executable) = (entry.mode & 0o100 != 0, found.st_mode & 0o100 != 0);
        if self.file_mode && entry.kind() == Type::File && was_executable != is_executable {
            return Ok(true);
        }
        if size != entry.stat.size {
            // Git writes 0 for what it wants to read again.
            return if entry.stat.size == 0 { Err(Why::Size) } else { Ok(true) };
        }
        if !is_same(entry, found) {
            return Err(Why::Touched);
        }
        if entry.stat.mtime.seconds >= self.written {
            return Err(Why::Racy);
        }
        if size == 0 && !EMPTY.contains(&entry.id) {
            return Err(Why::Size);
        }
        Ok(false)
    }
}

/// Whether nothing but the size, which is equal, tells the file from the one that was recorded.
fn is_same(entry: &Entry<'_>, found: &Stat) -> bool {
    let recorded = &entry.stat;
    let is_time = |recorded: Time, seconds: i64, nanoseconds: Option<u32>| {
        i64::from(recorded.seconds) == seconds && Some(recorded.nanoseconds) == nanoseconds
    };
    is_time(recorded.mtime, found.st_mtime, u32::try_from(found.st_mtime_nsec).ok())
        && is_time(recorded.ctime, found.st_ctime, u32::try_from(found.st_ctime_nsec).ok())
        // The low half is what is recorded.
        && u64::from(recorded.inode) == found.st_ino & u64::from(u32::MAX)
        && (recorded.owner, recorded.group) == (found.st_uid, found.st_gid)
}
