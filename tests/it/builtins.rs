//! The built-in checks: what git is asked, how often, and that no configuration bends the answer.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{BINARY, Run, TestRepo, unit};

#[track_caller]
fn facts<'a>(json: &'a Value, name: &str, check: &str) -> &'a Value {
    let unit = unit(json, name, check);
    assert_eq!(unit["outcome"], "passed", "{unit:#}");
    &unit["facts"]
}

fn report(repo: &TestRepo) -> Value {
    repo.wtcheck(&["--format=json", "--retries=0"]).exits(0).json()
}

/// The facts of every unit, but for the age of commits.
fn all_facts(json: &Value) -> Vec<Value> {
    let rows = json["worktrees"].as_array().expect("rows").iter();
    let units = rows.flat_map(|row| row["checks"].as_array().expect("checks"));
    units
        .map(|unit| {
            let mut facts = unit["facts"].clone();
            if let Some(facts) = facts.as_object_mut() {
                facts.remove("age");
            }
            json!([unit["check"], unit["outcome"], facts])
        })
        .collect()
}

/// A worktree `feature` with a rename, a binary file, an edit and a file of a name that git would quote.
fn eventful() -> TestRepo {
    let repo = TestRepo::new();
    repo.write("long.txt", (0..40).map(|line| format!("line {line}\n")).collect::<String>());
    repo.write("picture.bin", b"\0\x01\x02");
    repo.write("ä \"quoted\"\t.txt", "a\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=Größe: more\n\nbody", "--author=Ünï <u@example.com>"]);
    repo.worktree("feature");
    repo.git_in("../feature", &["mv", "long.txt", "longer name.txt"]);
    repo.write("../feature/picture.bin", b"\0\x01\x03\x04");
    repo.write("../feature/ä \"quoted\"\t.txt", "a\nb\nc\n");
    repo.write("../feature/file.txt", "one\nthree\n");
    repo
}

#[test]
fn diff_counts_renames_and_binary_files() {
    let repo = eventful();
    let json = report(&repo);
    assert_eq!(*facts(&json, "feature", "diff"), json!({"files": 4, "insertions": 2, "deletions": 1}));
    let status = facts(&json, "feature", "status");
    assert_eq!((&status["staged"], &status["unstaged"], &status["untracked"]), (&json!(1), &json!(3), &json!(0)));
    assert_eq!(unit(&json, "repo", "diff")["outcome"], "skipped", "nothing to compare");
    let reason = unit(&json, "repo", "diff")["reason"].as_str().expect("a reason");
    assert!(reason.contains("status.dirty"), "{reason}");

    repo.config("diff.renames", "false");
    let json = report(&repo);
    assert_eq!(
        *facts(&json, "feature", "diff"),
        json!({"files": 5, "insertions": 42, "deletions": 41}),
        "as git would"
    );
}

#[test]
fn log_tells_the_last_commit() {
    let repo = eventful();
    let json = report(&repo);
    let log = facts(&json, "feature", "log");
    assert_eq!(log["commit"], repo.git(&["rev-parse", "HEAD"]).as_str());
    assert_eq!(log["subject"], "Größe: more");
    assert_eq!(log["author"], "Ünï");
    assert_eq!(log["committed_at"].to_string(), repo.git(&["log", "-1", "--format=%ct"]));
    let age = log["age"].as_i64().expect("seconds");
    assert!((0..60).contains(&age), "{age}");
}

