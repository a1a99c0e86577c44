//! The repository is found wherever the program is started, and the answers are the same everywhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{BINARY, Run, TestRepo, unit};

/// What a run found out, less what differs from run to run: times.
fn answers(json: &Value) -> Value {
    let mut json = json["worktrees"].clone();
    for row in json.as_array_mut().expect("worktrees") {
        for unit in row["checks"].as_array_mut().expect("checks") {
            let unit = unit.as_object_mut().expect("a unit");
            unit.retain(|key, _| {
                !matches!(key.as_str(), "started_ms" | "duration_ms" | "source" | "asked" | "attempts")
            });
            if let Some(facts) = unit.get_mut("facts") {
                facts.as_object_mut().expect("facts").remove("age");
            }
        }
    }
    json
}

/// A repository with two linked worktrees, each in another state.
fn repository() -> TestRepo {
    let repo = TestRepo::new();
    repo.worktree("one");
    repo.worktree("two");
    repo.write("sub/folder/kept.txt", "kept\n");
    repo.git(&["add", "."]);
    repo.write("../one/new.txt", "new\n");
    repo.write("../two/sub/file.txt", "a\n");
    repo.git_in("../two", &["add", "."]);
    repo.git_in("../two", &["commit", "--quiet", "--message=on two"]);
    repo
}

#[track_caller]
fn from(repo: &TestRepo, folder: impl AsRef<Path>, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--format=json"]).collect();
    answers(&repo.wtcheck_in(folder, &args).exits(0).json())
}

#[test]
fn every_place_gives_the_same_answers() {
    let repo = repository();
    let expected = from(&repo, ".", &[]);
    assert_eq!(expected[0]["checks"][0]["facts"]["staged"], 1);
    assert_eq!(expected[1]["checks"][0]["facts"]["untracked"], 1);
    assert_eq!(expected[2]["checks"][0]["facts"]["clean"], true);
    let places = ["sub/folder", "../one", "../two/sub", ".git", ".git/refs", ".git/worktrees/one"];
    for place in places {
        assert_eq!(from(&repo, place, &[]), expected, "{place}");
    }
    for args in [
        &["-C", "../repo/sub"][..],
        &["-C", "../repo", "-C", "sub", "-C", "folder"],
        &["-C", "../one"],
        &["-C", ""],
        &["-C", repo.at("../two").to_str().expect("text")],
    ] {
        assert_eq!(from(&repo, "../two", args), expected, "{args:?}");
    }
    for args in [
        &["-C", "../repo", "wtcheck"][..],
        &["-C", "..", "-C", "one", "wtcheck", "-C", "../two"],
        &["--git-dir=../repo/.git", "wtcheck"],
        &["--git-dir=../repo/.git", "--work-tree=../repo", "wtcheck"],
        &["--git-dir=../repo/.git/worktrees/one", "wtcheck"],
    ] {
        let args: Vec<&str> = args.iter().copied().chain(["--format=json"]).collect();
        let run = Run::from(repo.git_try("../two", &args));
        assert_eq!(answers(&run.exits(0).json()), expected, "git {args:?}");
    }
}

#[test]
fn a_bare_repository() {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
    repo.git_in("../bare.git", &["worktree", "add", "--quiet", "../linked", "main"]);
    repo.write("../linked/new.txt", "new\n");
    let expected = from(&repo, "../bare.git", &[]);
    assert_eq!(expected[0]["bare"], true);
    assert_eq!(expected[1]["checks"][0]["facts"]["untracked"], 1);
    assert_eq!(from(&repo, "../linked", &[]), expected);
    assert_eq!(from(&repo, "../bare.git/worktrees/linked", &[]), expected);

    // A folder that holds only worktrees, and a file that leads to the bare repository.
    repo.git(&["clone", "--quiet", "--bare", ".", "../project/.bare"]);
    repo.write("../project/.git", "gitdir: ./.bare\n");
    repo.git_in("../project", &["worktree", "add", "--quiet", "linked", "main"]);
    let project = from(&repo, "../project", &[]);
    assert_eq!(project[0]["checks"][0]["outcome"], "skipped");
    assert_eq!(project[1]["checks"][0]["facts"]["clean"], true);
    assert_eq!(from(&repo, "../project/linked", &[]), project);

    repo.git(&["config", "--global", "safe.bareRepository", "explicit"]);
    repo.wtcheck_in("../bare.git", &[]).exits(128).says("fatal: cannot use bare repository");
    assert_eq!(from(&repo, "../linked", &[]), expected);
    let run = Run::from(repo.git_try(".", &["--git-dir=../bare.git", "wtcheck", "--format=json"]));
    assert_eq!(answers(&run.exits(0).json()), expected);
}

