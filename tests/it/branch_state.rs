//! What is told of worktrees' branches for all of them at once, held against what `git status` tells in each.
//!
//! A short run draws the same repositories each time. `WTCHECK_CAMPAIGN` says for how many seconds others are drawn,
//! `WTCHECK_SEED` from where on: a failure names the seed of its repository.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use git_wtcheck::git::branch_state::{BranchState, Inquiry};
use git_wtcheck::git::terms::{of_repository, of_worktree};
use git_wtcheck::git::upstreams::Upstream;
use git_wtcheck::git::why::Why;
use git_wtcheck::model::worktree::Worktree;

use crate::support::TestRepo;
use crate::support::errands::{discovered, environment, run};

/// The repositories of the short run.
const SHORT: u64 = 16;

/// Names of branches that git could take for something else.
const ODD: [&str; 12] = [
    "origin/main",
    "abcd",
    "deadbeef1234",
    "refs/heads/main",
    "heads/main",
    "FETCH_HEAD",
    "feat/a-b_c.d",
    "ä",
    "-",
    "v1",
    "it's $HOME %00 %(x)",
    "tags/v1",
];

/// What there is of a repository: trees to draw from.
struct Drawn {
    repo: TestRepo,
    rng: Rng,
    is_plain: bool,
    /// The worktrees and what kind of state each was brought to.
    kinds: Vec<(PathBuf, &'static str)>,
}

#[test]
fn branches_are_told_as_git_tells_them() {
    let number = |name: &str| std::env::var(name).ok().and_then(|said| said.parse::<u64>().ok());
    let campaign = number("WTCHECK_CAMPAIGN").map(Duration::from_secs);
    let (first, began) = (number("WTCHECK_SEED").unwrap_or(0), Instant::now());
    let mut tally: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    let mut reasons: BTreeMap<(&str, Why), u64> = BTreeMap::new();
    for seed in first.. {
        if campaign.map_or(seed >= first + SHORT, |campaign| began.elapsed() >= campaign) {
            break;
        }
        for (kind, why) in compared(seed) {
            let is_plain = is_plain(seed) && PLAIN.contains(&kind);
            assert!(!is_plain || why.is_none(), "seed {seed}: {kind} is told: {why:?}");
            tally.entry(kind).or_default()[usize::from(why.is_some())] += 1;
            if let Some(why) = why {
                *reasons.entry((kind, why)).or_default() += 1;
            }
        }
    }
    let mut lines = String::from("worktrees told, and asked of git:\n");
    for (kind, [told, asked]) in &tally {
        lines += &format!("  {kind}: {told}, {asked}\n");
    }
    for ((kind, why), count) in &reasons {
        lines += &format!("  asked: {kind}: {}: {count}\n", why.words());
    }
    // Past the test harness, which keeps what a test that passes prints.
    let _ = std::io::stderr().write_all(lines.as_bytes());
    assert!(PLAIN.iter().all(|kind| tally.get(kind).is_some_and(|[told, _]| *told > 0)), "{lines}");
}

/// What is never asked of git where no name means two things.
const PLAIN: [&str; 9] = [
    "no upstream",
    "remote",
    "gone",
    "local",
    "detached",
    "detached at a branch",
    "detached at a tag",
    "rebase",
    "bisect",
];

/// Whether no name in this repository means two things.
const fn is_plain(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

/// Draws a repository and compares each of its worktrees; gives its kind, and why git is asked.
fn compared(seed: u64) -> Vec<(&'static str, Option<Why>)> {
    let drawn = draw(seed);
    let environment = environment(&drawn.repo, ".");
    let (git, repository) = discovered(&environment);
    let allowed = of_repository(&repository.config, &repository.common_dir, &environment, git.mounts());
    let allowed = allowed.unwrap_or_else(|why| panic!("seed {seed}: {why:?}"));
    let may_be = |worktree: &Worktree| of_worktree(worktree, &allowed, git.mounts());
    let provable: Vec<_> = repository.worktrees.iter().filter(|worktree| may_be(worktree).is_ok()).collect();
    let inquiry =
        Inquiry::new(&repository.config, &repository.common_dir, allowed.refs_are_files, provable.iter().copied());
    let invocations = inquiry.invocations(&git);
    assert!(invocations.len() <= if allowed.refs_are_files { 2 } else { 3 }, "{invocations:?}");
    let printed: Vec<_> = invocations.iter().map(run).collect();
    let states = inquiry.read(&printed);
    assert_eq!(states.len(), provable.len());
    let mut found: Vec<_> = provable.iter().map(|worktree| worktree.path.clone()).zip(states).collect();
    let others =
        repository.worktrees.iter().filter_map(|worktree| Some((worktree.path.clone(), may_be(worktree).err()?)));
    found.extend(others.map(|(path, why)| (path, Err(why))));
    found
        .into_iter()
        .map(|(path, state)| {
            let kind = drawn.kinds.iter().find(|(known, _)| *known == path).map_or("no upstream", |(_, kind)| *kind);
            let expected = asked(&drawn.repo, &path);
            if let Ok(state) = &state {
                assert_eq!(Some(state), expected.as_ref(), "seed {seed}, {kind}, {}", path.display());
            }
            (kind, state.err())
        })
        .collect()
}

/// What git says in a worktree by itself.
fn asked(repo: &TestRepo, path: &Path) -> Option<BranchState> {
    let status = repo.git_try(path, &["status", "--porcelain=v2", "--branch", "--show-stash", "-z"]);
    let tree = repo.git_try(path, &["rev-parse", "--verify", "--quiet", "HEAD^{tree}"]);
    if !status.status.success() || !tree.status.success() {
        return None;
    }
    let printed = String::from_utf8_lossy(&status.stdout).into_owned();
    let header = |name: &str| printed.split('\0').find_map(|field| field.strip_prefix(name)?.strip_prefix(' '));
    let count = |text: Option<&str>| text.map(|text| text.parse().expect("a count"));
    let upstream = header("# branch.upstream").map(|name| {
        let counts = header("# branch.ab").map(|counts| counts.split_once(' ').expect("two counts"));
        Upstream {
            name: name.to_owned(),
            ahead: count(counts.map(|(ahead, _)| ahead.trim_start_matches('+'))),
            behind: count(counts.map(|(_, behind)| behind.trim_start_matches('-'))),
        }
    });
    let digits = tree.stdout.trim_ascii();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    let tree = digits.chunks(2).map(byte).collect();
    Some(BranchState { upstream, stash: count(header("# stash")).unwrap_or(0), tree })
}

fn draw(seed: u64) -> Drawn {
    let mut rng = Rng::with_seed(seed);
    let repo = TestRepo::empty();
    let is_reftable =
        rng.u8(..4) == 0 && repo.git_try(".", &["init", "--quiet", "--ref-format=reftable", "."]).status.success();
    if !is_reftable {
        let format = if rng.u8(..4) == 0 { "sha256" } else { "sha1" };
        repo.git(&["init", "--quiet", &format!("--object-format={format}"), "."]);
    }
    let mut drawn = Drawn { repo, rng, is_plain: is_plain(seed), kinds: Vec::new() };
    drawn.history();
    for index in 0..drawn.rng.usize(3..9) {
        drawn.worktree(index);
    }
    drawn.rest(is_reftable);
    drawn
}

impl Drawn {
    /// Commits c0 to c5 in a line, and s0 to s2 beside them, as `refs/commits/`; remotes' branches, tags.
    fn history(&mut self) {
        let repo = &self.repo;
        for index in 0..6 {
            repo.write("file.txt", format!("{index}\n"));
            repo.git(&["add", "."]);
            repo.git(&["commit", "--quiet", &format!("--message=c{index}")]);
            repo.git(&["update-ref", &format!("refs/commits/c{index}"), "HEAD"]);
        }
        repo.git(&["checkout", "--quiet", "--detach", "refs/commits/c2"]);
        for index in 0..3 {
            repo.git(&["commit", "--quiet", "--allow-empty", &format!("--message=s{index}")]);
            repo.git(&["update-ref", &format!("refs/commits/s{index}"), "HEAD"]);
        }
        repo.git(&["checkout", "--quiet", "main"]);
        for (name, commit) in [("main", "c3"), ("feat/x", "s1"), ("old", "c0"), ("HEAD", "c3")] {
            repo.git(&["update-ref", &format!("refs/remotes/origin/{name}"), &format!("refs/commits/{commit}")]);
        }
        repo.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
        repo.config("remote.origin.url", "../nowhere");
        repo.config("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
        repo.git(&["tag", "v1", "refs/commits/c1"]);
        repo.git(&["tag", "--annotate", "--message=two", "v2", "refs/commits/c2"]);
    }

    fn commit(&mut self) -> String {
        let names = ["c0", "c1", "c2", "c3", "c4", "c5", "s0", "s1", "s2"];
        format!("refs/commits/{}", self.rng.choice(names).expect("some"))
    }

    /// A worktree in one of the states.
    fn worktree(&mut self, index: usize) {
        let path = self.repo.root().join(format!("w{index}"));
        let folder = path.to_str().expect("text").to_owned();
        let (commit, mut name) = (self.commit(), format!("b{index}"));
        if !self.is_plain && self.rng.u8(..5) == 0 {
            let odd = self.rng.choice(ODD).expect("some");
            let is_free = !self
                .repo
                .git_try(".", &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{odd}")])
                .status
                .success();
            if is_free
                && self.repo.git_try(".", &["update-ref", &format!("refs/heads/{odd}"), &commit]).status.success()
            {
                odd.clone_into(&mut name);
            }
        }
        let is_odd = !name.starts_with('b');
        let full = format!("refs/heads/{name}");
        self.repo.git(&["update-ref", &full, &commit]);
        self.repo.git(&["worktree", "add", "--quiet", "--detach", &folder, &commit]);
        self.repo.git_in(&folder, &["symbolic-ref", "HEAD", &full]);
        let track = |repo: &TestRepo, remote: &str, merge: &str| {
            repo.config(&format!("branch.{name}.remote"), remote);
            repo.config(&format!("branch.{name}.merge"), merge);
        };
        let repo = &self.repo;
        let kind = match self.rng.u8(..16) {
            0 => "no upstream",
            1 | 2 => {
                let merge = self.rng.choice(["refs/heads/main", "refs/heads/feat/x", "refs/heads/old"]).expect("some");
                track(repo, "origin", merge);
                "remote"
            }
            3 => {
                track(repo, "origin", "refs/heads/gone");
                "gone"
            }
            4 => {
                track(repo, ".", "refs/heads/main");
                "local"
            }
            5 => {
                let merge = self.rng.choice(["main", "HEAD", "v1", "refs/tags/v2", "refs/worktree/x", "nowhere"]);
                repo.git_in(&folder, &["update-ref", "refs/worktree/x", "refs/commits/c1"]);
                track(repo, ".", merge.expect("some"));
                "local by another name"
            }
            6 => {
                let remote = self.rng.choice(["nowhere", "https://example.com/x", "../repo"]).expect("some");
                track(repo, remote, "refs/heads/main");
                "no such remote"
            }
            7 => {
                track(repo, "origin", "refs/heads/main");
                repo.git_in(&folder, &["checkout", "--quiet", "--detach"]);
                "detached"
            }
            8 => {
                repo.git_in(&folder, &["checkout", "--quiet", "--detach", "main"]);
                "detached at a branch"
            }
            9 => {
                let tag = self.rng.choice(["v1", "v2", "origin/main", "origin", "refs/tags/v1", "@{0}"]).expect("some");
                repo.git_try(&folder, &["checkout", "--quiet", "--detach", tag]);
                "detached at a tag"
            }
            10 => {
                track(repo, "origin", "refs/heads/main");
                repo.git_in(&folder, &["checkout", "--quiet", "--orphan", "unborn"]);
                track(repo, "origin", "refs/heads/main");
                "unborn"
            }
            11 => {
                track(repo, "origin", "refs/heads/main");
                repo.git_try(
                    &folder,
                    &["-c", "core.editor=true", "rebase", "--quiet", "--exec=false", "refs/commits/c0"],
                );
                "rebase"
            }
            12 => {
                track(repo, "origin", "refs/heads/main");
                repo.git_in(&folder, &["bisect", "start", "refs/commits/c5", "refs/commits/c0"]);
                "bisect"
            }
            13 => {
                track(repo, "origin", "refs/heads/main");
                repo.git_in(&folder, &["config", "--add", &format!("branch.{name}.merge"), "refs/heads/old"]);
                "two upstreams"
            }
            14 => {
                repo.git_in(&folder, &["update-ref", "refs/elsewhere/x", &commit]);
                repo.git_in(&folder, &["symbolic-ref", "HEAD", "refs/elsewhere/x"]);
                "HEAD elsewhere"
            }
            _ => {
                repo.git_in(&folder, &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
                track(repo, ".", "refs/heads/alias");
                "local by a symbolic ref"
            }
        };
        self.kinds.push((path, if is_odd { "odd name" } else { kind }));
    }

    /// What concerns all worktrees.
    fn rest(&mut self, is_reftable: bool) {
        let repo = &self.repo;
        for index in 0..self.rng.usize(..3) {
            repo.write("file.txt", format!("stashed {index}\n"));
            repo.git(&["stash", "push", "--quiet"]);
        }
        if self.rng.bool() {
            let (folder, _) = &self.kinds[0];
            std::fs::write(folder.join("file.txt"), "other\n").expect("a file");
            repo.git_try(folder, &["stash", "push", "--quiet", "--message=a > b"]);
        }
        // Short names that mean more than one thing.
        for (name, commit) in [
            ("refs/heads/origin/main", "c1"),
            ("refs/tags/origin/old", "c2"),
            ("refs/tags/main", "c3"),
            ("refs/origin/feat/x", "c1"),
        ] {
            if !self.is_plain && self.rng.u8(..4) == 0 {
                repo.git_try(".", &["update-ref", name, &format!("refs/commits/{commit}")]);
            }
        }
        for (key, value) in [
            ("core.warnAmbiguousRefs", "false"),
            ("core.warnAmbiguousRefs", "true"),
            ("push.default", "upstream"),
            ("status.aheadBehind", "false"),
            ("branch.v1.remote", "origin"),
            ("log.decorate", "full"),
            ("log.showSignature", "true"),
            ("format.pretty", "oneline"),
        ] {
            if self.rng.u8(..4) == 0 {
                repo.config(key, value);
            }
        }
        if !self.is_plain && self.rng.u8(..3) == 0 {
            repo.config("branch.v1.remote", "origin");
            repo.config("branch.v1.merge", "refs/heads/main");
        }
        if self.rng.bool() {
            repo.git(&["pack-refs", "--all"]);
        }
        if !is_reftable && self.rng.u8(..3) == 0 {
            repo.write(".git/origin/main", repo.git(&["rev-parse", "refs/commits/c0"]) + "\n");
        }
    }
}
