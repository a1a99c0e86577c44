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
use git_wtcheck::git::errand::Printed;
use git_wtcheck::git::index::Hash;
use git_wtcheck::git::objects::Objects;
use git_wtcheck::git::terms::{of_repository, of_worktree};
use git_wtcheck::git::upstreams::Upstream;
use git_wtcheck::git::why::Why;
use git_wtcheck::model::answer::Exit;
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

/// What is told of a worktree: the state of its branch, and the tree of HEAD.
type Told = (BranchState, Vec<u8>);

/// Draws a repository and compares each of its worktrees; gives its kind, and why git is asked.
fn compared(seed: u64) -> Vec<(&'static str, Option<Why>)> {
    let drawn = draw(seed);
    let kind =
        |path: &Path| drawn.kinds.iter().find(|(known, _)| known == path).map_or("no upstream", |(_, kind)| *kind);
    let held = held(&drawn.repo, &format!("seed {seed}"), |path| kind(path).to_owned());
    held.into_iter().map(|(path, state)| (kind(&path), state.err())).collect()
}

/// What is told of each worktree, which git must tell, too.
fn held(repo: &TestRepo, of: &str, kind: impl Fn(&Path) -> String) -> Vec<(PathBuf, Result<Told, Why>)> {
    let environment = environment(repo, ".");
    let (git, repository) = discovered(&environment);
    let may_any = of_repository(&repository.config, &repository.common_dir, &environment, git.mounts());
    may_any.unwrap_or_else(|why| panic!("{of}: {why:?}"));
    let may_be = |worktree: &Worktree| of_worktree(worktree, git.mounts());
    let (provable, others): (Vec<_>, Vec<_>) =
        repository.worktrees.iter().partition(|worktree| may_be(worktree).is_ok());
    let inquiry = Inquiry::new(&repository.config, &repository.common_dir, provable.iter().copied());
    let printed = inquiry.invocation(&git).as_ref().map(run);
    let states = inquiry.read(printed.as_ref());
    assert_eq!(states.len(), provable.len());
    let told = provable.into_iter().zip(states);
    let told = told.map(|(worktree, state)| {
        let hash = if worktree.sha256 { Hash::Sha256 } else { Hash::Sha1 };
        let tree = || {
            let objects = Objects::open(&repository.common_dir, hash, git.mounts())?;
            objects.reader().tree_of(worktree.head.as_deref().ok_or(Why::Head)?)
        };
        (worktree, state.and_then(|state| Ok((state, tree()?))))
    });
    let told = told.chain(others.into_iter().map(|worktree| (worktree, may_be(worktree).map(|()| unreachable!()))));
    let held = |(worktree, state): (&Worktree, Result<Told, Why>)| {
        let path = worktree.path.clone();
        if let Ok(state) = &state {
            assert_eq!(Some(state), asked(repo, &path).as_ref(), "{of}, {}, {}", kind(&path), path.display());
        }
        (path, state)
    };
    told.map(held).collect()
}

/// The same of a repository that was not drawn: the upstream of the worktree of this name.
#[track_caller]
fn upstream(repo: &TestRepo, name: &str) -> Result<Option<Upstream>, Why> {
    let held = held(repo, "", |_| String::new());
    let (_, state) = held.into_iter().find(|(path, _)| path.ends_with(name)).expect("a worktree of this name");
    state.map(|(state, _)| state.upstream)
}

fn track(repo: &TestRepo, branch: &str, remote: &str, merge: &str) {
    repo.config(&format!("branch.{branch}.remote"), remote);
    repo.config(&format!("branch.{branch}.merge"), merge);
}

#[test]
fn a_short_name_is_the_one_that_status_gives() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    track(&repo, "linked", ".", "refs/heads/main");
    let at = |name: &str| Ok(Some(Upstream { name: name.to_owned(), ahead: Some(0), behind: Some(0) }));
    assert_eq!(upstream(&repo, "linked"), at("main"));
    // By itself, for-each-ref calls it `heads/main` then.
    repo.git(&["update-ref", "refs/remotes/main/HEAD", "HEAD"]);
    assert_eq!(repo.git(&["for-each-ref", "--format=%(upstream:short)", "refs/heads/linked"]), "heads/main");
    assert_eq!(upstream(&repo, "linked"), at("main"));
    repo.git(&["tag", "main"]);
    assert_eq!(upstream(&repo, "linked"), at("heads/main"));
}

