//! How commits stand to bases and remotes, asked of real repositories.

mod content;
mod floor;
mod history;
mod kept;
mod merge;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use git_wtcheck::exec::clock::Clock;
use git_wtcheck::exec::control::Control;
use git_wtcheck::exec::errand::Carrying;
use git_wtcheck::exec::session::Sessions;
use git_wtcheck::git::command::Git;
use git_wtcheck::git::errand::{Carrier, Ended, Errand, Printed, Taker};
use git_wtcheck::git::integration::{Base, Head, Place, standings};
use git_wtcheck::git::survey::Standing;

use crate::support::TestRepo;
use crate::support::errands::environment;

/// Carries errands out, and counts them.
struct Counting {
    carrying: Carrying,
    started: AtomicUsize,
}

impl Carrier for Counting {
    async fn carry(&self, errand: Errand) -> io::Result<Printed> {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.carrying.carry(errand).await
    }

    async fn stream<T: Taker>(&self, errand: Errand, taker: T) -> io::Result<(T, Ended)> {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.carrying.stream(errand, taker).await
    }
}

/// How these commits stand, each to its bases, which are given by their full names; and how many processes it took.
fn asked(repo: &TestRepo, heads: &[Head], depth: usize) -> (Vec<Result<Standing, String>>, usize) {
    asked_of(repo, heads, depth, false)
}

/// The same, where answers may be kept.
fn asked_of(repo: &TestRepo, heads: &[Head], depth: usize, may_keep: bool) -> (Vec<Result<Standing, String>>, usize) {
    let git = Git::new(&environment(repo, "."));
    let common_dir = repo.at(".git");
    let sha256 = repo.git(&["rev-parse", "--show-object-format"]) == "sha256";
    let within = Duration::from_mins(1);
    let place = Place { git: &git, common_dir: &common_dir, sha256, depth, within, may_keep };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (_phase, control) = Control::new();
        let carrying = Carrying { sessions: Arc::new(Sessions::new()), clock: Clock::default(), control };
        let counting = Counting { carrying, started: AtomicUsize::new(0) };
        let standings = standings(&counting, &place, heads).await;
        (standings, counting.started.load(Ordering::Relaxed))
    })
}

/// A commit by its name, held against refs by their full names.
fn head(repo: &TestRepo, commit: &str, bases: &[&str]) -> Head {
    let id = |name: &str| repo.git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")]);
    let base = |name: &&str| Base { name: (*name).to_owned(), id: id(name) };
    Head { id: id(commit), bases: bases.iter().map(base).collect() }
}

const MAIN: &str = "refs/heads/main";

/// How one commit stands to `main`.
#[track_caller]
fn stands(repo: &TestRepo, commit: &str) -> Standing {
    let (standings, _) = asked(repo, &[head(repo, commit, &[MAIN])], 2000);
    standings.into_iter().next().expect("an answer").expect("a standing")
}

/// How each branch's content has come to be in `main`.
fn integrated(repo: &TestRepo, branches: &[&str]) -> Vec<Option<&'static str>> {
    let heads: Vec<Head> = branches.iter().map(|branch| head(repo, branch, &[MAIN])).collect();
    asked(repo, &heads, 2000).0.into_iter().map(|standing| standing.expect("a standing").integrated).collect()
}

/// Commits a file with this content.
fn commit(repo: &TestRepo, file: &str, content: impl AsRef<[u8]>) {
    repo.write(file, content);
    repo.git(&["add", "--all", "."]);
    repo.git(&["commit", "--quiet", "--message", file]);
}

/// Begins a branch at a commit, and checks it out.
fn begin(repo: &TestRepo, branch: &str, at: &str) {
    repo.git(&["checkout", "--quiet", "-b", branch, at]);
}

/// Checks a branch out.
fn go(repo: &TestRepo, branch: &str) {
    repo.git(&["checkout", "--quiet", branch]);
}
