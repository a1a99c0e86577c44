//! `risk`: would anything be lost with a worktree? Each row of what git itself does not see, on the real git.

use serde_json::{Value, json};

use crate::support::{TestRepo, unit};

#[track_caller]
fn risk(repo: &TestRepo, name: &str) -> Value {
    let json = repo.wtcheck(&["risk", "--format=json", "--retries=0"]).exits(0).json();
    let unit = unit(&json, name, "risk");
    assert_eq!(unit["outcome"], "passed", "{unit:#}");
    unit["facts"].clone()
}

#[track_caller]
fn is_at_risk(repo: &TestRepo, name: &str, reasons: &[&str]) -> Value {
    let facts = risk(repo, name);
    assert_eq!((&facts["verdict"], &facts["reasons"]), (&json!("at_risk"), &json!(reasons)), "{facts:#}");
    assert_eq!(facts["removable"], json!(false));
    facts
}

#[track_caller]
fn is_kept(repo: &TestRepo, name: &str, verdict: &str) -> Value {
    let facts = risk(repo, name);
    assert_eq!((&facts["verdict"], &facts["reasons"]), (&json!(verdict), &json!([])), "{facts:#}");
    facts
}

fn commit(repo: &TestRepo, folder: &str, file: &str, message: &str) -> String {
    repo.write(format!("{folder}/{file}"), format!("{message}\n"));
    repo.git_in(folder, &["add", "."]);
    repo.git_in(folder, &["commit", "--quiet", "--message", message]);
    repo.git_in(folder, &["rev-parse", "HEAD"]).trim().to_owned()
}

#[test]
fn commits_that_a_branch_keeps_are_not_lost() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    commit(&repo, "../feature", "new.txt", "work");
    let facts = is_kept(&repo, "feature", "local");
    assert_eq!((&facts["commits"], &facts["uncommitted"], &facts["untracked"]), (&json!(0), &json!(0), &json!(0)));
    assert_eq!(facts["removable"], Value::Null, "nobody has looked at all of its folder");
}

#[test]
fn changes_of_each_kind_are_work() {
    let repo = TestRepo::new();
    for name in ["edited", "staged", "untracked"] {
        repo.worktree(name);
    }
    repo.write("../edited/file.txt", "changed\n");
    repo.write("../staged/file.txt", "changed\n");
    repo.git_in("../staged", &["add", "."]);
    repo.write("../untracked/notes/a.txt", "1");
    repo.write("../untracked/notes/b.txt", "2");
    assert_eq!(is_at_risk(&repo, "edited", &["changed"])["uncommitted"], 1);
    is_at_risk(&repo, "staged", &["changed"]);
    // git's own gate before it removes a worktree follows this key, and sees nothing.
    repo.config("status.showUntrackedFiles", "no");
    assert_eq!(is_at_risk(&repo, "untracked", &["untracked"])["untracked"], 2);
}

#[test]
fn an_ignored_file_is_work_unless_a_tool_makes_it_again_or_it_is_a_copy() {
    let repo = TestRepo::new();
    repo.write(".gitignore", ".env\ntarget/\n*.db\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=ignore"]);
    repo.worktree("feature");
    repo.write("../feature/target/debug/x.o", "x");
    repo.write(".env", "A=1\n");
    repo.write("../feature/.env", "A=1\n");
    assert_eq!(is_kept(&repo, "feature", "merged")["ignored"], 0);
    repo.write("../feature/.env", "A=2\n");
    repo.write("../feature/data/dev.db", "rows");
    assert_eq!(is_at_risk(&repo, "feature", &["ignored"])["ignored"], 2);
}

#[test]
fn commits_that_no_branch_names_are_lost() {
    let repo = TestRepo::new();
    for name in ["detached", "twin", "back", "amended"] {
        repo.worktree(name);
    }
    repo.git_in("../detached", &["checkout", "--quiet", "--detach"]);
    commit(&repo, "../detached", "a.txt", "one");
    let tip = commit(&repo, "../detached", "a.txt", "two");
    assert_eq!(is_at_risk(&repo, "detached", &["commits"])["commits"], 2);
    // Another worktree's HEAD is no keeper: it moves, too.
    repo.git_in("../twin", &["checkout", "--quiet", "--detach", &tip]);
    assert_eq!(is_at_risk(&repo, "twin", &["commits"])["commits"], 2);
    assert_eq!(is_at_risk(&repo, "detached", &["commits"])["commits"], 2);
    // Left behind in the log of a HEAD that has gone back to its branch.
    repo.git_in("../back", &["checkout", "--quiet", "--detach"]);
    commit(&repo, "../back", "b.txt", "aside");
    repo.git_in("../back", &["checkout", "--quiet", "back"]);
    assert_eq!(is_at_risk(&repo, "back", &["commits"])["commits"], 1);
    // The log of the branch names what was amended.
    commit(&repo, "../amended", "c.txt", "first");
    repo.git_in("../amended", &["commit", "--quiet", "--amend", "--message=better"]);
    assert_eq!(is_kept(&repo, "amended", "local")["commits"], 0);
    repo.git(&["branch", "keep", &tip]);
    is_kept(&repo, "twin", "local");
}

