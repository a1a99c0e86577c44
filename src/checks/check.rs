//! What a check is, what a kind of check knows, and how a check is asked and answered.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::git::branch_state::BranchState;
use crate::git::command::{Git, Invocation};
use crate::git::conflicts::Conflicts;
use crate::git::edits::Differing;
use crate::git::prove::Counted;
use crate::git::survey::Survey;
use crate::model::answer::{Evidence, Exit, Finding, SourceId};
use crate::model::check::{Backoff, CommandLine, RetryClass};
use crate::model::facts::FactDef;
use crate::model::worktree::Worktree;

/// A kind of check: all that the program knows of the question that its checks ask.
pub trait Kind: Sync {
    /// Its name in settings and reports.
    fn name(&self) -> &'static str;

    /// The question, in the manual's words.
    fn question(&self) -> &'static str;

    /// The facts that its checks find, in the order in which reports list them.
    fn facts(&self) -> &'static [FactDef];

    /// What holds for its checks where the settings say nothing.
    fn defaults(&self) -> Defaults {
        Defaults::OF_GIT
    }

    /// Whether git answers its checks. The others run a command, which the settings give.
    fn is_built_in(&self) -> bool {
        true
    }

    /// Whether its checks may have arguments, variables and a folder of their own.
    fn takes_arguments(&self) -> bool {
        true
    }

    /// Whether a check of this kind runs where nobody says which checks do.
    fn is_in_default_pipeline(&self) -> bool {
        true
    }

    /// Who can answer a check, in the order in which they are asked. The last one can always.
    fn route(&self, _check: &Check) -> &'static [SourceId] {
        &[SourceId::Process]
    }

    /// The answer, where it follows from what is known and nothing needs to be asked ([`SourceId::Known`]).
    fn known(&self, _question: &Question<'_>) -> Option<Finding> {
        None
    }

    /// The process that answers a check on one worktree ([`SourceId::Process`]). None: no one process can.
    fn ask(&self, _git: &Git, _question: &Question<'_>) -> Option<Asking<dyn Reader>> {
        None
    }

    /// The answer, from what was found out of a worktree and its repository ([`SourceId::Survey`]). None: it does not
    /// follow from that.
    fn surveyed(&self, _survey: &Survey) -> Option<Finding> {
        None
    }

    /// The answer, from what a worktree comes to with the others of its repository, which are listed
    /// ([`SourceId::Pairs`]); or from why that is not known. None: it does not follow from that.
    fn paired(&self, _found: &Result<Conflicts, String>, _worktrees: &[Worktree]) -> Option<Finding> {
        None
    }

    /// What is looked at to prove the answer ([`SourceId::Proof`]).
    fn basis(&self) -> Basis {
        Basis::Changes
    }

    /// The answer, from what was proven. None: it does not follow from that.
    fn proven(&self, _question: &Question<'_>, _proven: Proven<'_>) -> Option<Finding> {
        None
    }

    /// Whether one process may answer a check on this worktree together with others.
    fn may_join(&self, _worktree: &Worktree) -> bool {
        false
    }

    /// The process that answers a check on many worktrees of one repository ([`SourceId::Batch`]), each of which may
    /// join.
    fn ask_together(&self, _git: &Git, _questions: &[Question<'_>]) -> Option<Asking<dyn ReaderOfMany>> {
        None
    }
}

/// What is looked at for a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The worktree's index and files, and its branch.
    Changes,
    /// The content of the files that a check before it has proven to be changed.
    Lines,
}

/// What was proven of a worktree.
#[derive(Clone, Debug)]
pub enum Proven<'a> {
    /// What has changed, and what is told of its branch.
    Changes(Counted, &'a BranchState),
    /// How much differs.
    Lines(Differing),
}

/// What holds for the checks of a kind where the settings say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// What is worth another attempt.
    pub retry_on: &'static [RetryClass],
    /// The condition under which it runs; none: it always does.
    pub when: Option<&'static str>,
}

impl Defaults {
    /// Of a question to git: it changes nothing, so that it can be asked again.
    pub const OF_GIT: Self = Self {
        timeout: Duration::from_secs(30),
        retries: 2,
        retry_on: &[RetryClass::Timeout, RetryClass::Lock, RetryClass::Error],
        when: None,
    };
}