#[test]
fn no_configuration_bends_an_answer() {
    let repo = eventful();
    let expected = all_facts(&report(&repo));
    let script = repo.script("../external", "#!/bin/sh\necho nonsense\n");
    let script = script.to_str().expect("text");
    repo.write("../attributes", "*.txt diff=odd\n");
    let attributes = repo.at("../attributes");
    let settings = [
        ("diff.external", script),
        ("diff.odd.command", script),
        ("diff.odd.textconv", script),
        ("core.attributesFile", attributes.to_str().expect("text")),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.submodule", "log"),
        ("diff.wordRegex", "."),
        ("diff.relative", "true"),
        ("diff.statGraphWidth", "1"),
        ("diff.noIndex", "true"),
        ("color.ui", "always"),
        ("color.diff", "always"),
        ("color.status", "always"),
        ("column.ui", "always"),
        ("core.quotePath", "true"),
        ("core.pager", "false"),
        ("pager.status", "true"),
        ("pager.diff", "true"),
        ("pager.log", "true"),
        ("core.abbrev", "4"),
        ("log.showSignature", "true"),
        ("log.abbrevCommit", "true"),
        ("log.decorate", "full"),
        ("log.date", "relative"),
        ("log.follow", "true"),
        ("log.mailmap", "true"),
        ("log.diffMerges", "on"),
        ("format.pretty", "oneline"),
        ("format.notes", "true"),
        ("notes.displayRef", "refs/notes/*"),
        ("i18n.logOutputEncoding", "latin1"),
        ("status.short", "true"),
        ("status.branch", "false"),
        ("status.showStash", "false"),
        ("status.relativePaths", "true"),
        ("status.displayCommentPrefix", "true"),
        ("status.aheadBehind", "false"),
        ("status.submoduleSummary", "true"),
        ("status.showUntrackedFiles", "no"),
        ("advice.statusHints", "true"),
    ];
    repo.git(&["notes", "add", "--message=a note", "HEAD"]);
    for (key, value) in settings {
        repo.config(key, value);
    }
    assert_eq!(all_facts(&report(&repo)), expected);
    let mut command = repo.command(BINARY);
    command.args(["--format=json", "--retries=0"]).env("GIT_EXTERNAL_DIFF", script).env("GIT_PAGER_IN_USE", "true");
    command.env("GIT_TRACE", "1").env("LC_ALL", "de_DE.UTF-8").env("LANGUAGE", "de").env("GIT_DIFF_OPTS", "--stat");
    assert_eq!(all_facts(&Run::of(&mut command).exits(0).json()), expected);
}

#[test]
fn a_commit_in_another_encoding_is_told_in_utf_8() {
    let repo = TestRepo::new();
    repo.write("../message", b"Gr\xf6\xdfe");
    let message = repo.at("../message");
    let message = message.to_str().expect("text");
    repo.git(&["-c", "i18n.commitEncoding=latin1", "commit", "--quiet", "--allow-empty", "--file", message]);
    repo.config("i18n.logOutputEncoding", "latin1");
    assert_eq!(facts(&report(&repo), "repo", "log")["subject"], "Größe");
}

#[test]
fn a_subject_of_any_kind() {
    let repo = TestRepo::new();
    repo.git(&["commit", "--quiet", "--allow-empty", "--allow-empty-message", "--message="]);
    repo.worktree("odd");
    let odd = "esc \u{1b}[31m \t tab %H %x00 \\";
    repo.git_in("../odd", &["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--message", odd]);
    let json = report(&repo);
    assert_eq!(facts(&json, "repo", "log")["subject"], "");
    assert_eq!(facts(&json, "odd", "log")["subject"], odd);
}

#[test]
fn arguments_of_a_built_in_reach_git() {
    let repo = eventful();
    repo.write("../feature/scratch.txt", "new\n");
    repo.config("wtcheck.status.args", "--untracked-files=no");
    repo.config("wtcheck.diff.args", "-- file.txt");
    repo.config("wtcheck.log.args", "--author=Tester");
    let json = report(&repo);
    assert_eq!(facts(&json, "feature", "status")["untracked"], 0);
    assert_eq!(*facts(&json, "feature", "diff"), json!({"files": 1, "insertions": 0, "deletions": 1}));
    assert_eq!(facts(&json, "feature", "log")["subject"], "first commit");

    repo.config("wtcheck.diff.args", "--exit-code");
    assert_eq!(facts(&report(&repo), "feature", "diff")["files"], 4, "a difference is no error");
}

