//! A reader of git's index: its entries, in order, and its extensions.
//!
//! (Format: gitformat-index(5), versions 2, 3 and 4, with ids of SHA-1 or SHA-256. Where that page leaves a choice,
//! git's read-cache.c is the rule.)
//!
//! Invariants:
//! - The bytes are not trusted. Whatever they are, reading them ends, in time and memory that are linear in their
//!   number, and without a panic.
//! - What is not understood is refused as a whole ([`Odd`]): an answer that rests on a part of an index may be wrong.
//! - Entries come strictly in git's order, so that an index in which a path stands twice is refused.
//! - The checksum at the end is not verified; nor does git (`verify_index_checksum` in read-cache.c).

use std::cmp::Ordering;

use bstr::ByteSlice;

/// Longer paths cannot be given to the system (`PATH_MAX`), and so do not come from it.
const LONGEST_PATH: usize = 4096;

/// The length field of a path that is as long as this, or longer (`CE_NAMEMASK` in git's read-cache-ll.h).
const LONG_NAME: usize = 0xfff;

/// What names objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Ids of 20 bytes.
    Sha1,
    /// Ids of 32 bytes.
    Sha256,
}

impl Hash {
    /// How many bytes an id has.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// Why an index is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Odd {
    /// It does not begin as one.
    #[error("not an index")]
    NoIndex,
    /// A version that is not known here.
    #[error("an index of version {0}")]
    Version(u32),
    /// It ends in the middle of something.
    #[error("an index that is cut off")]
    CutOff,
    /// Flags that its version does not have, or that are not known.
    #[error("an index with unknown flags")]
    Flags,
    /// A path that is empty, too long, or not as long as it is said to be.
    #[error("an index with a malformed path")]
    Path,
    /// Entries that are not in order.
    #[error("an index out of order")]
    Order,
}

/// A point in time as the index has it: the low 32 bits of its seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: u32,
    /// And nanoseconds.
    pub nanoseconds: u32,
}

/// What a file was when git last found it to be the same as its blob. Numbers are the low 32 bits of what the system
/// said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// When its status had changed.
    pub ctime: Time,
    /// When its content had.
    pub mtime: Time,
    /// Its device.
    pub device: u32,
    /// Its inode.
    pub inode: u32,
    /// Its owner.
    pub owner: u32,
    /// Its group.
    pub group: u32,
    /// Its size; 0 also where git wants to read it again, whatever its times say.
    pub size: u32,
}

/// What a path is, in the first four bits of its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A submodule's commit.
    Gitlink,
    /// A folder of a sparse index, or something that is not known.
    Other,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its path from the top of the worktree, as it stands there: see [`is_plain`].
    pub path: &'a [u8],
    /// The file's mode, as in a tree.
    pub mode: u32,
    /// What the file was.
    pub stat: Stat,
    /// The id of its blob.
    pub id: &'a [u8],
    /// 0, or which side of a conflict it is.
    pub stage: u8,
    /// `git update-index --assume-unchanged`.
    pub assume_unchanged: bool,
    /// Not in the working tree (sparse checkout).
    pub skip_worktree: bool,
    /// `git add --intent-to-add`.
    pub intent_to_add: bool,
}

impl Entry<'_> {
    /// What it is.
    pub const fn kind(&self) -> Type {
        match self.mode & 0o170_000 {
            0o100_000 => Type::File,
            0o120_000 => Type::Link,
            0o160_000 => Type::Gitlink,
            _ => Type::Other,
        }
    }
}

/// What an index may hold behind its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its signature.
    pub name: [u8; 4],
    /// Its bytes.
    pub content: &'a [u8],
}

impl Extension<'_> {
    /// Whether the entries cannot be understood without it.
    pub const fn is_required(&self) -> bool {
        !self.name[0].is_ascii_uppercase()
    }
}

/// Whether a path names something in the worktree, and nothing of git's own or outside of it. (Rule: `verify_path` in
/// git's read-cache.c, less what other systems fold.)
pub fn is_plain(path: &[u8]) -> bool {
    let is_name = |part: &[u8]| !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git");
    path.split(|byte| *byte == b'/').all(is_name) && !path.contains(&0)
}

/// An index of which the header was read.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    version: u32,
    count: u32,
    /// Entries and extensions.
    body: &'a [u8],
    hash: Hash,
}

