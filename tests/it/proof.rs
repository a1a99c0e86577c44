//! `status` without git, in the program itself: where it is proven, why it is not elsewhere, and that it is what git says.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{BINARY, Run, TestRepo, unit};

fn program(repo: &TestRepo, args: &[&str]) -> Command {
    let mut command = repo.command(BINARY);
    command.env_remove("GIT_WTCHECK_PROVE").args(args);
    command
}

#[track_caller]
fn report(repo: &TestRepo, args: &[&str]) -> Value {
    Run::of(&mut program(repo, &[&["status", "--format=json"], args].concat())).exits(0).json()
}

fn proven(name: &str, json: &Value) -> Value {
    let unit = unit(json, name, "status");
    json!([unit["source"], unit["asked"], unit["facts"]])
}

/// A fleet in many states, all of them old.
fn fleet() -> TestRepo {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "--bare", ".", "../origin.git"]);
    repo.git(&["remote", "add", "origin", "../origin.git"]);
    repo.git(&["fetch", "--quiet", "origin"]);
    for name in ["clean", "edited", "new", "gone", "staged", "ahead", "lost"] {
        repo.worktree(name);
        repo.write(format!("../{name}/second.txt"), "second\n");
        repo.git_in(format!("../{name}"), &["add", "."]);
        repo.git_in(format!("../{name}"), &["commit", "--quiet", "--message=second"]);
        repo.aged(format!("../{name}"));
    }
    repo.aged(".");
    repo.write("../edited/file.txt", "another length\n");
    repo.write("../new/one/two.txt", "new\n");
    std::fs::remove_file(repo.at("../gone/second.txt")).expect("a file");
    repo.write("../staged/third.txt", "third\n");
    repo.git_in("../staged", &["add", "third.txt"]);
    repo.git(&["branch", "--quiet", "--set-upstream-to=origin/main", "ahead"]);
    repo.git(&["config", "branch.lost.remote", "origin"]);
    repo.git(&["config", "branch.lost.merge", "refs/heads/nowhere"]);
    repo
}

#[test]
fn a_state_is_told_without_git_where_it_is_certain_and_is_git_s() {
    let repo = fleet();
    let proof = report(&repo, &[]);
    let mut without = program(&repo, &["status", "--format=json"]);
    let git = Run::of(without.env("GIT_WTCHECK_PROVE", "false")).exits(0).json();
    assert_eq!(proof["summary"], git["summary"]);
    for name in ["repo", "clean", "edited", "new", "gone", "ahead", "lost"] {
        let (proof, git) = (unit(&proof, name, "status"), unit(&git, name, "status"));
        assert_eq!((&proof["source"], &git["source"]), (&json!("proof"), &json!("process")), "{name}: {proof}");
        assert_eq!(proof["facts"], git["facts"], "{name}");
        assert_eq!((&proof["asked"], &git["asked"]), (&Value::Null, &Value::Null), "{name}");
    }
    assert_eq!(unit(&proof, "ahead", "status")["facts"]["ahead"], 1);
    assert_eq!(unit(&proof, "lost", "status")["facts"]["ahead"], Value::Null);
    let staged = unit(&proof, "staged", "status");
    assert_eq!((&staged["source"], &staged["asked"]), (&json!("process"), &json!("staged changes")));
    assert_eq!(staged["facts"], unit(&git, "staged", "status")["facts"]);
}

/// Lets a file have been written in the second in which the index of its worktree was.
fn racy(repo: &TestRepo, file: &str) {
    let (file, index) = (repo.at(file), repo.at(".git/worktrees/clean/index"));
    assert!(repo.command("touch").arg("-r").arg(&index).arg(&file).status().expect("touch").success());
}

#[test]
fn what_was_written_in_the_index_s_second_is_read_where_nothing_is_converted() {
    let repo = fleet();
    // Of the same length, and with the time that the index knows.
    repo.write("../clean/file.txt", "two\none\nthree\n");
    racy(&repo, "../clean/file.txt");
    assert_eq!(proven("clean", &report(&repo, &[]))[0], "proof");
    let told = |json: &Value| unit(json, "clean", "status")["facts"]["unstaged"].clone();
    assert_eq!(told(&report(&repo, &[])), 1);
    // Line ends are no matter where there are none of that kind.
    repo.config("core.autocrlf", "true");
    assert_eq!(proven("clean", &report(&repo, &[]))[0], "proof");
    repo.write(".git/info/attributes", "file.txt filter=f\n");
    repo.config("filter.f.clean", "printf 'one\\ntwo\\nthree\\n'; cat >/dev/null");
    let json = report(&repo, &[]);
    let [source, asked, _] = &proven("clean", &json).as_array().expect("three").clone()[..] else { panic!("{json}") };
    assert_eq!(source, "process", "{json}");
    assert!(["racy index", "touched files"].contains(&asked.as_str().expect("why")), "{asked}");
    assert_eq!(told(&json), 0, "as the filter has it");
}

