//! The check `conflicts`: it says of every two worktrees what `git merge` would, and leaves nothing behind.

mod oracle;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{BINARY, Run, TestRepo, there_is, unit};

/// The facts of each worktree by its name.
#[track_caller]
fn facts(repo: &TestRepo) -> BTreeMap<String, Value> {
    let json = repo.wtcheck(&["conflicts", "--format", "json"]).exits(0).json();
    let rows = json["worktrees"].as_array().expect("worktrees");
    let names = rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned());
    names.map(|name| (name.clone(), unit(&json, &name, "conflicts")["facts"].clone())).collect()
}

/// Asserts with which others a worktree stops, and at how many paths; and that all is known.
#[track_caller]
fn stops(facts: &BTreeMap<String, Value>, name: &str, with: &[&str], files: u64) {
    assert_eq!(facts[name], json!({"with": with, "files": files, "unknown": []}), "{name}: {facts:#?}");
}

#[track_caller]
fn commit(repo: &TestRepo, name: &str) {
    let folder = format!("../{name}");
    repo.git_in(&folder, &["add", "--all"]);
    repo.git_in(&folder, &["commit", "--quiet", "--allow-empty", "--message", name]);
}

/// A repository with these worktrees.
fn with(names: &[&str]) -> TestRepo {
    let repo = TestRepo::new();
    repo.write("a/one", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    repo.write("a/two", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    repo.git(&["add", "--all"]);
    repo.git(&["commit", "--quiet", "--message=more"]);
    for name in names {
        repo.worktree(name);
    }
    repo
}

#[test]
fn the_same_line_committed_staged_changed_or_in_a_new_file() {
    let repo = with(&["committed", "staged", "changed", "new", "newer", "elsewhere"]);
    for name in ["committed", "staged", "changed"] {
        repo.write(format!("../{name}/file.txt"), format!("{name}\ntwo\nthree\n"));
    }
    commit(&repo, "committed");
    repo.git_in("../staged", &["add", "--all"]);
    repo.write("../new/folder/notes", "x\n");
    repo.write("../newer/folder/notes", "y\n");
    repo.write("../elsewhere/a/one", "0\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let facts = facts(&repo);
    stops(&facts, "committed", &["changed", "staged"], 1);
    stops(&facts, "staged", &["changed", "committed"], 1);
    stops(&facts, "changed", &["committed", "staged"], 1);
    stops(&facts, "new", &["newer"], 1);
    stops(&facts, "newer", &["new"], 1);
    stops(&facts, "elsewhere", &[], 0);
    stops(&facts, "repo", &[], 0);
}

#[test]
fn what_goes_together_is_no_conflict() {
    let repo = with(&["top", "bottom", "equal", "same", "deleted", "gone"]);
    repo.write("../top/a/one", "0\n2\n3\n4\n5\n6\n7\n8\n9\n");
    repo.write("../bottom/a/one", "1\n2\n3\n4\n5\n6\n7\n8\n0\n");
    for name in ["equal", "same"] {
        repo.write(format!("../{name}/added"), "equal\n");
    }
    commit(&repo, "same");
    for name in ["deleted", "gone"] {
        repo.git_in(format!("../{name}"), &["rm", "--quiet", "file.txt"]);
    }
    commit(&repo, "gone");
    for (name, facts) in facts(&repo) {
        assert_eq!(facts, json!({"with": [], "files": 0, "unknown": []}), "{name}");
    }
}

#[test]
fn deletions_moves_modes_and_binary_files() {
    let repo = with(&["deletes", "edits", "moves", "adds", "folder", "binary", "other"]);
    std::fs::remove_file(repo.at("../deletes/file.txt")).expect("a file");
    repo.write("../edits/file.txt", "one\ntwo\n3\n");
    repo.git_in("../moves", &["mv", "a", "b"]);
    repo.write("../adds/a/three", "x\n");
    std::fs::remove_file(repo.at("../folder/file.txt")).expect("a file");
    repo.write("../folder/file.txt/inside", "x\n");
    repo.write("../binary/blob", [0, 1, 2, 3]);
    repo.write("../other/blob", [0, 1, 2, 4]);
    let facts = facts(&repo);
    assert_eq!(facts["deletes"]["with"], json!(["edits"]));
    assert_eq!(facts["edits"]["with"], json!(["deletes", "folder"]));
    assert_eq!(facts["moves"]["with"], json!(["adds"]), "the folder in which the other adds is gone");
    assert_eq!(facts["adds"]["with"], json!(["moves"]));
    assert_eq!(facts["folder"]["with"], json!(["edits"]));
    stops(&facts, "binary", &["other"], 1);
    stops(&facts, "other", &["binary"], 1);
}

#[test]
fn a_file_on_one_side_and_a_folder_on_the_other() {
    let repo = with(&["file", "folder", "mode", "content"]);
    repo.write("../file/thing", "x\n");
    repo.write("../folder/thing/inside", "x\n");
    repo.git_in("../mode", &["update-index", "--chmod=+x", "file.txt"]);
    repo.git_in("../mode", &["commit", "--quiet", "--message=mode"]);
    repo.git_in("../mode", &["reset", "--quiet", "--hard"]);
    repo.write("../content/file.txt", "one\ntwo\n3\n");
    let facts = facts(&repo);
    assert_eq!((&facts["file"]["with"], &facts["folder"]["with"]), (&json!(["folder"]), &json!(["file"])));
    stops(&facts, "mode", &[], 0);
    stops(&facts, "content", &[], 0);
}

#[test]
fn an_edit_follows_a_move_and_may_meet_one_there() {
    let repo = with(&["moved", "edits", "elsewhere"]);
    repo.git_in("../moved", &["mv", "a/one", "a/new"]);
    repo.write("../moved/a/new", "0\n2\n3\n4\n5\n6\n7\n8\n9\n");
    repo.write("../edits/a/one", "x\n2\n3\n4\n5\n6\n7\n8\n9\n");
    repo.write("../elsewhere/a/one", "1\n2\n3\n4\n5\n6\n7\n8\ny\n");
    let facts = facts(&repo);
    stops(&facts, "moved", &["edits"], 1);
    stops(&facts, "elsewhere", &[], 0);
}

#[test]
fn a_change_that_one_side_took_back_is_held_against_what_they_have_in_common() {
    // Both begin where the line is changed; one takes that back, the other changes it again; a third keeps the first.
    let repo = TestRepo::new();
    repo.worktree("old");
    repo.write("file.txt", "ONE\ntwo\nthree\n");
    repo.git(&["commit", "--quiet", "--all", "--message=changed"]);
    repo.worktree("back");
    repo.worktree("again");
    repo.write("../back/file.txt", "one\ntwo\nthree\n");
    commit(&repo, "back");
    repo.write("../again/file.txt", "1\ntwo\nthree\n");
    let facts = facts(&repo);
    stops(&facts, "back", &["again"], 1);
    stops(&facts, "again", &["back"], 1);
    stops(&facts, "old", &[], 0);
}

#[test]
fn histories_that_cross_are_tried_as_git_would() {
    let repo = with(&["one", "two"]);
    repo.write("../one/a/one", "0\n2\n3\n4\n5\n6\n7\n8\n9\n");
    commit(&repo, "one");
    repo.write("../two/a/two", "0\n2\n3\n4\n5\n6\n7\n8\n9\n");
    commit(&repo, "two");
    let (one, two) = (repo.git(&["rev-parse", "one"]), repo.git(&["rev-parse", "two"]));
    repo.git_in("../one", &["merge", "--quiet", "--no-edit", &two]);
    repo.git_in("../two", &["merge", "--quiet", "--no-edit", &one]);
    stops(&facts(&repo), "one", &[], 0);
    repo.write("../one/a/one", "x\n2\n3\n4\n5\n6\n7\n8\n9\n");
    repo.write("../two/a/one", "y\n2\n3\n4\n5\n6\n7\n8\n9\n");
    stops(&facts(&repo), "one", &["two"], 1);
}

#[test]
fn a_merge_under_way_counts_as_what_it_will_be() {
    let repo = with(&["merging", "other"]);
    for name in ["merging", "other"] {
        repo.write(format!("../{name}/file.txt"), format!("{name}\ntwo\nthree\n"));
        commit(&repo, name);
    }
    assert!(!repo.git_try("../merging", &["merge", "other"]).status.success());
    let found = facts(&repo);
    assert_eq!((&found["merging"]["files"], &found["other"]["files"]), (&Value::Null, &Value::Null));
    assert!(found["merging"]["unknown"].to_string().contains("this worktree: it has paths"), "{found:#?}");
    assert!(found["other"]["unknown"].to_string().contains("merging: it has paths"), "{found:#?}");
    repo.write("../merging/file.txt", "both\ntwo\nthree\n");
    repo.git_in("../merging", &["add", "--all"]);
    stops(&facts(&repo), "merging", &[], 0);
}

#[test]
fn attributes_and_drivers_count_as_in_a_merge_and_no_driver_is_run() {
    let repo = with(&["one", "two", "ours", "own"]);
    repo.write("a/.gitattributes", "one -merge\ntwo merge=own\n");
    repo.git(&["add", "--all"]);
    repo.git(&["commit", "--quiet", "--message=attributes"]);
    let ran = repo.root().join("ran");
    repo.config("merge.own.driver", &format!("touch '{}'", ran.display()));
    for (name, file, content) in [
        ("one", "one", "0\n2\n3\n4\n5\n6\n7\n8\n9\n"),
        ("two", "one", "1\n2\n3\n4\n5\n6\n7\n8\n0\n"),
        ("ours", "two", "0\n2\n3\n4\n5\n6\n7\n8\n9\n"),
        ("own", "two", "1\n2\n3\n4\n5\n6\n7\n8\n0\n"),
    ] {
        repo.git_in(format!("../{name}"), &["merge", "--quiet", "main"]);
        repo.write(format!("../{name}/a/{file}"), content);
    }
    let facts = facts(&repo);
    stops(&facts, "one", &["two"], 1);
    stops(&facts, "ours", &["own"], 1);
    assert!(!ran.exists(), "a driver was run");
}

#[test]
fn one_with_a_history_of_its_own_and_one_whose_commit_is_gone_spoil_no_others() {
    let repo = with(&["one", "two", "apart", "broken"]);
    for name in ["one", "two"] {
        repo.write(format!("../{name}/file.txt"), format!("{name}\n"));
    }
    repo.git_in("../apart", &["checkout", "--quiet", "--orphan", "apart2"]);
    commit(&repo, "apart");
    repo.write("../broken/gone", "x\n");
    commit(&repo, "broken");
    let tree = repo.git(&["rev-parse", "broken^{tree}"]);
    std::fs::remove_file(repo.at(format!(".git/objects/{}/{}", &tree[..2], &tree[2..]))).expect("an object");
    let facts = facts(&repo);
    for (name, other) in [("one", "two"), ("two", "one")] {
        assert_eq!((&facts[name]["with"], &facts[name]["files"]), (&json!([other]), &Value::Null), "{facts:#?}");
        let unknown = facts[name]["unknown"].to_string();
        assert!(unknown.contains("apart: they have no commit in common") && unknown.contains("broken: "), "{unknown}");
    }
    assert_eq!(facts["broken"]["files"], Value::Null);
    assert_eq!(facts["apart"]["unknown"].as_array().map(Vec::len), Some(4), "{facts:#?}");
}

#[test]
fn what_has_no_commit_or_no_branch_or_no_folder() {
    let repo = with(&["one", "loose", "missing"]);
    repo.write("../one/file.txt", "1\n");
    repo.git_in("../loose", &["checkout", "--quiet", "--detach"]);
    repo.write("../loose/file.txt", "2\n");
    commit(&repo, "loose");
    stops(&facts(&repo), "loose", &["one"], 1);
    if there_is(
        "git 2.42, which adds orphans",
        repo.git_try(".", &["worktree", "add", "--orphan", "-b", "unborn", "../unborn"]).status.success(),
    ) {
        let found = facts(&repo);
        stops(&found, "unborn", &[], 0);
        stops(&found, "loose", &["one"], 1);
        repo.write("../unborn/file.txt", "3\n");
        let found = facts(&repo);
        assert!(found["loose"]["unknown"].to_string().contains("unborn: "), "{found:#?}");
        assert_eq!(found["loose"]["with"], json!(["one"]));
    }
    std::fs::remove_dir_all(repo.root().join("missing")).expect("a folder");
    let json = repo.wtcheck(&["conflicts", "--format", "json"]).json();
    let facts = &unit(&json, "one", "conflicts")["facts"];
    assert_eq!((&facts["with"], &facts["files"]), (&json!(["loose"]), &Value::Null), "{facts:#}");
}

/// Every file below a folder, with what it holds.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.display().to_string(), std::fs::read(&path).expect("a file"));
        }
    }
    found
}

