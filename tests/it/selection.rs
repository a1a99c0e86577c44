//! Which worktrees, which checks; and the plan, which runs nothing.

use serde_json::Value;

use crate::support::{Run, TestRepo, unit};

fn worktrees(json: &Value) -> Vec<&str> {
    json["worktrees"].as_array().expect("worktrees").iter().map(|row| row["name"].as_str().expect("a name")).collect()
}

fn checks(json: &Value) -> Vec<&str> {
    json["checks"].as_array().expect("checks").iter().map(|check| check["check"].as_str().expect("a name")).collect()
}

/// `repo` (main), `fix-one` (fix/one), `fix-two` (fix/two), `odd[1]` (odd).
fn several() -> TestRepo {
    let repo = TestRepo::new();
    repo.git(&["worktree", "add", "--quiet", "-b", "fix/one", "../fix-one"]);
    repo.git(&["worktree", "add", "--quiet", "-b", "fix/two", "../fix-two"]);
    repo.git(&["worktree", "add", "--quiet", "-b", "odd", "../odd[1]"]);
    repo
}

/// The folders that patterns choose.
#[track_caller]
fn chosen(repo: &TestRepo, folder: &str, patterns: &[&str]) -> Vec<String> {
    let mut args = vec!["plan", "--format=json"];
    for pattern in patterns {
        args.extend(["-w", pattern]);
    }
    worktrees(&repo.wtcheck_in(folder, &args).exits(0).json()).into_iter().map(str::to_owned).collect()
}

#[test]
fn patterns_are_globs_on_path_folder_name_and_branch() {
    let repo = several();
    let root = repo.root().display().to_string();
    for (patterns, expected) in [
        (&["fix-one"][..], &["fix-one"][..]),
        (&["fix/one"], &["fix-one"]),
        (&["fix/*"], &["fix-one", "fix-two"]),
        (&["*one"], &["fix-one"]),
        (&["fix-{one,two}"], &["fix-one", "fix-two"]),
        (&["fix-[ot]*"], &["fix-one", "fix-two"]),
        (&["main", "odd"], &["repo", "odd[1]"]),
        (&["odd[1]"], &["odd[1]"]),
        (&["*"], &["repo", "fix-one", "fix-two", "odd[1]"]),
        (&["!fix/*"], &["repo", "odd[1]"]),
        (&["fix/*", "!*two"], &["fix-one"]),
        (&["!*two", "fix/*"], &["fix-one"]),
        (&["."], &["repo"]),
        (&["!."], &["fix-one", "fix-two", "odd[1]"]),
        (&["../fix-two"], &["fix-two"]),
        (&[&format!("{root}/fix-one")], &["fix-one"]),
        (&[&format!("{root}/fix*")], &["fix-one", "fix-two"]),
        (&[&format!("{root}/repo/../fix-one")], &["fix-one"]),
    ] {
        assert_eq!(chosen(&repo, ".", patterns), expected, "{patterns:?}");
    }
}

#[test]
fn a_dot_is_the_worktree_around_the_folder() {
    let repo = several();
    repo.git(&["worktree", "add", "--quiet", "-b", "inner", "within/inner"]);
    repo.write("../fix-one/src/file", "");
    assert_eq!(chosen(&repo, "../fix-one/src", &["."]), ["fix-one"]);
    assert_eq!(chosen(&repo, "within/inner", &["."]), ["inner"]);
    assert_eq!(chosen(&repo, "within", &["."]), ["repo"]);
    std::os::unix::fs::symlink("../fix-two", repo.at("link")).expect("a link");
    assert_eq!(chosen(&repo, ".", &["link"]), ["fix-two"], "a link names what it leads to");
}