#[test]
fn files_that_were_read_are_not_read_again_once_the_index_is_refreshed() {
    let repo = fleet();
    racy(&repo, "../clean/file.txt");
    repo.git_in("../clean", &["update-index", "-q", "--refresh"]);
    let (index, file) = (repo.at(".git/worktrees/clean/index"), repo.at("../clean/file.txt"));
    for path in [&index, &file] {
        assert!(repo.command("touch").args(["-d", "1 minute ago"]).arg(path).status().expect("touch").success());
    }
    let written = || index.metadata().expect("an index").modified().expect("a time");
    let before = written();
    assert_eq!(proven("clean", &report(&repo, &[]))[0], "proof");
    let refreshed = written();
    assert!(refreshed > before, "the index is refreshed after the report");
    // Whatever may convert a file has no say where none is read.
    repo.write(".git/info/attributes", "* filter=f\n");
    assert_eq!(proven("clean", &report(&repo, &[]))[0], "proof");
    assert_eq!(written(), refreshed);
}

#[test]
fn check_asks_git_too_and_false_asks_it_alone() {
    let repo = fleet();
    let with = |prove: &str| {
        Run::of(program(&repo, &["status", "--format=json"]).env("GIT_WTCHECK_PROVE", prove)).exits(0).json()
    };
    assert_eq!(proven("clean", &with("check")), proven("clean", &report(&repo, &[])));
    assert_eq!(unit(&with("false"), "clean", "status")["source"], "process");
    repo.config("wtcheck.prove", "never");
    Run::of(&mut program(&repo, &["status"])).exits(2).says("expected true, false or check");
}

/// A PATH in which git is a script; the real one is `$real` there.
fn with_git(repo: &TestRepo, script: &str) -> String {
    let path = std::env::var("PATH").expect("a PATH");
    let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
    let real = real.expect("git");
    repo.script("../bin/git", &format!("#!/bin/sh\nreal='{}'\n{script}\n", real.display()));
    format!("{}:{path}", repo.at("../bin").display())
}

#[test]
fn what_git_does_not_tell_of_branches_is_waited_for_no_longer_than_a_check_may_take() {
    let repo = fleet();
    let path = with_git(&repo, "case $* in *for-each-ref*) exec sleep 1000;; esac\nexec \"$real\" \"$@\"");
    let mut kept_waiting = program(&repo, &["status", "--format=json", "--retries=0", "--timeout=1s"]);
    let began = Instant::now();
    let json = Run::of(kept_waiting.env("PATH", path)).exits(0).json();
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    for name in ["repo", "clean", "ahead"] {
        let told = unit(&json, name, "status");
        // A proof that does not come to an end was nobody's attempt: git is asked.
        assert_eq!((&told["outcome"], &told["source"]), (&json!("passed"), &json!("process")), "{told}");
    }
}

#[test]
fn a_difference_from_git_is_an_error_that_says_both_answers() {
    let repo = fleet();
    // A git that lies about one worktree.
    let path =
        with_git(&repo, "\"$real\" \"$@\" || exit\ncase \"$PWD $*\" in */edited\\ *status*) printf '? lie\\0';; esac");
    let mut lied_to = program(&repo, &["status", "--format=json", "--retries=0"]);
    lied_to.env("PATH", path).env("GIT_WTCHECK_PROVE", "check");
    let json = Run::of(&mut lied_to).exits(1).json();
    let told = unit(&json, "edited", "status");
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("a proof and git differ: ") && reason.contains("untracked 1"), "{reason}");
    assert_eq!(unit(&json, "clean", "status")["outcome"], "passed");
}

#[test]
fn a_check_with_arguments_of_its_own_is_git_s_to_answer() {
    let repo = fleet();
    repo.config("wtcheck.some.kind", "status");
    repo.config("wtcheck.some.args", "-- *.rs");
    let json = Run::of(&mut program(&repo, &["some", "--format=json"])).exits(0).json();
    let told = unit(&json, "clean", "some");
    assert_eq!((&told["source"], &told["asked"]), (&json!("process"), &Value::Null));
}

#[test]
fn verbose_says_why_git_was_asked_and_the_plan_who_is() {
    let repo = fleet();
    let shown = Run::of(&mut program(&repo, &["status", "-v"]));
    shown.exits(0).shows("git was asked: staged changes");
    let plan = Run::of(&mut program(&repo, &["plan", "status"]));
    plan.exits(0).shows("asks proof, then process");
    repo.config("wtcheck.prove", "false");
    assert!(!Run::of(&mut program(&repo, &["plan", "status"])).stdout.contains("proof"));
}
