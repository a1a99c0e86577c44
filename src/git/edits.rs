//! How many lines differ in the files that a proof has found changed, where git would certainly count the same.
//!
//! Invariants:
//! - Nothing is converted on the way between a file and its blob, and nothing but its content tells how it is compared:
//!   where attributes or configuration may say otherwise, git is asked.
//! - Files are read as they are found: one that changes meanwhile, or is another kind of thing by now, leaves it to git.
//! - Memory is bounded by twice the largest file that is read.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::git::attributes_elsewhere::{are_in, is_file_of_attributes};
use crate::git::numstat::{Numbers, numbers};
use crate::git::objects::Reader;
use crate::git::open_folder::Folder;
use crate::git::regular_file::identity;
use crate::git::why::Why;
use crate::model::answer::Edit;

/// Larger files are not compared.
const LARGEST: u64 = 1 << 20;
/// Nor are more bytes than this in one worktree, on either side.
const LARGEST_IN_ALL: u64 = 16 << 20;

/// What differs in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    /// Files.
    pub files: u64,
    /// Lines, in those that are not binary.
    pub lines: Numbers,
}

/// Counts the lines that differ in these files of a worktree, which are all that differ there. Attributes outside of
/// worktrees and configuration are for the caller to rule out; `stop` is looked at before each file.
pub fn count(worktree: &Path, edits: &[Edit], objects: &mut Reader, stop: &AtomicBool) -> Result<Differing, Why> {
    // One that is gone still counts for git, as it is in the index.
    if edits.iter().any(|edit| is_file_of_attributes(&edit.path)) {
        return Err(Why::Lines);
    }
    let top = Folder::at(worktree)?;
    plain(&top)?;
    let mut differing = Differing::default();
    let mut read = 0;
    for edit in edits {
        if stop.load(Ordering::Relaxed) {
            return Err(Why::Stopped);
        }
        let (new, mode) = present(&top, edit)?;
        let old = objects.blob(&edit.id, LARGEST)?;
        read += (old.len() + new.len()) as u64;
        if read > LARGEST_IN_ALL {
            return Err(Why::Lines);
        }
        // It was changed back since.
        if old == new && mode == Some(edit.mode) {
            return Err(Why::Touched);
        }
        let Numbers { insertions, deletions } = numbers(old, &new).ok_or(Why::Lines)?;
        differing.files += 1;
        differing.lines.insertions += insertions;
        differing.lines.deletions += deletions;
    }
    Ok(differing)
}

/// The content and the mode of a file as it is now; where it is gone: neither.
fn present(top: &Folder, edit: &Edit) -> Result<(Vec<u8>, Option<u32>), Why> {
    if !matches!(edit.mode, FILE | PROGRAM) {
        return Err(Why::Lines);
    }
    let gone = (Vec::new(), None);
    let mut names = edit.path.split(|byte| *byte == b'/');
    let name = names.next_back().unwrap_or_default();
    let mut inner = None;
    for name in names {
        inner = inner.as_ref().unwrap_or(top).folder(name)?;
        match &inner {
            Some(folder) => plain(folder)?,
            None => return Ok(gone),
        }
    }
    match inner.as_ref().unwrap_or(top).file(name) {
        Ok(Some(file)) => read(file),
        Ok(None) => Ok(gone),
        Err(_) => Err(Why::Kind),
    }
}

/// Whether no attributes in a folder have a say.
fn plain(folder: &Folder) -> Result<(), Why> {
    if are_in(folder)? { Err(Why::Lines) } else { Ok(()) }
}

/// The mode of a plain file, as in a tree.
const FILE: u32 = 0o100_644;
/// And of one that can be executed.
const PROGRAM: u32 = 0o100_755;

fn read(mut file: File) -> Result<(Vec<u8>, Option<u32>), Why> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = |file: &File| file.metadata().map_err(|_| Why::Unreadable);
    let before = metadata(&file)?;
    if !before.is_file() {
        return Err(Why::Kind);
    }
    let mut content = Vec::new();
    (&mut file).take(LARGEST + 1).read_to_end(&mut content).map_err(|_| Why::Unreadable)?;
    if content.len() as u64 > LARGEST {
        return Err(Why::Lines);
    }
    if identity(&before) != identity(&metadata(&file)?) || before.len() != content.len() as u64 {
        return Err(Why::Touched);
    }
    let mode = if before.permissions().mode() & 0o100 != 0 { PROGRAM } else { FILE };
    Ok((content, Some(mode)))
}