#[test]
fn arguments_that_change_the_form_of_the_answer_never_make_it_clean() {
    for args in ["--short", "--porcelain=v1", "--long", "--no-such-option", "--help"] {
        let repo = TestRepo::new();
        repo.write("new.txt", "new\n");
        repo.config("wtcheck.status.args", args);
        let json = repo.wtcheck(&["status", "--format=json", "--retries=0"]).exits(1).json();
        let unit = unit(&json, "repo", "status");
        assert_eq!(unit["outcome"], "errored", "{args}: {unit:#}");
        assert!(unit.get("facts").is_none(), "{args}");
    }
    for args in ["--stat", "--shortstat", "--patch", "--name-only", "--raw"] {
        let repo = eventful();
        repo.config("wtcheck.diff.args", args);
        let json = repo.wtcheck(&["diff", "--format=json", "--retries=0"]).exits(1).json();
        assert_eq!(unit(&json, "feature", "diff")["outcome"], "errored", "{args}");
    }
}

/// A run with a git that writes its arguments down, a line for each process. Gives the run and the lines.
fn counted(repo: &TestRepo, args: &[&str]) -> (Run, Vec<String>) {
    let path = std::env::var_os("PATH").expect("a PATH");
    let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
    let log = repo.at("../calls");
    let _ = std::fs::remove_file(&log);
    let script =
        format!("#!/bin/sh\necho \"$*\" >>'{}'\nexec '{}' \"$@\"\n", log.display(), real.expect("git").display());
    let program = repo.script("../bin/git", &script);
    let folder = program.parent().map(Path::to_owned).expect("a folder");
    let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).expect("a PATH");
    let run = Run::of(repo.command(BINARY).env("PATH", path).env_remove("GIT_WTCHECK_PROVE").args(args));
    let calls = std::fs::read_to_string(log).expect("calls").lines().map(str::to_owned).collect();
    (run, calls)
}

fn calls(lines: &[String], command: &str) -> usize {
    let word = |line: &String| {
        let words: Vec<_> = line.split(' ').collect();
        let options = words.chunks(2).take_while(|pair| pair[0] == "-c").count();
        words.get(2 * options).copied() == Some(command)
    };
    lines.iter().filter(|line| word(line)).count()
}

#[test]
fn one_log_process_answers_for_every_worktree() {
    let repo = TestRepo::new();
    repo.config("wtcheck.prove", "false");
    for name in ["a", "b", "c", "d"] {
        repo.worktree(name);
        repo.git_in(format!("../{name}"), &["commit", "--quiet", "--allow-empty", "--message", name]);
    }
    repo.git(&["worktree", "add", "--quiet", "--detach", "../unborn"]);
    repo.git_in("../unborn", &["checkout", "--quiet", "--orphan", "fresh"]);
    let (run, lines) = counted(&repo, &["--format=json", "-j3"]);
    let json = run.exits(0).json();
    for name in ["a", "b", "c", "d"] {
        assert_eq!(facts(&json, name, "log")["subject"], name);
        assert_eq!(facts(&json, name, "log")["commit"], repo.git(&["rev-parse", name]).as_str());
    }
    assert_eq!(calls(&lines, "log"), 1, "one for all, and an unborn branch has no commit: {lines:#?}");
    assert_eq!(calls(&lines, "status"), 6);
    assert_eq!(calls(&lines, "diff"), 1, "only where something is staged: {lines:#?}");
    assert_eq!(lines.len(), 1 + 6 + 1 + 3, "three find the repository: {lines:#?}");

    let (run, lines) = counted(&repo, &["plan"]);
    run.exits(0);
    assert_eq!(lines.len(), 3, "a plan runs nothing: {lines:#?}");

    // What one worktree's own condition or arguments decide is asked for each.
    repo.config("wtcheck.log.args", "--first-parent");
    let (run, lines) = counted(&repo, &["log", "--format=json"]);
    run.exits(0);
    assert_eq!(calls(&lines, "log"), 6, "{lines:#?}");
}

