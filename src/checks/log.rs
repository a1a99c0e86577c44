//! `log`: what is the last commit?

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bstr::ByteSlice;

use crate::checks::fields::Fields;
use crate::checks::{Prepared, Reader, git_in, refused};
use crate::git::command::Git;
use crate::model::answer::{Exit, Verdict};
use crate::model::check::Check;
use crate::model::facts::Facts;
use crate::model::worktree::Worktree;
use crate::plan::{Plan, UnitIndex};

/// Four fields a commit, each ended by NUL (`-z` ends the last).
const FORMAT: &str = "--format=tformat:%H%x00%s%x00%an%x00%ct";

/// What the user's configuration could put into the answer is turned off.
const PLAIN: [&str; 5] = ["-z", FORMAT, "--encoding=UTF-8", "--no-show-signature", "--no-color"];

/// One worktree's own HEAD.
pub(super) fn prepare(git: &Git, check: &Check, worktree: &Worktree, dir: &Path) -> Result<Prepared, Verdict> {
    let unborn = worktree.head.is_none() && worktree.branch.is_some();
    // There is no commit to tell of; git would take another thing of the name HEAD (a tag, say) for the branch.
    if unborn && check.args.is_empty() && check.env.is_empty() {
        return Err(Verdict::passed(Facts::new()));
    }
    let mut args = vec!["log", "--max-count=1"];
    args.extend(PLAIN);
    let reader = One { commits: Commits::default(), unborn };
    Ok(Prepared { invocation: git_in(git, check, worktree, dir, &args), reader: Box::new(reader) })
}

/// The commits of many worktrees at once, by the ids that `git worktree list` gave.
pub(super) fn prepare_shared(git: &Git, plan: &Plan, unit: UnitIndex, with: &[UnitIndex], dir: &Path) -> Prepared {
    let worktree = &plan.worktrees[plan.worktree_of(unit)];
    let heads: Vec<(UnitIndex, String)> =
        with.iter().filter_map(|unit| Some((*unit, plan.worktrees[plan.worktree_of(*unit)].head.clone()?))).collect();
    let mut args = vec!["log", "--no-walk=unsorted", "--stdin"];
    args.extend(PLAIN);
    let mut invocation = git_in(git, &plan.checks[plan.check_of(unit)].check, worktree, dir, &args);
    let mut input = Vec::with_capacity(heads.len() * 41);
    for (_, head) in &heads {
        input.extend_from_slice(head.as_bytes());
        input.push(b'\n');
    }
    invocation.input = Some(input);
    Prepared { invocation, reader: Box::new(Many { commits: Commits::default(), unit, heads, others: Vec::new() }) }
}

#[derive(Clone)]
struct Commit {
    id: String,
    subject: String,
    author: String,
    committed_at: i64,
}

impl Commit {
    fn facts(&self) -> Facts {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let mut facts = Facts::new();
        facts.set("commit", self.id.clone());
        facts.set("subject", self.subject.clone());
        facts.set("author", self.author.clone());
        facts.set("committed_at", self.committed_at);
        // Negative where the committer's clock was ahead of ours.
        facts.set("age", now.saturating_sub(self.committed_at));
        facts
    }
}

/// Puts fields together to commits.
#[derive(Default)]
struct Commits {
    fields: Fields,
    open: Vec<String>,
    whole: Vec<Commit>,
    malformed: bool,
}

