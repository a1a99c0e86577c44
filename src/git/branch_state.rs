//! What `git status --branch --show-stash` tells of a worktree beside its changes, for many worktrees of a repository
//! at once.
//!
//! One process for the upstreams of all branches, where one may have one: whatever the number of worktrees.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::git::command::{Git, Invocation};
use crate::git::config::Entry;
use crate::git::errand::Printed;
use crate::git::reflog;
use crate::git::regular_file::{self, Links};
use crate::git::upstreams::{self, Tracking, Upstream, is_root_ref};
use crate::git::why::Why;
use crate::model::answer::Exit;
use crate::model::worktree::Worktree;

/// What is told of a worktree beside its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchState {
    /// The upstream of its branch, where that has one.
    pub upstream: Option<Upstream>,
    /// How many entries the stash has, which all worktrees share.
    pub stash: u64,
}

/// No command line is longer than this for all the refs that are asked of; beyond that, all branches are.
const MOST_PATTERNS: usize = 64 * 1024;

/// What is asked of git about worktrees that may be proven.
#[derive(Debug)]
pub struct Inquiry<'a> {
    common_dir: PathBuf,
    worktrees: Vec<&'a Worktree>,
    tracking: Tracking<'a>,
    /// The refs that are asked of; none: nothing has to be.
    patterns: Vec<String>,
    /// How many entries the stash has.
    stash: Result<u64, Why>,
    /// Whether a detached HEAD may be taken for a branch, for all that is known without git.
    is_ambiguous: bool,
}

impl<'a> Inquiry<'a> {
    /// Of worktrees of one repository that [`terms`](crate::git::terms) allow.
    pub fn new(config: &'a [Entry], common_dir: &Path, worktrees: impl IntoIterator<Item = &'a Worktree>) -> Self {
        let worktrees: Vec<_> = worktrees.into_iter().collect();
        let tracking = Tracking::of(config);
        let checked_out = worktrees.iter().filter_map(|worktree| worktree.branch.as_deref());
        let mut patterns: Vec<String> =
            checked_out.filter(|branch| tracking.has(branch)).map(|branch| format!("refs/heads/{branch}")).collect();
        let mut is_ambiguous = false;
        if worktrees.iter().any(|worktree| worktree.detached) {
            for branch in tracking.branches() {
                is_ambiguous |= is_short_for_another(branch) || common_dir.join(branch).is_file();
                patterns.extend([format!("refs/tags/{branch}"), format!("refs/remotes/{branch}")]);
            }
        }
        if patterns.iter().map(String::len).sum::<usize>() > MOST_PATTERNS {
            patterns = ["refs/heads/", "refs/tags/", "refs/remotes/"].map(str::to_owned).into();
        }
        let id_length = if worktrees.iter().any(|worktree| worktree.sha256) { 64 } else { 40 };
        let stash = reflog::count(&common_dir.join("logs/refs/stash"), id_length);
        Self { common_dir: common_dir.to_owned(), worktrees, tracking, patterns, stash, is_ambiguous }
    }

    /// The process that is needed; none, where nothing has to be asked.
    pub fn invocation(&self, git: &Git) -> Option<Invocation> {
        let first = self.worktrees.first().filter(|_| !self.patterns.is_empty())?;
        let words = ["-c", upstreams::LENIENT, "for-each-ref", upstreams::FORMAT];
        let args: Vec<&str> = words.into_iter().chain(self.patterns.iter().map(String::as_str)).collect();
        Some(git.of(first, &first.path, &args))
    }

    /// The state of each worktree, in their order, from what [`Self::invocation`] printed; none: there was none.
    pub fn read(&self, printed: Option<&io::Result<Printed>>) -> Vec<Result<BranchState, Why>> {
        let refs = match printed {
            Some(printed) => whole(printed).and_then(upstreams::parse),
            None => Some(HashMap::new()),
        };
        let of = |worktree: &&Worktree| {
            let head = worktree.head.as_ref().ok_or(Why::Head)?;
            let upstream = self.upstream(worktree, head, refs.as_ref().ok_or(Why::Upstream)?)?;
            Ok(BranchState { upstream, stash: self.stash? })
        };
        self.worktrees.iter().map(of).collect()
    }

