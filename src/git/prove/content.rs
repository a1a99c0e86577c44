//! Whether a file's content is that of its entry in the index: the content is hashed, as git does where a look alone does
//! not tell.
//!
//! (Rules: `ce_compare_data` and `ce_compare_link` in git's read-cache.c, `index_fd` in object-file.c.) A file that
//! changes while it is read tells nothing; nor does one that was made to have the id of another.

use std::fs::File;
use std::io::Read;

use gix_hash::{Hasher, Kind};
use rustix::fs::{FileType, Stat, fstat};

use super::task::Stop;
use crate::git::attributes::Conversion;
use crate::git::index::Hash;
use crate::git::open_folder::Folder;
use crate::git::why::Why;

/// Longer files are left to git, which can be given up on at any moment.
const LONGEST_FILE: u64 = 64 << 20;
/// And so is what is more than this in one worktree.
const MOST: u64 = 256 << 20;
/// So much is read at a time.
const PIECE: usize = 64 << 10;

/// Hashes files of one worktree.
pub(super) struct Contents<'a> {
    stop: Stop<'a>,
    kind: Kind,
    /// So many bytes may still be read.
    left: u64,
    /// A piece, and the byte before it.
    buffer: Vec<u8>,
}

impl<'a> Contents<'a> {
    pub(super) fn new(hash: Hash, stop: Stop<'a>) -> Self {
        let kind = match hash {
            Hash::Sha1 => Kind::Sha1,
            Hash::Sha256 => Kind::Sha256,
        };
        Self { stop, kind, left: MOST, buffer: Vec::new() }
    }

    /// Whether the file or link of this name has the content of this id. `None`: this cannot be told.
    pub(super) fn is(
        &mut self,
        id: &[u8],
        folder: &Folder,
        name: &[u8],
        found: &Stat,
        conversion: Conversion,
    ) -> Result<Option<bool>, Why> {
        let length = u64::try_from(found.st_size).unwrap_or(u64::MAX);
        if length > LONGEST_FILE || length > self.left {
            return Ok(None);
        }
        self.left -= length;
        let mut hasher = gix_hash::hasher(self.kind);
        hasher.update(format!("blob {length}\0").as_bytes());
        let is_whole = if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
            let text = folder.link(name)?;
            hasher.update(&text);
            text.len() as u64 == length
        } else {
            let file = folder.file(name).map_err(|_| Why::Unreadable)?.ok_or(Why::Unreadable)?;
            self.read(&file, found, conversion, &mut hasher)?
        };
        let id_found = hasher.try_finalize().ok().filter(|_| is_whole);
        Ok(id_found.map(|found| found.as_bytes() == id))
    }

    /// Whether a file was read from its beginning to its end while it was the one that was found, and as git would.
    fn read(&mut self, file: &File, found: &Stat, conversion: Conversion, hasher: &mut Hasher) -> Result<bool, Why> {
        let is_found = || fstat(file).is_ok_and(|opened| identity(&opened) == identity(found));
        if conversion == Conversion::Any || !is_found() {
            return Ok(false);
        }
        let (mut file, mut length) = (file, 0_u64);
        self.buffer.resize(PIECE + 1, 0);
        self.buffer[0] = 0;
        loop {
            self.stop.look()?;
            let read = file.read(&mut self.buffer[1..]).map_err(|_| Why::Unreadable)?;
            length += read as u64;
            // One byte more than it has is read of no file.
            if read == 0 || length > found.st_size.cast_unsigned() {
                break;
            }
            hasher.update(&self.buffer[1..=read]);
            let has_line_end = || self.buffer[..=read].windows(2).any(|pair| pair == b"\r\n");
            if conversion == Conversion::LineEnds && has_line_end() {
                return Ok(false);
            }
            self.buffer[0] = self.buffer[read];
        }
        Ok(length == found.st_size.cast_unsigned() && is_found())
    }
}

/// What tells a file from one that was put in its place, or written to.
fn identity(about: &Stat) -> impl PartialEq + use<> {
    let place = (about.st_dev, about.st_ino, about.st_mode, about.st_size);
    (place, about.st_mtime, about.st_mtime_nsec, about.st_ctime, about.st_ctime_nsec)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn no_more_is_read_than_a_worktree_may_cost() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a"), "content").expect("a file");
        let folder = Folder::at(folder.path()).expect("open");
        let found = folder.look(b"a").expect("looked at").expect("there");
        let stop = AtomicBool::new(false);
        let mut contents = Contents::new(Hash::Sha1, Stop(&stop));
        contents.left = 13;
        let mut is_other = || contents.is(&[0; 20], &folder, b"a", &found, Conversion::None);
        assert_eq!((is_other(), is_other()), (Ok(Some(false)), Ok(None)));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut contents = Contents::new(Hash::Sha1, Stop(&stop));
        assert_eq!(contents.is(&[0; 20], &folder, b"a", &found, Conversion::None), Err(Why::Stopped));
    }

    #[test]
    fn a_file_that_is_not_the_one_that_was_found_tells_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "content").expect("a file");
        let open = Folder::at(folder.path()).expect("open");
        let found = open.look(b"a").expect("looked at").expect("there");
        std::fs::write(folder.path().join("b"), "content").expect("a file");
        std::fs::rename(folder.path().join("b"), path).expect("moved");
        let stop = AtomicBool::new(false);
        let is = Contents::new(Hash::Sha1, Stop(&stop)).is(&[0; 20], &open, b"a", &found, Conversion::None);
        assert_eq!(is, Ok(None));
    }
}
