//! `log`: what is the last commit?

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bstr::ByteSlice;

use crate::checks::check::{Asking, Check, Feed, Kind, Question, Reader, ReaderOfMany};
use crate::checks::fields::Fields;
use crate::checks::reading::refused;
use crate::git::command::Git;
use crate::model::answer::{Exit, Finding, SourceId, Verdict};
use crate::model::facts::FactType::{Id, Int, Text};
use crate::model::facts::{FactDef, Facts};
use crate::model::worktree::Worktree;

/// Four fields a commit, each ended by NUL (`-z` ends the last).
const FORMAT: &str = "--format=tformat:%H%x00%s%x00%an%x00%ct";

/// What the user's configuration could put into the answer is turned off.
const PLAIN: [&str; 5] = ["-z", FORMAT, "--encoding=UTF-8", "--no-show-signature", "--no-color"];

/// The kind.
pub(super) struct Log;

impl Kind for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn question(&self) -> &'static str {
        "What is the last commit? (`git log`)"
    }

    fn facts(&self) -> &'static [FactDef] {
        const FACTS: [FactDef; 5] = [
            FactDef::new("commit", Id, "The commit's object id."),
            FactDef::new("subject", Text, "The first line of its message."),
            FactDef::new("author", Text, "Its author's name."),
            FactDef::new("committed_at", Int, "When it was committed, in seconds since 1970."),
            FactDef::new("age", Int, "Seconds since then."),
        ];
        &FACTS
    }

    fn route(&self, check: &Check) -> &'static [SourceId] {
        if check.asks_of_all() {
            &[SourceId::Known, SourceId::Batch, SourceId::Process]
        } else {
            &[SourceId::Known, SourceId::Process]
        }
    }

    /// An unborn branch has no commit to tell of; git would take another thing of the name HEAD (a tag, say) for the
    /// branch.
    fn known(&self, question: &Question<'_>) -> Option<Finding> {
        (question.is_unborn() && question.is_plain()).then(|| Verdict::passed(Facts::new()).into())
    }

    fn ask(&self, git: &Git, question: &Question<'_>) -> Option<Asking<dyn Reader>> {
        let mut args = vec!["log", "--max-count=1"];
        args.extend(PLAIN);
        let reader = One { commits: Commits::default(), unborn: question.is_unborn() };
        Some(Asking { invocation: question.git(git, &args), reader: Box::new(reader) })
    }

    fn may_join(&self, worktree: &Worktree) -> bool {
        worktree.head.is_some()
    }

    /// The commits of many worktrees, by the ids that `git worktree list` gave.
    fn ask_together(&self, git: &Git, questions: &[Question<'_>]) -> Option<Asking<dyn ReaderOfMany>> {
        let first = questions.first()?;
        let heads: Vec<String> =
            questions.iter().map(|question| question.worktree.head.clone()).collect::<Option<_>>()?;
        let mut args = vec!["log", "--no-walk=unsorted", "--stdin"];
        args.extend(PLAIN);
        let mut invocation = first.git(git, &args);
        invocation.input = Some(heads.iter().flat_map(|head| [head.as_bytes(), b"\n"].concat()).collect());
        Some(Asking { invocation, reader: Box::new(Many { commits: Commits::default(), heads }) })
    }
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

    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Result<Vec<Commit>, Verdict> {
        if exit != Exit::Code(0) {
            return Err(refused(exit, stderr));
        }
        if self.malformed || !self.open.is_empty() || self.fields.is_cut_off() {
            return Err(Verdict::errored("cannot read what git log printed"));
        }
        Ok(std::mem::take(&mut self.whole))
    }
}

/// Reads the commit of one worktree's own HEAD.
struct One {
    commits: Commits,
    unborn: bool,
}

impl Feed for One {
    fn feed(&mut self, chunk: &[u8]) {
        self.commits.feed(chunk);
    }
}

impl Reader for One {
    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Finding {
        // git log dies on a branch without commits; that is an answer, not an error.
        if self.unborn && exit == Exit::Code(128) && stderr.contains_str("does not have any commits yet") {
            return Verdict::passed(Facts::new()).into();
        }
        match self.commits.finish(exit, stderr) {
            Ok(commits) => Verdict::passed(commits.first().map(Commit::facts).unwrap_or_default()).into(),
            Err(verdict) => verdict.into(),
        }
    }
}

/// Reads commits by their ids. Several worktrees may be at one.
struct Many {
    commits: Commits,
    heads: Vec<String>,
}

impl Feed for Many {
    fn feed(&mut self, chunk: &[u8]) {
        self.commits.feed(chunk);
    }
}

impl ReaderOfMany for Many {
    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Result<Vec<Option<Finding>>, String> {
        let commits = self.commits.finish(exit, stderr).map_err(|verdict| verdict.reason.unwrap_or_default())?;
        let commits: HashMap<&str, &Commit> = commits.iter().map(|commit| (commit.id.as_str(), commit)).collect();
        let found = |head: &String| commits.get(head.as_str()).map(|commit| Verdict::passed(commit.facts()).into());
        Ok(self.heads.iter().map(found).collect())
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
            let commits = commits.finish(Exit::Code(0), b"").expect("two commits");
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
            assert_eq!(commits.finish(Exit::Code(0), b"").err().map(|verdict| verdict.outcome), Some(Outcome::Errored));
        }
    }

    #[test]
    fn one_answer_serves_worktrees_with_one_head() {
        let heads = ["aaaa", "aaaa", "cccc"].map(str::to_owned).to_vec();
        let mut many = Many { commits: Commits::default(), heads };
        many.feed(b"aaaa\0s\0a\x001\0");
        let found = many.finish(Exit::Code(0), b"").expect("an answer");
        let passed: Vec<_> = found.iter().map(|found| found.as_ref().map(|found| found.verdict.outcome)).collect();
        assert_eq!(passed, [Some(Outcome::Passed), Some(Outcome::Passed), None], "one is left to ask for itself");
        assert!(many.finish(Exit::Code(128), b"fatal: bad object\n").is_err());
    }
}