#[test]
fn no_repository_is_git_s_to_refuse() {
    let repo = TestRepo::empty();
    let git = Run::from(repo.git_try(".", &["rev-parse"]));
    let run = repo.wtcheck(&[]);
    run.exits(128).says("fatal: not a git repository");
    assert_eq!((run.stdout.as_str(), &run.stderr), ("", &git.stderr), "git's own words");
    repo.wtcheck(&["-C", "nowhere"]).exits(128).says("fatal: cannot change to '").says("nowhere': No such file");
    repo.write("file", "");
    repo.wtcheck(&["-C", "file"]).exits(128).says("fatal: cannot change to '");
    let run = Run::of(repo.command(BINARY).env("GIT_DIR", "nowhere"));
    run.exits(128).says("fatal: not a git repository");
}

#[test]
fn a_broken_configuration_is_git_s_to_refuse() {
    let repo = TestRepo::new();
    repo.write(".git/config", "[core\n");
    repo.wtcheck(&[]).exits(128).says("fatal: bad config");
}

#[test]
fn no_git_is_fatal() {
    let repo = TestRepo::new();
    std::fs::create_dir(repo.at("../empty")).expect("a folder");
    let run = Run::of(repo.command(BINARY).env("PATH", repo.at("../empty")));
    run.exits(128).says("fatal: cannot run git");
}

/// A folder to put first in PATH, with this script in place of git.
fn in_place_of_git(repo: &TestRepo, script: &str) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").expect("a PATH");
    let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
    let script = script.replace("REAL", real.expect("git").to_str().expect("text"));
    let program = repo.script("../bin/git", &format!("#!/bin/sh\n{script}\n"));
    let folder = program.parent().expect("a folder").to_owned();
    std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).expect("a PATH")
}

#[test]
fn an_old_git_is_named() {
    let repo = TestRepo::new();
    let cases = [
        "case $1 in version) echo git version 2.30.0;; worktree) echo 'error: unknown switch `z'\\''' >&2; exit 129;; *) exec REAL \"$@\";; esac",
        "case $1 in version) echo git version 2.17.1;; *) echo \"error: unknown option\" >&2; exit 129;; esac",
        // An old rev-parse gives an option that it does not know back.
        "case $1 in version) echo git version 2.20.1;; rev-parse) printf '%s\\n' \"$2\" .git false .git true \"$PWD\";; *) echo \"error: unknown option\" >&2; exit 129;; esac",
    ];
    for script in cases {
        let path = in_place_of_git(&repo, script);
        // What is told without it needs no later one.
        let by_git = ("GIT_WTCHECK_DISCOVER_FROM_FILES", "false");
        let run = Run::of(repo.command(BINARY).env("PATH", path).env(by_git.0, by_git.1));
        run.exits(128).says("2.36");
        assert!(run.stderr.starts_with("fatal: "), "{}", run.stderr);
    }
}

#[test]
fn core_worktree() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    std::fs::create_dir(repo.at("../tree")).expect("a folder");
    repo.config("core.worktree", "../../tree");
    std::fs::rename(repo.at("file.txt"), repo.at("../tree/file.txt")).expect("a file");
    repo.write("../tree/new.txt", "new\n");
    let expected = from(&repo, ".", &[]);
    assert_eq!(expected[0]["path"], repo.root().join("tree").to_str().expect("text"));
    assert_eq!(expected[0]["checks"][0]["facts"]["untracked"], 1, "{expected:#}");
    assert_eq!(expected[0]["checks"][0]["facts"]["unstaged"], 0);
    assert_eq!(from(&repo, "../linked", &[]), expected);
    let run = Run::from(repo.git_try("../tree", &["--git-dir=../repo/.git", "wtcheck", "--format=json"]));
    assert_eq!(answers(&run.exits(0).json()), expected);

    // Another repository in that folder has no part in it.
    repo.git(&["init", "--quiet", "../tree"]);
    repo.write("../tree/.git/info/exclude", "*\n");
    assert_eq!(from(&repo, "../linked", &[]), expected);
}

