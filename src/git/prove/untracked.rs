//! What is in untracked folders: whether anything there is not ignored; and, where names are to be told, what is.
//!
//! (Rule: `treat_directory` in git's dir.c, with `DIR_SHOW_IGNORED_TOO_MODE_MATCHING` for names.)

use bstr::BString;
use rustix::fs::FileType;

use super::task::{DEEPEST, LONGEST_PATH, Names, Stop};
use crate::git::ignore::Rules;
use crate::git::open_folder::{Buffer, Folder};
use crate::git::why::Why;

/// With more folders side by side, on the way down to one, nothing is told.
const MOST_FOLDERS: usize = 100_000;

pub(super) struct Untracked<'a> {
    stop: Stop<'a>,
    /// Names beyond ASCII may be others to git.
    ascii_only: bool,
    buffer: Buffer,
    /// What was met, where it is asked for and not too much.
    names: Option<Names>,
}

/// A folder on the way down.
struct Level {
    folder: Folder,
    /// How long the path is up to it, with `/` at the end.
    length: usize,
    /// The folders in it that are still to be looked into.
    folders: Vec<Vec<u8>>,
}

impl<'a> Untracked<'a> {
    pub(super) fn new(stop: Stop<'a>, ascii_only: bool, names: bool) -> Self {
        Self { stop, ascii_only, buffer: Buffer::default(), names: names.then(Names::default) }
    }

    /// Whether names are told, so far.
    pub(super) fn tells_names(&self) -> bool {
        self.names.is_some()
    }

    /// What was met, in order.
    pub(super) fn names(&mut self) -> Option<Names> {
        self.names.take().map(Names::sorted)
    }

    fn add(&mut self, path: &[u8], kind: FileType, is_ignored: bool) {
        let Some(names) = &mut self.names else { return };
        let mut path = BString::from(path);
        if kind == FileType::Directory {
            path.push(b'/');
        }
        (if is_ignored { &mut names.ignored } else { &mut names.untracked }).push(path);
        if !names.is_bounded() {
            self.names = None;
        }
    }

    /// Whether git would show an untracked path. The folder that it is in is the one that the rules have entered last.
    pub(super) fn counts(
        &mut self,
        rules: &mut Rules<'_>,
        folder: &Folder,
        path: &mut Vec<u8>,
        name: &[u8],
        kind: FileType,
    ) -> Result<bool, Why> {
        rule_out(path, self.ascii_only)?;
        let is_ignored = match kind {
            FileType::RegularFile | FileType::Symlink => rules.ignores(path, false),
            FileType::Directory => rules.ignores(path, true),
            FileType::Unknown => return Err(Why::FileSystem),
            // Git passes over pipes, sockets and devices.
            _ => return Ok(false),
        };
        if kind == FileType::Directory && !is_ignored {
            let (depth, length) = (rules.depth(), path.len());
            let is_shown = self.has_any(rules, folder, path, name)?;
            rules.leave_to(depth);
            path.truncate(length);
            if !is_shown {
                return Ok(false);
            }
        }
        self.add(path, kind, is_ignored);
        Ok(!is_ignored)
    }

    /// Whether anything in an untracked folder that is not ignored itself, however deep, is a file and not ignored. Where
    /// names are told, all that is ignored in it is met on the way.
    fn has_any(&mut self, rules: &mut Rules<'_>, above: &Folder, path: &mut Vec<u8>, name: &[u8]) -> Result<bool, Why> {
        let top = rules.depth();
        let mut levels: Vec<Level> = Vec::new();
        let (mut next, mut has_any) = (Some(name.to_vec()), false);
        loop {
            if let Some(name) = next {
                self.stop.look()?;
                let above = levels.last().map_or(above, |level| &level.folder);
                if rules.depth() == DEEPEST {
                    return Err(Why::Unreadable);
                }
                let folder = above.folder(&name)?.ok_or(Why::Unreadable)?;
                path.push(b'/');
                rules.enter(&folder, path)?;
                let (folders, has_file) = self.folders(rules, &folder, path)?;
                has_any |= has_file;
                if has_any && !self.tells_names() {
                    return Ok(true);
                }
                let pending = levels.iter().map(|level| level.folders.len()).sum::<usize>() + folders.len();
                if pending > MOST_FOLDERS {
                    return Err(Why::Unreadable);
                }
                levels.push(Level { folder, length: path.len(), folders });
            }
            let Some(level) = levels.last_mut() else { return Ok(has_any) };
            path.truncate(level.length);
            next = level.folders.pop();
            match &next {
                Some(name) => path.extend_from_slice(name),
                None => {
                    levels.pop();
                    rules.leave_to(top + levels.len());
                }
            }
        }
    }

    /// The folders in an untracked folder that are not ignored, and whether a file in it is not. Unless names are told,
    /// such a file is all that matters.
    fn folders(&mut self, rules: &Rules<'_>, folder: &Folder, path: &mut Vec<u8>) -> Result<(Vec<Vec<u8>>, bool), Why> {
        let (mut folders, mut has_file) = (Vec::new(), false);
        let mut buffer = std::mem::take(&mut self.buffer);
        folder.list(&mut buffer, |name, kind| {
            self.stop.look()?;
            if name == b".git" {
                return Err(Why::Nested);
            }
            let length = path.len();
            path.extend_from_slice(name);
            rule_out(path, self.ascii_only)?;
            match kind {
                FileType::RegularFile | FileType::Symlink if !rules.ignores(path, false) => has_file = true,
                FileType::Directory if !rules.ignores(path, true) => folders.push(name.to_vec()),
                FileType::RegularFile | FileType::Symlink | FileType::Directory => self.add(path, kind, true),
                FileType::Unknown => return Err(Why::FileSystem),
                _ => {}
            }
            path.truncate(length);
            Ok(!has_file || self.tells_names())
        })?;
        self.buffer = buffer;
        Ok((folders, has_file))
    }
}

fn rule_out(path: &[u8], ascii_only: bool) -> Result<(), Why> {
    if path.len() > LONGEST_PATH {
        Err(Why::Unreadable)
    } else if ascii_only && !path.is_ascii() {
        Err(Why::Names)
    } else {
        Ok(())
    }
}