#[test]
fn a_pattern_that_matches_nothing_is_an_error_with_what_there_is() {
    let repo = several();
    repo.wtcheck(&["-w", "fix-oen"])
        .exits(2)
        .says("error: no worktree matches 'fix-oen'\nhint: did you mean 'fix-one'? There are: repo (main), fix-one (fix/one), fix-two (fix/two), odd[1] (odd)\n");
    repo.wtcheck(&["-w", "*", "-w", "zebra*"])
        .exits(2)
        .says("no worktree matches 'zebra*'\nhint: there are: repo (main)");
    repo.wtcheck(&["-w", "!zebra"]).exits(2).says("no worktree matches '!zebra'");
    repo.wtcheck(&["-w", "fix/*", "-w", "!fix/*"]).exits(2).says("error: the patterns leave no worktree\n");
    repo.wtcheck(&["-w", "fix-[one"]).exits(2).says("error: 'fix-[one' is no pattern: ");
    for empty in ["", "!"] {
        let run = repo.wtcheck(&["-w", empty]);
        run.exits(2).says("is no pattern: it is empty\n");
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn checks_by_name_stand_in_place_of_the_pipeline() {
    let repo = TestRepo::new();
    repo.config("wtcheck.test.command", "true");
    repo.config("wtcheck.off.command", "true");
    repo.config("wtcheck.off.enabled", "false");
    let of = |args: &[&str]| {
        let run = repo.wtcheck(&[&["plan", "--format=json"], args].concat());
        checks(&run.exits(0).json()).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&[]), ["status", "diff", "log", "test"]);
    assert_eq!(of(&["log", "status"]), ["log", "status"]);
    assert_eq!(of(&["log", "log"]), ["log"]);
    assert_eq!(of(&["off"]), ["off"], "asked for by name, a disabled check runs");
    assert_eq!(of(&["--skip", "log", "--skip=test"]), ["status", "diff"]);
    assert_eq!(of(&["log", "test", "--skip", "log"]), ["test"]);
    let json = repo.wtcheck(&["run", "log", "--format=json"]).exits(0).json();
    assert_eq!(json["worktrees"][0]["checks"].as_array().map(Vec::len), Some(1));
    repo.wtcheck(&["log", "--skip", "log"])
        .exits(2)
        .says("error: no check is selected\nhint: there are: conflicts, diff, log, off, risk, status, test\n");
    repo.wtcheck(&["log", "plan"]).exits(129).says("'log' stands before the command");
}

#[test]
fn unknown_checks_are_refused_with_the_nearest() {
    let repo = TestRepo::new();
    repo.config("wtcheck.my-test.command", "true");
    for args in [&["my-tset"][..], &["--skip", "my-tset"], &["plan", "my_test"], &["my-test", "my-tes"]] {
        let run = repo.wtcheck(args);
        run.exits(2).says("error: no check is named 'my").says("hint: did you mean 'my-test'?\n");
        assert_eq!(run.stdout, "");
    }
    repo.wtcheck(&["zebra"])
        .exits(2)
        .says("no check is named 'zebra'\nhint: there are: conflicts, diff, log, my-test, risk, status\n");
    repo.wtcheck(&["zebra", "yak"]).exits(2).says("'zebra'").says("'yak'");
}

#[test]
fn prerequisites_are_brought_along_with_a_hint() {
    let repo = TestRepo::new();
    repo.config("wtcheck.build.command", "true");
    repo.config("wtcheck.test.command", "true");
    repo.config("wtcheck.test.needs", "build");
    repo.config("wtcheck.test.when", "log.passed");
    let run = repo.wtcheck(&["test", "--format=json"]);
    run.exits(0).says("hint: 'test' brings 'build' along\n").says("hint: 'test' brings 'log' along\n");
    let json = run.json();
    for check in ["build", "log", "test"] {
        assert_eq!(unit(&json, "repo", check)["outcome"], "passed");
    }
    for args in [&["test", "build", "log"][..], &["test", "--quiet"], &[]] {
        let run = repo.wtcheck(args);
        assert_eq!(run.exits(0).stderr, "", "{args:?}");
    }
    // A pipeline that was set once is no news on every run.
    repo.config("wtcheck.checks", "test");
    assert_eq!(repo.wtcheck(&[]).exits(0).stderr, "");
    repo.config("advice.wtcheck", "false");
    assert_eq!(repo.wtcheck(&["test"]).exits(0).stderr, "");
}

#[test]
fn what_needs_a_check_that_is_left_out_is_skipped_with_that_reason() {
    let repo = TestRepo::new();
    repo.config("wtcheck.build.command", "true");
    repo.config("wtcheck.test.command", "true");
    repo.config("wtcheck.test.needs", "build");
    let json = repo.wtcheck(&["test", "--skip", "build", "--format=json"]).exits(0).json();
    let test = unit(&json, "repo", "test");
    assert_eq!(
        (&test["outcome"], &test["reason"]),
        (&"skipped".into(), &"needs build, which --skip leaves out".into())
    );
}

#[test]
fn the_plan_shows_what_would_run_and_runs_nothing() {
    let repo = TestRepo::new();
    repo.worktree("gone");
    std::fs::remove_dir_all(repo.at("../gone")).expect("gone");
    repo.config("wtcheck.touch.command", "touch ran");
    repo.config("wtcheck.touch.when", "status.dirty");
    repo.config("wtcheck.touch.timeout", "5m");
    repo.config("wtcheck.touch.description", "leaves a trace");
    let run = repo.wtcheck(&["plan", "-j2", "--retries=1"]);
    run.exits(0)
        .shows("2 units at a time\n")
        .shows("touch  $ touch ran\n    timeout 5m; 1 retry; when status.dirty\n    leaves a trace\n")
        .shows("status, diff if status.dirty, log, touch if status.dirty\n")
        .shows("skipped: ");
    let json = repo.wtcheck(&["plan", "--format=json"]).exits(0).json();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["repository"]["common_dir"], repo.at(".git").display().to_string());
    let touch = unit(&json, "repo", "touch");
    assert_eq!((&touch["action"], &touch["reason"]), (&"run-if".into(), &"status.dirty".into()));
    assert_eq!(unit(&json, "repo", "status")["action"], "run");
    assert_eq!(unit(&json, "gone", "status")["action"], "skipped");
    assert_eq!(json["checks"][3]["command"], "touch ran");
    assert_eq!(json["checks"][3]["timeout_ms"], 300_000);
    assert!(!repo.at("ran").exists(), "a plan runs nothing");
}