#[test]
fn a_git_folder_apart() {
    let repo = TestRepo::new();
    repo.git(&["init", "--quiet", "--separate-git-dir=../apart.git", "."]);
    repo.worktree("linked");
    repo.write("new.txt", "new\n");
    let here = from(&repo, ".", &[]);
    assert_eq!(here[0]["path"], repo.path().to_str().expect("text"));
    assert_eq!(here[0]["checks"][0]["facts"]["untracked"], 1);
    let linked = from(&repo, "../linked", &[]);
    assert_eq!(linked[0]["checks"][0]["outcome"], "skipped", "nothing says where it is");
    assert!(linked[0]["checks"][0]["reason"].as_str().expect("a reason").contains("location unknown"));
    assert_eq!(linked[1], here[1]);
}

#[test]
fn the_worktrees_of_a_submodule() {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "--bare", ".", "../library.git"]);
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library.git", "library"]);
    repo.git_in("library", &["worktree", "add", "--quiet", "-b", "linked", "../../linked"]);
    repo.write("library/new.txt", "new\n");
    let expected = from(&repo, "library", &[]);
    assert_eq!(expected[0]["path"], repo.at("library").to_str().expect("text"));
    assert_eq!(expected[0]["checks"][0]["facts"]["untracked"], 1);
    assert_eq!(expected[1]["name"], "linked");
    assert_eq!(from(&repo, "../linked", &[]), expected);
    let outer = from(&repo, ".", &[]);
    assert_eq!(outer.as_array().expect("rows").len(), 1);
    assert_eq!(outer[0]["checks"][0]["facts"]["clean"], false, "the submodule is new");
}

#[test]
fn paths_of_any_bytes() {
    let repo = TestRepo::new();
    let names: [&[u8]; 6] =
        [b"with space", b"with\nnewline", b"with\ttab and \"quotes\"", b"caf\xe9", b"-dash", "ä\u{202e}ö:x".as_bytes()];
    let mut expected = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let name = OsStr::from_bytes(name);
        let folder = repo.root().join(name);
        let mut add = repo.command("git");
        add.args(["worktree", "add", "--quiet", "--detach"]).arg(&folder);
        assert!(add.status().expect("git").success());
        for new in 0..=index {
            std::fs::write(folder.join(format!("new {new}\n")), "").expect("a file");
        }
        expected.push((name.to_string_lossy().into_owned(), index + 1));
    }
    for place in
        [repo.path(), repo.root().join(OsStr::from_bytes(names[1])), repo.root().join(OsStr::from_bytes(names[3]))]
    {
        let json = repo.wtcheck_in(place, &["--format=json"]).exits(0).json();
        for (name, count) in &expected {
            assert_eq!(unit(&json, name, "status")["facts"]["untracked"], *count, "{name:?}");
        }
    }
}

/// A check that prints what ties it to a repository, and where git says it is.
fn with_spy(repo: &TestRepo) {
    let spy = "env | LC_ALL=C sort | grep -E '^(GIT_|WTCHECK_)' | grep -vE '^GIT_(EXEC_PATH|CONFIG_NOSYSTEM|ATTR_NOSYSTEM|EDITOR|REFLOG_ACTION)='; git rev-parse --absolute-git-dir; git config wtcheck.marker || :";
    repo.config("wtcheck.spy.command", spy);
}

