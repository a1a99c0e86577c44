//! Whether a file is as its entry in the index says, as far as a look at it tells.
//!
//! (Rules: `ie_match_stat`, `ie_modified` and `is_racy_stat` in git's read-cache.c, without `USE_NSEC`.)

use rustix::fs::{FileType, Stat};

use crate::git::index::{Entry, Time, Type};
use crate::git::why::Why;

/// The ids of an empty blob.
const EMPTY: [&[u8]; 2] = [
    b"\xe6\x9d\xe2\x9b\xb2\xd1\xd6\x43\x4b\x8b\x29\xae\x77\x5a\xd8\xc2\xe4\x8c\x53\x91",
    b"\x47\x3a\x0f\x4c\x3b\xe8\xa9\x36\x81\xa2\x67\xe3\xb1\xe9\xa7\xdc\xda\x11\x85\x43\x6f\xe1\x41\xf7\x74\x91\x20\xa3\x03\x72\x18\x13",
];

/// What a look at a file has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is as it was.
    Same,
    /// It is not.
    Changed,
    /// Only its content tells.
    Doubt(Doubt),
}

/// Why only its content tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Why git has to be asked, where the content is not read here.
    pub(super) why: Why,
    /// git reads it for certain. Where it may not, by its configuration or by how it was made, a file of another
    /// content may still be the same to it.
    pub(super) is_certain: bool,
}

/// The rest of what decides it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The second in which the index was written.
    pub(super) written: u32,
    /// The executable bit counts.
    pub(super) file_mode: bool,
}

impl Rule {
    /// What git would find at a look.
    pub(super) fn look(self, entry: &Entry<'_>, found: &Stat) -> Result<Look, Why> {
        match (entry.kind(), FileType::from_raw_mode(found.st_mode)) {
            (Type::File, FileType::RegularFile) | (Type::Link, FileType::Symlink) => {}
            _ => return Err(Why::Kind),
        }
        let size = u32::try_from(found.st_size).map_err(|_| Why::Size)?;
        let (was_executable, is_executable) = (entry.mode & 0o100 != 0, found.st_mode & 0o100 != 0);
        if self.file_mode && entry.kind() == Type::File && was_executable != is_executable {
            return Ok(Look::Changed);
        }
        let doubt = |why, is_certain| Ok(Look::Doubt(Doubt { why, is_certain }));
        if size != entry.stat.size {
            // Git writes 0 for what it wants to read again.
            return if entry.stat.size == 0 { doubt(Why::Size, true) } else { Ok(Look::Changed) };
        }
        if size == 0 && !EMPTY.contains(&entry.id) {
            return doubt(Why::Size, true);
        }
        let recorded = entry.stat.mtime.seconds;
        let is_racy = recorded >= self.written;
        if !is_same(entry, found) {
            // Of all times, it may compare the seconds of the content's alone.
            let is_other_second = i64::from(recorded) != found.st_mtime & i64::from(u32::MAX);
            return doubt(Why::Touched, is_racy || is_other_second);
        }
        if is_racy {
            return doubt(Why::Racy, true);
        }
        Ok(Look::Same)
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
