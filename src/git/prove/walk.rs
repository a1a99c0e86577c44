//! The walk: entries of the index in order, beside the folders that they are in.
//!
//! A folder of which it is known how many names it has (see [`super::listing`]) is looked at in place of being opened, and what is in it is
//! looked at by path, from the nearest folder above that is open. Between the two looks a link may be put in its place,
//! and then what lies behind that is looked at (as git does it, which gives whole paths to the system). It cannot pass for what
//! the index has: a file is taken to be the same only by its inode and the time of its status change, which nobody can set,
//! so that it is the very file that was in the folder. Whatever else is found is a change, or for git to tell; and a change it
//! was, for the folder was there and is not any more.

use std::collections::HashSet;

use rustix::fs::{FileType, Stat};

use super::content::Contents;
use super::entry::{Doubt, Look, Rule};
use super::listing::{Identity, Notes};
use super::task::{Counted, DEEPEST, Stop, Task};
use super::untracked::Untracked;
use crate::git::attributes::{Attributes, Conversion};
use crate::git::ignore::Rules;
use crate::git::index::{Entry, Type};
use crate::git::open_folder::{Buffer, Folder};
use crate::git::why::Why;

/// So many entries are looked at between two looks at whether to stop.
const STRETCH: u32 = 256;

/// A folder, as far as it had to be gone into.
enum Place {
    /// It is not there.
    Gone,
    Open(Folder),
    /// It is there, and was not opened.
    Closed,
}

/// A folder on the way down to the present entry.
struct Level {
    place: Place,
    /// Which folder it was when it was come to, where that can be noted.
    identity: Option<Identity>,
    /// How many names it had then, where that is known.
    number: Option<u64>,
    /// How long the path is up to it, with `/` at the end.
    length: usize,
    /// Where the names in it that the index knows begin.
    names: usize,
    /// How many of these are there.
    found: u64,
}

/// What the last listing of a folder has given, so that a folder of few names is listed once for their number and for what
/// they are.
#[derive(Default)]
struct Listed {
    names: Vec<u8>,
    /// Where each of them ends, and what it names.
    ends: Vec<(usize, FileType)>,
    is_whole: bool,
}

impl Listed {
    /// So many bytes of names, and one name more, are kept.
    const MOST: usize = 32 << 10;

    fn clear(&mut self) {
        self.names.clear();
        self.ends.clear();
        self.is_whole = true;
    }

    fn add(&mut self, name: &[u8], kind: FileType) {
        self.is_whole &= self.names.len() < Self::MOST;
        if self.is_whole {
            self.names.extend_from_slice(name);
            self.ends.push((self.names.len(), kind));
        }
    }

    fn names(&self) -> impl Iterator<Item = (&[u8], FileType)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        starts.zip(&self.ends).map(|(start, (end, kind))| (&self.names[start..*end], *kind))
    }
}

pub(super) struct Walk<'a> {
    rule: Rule,
    stop: Stop<'a>,
    until_stop: u32,
    /// How many entries were visited.
    visited: u64,
    /// From the top down; never empty, and the top is open.
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
    listed: Listed,
    counted: Counted,
    notes: Option<&'a mut Notes>,
}

impl<'a> Walk<'a> {
    /// Opens the top folder. `tracked`: where attributes are in the index.
    pub(super) fn begin(
        task: &Task<'a>,
        rule: Rule,
        tracked: HashSet<Vec<u8>>,
        stop: Stop<'a>,
        mut notes: Option<&'a mut Notes>,
    ) -> Result<Self, Why> {
        let folder = Folder::at(task.worktree)?;
        let (identity, number) = notes.as_mut().map_or((None, None), |notes| notes.begin(&folder));
        let top = Level { place: Place::Open(folder), identity, number, length: 0, names: 0, found: 0 };
        stop.look()?;
        Ok(Self {
            rule,
            stop,
            until_stop: STRETCH,
            visited: 0,
            levels: vec![top],
            path: Vec::new(),
            names: Vec::new(),
            rules: Rules::new(&task.terms.ignore),
            attributes: task.terms.attributes.as_ref().map(|sources| Attributes::new(sources, tracked)),
            contents: Contents::new(task.hash, stop),
            untracked: Untracked::new(stop, task.terms.precompose_unicode, task.names),
            buffer: Buffer::default(),
            listed: Listed::default(),
            counted: Counted::none(),
            notes,
        })
    }

