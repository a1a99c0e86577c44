//! Every kind of worktree, and that the facts are git's own.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{BINARY, Run, TestRepo, unit};

/// A run of everything, whatever it came to, without waiting for a second attempt.
#[track_caller]
fn report(repo: &TestRepo, code: i32) -> Value {
    repo.wtcheck(&["--format=json", "--retries=0"]).exits(code).json()
}

fn row<'a>(json: &'a Value, name: &str) -> &'a Value {
    json["worktrees"].as_array().expect("worktrees").iter().find(|row| row["name"] == name).expect("the worktree")
}

fn status<'a>(json: &'a Value, name: &str) -> &'a Value {
    let unit = unit(json, name, "status");
    assert_eq!(unit["outcome"], "passed", "{unit:#}");
    &unit["facts"]
}

/// Asserts that every unit of a worktree ended so, for a reason that holds this text.
#[track_caller]
fn all_end(json: &Value, name: &str, outcome: &str, reason: &str) {
    for unit in row(json, name)["checks"].as_array().expect("checks") {
        assert_eq!(unit["outcome"], outcome, "{unit:#}");
        let said = unit["reason"].as_str().expect("a reason");
        assert!(said.contains(reason), "{reason:?} in {said:?}");
        assert!(unit.get("facts").is_none(), "no facts: {unit:#}");
    }
}

/// Asserts that `status` of a worktree errored with this text, and that no fact came of it.
#[track_caller]
fn status_errors(json: &Value, name: &str, reason: &str) {
    let unit = unit(json, name, "status");
    assert_eq!(unit["outcome"], "errored", "{unit:#}");
    assert!(unit["reason"].as_str().expect("a reason").contains(reason), "{reason:?} in {unit:#}");
    assert!(unit.get("facts").is_none(), "no facts: {unit:#}");
    assert_ne!(self::unit(json, name, "diff")["outcome"], "passed", "without status nobody knows");
}

/// What git itself says of a folder, as facts.
fn asked_of_git(repo: &TestRepo, folder: &str) -> (Value, Value, Value) {
    let git = |args: &[&str]| repo.git_in(folder, args);
    let (mut staged, mut unstaged, mut untracked, mut conflicted) = (0, 0, 0, 0);
    let listing = git(&["status", "--porcelain", "-z", "--untracked-files=normal"]);
    let mut entries = listing.split_terminator('\0');
    while let Some(entry) = entries.next() {
        match &entry[..2] {
            "??" => untracked += 1,
            "DD" | "AU" | "UD" | "UA" | "DU" | "AA" | "UU" => conflicted += 1,
            code => {
                staged += i32::from(!code.starts_with(' '));
                unstaged += i32::from(!code.ends_with(' '));
                if code.starts_with('R') {
                    entries.next();
                }
            }
        }
    }
    let clean = listing.is_empty();
    let mut status = json!({"clean": clean, "dirty": !clean, "staged": staged, "unstaged": unstaged,
        "untracked": untracked, "conflicted": conflicted, "stash": git(&["stash", "list"]).lines().count()});
    let upstream = repo.git_try(folder, &["rev-parse", "--abbrev-ref", "@{upstream}"]);
    if upstream.status.success() {
        let count =
            |range: &str| -> Value { git(&["rev-list", "--count", range]).parse::<u64>().expect("a count").into() };
        status["upstream"] = String::from_utf8_lossy(&upstream.stdout).trim().into();
        status["ahead"] = count("@{upstream}..HEAD");
        status["behind"] = count("HEAD..@{upstream}");
    }
    let (mut files, mut insertions, mut deletions) = (0, 0, 0);
    for line in git(&["diff", "--numstat", "HEAD"]).lines() {
        let mut parts = line.split('\t').map(|part| part.parse().unwrap_or(0));
        files += 1;
        insertions += parts.next().expect("a count");
        deletions += parts.next().expect("a count");
    }
    let diff = json!({"files": files, "insertions": insertions, "deletions": deletions});
    let last = git(&["log", "-1", "--format=%H%n%s%n%an%n%ct"]);
    let last: Vec<&str> = last.split('\n').collect();
    let time: i64 = last[3].parse().expect("a time");
    let log = json!({"commit": last[0], "subject": last[1], "author": last[2], "committed_at": time});
    (status, diff, log)
}

