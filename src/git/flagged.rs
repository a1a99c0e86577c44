//! Tracked files that git was told to leave alone: `git status` calls them unchanged, whatever is in them.

use std::io::ErrorKind;
use std::path::Path;

use bstr::BString;

use crate::git::index::{Hash, Index};
use crate::git::open_folder::Folder;
use crate::git::regular_file::{self, Links};

/// A longer index is not read.
const LONGEST_INDEX: usize = 256 << 20;

/// The paths of the files that are marked `assume-unchanged` or `skip-worktree`, and are there all the same: at most
/// this many. (Where they are not there, as in a sparse checkout, nothing is hidden.)
///
/// It may wait for a drive.
///
/// # Errors
/// Where the index cannot be read, in words.
pub fn present(worktree: &Path, git_dir: &Path, hash: Hash, most: usize) -> Result<Vec<BString>, String> {
    let cannot = || "cannot read which files git was told to leave alone".to_owned();
    let bytes = match regular_file::contents(&git_dir.join("index"), Links::Refused, LONGEST_INDEX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(_) => return Err(cannot()),
    };
    let top = Folder::at(worktree).map_err(|_| cannot())?;
    let index = Index::open(&bytes, hash).map_err(|_| cannot())?;
    let mut marked: Vec<BString> = Vec::new();
    index
        .walk(|entry| {
            if entry.assume_unchanged || entry.skip_worktree {
                marked.push(entry.path.into());
            }
        })
        .map_err(|_| cannot())?;
    let mut present = Vec::new();
    for path in marked {
        // A name below a file, or one that is too long, is not there either.
        let is_there = !matches!(top.look(path.strip_suffix(b"/").unwrap_or(&path)), Ok(None));
        if is_there {
            present.push(path);
        }
        if present.len() == most {
            break;
        }
    }
    Ok(present)
}