#[test]
fn a_detached_head_that_git_takes_for_a_branch_is_for_git_to_tell() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    let header = |repo: &TestRepo| {
        let printed = repo.git_in(&linked, &["status", "--porcelain=v2", "--branch"]);
        printed.lines().filter(|line| line.starts_with("# branch.upstream")).count()
    };
    repo.git(&["tag", "v1"]);
    repo.git(&["branch", "v1"]);
    repo.git_in(&linked, &["checkout", "--quiet", "--detach", "refs/tags/v1"]);
    assert_eq!((header(&repo), upstream(&repo, "linked")), (0, Ok(None)));
    track(&repo, "v1", ".", "refs/heads/main");
    assert_eq!((header(&repo), upstream(&repo, "linked")), (1, Err(Why::Upstream)), "a tag and a branch of one name");
    repo.git(&["config", "--remove-section", "branch.v1"]);
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=second"]);
    let short = repo.git(&["rev-parse", "--short", "HEAD"]);
    repo.git_in(&linked, &["checkout", "--quiet", "--detach", "main~0"]);
    track(&repo, &short, ".", "refs/heads/main");
    assert_eq!((header(&repo), upstream(&repo, "linked")), (1, Err(Why::Upstream)), "a branch named as an id");
}

#[test]
fn distances_are_told_to_programs_whatever_people_are_told() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=second"]);
    track(&repo, "linked", ".", "refs/heads/main");
    repo.config("status.aheadBehind", "false");
    assert_eq!(
        upstream(&repo, "linked"),
        Ok(Some(Upstream { name: "main".to_owned(), ahead: Some(0), behind: Some(1) }))
    );
}

#[test]
fn a_branch_that_has_moved_since_is_for_git_to_tell() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    track(&repo, "linked", ".", "refs/heads/main");
    let (git, repository) = discovered(&environment(&repo, "."));
    let inquiry = Inquiry::new(&repository.config, &repository.common_dir, &repository.worktrees);
    repo.git_in(&linked, &["commit", "--quiet", "--allow-empty", "--message=second"]);
    let printed = inquiry.invocation(&git).as_ref().map(run);
    assert_eq!(inquiry.read(printed.as_ref())[1], Err(Why::Head));
}

#[test]
fn where_no_branch_has_an_upstream_nothing_is_asked() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    track(&repo, "elsewhere", "origin", "refs/heads/main");
    let (git, repository) = discovered(&environment(&repo, "."));
    let inquiry = Inquiry::new(&repository.config, &repository.common_dir, &repository.worktrees);
    assert!(inquiry.invocation(&git).is_none());
    assert!(inquiry.read(None).iter().all(Result::is_ok));
    let none = Inquiry::new(&repository.config, &repository.common_dir, []);
    assert!(none.invocation(&git).is_none() && none.read(None).is_empty());
}

#[test]
fn an_answer_that_did_not_come_whole_is_none() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    track(&repo, "linked", ".", "refs/heads/main");
    repo.git_in(&linked, &["commit", "--quiet", "--allow-empty", "--message=second"]);
    let (git, repository) = discovered(&environment(&repo, "."));
    let inquiry = Inquiry::new(&repository.config, &repository.common_dir, &repository.worktrees);
    let printed = run(&inquiry.invocation(&git).expect("a process")).expect("an end");
    let told = |printed: Printed| inquiry.read(Some(&Ok(printed))).iter().flatten().count();
    assert_eq!(told(printed.clone()), 2);
    for length in 0..printed.stdout.len() {
        let mut cut = printed.clone();
        cut.stdout.truncate(length);
        assert!(told(cut) < 2, "{length} bytes");
    }
    assert_eq!(told(Printed { exit: Exit::Code(128), ..printed }), 0);
    assert_eq!(inquiry.read(Some(&Err(std::io::ErrorKind::TimedOut.into()))).iter().flatten().count(), 0);
}

/// What git says in a worktree by itself.
fn asked(repo: &TestRepo, path: &Path) -> Option<Told> {
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
    Some((BranchState { upstream, stash: count(header("# stash")).unwrap_or(0) }, tree))
}

fn draw(seed: u64) -> Drawn {
    let mut rng = Rng::with_seed(seed);
    let repo = TestRepo::empty();
    let format = if rng.u8(..4) == 0 { "sha256" } else { "sha1" };
    repo.git(&["init", "--quiet", &format!("--object-format={format}"), "."]);
    let mut drawn = Drawn { repo, rng, is_plain: is_plain(seed), kinds: Vec::new() };
    drawn.history();
    for index in 0..drawn.rng.usize(3..9) {
        drawn.worktree(index);
    }
    drawn.rest();
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
        let track = |repo: &TestRepo, remote: &str, merge: &str| track(repo, &name, remote, merge);
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
    fn rest(&mut self) {
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
            ("refs/remotes/main/HEAD", "c4"),
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
            repo.git(&["config", "--replace-all", "branch.v1.merge", "refs/heads/main"]);
        }
        if self.rng.bool() {
            repo.git(&["pack-refs", "--all"]);
        }
        if self.rng.u8(..3) == 0 {
            repo.write(".git/origin/main", repo.git(&["rev-parse", "refs/commits/c0"]) + "\n");
        }
    }
}