/// Asserts that the report says of a worktree what git says of it.
#[track_caller]
fn agrees_with_git(repo: &TestRepo, json: &Value, name: &str) {
    let (status, diff, log) = asked_of_git(repo, &format!("../{name}"));
    let compare = |check: &str, asked: &Value| {
        let facts = &unit(json, name, check)["facts"];
        for (fact, value) in asked.as_object().expect("facts") {
            assert_eq!(&facts[fact], value, "{name}: {check}.{fact}");
        }
    };
    compare("status", &status);
    if status["dirty"] == true {
        compare("diff", &diff);
    }
    compare("log", &log);
    assert_eq!(row(json, name)["head"], log["commit"]);
    let facts = &unit(json, name, "status")["facts"];
    assert_eq!(facts.get("upstream"), status.get("upstream"), "{name}: no upstream but git's");
}

#[test]
fn each_kind_of_change_is_what_git_says_it_is() {
    let repo = TestRepo::new();
    repo.write("second.txt", "a\nb\nc\nd\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=second commit: äöü \u{1f600}", "--author=Ünï <u@example.com>"]);
    for name in ["clean", "staged", "unstaged", "both", "untracked", "renamed", "deleted", "folder"] {
        repo.worktree(name);
    }
    repo.write("../staged/file.txt", "one\n");
    repo.git_in("../staged", &["add", "."]);
    repo.write("../unstaged/file.txt", "one\ntwo\nthree\nfour\n");
    repo.write("../both/file.txt", "1\n");
    repo.git_in("../both", &["add", "."]);
    repo.write("../both/file.txt", "1\n2\n");
    repo.write("../untracked/a b\nc.txt", "new\n");
    repo.git_in("../renamed", &["mv", "second.txt", "third.txt"]);
    std::fs::remove_file(repo.at("../deleted/file.txt")).expect("a file");
    repo.write("../folder/new/1", "");
    repo.write("../folder/new/2", "");
    repo.write("../folder/other/3", "");

    let json = report(&repo, 0);
    for name in ["repo", "clean", "staged", "unstaged", "both", "untracked", "renamed", "deleted", "folder"] {
        agrees_with_git(&repo, &json, name);
    }
    assert_eq!(status(&json, "clean")["clean"], true);
    for (name, fact, count) in [
        ("staged", "staged", 1),
        ("unstaged", "unstaged", 1),
        ("both", "staged", 1),
        ("both", "unstaged", 1),
        ("untracked", "untracked", 1),
        ("renamed", "staged", 1),
        ("deleted", "unstaged", 1),
        ("folder", "untracked", 2),
    ] {
        assert_eq!(status(&json, name)[fact], count, "{name}: {fact}");
        assert_eq!(status(&json, name)["clean"], false, "{name}");
        assert_eq!(status(&json, name)["dirty"], true, "{name}");
    }
}

#[test]
fn new_files_count_whatever_the_user_has_git_show() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../feature/work.txt", "a day's work\n");
    repo.config("status.showUntrackedFiles", "no");
    assert_eq!(repo.git_in("../feature", &["status", "--porcelain"]), "", "git says nothing");
    let json = report(&repo, 0);
    assert_eq!(status(&json, "feature")["untracked"], 1);
    assert_eq!(status(&json, "feature")["clean"], false);
    assert_eq!(status(&json, "repo")["clean"], true);
}

