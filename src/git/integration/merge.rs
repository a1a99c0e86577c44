//! What bases would be after branches were merged into them: made by git, and kept nowhere.
//!
//! Invariants:
//! - No driver has a say in the merge, whoever names one: attributes are read from an empty tree, and where the
//!   repository's own `info/attributes` says anything of merges, none is made. The driver by default has a name that
//!   nobody can have configured, which git takes for its own.
//! - Nothing is taken for equal that is not: no line ends are converted, and no file is sought under another name.
//! - What git writes goes to a folder of its own, which is removed.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use gix_hash::ObjectId;

use super::ask::{Fault, carried, whole};
use super::asked::Place;
use crate::git::errand::{Carrier, Taker};
use crate::git::regular_file::{self, Links};

/// The first git that reads attributes from a tree it is told.
const SINCE: (u32, u32) = (2, 41);
/// No more merges are made.
pub(super) const MOST: usize = 4000;
/// git is not asked again more often, after a merge that it could not make.
const MOST_RESUMED: usize = 8;
/// No longer name is passed over.
const LONGEST: usize = 1 << 20;
/// A longer list of attributes is not read.
const LONGEST_LIST: usize = 1 << 20;

/// Where a repository's own attributes are.
const ATTRIBUTES: &str = "info/attributes";

const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const EMPTY_TREE_SHA256: &str = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";

/// A branch that is to be merged into a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    /// The base's commit.
    pub(super) base: ObjectId,
    /// The branch's.
    pub(super) head: ObjectId,
}

/// What has come of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// This tree, without a conflict.
    Clean(ObjectId),
    /// A conflict.
    Conflict,
}

/// What comes of each of these merges, in their order; none: it was not made. To be asked where merges can be made.
pub(super) async fn merged(carrier: &impl Carrier, place: &Place<'_>, pairs: &[Pair]) -> Vec<Option<Merged>> {
    let mut merged = Vec::with_capacity(pairs.len());
    if !pairs.is_empty() {
        for _ in 0..MOST_RESUMED {
            let left = pairs.get(merged.len()..MOST.min(pairs.len())).unwrap_or_default();
            if left.is_empty() {
                break;
            }
            match once(carrier, place, left).await {
                Ok((made, is_whole)) => {
                    // One that git has answered without end, or more than it was asked for: none of it is to be relied on.
                    if made.len() > left.len() || is_whole != (made.len() == left.len()) {
                        break;
                    }
                    merged.extend(made.into_iter().map(Some));
                    if !is_whole {
                        merged.push(None);
                    }
                }
                Err(_) => break,
            }
        }
    }
    // Somebody may have had a say in the meantime.
    if !is_silent_on_merges(&place.common_dir.join(ATTRIBUTES)) {
        merged.clear();
    }
    merged.resize(pairs.len(), None);
    merged
}

/// git's own words on its version, where it can make merges in which no driver has a say.
pub(super) async fn version(carrier: &impl Carrier, place: &Place<'_>) -> Option<String> {
    let printed = whole(carrier, place, &["version"], Vec::new()).await.ok()?;
    let is_new = version_of(&printed).is_some_and(|version| version >= SINCE);
    let is_possible = is_new && is_silent_on_merges(&place.common_dir.join(ATTRIBUTES));
    is_possible.then(|| printed.trim_ascii().escape_bytes().to_string())
}

/// `git version 2.47.3`, and what others put behind it.
fn version_of(printed: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = printed.trim_ascii().strip_prefix(b"git version ")?.split_str(".");
    let mut next = || numbers.next()?.to_str().ok()?.parse().ok();
    Some((next()?, next()?))
}

