//! The way up from a folder to the repository that it lies in.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, access};

use crate::git::command::{Git, REPOSITORY_VARIABLES};
use crate::git::mounts::Mounts;
use crate::git::place::Place;
use crate::git::regular_file::{self, Links};
use crate::git::terms;

/// Where git writes, for each worktree, that all share what lies two folders above its own git folder.
pub(super) const COMMON: &[u8] = b"../..\n";
/// A `.git` file larger than this names no folder that there could be.
const LONGEST: usize = 8 << 10;

/// Finds the repository. None: it is not of the plainest kind, or there is none.
pub(super) fn find(git: &Git, folder: &Path) -> Option<Place> {
    let mounts = git.mounts();
    if git.variables().iter().any(|(name, _)| has_a_say(name)) || !mounts.answers(folder) {
        return None;
    }
    let here = folder.canonicalize().ok()?;
    if !mounts.answers(&here) {
        return None;
    }
    let device = here.metadata().ok()?.dev();
    for top in here.ancestors() {
        // git does not look beyond the file system that one stands on.
        if top.symlink_metadata().ok()?.dev() != device {
            return None;
        }
        let dot_git = top.join(".git");
        if !mounts.answers(&dot_git) {
            return None;
        }
        match dot_git.symlink_metadata() {
            Ok(there) if there.is_dir() => return of_main(top, dot_git, mounts),
            Ok(there) if there.is_file() => return of_linked(top, &dot_git, mounts),
            Ok(_) => return None,
            Err(error) if error.kind() != ErrorKind::NotFound => return None,
            // One may stand in a git folder, or in a repository without a working tree.
            Err(_) if !is_missing(&top.join("HEAD")) => return None,
            Err(_) => {}
        }
    }
    None
}

/// Whether git may find another repository, or something else in it, because of this variable.
fn has_a_say(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"GIT_")
        && (matches!(name, b"GIT_CEILING_DIRECTORIES" | b"GIT_DISCOVERY_ACROSS_FILESYSTEM")
            || REPOSITORY_VARIABLES.iter().any(|known| known.as_bytes() == name)
            || !terms::is_harmless(name))
}

fn of_main(top: &Path, dot_git: PathBuf, mounts: &Mounts) -> Option<Place> {
    // With this file another folder holds what all worktrees share.
    let is_plain =
        is_missing(&dot_git.join("commondir")) && has_objects_and_refs(&dot_git, mounts) && are_ours(&[top, &dot_git]);
    is_plain.then(|| Place {
        git_dir: dot_git.clone(),
        bare: false,
        common_dir: dot_git,
        toplevel: Some(top.to_owned()),
    })
}

fn of_linked(top: &Path, dot_git: &Path, mounts: &Mounts) -> Option<Place> {
    let content = regular_file::contents(dot_git, Links::Refused, LONGEST).ok()?;
    let named = plain_path(content.strip_prefix(b"gitdir: ")?)?;
    if !mounts.answers(named) {
        return None;
    }
    let git_dir = named.canonicalize().ok()?;
    let common_dir = git_dir.parent().filter(|parent| parent.ends_with(".git/worktrees"))?.parent()?.to_owned();
    let is_plain = mounts.answers(&git_dir)
        && regular_file::contents(&git_dir.join("commondir"), Links::Refused, LONGEST).ok()? == COMMON
        && has_objects_and_refs(&common_dir, mounts)
        && is_missing(&common_dir.join("commondir"))
        && are_ours(&[dot_git, top, &git_dir]);
    is_plain.then(|| Place { git_dir, bare: false, common_dir, toplevel: Some(top.to_owned()) })
}

/// A path as git writes it: absolute, in one line, without `..`.
pub(super) fn plain_path(line: &[u8]) -> Option<&Path> {
    let path = line.strip_suffix(b"\n")?;
    let is_odd = path.contains(&0) || path.last().is_none_or(u8::is_ascii_whitespace);
    let path = Path::new(OsStr::from_bytes(path));
    let is_plain = path.is_absolute() && path.components().all(|part| part != Component::ParentDir);
    (is_plain && !is_odd).then_some(path)
}

/// What else git looks for before it takes a folder for a repository's, and whether a look at it surely answers: nothing of
/// it lies elsewhere. (Rule: `is_git_directory` in git's setup.c; HEAD is read with the records.)
fn has_objects_and_refs(common_dir: &Path, mounts: &Mounts) -> bool {
    let is_folder = |name: &str| {
        let folder = common_dir.join(name);
        folder.symlink_metadata().is_ok_and(|found| found.is_dir()) && access(folder, Access::EXEC_OK).is_ok()
    };
    mounts.answers_below(common_dir) && ["objects", "refs", "refs/heads"].iter().all(|name| is_folder(name))
}

/// Whether all of these are this user's own: git need not be asked then whether it trusts their owners.
/// (Rule: `ensure_valid_ownership` in git's setup.c.)
fn are_ours(paths: &[&Path]) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    paths.iter().all(|path| path.symlink_metadata().is_ok_and(|file| file.uid() == own))
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_git_writes_is_a_path() {
        assert_eq!(plain_path(b"/a b/.git/worktrees/x\n"), Some(Path::new("/a b/.git/worktrees/x")));
        assert_eq!(plain_path(b"/a\nb\n"), Some(Path::new("/a\nb")));
        for odd in ["", "\n", "/a", "/a\n\n", "/a \n", "/a\r\n", "a\n", "../a\n", "/a/../b\n", "/a\0b\n"] {
            assert_eq!(plain_path(odd.as_bytes()), None, "{odd:?}");
        }
    }

    #[test]
    fn variables_that_have_a_say() {
        for name in ["GIT_DIR", "GIT_CONFIG", "GIT_CEILING_DIRECTORIES", "GIT_TRACE", "GIT_TEST_ASSUME_DIFFERENT_OWNER"]
        {
            assert!(has_a_say(OsStr::new(name)), "{name}");
        }
        for name in ["HOME", "GIT_EXEC_PATH", "GIT_CONFIG_COUNT", "GIT_EDITOR", "GIT_WTCHECK_PROVE"] {
            assert!(!has_a_say(OsStr::new(name)), "{name}");
        }
    }
}
