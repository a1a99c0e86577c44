//! What is asked: which repository, which commits, and against what they are held.

use std::path::Path;
use std::time::Duration;

use crate::git::command::Git;

/// A repository that is asked.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// git.
    pub git: &'a Git,
    /// The folder that all of its worktrees share.
    pub common_dir: &'a Path,
    /// Whether it names objects by SHA-256.
    pub sha256: bool,
    /// So many of a base's commits are looked at for content that has landed.
    pub depth: usize,
    /// One process may take so long.
    pub within: Duration,
    /// Whether results may be kept for the next run, and taken from the last one.
    pub may_keep: bool,
}

/// A ref that commits are held against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Base {
    /// Its full name.
    pub name: String,
    /// Its commit.
    pub id: String,
}

/// A commit whose standing is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub id: String,
    /// What it is held against, what counts first before the others: containment in any counts. None: there is no base.
    pub bases: Vec<Base>,
}
