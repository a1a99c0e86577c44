//! What was found out in earlier runs: `wtcheck/integration` in the folder that all worktrees share.
//!
//! Whether a commit's content has landed in another follows from the two alone. So an answer holds for ever, where it is
//! one: what could not be found out is not kept.
//!
//! - It is a regular file of this user's, that nobody else can read, in a folder that nobody else can write to. What is
//!   wrong with it makes it none.
//! - It holds for this version of this program, and for this git, which makes the merges.
//! - It has a bound: what was not asked for in this run is left out first.

use std::collections::HashMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use gix_hash::ObjectId;
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use crate::git::regular_file::{self, Links};

/// A longer file is not read.
const LONGEST: u64 = 4 << 20;
/// No more answers are kept.
const MOST: usize = 8000;

/// What an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    /// The branch's commit.
    pub(super) head: ObjectId,
    /// The base's.
    pub(super) base: ObjectId,
    /// So many of the base's commits were looked at.
    pub(super) depth: usize,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// How the content has landed, and as what; none: it has not.
    pub(super) landed: Option<(&'static str, ObjectId)>,
    /// Whether the branch is where it began; none: it has come from nowhere.
    pub(super) is_without_change: Option<bool>,
    /// Whether the base does not have it any more, though it has landed.
    pub(super) is_undone: bool,
}

/// The ways in which content can have landed.
const WAYS: [&str; 4] = ["tree", "patches", "squash", "merge"];

/// The answers of earlier runs.
pub(super) struct Kept {
    path: PathBuf,
    /// What they hold for.
    holds_for: String,
    answers: HashMap<Question, Answer>,
}

impl Kept {
    /// Those that hold for this git.
    pub(super) fn read(common_dir: &Path, git: &str) -> Self {
        let path = common_dir.join("wtcheck/integration");
        let holds_for = format!("1 {} {git}", env!("CARGO_PKG_VERSION"));
        let answers = content(&path).and_then(|content| parse(&content, &holds_for)).unwrap_or_default();
        Self { path, holds_for, answers }
    }

    /// The answer to a question.
    pub(super) fn answer(&self, question: &Question) -> Option<Answer> {
        self.answers.get(question).copied()
    }

    /// Keeps these, and of the others as many as there is room for. Where that is not possible, git will be asked again.
    pub(super) fn keep(self, new: &[(Question, Answer)]) {
        if new.iter().any(|(question, answer)| self.answers.get(question) != Some(answer)) {
            let asked: HashMap<_, _> = new.iter().copied().collect();
            let others = self.answers.into_iter().filter(|(question, _)| !asked.contains_key(question));
            let all: Vec<_> =
                asked.iter().map(|(question, answer)| (*question, *answer)).chain(others).take(MOST).collect();
            let _ = write(&self.path, &written(&all, &self.holds_for));
        }
    }
}

fn written(answers: &[(Question, Answer)], holds_for: &str) -> Vec<u8> {
    let mut lines: Vec<String> = answers.iter().map(|(question, answer)| line(question, answer)).collect();
    lines.sort();
    let rest = format!("{holds_for}\n{}", lines.concat());
    format!("{}\n{rest}", sum(rest.as_bytes())).into_bytes()
}

/// `HEAD BASE DEPTH HOW COMMIT CHANGED UNDONE`
fn line(Question { head, base, depth }: &Question, answer: &Answer) -> String {
    let landed = answer.landed.map_or_else(|| "- -".to_owned(), |(how, with)| format!("{how} {with}"));
    let is_without_change = answer.is_without_change.map_or('-', |is| if is { '1' } else { '0' });
    format!("{head} {base} {depth} {landed} {is_without_change} {}\n", u8::from(answer.is_undone))
}

fn parse(content: &[u8], holds_for: &str) -> Option<HashMap<Question, Answer>> {
    let (number, rest) = content.split_once_str("\n").filter(|(number, rest)| *number == sum(rest).as_bytes())?;
    debug_assert_eq!(number.len(), 64);
    let (for_what, lines) = rest.to_str().ok()?.split_once('\n')?;
    if for_what != holds_for {
        return None;
    }
    lines.lines().map(parsed).collect()
}

