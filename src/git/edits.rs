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

use bstr::ByteSlice;

use crate::git::attributes::{Attributes, Conversion, Sources, is_file_of};
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

/// Counts the lines that differ in these files of a worktree, which are all that differ there; `stop` is looked at before
/// each. That lines are compared in the plainest way is for the caller to make sure of, but for what attributes say.
pub fn count(
    worktree: &Path,
    edits: &[Edit],
    sources: &Sources,
    objects: &mut Reader,
    stop: &AtomicBool,
) -> Result<Differing, Why> {
    let top = Folder::at(worktree)?;
    // One that is gone still counts for git, as it is in the index.
    let tracked = edits.iter().filter(|edit| is_file_of(&edit.path)).map(|edit| edit.path.to_vec()).collect();
    let mut attributes = Attributes::new(sources, tracked);
    attributes.enter(&top, b"");
    let mut differing = Differing::default();
    let mut read = 0;
    for edit in edits {
        if stop.load(Ordering::Relaxed) {
            return Err(Why::Stopped);
        }
        let (new, mode) = present(&top, edit, &mut attributes)?;
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
fn present(top: &Folder, edit: &Edit, attributes: &mut Attributes<'_>) -> Result<(Vec<u8>, Option<u32>), Why> {
    if !matches!(edit.mode, FILE | PROGRAM) {
        return Err(Why::Lines);
    }
    attributes.leave_to(1);
    let mut inner = None;
    let mut start = 0;
    while let Some(length) = edit.path[start..].find_byte(b'/') {
        inner = inner.as_ref().unwrap_or(top).folder(&edit.path[start..][..length])?;
        start += length + 1;
        match &inner {
            Some(folder) => attributes.enter(folder, &edit.path[..start]),
            // Attributes of a folder that is gone count for git, too, as they are in the index.
            None if attributes.know_of(&edit.path[..start]) => return Err(Why::Lines),
            None => break,
        }
    }
    if attributes.compare() || attributes.conversion() == Conversion::Any {
        return Err(Why::Lines);
    }
    let file = if start == 0 {
        top.file(&edit.path)
    } else {
        inner.as_ref().map_or(Ok(None), |inner| inner.file(&edit.path[start..]))
    };
    let found = file.map_err(|_| Why::Kind)?.map_or(Ok((Vec::new(), None)), read)?;
    let may_be_converted = attributes.conversion() == Conversion::LineEnds && found.0.contains_str(b"\r\n");
    if may_be_converted { Err(Why::Lines) } else { Ok(found) }
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
