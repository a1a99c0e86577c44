//! A folder for what is made only to be looked at: it is gone when nobody needs it any more.

use std::ffi::OsStr;
use std::fs::{DirBuilder, remove_dir_all};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::git::command::Git;

/// So many names are tried.
const NAMES: usize = 16;

/// The folder. It takes all that lies in it along.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A new one, which only its user can enter, where the user's programs keep such things.
    pub(super) fn new(git: &Git) -> io::Result<Self> {
        let said = git.variables().iter().find(|(name, _)| name == OsStr::new("TMPDIR")).map(|(_, value)| value);
        let within = said.map(Path::new).filter(|path| path.is_absolute()).unwrap_or_else(|| Path::new("/tmp"));
        for _ in 0..NAMES {
            let path = within.join(format!("git-wtcheck-{:016x}", fastrand::u64(..)));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// A path in it.
    pub(super) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be taken away lies where the system takes such things away.
        let _ = remove_dir_all(&self.0);
    }
}