/// A kind of check, by reference. There is one of each.
#[derive(Clone, Copy)]
pub struct CheckKind(&'static dyn Kind);

impl CheckKind {
    /// Refers to a kind.
    pub const fn of(kind: &'static dyn Kind) -> Self {
        Self(kind)
    }
}

impl Deref for CheckKind {
    type Target = dyn Kind;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for CheckKind {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for CheckKind {}

impl fmt::Debug for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for CheckKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One check of the pipeline, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, unique in the pipeline.
    pub name: String,
    /// What kind it is of.
    pub kind: CheckKind,
    /// What a `command` check runs.
    pub command: Option<CommandLine>,
    /// Extra arguments to a built-in's git command.
    pub args: Vec<String>,
    /// Variables for its processes.
    pub env: Vec<(String, String)>,
    /// The folder inside the worktree in which it runs.
    pub dir: Option<String>,
    /// How long one attempt may take. None: for ever.
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    pub grace_period: Duration,
    /// How long an attempt may run before it is called slow. None: for ever.
    pub slow_after: Option<Duration>,
    /// Attempts after the first; at most [`MOST_RETRIES`](crate::model::check::MOST_RETRIES).
    pub retries: u32,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// What is worth another attempt.
    pub retry_on: Vec<RetryClass>,
    /// Bytes that are kept of each output stream, the last ones.
    pub max_output: usize,
    /// How many of its units may run at a time. None: no bound of its own.
    pub max_concurrency: Option<usize>,
    /// The condition under which it runs, as written.
    pub when: Option<String>,
    /// Checks that must have passed on the same worktree.
    pub needs: Vec<String>,
    /// The condition under which it fails, as written.
    pub fail_if: Option<String>,
    /// Whether its units never count against the run.
    pub allow_failure: bool,
    /// A word for people.
    pub description: Option<String>,
}

impl Check {
    /// Whether it asks what its kind asks by itself: with arguments, variables or a folder of its own it may ask about
    /// a part.
    pub const fn asks_of_all(&self) -> bool {
        self.args.is_empty() && self.env.is_empty() && self.dir.is_none()
    }
}

/// What a check is to find out on one worktree.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The check.
    pub check: &'a Check,
    /// The worktree, with all that is known of it by now.
    pub worktree: &'a Worktree,
    /// The folder that all worktrees of its repository share.
    pub common_dir: &'a Path,
    /// The attempt, counted from 1.
    pub number: u32,
    /// What checks before it on the same worktree know.
    pub evidence: &'a Evidence,
}

impl Question<'_> {
    /// The folder in which the check runs.
    pub fn folder(&self) -> PathBuf {
        self.check.dir.as_ref().map_or_else(|| self.worktree.path.clone(), |dir| self.worktree.path.join(dir))
    }

    /// A git command in the worktree, with the check's own arguments behind ours.
    pub fn git(&self, git: &Git, args: &[&str]) -> Invocation {
        let args: Vec<&str> = args.iter().copied().chain(self.check.args.iter().map(String::as_str)).collect();
        git.of(self.worktree, &self.folder(), &args)
    }

    /// Whether the check's own arguments and variables leave the question what its kind asks.
    pub const fn is_plain(&self) -> bool {
        self.check.args.is_empty() && self.check.env.is_empty()
    }

    /// Whether a branch is checked out that has no commit yet.
    pub const fn is_unborn(&self) -> bool {
        self.worktree.head.is_none() && self.worktree.branch.is_some()
    }

    /// Gives the check's process what checks may know of their surroundings.
    pub fn tell(&self, invocation: &mut Invocation) {
        for (name, value) in &self.check.env {
            invocation.env(name, value);
        }
        invocation.env("WTCHECK_CHECK", &self.check.name);
        invocation.env("WTCHECK_WORKTREE", &self.worktree.path);
        // Empty on a detached HEAD, rather than what an outer run may have set.
        invocation.env("WTCHECK_BRANCH", self.worktree.branch.as_deref().unwrap_or_default());
        invocation.env("WTCHECK_COMMON_DIR", self.common_dir);
        invocation.env("WTCHECK_ATTEMPT", self.number.to_string());
    }
}

/// A process that is to answer, and what reads its answer: a [`Reader`] or a [`ReaderOfMany`].
pub struct Asking<R: ?Sized> {
    /// The process.
    pub invocation: Invocation,
    /// What reads its standard output.
    pub reader: Box<R>,
}

/// Takes what a process prints to standard output, piece by piece.
pub trait Feed: Send {
    /// Takes a piece.
    fn feed(&mut self, chunk: &[u8]);
}

/// Reads the answer to one question.
pub trait Reader: Feed {
    /// Says what the process answered, which has ended by itself. `stderr` is the end of its standard error.
    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Finding;
}

/// Reads the answers to many questions that one process was asked.
pub trait ReaderOfMany: Feed {
    /// Says what the process answered to each question, in the order in which they were asked: none to one that it
    /// passed over. Where it gave no answer at all, says why.
    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Result<Vec<Option<Finding>>, String>;
}