#[test]
fn where_the_one_log_process_fails_each_worktree_is_asked() {
    for broken in ["repo", "b"] {
        let repo = TestRepo::new();
        for name in ["a", "b"] {
            repo.worktree(name);
        }
        let folder = format!("../{broken}");
        repo.git_in(&folder, &["commit", "--quiet", "--allow-empty", "--message=lost"]);
        let lost = repo.git_in(&folder, &["rev-parse", "HEAD"]);
        std::fs::remove_file(repo.at(format!(".git/objects/{}/{}", &lost[..2], &lost[2..]))).expect("an object");
        let (run, lines) = counted(&repo, &["log", "--format=json", "--retries=0"]);
        let json = run.exits(1).json();
        for name in ["repo", "a", "b"] {
            if name == broken {
                let unit = unit(&json, name, "log");
                assert_eq!(unit["outcome"], "errored", "{unit:#}");
                assert!(unit["reason"].as_str().expect("a reason").contains("bad object"), "{unit:#}");
            } else {
                assert_eq!(facts(&json, name, "log")["subject"], "first commit", "{broken} is broken");
            }
            assert_eq!(unit(&json, name, "log")["attempts"].as_array().map(Vec::len), Some(1), "{name}");
        }
        assert_eq!(calls(&lines, "log"), 4, "one for all, then one each: {lines:#?}");
    }
}

#[test]
fn a_folder_of_the_worktree_to_run_in() {
    let repo = eventful();
    for name in ["repo", "feature"] {
        repo.write(format!("../{name}/sub/kept.txt"), "");
    }
    repo.config("wtcheck.status.dir", "sub");
    repo.config("wtcheck.diff.dir", "sub");
    repo.config("diff.relative", "true");
    let json = report(&repo);
    assert_eq!(facts(&json, "feature", "status")["unstaged"], 3, "git tells of the whole worktree");
    assert_eq!(facts(&json, "feature", "diff")["files"], 4);
    repo.config("wtcheck.status.dir", "nowhere");
    let json = repo.wtcheck(&["status", "--format=json", "--retries=0"]).exits(1).json();
    assert_eq!(unit(&json, "feature", "status")["outcome"], "errored");
}

/// Worktrees as `git worktree add` leaves them, made by hand because it takes its time.
fn many_worktrees(repo: &TestRepo, count: usize) {
    let head = repo.git(&["rev-parse", "HEAD"]);
    let index = std::fs::read(repo.at(".git/index")).expect("an index");
    for number in 0..count {
        let name = format!("many{number}");
        let admin = format!(".git/worktrees/{name}");
        repo.write(format!("{admin}/HEAD"), format!("{head}\n"));
        repo.write(format!("{admin}/commondir"), "../..\n");
        repo.write(format!("{admin}/gitdir"), format!("{}/{name}/.git\n", repo.root().display()));
        repo.write(format!("{admin}/index"), &index);
        repo.write(format!("../{name}/.git"), format!("gitdir: {}\n", repo.at(&admin).display()));
        repo.write(format!("../{name}/file.txt"), "one\ntwo\nthree\n");
        if number % 100 == 7 {
            repo.write(format!("../{name}/new.txt"), "new\n");
        }
    }
}

#[test]
fn three_hundred_worktrees() {
    let repo = TestRepo::new();
    many_worktrees(&repo, 300);
    let json = report(&repo);
    assert_eq!(json["worktrees"].as_array().map(Vec::len), Some(301));
    let dirty =
        json["worktrees"].as_array().expect("rows").iter().filter(|row| row["checks"][0]["facts"]["dirty"] == true);
    let dirty: Vec<&str> = dirty.map(|row| row["name"].as_str().expect("a name")).collect();
    assert_eq!(dirty, ["many107", "many207", "many7"], "in git's order");
    assert_eq!(json["summary"]["passed"], 301 * 2 + 3);
    assert_eq!(json["summary"]["skipped"], 301 - 3);
}