#[test]
fn nothing_is_left_behind_and_no_hook_is_run() {
    let repo = with(&["one", "two", "three"]);
    let temporary = repo.root().join("tmp \"with: odd\\ name");
    std::fs::create_dir(&temporary).expect("a folder");
    repo.write("../one/file.txt", "1\n");
    repo.write("../two/file.txt", "2\n");
    repo.write("../two/new", "2\n");
    repo.git_in("../three", &["rm", "--quiet", "file.txt"]);
    repo.write("../three/a/one", "staged\n");
    repo.git_in("../three", &["add", "--all"]);
    repo.write("../three/a/one", "changed\n");
    let ran = repo.root().join("ran");
    for hook in ["post-index-change", "pre-commit", "post-checkout"] {
        repo.script(format!(".git/hooks/{hook}"), &format!("#!/bin/sh\ntouch '{}'\n", ran.display()));
    }
    let run = || Run::of(repo.command(BINARY).args(["conflicts", "--format=json"]).env("TMPDIR", &temporary));
    // What the program keeps for itself is there after the first run.
    run().exits(0);
    let before = contents(&repo.root());
    let json = run().exits(0).json();
    assert_eq!(unit(&json, "one", "conflicts")["facts"]["with"], json!(["three", "two"]));
    let after = contents(&repo.root());
    for (path, content) in &before {
        assert!(after.get(path) == Some(content), "{path} is not what it was");
    }
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(!ran.exists(), "a hook was run");
    assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0);
}