impl<'a> Index<'a> {
    /// Reads the header.
    pub fn open(bytes: &'a [u8], hash: Hash) -> Result<Self, Odd> {
        let mut rest = Bytes(bytes.strip_prefix(b"DIRC").ok_or(Odd::NoIndex)?);
        let (version, count) = (rest.number()?, rest.number()?);
        if !(2..=4).contains(&version) {
            return Err(Odd::Version(version));
        }
        let length = rest.0.len().checked_sub(hash.length()).ok_or(Odd::CutOff)?;
        Ok(Self { version, count, body: &rest.0[..length], hash })
    }

    /// How many entries it says that it has.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Visits every entry, in order, and gives back the extensions. Where it fails, what was visited counts for
    /// nothing.
    pub fn walk(&self, mut visit: impl FnMut(&Entry<'_>)) -> Result<Vec<Extension<'a>>, Odd> {
        self.try_walk(|entry| {
            visit(entry);
            Ok(())
        })
    }

    /// The same, up to the first error of the visitor's own.
    pub fn try_walk<E: From<Odd>>(
        &self,
        mut visit: impl FnMut(&Entry<'_>) -> Result<(), E>,
    ) -> Result<Vec<Extension<'a>>, E> {
        let mut rest = Bytes(self.body);
        let (mut path, mut stage) = (Vec::new(), 0);
        for _ in 0..self.count {
            let stage_before = stage;
            let fixed = Fixed::read(&mut rest, self.version, self.hash)?;
            let order = match self.version {
                4 => read_stripped(&mut rest, &mut path)?,
                _ => read_whole(&mut rest, &mut path, &fixed)?,
            };
            stage = fixed.stage();
            let is_after = match order {
                Ordering::Less => true,
                Ordering::Equal => stage_before < stage,
                Ordering::Greater => false,
            };
            if !is_after {
                return Err(Odd::Order.into());
            }
            visit(&fixed.entry(&path))?;
        }
        Ok(extensions(rest)?)
    }
}

/// An entry but for its path.
struct Fixed<'a> {
    stat: Stat,
    mode: u32,
    id: &'a [u8],
    flags: u16,
    more_flags: u16,
    /// How many bytes it has.
    length: usize,
}

impl<'a> Fixed<'a> {
    const ASSUME_UNCHANGED: u16 = 1 << 15;
    const EXTENDED: u16 = 1 << 14;
    const SKIP_WORKTREE: u16 = 1 << 14;
    const INTENT_TO_ADD: u16 = 1 << 13;

    fn read(rest: &mut Bytes<'a>, version: u32, hash: Hash) -> Result<Self, Odd> {
        let before = rest.0.len();
        let mut numbers = Bytes(rest.take(40)?);
        let mut number = || numbers.number();
        let ctime = Time { seconds: number()?, nanoseconds: number()? };
        let mtime = Time { seconds: number()?, nanoseconds: number()? };
        let (device, inode, mode, owner, group, size) =
            (number()?, number()?, number()?, number()?, number()?, number()?);
        let id = rest.take(hash.length())?;
        let flags = rest.short()?;
        let is_extended = flags & Self::EXTENDED != 0;
        let more_flags = if is_extended { rest.short()? } else { 0 };
        if (is_extended && version == 2) || more_flags & !(Self::SKIP_WORKTREE | Self::INTENT_TO_ADD) != 0 {
            return Err(Odd::Flags);
        }
        let stat = Stat { ctime, mtime, device, inode, owner, group, size };
        Ok(Self { stat, mode, id, flags, more_flags, length: before - rest.0.len() })
    }

    const fn stage(&self) -> u8 {
        (self.flags >> 12 & 3) as u8
    }

    const fn entry<'e>(&self, path: &'e [u8]) -> Entry<'e>
    where
        'a: 'e,
    {
        Entry {
            path,
            mode: self.mode,
            stat: self.stat,
            id: self.id,
            stage: self.stage(),
            assume_unchanged: self.flags & Self::ASSUME_UNCHANGED != 0,
            skip_worktree: self.more_flags & Self::SKIP_WORKTREE != 0,
            intent_to_add: self.more_flags & Self::INTENT_TO_ADD != 0,
        }
    }
}