#[test]
fn branches_and_detached_heads() {
    let repo = TestRepo::new();
    repo.git(&["worktree", "add", "--quiet", "-b", "feat/a", "../a"]);
    repo.git(&["worktree", "add", "--quiet", "--detach", "../b"]);
    repo.git(&["worktree", "add", "--quiet", "../c"]);
    repo.git(&["worktree", "lock", "--reason", "on a stick", "../c"]);
    let json = report(&repo, 0);
    let head = repo.git(&["rev-parse", "HEAD"]);
    let expected = json!([
        {"name": "repo", "branch": "main", "main": true, "detached": false, "locked": false},
        {"name": "a", "branch": "feat/a", "main": false, "detached": false, "locked": false},
        {"name": "b", "branch": null, "main": false, "detached": true, "locked": false},
        {"name": "c", "branch": "c", "main": false, "detached": false, "locked": true},
    ]);
    for (row, expected) in json["worktrees"].as_array().expect("rows").iter().zip(expected.as_array().expect("rows")) {
        for (key, value) in expected.as_object().expect("keys") {
            assert_eq!(&row[key], value, "{key} of {row:#}");
        }
        assert_eq!(row["head"], head.as_str());
        assert_eq!(row["bare"], false);
        assert_eq!(row["prunable"], false);
    }
    for name in ["repo", "a", "b", "c"] {
        agrees_with_git(&repo, &json, name);
    }
}

#[test]
fn what_has_no_folder_is_skipped_and_says_why() {
    let repo = TestRepo::new();
    for name in ["gone", "away", "silent", "unmounted"] {
        repo.worktree(name);
    }
    repo.git(&["worktree", "lock", "--reason", "on a stick", "../away"]);
    repo.git(&["worktree", "lock", "../silent"]);
    repo.git(&["worktree", "lock", "../unmounted"]);
    for name in ["gone", "away", "silent", "unmounted"] {
        std::fs::remove_dir_all(repo.at(format!("../{name}"))).expect("a folder");
    }
    std::fs::create_dir(repo.at("../unmounted")).expect("a folder");
    let json = report(&repo, 0);
    assert_eq!(row(&json, "gone")["prunable"], true);
    all_end(&json, "gone", "skipped", "missing");
    all_end(&json, "away", "skipped", "on a stick");
    all_end(&json, "silent", "skipped", "locked");
    all_end(&json, "unmounted", "skipped", "locked");
    agrees_with_git(&repo, &json, "repo");
    assert_eq!(json["summary"]["skipped"], 4 * 3 + 1, "the main worktree's diff is the last one: {json:#}");
}

#[test]
fn a_folder_in_place_of_a_mount_that_holds_files_is_not_taken_for_empty() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.git(&["worktree", "lock", "../feature"]);
    std::fs::remove_file(repo.at("../feature/.git")).expect("a file");
    let json = report(&repo, 1);
    all_end(&json, "feature", "errored", "worktree repair");
}

#[test]
fn a_bare_repository_has_nothing_to_check() {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
    repo.git_in("../bare.git", &["worktree", "add", "--quiet", "../linked", "main"]);
    let json = repo.wtcheck_in("../bare.git", &["--format=json"]).exits(0).json();
    assert_eq!(row(&json, "bare.git")["bare"], true);
    all_end(&json, "bare.git", "skipped", "bare");
    agrees_with_git(&repo, &json, "linked");
}

#[test]
fn a_bare_repository_is_bare_also_as_seen_from_a_worktree_with_a_configuration_of_its_own() {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "--bare", ".", "../project/.git"]);
    repo.git_in("../project", &["worktree", "add", "--quiet", "../project/linked", "main"]);
    // What `git sparse-checkout` does.
    repo.git_in("../project", &["config", "extensions.worktreeConfig", "true"]);
    repo.git_in("../project", &["config", "--local", "--unset", "core.bare"]);
    repo.git_in("../project", &["config", "--file", ".git/config.worktree", "core.bare", "true"]);
    for folder in ["../project", "../project/linked"] {
        let json = repo.wtcheck_in(folder, &["--format=json"]).exits(0).json();
        assert_eq!(row(&json, "project")["bare"], true, "from {folder}");
        all_end(&json, "project", "skipped", "bare");
        assert_eq!(status(&json, "linked")["clean"], true);
    }
}