#[test]
fn where_nothing_can_be_made_to_try_in_nothing_is_known() {
    let repo = with(&["one"]);
    let nowhere = repo.root().join("no such folder");
    let json = Run::of(repo.command(BINARY).args(["conflicts", "--format=json"]).env("TMPDIR", nowhere)).json();
    let facts = &unit(&json, "one", "conflicts")["facts"];
    assert_eq!((&facts["files"], &facts["with"]), (&Value::Null, &Value::Null));
    assert!(facts["unknown"].to_string().contains("cannot make a folder"), "{facts:#}");
}

#[test]
fn a_git_that_is_too_old_leaves_all_unknown() {
    let repo = with(&["one", "two"]);
    let path = std::env::var_os("PATH").expect("a PATH");
    let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *version) echo git version 2.40.9; exit;; esac\nexec '{}' \"$@\"\n",
        real.expect("git").display()
    );
    repo.script("../old/git", &script);
    let folders = std::iter::once(repo.root().join("old")).chain(std::env::split_paths(&path));
    let mut command = repo.command(BINARY);
    command.args(["conflicts", "--format=json"]).env("PATH", std::env::join_paths(folders).expect("a PATH"));
    let json = Run::of(&mut command).exits(0).json();
    let facts = &unit(&json, "one", "conflicts")["facts"];
    assert_eq!(facts["files"], Value::Null);
    assert!(facts["unknown"].to_string().contains("git 2.40.9 is too old"), "{facts:#}");
}