    /// Goes to an entry, which is behind all before it, and looks at its file.
    pub(super) fn visit(&mut self, entry: &Entry<'_>) -> Result<(), Why> {
        self.visited += 1;
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
        let found = self.look(entry.path)?;
        self.names.extend_from_slice(&entry.path[self.path.len()..]);
        self.names.push(0);
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let is_changed = match found {
            None => true,
            Some(found) => {
                level.found += 1;
                self.is_changed(entry, &found).inspect_err(|_| {
                    if let Some(notes) = &mut self.notes {
                        notes.defeated_by(entry.path, self.visited);
                    }
                })?
            }
        };
        if is_changed {
            self.counted.add_changed(entry);
        }
        Ok(())
    }

    /// Whether git would find a file in the last folder changed.
    fn is_changed(&mut self, entry: &Entry<'_>, found: &Stat) -> Result<bool, Why> {
        match self.rule.look(entry, found)? {
            Look::Same => Ok(false),
            Look::Changed => Ok(true),
            Look::Doubt(doubt) => self.is_another(entry, found, doubt),
        }
    }

    /// Whether a file in the last folder has another content than the index says, where only that tells.
    fn is_another(&mut self, entry: &Entry<'_>, found: &Stat, doubt: Doubt) -> Result<bool, Why> {
        self.counted.read += 1;
        self.open_all()?;
        let conversion = match entry.kind() {
            // What a link leads to is never converted.
            Type::Link => Conversion::None,
            _ => self.conversion(),
        };
        let Some(Level { place: Place::Open(folder), length, .. }) = self.levels.last() else { return Err(doubt.why) };
        let name = &entry.path[*length..];
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
            let Place::Open(folder) = &level.place else { return Conversion::Any };
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

    /// Looks at what has this path, in the last folder.
    fn look(&self, path: &[u8]) -> Result<Option<Stat>, Why> {
        let mut upwards = self.levels.iter().rev();
        upwards
            .find_map(|level| match &level.place {
                Place::Gone => Some(Ok(None)),
                Place::Open(folder) => Some(folder.look(&path[level.length..])),
                Place::Closed => None,
            })
            .unwrap_or(Err(Why::Unreadable))
    }

    fn enter(&mut self, name: &[u8]) -> Result<(), Why> {
        self.stop.look()?;
        if self.levels.len() == DEEPEST {
            return Err(Why::Unreadable);
        }
        for bytes in [name, b"/"] {
            self.path.extend_from_slice(bytes);
        }
        let (place, identity, number) = self.come_to(name)?;
        let Some(above) = self.levels.last_mut() else { return Ok(()) };
        above.found += u64::from(!matches!(place, Place::Gone));
        for bytes in [name, b"\0"] {
            self.names.extend_from_slice(bytes);
        }
        let (length, names) = (self.path.len(), self.names.len());
        self.levels.push(Level { place, identity, number, length, names, found: 0 });
        Ok(())
    }

    /// Comes to a folder in the last one, of this path: looks at it where it is known how many names it has, and opens it
    /// otherwise.
    fn come_to(&mut self, name: &[u8]) -> Result<(Place, Option<Identity>, Option<u64>), Why> {
        if let Some(notes) = self.notes.as_deref().filter(|notes| notes.knows(&self.path)) {
            let Some(found) = self.look(&self.path[..self.path.len() - 1])? else {
                return Ok((Place::Gone, None, None));
            };
            let number = notes.names(&self.path, &found);
            if number.is_some() {
                return Ok((Place::Closed, notes.identity(&found), number));
            }
        }
        self.open_all()?;
        let folder = match self.levels.last() {
            Some(Level { place: Place::Open(above), .. }) => above.folder(name)?,
            _ => None,
        };
        let Some(folder) = folder else { return Ok((Place::Gone, None, None)) };
        // Before it is listed: what changes from now on gives it another time.
        let identity = match self.notes.as_deref() {
            Some(notes) => notes.identity(&folder.look_at_itself()?),
            None => None,
        };
        Ok((Place::Open(folder), identity, None))
    }

    /// Opens the folders that are not, from the top down.
    fn open_all(&mut self) -> Result<(), Why> {
        for at in 1..self.levels.len() {
            let (above, below) = self.levels.split_at_mut(at);
            let (Some(above), Some(level)) = (above.last(), below.first_mut()) else { break };
            if let (Place::Open(folder), Place::Closed) = (&above.place, &level.place) {
                let name = &self.path[above.length..level.length - 1];
                // It was there a moment ago.
                level.place = Place::Open(folder.folder(name)?.ok_or(Why::Unreadable)?);
            }
        }
        Ok(())
    }

    /// Leaves the last folder: where it has more names than the index knows in it, the others are looked at.
    fn leave(&mut self) -> Result<(), Why> {
        if self.is_all_known()? {
            self.note();
        } else {
            self.count_untracked()?;
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

    /// Whether the last folder has as many names as were found in it. It is listed, where that is not known, or seems not to be
    /// so.
    fn is_all_known(&mut self) -> Result<bool, Why> {
        let Some(level) = self.levels.last_mut() else { return Ok(true) };
        if matches!(level.place, Place::Gone) || level.number == Some(level.found) {
            return Ok(true);
        }
        if level.number.is_some() {
            // It was changed since it was looked at, or has names that the index does not know.
            level.identity = None;
        }
        self.open_all()?;
        let Some(Level { place: Place::Open(folder), found, .. }) = self.levels.last() else { return Ok(true) };
        let (mut count, stop) = (0, self.stop);
        self.listed.clear();
        folder.list(&mut self.buffer, |name, kind| {
            stop.look()?;
            count += u64::from(name != b".git");
            self.listed.add(name, kind);
            Ok(true)
        })?;
        Ok(count == *found)
    }

    /// Notes how many names the last folder has, which are those that were found. (Where it has others, it is to be listed
    /// each time, whatever their number is.)
    fn note(&mut self) {
        if let (Some(notes), Some(Level { identity: Some(identity), found, .. })) =
            (&mut self.notes, self.levels.last())
        {
            notes.note(&self.path, *identity, *found);
        }
    }

    /// Counts what is in the last folder, and neither known to the index nor ignored.
    fn count_untracked(&mut self) -> Result<(), Why> {
        for level in &self.levels[self.rules.depth()..] {
            let Place::Open(folder) = &level.place else { return Ok(()) };
            self.rules.enter(folder, &self.path[..level.length])?;
        }
        let Some(Level { place: Place::Open(folder), names, .. }) = self.levels.last() else { return Ok(()) };
        if self.rules.ignores_all() && !self.untracked.tells_names() {
            return Ok(());
        }
        let known: HashSet<&[u8]> = self.names[*names..].split(|byte| *byte == 0).collect();
        let mut path = self.path.clone();
        let Self { rules, untracked, counted, stop, buffer, listed, .. } = self;
        let mut visit = |name: &[u8], kind| {
            stop.look()?;
            if name != b".git" && !known.contains(name) {
                path.extend_from_slice(name);
                counted.untracked += u64::from(untracked.counts(rules, folder, &mut path, name, kind)?);
                path.truncate(path.len() - name.len());
            }
            Ok(true)
        };
        if listed.is_whole {
            return listed.names().try_for_each(|(name, kind)| visit(name, kind).map(drop));
        }
        folder.list(buffer, visit)
    }
}