#[test]
fn an_unborn_branch_is_no_error() {
    for format in ["sha1", "sha256"] {
        let repo = TestRepo::empty();
        repo.git(&["init", "--quiet", &format!("--object-format={format}"), "."]);
        let json = report(&repo, 0);
        assert_eq!(row(&json, "repo")["branch"], "main");
        assert_eq!(row(&json, "repo")["head"], Value::Null);
        assert_eq!(status(&json, "repo")["clean"], true);
        assert!(unit(&json, "repo", "log").get("facts").is_none());

        repo.write("file.txt", "one\ntwo\n");
        repo.git(&["add", "."]);
        let json = report(&repo, 0);
        assert_eq!(status(&json, "repo")["staged"], 1);
        assert_eq!(unit(&json, "repo", "diff")["facts"], json!({"files": 1, "insertions": 2, "deletions": 0}));
        assert_eq!(unit(&json, "repo", "log")["outcome"], "passed");

        repo.git(&["commit", "--quiet", "--message=born"]);
        repo.git(&["worktree", "add", "--quiet", "--detach", "../orphan"]);
        repo.git_in("../orphan", &["checkout", "--quiet", "--orphan", "fresh"]);
        let json = report(&repo, 0);
        agrees_with_git(&repo, &json, "repo");
        assert_eq!(row(&json, "orphan")["branch"], "fresh");
        assert_eq!(unit(&json, "orphan", "diff")["facts"]["files"], 1, "{format}");
    }
}

#[test]
fn operations_under_way() {
    let repo = TestRepo::new();
    let names = ["merge", "rebase", "cherry-pick", "revert", "bisect", "am", "between"];
    repo.git(&["checkout", "--quiet", "-b", "other"]);
    repo.write("file.txt", "other\n");
    repo.git(&["commit", "--quiet", "--all", "--message=other"]);
    repo.git(&["checkout", "--quiet", "main"]);
    repo.write("file.txt", "ours\n");
    repo.git(&["commit", "--quiet", "--all", "--message=ours"]);
    for name in names {
        repo.worktree(name);
    }
    let stops = |name: &str, args: &[&str]| {
        let output = repo.git_try(format!("../{name}"), args);
        assert!(!output.status.success(), "{name} was to stop at a conflict");
    };
    stops("merge", &["merge", "other"]);
    stops("rebase", &["rebase", "other"]);
    stops("cherry-pick", &["cherry-pick", "other"]);
    stops("revert", &["revert", "--no-edit", "HEAD~1"]);
    repo.git_in("../bisect", &["bisect", "start", "HEAD", "HEAD~1"]);
    let patch = repo.git(&["format-patch", "-1", "--stdout", "other"]);
    repo.write("../patch", patch + "\n");
    stops("am", &["am", "../patch"]);
    // A sequence of two, with the first one settled and the second one still to come.
    stops("between", &["cherry-pick", "other", "other~1"]);
    repo.git_in("../between", &["checkout", "--quiet", "--theirs", "."]);
    repo.git_in("../between", &["commit", "--quiet", "--all", "--message=settled"]);

    let json = report(&repo, 0);
    for name in &names[..6] {
        assert_eq!(status(&json, name)["operation"], *name);
    }
    assert_eq!(status(&json, "between")["operation"], "cherry-pick");
    assert_eq!(status(&json, "repo")["operation"], "");
    for name in ["merge", "rebase", "cherry-pick", "revert"] {
        assert_eq!(status(&json, name)["conflicted"], 1, "{name}");
        agrees_with_git(&repo, &json, name);
    }
    assert_eq!(row(&json, "rebase")["detached"], true);
}

