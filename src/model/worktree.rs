//! A worktree: one record of `git worktree list`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::id::RepositoryId;
use crate::model::outcome::Outcome;

/// One worktree, the main one or a linked one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Worktree {
    /// Its repository, among those of the plan that it stands in.
    pub repository: RepositoryId,
    /// Its folder, absolute, as git gives it.
    pub path: PathBuf,
    /// The folder's own name.
    pub name: String,
    /// The object id of HEAD; none for a bare repository, an unborn branch or a HEAD that git cannot read.
    pub head: Option<String>,
    /// The short name of the branch that is checked out.
    pub branch: Option<String>,
    /// The short name of the branch that an operation under way (a rebase, a bisection) took HEAD off and comes back
    /// to. For people only: git says that HEAD is detached.
    pub returns_to: Option<String>,
    /// Whether it is the main worktree (git lists it first).
    pub main: bool,
    /// Whether HEAD names a commit and no branch.
    pub detached: bool,
    /// Whether it is a bare repository: it has no working tree.
    pub bare: bool,
    /// Whether `git worktree lock` keeps it.
    pub locked: bool,
    /// Whether git would prune its record.
    pub prunable: bool,
    /// Whether its objects are named by SHA-256 (`extensions.objectFormat`).
    pub sha256: bool,
    /// Where the marks of operations under way are found.
    pub marks: Marks,
    /// Its own git folder (`.git`, or `.git/worktrees/ID`), where it is known.
    pub git_dir: Option<PathBuf>,
    /// Whether its folder does not lead to its git folder, so that git must be told (`core.worktree`).
    pub apart: bool,
    /// Whether its folder or its `.git` belongs to another user: git may refuse it, and must be asked there.
    pub foreign: bool,
    /// Whether nobody has answered yet who was to look at its folder: the drive may be dead.
    pub is_unanswered: bool,
    /// Why no check can run here, if none can.
    pub obstacle: Option<Obstacle>,
}

/// The marks of operations under way that git keeps as refs: `CHERRY_PICK_HEAD` and `REVERT_HEAD`. (`MERGE_HEAD` is a
/// file in every repository; see gitglossary(7), "pseudoref".)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// They are files in the worktree's git folder.
    #[default]
    Files,
    /// They are none (`extensions.refStorage`), and git has said which of them are there.
    Refs {
        /// `CHERRY_PICK_HEAD`.
        cherry_pick: bool,
        /// `REVERT_HEAD`.
        revert: bool,
    },
    /// They are none, and git has not said.
    Unknown,
}

/// Why no check can run on a worktree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What each of its units ends as: `Skipped` or `Errored`.
    pub outcome: Outcome,
    /// The reason, for people.
    pub reason: String,
}

impl Obstacle {
    /// There is nothing to check, and nothing is wrong.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, reason: reason.into() }
    }

    /// There may be something to check, and it cannot be.
    pub fn errored(reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Errored, reason: reason.into() }
    }
}