#[test]
fn the_number_of_processes_does_not_grow_with_the_pairs() {
    let count = |worktrees: usize| {
        let names: Vec<String> = (0..worktrees).map(|number| format!("w{number}")).collect();
        let repo = with(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for name in &names {
            repo.write(format!("../{name}/file.txt"), format!("{name}\n"));
            commit(&repo, name);
        }
        let mut command = repo.command(BINARY);
        command.args(["conflicts", "--format=json"]);
        let (run, started) = repo.counting_git(&mut command);
        let json = run.exits(0).json();
        let with = unit(&json, "w0", "conflicts")["facts"]["with"].as_array().map(Vec::len);
        assert_eq!(with, Some(worktrees - 1));
        let status = started.iter().filter(|words| words.contains(" status ")).count();
        // What is not proven is asked for.
        assert!(status <= worktrees + 1, "{started:#?}");
        if std::env::var_os("GIT_WTCHECK_PROVE").is_none() {
            assert_eq!(status, 0, "{started:#?}");
        }
        started.len() - status
    };
    assert_eq!(count(3), count(9));
}

#[test]
fn alone_it_is_shown_as_a_matrix_and_beside_others_in_a_cell() {
    let repo = with(&["one", "two", "clear"]);
    let shown = repo.wtcheck(&["conflicts"]).exits(0).stdout.clone();
    assert!(shown.starts_with("4 worktrees without conflicts: repo, "), "{shown}");
    repo.write("../one/file.txt", "1\n");
    repo.write("../two/file.txt", "2\n");
    let run = repo.wtcheck(&["conflicts"]);
    let lines: Vec<&str> = run.exits(0).stdout.lines().collect();
    let matrix = [
        "   WORKTREE  1 2  FILES",
        "1  one         \u{2717}      1",
        "2  two       \u{2717}        1",
        "2 worktrees without conflicts: repo, clear",
        "",
    ];
    assert_eq!(&lines[..5], matrix);
    assert!(lines[5].contains("4 worktrees; checks: 4 passed"), "{}", run.stdout);
    repo.wtcheck(&["conflicts", "log"]).exits(0).shows("1 file with two").shows("none");
    repo.write("../one/new", "1\n");
    repo.git_in("../clear", &["checkout", "--quiet", "--orphan", "apart"]);
    commit(&repo, "clear");
    let run = repo.wtcheck(&["conflicts"]);
    run.exits(0).shows("? clear: they have no commit in common").shows("2  clear     ?   ? ?      ?");
    repo.wtcheck(&["conflicts", "log"]).exits(0).shows("some 1 unknown with one");
}

#[test]
fn it_is_asked_of_whole_worktrees_alone() {
    let repo = with(&["one"]);
    for (key, value) in [("args", "--quiet"), ("env", "A=1"), ("dir", "a")] {
        repo.config(&format!("wtcheck.conflicts.{key}"), value);
        let run = repo.wtcheck(&["conflicts"]);
        assert!(run.exits(2).stderr.contains(&format!("it has no {key}")), "{}", run.stderr);
        repo.git(&["config", "--local", "--unset", &format!("wtcheck.conflicts.{key}")]);
    }
}

#[test]
fn a_merge_under_way_that_changes_nothing_still_brings_a_history_in() {
    let repo = with(&["merging", "other"]);
    repo.write("../other/file.txt", "other\ntwo\nthree\n");
    commit(&repo, "other");
    // The one has taken the other's work in and thrown it away: against the other, its side is the changed one.
    repo.git_in("../merging", &["merge", "--quiet", "--no-commit", "--strategy=ours", "other"]);
    repo.write("../other/file.txt", "again\ntwo\nthree\n");
    let facts = facts(&repo);
    stops(&facts, "merging", &["other"], 1);
    stops(&facts, "other", &["merging"], 1);
}

#[test]
fn what_one_worktree_ignores_no_more_than_the_others_is_its_work() {
    let repo = with(&["one", "two"]);
    repo.write("../ignored", "*.local\n");
    repo.config("core.excludesFile", &repo.root().join("ignored").display().to_string());
    repo.config("extensions.worktreeConfig", "true");
    for name in ["one", "two"] {
        repo.write(format!("../{name}/new.local"), name);
    }
    stops(&facts(&repo), "one", &[], 0);
    for name in ["one", "two"] {
        repo.git_in(format!("../{name}"), &["config", "--worktree", "core.excludesFile", "/dev/null"]);
    }
    let facts = facts(&repo);
    stops(&facts, "one", &["two"], 1);
    stops(&facts, "two", &["one"], 1);
}

#[test]
fn one_that_does_not_answer_leaves_the_others_their_answer() {
    let repo = with(&["stuck", "one", "two"]);
    let filter = "#!/bin/sh\ncase \"$PWD\" in */stuck) exec sleep 1000;; esac\nexec cat\n";
    repo.script("../filter", filter);
    repo.config("filter.stuck.clean", &repo.root().join("filter").display().to_string());
    repo.write(".git/info/attributes", "file.txt filter=stuck\n");
    for name in ["stuck", "one", "two"] {
        repo.write(format!("../{name}/file.txt"), format!("{name}\n"));
    }
    let temporary = repo.root().join("temporary");
    std::fs::create_dir(&temporary).expect("a folder");
    let mut command = repo.command(BINARY);
    command.args(["conflicts", "--timeout=30s", "--retries=0", "--format=json"]).env("TMPDIR", &temporary);
    let json = Run::of(&mut command).json();
    let facts = |name: &str| unit(&json, name, "conflicts")["facts"].clone();
    assert_eq!(facts("stuck")["with"], Value::Null);
    assert!(facts("stuck")["unknown"].to_string().contains("git has not answered in time"), "{json:#}");
    assert_eq!((&facts("one")["with"], &facts("one")["files"]), (&json!(["two"]), &Value::Null));
    assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0);
}
