//! What is tracked and git does not look into: files that it was told to leave alone, which `git status` calls unchanged
//! whatever is in them, and folders of submodules.

use std::io::ErrorKind;
use std::path::Path;

use bstr::{BString, ByteSlice};

use crate::git::index::{Extension, Hash, Index, Type};
use crate::git::open_folder::{Buffer, Folder};
use crate::git::regular_file::{self, Links};

/// A longer index is not read.
const LONGEST_INDEX: usize = 256 << 20;

/// What git does not look into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flagged {
    /// Files that are marked `assume-unchanged` or `skip-worktree`, and are there all the same. (Where they are not
    /// there, as in a sparse checkout, nothing is hidden.)
    pub files: Vec<BString>,
    /// Submodules whose folders hold anything. Where such a folder is no repository, `git status` lists nothing of it.
    pub submodules: Vec<BString>,
}

/// Finds what git does not look into: at most so many files, and so many submodules.
///
/// It may wait for a drive.
///
/// # Errors
/// Where the index cannot be read, or not all of it is in this file (`core.splitIndex`), in words.
pub fn present(worktree: &Path, git_dir: &Path, hash: Hash, most: usize) -> Result<Flagged, String> {
    let cannot = || "cannot read which files git was told to leave alone".to_owned();
    let bytes = match regular_file::contents(&git_dir.join("index"), Links::Refused, LONGEST_INDEX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Flagged::default()),
        Err(_) => return Err(cannot()),
    };
    let top = Folder::at(worktree).map_err(|_| cannot())?;
    let index = Index::open(&bytes, hash).map_err(|_| cannot())?;
    let (mut marked, mut links): (Vec<BString>, Vec<BString>) = Default::default();
    let extensions = index.walk(|entry| {
        if entry.kind() == Type::Gitlink {
            links.push(entry.path.into());
        } else if entry.assume_unchanged || entry.skip_worktree {
            marked.push(entry.path.into());
        }
    });
    // An index that holds folders in place of files is whole; one that shares entries with another file is not.
    let is_whole = |extension: &Extension<'_>| !extension.is_required() || extension.name == *b"sdir";
    if !extensions.map_err(|_| cannot())?.iter().all(is_whole) {
        return Err(cannot());
    }
    // A name below a file, or one that is too long, is not there either.
    let is_there = |path: &BString| !matches!(top.look(path.strip_suffix(b"/").unwrap_or(path)), Ok(None));
    let holds_any = |path: &BString| {
        let mut is_empty = true;
        let listing = Folder::at(&worktree.join(path.to_path_lossy())).and_then(|folder| {
            folder.list(&mut Buffer::default(), |_, _| {
                is_empty = false;
                Ok(false)
            })
        });
        is_there(path) && (listing.is_err() || !is_empty)
    };
    Ok(Flagged {
        files: marked.into_iter().filter(is_there).take(most).collect(),
        submodules: links.into_iter().filter(holds_any).take(most).collect(),
    })
}
