//! Reading files of which nobody knows what they are: never for ever, never more than they may hold, and nothing but
//! files.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// Whether a link in the place of a file is followed to what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It is: whoever names the file decides what is read.
    Followed,
    /// It is refused: it comes from somebody else, and could lead to anything.
    Refused,
}

/// The content of a regular file of at most `limit` bytes. What the file system says of a file's length is not relied
/// on: a file can grow while it is read, and some that say 0 have no end.
pub fn contents(path: &Path, links: Links, limit: usize) -> io::Result<Vec<u8>> {
    contents_of(open(path, links)?, limit)
}

/// The same of a file that is open.
pub fn contents_of(file: File, limit: usize) -> io::Result<Vec<u8>> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::other(format!("it is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

/// Opens a regular file.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
    let flags = match links {
        Links::Followed => OFlag::O_NONBLOCK,
        Links::Refused => OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW,
    };
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    if let Err(error) = &opened
        && error.kind() == io::ErrorKind::NotFound
    {
        return opened;
    }
    let file = opened.map_err(|error| match path.symlink_metadata() {
        Ok(there) if there.is_symlink() && links == Links::Refused => io::Error::other("it is a link"),
        // A socket cannot be opened at all, and says so in words about devices.
        Ok(there) if !there.is_symlink() && !there.is_file() => no_file(),
        _ => error,
    })?;
    // Asked of what was opened: what lies at the path may be another by now.
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

fn no_file() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// What tells a file from one that was put in its place, or written to.
pub fn identity(about: &Metadata) -> [i128; 7] {
    [
        about.dev().into(),
        about.ino().into(),
        about.len().into(),
        about.mtime().into(),
        about.mtime_nsec().into(),
        about.ctime().into(),
        about.ctime_nsec().into(),
    ]
}
