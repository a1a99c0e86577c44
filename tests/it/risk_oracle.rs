//! `risk`, held against destruction: worktrees in seeded states, each of which nothing was said to be lost with is
//! removed, all that git can do without is thrown away, and everything that was in it must still be there.
//!
//! `RISK_STATES=5000 cargo test --release --test it -- --ignored risk_oracle` tries more, `SEED` others.

#![expect(clippy::print_stdout, reason = "how often what was said is what this says")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use crate::support::{TestRepo, unit};

/// States that a run of all tests tries.
const FEW: u64 = 40;

#[test]
fn what_is_not_at_risk_outlives_its_worktree() {
    hold(FEW, 1);
}

#[test]
#[ignore = "takes as long as it is asked to"]
fn risk_oracle_at_length() {
    let number =
        |name: &str, otherwise| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    hold(number("RISK_STATES", 1_000), number("SEED", 1_000_000));
}

fn hold(states: u64, first: u64) {
    let (next, said) = (AtomicU64::new(0), Mutex::new(BTreeMap::<String, u64>::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let state = next.fetch_add(1, Ordering::Relaxed);
                    if state >= states {
                        return;
                    }
                    let verdict = State::of(first + state).held();
                    *said.lock().expect("a map").entry(verdict).or_default() += 1;
                }
            });
        }
    });
    let said = said.into_inner().expect("a map");
    println!("{states} states, 0 losses: {said:?}");
    let kept: u64 = ["merged", "pushed", "local"].iter().filter_map(|verdict| said.get(*verdict)).sum();
    assert!(kept * 10 >= states, "what is always at risk is no answer: {said:?}");
}

/// A worktree `w`, and all that was ever done in it.
struct State {
    repo: TestRepo,
    random: Rng,
    seed: u64,
    /// What was done, in words.
    done: Vec<String>,
    /// Every commit that there was.
    commits: Vec<String>,
    files: u32,
}

/// The way from the main worktree to the one that is looked at.
const W: &str = "../w";

impl State {
    fn of(seed: u64) -> Self {
        let repo = TestRepo::new();
        repo.write(".gitignore", ".env\n*.db\ntarget/\nnode_modules/\nprivate/\n");
        repo.write("other.txt", "other\n");
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message=base"]);
        repo.write(".env", "A=1\n");
        repo.git(&["init", "--quiet", "--bare", "../remote.git"]);
        repo.git(&["remote", "add", "origin", "../remote.git"]);
        repo.git(&["push", "--quiet", "origin", "main"]);
        repo.worktree("w");
        let mut state =
            Self { repo, random: Rng::with_seed(seed), seed, done: Vec::new(), commits: Vec::new(), files: 0 };
        for _ in 0..state.random.u32(1..7) {
            state.act();
        }
        state
    }

    /// Whether git did it. What it refuses in a state is no part of it.
    fn git(&self, folder: &str, args: &[&str]) -> bool {
        let mut git = self.repo.command("git");
        git.current_dir(self.repo.at(folder)).env("GIT_EDITOR", "true").env("GIT_SEQUENCE_EDITOR", "sed -i 1ibreak");
        git.args(args).output().is_ok_and(|output| output.status.success())
    }

    fn note(&mut self) {
        let head = self.repo.command("git").current_dir(self.repo.at(W)).args(["rev-parse", "HEAD"]).output();
        let head = head.expect("git");
        if head.status.success() {
            self.commits.push(String::from_utf8_lossy(&head.stdout).trim().to_owned());
        }
    }

    fn text(&mut self) -> String {
        self.files += 1;
        format!("text {} of state {}\n", self.files, self.seed)
    }

    fn write(&mut self, path: &str) {
        let text = self.text();
        self.repo.write(format!("{W}/{path}"), text);
    }

    fn commit(&mut self, args: &[&str]) {
        let file = format!("new-{}.txt", self.random.u32(0..3));
        self.write(&file);
        self.git(W, &["add", "-f", &file]);
        self.git(W, &[&["commit", "--quiet", "--message=work"], args].concat());
        self.note();
    }

    fn act(&mut self) {
        const ACTS: u32 = 30;
        let act = self.random.u32(0..ACTS);
        let words = if act < 16 { self.act_in_its_folder(act) } else { self.act_around_it(act) };
        self.done.push(words.to_owned());
    }

