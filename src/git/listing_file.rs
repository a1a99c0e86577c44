//! The file in which a worktree's listing is kept: `wtcheck/listing/ID` in the folder that all worktrees share.
//!
//! Invariants:
//! - What is read is a regular file of ours, no link, and not longer than a listing can be. What is wrong with it makes
//!   it none: a proof then lists every folder, as without it.
//! - It is written only into folders of ours, through no link, under another name first, and readable by us alone.
//! - Each worktree has one file at the most; the files of worktrees that are gone are removed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::unistd::geteuid;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fstat, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::git::prove::{LONGEST, Listing, Moment, News};
use crate::git::regular_file::{self, Links};

const FOLDERS: [&str; 2] = ["wtcheck", "listing"];

/// The main worktree's file.
const MAIN: &str = "main";
/// What the names of linked worktrees' files begin with; what they have in `worktrees` follows.
const LINKED: &str = "linked-";
/// What the names of files begin with that are not whole yet.
const UNFINISHED: &str = "new-";
/// One that is as old as this, in seconds, will never be.
const LEFT: i64 = 3600;

/// No more than so many files are looked at when those of worktrees that are gone are removed.
const MOST_FILES: usize = 10_000;

/// Where the listing of a worktree is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingFile {
    common_dir: PathBuf,
    name: OsString,
}

impl ListingFile {
    /// None: the worktree's git folder is not where git has it.
    pub fn of(common_dir: &Path, git_dir: &Path) -> Option<Self> {
        let name = if git_dir == common_dir {
            MAIN.into()
        } else {
            let own = git_dir.file_name().filter(|_| git_dir.parent() == Some(&common_dir.join("worktrees")))?;
            [OsStr::new(LINKED), own].into_iter().collect()
        };
        Some(Self { common_dir: common_dir.to_owned(), name })
    }

    /// Reads it.
    pub fn read(&self, now: &Moment) -> Listing {
        let path = FOLDERS.iter().fold(self.common_dir.clone(), |path, folder| path.join(folder)).join(&self.name);
        let is_ours = |file: &File| file.metadata().is_ok_and(|about| about.uid() == geteuid().as_raw());
        let file = regular_file::open(&path, Links::Refused).ok().filter(is_ours);
        let bytes = file.and_then(|file| regular_file::contents_of(file, LONGEST).ok());
        bytes.map_or_else(Listing::default, |bytes| Listing::read(&bytes, now))
    }

    /// Puts what is to be kept into it.
    pub fn keep(&self, News { listing, began, .. }: &News) -> io::Result<()> {
        let folder = folder(&self.common_dir)?;
        let unfinished = format!("{UNFINISHED}{:016x}", fastrand::u64(..));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&folder, &unfinished, flags, Mode::RUSR | Mode::WUSR)?);
        let written = file
            .write_all(&listing.to_bytes(began))
            .and_then(|()| Ok(renameat(&folder, &unfinished, &folder, &self.name)?));
        written.inspect_err(|_| _ = unlinkat(&folder, &unfinished, AtFlags::empty()))
    }
}

/// Removes the files of worktrees that are gone, and what was never finished.
pub fn clean(common_dir: &Path) -> io::Result<()> {
    let folder = folder(common_dir)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let is_left = |name: &OsStr| {
        let written = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map(|about| about.st_mtime);
        written.is_ok_and(|written| written.saturating_add(LEFT) < now.try_into().unwrap_or(0))
    };
    let is_gone = |own: &[u8]| {
        let record = common_dir.join("worktrees").join(OsStr::from_bytes(own));
        record.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    let mut gone = Vec::new();
    for entry in Dir::read_from(&folder)?.take(MOST_FILES) {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let is_over = match (name.strip_prefix(LINKED.as_bytes()), name.strip_prefix(UNFINISHED.as_bytes())) {
            (Some(own), _) => is_gone(own),
            (_, Some(_)) => is_left(OsStr::from_bytes(name)),
            _ => false,
        };
        if is_over {
            gone.push(name.to_vec());
        }
    }
    for name in gone {
        unlinkat(&folder, OsStr::from_bytes(&name), AtFlags::empty())?;
    }
    Ok(())
}

/// The folder of all these files, which is made where it is not there.
fn folder(common_dir: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = openat(CWD, common_dir, flags, Mode::empty())?;
    is_ours(&folder)?;
    for name in FOLDERS {
        match mkdirat(&folder, name, Mode::from_bits_truncate(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        folder = openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
        is_ours(&folder)?;
    }
    Ok(folder)
}

fn is_ours(folder: &OwnedFd) -> io::Result<()> {
    if fstat(folder)?.st_uid == geteuid().as_raw() { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
}
