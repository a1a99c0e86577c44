//! What is to be told, and what is told.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bstr::BString;

use crate::git::attributes;
use crate::git::ignore::Sources;
use crate::git::index::{Entry, Hash};
use crate::git::why::Why;
use crate::model::answer::Edit;

/// Folders that lie deeper are not walked: so many are open at a time.
pub(super) const DEEPEST: usize = 64;

/// Longer paths are not told of: to git, which gives the system whole paths, some of them are an error (`PATH_MAX`, less what is
/// put behind a folder's path).
pub(super) const LONGEST_PATH: usize = 4000;

/// With more paths than this, changed files are only counted, and names are not told.
const MOST_PATHS: usize = 10_000;

/// With more files than this, how they were is not told.
const MOST_EDITS: usize = 200;

/// What git's configuration says about looking at files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// `core.fileMode`: the executable bit counts.
    pub file_mode: bool,
    /// `core.symlinks`: links are links.
    pub symlinks: bool,
    /// `core.ignoreCase`.
    pub ignore_case: bool,
    /// `core.precomposeUnicode`.
    pub precompose_unicode: bool,
    /// Where ignore rules are, beside `.gitignore`.
    pub ignore: Sources,
    /// Where attributes are, beside `.gitattributes`; `None` where that is not known: no file is read then.
    pub attributes: Option<attributes::Sources>,
}

/// A worktree whose state is to be told.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Its top folder.
    pub worktree: &'a Path,
    /// Its own git folder, where its index is.
    pub git_dir: &'a Path,
    /// The id of the tree of the commit that it stands on.
    pub head_tree: &'a [u8],
    /// What names objects in its repository.
    pub hash: Hash,
    /// What is configured.
    pub terms: &'a Terms,
    /// Names are to be told, too.
    pub names: bool,
}

/// What git would count; nothing is staged, and nothing is unmerged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Tracked files that differ from the index, or are gone.
    pub unstaged: u64,
    /// Untracked files and folders that are not ignored; a folder counts once.
    pub untracked: u64,
    /// The paths of `unstaged`, in order; `None` where they are too many.
    pub changed: Option<Vec<BString>>,
    /// The same files, as they were; `None` where they are too many.
    pub edits: Option<Vec<Edit>>,
    /// How many files only their content could tell of.
    pub read: u64,
    /// What else there is, where it was asked for; `None` where it is too much.
    pub names: Option<Names>,
}

/// What the index does not know, each in order; a folder's path ends with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// As `--untracked-files=normal` has it: a folder stands for all that is in it.
    pub untracked: Vec<BString>,
    /// As `--ignored=matching` has it: what is ignored itself, and not because of what it is in. It may lie in an
    /// untracked folder.
    pub ignored: Vec<BString>,
}

impl Names {
    /// Whether they are few enough.
    pub(super) fn is_bounded(&self) -> bool {
        self.untracked.len() <= MOST_PATHS && self.ignored.len() <= MOST_PATHS
    }

    /// In order, each in git's.
    pub(super) fn sorted(mut self) -> Self {
        self.untracked.sort_unstable();
        self.ignored.sort_unstable();
        self
    }
}

impl Counted {
    /// Of nothing yet.
    pub(super) fn none() -> Self {
        Self { changed: Some(Vec::new()), edits: Some(Vec::new()), ..Self::default() }
    }

    /// Counts a changed file.
    pub(super) fn add_changed(&mut self, entry: &Entry<'_>) {
        let Entry { path, mode, id, .. } = *entry;
        self.unstaged += 1;
        match &mut self.edits {
            Some(edits) if edits.len() < MOST_EDITS => {
                edits.push(Edit { path: BString::from(path), mode, id: id.to_owned() });
            }
            edits => *edits = None,
        }
        match &mut self.changed {
            Some(changed) if changed.len() < MOST_PATHS => changed.push(BString::from(path)),
            changed => *changed = None,
        }
    }
}

/// Whether the walk is to be given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop<'a>(pub(super) &'a AtomicBool);

impl Stop<'_> {
    /// An error, where it is.
    pub(super) fn look(self) -> Result<(), Why> {
        if self.0.load(Ordering::Relaxed) { Err(Why::Stopped) } else { Ok(()) }
    }
}
