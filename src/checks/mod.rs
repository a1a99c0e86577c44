//! The checks: what each asks of git or of a program, and what it makes of the answer. One file a kind.

mod command;
mod diff;
mod fields;
mod log;
mod status;

use std::path::Path;

use bstr::{BString, ByteSlice};

use crate::git::command::{Git, Invocation};
use crate::model::answer::{Exit, Verdict};
use crate::model::check::{Check, CheckKind};
use crate::model::worktree::Worktree;
use crate::plan::{Plan, UnitIndex};
use crate::text::signal;

/// Reads what a check's process prints to standard output, as it comes, and says what it means.
pub trait Reader: Send {
    /// Takes a piece of standard output.
    fn feed(&mut self, chunk: &[u8]);

    /// The process has ended by itself: what did it say? `stderr` is the end of its standard error.
    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Verdict;

    /// What it said of the other units that it was asked for.
    fn others(&mut self) -> Vec<(UnitIndex, Verdict)> {
        Vec::new()
    }
}

/// An attempt that is ready to be carried out.
pub struct Prepared {
    /// The process.
    pub invocation: Invocation,
    /// What reads its output.
    pub reader: Box<dyn Reader>,
}

/// What an attempt is to find out.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The unit.
    pub unit: UnitIndex,
    /// Its worktree, with all that is known of it by now.
    pub worktree: &'a Worktree,
    /// Units of the same check that the same process should answer.
    pub with: &'a [UnitIndex],
    /// The attempt, counted from 1.
    pub number: u32,
    /// What a check before it on the same worktree has said: see [`Verdict::changed`].
    pub changed: Option<&'a [BString]>,
}

/// Makes an attempt at a unit ready; or gives its answer, where it follows from what is known.
pub fn prepare(git: &Git, question: Question<'_>) -> Result<Prepared, Verdict> {
    let Question { plan, unit, worktree, with, number, changed } = question;
    let check = &plan.checks[plan.check_of(unit)].check;
    let dir = check.dir.as_ref().map_or_else(|| worktree.path.clone(), |dir| worktree.path.join(dir));
    let mut prepared = match check.kind {
        CheckKind::Status => status::prepare(git, check, worktree, &dir),
        CheckKind::Diff => diff::prepare(git, check, worktree, &dir, changed)?,
        CheckKind::Log if with.is_empty() => log::prepare(git, check, worktree, &dir)?,
        CheckKind::Log => log::prepare_shared(git, plan, unit, with, &dir),
        CheckKind::Command => command::prepare(git, check, &dir),
    };
    let invocation = &mut prepared.invocation;
    for (name, value) in &check.env {
        invocation.env(name, value);
    }
    invocation.env("WTCHECK_CHECK", &check.name);
    invocation.env("WTCHECK_WORKTREE", &worktree.path);
    // Empty on a detached HEAD, rather than what an outer run may have set.
    invocation.env("WTCHECK_BRANCH", worktree.branch.as_deref().unwrap_or_default());
    invocation.env("WTCHECK_COMMON_DIR", &plan.common_dir);
    invocation.env("WTCHECK_ATTEMPT", number.to_string());
    Ok(prepared)
}

/// A git command in a worktree, with the check's own arguments behind ours.
fn git_in(git: &Git, check: &Check, worktree: &Worktree, dir: &Path, args: &[&str]) -> Invocation {
    let args: Vec<&str> = args.iter().copied().chain(check.args.iter().map(String::as_str)).collect();
    git.of(worktree, dir, &args)
}

/// git ended without an answer: why.
fn refused(exit: Exit, stderr: &[u8]) -> Verdict {
    let words = crate::git::command::complaint(stderr);
    let ended = match exit {
        Exit::Code(code) => format!("git: exit status {code}"),
        Exit::Signal(number) => format!("git: killed by {}", signal::name(number)),
    };
    Verdict::errored(words.unwrap_or(ended))
}

/// What git passed over and left out of an answer that looks whole: it exits 0 where it may not enter a folder, whose
/// files then count as unchanged, or as none.
/// (Words: `open_cached_dir` in git's dir.c; `perror` in diff-lib.c, with the path before the system's word.)
fn blind_spot(stderr: &[u8]) -> Option<String> {
    use nix::errno::Errno;
    const KNOWN: [Errno; 6] =
        [Errno::EACCES, Errno::EPERM, Errno::EIO, Errno::ESTALE, Errno::ENOTCONN, Errno::ETIMEDOUT];
    let is_passed_over = |line: &&[u8]| {
        let untracked = line.starts_with(b"warning: could not open directory '");
        let said = |error: Errno| {
            let error = std::io::Error::from_raw_os_error(error as i32).to_string();
            let word = error.split(" (os error").next().unwrap_or(&error);
            line.strip_suffix(word.as_bytes()).is_some_and(|rest| rest.ends_with(b": "))
        };
        let is_told = [&b"warning: "[..], b"error: ", b"hint: "].iter().any(|level| line.starts_with(level));
        untracked || (!is_told && KNOWN.into_iter().any(said))
    };
    let line = stderr.lines().find(is_passed_over)?;
    Some(line.strip_prefix(b"warning: ").unwrap_or(line).to_str_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_passed_over_is_not_clean() {
        let found = |stderr: &[u8]| blind_spot(stderr).is_some();
        assert!(found(b"warning: could not open directory 'private/': Permission denied\n"));
        assert!(found(b"hint: x\nprivate/file.txt: Permission denied\n"));
        assert!(found(b"mnt/file: Transport endpoint is not connected\n"));
        assert!(!found(b"warning: unable to access '/root/.config/git/attributes': Permission denied\n"));
        assert!(!found(b"10:20:30.123456 git.c:476 trace: built-in: git status\n"));
        assert!(!found(b""));
    }
}
