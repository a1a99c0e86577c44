//! The walk: entries of the index in order, beside the folders that they are in.

use std::collections::HashSet;

use rustix::fs::Stat;

use super::content::Contents;
use super::entry::{Doubt, Look, Rule};
use super::task::{Counted, DEEPEST, Stop, Task};
use super::untracked::Untracked;
use crate::git::attributes::{Attributes, Conversion};
use crate::git::ignore::Rules;
use crate::git::index::{Entry, Type};
use crate::git::open_folder::{Buffer, Folder};
use crate::git::why::Why;

/// So many entries are looked at between two looks at whether to stop.
const STRETCH: u32 = 256;

/// A folder on the way down to the present entry.
struct Level {
    /// `None` where it is gone.
    folder: Option<Folder>,
    /// How long the path is up to it, with `/` at the end.
    length: usize,
    /// Where the names in it that the index knows begin.
    names: usize,
    /// How many of these are there.
    found: u64,
}

pub(super) struct Walk<'a> {
    rule: Rule,
    stop: Stop<'a>,
    until_stop: u32,
    /// From the top down; never empty.
    levels: Vec<Level>,
    /// The path of the last of these, with `/` at the end.
    path: Vec<u8>,
    /// The names that the index knows in these, each with a zero behind it.
    names: Vec<u8>,
    rules: Rules<'a>,
    /// `None` where it is not known who has a say.
    attributes: Option<Attributes<'a>>,
    contents: Contents<'a>,
    untracked: Untracked<'a>,
    buffer: Buffer,
    counted: Counted,
}

impl<'a> Walk<'a> {
    /// Opens the top folder. `tracked`: where attributes are in the index.
    pub(super) fn begin(task: &Task<'a>, written: u32, tracked: HashSet<Vec<u8>>, stop: Stop<'a>) -> Result<Self, Why> {
        let top = Level { folder: Some(Folder::at(task.worktree)?), length: 0, names: 0, found: 0 };
        stop.look()?;
        Ok(Self {
            rule: Rule { written, file_mode: task.terms.file_mode },
            stop,
            until_stop: STRETCH,
            levels: vec![top],
            path: Vec::new(),
            names: Vec::new(),
            rules: Rules::new(&task.terms.ignore),
            attributes: task.terms.attributes.as_ref().map(|sources| Attributes::new(sources, tracked)),
            contents: Contents::new(task.hash, stop),
            untracked: Untracked::new(stop, task.terms.precompose_unicode, task.names),
            buffer: Buffer::default(),
            counted: Counted::none(),
        })
    }

    /// Goes to an entry, which is behind all before it, and looks at its file.
    pub(super) fn visit(&mut self, entry: &Entry<'_>) -> Result<(), Why> {
        self.until_stop -= 1;
        if self.until_stop == 0 {
            self.until_stop = STRETCH;
            self.stop.look()?;
        }
        while !entry.path.starts_with(&self.path) {
            self.leave()?;
        }
        while let Some(length) = entry.path[self.path.len()..].iter().position(|byte| *byte == b'/') {
            self.enter(&entry.path[self.path.len()..][..length])?;
        }
        let name = &entry.path[self.path.len()..];
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let found = level.folder.as_ref().map_or(Ok(None), |folder| folder.look(name))?;
        self.names.extend_from_slice(name);
        self.names.push(0);
        let is_changed = match found {
            None => true,
            Some(found) => {
                level.found += 1;
                match self.rule.look(entry, &found)? {
                    Look::Same => false,
                    Look::Changed => true,
                    Look::Doubt(doubt) => self.is_another(entry, name, &found, doubt)?,
                }
            }
        };
        if is_changed {
            self.counted.add_changed(entry);
        }
        Ok(())
    }

    /// Whether a file in the last folder has another content than the index says, where only that tells.
    fn is_another(&mut self, entry: &Entry<'_>, name: &[u8], found: &Stat, doubt: Doubt) -> Result<bool, Why> {
        let conversion = match entry.kind() {
            // What a link leads to is never converted.
            Type::Link => Conversion::None,
            _ => self.conversion(),
        };
        let Some(Level { folder: Some(folder), .. }) = self.levels.last() else { return Err(doubt.why) };
        match self.contents.is(entry.id, folder, name, found, conversion)? {
            Some(true) => Ok(false),
            Some(false) if doubt.is_certain => Ok(true),
            _ => Err(doubt.why),
        }
    }

    /// What may happen to the content of files in the last folder.
    fn conversion(&mut self) -> Conversion {
        let Some(attributes) = &mut self.attributes else { return Conversion::Any };
        for level in &self.levels[attributes.depth()..] {
            let Some(folder) = &level.folder else { return Conversion::Any };
            attributes.enter(folder, &self.path[..level.length]);
        }
        attributes.conversion()
    }

    /// Leaves every folder, and gives what was counted.
    pub(super) fn end(mut self) -> Result<Counted, Why> {
        while !self.levels.is_empty() {
            self.leave()?;
        }
        Ok(Counted { names: self.untracked.names(), ..self.counted })
    }

    fn enter(&mut self, name: &[u8]) -> Result<(), Why> {
        self.stop.look()?;
        if self.levels.len() == DEEPEST {
            return Err(Why::Unreadable);
        }
        let Some(above) = self.levels.last_mut() else { return Ok(()) };
        let folder = above.folder.as_ref().map_or(Ok(None), |above| above.folder(name))?;
        above.found += u64::from(folder.is_some());
        for bytes in [name, b"\0"] {
            self.names.extend_from_slice(bytes);
        }
        for bytes in [name, b"/"] {
            self.path.extend_from_slice(bytes);
        }
        self.levels.push(Level { folder, length: self.path.len(), names: self.names.len(), found: 0 });
        Ok(())
    }

    /// Leaves the last folder: where it has more names than the index knows in it, the others are looked at.
    fn leave(&mut self) -> Result<(), Why> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        if let Some(folder) = &level.folder {
            let (mut count, stop) = (0, self.stop);
            folder.list(&mut self.buffer, |name, _| {
                stop.look()?;
                count += u64::from(name != b".git");
                Ok(true)
            })?;
            if count != level.found {
                self.count_untracked()?;
            }
        }
        let names = self.levels.pop().map_or(0, |level| level.names);
        self.names.truncate(names);
        self.path.truncate(self.levels.last().map_or(0, |level| level.length));
        self.rules.leave_to(self.levels.len());
        if let Some(attributes) = &mut self.attributes {
            attributes.leave_to(self.levels.len());
        }
        Ok(())
    }

    /// Counts what is in the last folder, and neither known to the index nor ignored.
    fn count_untracked(&mut self) -> Result<(), Why> {
        for level in &self.levels[self.rules.depth()..] {
            let Some(folder) = &level.folder else { return Ok(()) };
            self.rules.enter(folder, &self.path[..level.length])?;
        }
        let Some(Level { folder: Some(folder), names, .. }) = self.levels.last() else { return Ok(()) };
        if self.rules.ignores_all() && !self.untracked.tells_names() {
            return Ok(());
        }
        let known: HashSet<&[u8]> = self.names[*names..].split(|byte| *byte == 0).collect();
        let mut path = self.path.clone();
        let Self { rules, untracked, counted, stop, buffer, .. } = self;
        folder.list(buffer, |name, kind| {
            stop.look()?;
            if name != b".git" && !known.contains(name) {
                path.extend_from_slice(name);
                counted.untracked += u64::from(untracked.counts(rules, folder, &mut path, name, kind)?);
                path.truncate(path.len() - name.len());
            }
            Ok(true)
        })
    }
}
