//! What is known of all worktrees of a repository, which surveys stand on: whose commits only one worktree names, how
//! they stand to the bases and to the remotes.

use std::collections::{BTreeMap, HashMap};

use bstr::BString;

use crate::git::only_here::OnlyHere;
use crate::git::survey::Standing;
use crate::model::id::WorktreeId;

/// What is known of all worktrees of a repository.
pub(super) struct Census {
    /// What is known of each that can be checked.
    pub(super) worktrees: HashMap<WorktreeId, Counted>,
    /// When the remotes were last heard of, in seconds since 1970; none: nothing tells.
    pub(super) fetched_at: Option<i64>,
    /// How many entries of the stash were made on each branch; none: nobody knows.
    pub(super) stashes: Option<BTreeMap<BString, u64>>,
}

/// What is known of one worktree.
#[derive(Clone)]
pub(super) struct Counted {
    /// What only it names.
    pub(super) only_here: Result<OnlyHere, String>,
    /// Whether an operation has put changes aside.
    pub(super) autostash: bool,
    /// How its commits stand.
    pub(super) standing: Result<Standing, String>,
    /// That none of the branches is there that are said to be bases, in words.
    pub(super) bases: Result<(), String>,
    /// Whether its branch's upstream is configured, and is not there; none: nobody knows.
    pub(super) upstream_gone: Option<bool>,
    /// Another branch at the same commit.
    pub(super) contained_in: Option<String>,
}

impl Census {
    /// How many entries of the stash were made on a branch; none: nobody knows.
    pub(super) fn stashes(&self, branch: Option<&str>) -> Option<u64> {
        let made = self.stashes.as_ref()?;
        Some(branch.and_then(|branch| made.get(branch.as_bytes())).copied().unwrap_or(0))
    }
}