/// What runs code, in a file that the repository brings along.
const CODE: [&str; 7] = [
    "[check.evil]\ncommand = \"touch ran\"\n",
    "[check.evil]\ncommand = [\"touch\", \"ran\"]\n",
    "[check.log]\nargs = [\"--output=ran\"]\n",
    "[check.log]\nenv = { GIT_PAGER = \"touch ran\" }\n",
    "[check.log]\ndir = \"sub\"\n",
    "[check.evil]\nkind = \"log\"\nargs = [\"--output=ran\"]\n",
    "[check.status]\nenv.GIT_CONFIG_COUNT = \"1\"\n",
];

#[test]
fn what_would_run_the_repository_s_own_code_is_refused() {
    let repo = TestRepo::new();
    for content in CODE {
        repo.write(".wtcheck.toml", content);
        let run = repo.wtcheck(&[]);
        run.exits(2).says("error: ").says("/repo/.wtcheck.toml:").says("until then it is not run");
        assert_eq!(run.stdout, "", "{content}");
        // A plan runs nothing: it shows what is not approved.
        repo.wtcheck(&["plan"]).exits(0).shows("NOT APPROVED");
        assert!(!repo.at("ran").exists(), "{content}");
        // Built-in checks that it does not touch still run.
        repo.wtcheck(&["diff", "--skip=status", "--skip=log"]).exits(0);
    }
}

#[test]
fn built_in_checks_by_name_run_beside_what_is_refused() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", CODE[0]);
    let json = repo.wtcheck(&["status", "log", "--format=json"]).exits(0).json();
    assert_eq!(unit(&json, "repo", "log")["outcome"], "passed");
    assert_eq!(json["worktrees"][0]["checks"].as_array().map(Vec::len), Some(2));
    repo.wtcheck(&["status", "evil"]).exits(2).says("check 'evil' takes what it runs (command)");
    repo.wtcheck(&["--skip=evil"]).exits(0);
    assert!(!repo.at("ran").exists());
}

#[test]
fn code_that_is_brought_along_as_a_prerequisite_is_refused() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", format!("{}[check.log]\nneeds = [\"evil\"]\n", CODE[0]));
    repo.wtcheck(&["log"]).exits(2).says("check 'evil' takes what it runs");
    repo.write(".wtcheck.toml", format!("{}[check.log]\nwhen = \"evil.passed\"\n", CODE[0]));
    repo.wtcheck(&["log"]).exits(2).says("check 'evil' takes what it runs");
    assert!(!repo.at("ran").exists());
}

#[test]
fn a_stronger_layer_s_definition_takes_the_place_of_the_repository_s() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "[check.test]\ncommand = \"touch ran\"\ntimeout = \"7s\"\n");
    repo.config("wtcheck.test.command", "true");
    let json = repo.wtcheck(&["test", "--format=json"]).exits(0).json();
    assert_eq!(unit(&json, "repo", "test")["outcome"], "passed");
    assert!(!repo.at("ran").exists());
    // Its variables and its folder, all the same, are the repository's.
    repo.write(".wtcheck.toml", "[check.test.env]\nA = \"1\"\n");
    repo.config("wtcheck.test.env", "B=2");
    repo.wtcheck(&["test"]).exits(2).says("check.test.env");
    // Below the repository's file, a definition does not protect.
    repo.git(&["config", "--local", "--remove-section", "wtcheck.test"]);
    repo.write("../home/.gitconfig", "[wtcheck \"test\"]\n\tcommand = true\n");
    repo.write(".wtcheck.toml", "[check.test]\ncommand = \"touch ran\"\n");
    repo.wtcheck(&["test"]).exits(2).says("check.test.command");
    assert!(!repo.at("ran").exists());
}

#[test]
fn nothing_is_run_by_another_folder_s_file() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../feature/.wtcheck.toml", CODE[0]);
    let json = repo.wtcheck(&["--format=json"]).exits(0).json();
    assert_eq!(worktrees(&json), ["repo", "feature"]);
    repo.wtcheck_in("../feature", &[]).exits(2);
    // A file that is named on the command line is one's own word.
    Run::of(repo.command(crate::support::BINARY).args(["--config", "../feature/.wtcheck.toml", "-w", "feature"]))
        .exits(0);
    assert!(repo.at("../feature/ran").exists());
}

#[test]
fn the_last_of_an_option_that_is_typed_twice_holds_as_in_git() {
    let repo = TestRepo::new();
    repo.wtcheck(&["-j8", "-j", "4", "--timeout=1s", "--timeout=2s", "plan"])
        .exits(0)
        .shows("4 units at a time")
        .shows("timeout 2s");
    // What may be repeated still adds up.
    repo.worktree("side");
    let json = repo.wtcheck(&["-w", "repo", "-w", "side", "--format=json", "--format=json", "plan"]).exits(0).json();
    assert_eq!(json["worktrees"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_usage_error_leads_to_the_short_help() {
    let repo = TestRepo::new();
    repo.wtcheck(&["--timeout=soon"]).exits(129).says("expected a duration like 500ms").says("try '-h'");
}
