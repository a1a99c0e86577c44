//! What is kept of a worktree from one proof to the next: how many names each of its folders has, and which file
//! defeated the last proof.
//!
//! A folder whose number is known is neither opened nor listed: where as many tracked files and folders are found in it
//! as it has names, none of its names is unknown to the index. No name is kept, and no rule about names, so that neither
//! another index nor another `.gitignore` makes a number wrong.
//!
//! Invariants:
//! - A number holds for a folder of this device, inode, time of modification and time of status change, in this boot of
//!   the system. Every name that comes or goes sets both times to the present. The first can be set back by anybody,
//!   and that sets the second to the present. (Only on file systems that do so: [`Folder::tells_of_names`].)
//! - It is noted only where both times were two seconds in the past when the proof began: what changes later, in
//!   whatever grain the file system keeps its times, gives the folder another one. A time without a fraction, as one in
//!   grains of a second has it, is not relied on; nor is anything that was noted at a time that is still to come, for then the
//!   clock was set back since.
//! - The bytes are not trusted: reading them ends, without a panic, in memory that is linear in their number. What is not
//!   whole, of another version, or of another boot is nothing.
//! - The hash of a path only says where to look for a folder's number: which folder it is, the rest says. A number that
//!   lies under another path by a clash is a number of that very folder all the same.
//!
//! [`Folder::tells_of_names`]: crate::git::open_folder::Folder::tells_of_names

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Stat};

use super::task::LONGEST_PATH;
use crate::git::open_folder::{Folder, device_of};

/// What the file begins with; the last byte is the version.
const MAGIC: &[u8; 8] = b"wtlist\0\x01";

/// With more folders, the others are listed each time.
const MOST_FOLDERS: usize = 100_000;

/// No file of this kind is longer.
pub const LONGEST: usize = 100 + LONGEST_PATH + MOST_FOLDERS * Number::LENGTH;

/// A time must be so many seconds in the past, when a proof begins, for the folder's number to be noted.
const REST: i64 = 2;

/// So many folders that were listed in vain are worth another file.
const WORTH: usize = 8;

/// A file that defeats a proof is worth one where so many were looked at before it.
const WORTH_FILES: u64 = 256;

/// Seconds since 1970, and nanoseconds.
type Time = (i64, u32);

/// A boot of the system.
type Boot = [u8; 36];

/// A present moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    boot: Boot,
    second: i64,
}

impl Moment {
    /// Now; none where the system does not tell one boot from the next.
    pub fn now() -> Option<Self> {
        static BOOT: OnceLock<Option<Boot>> = OnceLock::new();
        let boot = || {
            let mut boot = [0; 36];
            File::open("/proc/sys/kernel/random/boot_id").and_then(|mut file| file.read_exact(&mut boot)).ok()?;
            Some(boot)
        };
        let second = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(Self { boot: (*BOOT.get_or_init(boot))?, second: i64::try_from(second).ok()? })
    }

    /// So many seconds later.
    #[must_use]
    pub const fn later(self, seconds: i64) -> Self {
        Self { second: self.second.saturating_add(seconds), ..self }
    }
}

/// Which folder it is, and as of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    mtime: Time,
    ctime: Time,
}

impl Identity {
    /// None: it is no folder, or has odd times.
    fn of(stat: &Stat) -> Option<Self> {
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        is_folder.then_some(Self {
            device: device_of(stat)?,
            inode: stat.st_ino,
            mtime: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).ok()?),
            ctime: (stat.st_ctime, u32::try_from(stat.st_ctime_nsec).ok()?),
        })
    }

    /// Whether it was at rest at this second, so that whatever changes from then on makes it another one.
    const fn rests(&self, second: i64) -> bool {
        let latest = second.saturating_sub(REST);
        self.mtime.0 <= latest && self.ctime.0 <= latest && self.ctime.1 != 0
    }
}

/// How many names a folder has, but for `.git`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    path: u64,
    identity: Identity,
    names: u64,
}

impl Number {
    const LENGTH: usize = 8 * 6 + 4 * 2;