/// What the check of [`with_spy`] printed on a worktree.
fn spied(json: &Value, name: &str) -> Vec<String> {
    let unit = unit(json, name, "spy");
    let text = unit["attempts"][0]["stdout"].as_str().unwrap_or_else(|| panic!("output: {unit:#}"));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn what_is_inherited_does_not_tie_a_check_to_another_worktree() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    with_spy(&repo);
    let listed = repo.git(&["rev-parse", "--local-env-vars"]);
    let mut command = repo.command(BINARY);
    command.args(["spy", "status", "--format=json", "--verbose"]).env_remove("GIT_WTCHECK_PROVE");
    for name in listed.lines().filter(|name| !name.starts_with("GIT_CONFIG")) {
        command.env(name, "leaked");
    }
    command.env("GIT_DIR", repo.at(".git")).env("GIT_WORK_TREE", repo.path()).env("GIT_COMMON_DIR", repo.at(".git"));
    // These decide where git looks for objects, so that the run itself could not begin.
    for name in ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE"] {
        command.env_remove(name);
    }
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "1");
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "wtcheck.marker").env("GIT_CONFIG_VALUE_0", "kept");
    let json = Run::of(&mut command).exits(0).json();
    let git_dir = repo.at(".git");
    for (name, git_dir) in [("repo", git_dir.clone()), ("linked", git_dir.join("worktrees/linked"))] {
        let branch = if name == "repo" { "main" } else { name };
        let expected = [
            "GIT_CONFIG_COUNT=1".to_owned(),
            "GIT_CONFIG_KEY_0=wtcheck.marker".to_owned(),
            "GIT_CONFIG_VALUE_0=kept".to_owned(),
            "GIT_OPTIONAL_LOCKS=0".to_owned(),
            "GIT_TERMINAL_PROMPT=0".to_owned(),
            "WTCHECK_ATTEMPT=1".to_owned(),
            format!("WTCHECK_BRANCH={branch}"),
            "WTCHECK_CHECK=spy".to_owned(),
            format!("WTCHECK_COMMON_DIR={}", repo.at(".git").display()),
            format!("WTCHECK_WORKTREE={}", repo.root().join(name).display()),
            git_dir.display().to_string(),
            "kept".to_owned(),
        ];
        assert_eq!(spied(&json, name), expected);
        assert_eq!(unit(&json, name, "status")["facts"]["clean"], true);
    }
}

#[test]
fn every_variable_that_ties_to_a_repository_is_known() {
    let repo = TestRepo::new();
    let known = git_wtcheck::git::command::REPOSITORY_VARIABLES;
    for name in repo.git(&["rev-parse", "--local-env-vars"]).lines() {
        let stays = matches!(name, "GIT_CONFIG_PARAMETERS" | "GIT_CONFIG_COUNT");
        assert_eq!(known.contains(&name), !stays, "{name}");
    }
}

#[test]
fn configuration_of_the_command_line_comes_through() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    with_spy(&repo);
    let args = ["-c", "wtcheck.marker=from -c", "wtcheck", "spy", "--format=json", "--verbose"];
    let json = Run::from(repo.git_try(".", &args)).exits(0).json();
    for name in ["repo", "linked"] {
        assert_eq!(spied(&json, name).last().map(String::as_str), Some("from -c"));
    }
}

#[test]
fn an_alias_gives_the_same_answers_everywhere() {
    let repo = repository();
    repo.config("alias.wtc", "!git wtcheck");
    repo.config("alias.direct", "!git-wtcheck");
    with_spy(&repo);
    let expected = from(&repo, ".", &["--verbose"]);
    for alias in ["wtc", "direct"] {
        for place in [".", "sub/folder", "../one", "../two", "../two/sub"] {
            let run = Run::from(repo.git_try(place, &[alias, "--format=json", "--verbose"]));
            let json = run.exits(0).json();
            assert_eq!(answers(&json), expected, "git {alias} in {place}");
            for (name, git_dir) in [("repo", ".git"), ("one", ".git/worktrees/one"), ("two", ".git/worktrees/two")] {
                let spied = spied(&json, name);
                assert_eq!(spied.last(), Some(&repo.at(git_dir).display().to_string()), "{alias} in {place}");
                for tie in ["GIT_DIR=", "GIT_INDEX_FILE=", "GIT_WORK_TREE=", "GIT_PREFIX="] {
                    assert!(!spied.iter().any(|line| line.starts_with(tie)), "{tie} in {spied:?}");
                }
            }
        }
    }
}

