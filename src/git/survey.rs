//! What is found out of one worktree for the question whether anything would be lost with it.

use bstr::BString;

use crate::git::changes_listed::Listed;
use crate::git::flagged::Flagged;
use crate::git::only_here::OnlyHere;

/// What was found out. Where something could not be, it says why, in words.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What git lists of it.
    pub listed: Result<Listed, String>,
    /// The ignored paths that are no leftovers of a tool's, nor copies.
    pub ignored: Result<Vec<BString>, String>,
    /// What only this worktree names.
    pub only_here: Result<OnlyHere, String>,
    /// The operation under way, empty where none is.
    pub operation: Result<String, String>,
    /// What git does not look into.
    pub flagged: Result<Flagged, String>,
    /// Whether an operation has put changes aside that it is to bring back.
    pub autostash: bool,
    /// Whether repositories of submodules lie in the worktree's own git folder.
    pub has_modules: Result<bool, String>,
    /// How its commits stand to the base and to the remotes.
    pub standing: Result<Standing, String>,
    /// Whether its branch's upstream is configured, and is not there; none: nobody knows.
    pub upstream_gone: Option<bool>,
    /// How many entries of the stash were made on its branch; none: nobody knows.
    pub stashes: Option<u64>,
    /// When it was last touched, in seconds since 1970; none: nothing tells.
    pub touched_at: Option<i64>,
    /// When its remotes were last heard of, in seconds since 1970; none: nothing tells.
    pub fetched_at: Option<i64>,
    /// Another branch at the same commit.
    pub contained_in: Option<String>,
    /// What stands in the way of a removal, and is no work.
    pub blockers: Vec<Blocker>,
}

/// How a worktree's commits stand to the base and to the remotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The full name of the ref that counted as the base; none: there is no base.
    pub base: Option<String>,
    /// How the content has come to be in the base: `same`, `ancestor`, `tree`, `patches`, `squash` or `merge`; empty: it
    /// has not. None: nobody knows.
    pub integrated: Option<&'static str>,
    /// The commit of the base that proves it.
    pub landed_as: Option<String>,
    /// Commits that the base lacks; none: not counted.
    pub unmerged: Option<u64>,
    /// Commits that no remote-tracking ref holds; none: not counted.
    pub unpushed: Option<u64>,
    /// What else there is to say.
    pub notes: Vec<&'static str>,
}

/// What stands in the way of a removal, and is no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// It is the main worktree.
    Main,
    /// The user stands in it.
    Current,
    /// `git worktree lock` keeps it.
    Locked,
    /// Another worktree lies in it.
    ContainsWorktree,
    /// Its folder, or what leads from there to its git folder, belongs to somebody else.
    Foreign,
}

impl Blocker {
    /// Its name in facts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Current => "current",
            Self::Locked => "locked",
            Self::ContainsWorktree => "contains-worktree",
            Self::Foreign => "foreign",
        }
    }
}