    fn add_to(&self, bytes: &mut Vec<u8>) {
        let Self { path, identity: Identity { device, inode, mtime, ctime }, names } = self;
        for number in [*path, *device, *inode, *names, mtime.0.cast_unsigned(), ctime.0.cast_unsigned()] {
            bytes.extend(number.to_le_bytes());
        }
        for number in [mtime.1, ctime.1] {
            bytes.extend(number.to_le_bytes());
        }
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        let [path, device, inode, names, mtime, ctime] =
            [long(rest)?, long(rest)?, long(rest)?, long(rest)?, long(rest)?, long(rest)?];
        let (mtime, ctime) = ((mtime.cast_signed(), short(rest)?), (ctime.cast_signed(), short(rest)?));
        Some(Self { path, identity: Identity { device, inode, mtime, ctime }, names })
    }
}

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The path of the file that defeated the last proof; empty: none did.
    defeated_by: Vec<u8>,
    /// In order of the hashes of their paths.
    numbers: Vec<Number>,
}

impl Listing {
    /// What was written; nothing where it does not hold any more.
    pub fn read(bytes: &[u8], now: &Moment) -> Self {
        Self::try_read(bytes, now).unwrap_or_default()
    }

    fn try_read(bytes: &[u8], now: &Moment) -> Option<Self> {
        let (content, mut sum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        let mut rest = content.strip_prefix(MAGIC)?;
        let is_whole = long(&mut sum)? == hash(content);
        let boot: Boot = array(&mut rest)?;
        let second = long(&mut rest)?.cast_signed();
        if !is_whole || boot != now.boot || second > now.second {
            return None;
        }
        let length = usize::try_from(short(&mut rest)?).ok().filter(|length| *length <= LONGEST_PATH)?;
        let defeated_by;
        (defeated_by, rest) = rest.split_at_checked(length)?;
        if rest.len() % Number::LENGTH != 0 || rest.len() / Number::LENGTH > MOST_FOLDERS {
            return None;
        }
        let mut numbers = Vec::with_capacity(rest.len() / Number::LENGTH);
        while !rest.is_empty() {
            numbers.push(Number::read(&mut rest)?);
        }
        Some(Self { defeated_by: defeated_by.to_vec(), numbers })
    }

    /// As it is written; `began`: before what is in it was looked at.
    pub fn to_bytes(&self, began: &Moment) -> Vec<u8> {
        let length = self.defeated_by.len().min(LONGEST_PATH);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(began.boot);
        bytes.extend(began.second.to_le_bytes());
        bytes.extend(u32::try_from(length).unwrap_or(0).to_le_bytes());
        bytes.extend(&self.defeated_by[..length]);
        for number in self.numbers.iter().take(MOST_FOLDERS) {
            number.add_to(&mut bytes);
        }
        bytes.extend(hash(&bytes).to_le_bytes());
        bytes
    }

    fn number(&self, path: u64) -> Option<&Number> {
        // Out of order, some are not found.
        self.numbers.binary_search_by_key(&path, |number| number.path).ok().map(|at| &self.numbers[at])
    }
}

/// What is to be kept from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// All of it.
    pub listing: Listing,
    /// Before what is in it was looked at.
    pub began: Moment,
    /// Whether enough of it is new.
    pub is_worth_a_file: bool,
}

/// What is noted in the course of a proof.
#[derive(Debug)]
pub(super) struct Notes {
    old: Listing,
    began: Moment,
    /// The one that the top of the worktree lies on, where its file system is one of those that tell.
    device: Option<u64>,
    numbers: Vec<Number>,
    /// How many of these the old ones lack.
    fresh: usize,
    defeated_by: Option<Vec<u8>>,
    /// How many files were looked at before that.
    looks: u64,
}

impl Notes {
    /// From what was kept; `began`: before anything was looked at.
    pub(super) fn new((old, began): (Listing, Moment)) -> Self {
        Self { old, began, device: None, numbers: Vec::new(), fresh: 0, defeated_by: None, looks: 0 }
    }