#[test]
fn hooks_give_the_same_answers_everywhere() {
    let repo = repository();
    let report = |name: &str| -> PathBuf { repo.root().join(name) };
    for hook in ["pre-commit", "post-checkout"] {
        let script = format!(
            "#!/bin/sh\n[ -n \"$OFF\" ] && exit 0\ngit wtcheck --format=json >'{}' 2>&1\nexit 0\n",
            report(hook).display()
        );
        repo.script(format!(".git/hooks/{hook}"), &script);
    }
    for place in [".", "../one", "../two"] {
        // What a commit holds is in its own index while its hook runs.
        let expected = from(&repo, ".", &[]);
        repo.git_in(place, &["checkout", "--quiet", "HEAD", "--"]);
        let read = |name: &str| std::fs::read_to_string(report(name)).expect("a report");
        let json: Value =
            serde_json::from_str(&read("post-checkout")).unwrap_or_else(|_| panic!("{}", read("post-checkout")));
        assert_eq!(answers(&json), expected, "post-checkout in {place}");
        repo.git_in(place, &["commit", "--quiet", "--allow-empty", "--message=next"]);
        let json: Value =
            serde_json::from_str(&read("pre-commit")).unwrap_or_else(|_| panic!("{}", read("pre-commit")));
        assert_eq!(answers(&json), expected, "pre-commit in {place}");
    }
}

#[test]
fn a_partial_commit_s_own_index_is_not_taken_for_every_worktree_s() {
    let repo = repository();
    let report = repo.root().join("report");
    repo.script(
        ".git/hooks/pre-commit",
        &format!("#!/bin/sh\ngit wtcheck --format=json >'{}' 2>&1\nexit 0\n", report.display()),
    );
    repo.write("../two/file.txt", "changed\n");
    repo.write("../two/other.txt", "new\n");
    repo.git_in("../two", &["add", "other.txt"]);
    // git gives its hook an index that holds only this file: GIT_INDEX_FILE.
    repo.git_in("../two", &["commit", "--quiet", "--message=part", "--only", "file.txt"]);
    let json: Value = serde_json::from_str(&std::fs::read_to_string(report).expect("a report")).expect("JSON");
    assert_eq!(unit(&json, "repo", "status")["facts"]["staged"], 1);
    assert_eq!(unit(&json, "one", "status")["facts"]["staged"], 0);
    assert_eq!(unit(&json, "one", "status")["facts"]["untracked"], 1);
}

/// Every file below a folder of git's that a run must leave alone, with its bytes.
fn contents(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
    // What a run remembers is kept in folders of this name.
    let is_ours = |part: std::path::Component<'_>| part.as_os_str() == "wtcheck";
    let mut entries: Vec<_> =
        folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            contents(&path, into);
        } else if path.file_name() != Some(OsStr::new("index")) && !path.components().any(is_ours) {
            let bytes = std::fs::read(&path).expect("a file");
            into.push((path, bytes));
        }
    }
}

#[test]
fn a_run_leaves_refs_and_configuration_as_they_were() {
    let repo = repository();
    repo.git(&["pack-refs", "--all"]);
    repo.git_in("../one", &["stash", "--quiet", "--include-untracked"]);
    repo.write("../one/new.txt", "new\n");
    let everything = || {
        let mut found = Vec::new();
        contents(&repo.at(".git"), &mut found);
        contents(&repo.root().join("home"), &mut found);
        found
    };
    let before = everything();
    for args in [&[][..], &["--format=jsonl"], &["plan"], &["-w", "one"], &["-j1", "--timeout=5s"]] {
        repo.wtcheck(args).exits(0);
        repo.wtcheck_in("../one", args).exits(0);
    }
    let after = everything();
    let paths = |found: &[(PathBuf, Vec<u8>)]| found.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&before), paths(&after));
    for ((path, before), (_, after)) in before.iter().zip(&after) {
        assert!(before == after, "{} has changed", path.display());
    }
}
