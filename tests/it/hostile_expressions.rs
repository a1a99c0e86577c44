//! Expressions that would take for ever: whatever a repository's file says, the run ends, and says which it gave up.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::leftovers::{nothing_left, until};
use crate::support::{BINARY, Run, TestRepo, unit};

/// Half an hour of a processor, in 1,400 characters.
fn endless() -> String {
    let list = format!("[{}]", ["1"; 150].join(","));
    format!("{list}.all(x, {list}.all(y, {list}.size() > 0 && 'hostile'.matches('[a-z]{{5,50}}')))")
}

/// So many worktrees, `w0`, `w1`, ..., besides the main one.
fn crowd(worktrees: usize) -> (TestRepo, Vec<String>) {
    let repo = TestRepo::new();
    let names: Vec<String> = (0..worktrees).map(|number| format!("w{number}")).collect();
    for name in &names {
        repo.worktree(name);
    }
    (repo, names)
}

#[test]
fn what_a_repository_makes_endless_is_given_up_on_every_worktree() {
    let (repo, mut names) = crowd(29);
    names.push("repo".to_owned());
    let hostile = endless();
    repo.write(
        ".wtcheck.toml",
        format!("[check.status]\nfail-if = \"{hostile}\"\n[check.log]\nwhen = \"{hostile}\"\n"),
    );
    repo.config("wtcheck.checks", "status log x");
    repo.config("wtcheck.x.command", "touch ran");
    repo.config("wtcheck.x.when", &hostile);
    let before = Instant::now();
    let run = repo.wtcheck(&["--format=json"]);
    let took = before.elapsed();
    run.exits(1);
    assert!(took < Duration::from_secs(30), "it took {took:?}");
    let json = run.json();
    for name in &names {
        for (check, key) in [("status", "fail-if"), ("log", "when"), ("x", "when")] {
            let unit = unit(&json, name, check);
            assert_eq!(unit["outcome"], "errored", "{check} on {name}");
            let reason = unit["reason"].as_str().expect("a reason");
            assert!(reason.starts_with(&format!("{key} '[1,1,1,1,1,1,")), "{reason}");
            let steps = reason.ends_with("...' was given up: it takes more than 100000 steps");
            let time = reason.ends_with("' was given up: the expressions of this run have taken more than 1 second");
            assert!(steps || time, "{reason}");
            assert!(reason.len() < 220, "{reason}");
        }
        assert!(!repo.at(format!("../{name}/ran")).exists(), "x ran on {name}");
    }
}

#[test]
fn a_command_does_not_run_again_for_an_expression_that_is_given_up() {
    let repo = TestRepo::new();
    repo.config("wtcheck.x.command", "echo once >>ran");
    repo.config("wtcheck.x.failIf", &endless());
    repo.config("wtcheck.x.retries", "999");
    repo.config("wtcheck.x.retryOn", "error failure");
    repo.config("wtcheck.x.retryDelay", "1ms");
    let run = repo.wtcheck(&["x", "--format=json"]);
    run.exits(1);
    assert_eq!(unit(&run.json(), "repo", "x")["outcome"], "errored");
    assert_eq!(std::fs::read_to_string(repo.at("ran")).expect("a file"), "once\n");
}

#[test]
fn a_signal_is_heard_while_expressions_take_all_they_may() {
    let (repo, names) = crowd(30);
    let mut config =
        "[wtcheck]\n\tmaxConcurrency = 64\n[wtcheck \"first\"]\n\tcommand = \": >ready; sleep 1000\"\n".to_owned();
    for number in 0..40 {
        // Each is another.
        let when = format!("{number} >= 0 && {}", endless());
        config.push_str(&format!("[wtcheck \"c{number}\"]\n\tcommand = true\n\twhen = \"{when}\"\n"));
    }
    repo.write("../home/.gitconfig", config);
    let child = repo
        .command(BINARY)
        .arg("--format=json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    until("a check runs", || names.iter().any(|name| repo.at(format!("../{name}/ready")).exists()));
    let before = Instant::now();
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGTERM).expect("it runs");
    let run = Run::from(child.wait_with_output().expect("an end"));
    let took = before.elapsed();
    run.exits(143);
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    nothing_left(&repo.root());
}

#[test]
fn ordinary_expressions_of_many_checks_come_nowhere_near() {
    let (repo, names) = crowd(4);
    let mut config = String::new();
    for number in 0..100 {
        let when = format!(
            "status.untracked < {number} && log.subject.matches('^(feat|fix): .{{{number},99}}$') && \
             ['main', 'w1'].exists(name, worktree.branch.startsWith(name))"
        );
        config.push_str(&format!("[wtcheck \"c{number}\"]\n\tcommand = true\n\twhen = \"{when}\"\n"));
    }
    repo.write("../home/.gitconfig", config);
    let run = repo.wtcheck(&["--format=json"]);
    run.exits(0);
    let json = run.json();
    for name in &names {
        for number in 0..100 {
            assert_eq!(unit(&json, name, &format!("c{number}"))["outcome"], "skipped");
        }
    }
}