    /// The file that defeated the last proof.
    pub(super) fn defeated_before(&self) -> Option<&[u8]> {
        Some(self.old.defeated_by.as_slice()).filter(|path| !path.is_empty())
    }

    /// Begins with the top of the worktree. Gives which folder it is, where that can be noted, and how many names it has.
    pub(super) fn begin(&mut self, top: &Folder) -> (Option<Identity>, Option<u64>) {
        let Ok(stat) = top.look_at_itself() else { return (None, None) };
        self.device = device_of(&stat).filter(|_| top.tells_of_names());
        (self.identity(&stat), self.names(b"", &stat))
    }

    /// Whether a number is known of a folder, if it is the same still.
    pub(super) fn knows(&self, path: &[u8]) -> bool {
        self.device.is_some() && self.old.number(hash(path)).is_some()
    }

    /// How many names a folder has that looks like this; none where it is not the same any more.
    pub(super) fn names(&self, path: &[u8], stat: &Stat) -> Option<u64> {
        let (identity, number) = (self.identity(stat)?, self.old.number(hash(path))?);
        (number.identity == identity).then_some(number.names)
    }

    /// Which folder it is, where it can be noted.
    pub(super) fn identity(&self, stat: &Stat) -> Option<Identity> {
        Identity::of(stat).filter(|identity| identity.rests(self.began.second) && Some(identity.device) == self.device)
    }

    /// Notes how many names a folder had after it looked like this.
    pub(super) fn note(&mut self, path: &[u8], identity: Identity, names: u64) {
        if self.numbers.len() < MOST_FOLDERS {
            let number = Number { path: hash(path), identity, names };
            self.fresh += usize::from(self.old.number(number.path) != Some(&number));
            self.numbers.push(number);
        }
    }

    /// Notes which file makes it necessary to ask git, after so many looks at others.
    pub(super) fn defeated_by(&mut self, path: &[u8], looks: u64) {
        (self.defeated_by, self.looks) = (Some(path.to_vec()), looks);
    }

    /// What is to be kept from now on, where it is not what was. `is_proven`: every folder was come by.
    pub(super) fn end(mut self, is_proven: bool) -> Option<News> {
        let defeated_by = match self.defeated_by {
            None if !is_proven => self.old.defeated_by.clone(),
            defeated_by => defeated_by.unwrap_or_default(),
        };
        let is_other = defeated_by != self.old.defeated_by;
        if self.fresh == 0 && !is_other {
            return None;
        }
        let is_worth_a_file =
            self.fresh >= WORTH || is_other && (self.looks >= WORTH_FILES || !self.old.defeated_by.is_empty());
        if !is_proven {
            self.numbers.extend(&self.old.numbers);
        }
        // The sort is stable: of two numbers, what was noted now is kept.
        self.numbers.sort_by_key(|number| number.path);
        self.numbers.dedup_by_key(|number| number.path);
        let listing = Listing { defeated_by, numbers: self.numbers };
        Some(News { listing, began: self.began, is_worth_a_file })
    }
}

/// Of a path, or of bytes as a whole. That it is another one from some version of the library on only costs a listing.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

fn long(rest: &mut &[u8]) -> Option<u64> {
    array(rest).map(u64::from_le_bytes)
}

