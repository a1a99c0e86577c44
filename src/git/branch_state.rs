//! What `git status --branch --show-stash` tells of a worktree beside its changes, for many worktrees of a repository
//! at once.
//!
//! Two processes for the trees of all HEADs (which they are, and whether they are there) and one for the upstreams of
//! all branches, where one may have one: whatever the number of worktrees.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

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
    /// The id of the tree of HEAD.
    pub tree: Vec<u8>,
}

/// The object id and the tree's id of each commit, ended by NUL. (`-z` ends the last.)
/// git log, too, reads `diff.*`, of which git status dies where it is malformed.
const TREES: [&str; 9] = [
    "log",
    "--no-walk=unsorted",
    "--stdin",
    "--ignore-missing",
    "-z",
    "--format=tformat:%H%x00%T",
    "--no-show-signature",
    "--no-color",
    "--no-decorate",
];

/// Whether each tree is there: git reads it to compare the index with it.
const THERE: [&str; 2] = ["cat-file", "--batch-check=%(objecttype) %(objectname)"];

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

    /// The processes that are needed.
    pub fn invocations(&self, git: &Git) -> Vec<Invocation> {
        let Some(first) = self.worktrees.first() else { return Vec::new() };
        let ask = |args: &[&str], input: Option<Vec<u8>>| {
            let mut invocation = git.of(first, &first.path, args);
            invocation.input = input;
            invocation
        };
        let mut asked = Vec::new();
        if !self.patterns.is_empty() {
            let words = ["-c", upstreams::LENIENT, "for-each-ref", upstreams::FORMAT];
            let args: Vec<&str> = words.into_iter().chain(self.patterns.iter().map(String::as_str)).collect();
            asked.push(ask(&args, None));
        }
        let heads = || self.worktrees.iter().filter_map(|worktree| worktree.head.as_ref());
        asked.push(ask(&TREES, Some(heads().flat_map(|head| [head.as_bytes(), b"\n"].concat()).collect())));
        asked.push(ask(&THERE, Some(heads().flat_map(|head| [head.as_bytes(), b"^{tree}\n"].concat()).collect())));
        asked
    }

    /// The state of each worktree, in their order, from what [`Self::invocations`] printed, in theirs.
    pub fn read(&self, printed: &[io::Result<Printed>]) -> Vec<Result<BranchState, Why>> {
        let mut printed = printed.iter().map(whole);
        let refs = if self.patterns.is_empty() { Some(HashMap::new()) } else { next(&mut printed, upstreams::parse) };
        let trees = next(&mut printed, trees);
        let there = next(&mut printed, there);
        let of = |worktree: &&Worktree| {
            let head = worktree.head.as_ref().ok_or(Why::Head)?;
            let tree = trees.as_ref().and_then(|trees| trees.get(head.as_bytes())).ok_or(Why::Head)?;
            if !there.as_ref().is_some_and(|there| there.contains(tree)) {
                return Err(Why::Head);
            }
            let upstream = self.upstream(worktree, head, refs.as_ref().ok_or(Why::Upstream)?)?;
            Ok(BranchState { upstream, stash: self.stash?, tree: tree.clone() })
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

fn next<'a, T>(
    printed: &mut impl Iterator<Item = Option<&'a [u8]>>,
    read: impl FnOnce(&'a [u8]) -> Option<T>,
) -> Option<T> {
    printed.next().flatten().and_then(read)
}

/// Reads what [`TREES`] prints. `None` where it is not of the expected form.
fn trees(output: &[u8]) -> Option<HashMap<&[u8], Vec<u8>>> {
    let mut fields = match output.strip_suffix(b"\0") {
        Some(fields) => fields.split_str(b"\0"),
        None => return output.is_empty().then(HashMap::new),
    };
    let mut trees = HashMap::new();
    while let Some(commit) = fields.next() {
        let tree = id(fields.next().filter(|tree| tree.len() == commit.len())?)?;
        id(commit)?;
        trees.insert(commit, tree);
    }
    Some(trees)
}

/// Reads what [`THERE`] prints: the trees that are there.
fn there(output: &[u8]) -> Option<HashSet<Vec<u8>>> {
    let whole = if output.is_empty() { output } else { output.strip_suffix(b"\n")? };
    Some(whole.split_str(b"\n").filter_map(|line| id(line.strip_prefix(b"tree ")?)).collect())
}

/// The bytes of an object id.
fn id(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    matches!(digits.len(), 40 | 64).then(|| digits.chunks_exact(2).map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_about_trees_is_none() {
        let (commit, tree) = ("1a".repeat(20), "2b".repeat(20));
        let text = format!("{commit}\0{tree}\0");
        let read = trees(text.as_bytes()).expect("well-formed");
        assert_eq!(read[commit.as_bytes()], [0x2b; 20]);
        for length in 1..text.len() {
            assert_eq!(trees(&text.as_bytes()[..length]), None, "{length} bytes");
        }
        assert_eq!(trees(b""), Some(HashMap::new()));
        assert_eq!(trees(format!("{commit}\0{}\0", "2b".repeat(32)).as_bytes()), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>, fields in proptest::collection::vec("[0-9a-f]{0,64}", 0..5)) {
            trees(&output);
            trees((fields.join("\0") + "\0").as_bytes());
            there(&output);
        }
    }
}
