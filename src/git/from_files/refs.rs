//! What HEAD is, and where its branch is: from the branch's own file, or from `packed-refs`.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use crate::git::regular_file::{self, Links};

/// HEAD or a branch larger than this is no plain one.
const LONGEST: usize = 4 << 10;
/// More packed refs than these many bytes are not read.
const LONGEST_PACKED: u64 = 64 << 20;

/// What HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A commit of this id.
    Commit(String),
    /// A branch of this full name.
    Branch(Vec<u8>),
}

/// Reads a HEAD as git writes it. None: it is written otherwise.
pub(super) fn head(git_dir: &Path) -> Option<Head> {
    let content = regular_file::contents(&git_dir.join("HEAD"), Links::Refused, LONGEST).ok()?;
    let line = content.strip_suffix(b"\n")?;
    match line.strip_prefix(b"ref: ") {
        Some(branch) => is_branch(branch).then(|| Head::Branch(branch.to_owned())),
        None => id(line).map(Head::Commit),
    }
}

/// An object id as git writes it.
fn id(text: &[u8]) -> Option<String> {
    let is_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    let is_id = matches!(text.len(), 40 | 64) && text.iter().all(is_hex);
    is_id.then(|| text.to_str().ok().map(str::to_owned)).flatten()
}

/// Whether this is the full name of a branch. (Rule: `check_refname_format` in git's refs.c.)
fn is_branch(name: &[u8]) -> bool {
    let is_odd = |byte: u8| byte.is_ascii_control() || b" ~^:?*[\\".contains(&byte);
    let is_part =
        |part: &[u8]| !part.is_empty() && !part.starts_with(b".") && !part.ends_with(b".lock") && !part.ends_with(b".");
    name.strip_prefix(b"refs/heads/").is_some_and(|rest| rest.split(|byte| *byte == b'/').all(is_part))
        && !name.contains_str("..")
        && !name.contains_str("@{")
        && !name.iter().copied().any(is_odd)
}

/// The refs that all worktrees share.
pub(super) struct Refs<'a> {
    common_dir: &'a Path,
    packed: OnceCell<Option<Packed>>,
}

impl<'a> Refs<'a> {
    pub(super) const fn of(common_dir: &'a Path) -> Self {
        Self { common_dir, packed: OnceCell::new() }
    }

    /// The commit of a branch. None: it has none, or is no plain branch.
    pub(super) fn commit(&self, branch: &[u8]) -> Option<String> {
        let file = self.common_dir.join(OsStr::from_bytes(branch));
        match regular_file::contents(&file, Links::Refused, LONGEST) {
            Ok(content) => id(content.strip_suffix(b"\n")?),
            Err(error) if error.kind() == ErrorKind::NotFound => self.packed()?.commit(branch),
            Err(_) => None,
        }
    }

    fn packed(&self) -> Option<&Packed> {
        self.packed.get_or_init(|| Packed::read(self.common_dir.join("packed-refs"))).as_ref()
    }

    /// Whether all commits that were given are of one moment: the packed refs are still those that were read. Who packs a
    /// branch puts new ones in their place before the branch's own file is taken away.
    pub(super) fn are_current(&self) -> bool {
        self.packed.get().is_none_or(|packed| packed.as_ref().is_some_and(Packed::is_current))
    }
}

/// `packed-refs`, read whole.
struct Packed {
    path: PathBuf,
    read_from: Metadata,
    content: Vec<u8>,
}

impl Packed {
    /// None: there are none, or they are not written, in their order, as git has done since 2018.
    fn read(path: PathBuf) -> Option<Self> {
        let file = regular_file::open(&path, Links::Refused).ok()?;
        let read_from = file.metadata().ok().filter(|file| file.len() <= LONGEST_PACKED)?;
        let mut content = Vec::new();
        file.take(LONGEST_PACKED).read_to_end(&mut content).ok()?;
        let (first, rest) = content.split_once_str(b"\n")?;
        let traits = first.strip_prefix(b"# pack-refs with:")?;
        let is_plain =
            traits.split_str(" ").any(|word| word == b"sorted") && (rest.is_empty() || rest.ends_with(b"\n"));
        (is_plain && content.len() as u64 == read_from.len()).then_some(Self { path, read_from, content })
    }