#[test]
fn refs_of_its_own_are_work_where_they_are_the_last_name() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    let id = commit(&repo, "../feature", "a.txt", "kept aside");
    repo.git_in("../feature", &["update-ref", "refs/worktree/aside", &id]);
    is_kept(&repo, "feature", "local");
    let blob = repo.git_in("../feature", &["hash-object", "-w", "file.txt", "--literally", "-t", "blob"]);
    repo.git_in("../feature", &["update-ref", "refs/worktree/blob", blob.trim()]);
    is_at_risk(&repo, "feature", &["refs"]);
}

#[test]
fn an_operation_under_way_and_what_it_has_put_aside_are_work() {
    let repo = TestRepo::new();
    repo.worktree("rebased");
    commit(&repo, "../rebased", "a.txt", "one");
    commit(&repo, ".", "main.txt", "on main");
    repo.write("../rebased/file.txt", "an edit\n");
    let mut rebase = repo.command("git");
    rebase.current_dir(repo.at("../rebased")).env("GIT_SEQUENCE_EDITOR", "sed -i 1ibreak");
    let rebase = rebase.args(["rebase", "--quiet", "--autostash", "--interactive", "main"]).output().expect("git");
    assert!(rebase.status.success(), "{rebase:?}");
    let facts = risk(&repo, "rebased");
    assert_eq!(facts["uncommitted"], 0, "git calls it clean");
    let reasons = facts["reasons"].as_array().expect("a list");
    for reason in ["operation", "autostash"] {
        assert!(reasons.contains(&json!(reason)), "{facts:#}");
    }
    assert_eq!(facts["verdict"], "at_risk");
}

#[test]
fn a_stash_is_told_of_and_is_not_lost() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../feature/file.txt", "an edit\n");
    repo.git_in("../feature", &["stash", "push", "--quiet"]);
    repo.write("../feature/file.txt", "another\n");
    repo.git_in("../feature", &["stash", "push", "--quiet"]);
    let facts = is_kept(&repo, "feature", "merged");
    assert_eq!((&facts["stashes"], &facts["commits"]), (&json!(2), &json!(0)));
    assert!(facts["notes"].as_array().expect("a list").contains(&json!("stash")));
    assert_eq!(risk(&repo, "repo")["stashes"], 0);
}

#[test]
fn what_stands_in_the_way_is_no_work() {
    let repo = TestRepo::new();
    repo.worktree("locked");
    repo.git(&["worktree", "lock", "../locked"]);
    assert_eq!(risk(&repo, "locked")["blockers"], json!(["locked"]));
    assert_eq!(risk(&repo, "repo")["blockers"], json!(["main", "current"]));
    repo.write("../outer/.gitkeep", "");
    std::fs::remove_dir_all(repo.at("../outer")).expect("a folder");
    repo.worktree("outer");
    repo.git(&["worktree", "add", "--quiet", "-b", "inner", "../outer/inner"]);
    let facts = risk(&repo, "outer");
    assert_eq!((&facts["blockers"], &facts["removable"]), (&json!(["contains-worktree"]), &json!(false)), "{facts:#}");
}

#[test]
fn refs_that_are_no_files_leave_it_unknown() {
    let repo = TestRepo::empty();
    if repo
        .command("git")
        .args(["init", "--quiet", "--ref-format=reftable", "."])
        .output()
        .is_ok_and(|git| !git.status.success())
    {
        return;
    }
    commit(&repo, ".", "file.txt", "one");
    repo.worktree("feature");
    let facts = risk(&repo, "feature");
    assert_eq!(
        (&facts["verdict"], &facts["commits"], &facts["stashes"]),
        (&json!("unknown"), &Value::Null, &Value::Null)
    );
    assert!(!facts["unknown"].as_array().expect("a list").is_empty());
}

