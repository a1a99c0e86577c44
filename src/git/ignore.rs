//! Which untracked paths git ignores: the rules of a worktree's folders, from the top down.
//!
//! (Rules: gitignore(5); `prep_exclude` and `last_matching_pattern` in git's dir.c.) The caller walks down and up; a
//! folder's rules are read when it is entered. What git might read otherwise than it is read here is not read
//! ([`Why::IgnoreFile`]).

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::git::glob::List;
use crate::git::open_folder::Folder;
use crate::git::regular_file;
use crate::git::why::Why;

/// A longer file of rules is not read.
const LONGEST_FILE: usize = 4 << 20;

/// Where the rules are that hold in every folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `core.excludesFile`, or what stands for it where it is not set.
    pub excludes_file: Option<PathBuf>,
    /// `info/exclude` of the repository.
    pub info_exclude: Option<PathBuf>,
}

/// The rules that hold in a folder.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    sources: &'a Sources,
    /// `info/exclude`, then `core.excludesFile`; read when the top folder is entered.
    everywhere: [List; 2],
    /// From the top down.
    folders: Vec<Entered>,
}

#[derive(Debug)]
struct Entered {
    /// How long its path is, with a `/` at the end where it is not the top.
    length: usize,
    list: List,
    /// It, or a folder above, is ignored, and so is all that is in it.
    is_ignored: bool,
}

impl<'a> Rules<'a> {
    /// Rules of no folder yet.
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, everywhere: [List::default(), List::default()], folders: Vec::new() }
    }

    /// How many folders were entered and not left.
    pub(super) fn depth(&self) -> usize {
        self.folders.len()
    }

    /// Goes up, until so many folders are entered.
    pub(super) fn leave_to(&mut self, depth: usize) {
        self.folders.truncate(depth);
    }

    /// Goes into a folder of the one that was entered last. Its path is from the top, and ends with `/` where it isn't
    /// the top.
    pub(super) fn enter(&mut self, folder: &Folder, path: &[u8]) -> Result<(), Why> {
        let is_ignored = match path.strip_suffix(b"/") {
            Some(path) => self.ignores(path, true),
            None => {
                let read = |path: &Option<PathBuf>| path.as_deref().map_or_else(|| Ok(List::default()), read_global);
                self.everywhere = [read(&self.sources.info_exclude)?, read(&self.sources.excludes_file)?];
                false
            }
        };
        // In an ignored folder no rule can take that back.
        let list = if is_ignored { List::default() } else { read_local(folder)? };
        self.folders.push(Entered { length: path.len(), list, is_ignored });
        Ok(())
    }

    /// Whether all that is untracked in the folder that was entered last is ignored.
    pub(super) fn ignores_all(&self) -> bool {
        self.folders.last().is_some_and(|folder| folder.is_ignored)
    }

    /// Whether an untracked path in the folder that was entered last is ignored; it is from the top.
    pub(super) fn ignores(&self, path: &[u8], is_folder: bool) -> bool {
        let nearest_first = self.folders.iter().rev();
        let mut verdicts = nearest_first
            .map(|folder| folder.list.verdict(&path[folder.length..], is_folder))
            .chain(self.everywhere.iter().map(|list| list.verdict(path, is_folder)));
        self.ignores_all() || verdicts.find_map(|verdict| verdict).unwrap_or(false)
    }
}

/// Whether git ignores an untracked path of a worktree; the folder that it is in is there.
pub fn is_ignored(worktree: &Path, sources: &Sources, path: &[u8], is_folder: bool) -> Result<bool, Why> {
    let mut rules = Rules::new(sources);
    let mut folder = Folder::at(worktree)?;
    rules.enter(&folder, b"")?;
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let mut start = 0;
    for end in ends {
        let next = folder.folder(&path[start..end])?.ok_or(Why::Unreadable)?;
        rules.enter(&next, &path[..=end])?;
        (folder, start) = (next, end + 1);
    }
    Ok(rules.ignores(path, is_folder))
}

fn read_local(folder: &Folder) -> Result<List, Why> {
    // A link is an error, and git does not follow it either, but says so.
    let file = folder.file(b".gitignore").map_err(|_| Why::IgnoreFile)?;
    file.map_or_else(|| Ok(List::default()), read)
}

fn read_global(path: &Path) -> Result<List, Why> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).map_err(|_| Why::IgnoreFile)?;
    match File::options().read(true).custom_flags(flags).open(path) {
        Ok(file) => read(file),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(List::default()),
        Err(_) => Err(Why::IgnoreFile),
    }
}

fn read(file: File) -> Result<List, Why> {
    let about = file.metadata().map_err(|_| Why::IgnoreFile)?;
    if about.file_type().is_char_device() {
        // `/dev/null`: git reads as many bytes as the size says.
        return Ok(List::default());
    }
    if !about.is_file() || about.len() > LONGEST_FILE as u64 {
        return Err(Why::IgnoreFile);
    }
    let bytes = regular_file::read(file, about.len(), LONGEST_FILE).map_err(|_| Why::IgnoreFile)?;
    if bytes.len() as u64 != about.len() {
        return Err(Why::IgnoreFile);
    }
    List::read(bytes).ok_or(Why::IgnoreFile)
}
