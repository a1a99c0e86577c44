//! What git has to be asked of refs that elsewhere are files in a worktree's git folder (`extensions.refStorage`): HEAD, where
//! two records claim one folder, and the marks of operations under way.

use std::path::Path;
use std::time::Duration;

use bstr::ByteSlice;

use crate::git::command::Git;
use crate::git::config::{Entry, last};
use crate::git::errand::{Errand, Errands, Interrupted};
use crate::git::worktree_folder::{Head, Look};
use crate::model::answer::Exit;
use crate::model::worktree::{Marks, Worktree};

/// Whether refs are no files of their own (`extensions.refStorage`), HEAD and the marks of operations among them.
pub fn are_apart(entries: &[Entry]) -> bool {
    let storage = last(entries, "extensions.refstorage").and_then(|entry| entry.value.as_ref());
    storage.is_some_and(|storage| *storage != "files")
}

/// git needs no more time than this for what lies in its own folder.
const LONGEST: Duration = Duration::from_secs(30);

/// Puts into the looks at folders that several records claim which HEAD the folder has.
pub fn tell_heads(git: &Git, errands: &mut impl Errands, looks: &mut [Look]) -> Result<(), Interrupted> {
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

/// Puts into each worktree which marks of operations git has for it. One process for all.
pub fn tell_marks(
    git: &Git,
    errands: &mut impl Errands,
    common_dir: &Path,
    worktrees: &mut [Worktree],
) -> Result<(), Interrupted> {
    let mut asked = git.here(&["cat-file", "--batch-check=%(objectname)"]);
    let mut words = Vec::new();
    let mut told: Vec<&mut Worktree> = Vec::new();
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
        told.push(worktree);
    }
    asked.input = Some(words);
    let mut answers = errands.carry_out(&[Errand { invocation: asked, within: LONGEST }])?;
    let printed = answers.pop().and_then(Result::ok).filter(|printed| printed.exit == Exit::Code(0));
    let lines: Vec<bool> =
        printed.iter().flat_map(|printed| printed.stdout.lines()).map(|line| !line.ends_with(b" missing")).collect();
    // Half an answer is none: then nobody says that nothing is under way.
    if lines.len() == 2 * told.len() {
        for (worktree, marks) in told.into_iter().zip(lines.chunks_exact(2)) {
            worktree.marks = Marks::Refs { cherry_pick: marks[0], revert: marks[1] };
        }
    }
    Ok(())
}