/// Versions 2 and 3: the path as a whole, and as many zeros, one at the least, as make the entry's length a multiple of
/// eight. Says how the previous path compares to it.
fn read_whole(rest: &mut Bytes<'_>, path: &mut Vec<u8>, fixed: &Fixed<'_>) -> Result<Ordering, Odd> {
    let found = rest.text()?;
    let said = usize::from(fixed.flags) & LONG_NAME;
    if found.is_empty() || found.len() > LONGEST_PATH || said != found.len().min(LONG_NAME) {
        return Err(Odd::Path);
    }
    // `text` has taken one zero.
    let length = fixed.length + found.len() + 1;
    rest.take(length.next_multiple_of(8) - length)?;
    let order = path.as_slice().cmp(found);
    path.clear();
    path.extend_from_slice(found);
    Ok(order)
}

/// Version 4: how many bytes are taken off the end of the previous path, and what follows in their place. Says how the
/// previous path compares to the new one.
fn read_stripped(rest: &mut Bytes<'_>, path: &mut Vec<u8>) -> Result<Ordering, Odd> {
    let kept = path.len().checked_sub(rest.varint()?).ok_or(Odd::Path)?;
    let found = rest.text()?;
    if kept + found.len() == 0 || kept + found.len() > LONGEST_PATH {
        return Err(Odd::Path);
    }
    let order = path[kept..].cmp(found);
    path.truncate(kept);
    path.extend_from_slice(found);
    Ok(order)
}