#[test]
fn upstreams() {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "--bare", ".", "../origin.git"]);
    repo.git(&["remote", "add", "origin", "../origin.git"]);
    repo.git(&["fetch", "--quiet"]);
    for name in ["even", "apart", "gone", "none"] {
        repo.worktree(name);
    }
    repo.git_in("../apart", &["commit", "--quiet", "--allow-empty", "--message=there"]);
    repo.git_in("../apart", &["push", "--quiet", "origin", "apart:main", "gone"]);
    repo.git_in("../apart", &["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.git_in("../apart", &["commit", "--quiet", "--allow-empty", "--message=here"]);
    repo.git_in("../apart", &["commit", "--quiet", "--allow-empty", "--message=here too"]);
    repo.git_in("../even", &["reset", "--quiet", "--hard", "origin/main"]);
    for (name, upstream) in [("even", "origin/main"), ("apart", "origin/main"), ("gone", "origin/gone")] {
        repo.git_in(format!("../{name}"), &["branch", "--quiet", "--set-upstream-to", upstream]);
    }
    repo.git(&["update-ref", "-d", "refs/remotes/origin/gone"]);

    let json = report(&repo, 0);
    for name in ["even", "apart", "none"] {
        agrees_with_git(&repo, &json, name);
    }
    assert_eq!((&status(&json, "apart")["ahead"], &status(&json, "apart")["behind"]), (&json!(2), &json!(1)));
    assert_eq!((&status(&json, "even")["ahead"], &status(&json, "even")["behind"]), (&json!(0), &json!(0)));
    let gone = status(&json, "gone");
    assert_eq!(gone["upstream"], "origin/gone");
    assert!(gone["ahead"].is_null() && gone.get("ahead").is_some(), "asked, and unknown: {gone}");
    assert!(gone["behind"].is_null() && gone.get("behind").is_some(), "asked, and unknown: {gone}");
    assert!(status(&json, "none").get("ahead").is_none(), "not applicable");

    repo.config("wtcheck.status.args", "--no-ahead-behind");
    let json = report(&repo, 0);
    assert!(status(&json, "apart")["ahead"].is_null(), "git was told not to count");
    assert_eq!(status(&json, "even")["ahead"], 0);
}

#[test]
fn stashes_are_counted() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    for content in ["1\n", "2\n"] {
        repo.write("../feature/file.txt", content);
        repo.git_in("../feature", &["stash", "--quiet"]);
    }
    let json = report(&repo, 0);
    assert_eq!(status(&json, "feature")["stash"], 2);
    assert_eq!(status(&json, "repo")["stash"], 2, "all worktrees share them");
    agrees_with_git(&repo, &json, "feature");
}

#[test]
fn what_is_corrupt_errors_and_the_others_carry_on() {
    let repo = TestRepo::new();
    for name in ["index", "head", "ref", "lost", "fine"] {
        repo.worktree(name);
    }
    std::fs::write(repo.at(".git/worktrees/index/index"), "DIRCgarbage").expect("a file");
    std::fs::write(repo.at(".git/worktrees/head/HEAD"), "garbage\n").expect("a file");
    std::fs::write(repo.at(".git/refs/heads/ref"), "garbage\n").expect("a file");
    std::fs::write(repo.at(".git/refs/heads/lost"), "1111111111111111111111111111111111111111\n").expect("a file");
    let json = report(&repo, 1);
    status_errors(&json, "index", "index file");
    status_errors(&json, "head", "not a git repository");
    status_errors(&json, "ref", "HEAD");
    status_errors(&json, "lost", "bad object HEAD");
    for name in ["head", "ref", "lost"] {
        assert_eq!(unit(&json, name, "log")["outcome"], "errored", "{name}");
    }
    assert_eq!(unit(&json, "index", "log")["outcome"], "passed");
    agrees_with_git(&repo, &json, "fine");
    agrees_with_git(&repo, &json, "repo");
}

#[test]
fn the_repository_around_a_worktree_never_answers_for_it() {
    let repo = TestRepo::new();
    // Both worktrees lie inside another repository that is clean and ignores them.
    repo.git(&["init", "--quiet", "../outer"]);
    repo.write("../outer/.gitignore", "*\n");
    for name in ["outer/unlinked", "outer/garbled", "outer/emptied"] {
        repo.git(&["worktree", "add", "--quiet", "--detach", &format!("../{name}")]);
        repo.write(format!("../{name}/work.txt"), "a day's work\n");
    }
    std::fs::remove_file(repo.at("../outer/unlinked/.git")).expect("a file");
    std::fs::write(repo.at("../outer/garbled/.git"), "garbage\n").expect("a file");
    std::fs::remove_dir_all(repo.at(".git/worktrees/emptied/refs")).ok();
    std::fs::remove_file(repo.at(".git/worktrees/emptied/HEAD")).expect("a file");
    let inside = repo.git_in("../outer/unlinked", &["status", "--porcelain"]);
    assert_eq!(inside, "", "git itself answers for the outer one");

    let json = report(&repo, 1);
    all_end(&json, "unlinked", "skipped", "prunable");
    all_end(&json, "garbled", "errored", "worktree repair");
    for name in ["unlinked", "garbled", "emptied"] {
        if json["worktrees"].as_array().expect("rows").iter().any(|row| row["name"] == name) {
            assert_ne!(unit(&json, name, "status")["outcome"], "passed", "{name}");
        }
    }
}

