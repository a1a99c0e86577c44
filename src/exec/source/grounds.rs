//! What proofs stand on: what they need of a repository beside a look at one worktree, made once for all of them by
//! whoever comes first.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::exec::source::census::Census;
use crate::git::branch_state::BranchState;
use crate::git::command::Git;
use crate::git::conflicts::Conflicts;
use crate::git::index::Hash;
use crate::git::objects::{Objects, Reader};
use crate::git::why::Why;
use crate::model::id::WorktreeId;

/// What is told of the branch of each worktree; or why it cannot be proven.
pub(super) type Branches = HashMap<WorktreeId, Result<BranchState, Why>>;

/// What each worktree of a repository comes to with the others, in the plan's order; or why it is not known.
pub(super) type Pairs = Vec<Result<Conflicts, String>>;

/// What proofs need of one repository.
#[derive(Default)]
pub(super) struct Grounds {
    branches: OnceLock<watch::Receiver<Option<Branches>>>,
    census: OnceLock<watch::Receiver<Option<Arc<Census>>>>,
    pairs: OnceLock<watch::Receiver<Option<Pairs>>>,
    objects: OnceLock<Result<Objects, Why>>,
    /// The trees of commits: many worktrees may stand on one.
    trees: Mutex<HashMap<String, Vec<u8>>>,
}

impl Grounds {
    /// What is told of a worktree's branch. Where one does not wait any more, the inquiry goes on for the others.
    pub(super) async fn branch<I>(&self, worktree: WorktreeId, begin: impl FnOnce() -> I) -> Result<BranchState, Why>
    where
        I: Future<Output = Branches> + Send + 'static,
    {
        let told = self.branches.get_or_init(|| {
            let (tell, told) = watch::channel(None);
            let inquiry = begin();
            tokio::spawn(async move { tell.send(Some(inquiry.await)) });
            told
        });
        let mut told = told.clone();
        let all = told.wait_for(Option::is_some).await.map_err(|_| Why::Stopped)?;
        all.as_ref().and_then(|all| all.get(&worktree)).cloned().unwrap_or(Err(Why::Stopped))
    }

    /// What is known of all worktrees. Where one does not wait any more, the inquiry goes on for the others. None: it
    /// has come to nothing.
    pub(super) async fn census<I>(&self, begin: impl FnOnce() -> I) -> Option<Arc<Census>>
    where
        I: Future<Output = Census> + Send + 'static,
    {
        let taken = self.census.get_or_init(|| {
            let (tell, told) = watch::channel(None);
            let inquiry = begin();
            tokio::spawn(async move { tell.send(Some(Arc::new(inquiry.await))) });
            told
        });
        let mut taken = taken.clone();
        let taken = taken.wait_for(Option::is_some).await.ok()?;
        taken.clone()
    }

    /// Where it will be told what the worktrees come to with each other. Where one does not wait any more, the inquiry
    /// goes on for the others.
    pub(super) fn pairs<I>(&self, begin: impl FnOnce() -> I) -> watch::Receiver<Option<Pairs>>
    where
        I: Future<Output = Pairs> + Send + 'static,
    {
        let told = self.pairs.get_or_init(|| {
            let (tell, told) = watch::channel(None);
            let inquiry = begin();
            tokio::spawn(async move { tell.send(Some(inquiry.await)) });
            told
        });
        told.clone()
    }

    /// A reader of the repository's objects. It may wait for a drive.
    pub(super) fn objects(&self, common_dir: &Path, hash: Hash, git: &Git) -> Result<Reader, Why> {
        let opened = self.objects.get_or_init(|| Objects::open(common_dir, hash, git.mounts()));
        opened.as_ref().map(Objects::reader).map_err(|why| *why)
    }

    /// The tree of a commit. It may wait for a drive.
    pub(super) fn tree_of(&self, commit: &str, objects: impl FnOnce() -> Result<Reader, Why>) -> Result<Vec<u8>, Why> {
        let trees = || self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = trees().get(commit) {
            return Ok(known.clone());
        }
        let tree = objects()?.tree_of(commit)?;
        trees().insert(commit.to_owned(), tree.clone());
        Ok(tree)
    }
}