    fn is_current(&self) -> bool {
        let is_same = |now: Metadata| regular_file::identity(&now) == regular_file::identity(&self.read_from);
        self.path.symlink_metadata().is_ok_and(is_same)
    }

    /// The commit of a branch, searched for as git does it, so that the answer is git's even where the order is wrong.
    /// (Rule: `find_reference_location` in git's refs/packed-backend.c.)
    fn commit(&self, branch: &[u8]) -> Option<String> {
        let (_, mut records) = self.content.split_once_str(b"\n")?;
        while !records.is_empty() {
            let middle = records.len() / 2;
            let begin = begin_of_record(records, middle);
            let line = records[begin..].lines().next()?;
            let (object, name) = line.split_once_str(b" ")?;
            let object = id(object)?;
            match name.cmp(branch) {
                std::cmp::Ordering::Less => records = &records[end_of_record(records, middle)..],
                std::cmp::Ordering::Greater => records = &records[..begin],
                std::cmp::Ordering::Equal => return Some(object),
            }
        }
        None
    }
}

/// Where the record begins that a byte lies in: a line, and the line below it that begins with `^`.
fn begin_of_record(records: &[u8], mut at: usize) -> usize {
    while at > 0 && (records[at - 1] != b'\n' || records[at] == b'^') {
        at -= 1;
    }
    at
}

fn end_of_record(records: &[u8], mut at: usize) -> usize {
    at += 1;
    while at < records.len() && (records[at - 1] != b'\n' || records[at] == b'^') {
        at += 1;
    }
    at.min(records.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches() {
        for name in ["refs/heads/main", "refs/heads/feat/a-b_c", "refs/heads/ä", "refs/heads/@", "refs/heads/a@b"] {
            assert!(is_branch(name.as_bytes()), "{name}");
        }
        for name in [
            "refs/heads/",
            "refs/heads//a",
            "refs/heads/a/",
            "refs/heads/.a",
            "refs/heads/a..b",
            "refs/heads/a.lock",
            "refs/heads/a.",
            "refs/heads/../HEAD",
            "refs/heads/a b",
            "refs/heads/a@{1}",
            "refs/heads/a\nb",
            "refs/remotes/o/a",
            "refs/bisect/bad",
            "main",
        ] {
            assert!(!is_branch(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn packed_refs_are_searched_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let names: Vec<String> = (0..200).map(|number| format!("refs/heads/b{number:03}")).collect();
        let mut text = String::from("# pack-refs with: peeled fully-peeled sorted \n");
        for (number, name) in names.iter().enumerate() {
            text += &format!("{number:040x} {name}\n");
            if number % 3 == 0 {
                text += &format!("^{number:040x}\n");
            }
        }
        std::fs::write(folder.path().join("packed-refs"), &text).expect("a file");
        let refs = Refs::of(folder.path());
        for (number, name) in names.iter().enumerate() {
            assert_eq!(refs.commit(name.as_bytes()), Some(format!("{number:040x}")), "{name}");
        }
        for name in ["refs/heads/a", "refs/heads/b", "refs/heads/b1000", "refs/heads/c"] {
            assert_eq!(refs.commit(name.as_bytes()), None, "{name}");
        }
        assert!(refs.are_current());
        std::fs::write(folder.path().join("new"), &text).expect("a file");
        std::fs::rename(folder.path().join("new"), folder.path().join("packed-refs")).expect("a file");
        assert!(!refs.are_current());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(rest: Vec<u8>, lines in proptest::collection::vec("[0-9a-f^ \\n/]{0,60}", 0..20)) {
            let folder = tempfile::tempdir().expect("a folder");
            for records in [rest.as_slice(), lines.join("\n").as_bytes()] {
                let content = [b"# pack-refs with: sorted \n", records, b"\n"].concat();
                std::fs::write(folder.path().join("packed-refs"), content).expect("a file");
                let _ = Refs::of(folder.path()).commit(b"refs/heads/a");
                std::fs::write(folder.path().join("HEAD"), records).expect("a file");
                let _ = head(folder.path());
            }
        }
    }
}
