//! Where one stands and which worktrees there are, told from the files of a repository that is of the plainest kind, as
//! git itself would tell it: no process is started for that.
//!
//! Only what is exactly as git writes it is read. A link, another owner, a name or a byte that is odd, a branch without
//! a commit, configuration that says where something else is: of all that git is asked, as if nothing had been read.
//! (Layout: gitrepository-layout(5). Rules: `setup_git_directory_gently_1` in git's setup.c, `get_worktrees` in
//! worktree.c, `files_read_raw_ref` in refs/files-backend.c.)

mod list;
mod place;
mod refs;

use std::path::Path;

use crate::git::command::Git;
use crate::git::config::{Entry, Scope, boolean};
use crate::git::place::Place;
use crate::git::worktree_list::Record;

/// What the files say, for as long as the configuration does not say otherwise.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where one stands.
    pub place: Place,
    /// Every worktree, in git's order.
    pub records: Vec<Record>,
}

/// Where somebody stands who stands in this folder. None: git has to be asked.
pub fn place_of(git: &Git, folder: &Path) -> Option<Place> {
    place::find(git, folder)
}

/// What the files say of the repository around this folder. None: git has to be asked.
pub fn find(git: &Git, folder: &Path) -> Option<Found> {
    let place = place::find(git, folder)?;
    let records = list::read(&place, git.mounts())?;
    Some(Found { place, records })
}

impl Found {
    /// Whether git, with this configuration, says the same.
    pub fn holds_with(&self, entries: &[Entry]) -> bool {
        let Some(id_length) = id_length(&self.place, entries) else { return false };
        self.records.iter().all(|record| record.head.as_ref().is_none_or(|head| head.len() == id_length))
    }
}

/// Whether git, with this configuration, takes a repository for one of the plainest kind that is found where one
/// stands.
pub fn is_plain(place: &Place, entries: &[Entry]) -> bool {
    id_length(place, entries).is_some()
}

/// How long the ids of objects are in a repository of the plainest kind. None: it is another.
///
/// git shows a repository's own configuration only where it has found the repository, and taken it for one that it
/// knows, of an owner that it trusts: that the version of the format comes from this repository's own file says so.
/// (Rules: `cmd_config` in git's builtin/config.c goes on without a repository that it refuses.)
fn id_length(place: &Place, entries: &[Entry]) -> Option<usize> {
    let text =
        |entry: &Entry| entry.value.as_ref().and_then(|value| std::str::from_utf8(value).ok().map(str::to_owned));
    let is_own = |entry: &&Entry| entry.scope == Scope::Local && is_file_of(place, &entry.origin);
    let mut versions = entries.iter().filter(|entry| entry.key == "core.repositoryformatversion");
    let version = versions.next().filter(is_own).and_then(text).filter(|version| version == "0" || version == "1")?;
    if versions.next().is_some() {
        return None;
    }
    let mut id_length = 40;
    for entry in entries {
        let is_plain = match entry.key.as_str() {
            "core.bare" | "core.ignorecase" => {
                boolean(entry.value.as_ref().map(|value| value.as_slice())) == Some(false)
            }
            "core.worktree" => false,
            "extensions.objectformat" if is_own(&entry) && version == "1" => {
                id_length = if text(entry)? == "sha256" { 64 } else { 40 };
                matches!(text(entry)?.as_str(), "sha1" | "sha256")
            }
            "extensions.refstorage" => is_own(&entry) && version == "1" && text(entry)? == "files",
            "extensions.preciousobjects" | "extensions.partialclone" | "extensions.noop" => is_own(&entry),
            key => !key.starts_with("extensions."),
        };
        if !is_plain {
            return None;
        }
    }
    Some(id_length)
}

/// Whether git names the repository's own configuration so: from the top of the worktree, or in full.
fn is_file_of(place: &Place, origin: &str) -> bool {
    let file = place.common_dir.join("config");
    let from_top = place.toplevel.as_ref().and_then(|top| file.strip_prefix(top).ok());
    // A name that is not UTF-8 is not known here.
    [Some(file.as_path()), from_top].into_iter().flatten().any(|file| file.to_str() == Some(origin))
}
