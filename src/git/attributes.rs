//! Whether git would hash a file's content as it stands, or convert it beforehand, and how it would compare it: what
//! attributes and `core.autocrlf` may have to say to that.
//!
//! (Rules: gitattributes(5); `convert_attrs` and `crlf_to_git` in git's convert.c, `bootstrap_attr_stack` and
//! `read_attr` in attr.c.) No pattern is held against a path: a file of attributes in which no attribute that converts
//! is so much as named converts nothing, whatever its patterns are. In doubt, everything may be converted.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bstr::ByteSlice;

use crate::git::open_folder::Folder;
use crate::git::regular_file::{self, Links};

/// The name of a folder's own attributes.
const NAME: &[u8] = b".gitattributes";
/// A longer file of attributes is not read.
const LONGEST_FILE: usize = 1 << 20;
/// No git is longer.
const LONGEST_PROGRAM: usize = 64 << 20;

/// What has a say in every folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// `info/attributes` of the repository, and `core.attributesFile` or what stands for it where it is not set.
    pub files: Vec<PathBuf>,
    /// The machine's own.
    pub system: Arc<System>,
    /// `core.autocrlf` is more than false.
    pub line_ends: bool,
}

/// What may happen to a file's content before it is hashed, in the order of how much that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Conversion {
    /// Nothing.
    None,
    /// Nothing, where no line ends with CR and LF: git has nothing to convert then, whatever is configured.
    LineEnds,
    /// Anything.
    Any,
}

/// The attributes of folders, from the top down.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    sources: &'a Sources,
    /// The paths in the index at which attributes are.
    tracked: HashSet<Vec<u8>>,
    /// Of each folder that was entered, with those above it.
    folders: Vec<Say>,
}

/// What attributes may have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Say {
    conversion: Conversion,
    /// How contents are compared.
    comparison: bool,
}

impl Say {
    const NOTHING: Self = Self { conversion: Conversion::None, comparison: false };
    const ANYTHING: Self = Self { conversion: Conversion::Any, comparison: true };

    fn and(self, other: Self) -> Self {
        Self { conversion: self.conversion.max(other.conversion), comparison: self.comparison || other.comparison }
    }
}

impl<'a> Attributes<'a> {
    /// Of no folder yet.
    pub(super) fn new(sources: &'a Sources, tracked: HashSet<Vec<u8>>) -> Self {
        Self { sources, tracked, folders: Vec::new() }
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
    pub(super) fn enter(&mut self, folder: &Folder, path: &[u8]) {
        let above = self.folders.last().copied().unwrap_or_else(|| self.sources.everywhere());
        let own = match folder.file(NAME) {
            Ok(Some(file)) => read(file),
            // git takes what the index has in place of a file that is not there.
            Ok(None) if !self.tracked.contains(&[path, NAME].concat()) => Say::NOTHING,
            _ => Say::ANYTHING,
        };
        self.folders.push(above.and(own));
    }

    /// Whether the index has attributes in this folder, or below. Its path ends with `/`.
    pub(super) fn know_of(&self, folder: &[u8]) -> bool {
        self.tracked.iter().any(|path| path.starts_with(folder))
    }

    /// What may happen to files in the folder that was entered last.
    pub(super) fn conversion(&self) -> Conversion {
        self.folders.last().map_or(Conversion::Any, |say| say.conversion)
    }

    /// Whether something is said there of how contents are compared.
    pub(super) fn compare(&self) -> bool {
        self.folders.last().is_none_or(|say| say.comparison)
    }
}

/// Whether a path is that of a folder's attributes.
pub(super) fn is_file_of(path: &[u8]) -> bool {
    path.strip_suffix(NAME).is_some_and(|folder| folder.is_empty() || folder.ends_with(b"/"))
}

impl Sources {
    fn everywhere(&self) -> Say {
        let conversion = if self.line_ends { Conversion::LineEnds } else { Conversion::None };
        let Some(system) = self.system.files() else { return Say::ANYTHING };
        let of_files = self.files.iter().chain(system).map(|file| read_global(file));
        of_files.fold(Say { conversion, ..Say::NOTHING }, Say::and)
    }
}

fn read_global(path: &Path) -> Say {
    match regular_file::contents(path, Links::Followed, LONGEST_FILE) {
        Ok(bytes) => judge(&bytes),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Say::NOTHING,
        Err(_) => Say::ANYTHING,
    }
}

fn read(file: File) -> Say {
    let mut bytes = Vec::new();
    let is_file = file.metadata().is_ok_and(|about| about.is_file());
    if !is_file || file.take(LONGEST_FILE as u64 + 1).read_to_end(&mut bytes).is_err() || bytes.len() > LONGEST_FILE {
        return Say::ANYTHING;
    }
    judge(&bytes)
}

/// An attribute's name stands as it is, even where its pattern is quoted; and so does that of one that a macro sets.
fn judge(attributes: &[u8]) -> Say {
    let names = |words: &[&str]| words.iter().any(|word| attributes.contains_str(word));
    let conversion = if names(&["filter", "ident", "working-tree-encoding"]) {
        Conversion::Any
    } else if names(&["text", "crlf", "eol"]) {
        Conversion::LineEnds
    } else {
        Conversion::None
    };
    // A macro may set what it does not name.
    Say { conversion, comparison: names(&["diff", "binary", "[attr]"]) }
}

/// The attributes of the whole machine. Where they are is compiled into git, and read from there when it is needed for
/// the first time. (Rule: `git_attr_system_file` in git's attr.c, `system_path` in exec-cmd.c.)
#[derive(Debug, PartialEq, Eq)]
pub struct System {
    git: Option<PathBuf>,
    files: OnceLock<Option<Vec<PathBuf>>>,
}

impl System {
    /// As git has them that lies here; none: that is not known.
    pub fn of(git: Option<PathBuf>) -> Self {
        Self { git, files: OnceLock::new() }
    }