    fn upstream(&self, worktree: &Worktree, head: &str, refs: &Refs<'_>) -> Result<Option<Upstream>, Why> {
        match worktree.branch.as_deref() {
            // What is no branch tracks nothing.
            Some(branch) if !self.tracking.has(branch) => Ok(None),
            // Either no branch, or one of an odd name.
            Some(branch) if branch.starts_with("refs/") => Err(Why::Upstream),
            Some(branch) => {
                let line = refs.get(format!("refs/heads/{branch}").as_bytes()).ok_or(Why::Upstream)?;
                if line.object != head.as_bytes() {
                    return Err(Why::Head);
                }
                match line.upstream(branch, &self.tracking) {
                    Ok(Some(_)) if line.may_be_symbolic(&self.common_dir) => Err(Why::Upstream),
                    told => told,
                }
            }
            None if self.may_be_taken_for_a_branch(worktree, refs) => Err(Why::Upstream),
            None => Ok(None),
        }
    }

    /// Whether git may tell of an upstream where HEAD is detached: it takes the name of what was checked out, or of
    /// what a rebase is onto, for a branch's. (Rules: `wt_porcelain_v2_print_tracking`, `wt_status_get_detached_from`
    /// and `wt_status_check_rebase` in git's wt-status.c: the first is the name of a tag, of a remote's branch, a ref
    /// in full or an abbreviated id, the second an abbreviated id.)
    fn may_be_taken_for_a_branch(&self, worktree: &Worktree, refs: &Refs<'_>) -> bool {
        let is_also = |branch: &str| {
            ["refs/tags/", "refs/remotes/"].iter().any(|folder| refs.contains_key([folder, branch].concat().as_bytes()))
        };
        let is_onto_another = || {
            let onto = |file: &str| worktree.git_dir.as_ref().map(|git_dir| small(&git_dir.join(file)));
            ["rebase-merge/onto", "rebase-apply/onto"]
                .into_iter()
                .filter_map(onto)
                .any(|onto| onto.is_none_or(|onto| !onto.trim_ascii().iter().all(u8::is_ascii_hexdigit)))
        };
        self.tracking.branches().next().is_some()
            && (self.is_ambiguous || self.tracking.branches().any(is_also) || is_onto_another())
    }
}

type Refs<'a> = HashMap<&'a [u8], upstreams::Line<'a>>;

/// Whether the name of a branch may be what git calls something else: a ref in full, an abbreviated id, a ref beside
/// `refs/`.
fn is_short_for_another(branch: &str) -> bool {
    let is_id = branch.len() >= 4 && branch.bytes().all(|digit| digit.is_ascii_hexdigit());
    // Not UTF-8, it is not known by its own name here.
    let is_unknown = branch.contains(char::REPLACEMENT_CHARACTER);
    let is_of_one_worktree = ["refs/", "main-worktree/", "worktrees/"].iter().any(|prefix| branch.starts_with(prefix));
    is_of_one_worktree || is_id || is_root_ref(branch.as_bytes()) || is_unknown
}

/// A file of a line or two in a git folder; empty, where it is not there; none, where it is no such file.
fn small(path: &Path) -> Option<Vec<u8>> {
    match regular_file::contents(path, Links::Followed, 4096) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Vec::new()),
        read => read.ok(),
    }
}

/// What a process printed, where it has ended well.
fn whole(printed: &io::Result<Printed>) -> Option<&[u8]> {
    printed.as_ref().ok().filter(|printed| printed.exit == Exit::Code(0)).map(|printed| printed.stdout.as_slice())
}