    /// Something happens to its files, its commits or its refs.
    fn act_in_its_folder(&mut self, act: u32) -> &'static str {
        match act {
            0 => {
                self.write("file.txt");
                "edit"
            }
            1 => {
                self.write("other.txt");
                self.git(W, &["add", "other.txt"]);
                "stage"
            }
            2 => {
                self.write("notes/untracked.txt");
                "untracked"
            }
            3 => {
                self.write(".env");
                "ignored"
            }
            4 => {
                self.repo.write(format!("{W}/.env"), "A=1\n");
                "copy"
            }
            5 => {
                self.write("target/debug/x.o");
                "leftover"
            }
            6 | 7 => {
                self.commit(&[]);
                "commit"
            }
            8 => {
                self.commit(&["--amend"]);
                "amend"
            }
            9 => {
                self.git(W, &["checkout", "--quiet", "--detach"]);
                self.commit(&[]);
                "detached commit"
            }
            10 => {
                self.git(W, &["checkout", "--quiet", "--detach"]);
                self.commit(&[]);
                self.git(W, &["checkout", "--quiet", "w"]);
                "commit aside"
            }
            11 => {
                self.commit(&[]);
                self.git(W, &["update-ref", "refs/worktree/aside", "HEAD"]);
                self.git(W, &["reset", "--quiet", "--hard", "HEAD~1"]);
                "own ref"
            }
            12 => {
                self.write("file.txt");
                self.git(W, &["stash", "push", "--quiet", "--include-untracked"]);
                "stash"
            }
            13 => {
                self.write("file.txt");
                self.git(W, &["rebase", "--quiet", "--autostash", "--interactive", "--root"]);
                "stopped rebase"
            }
            14 => {
                self.git(W, &["rebase", "--continue"]);
                self.note();
                "rebase continued"
            }
            _ => {
                self.git(W, &["bisect", "start", "HEAD", "HEAD~1"]);
                "bisection"
            }
        }
    }

    /// Something happens to what git sees of it, or to the repository.
    fn act_around_it(&mut self, act: u32) -> &'static str {
        match act {
            16 => {
                self.git(W, &["update-index", "--assume-unchanged", "file.txt"]);
                self.write("file.txt");
                "assumed"
            }
            17 => {
                self.git(W, &["update-index", "--skip-worktree", "other.txt"]);
                self.write("other.txt");
                "skipped"
            }
            18 => {
                self.git(".", &["merge", "--quiet", "--no-edit", "w"]);
                "merged"
            }
            19 => {
                self.git(".", &["merge", "--quiet", "--squash", "w"]);
                self.git(".", &["commit", "--quiet", "--message=squashed"]);
                "squashed"
            }
            20 => {
                self.git(W, &["push", "--quiet", "--set-upstream", "origin", "HEAD:refs/heads/w"]);
                "pushed"
            }
            21 => {
                self.git(W, &["tag", &format!("t{}", self.files), "HEAD"]);
                "tag"
            }
            22 => {
                self.git(W, &["reset", "--quiet", "--hard", "HEAD~1"]);
                "reset"
            }
            23 => {
                self.repo.config("status.showUntrackedFiles", "no");
                "untracked files hidden"
            }
            24 => {
                self.write("private/deep/secret.txt");
                "ignored folder"
            }
            25 => {
                self.git(W, &["checkout", "--quiet", "--orphan", "orphan"]);
                self.commit(&[]);
                "orphan"
            }
            26 => {
                self.git(".", &["pack-refs", "--all"]);
                self.git(".", &["gc", "--quiet"]);
                "packed"
            }
            27 => {
                self.git(W, &["checkout", "--quiet", "--detach", "main"]);
                self.note();
                "detached at main"
            }
            28 => {
                self.git(".", &["branch", "--quiet", "-D", "w"]);
                self.git(".", &["update-ref", "-d", "refs/heads/w"]);
                "branch deleted"
            }
            _ => {
                self.git(".", &["reflog", "expire", "--expire=now", "--all"]);
                "logs expired"
            }
        }
    }

    /// Removes the worktree where nothing is said to be lost with it, and holds it against what is left. Gives what was
    /// said.
    fn held(self) -> String {
        let run = self.repo.wtcheck(&["risk", "--format=json", "-w", "w"]);
        let json = run.exits(0).json();
        let unit = unit(&json, "w", "risk");
        let verdict = unit["facts"]["verdict"].as_str().expect("a verdict").to_owned();
        if !matches!(verdict.as_str(), "merged" | "pushed" | "local") {
            return verdict;
        }
        // What nothing names any more is lost with the worktree or without.
        assert!(self.git(".", &["gc", "--quiet", "--prune=now"]), "gc");
        let there: Vec<&String> = self.commits.iter().filter(|id| self.has(id)).collect();
        let files = self.contents();
        let removed = self.git(".", &["worktree", "remove", W]);
        assert!(removed, "{}: git keeps what is called {verdict}: {:?}", self.seed, self.done);
        assert!(self.git(".", &["gc", "--quiet", "--prune=now"]), "gc");
        for id in there {
            assert!(self.has(id), "{}: {verdict}, and {id} is lost: {:?} {unit:#}", self.seed, self.done);
        }
        let main = contents(&self.repo, ".");
        for (path, id) in files {
            let is_kept = self.has(&id) || main.values().any(|other| *other == id);
            assert!(is_kept, "{}: {verdict}, and {path} is lost: {:?} {unit:#}", self.seed, self.done);
        }
        verdict
    }

    fn has(&self, id: &str) -> bool {
        self.git(".", &["cat-file", "-e", id])
    }

    fn contents(&self) -> BTreeMap<String, String> {
        contents(&self.repo, W)
    }
}

/// The id of the content of every file in a worktree that no tool makes again.
fn contents(repo: &TestRepo, folder: &str) -> BTreeMap<String, String> {
    let (top, mut open, mut paths) = (repo.at(folder), vec![repo.at(folder)], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name();
            if name == ".git" || name == "target" || name == "node_modules" {
                continue;
            }
            match entry.file_type().expect("a type") {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => paths.push(entry.path()),
                _ => {}
            }
        }
    }
    let relative = |path: &Path| path.strip_prefix(&top).expect("below").to_str().expect("a path").to_owned();
    let id = |path: &Path| repo.git(&["hash-object", "--no-filters", path.to_str().expect("a path")]).trim().to_owned();
    paths.iter().map(|path| (relative(path), id(path))).collect()
}