/// Whether a list of attributes is not there, or has no word on merges.
fn is_silent_on_merges(list: &Path) -> bool {
    match regular_file::contents(list, Links::Followed, LONGEST_LIST) {
        Ok(content) => !content.contains_str("merge"),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Makes merges, as far as git comes; and says whether it has come to the end.
async fn once(carrier: &impl Carrier, place: &Place<'_>, pairs: &[Pair]) -> Result<(Vec<Merged>, bool), Fault> {
    let own = |error: std::io::Error| Fault { words: error.to_string(), is_gits: false, status: None };
    let scratch = Scratch::new(place).map_err(own)?;
    let attributes = format!("--attr-source={}", if place.sha256 { EMPTY_TREE_SHA256 } else { EMPTY_TREE });
    let driver = format!("merge.default=wtcheck-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let mut words = vec![attributes.as_str()];
    for setting in [
        driver.as_str(),
        "core.attributesFile=/dev/null",
        "core.autocrlf=false",
        "merge.renormalize=false",
        "merge.renames=false",
        "merge.directoryRenames=false",
        "submodule.recurse=false",
    ] {
        words.extend(["-c", setting]);
    }
    words.extend(["merge-tree", "--write-tree", "--stdin", "--no-messages", "--name-only"]);
    let mut invocation = place.git.of_repository(place.common_dir, &words);
    invocation.env("GIT_ATTR_NOSYSTEM", "1");
    invocation.env("GIT_OBJECT_DIRECTORY", scratch.0.as_os_str());
    invocation.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", listed(&place.common_dir.join("objects")));
    let line = |pair: &Pair| format!("{} {}\n", pair.base, pair.head).into_bytes();
    invocation.input = Some(pairs.iter().flat_map(line).collect());
    let kind = if place.sha256 { gix_hash::Kind::Sha256 } else { gix_hash::Kind::Sha1 };
    let (merges, fault) = carried(carrier, place, invocation, Merges::new(kind)).await?;
    let is_whole = fault.is_none();
    let made = merges.made(is_whole).ok_or_else(|| Fault::odd("merge-tree"))?;
    Ok((made, is_whole))
}

/// A folder as git reads it in a list of them. (Rule: `link_alt_odb_entries` in git's object-file.c.)
fn listed(folder: &Path) -> OsString {
    let mut quoted = vec![b'"'];
    for byte in folder.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', *byte]),
            b'\n' => quoted.extend(b"\\n"),
            _ => quoted.push(*byte),
        }
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

/// A folder that only this user can enter, for as long as it is held.
struct Scratch(PathBuf);

impl Scratch {
    fn new(place: &Place<'_>) -> std::io::Result<Self> {
        let said = place.git.variables().iter().find(|(name, _)| name == "TMPDIR").map(|(_, folder)| Path::new(folder));
        let folder = said.filter(|folder| folder.is_absolute()).unwrap_or_else(|| Path::new("/tmp"));
        let own = folder.join(format!("git-wtcheck-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)));
        DirBuilder::new().mode(0o700).create(&own)?;
        Ok(Self(own))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is of no use to anybody, and in nobody's way.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Reads what git prints: for each merge whether it is clean, its tree, and the names of the files in conflict, all of
/// them ended by a NUL, and another NUL. (Format: "OUTPUT" in git-merge-tree(1).)
struct Merges {
    kind: gix_hash::Kind,
    made: Vec<Merged>,
    field: Vec<u8>,
    /// How many fields of a merge were read, and what they said.
    open: Option<(bool, Option<ObjectId>)>,
    is_broken: bool,
}

impl Taker for Merges {
    fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            if *byte != 0 {
                self.is_broken |= self.field.len() >= LONGEST;
                if !self.is_broken {
                    self.field.push(*byte);
                }
                continue;
            }
            let field = std::mem::take(&mut self.field);
            self.is_broken |= self.read(&field).is_none();
        }
    }
}

impl Merges {
    const fn new(kind: gix_hash::Kind) -> Self {
        Self { kind, made: Vec::new(), field: Vec::new(), open: None, is_broken: false }
    }

    fn read(&mut self, field: &[u8]) -> Option<()> {
        self.open = match (self.open.take(), field) {
            (None, b"1") => Some((true, None)),
            (None, b"0") => Some((false, None)),
            (Some((is_clean, None)), id) => {
                let tree = ObjectId::from_hex(id).ok().filter(|id| id.kind() == self.kind)?;
                Some((is_clean, Some(tree)))
            }
            (Some((is_clean, Some(tree))), b"") => {
                self.made.push(if is_clean { Merged::Clean(tree) } else { Merged::Conflict });
                None
            }
            // A file that is in conflict.
            (Some((false, tree)), _) => Some((false, tree)),
            (None | Some((true, _)), _) => return None,
        };
        Some(())
    }

    /// The merges that were made. None: this was no answer. `is_whole`: git has ended well.
    fn made(self, is_whole: bool) -> Option<Vec<Merged>> {
        let is_ended = self.open.is_none() && self.field.is_empty();
        (!self.is_broken && (is_ended || !is_whole)).then_some(self.made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &[u8], piece: usize, is_whole: bool) -> Option<Vec<Merged>> {
        let mut merges = Merges::new(gix_hash::Kind::Sha1);
        text.chunks(piece).for_each(|piece| merges.take(piece));
        merges.made(is_whole)
    }

    #[test]
    fn what_git_prints_of_merges_is_read() {
        let tree = ObjectId::empty_tree(gix_hash::Kind::Sha1);
        let text = format!("1\0{tree}\0\x000\0{tree}\0f\0g\n\0\x001\0{tree}\0\0");
        let all = vec![Merged::Clean(tree), Merged::Conflict, Merged::Clean(tree)];
        for piece in [1, 5, 1000] {
            assert_eq!(made(text.as_bytes(), piece, true), Some(all.clone()));
        }
        let cut = &text.as_bytes()[..text.len() - 1];
        assert_eq!(made(cut, 7, true), None);
        assert_eq!(made(cut, 7, false), Some(all[..2].to_vec()));
        for odd in ["2\0", "\0", "1\0x\0\0", "rubbish", &format!("1\0{tree}\0f\0\0")] {
            assert_eq!(made(odd.as_bytes(), 3, true), None, "{odd:?}");
        }
    }

    #[test]
    fn versions_and_folders_are_read_and_written_as_git_does() {
        assert_eq!(version_of(b"git version 2.47.3\n"), Some((2, 47)));
        assert_eq!(version_of(b"git version 2.39.5 (Apple Git-154)\n"), Some((2, 39)));
        assert_eq!(version_of(b"git version 3.0-rc1\n"), None);
        assert_eq!(version_of(b"2.47.3\n"), None);
        assert_eq!(listed(Path::new("/a:b/\"c\\")), OsString::from("\"/a:b/\\\"c\\\\\""));
        assert_eq!(EMPTY_TREE, ObjectId::empty_tree(gix_hash::Kind::Sha1).to_string());
        assert_eq!(EMPTY_TREE_SHA256, ObjectId::empty_tree(gix_hash::Kind::Sha256).to_string());
    }

    #[test]
    fn attributes_that_speak_of_merges_are_told_from_those_that_do_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("attributes");
        assert!(is_silent_on_merges(&list));
        for (text, expected) in [("*.txt text\n", true), ("* merge=ours\n", false), ("[attr]x -merge\n", false)] {
            std::fs::write(&list, text).expect("a file");
            assert_eq!(is_silent_on_merges(&list), expected, "{text}");
        }
        assert!(!is_silent_on_merges(folder.path()), "no file");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>, is_whole: bool) {
            let tree = ObjectId::empty_tree(gix_hash::Kind::Sha1);
            for start in [String::new(), "1\0".to_owned(), format!("0\0{tree}\0")] {
                made(&[start.as_bytes(), &text].concat(), 3, is_whole);
            }
            version_of(&text);
        }
    }
}