#[test]
fn the_repository_around_a_broken_main_worktree_never_answers_for_it() {
    // A colon divides GIT_CEILING_DIRECTORIES: a folder that has one must be kept from its surroundings by other means.
    for outer in ["outer", "ou:ter"] {
        let repo = TestRepo::new();
        repo.git(&["init", "--quiet", &format!("../{outer}")]);
        repo.write(format!("../{outer}/.gitignore"), "*\n");
        repo.git(&["init", "--quiet", &format!("../{outer}/inner")]);
        let inner = format!("../{outer}/inner");
        repo.git_in(&inner, &["commit", "--quiet", "--allow-empty", "--message=first"]);
        repo.git_in(&inner, &["worktree", "add", "--quiet", "-b", "linked", "../../linked"]);
        repo.write(format!("{inner}/work.txt"), "a day's work\n");
        let json = repo.wtcheck_in("../linked", &["--format=json", "--retries=0"]).exits(0).json();
        assert_eq!(status(&json, "inner")["untracked"], 1, "{outer}");
        std::fs::write(repo.at(&inner).join(".git/HEAD"), "garbage\n").expect("a file");
        let json = repo.wtcheck_in("../linked", &["--format=json", "--retries=0"]).exits(1).json();
        status_errors(&json, "inner", "not a git repository");
        assert_eq!(status(&json, "linked")["clean"], true);
    }
}

#[test]
fn another_repository_in_a_worktree_s_place_does_not_answer_for_it() {
    let repo = TestRepo::new();
    for name in ["replaced", "redirected", "copied", "original"] {
        repo.worktree(name);
    }
    std::fs::remove_file(repo.at("../replaced/.git")).expect("a file");
    repo.git(&["init", "--quiet", "../replaced"]);
    repo.git(&["init", "--quiet", "../elsewhere"]);
    let link = format!("gitdir: {}\n", repo.at("../elsewhere/.git").display());
    std::fs::write(repo.at("../redirected/.git"), link).expect("a file");
    // What `cp -r original/. copied` leaves.
    std::fs::copy(repo.at("../original/.git"), repo.at("../copied/.git")).expect("a file");

    let json = report(&repo, 1);
    all_end(&json, "replaced", "errored", "another repository");
    all_end(&json, "redirected", "errored", "another repository");
    all_end(&json, "copied", "errored", "another worktree");
    assert_eq!(status(&json, "original")["clean"], true);
}

#[test]
fn two_records_of_one_folder_are_not_both_answered_by_it() {
    let repo = TestRepo::new();
    repo.worktree("old");
    repo.worktree("new");
    // As after `rm -r old; mv new old; git worktree repair old`, before any pruning.
    std::fs::remove_dir_all(repo.at("../old")).expect("a folder");
    std::fs::rename(repo.at("../new"), repo.at("../old")).expect("a folder");
    repo.git_in("../old", &["worktree", "repair"]);
    let own = repo.git_in("../old", &["branch", "--show-current"]);
    let json = report(&repo, 1);
    let rows: Vec<&Value> =
        json["worktrees"].as_array().expect("rows").iter().filter(|row| row["name"] == "old").collect();
    assert_eq!(rows.len(), 2, "{json:#}");
    for row in rows {
        let expected = if row["branch"] == own.as_str() { "passed" } else { "errored" };
        assert_eq!(row["checks"][0]["outcome"], expected, "{row:#}");
    }
}

/// Whether the tests may take on other users.
fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|process| process.uid() == 0)
}

const NOBODY: u32 = 65534;

/// A folder for scratch repositories that every user may enter: the clone and the usual one may lie where only their owner can.
fn open_to_all() -> PathBuf {
    let is_open = |folder: &Path| folder.metadata().is_ok_and(|found| found.mode() & 0o001 != 0);
    let candidates = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into(), "/dev/shm".into()];
    let real = candidates.into_iter().filter_map(|folder| folder.canonicalize().ok());
    let mut open = real.filter(|folder| folder.ancestors().all(is_open));
    open.next().expect("a folder that every user may enter")
}

