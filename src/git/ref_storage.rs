//! Repositories that keep refs otherwise than as files (`extensions.refStorage`): git is asked there for the HEAD of a
//! folder that two records claim, and for the marks of operations under way.

use std::path::Path;
use std::time::Duration;

use bstr::ByteSlice;

use crate::git::command::Git;
use crate::git::config::{Entry, last};
use crate::git::errand::{Errand, Errands, Interrupted};
use crate::git::worktree_folder::{Head, Look};
use crate::model::answer::Exit;
use crate::model::worktree::{Marks, Worktree};

/// Whether refs are kept otherwise than as files, HEAD and the marks of operations among them.
pub fn are_apart(entries: &[Entry]) -> bool {
    let storage = last(entries, "extensions.refstorage").and_then(|entry| entry.value.as_ref());
    storage.is_some_and(|storage| *storage != "files")
}

/// How long git may take: it reads only the repository's own folder.
const LONGEST: Duration = Duration::from_secs(30);

/// Reads the HEAD of each folder that several records claim, for the look at it.
pub fn read_heads(git: &Git, errands: &mut impl Errands, looks: &mut [Look]) -> Result<(), Interrupted> {
    let claimed: Vec<_> = looks.iter_mut().filter(|look| !look.alone && !look.main).collect();
    let ask = |path: &Path, words: &[&str]| Errand { invocation: git.within(path, words), within: LONGEST };
    let asked: Vec<Errand> = claimed
        .iter()
        .flat_map(|look| {
            [
                ask(look.path(), &["symbolic-ref", "--quiet", "HEAD"]),
                ask(look.path(), &["rev-parse", "--verify", "HEAD"]),
            ]
        })
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let mut answers = errands.carry_out(&asked)?.into_iter();
    let mut next = || {
        let printed = answers.next()?.ok().filter(|printed| printed.exit == Exit::Code(0))?;
        Some(printed.stdout.trim_ascii().to_str_lossy().into_owned())
    };
    for look in claimed {
        let (branch, commit) = (next(), next());
        look.head = branch.map(Head::Branch).or_else(|| commit.map(Head::Commit));
    }
    Ok(())
}

/// Reads which marks of operations each worktree has, in one process for all.
pub fn read_marks(
    git: &Git,
    errands: &mut impl Errands,
    common_dir: &Path,
    worktrees: &mut [Worktree],
) -> Result<(), Interrupted> {
    let mut asked = git.here(&["cat-file", "--batch-check=%(objectname)"]);
    let mut words = Vec::new();
    let mut asked_for: Vec<&mut Worktree> = Vec::new();
    for worktree in worktrees {
        worktree.marks = Marks::Unknown;
        // (Names: "refs of other worktrees", git-worktree(1).)
        let of = match worktree.git_dir.as_deref() {
            Some(git_dir) if git_dir == common_dir => b"main-worktree".to_vec(),
            Some(git_dir) => [b"worktrees/", git_dir.file_name().unwrap_or_default().as_encoded_bytes()].concat(),
            None => continue,
        };
        for mark in ["CHERRY_PICK_HEAD", "REVERT_HEAD"] {
            words.extend_from_slice(&[&of, b"/".as_slice(), mark.as_bytes(), b"\n"].concat());
        }
        asked_for.push(worktree);
    }
    asked.input = Some(words);
    let mut answers = errands.carry_out(&[Errand { invocation: asked, within: LONGEST }])?;
    let printed = answers.pop().and_then(Result::ok).filter(|printed| printed.exit == Exit::Code(0));
    let lines: Vec<bool> =
        printed.iter().flat_map(|printed| printed.stdout.lines()).map(|line| !line.ends_with(b" missing")).collect();
    // Half an answer is none: the marks stay unknown.
    if lines.len() == 2 * asked_for.len() {
        for (worktree, marks) in asked_for.into_iter().zip(lines.chunks_exact(2)) {
            worktree.marks = Marks::Refs { cherry_pick: marks[0], revert: marks[1] };
        }
    }
    Ok(())
}