impl Commits {
    fn feed(&mut self, chunk: &[u8]) {
        let Self { fields, open, whole, malformed } = self;
        fields.feed(chunk, |field| {
            open.push(field.to_str_lossy().into_owned());
            if open.len() < 4 {
                return;
            }
            let mut parts = open.drain(..);
            let commit = (|| {
                let (id, subject, author, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
                Some(Commit { id, subject, author, committed_at: time.parse().ok()? })
            })();
            match commit {
                Some(commit) => whole.push(commit),
                None => *malformed = true,
            }
        });
    }

    fn take(&mut self, exit: Exit, stderr: &[u8]) -> Result<Vec<Commit>, Verdict> {
        if exit != Exit::Code(0) {
            return Err(refused(exit, stderr));
        }
        if self.malformed || !self.open.is_empty() || self.fields.is_cut_off() {
            return Err(Verdict::errored("cannot read what git log printed"));
        }
        Ok(std::mem::take(&mut self.whole))
    }
}

struct One {
    commits: Commits,
    unborn: bool,
}

impl Reader for One {
    fn feed(&mut self, chunk: &[u8]) {
        self.commits.feed(chunk);
    }

    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Verdict {
        // git log dies on a branch without commits; that is an answer, not an error.
        if self.unborn && exit == Exit::Code(128) && stderr.contains_str("does not have any commits yet") {
            return Verdict::passed(Facts::new());
        }
        match self.commits.take(exit, stderr) {
            Ok(commits) => Verdict::passed(commits.first().map(Commit::facts).unwrap_or_default()),
            Err(verdict) => verdict,
        }
    }
}

struct Many {
    commits: Commits,
    unit: UnitIndex,
    heads: Vec<(UnitIndex, String)>,
    others: Vec<(UnitIndex, Verdict)>,
}

impl Reader for Many {
    fn feed(&mut self, chunk: &[u8]) {
        self.commits.feed(chunk);
    }

    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Verdict {
        let commits: HashMap<String, Commit> = match self.commits.take(exit, stderr) {
            Ok(commits) => commits.into_iter().map(|commit| (commit.id.clone(), commit)).collect(),
            Err(verdict) => return verdict,
        };
        let mut own = Verdict::errored("git log left this commit out");
        for (unit, head) in &self.heads {
            // A head that git passed over is asked for by itself: its unit gets no answer here.
            let Some(commit) = commits.get(head) else { continue };
            let verdict = Verdict::passed(commit.facts());
            if *unit == self.unit {
                own = verdict;
            } else {
                self.others.push((*unit, verdict));
            }
        }
        own
    }

    fn others(&mut self) -> Vec<(UnitIndex, Verdict)> {
        std::mem::take(&mut self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::Outcome;

    #[test]
    fn reads_commits_whatever_the_pieces() {
        let stream = "aaaa\0first \u{1F600}\0An Author\x001700000000\0bbbb\0\0\x00-5\0".as_bytes();
        for size in 1..stream.len() {
            let mut commits = Commits::default();
            stream.chunks(size).for_each(|chunk| commits.feed(chunk));
            let commits = commits.take(Exit::Code(0), b"").expect("two commits");
            assert_eq!(commits.len(), 2);
            assert_eq!(commits[0].subject, "first \u{1F600}");
            assert_eq!((commits[1].subject.as_str(), commits[1].committed_at), ("", -5));
        }
    }

    #[test]
    fn half_a_commit_is_none() {
        for stream in [&b"aaaa\0s\0"[..], b"aaaa\0s\0a\0x\0", b"aaaa"] {
            let mut commits = Commits::default();
            commits.feed(stream);
            assert_eq!(commits.take(Exit::Code(0), b"").err().map(|verdict| verdict.outcome), Some(Outcome::Errored));
        }
    }

    #[test]
    fn one_answer_serves_worktrees_with_one_head() {
        let heads = vec![(3, "aaaa".to_owned()), (7, "aaaa".to_owned()), (9, "cccc".to_owned())];
        let mut many = Many { commits: Commits::default(), unit: 3, heads, others: Vec::new() };
        many.feed(b"aaaa\0s\0a\x001\0");
        assert_eq!(many.finish(Exit::Code(0), b"").outcome, Outcome::Passed);
        let others: Vec<_> = many.others().into_iter().map(|(unit, _)| unit).collect();
        assert_eq!(others, [7], "the unit without an answer is left to ask for itself");
    }
}