#[test]
fn a_submodule_with_commits_of_its_own_is_not_called_safe() {
    let repo = TestRepo::new();
    repo.git(&["init", "--quiet", "../library"]);
    commit(&repo, "../library", "lib.txt", "one");
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "lib"]);
    repo.git(&["commit", "--quiet", "--message=submodule"]);
    repo.worktree("feature");
    is_kept(&repo, "feature", "merged");
    // git lists nothing of what lies in the folder of a submodule that was never fetched.
    repo.write("../feature/lib/notes.txt", "only here\n");
    assert!(is_kept(&repo, "feature", "unknown")["unknown"].to_string().contains("lib"));
    std::fs::remove_file(repo.at("../feature/lib/notes.txt")).expect("a file");
    repo.git_in("../feature", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"]);
    assert_eq!(is_kept(&repo, "feature", "unknown")["submodules"], 0);
    commit(&repo, "../feature/lib", "lib.txt", "of its own");
    repo.config("submodule.lib.ignore", "all");
    repo.config("diff.ignoreSubmodules", "all");
    assert_eq!(is_at_risk(&repo, "feature", &["changed", "submodule"])["submodules"], 1);
}

#[test]
fn files_that_git_was_told_to_leave_alone_are_not_called_safe() {
    let repo = TestRepo::new();
    repo.write("other.txt", "x");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=two files"]);
    for (name, flag) in [("assumed", "--assume-unchanged"), ("skipped", "--skip-worktree")] {
        repo.worktree(name);
        repo.git_in(format!("../{name}"), &["update-index", flag, "file.txt"]);
        repo.write(format!("../{name}/file.txt"), "hidden\n");
        let facts = is_kept(&repo, name, "unknown");
        assert!(facts["unknown"].to_string().contains("file.txt"), "{facts:#}");
    }
    // The marks stand in another file then.
    repo.worktree("split");
    repo.git_in("../split", &["update-index", "--assume-unchanged", "file.txt"]);
    repo.git_in("../split", &["update-index", "--split-index"]);
    repo.write("../split/file.txt", "hidden\n");
    is_kept(&repo, "split", "unknown");
    repo.worktree("sparse");
    repo.git_in("../sparse", &["sparse-checkout", "set", "--no-cone", "other.txt"]);
    is_kept(&repo, "sparse", "merged");
}

#[test]
fn a_monitor_that_says_nothing_has_changed_is_not_asked() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    let hook = repo.script("../hook", "#!/bin/sh\nprintf 'token\\0'\n");
    repo.config("core.fsmonitor", hook.to_str().expect("a path"));
    repo.git_in("../feature", &["status"]);
    repo.git_in("../feature", &["status"]);
    repo.write("../feature/file.txt", "an edit that the monitor does not tell of\n");
    is_at_risk(&repo, "feature", &["changed"]);
}

#[test]
fn a_base_that_is_not_there_is_an_error() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    let json = repo.wtcheck(&["risk", "--base=nope", "--retries=0", "--format=json"]).exits(1).json();
    let unit = unit(&json, "feature", "risk");
    assert_eq!(unit["outcome"], "errored");
    assert!(unit["reason"].as_str().is_some_and(|reason| reason.contains("'nope'")), "{unit:#}");
    repo.config("wtcheck.base", "nope main");
    assert_eq!(is_kept(&repo, "feature", "merged")["base"], "refs/heads/main");
}

#[test]
fn it_looks_at_the_whole_worktree_or_not_at_all() {
    let repo = TestRepo::new();
    for (key, value) in [("args", "-uno"), ("env", "A=1"), ("dir", "sub")] {
        repo.config(&format!("wtcheck.risk.{key}"), value);
        let run = repo.wtcheck(&["risk"]);
        run.exits(2);
        assert!(run.stderr.contains(&format!("it has no {key}")), "{}", run.stderr);
        repo.git(&["config", "--local", "--unset", &format!("wtcheck.risk.{key}")]);
    }
}

#[test]
fn an_expression_can_ask_for_a_reason() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../feature/new.txt", "x");
    repo.config("wtcheck.risk.failIf", "\"untracked\" in risk.reasons");
    let json = repo.wtcheck(&["risk", "--format=json"]).exits(1).json();
    assert_eq!(unit(&json, "feature", "risk")["outcome"], "failed");
    assert_eq!(unit(&json, "repo", "risk")["outcome"], "passed");
}

#[test]
fn the_table_says_it_in_words() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../feature/new.txt", "x");
    let run = repo.wtcheck(&["risk"]);
    let shown = &run.exits(0).stdout;
    assert!(shown.contains("at risk") && shown.contains("1 untracked"), "{shown}");
}