fn short(rest: &mut &[u8]) -> Option<u32> {
    array(rest).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment { boot: *b"0123456789abcdef0123456789abcdef0123", second: 1000 };

    fn identity(mtime: Time, ctime: Time) -> Identity {
        Identity { device: 1, inode: 2, mtime, ctime }
    }

    fn listing(folders: u64) -> Listing {
        let number = |path| Number { path, identity: identity((-1, 2), (3, 4)), names: path + 7 };
        Listing { defeated_by: b"a/b".to_vec(), numbers: (0..folders).map(number).collect() }
    }

    #[test]
    fn what_was_written_is_read_in_the_same_boot_and_not_before() {
        let bytes = listing(3).to_bytes(&NOW);
        assert_eq!(Listing::read(&bytes, &NOW), listing(3));
        assert_eq!(Listing::read(&bytes, &Moment { second: 1001, ..NOW }), listing(3));
        assert_eq!(Listing::read(&bytes, &Moment { second: 999, ..NOW }), Listing::default(), "the clock was set back");
        let other = Moment { boot: *b"0123456789abcdef0123456789abcdef0124", ..NOW };
        assert_eq!(Listing::read(&bytes, &other), Listing::default());
        let most = listing(MOST_FOLDERS as u64);
        assert!(most.to_bytes(&NOW).len() <= LONGEST);
        assert_eq!(Listing::read(&most.to_bytes(&NOW), &NOW), most);
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        let bytes = listing(2).to_bytes(&NOW);
        for length in 0..bytes.len() {
            assert_eq!(Listing::read(&bytes[..length], &NOW), Listing::default(), "{length} bytes");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert_eq!(Listing::read(&bytes, &NOW), Listing::default(), "another byte {at}");
        }
    }

    #[test]
    fn only_a_folder_at_rest_is_noted() {
        let rests = |mtime, ctime| identity(mtime, ctime).rests(1000);
        assert!(rests((998, 0), (998, 1)));
        assert!(!rests((999, 0), (998, 1)) && !rests((998, 0), (999, 1)), "it was changed just now");
        assert!(!rests((998, 0), (998, 0)), "a time in grains of a second");
        assert!(!rests((2000, 0), (998, 1)) && !rests((998, 0), (2000, 1)), "a time that is still to come");
        assert!(!rests((i64::MAX, 0), (i64::MIN, 1)));
    }

    #[test]
    fn only_what_is_enough_is_worth_a_file() {
        let (none, old) = (Listing::default(), listing(0));
        let end = |old: &Listing, folders: usize, defeated_by: Option<(&[u8], u64)>, is_proven| {
            let mut notes = Notes::new((old.clone(), NOW));
            (0..folders).for_each(|at| notes.note(&at.to_le_bytes(), identity((1, 1), (1, 1)), 1));
            if let Some((path, looks)) = defeated_by {
                notes.defeated_by(path, looks);
            }
            let news = notes.end(is_proven).filter(|news| news.is_worth_a_file);
            news.map(|News { listing, .. }| (listing.numbers.len(), listing.defeated_by))
        };
        assert_eq!(end(&old, WORTH - 1, Some((b"a/b", 0)), false), None, "looked at first, and defeated by again");
        assert_eq!(end(&old, WORTH - 1, None, false), None, "something else defeated it");
        assert_eq!(end(&old, WORTH, Some((b"a/b", 0)), false), Some((WORTH, b"a/b".to_vec())));
        assert_eq!(end(&old, 0, Some((b"c", 0)), false), Some((0, b"c".to_vec())));
        assert_eq!(end(&old, 0, None, true), Some((0, Vec::new())), "nothing defeats it any more");
        assert_eq!(end(&none, 0, Some((b"c", WORTH_FILES - 1)), false), None, "it is soon come by");
        assert_eq!(end(&none, 0, Some((b"c", WORTH_FILES)), false), Some((0, b"c".to_vec())));
    }

    #[test]
    fn what_was_not_come_by_is_kept() {
        let old = listing(4);
        let mut notes = Notes::new((old, NOW));
        notes.note(b"x", identity((1, 1), (1, 1)), 1);
        notes.defeated_by(b"c", 0);
        let kept = notes.end(false).expect("another path").listing;
        assert_eq!(kept.numbers.len(), 5);
        assert!(kept.numbers.is_sorted_by_key(|number| number.path));
        assert_eq!(kept.number(2).map(|number| number.names), Some(9));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>, is_whole: bool) {
            let head = [MAGIC.as_slice(), &NOW.boot, &NOW.second.to_le_bytes()].concat();
            let mut bytes = [head, body.clone()].concat();
            let sum = if is_whole { hash(&bytes) } else { 0 };
            bytes.extend(sum.to_le_bytes());
            let read = Listing::read(&bytes, &NOW);
            if read != Listing::default() {
                assert_eq!(read.to_bytes(&NOW), bytes);
            }
            let _ = Listing::read(&body, &NOW);
        }
    }
}
