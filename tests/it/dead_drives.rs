//! Worktrees on a drive that is dead: they alone are errored, everybody else is answered as ever, and the program ends.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::drive::DeadDrive;
use crate::support::leftovers::until;
use crate::support::{BINARY, Run, TestRepo, has, there_is, unit};

/// What a run may take, with whatever else the machine does: a drive is waited for two seconds.
const SOON: Duration = Duration::from_secs(20);

/// A repository with worktrees `near` and, each on a drive of its own that will be dead, `locked` and `open`.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.worktree("near");
    for name in ["locked", "open"] {
        std::fs::create_dir(repo.at(format!("../drive-{name}"))).expect("a folder");
        repo.git(&["worktree", "add", "--quiet", "-b", name, &format!("../drive-{name}/{name}")]);
    }
    repo.git(&["worktree", "lock", "../drive-locked/locked"]);
    repo
}

/// Lets the drives of these worktrees die.
fn die(repo: &TestRepo, names: &[&str]) -> Option<Vec<DeadDrive>> {
    names.iter().map(|name| DeadDrive::mounted_at(&repo.root().join(format!("drive-{name}")))).collect()
}

/// Runs a command that must end soon.
fn ends_soon(command: &mut Command) -> Run {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let began = Instant::now();
    while child.try_wait().expect("a look").is_none() {
        if began.elapsed() > SOON {
            let _ = child.kill();
            panic!("it did not end in {SOON:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Run::from(child.wait_with_output().expect("an end"))
}

fn outcomes(run: &Run, worktree: &str) -> Vec<(String, String)> {
    let json = run.json();
    let text = |check: &str, key: &str| unit(&json, worktree, check)[key].as_str().unwrap_or_default().to_owned();
    ["status", "log"].iter().map(|check| (text(check, "outcome"), text(check, "reason"))).collect()
}

#[track_caller]
fn only_these_do_not_answer(run: &Run, dead: &[&str]) {
    for name in ["repo", "near", "locked", "open"] {
        let expected = if dead.contains(&name) { ("errored", "its folder does not answer") } else { ("passed", "") };
        let expected = (expected.0.to_owned(), expected.1.to_owned());
        assert_eq!(outcomes(run, name), [expected.clone(), expected], "{name}");
    }
}

#[test]
fn a_dead_drive_errs_alone() {
    let repo = repo();
    let Some(_drives) = die(&repo, &["locked"]) else { return };
    let run = ends_soon(repo.command(BINARY).args(["--format", "json", "--max-concurrency", "1"]));
    only_these_do_not_answer(run.exits(1), &["locked"]);
    let json = run.json();
    let started = unit(&json, "near", "status")["started_ms"].as_f64().expect("a time");
    assert!(started < 1500.0, "the others do not wait for it: {started}");
    assert_eq!(unit(&json, "locked", "status")["attempts"].as_array().map(Vec::len), Some(1), "it is not tried again");
}

#[test]
fn one_that_git_itself_looks_at_errs_alone_too() {
    let repo = repo();
    let before = repo.wtcheck(&["--format", "json"]).exits(0).json();
    let Some(_drives) = die(&repo, &["locked", "open"]) else { return };
    let run = ends_soon(repo.command(BINARY).args(["--format", "json"]));
    only_these_do_not_answer(run.exits(1), &["locked", "open"]);
    // What is known without git's list is the same.
    let said = |json: &serde_json::Value| {
        let rows = json["worktrees"].as_array().expect("worktrees").clone();
        let said = |row: &serde_json::Value| {
            ["path", "name", "branch", "head", "main", "detached", "locked"].map(|key| row[key].clone())
        };
        rows.iter().map(said).collect::<Vec<_>>()
    };
    assert_eq!(said(&run.json()), said(&before));
}

#[test]
fn what_is_asked_only_of_others_takes_its_usual_time() {
    let repo = repo();
    let Some(_drives) = die(&repo, &["locked"]) else { return };
    for args in [&["-w", "near"][..], &["-w", "!locked"], &["-w", "."], &["plan"], &["config", "show"]] {
        ends_soon(repo.command(BINARY).args(args)).exits(0);
    }
    let named = ends_soon(repo.command(BINARY).args(["-w", "../drive-locked/locked", "--format", "json"]));
    assert_eq!(outcomes(named.exits(1), "locked")[0].0, "errored", "a path is known by its words");
}

#[test]
fn names_are_completed_beside_a_dead_drive() {
    let repo = repo();
    let Some(_drives) = die(&repo, &["locked", "open"]) else { return };
    let mut asked = repo.command(BINARY);
    let run = ends_soon(asked.env("COMPLETE", "fish").args(["--", "git-wtcheck", "-w", ""]));
    let offered: Vec<_> = run.exits(0).stdout.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
    for name in ["repo", "near", "locked", "open"] {
        assert!(offered.contains(&name), "{name} among {offered:?}");
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_dead_drive_at_once() {
    let repo = repo();
    repo.config("wtcheck.checks", "status first");
    repo.config("wtcheck.first.command", ": > \"$WTCHECK_COMMON_DIR/../ready\"");
    let Some(_drives) = die(&repo, &["locked"]) else { return };
    let mut command = repo.command(BINARY);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    until("the others are checked", || repo.at("ready").exists());
    let began = Instant::now();
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGTERM).expect("it runs");
    let run = Run::from(child.wait_with_output().expect("an end"));
    run.exits(143);
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}

/// Another process's view of a folder, mounted: a drive that answers, and could be away for all that the program knows.
struct Served(PathBuf);

impl Served {
    fn mounted(folder: &Path, place: &Path) -> Option<Self> {
        if !(has("bindfs") && there_is("a drive that can be mounted (FUSE)", nix::unistd::geteuid().is_root())) {
            return None;
        }
        std::fs::create_dir_all(place).expect("a folder");
        let mounted = Command::new("bindfs").args([folder, place]).status().expect("bindfs");
        assert!(mounted.success(), "bindfs mounts");
        Some(Self(place.to_owned()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(&self.0, nix::mount::MntFlags::MNT_DETACH);
    }
}

#[test]
fn what_could_be_away_and_answers_is_answered_for_like_any_other() {
    let repo = TestRepo::new();
    std::fs::create_dir(repo.at("../held")).expect("a folder");
    let Some(_served) = Served::mounted(&repo.root().join("held"), &repo.root().join("drive")) else { return };
    repo.git(&["worktree", "add", "--quiet", "-b", "away", "../drive/away"]);
    repo.write("../drive/away/new.txt", "new\n");
    repo.write("../drive/away/sub/file", "");
    repo.config("wtcheck.checks", "status diff log here wrong");
    repo.config("wtcheck.here.command", "test -f new.txt || test \"$WTCHECK_BRANCH\" = main");
    repo.config("wtcheck.wrong.command", "echo git-wtcheck: no >&2; exit 125");
    let json = repo.wtcheck(&["--format", "json"]).exits(1).json();
    for (check, outcome) in
        [("status", "passed"), ("diff", "passed"), ("log", "passed"), ("here", "passed"), ("wrong", "failed")]
    {
        assert_eq!(unit(&json, "away", check)["outcome"], outcome, "{check}");
    }
    assert_eq!(unit(&json, "away", "status")["facts"]["untracked"], 2);
    for (name, dir) in [("away", "../drive/away/sub"), ("away", "../drive/away")] {
        let json = repo.wtcheck_in(dir, &["-w", ".", "status", "--format", "json"]).exits(0).json();
        assert_eq!(json["worktrees"][0]["name"], name);
    }
    // What cannot be entered, and what is no program, say so as elsewhere.
    repo.config("wtcheck.here.dir", "no/such/folder");
    let file = repo.root().join("home/.config/git-wtcheck/config.toml");
    repo.write(file, "[check.none]\ncommand = ['no-such-program']\n");
    let json = repo.wtcheck(&["here", "none", "--retries=0", "--format", "json", "-w", "away"]).exits(1).json();
    for (check, word) in [("here", "cannot enter"), ("none", "cannot run 'no-such-program'")] {
        let unit = unit(&json, "away", check);
        assert_eq!(unit["outcome"], "errored", "{check}");
        assert!(unit["reason"].as_str().is_some_and(|reason| reason.starts_with(word)), "{unit:#}");
    }
}
