//! What is in untracked folders: whether anything there is not ignored.

use rustix::fs::FileType;

use super::task::{DEEPEST, LONGEST_PATH, Stop};
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
    pub(super) fn new(stop: Stop<'a>, ascii_only: bool) -> Self {
        Self { stop, ascii_only, buffer: Buffer::default() }
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
        match kind {
            FileType::RegularFile | FileType::Symlink => Ok(!rules.ignores(path, false)),
            FileType::Directory if rules.ignores(path, true) => Ok(false),
            FileType::Directory => {
                let (depth, length) = (rules.depth(), path.len());
                let is_shown = self.has_any(rules, folder, path, name);
                rules.leave_to(depth);
                path.truncate(length);
                is_shown
            }
            FileType::Unknown => Err(Why::FileSystem),
            // Git passes over pipes, sockets and devices.
            _ => Ok(false),
        }
    }

    /// Whether anything in an untracked folder that is not ignored itself, however deep, is a file and not ignored.
    fn has_any(&mut self, rules: &mut Rules<'_>, above: &Folder, path: &mut Vec<u8>, name: &[u8]) -> Result<bool, Why> {
        let top = rules.depth();
        let mut levels: Vec<Level> = Vec::new();
        let mut next = Some(name.to_vec());
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
                let Some(folders) = self.folders(rules, &folder, path)? else { return Ok(true) };
                let pending = levels.iter().map(|level| level.folders.len()).sum::<usize>() + folders.len();
                if pending > MOST_FOLDERS {
                    return Err(Why::Unreadable);
                }
                levels.push(Level { folder, length: path.len(), folders });
            }
            let Some(level) = levels.last_mut() else { return Ok(false) };
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

    /// The folders in an untracked folder that are not ignored; `None` where a file in it is not.
    fn folders(&mut self, rules: &Rules<'_>, folder: &Folder, path: &mut Vec<u8>) -> Result<Option<Vec<Vec<u8>>>, Why> {
        let (stop, ascii_only) = (self.stop, self.ascii_only);
        let (mut folders, mut has_file) = (Vec::new(), false);
        folder.list(&mut self.buffer, |name, kind| {
            stop.look()?;
            if name == b".git" {
                return Err(Why::Nested);
            }
            let length = path.len();
            path.extend_from_slice(name);
            rule_out(path, ascii_only)?;
            match kind {
                FileType::RegularFile | FileType::Symlink => has_file = !rules.ignores(path, false),
                FileType::Directory if !rules.ignores(path, true) => folders.push(name.to_vec()),
                FileType::Unknown => return Err(Why::FileSystem),
                _ => {}
            }
            path.truncate(length);
            Ok(!has_file)
        })?;
        Ok((!has_file).then_some(folders))
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