    /// That there are none.
    pub fn none() -> Self {
        Self { git: None, files: OnceLock::from(Some(Vec::new())) }
    }

    /// Where they can be; none: that cannot be known.
    pub fn files(&self) -> Option<&[PathBuf]> {
        self.files.get_or_init(|| self.git.as_deref().and_then(compiled_in)).as_deref()
    }
}

/// The paths of the machine's attributes that a git may have been compiled with.
fn compiled_in(git: &Path) -> Option<Vec<PathBuf>> {
    let program = regular_file::contents(git, Links::Followed, LONGEST_PROGRAM).ok()?;
    let real = git.canonicalize().ok()?;
    let mut texts: Vec<&[u8]> = program.find_iter(b"/gitattributes\0").map(|at| text_around(&program, at)).collect();
    texts.sort_unstable();
    texts.dedup();
    let [text] = texts[..] else { return None };
    let file = Path::new(text.to_os_str().ok()?);
    if file.is_absolute() {
        return Some(vec![file.to_owned()]);
    }
    // Within the folder that git was made to be installed in: where it lies, and where it says so itself.
    let has = |folder: &Path| program.contains_str([&b"\0"[..], folder.as_os_str().as_encoded_bytes(), b"\0"].concat());
    let installed = [git, &real].into_iter().filter_map(prefix).filter(|folder| has(folder));
    let files: Vec<PathBuf> = installed.map(|folder| folder.join(file)).collect();
    (!files.is_empty()).then_some(files)
}

/// The folder that a git lies in as it is installed.
fn prefix(git: &Path) -> Option<&Path> {
    let folder = git.parent()?;
    let within = ["bin", "libexec/git-core", "lib/git-core"].into_iter().find(|within| folder.ends_with(within))?;
    folder.ancestors().nth(Path::new(within).components().count())
}

/// The text of a program, ended by a zero, that this place is in.
fn text_around(program: &[u8], at: usize) -> &[u8] {
    let start = program[..at].rfind_byte(0).map_or(0, |zero| zero + 1);
    let length = program[at..].find_byte(0).unwrap_or(0);
    &program[start..at + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_convert_nothing_are_told_from_those_that_may() {
        for (attributes, expected) in [
            ("", Conversion::None),
            ("# nothing\n*.lock -diff merge=union linguist-generated\n*.png binary\n", Conversion::None),
            ("* text=auto\n", Conversion::LineEnds),
            ("\"a b\" !eol\n", Conversion::LineEnds),
            ("[attr]big filter=lfs\n", Conversion::Any),
            ("*.c ident\n", Conversion::Any),
            ("* text working-tree-encoding=UTF-16\n", Conversion::Any),
        ] {
            assert_eq!(judge(attributes.as_bytes()).conversion, expected, "{attributes}");
        }
    }

    #[test]
    fn a_program_that_does_not_say_where_its_attributes_are_is_not_guessed_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let git = folder.path().join("bin/git");
        std::fs::create_dir(folder.path().join("bin")).expect("a folder");
        let installed = folder.path().to_str().expect("text");
        let of = |program: &str| {
            std::fs::write(&git, program).expect("a program");
            compiled_in(&git)
        };
        assert_eq!(of("\0.gitattributes\0/etc/gitattributes\0"), Some(vec!["/etc/gitattributes".into()]));
        assert_eq!(of("\0/etc/gitattributes\0/opt/gitattributes\0"), None);
        assert_eq!(of("#!/bin/sh\nexec git\n"), None);
        assert_eq!(of("\0etc/gitattributes\0/elsewhere\0"), None);
        let expected = folder.path().join("etc/gitattributes");
        let found = of(&format!("\0etc/gitattributes\0{installed}\0")).expect("found");
        assert!(found.iter().all(|file| *file == expected) && !found.is_empty(), "{found:?}");
    }
}