fn parsed(line: &str) -> Option<(Question, Answer)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [head, base, depth, how, with, is_without_change, is_undone] = words[..] else { return None };
    let id = |word: &str| ObjectId::from_hex(word.as_bytes()).ok();
    let flag = |word: &str| match word {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    };
    let question = Question { head: id(head)?, base: id(base)?, depth: depth.parse().ok()? };
    let landed = match (how, with) {
        ("-", "-") => None,
        (how, with) => Some((WAYS.into_iter().find(|way| *way == how)?, id(with)?)),
    };
    let is_without_change = if is_without_change == "-" { None } else { Some(flag(is_without_change)?) };
    Some((question, Answer { landed, is_without_change, is_undone: flag(is_undone)? }))
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn content(path: &Path) -> Option<Vec<u8>> {
    let file =
        regular_file::open(path, Links::Refused).ok().filter(|_| path.parent().is_some_and(is_private_folder))?;
    let about = file.metadata().ok()?;
    if about.uid() != geteuid().as_raw() || about.mode() & 0o077 != 0 || about.size() > LONGEST {
        return None;
    }
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Writes it, whole or not at all.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|_| content.len() as u64 <= LONGEST) else { return Ok(()) };
    // It may be there.
    let _ = DirBuilder::new().mode(0o700).create(folder);
    if !is_private_folder(folder) {
        return Ok(());
    }
    let new = folder.join(format!(".integration.{:016x}", fastrand::u64(..)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(content).and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&new);
    })
}

/// Whether a folder is this user's, and nobody else writes into it.
fn is_private_folder(folder: &Path) -> bool {
    let own = geteuid().as_raw();
    folder.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == own && found.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<(Question, Answer)> {
        let id = |number: u8| ObjectId::from_bytes_or_panic(&[number; 20]);
        let question = |number: u8| Question { head: id(number), base: id(9), depth: 2000 };
        let of = |landed, is_without_change, is_undone| Answer { landed, is_without_change, is_undone };
        vec![
            (question(1), of(None, None, false)),
            (question(2), of(Some(("squash", id(8))), Some(false), true)),
            (question(3), of(None, Some(true), false)),
        ]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let content = written(&examples(), "1 a git");
        assert_eq!(parse(&content, "1 a git"), Some(examples().into_iter().collect()));
        assert_eq!(parse(&content, "1 b git"), None, "it holds for another");
        for at in 0..content.len() {
            let mut broken = content.clone();
            broken[at] ^= 1;
            assert_eq!(parse(&broken, "1 a git"), None, "byte {at}");
            assert_eq!(parse(&content[..at], "1 a git"), None, "{at} bytes");
        }
    }

    #[test]
    fn what_is_asked_for_is_kept_and_only_where_nobody_else_writes() {
        use std::os::unix::fs::PermissionsExt;
        let common = tempfile::tempdir().expect("a folder");
        let read = || Kept::read(common.path(), "git");
        let [one, two, three] = <[_; 3]>::try_from(examples()).expect("three");
        read().keep(&[one]);
        read().keep(&[two, three]);
        for (question, answer) in [one, two, three] {
            assert_eq!(read().answer(&question), Some(answer));
        }
        assert_eq!(read().answer(&Question { depth: 1, ..one.0 }), None);
        assert_eq!(Kept::read(common.path(), "another git").answer(&one.0), None);
        let set = |path: &str, mode| {
            std::fs::set_permissions(common.path().join(path), PermissionsExt::from_mode(mode)).expect("a mode");
        };
        set("wtcheck/integration", 0o644);
        assert_eq!(read().answer(&one.0), None, "others may read it: another has made it");
        set("wtcheck/integration", 0o600);
        set("wtcheck", 0o770);
        assert_eq!(read().answer(&one.0), None, "others may write there");
        set("wtcheck", 0o700);
        assert_eq!(read().answer(&one.0), Some(one.1));
        assert_eq!(common.path().join("wtcheck").read_dir().expect("a folder").count(), 1, "nothing beside it");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(rest: Vec<u8>, text: String) {
            parse(&rest, "x");
            let rest = [b"x\n".as_slice(), text.as_bytes(), &rest].concat();
            parse(&[sum(&rest).as_bytes(), b"\n", &rest].concat(), "x");
            parsed(&text);
        }
    }
}
