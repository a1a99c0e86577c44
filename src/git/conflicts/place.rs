//! Where merges are tried: a repository, and a folder that takes every object that is made on the way.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::git::command::{Git, Invocation, complaint};
use crate::git::conflicts::folder::Folder;
use crate::git::errand::{Carrier, Errand, Printed};
use crate::model::answer::Exit;
use crate::model::worktree::Worktree;

/// What would start a program of the user's, or write down what was found.
const QUIET: [&str; 14] = [
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.splitIndex=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.safecrlf=false",
    "-c",
    "merge.renormalize=false",
    "-c",
    "gc.auto=0",
];

/// The place.
pub(super) struct Bench<'a, C> {
    pub(super) carrier: &'a C,
    pub(super) git: &'a Git,
    pub(super) common_dir: &'a Path,
    pub(super) within: Duration,
    pub(super) folder: Folder,
    objects: PathBuf,
    stored: OsString,
}

impl<'a, C: Carrier> Bench<'a, C> {
    pub(super) fn new(carrier: &'a C, git: &'a Git, common_dir: &'a Path, within: Duration) -> io::Result<Self> {
        let folder = Folder::new(git)?;
        let objects = folder.at("objects");
        std::fs::create_dir(&objects)?;
        let stored = quoted(&common_dir.join("objects"));
        Ok(Self { carrier, git, common_dir, within, folder, objects, stored })
    }

    /// A git command about the repository as it is stored, and about what has been made here.
    pub(super) fn of_repository(&self, args: &[&str]) -> Invocation {
        self.here(self.git.of_repository(self.common_dir, &quiet(args)))
    }

    /// A git command in a worktree, whose objects go here.
    pub(super) fn of_worktree(&self, worktree: &Worktree, args: &[&str]) -> Invocation {
        self.here(self.git.of(worktree, &worktree.path, &quiet(args)))
    }

    fn here(&self, mut invocation: Invocation) -> Invocation {
        invocation.env("GIT_OBJECT_DIRECTORY", &self.objects);
        invocation.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.stored);
        invocation
    }

    /// Carries a command out, and gives what it printed, however it ended.
    pub(super) async fn carry(&self, invocation: Invocation) -> Result<Printed, String> {
        let errand = Errand { invocation, within: self.within };
        self.carrier.carry(errand).await.map_err(|error| Self::words(&error))
    }

    /// Why a command could not be carried out.
    pub(super) fn words(error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::TimedOut => "git has not answered in time".to_owned(),
            io::ErrorKind::Interrupted => "the run was stopped".to_owned(),
            _ => format!("git could not be run: {error}"),
        }
    }

    /// The same of a command that is to succeed: its standard output.
    pub(super) async fn done(&self, invocation: Invocation) -> Result<Printed, String> {
        let printed = self.carry(invocation).await?;
        if printed.exit == Exit::Code(0) { Ok(printed) } else { Err(refusal(&printed.stderr)) }
    }
}

/// Why git refuses, in its words.
pub(super) fn refusal(stderr: &[u8]) -> String {
    complaint(stderr).unwrap_or_else(|| "git failed without a word".to_owned())
}

fn quiet<'a>(args: &[&'a str]) -> Vec<&'a str> {
    QUIET.iter().chain(args).copied().collect()
}

/// A folder's name in a list of them. (Rule: git(1), `GIT_ALTERNATE_OBJECT_DIRECTORIES`; `parse_alt_odb_entry`.)
fn quoted(path: &Path) -> OsString {
    let mut bytes = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => bytes.extend([b'\\', *byte]),
            b'\n' => bytes.extend(b"\\n"),
            byte => bytes.push(*byte),
        }
    }
    bytes.push(b'"');
    OsString::from_vec(bytes)
}

/// The one line that a command printed: an object id.
pub(super) fn id(printed: &Printed) -> Result<String, String> {
    let text = std::str::from_utf8(&printed.stdout).map(str::trim_end).unwrap_or_default();
    if is_id(text.as_bytes()) { Ok(text.to_owned()) } else { Err("git printed no object id".to_owned()) }
}

/// Whether these bytes are an object's id in full.
pub(super) fn is_id(bytes: &[u8]) -> bool {
    matches!(bytes.len(), 40 | 64) && bytes.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_any_name_stands_in_the_list() {
        assert_eq!(quoted(Path::new("/a:b \"c\\\n")), OsString::from("\"/a:b \\\"c\\\\\\n\""));
    }
}
