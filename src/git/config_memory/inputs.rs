//! All files that git reads for its configuration, and whether they are still the same.

use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};

use crate::git::command::{Git, Invocation};
use crate::git::config::{self, Entry, Scope};
use crate::git::errand::Printed;
use crate::git::place::Place;
use crate::git::regular_file::{self, Links};
use crate::git::terms::{beside, pathname};
use crate::model::answer::Exit;

/// A file whose times are nearer than this many seconds to the moment at which it is looked at may be written again and keep
/// them: some file systems count in steps of two.
const REST: i64 = 3;

/// What makes a file the one that it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    changed: (i64, i64),
}

/// How long a file has been as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rest {
    /// For long enough.
    Settled,
    /// Its times tell nothing: they are yet to come. Or it is none that this user surely may read.
    Odd,
    /// Not for long.
    Fresh,
}

impl Identity {
    /// Links are followed, as git does. None: there is no such file.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        match path.metadata() {
            Ok(file) => Ok(Some(Self {
                device: file.dev(),
                inode: file.ino(),
                size: file.size(),
                mode: file.mode(),
                owner: (file.uid(), file.gid()),
                modified: (file.mtime(), file.mtime_nsec()),
                changed: (file.ctime(), file.ctime_nsec()),
            })),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn rest(&self, now: SystemTime) -> Rest {
        let own = nix::unistd::geteuid();
        let is_readable =
            own.is_root() || self.mode & 0o004 != 0 || (self.owner.0 == own.as_raw() && self.mode & 0o400 != 0);
        let now = now.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
        let Some(now) = now.filter(|_| is_readable) else { return Rest::Odd };
        match self.modified.0.max(self.changed.0) {
            last if last <= now - REST => Rest::Settled,
            last if last <= now + REST => Rest::Fresh,
            _ => Rest::Odd,
        }
    }
}

/// What git is asked, so that it is known which files it reads.
pub(super) fn questions(git: &Git) -> Vec<Invocation> {
    vec![
        git.here(&["var", "GIT_CONFIG_SYSTEM"]),
        git.here(&["var", "GIT_CONFIG_GLOBAL"]),
        git.here(&["config", "--list", "-z", "--show-scope", "--show-origin"]),
    ]
}

/// Every file that git reads, or would read if it were there; and git itself. None: it is not known, or depends on more
/// than files.
pub(super) fn all(git: &Git, place: &Place, printed: &[Option<Printed>]) -> Option<Vec<PathBuf>> {
    let [Some(system), Some(global), Some(listed)] = printed else { return None };
    let mut inputs = vec![PathBuf::from(git.program_itself()), place.common_dir.join("config")];
    let is_program = is_program(&inputs[0]);
    let is_without = system.exit == Exit::Code(1) && system.stdout.is_empty() && has(git, "GIT_CONFIG_NOSYSTEM");
    if !is_without {
        inputs.extend(paths(system)?);
    }
    inputs.extend(paths(global)?);
    let entries = Some(listed).filter(|listed| listed.exit == Exit::Code(0));
    let mut entries = entries.and_then(|listed| config::parse(&listed.stdout))?;
    let home = git.variables().iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.as_bytes());
    for entry in &mut entries {
        in_full(entry, place)?;
        if entry.key == "include.path" {
            let value = entry.value.as_ref()?;
            inputs.push(pathname(value, home).or_else(|| beside(entry, value))?);
        }
    }
    let is_known = |entry: &Entry| {
        let is_lasting = entry.scope != Scope::Command && !entry.key.starts_with("includeif.");
        is_lasting && inputs.iter().any(|input| input.as_path() == Path::new(&*entry.origin))
    };
    (is_program && entries.iter().all(is_known)).then_some(inputs)
}

fn has(git: &Git, variable: &str) -> bool {
    git.variables().iter().any(|(name, _)| name == variable)
}

/// The paths that `git var` has printed, each in a line.
fn paths(printed: &Printed) -> Option<Vec<PathBuf>> {
    let paths: Vec<_> = printed.stdout.lines().map(|line| line.to_path_lossy().into_owned()).collect();
    let is_plain = printed.exit == Exit::Code(0) && printed.stdout.is_utf8() && !paths.is_empty();
    (is_plain && paths.iter().all(|path| path.is_absolute())).then_some(paths)
}

/// Names the file of an entry in full: git names it from the top of the worktree.
fn in_full(entry: &mut Entry, place: &Place) -> Option<()> {
    if !Path::new(&*entry.origin).is_absolute() {
        entry.origin = place.toplevel.as_ref()?.join(&*entry.origin).to_str()?.into();
    }
    Some(())
}

/// Whether git is a program itself, and no script that finds another one: that may be exchanged and it stays the same.
fn is_program(path: &Path) -> bool {
    const BEGINNINGS: [[u8; 4]; 4] =
        [*b"\x7fELF", [0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe], [0xfe, 0xed, 0xfa, 0xcf]];
    let mut beginning = [0; 4];
    let read = regular_file::open(path, Links::Followed).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && BEGINNINGS.contains(&beginning)
}