/// The program under test as another user, for whom the modes of folders hold. It goes where that user can reach it.
fn as_nobody(repo: &TestRepo, args: &[&str]) -> Run {
    let program = repo.root().join("git-wtcheck");
    // By another process: nothing that is started meanwhile inherits a file that is open for writing, and so may not be run.
    let copied = Command::new("cp").arg(BINARY).arg(&program).status().expect("cp");
    let given = Command::new("chown").args(["-R", "65534:65534"]).arg(repo.root()).status().expect("chown");
    assert!(copied.success() && given.success());
    Run::of(repo.command(program).args(args).uid(NOBODY).gid(NOBODY))
}

#[test]
fn what_may_not_be_entered_is_never_clean() {
    let repo = if is_root() { TestRepo::within(&open_to_all()) } else { TestRepo::new() };
    repo.write("kept/file.txt", "tracked\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=second"]);
    for name in ["untracked", "tracked", "closed", "fine"] {
        repo.worktree(name);
    }
    repo.write("../untracked/private/work.txt", "a day's work\n");
    repo.write("../tracked/kept/file.txt", "a day's work\n");
    let folders = ["../untracked/private", "../tracked/kept", "../closed"];
    let set = |mode| {
        for folder in folders {
            std::fs::set_permissions(repo.at(folder), std::fs::Permissions::from_mode(mode)).expect("a mode");
        }
    };
    set(0);
    // What git says of it is a part of its answer, even where none of it is to be shown.
    repo.config("wtcheck.maxOutput", "0");
    let args = ["--format=json", "--retries=0"];
    let run = if is_root() { as_nobody(&repo, &args) } else { repo.wtcheck(&args) };
    set(0o755);
    let json = run.exits(1).json();
    status_errors(&json, "untracked", "private/");
    status_errors(&json, "tracked", "Permission denied");
    all_end(&json, "closed", "errored", "ermission denied");
    assert_eq!(status(&json, "fine")["clean"], true);
}

#[test]
fn what_belongs_to_another_user_errors_in_git_s_words() {
    if !is_root() {
        return;
    }
    let repo = TestRepo::new();
    for name in ["foreign", "fine"] {
        repo.worktree(name);
    }
    for path in ["../foreign", "../foreign/.git"] {
        std::os::unix::fs::chown(repo.at(path), Some(NOBODY), Some(NOBODY)).expect("root");
    }
    let json = report(&repo, 1);
    status_errors(&json, "foreign", "dubious ownership");
    let log = unit(&json, "foreign", "log");
    assert_eq!(log["outcome"], "errored", "no other worktree answers for it: {log:#}");
    assert!(log["reason"].as_str().expect("a reason").contains("dubious ownership"));
    agrees_with_git(&repo, &json, "fine");

    let run = repo.wtcheck_in("../foreign", &[]);
    run.exits(128).says("fatal: detected dubious ownership").says("safe.directory");
    repo.git(&["config", "--global", "safe.directory", "*"]);
    agrees_with_git(&repo, &report(&repo, 0), "foreign");
}

#[test]
fn a_git_file_of_any_length_takes_no_memory() {
    let repo = TestRepo::new();
    let folder = repo.worktree("large");
    // It takes no room on the disk either: it is all hole.
    let file = std::fs::File::create(folder.join(".git")).expect("a file");
    file.set_len(8 << 40).or_else(|_| file.set_len(8 << 30)).expect("a length");
    let json = report(&repo, 1);
    all_end(&json, "large", "errored", "larger than 1 MiB");
    assert_eq!(row(&json, "repo")["checks"][0]["outcome"], "passed");
}

#[test]
fn a_git_file_that_is_a_pipe_hangs_nothing() {
    let repo = TestRepo::new();
    let folder = repo.worktree("piped");
    std::fs::remove_file(folder.join(".git")).expect("gone");
    nix::unistd::mkfifo(&folder.join(".git"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let json = report(&repo, 1);
    all_end(&json, "piped", "errored", "neither a file nor a folder");
    assert_eq!(row(&json, "repo")["checks"][0]["outcome"], "passed");
}