fn extensions(mut rest: Bytes<'_>) -> Result<Vec<Extension<'_>>, Odd> {
    let mut found = Vec::new();
    while !rest.0.is_empty() {
        let name = rest.number()?.to_be_bytes();
        let length = usize::try_from(rest.number()?).map_err(|_| Odd::CutOff)?;
        found.push(Extension { name, content: rest.take(length)? });
    }
    Ok(found)
}

/// What is still to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Odd> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Odd::CutOff)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Odd> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Odd::CutOff)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u32, Odd> {
        self.array().map(u32::from_be_bytes)
    }

    fn short(&mut self) -> Result<u16, Odd> {
        self.array().map(u16::from_be_bytes)
    }

    /// The bytes up to a zero, and past it.
    fn text(&mut self) -> Result<&'a [u8], Odd> {
        let end = self.0.find_byte(0).ok_or(Odd::CutOff)?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    /// A number of as many bytes as it needs. (Rule: `decode_varint` in git's varint.c.)
    fn varint(&mut self) -> Result<usize, Odd> {
        let [mut byte] = self.array()?;
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            // No path is as long as that.
            if value > LONGEST_PATH {
                return Err(Odd::Path);
            }
            [byte] = self.array()?;
            value = ((value + 1) << 7) + usize::from(byte & 0x7f);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as versions 2 and 3 write it.
    fn entry(path: &str, stage: u16, more_flags: Option<u16>) -> Vec<u8> {
        let mut bytes: Vec<u8> = (1..=10_u32).flat_map(u32::to_be_bytes).collect();
        bytes.extend([7; 20]);
        let extended = if more_flags.is_some() { 1 << 14 } else { 0 };
        let length = u16::try_from(path.len().min(LONG_NAME)).expect("twelve bits");
        bytes.extend((extended | stage << 12 | length).to_be_bytes());
        bytes.extend(more_flags.into_iter().flat_map(u16::to_be_bytes));
        bytes.extend(path.bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn index(version: u32, entries: &[Vec<u8>], extensions: &[u8]) -> Vec<u8> {
        let count = u32::try_from(entries.len()).expect("few");
        let head = [b"DIRC".as_slice(), &version.to_be_bytes(), &count.to_be_bytes()].concat();
        [head, entries.concat(), extensions.to_vec(), vec![0; 20]].concat()
    }

    fn paths(bytes: &[u8]) -> Result<Vec<String>, Odd> {
        let mut found = Vec::new();
        Index::open(bytes, Hash::Sha1)?.walk(|entry| found.push(entry.path.to_str_lossy().into_owned()))?;
        Ok(found)
    }

    #[test]
    fn reads_fields_flags_and_extensions() {
        let entries = [entry("a", 0, Some(1 << 14)), entry("b/c", 1, None), entry("b/c", 3, Some(1 << 13))];
        let bytes = index(3, &entries, b"TREE\0\0\0\x02xyFSMN\0\0\0\0link\0\0\0\x01z");
        let opened = Index::open(&bytes, Hash::Sha1).expect("an index");
        assert_eq!(opened.count(), 3);
        let mut seen = Vec::new();
        let extensions = opened
            .walk(|entry| {
                assert_eq!(
                    (entry.stat.mtime, entry.mode, entry.stat.size),
                    (Time { seconds: 3, nanoseconds: 4 }, 7, 10)
                );
                assert_eq!(entry.id, [7; 20]);
                seen.push((entry.path.to_vec(), entry.stage, entry.skip_worktree, entry.intent_to_add));
            })
            .expect("well-formed");
        let expected = [(&b"a"[..], 0, true, false), (b"b/c", 1, false, false), (b"b/c", 3, false, true)];
        assert_eq!(seen, expected.map(|(path, stage, skip, add)| (path.to_vec(), stage, skip, add)));
        let extensions: Vec<_> = extensions.iter().map(|one| (&one.name, one.content, one.is_required())).collect();
        assert_eq!(extensions, [(b"TREE", &b"xy"[..], false), (b"FSMN", b"", false), (b"link", b"z", true)]);
    }

    #[test]
    fn what_is_odd_is_refused_as_a_whole() {
        let refused = |bytes: &[u8], odd| assert_eq!(paths(bytes), Err(odd));
        let (a, b) = (entry("a", 0, None), entry("b", 0, None));
        assert_eq!(paths(&index(2, &[a.clone(), b.clone()], b"")), Ok(vec!["a".to_owned(), "b".to_owned()]));
        refused(b"", Odd::NoIndex);
        refused(b"DIRX", Odd::NoIndex);
        refused(&index(5, &[], b""), Odd::Version(5));
        refused(&index(2, &[b.clone(), a.clone()], b""), Odd::Order);
        refused(&index(2, &[a.clone(), a.clone()], b""), Odd::Order);
        refused(&index(2, &[entry("", 0, None)], b""), Odd::Path);
        refused(&index(2, &[entry("a", 0, Some(0))], b""), Odd::Flags);
        refused(&index(3, &[entry("a", 0, Some(1))], b""), Odd::Flags);
        refused(&index(2, &[entry(&"a".repeat(LONGEST_PATH + 1), 0, None)], b""), Odd::Path);
        assert!(paths(&index(2, &[entry(&"a".repeat(LONGEST_PATH), 0, None)], b"")).is_ok());
        refused(&index(2, std::slice::from_ref(&a), b"TREE\0\0\0\x09xy"), Odd::CutOff);
        let whole = index(2, &[a, b], b"");
        for length in 4..whole.len() {
            refused(&whole[..length], Odd::CutOff);
        }
    }

    #[test]
    fn a_path_may_be_one_that_leads_out() {
        assert!(is_plain(b"a/b.git/.gitignore"));
        for path in ["", "/a", "a//b", "a/", "../a", "a/../b", "./a", ".git/hooks/x", "a/.GIT/x", "a\0b"] {
            assert!(!is_plain(path.as_bytes()), "{path:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(version in 1_u32..6, count: u32, body: Vec<u8>) {
            let bytes = [b"DIRC".as_slice(), &version.to_be_bytes(), &count.to_be_bytes(), &body].concat();
            let _ = paths(&bytes);
            let _ = paths(&body);
        }

        #[test]
        fn no_path_of_the_fourth_version_makes_it_panic(
            paths in proptest::collection::vec((proptest::collection::vec(proptest::num::u8::ANY, 0..4), "[a-c/]{0,3}"), 0..6),
        ) {
            let entry = |(varint, path): &(Vec<u8>, String)| {
                let fixed = entry("", 0, None)[..62].to_vec();
                [fixed, varint.clone(), path.as_bytes().to_vec(), vec![0]].concat()
            };
            let entries: Vec<_> = paths.iter().map(entry).collect();
            let mut before: Vec<u8> = Vec::new();
            let bytes = index(4, &entries, b"");
            let _ = Index::open(&bytes, Hash::Sha1).expect("a header").walk(|entry| {
                assert!(before.as_slice() < entry.path, "in order");
                before = entry.path.to_vec();
            });
        }
    }
}
