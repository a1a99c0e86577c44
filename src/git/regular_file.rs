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
    contents_and_file(path, links, limit).map(|(bytes, _)| bytes)
}

/// The same, and what the file was that it was read from.
pub fn contents_and_file(path: &Path, links: Links, limit: usize) -> io::Result<(Vec<u8>, Metadata)> {
    let (file, about) = open_and_look(path, links)?;
    Ok((read(file, about.len(), limit)?, about))
}

/// The same of a file that is open.
pub fn contents_of(file: File, limit: usize) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    read(file, length, limit)
}

/// The same of a file that was looked at, and is so long as the file system says.
pub fn read(mut file: File, length: u64, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(expected) = usize::try_from(length).ok().filter(|length| (1..=limit).contains(length)) {
        bytes = vec![0; expected + 1];
        let first = read_once(&mut file, &mut bytes)?;
        bytes.truncate(first);
        // One byte more was asked for than there should be, and none came: it ends there, and need not be asked again.
        if first == expected {
            return Ok(bytes);
        }
    }
    let most = u64::try_from(limit - bytes.len().min(limit)).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        let words = format!("it is larger than {} MiB", limit >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
    }
    Ok(bytes)
}

fn read_once(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Opens a regular file.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    open_and_look(path, links).map(|(file, _)| file)
}

fn open_and_look(path: &Path, links: Links) -> io::Result<(File, Metadata)> {
    // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
    let flags = match links {
        Links::Followed => OFlag::O_NONBLOCK,
        Links::Refused => OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW,
    };
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => error,
        _ => refusal(path, links, error),
    })?;
    // Asked of what was opened: what lies at the path may be another by now.
    let about = file.metadata()?;
    if about.is_file() { Ok((file, about)) } else { Err(no_file()) }
}

/// Why a file cannot be opened that is there.
fn refusal(path: &Path, links: Links, error: io::Error) -> io::Error {
    match path.symlink_metadata() {
        Ok(there) if there.is_symlink() && links == Links::Refused => io::Error::other("it is a link"),
        // A socket cannot be opened at all, and says so in words about devices.
        Ok(there) if !there.is_symlink() && !there.is_file() => no_file(),
        _ => error,
    }
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
