//! Every layer of settings, each over the one before, and what is said of wrong ones.

use std::os::unix::ffi::OsStringExt;

use serde_json::Value;

use crate::support::{BINARY, Run, TestRepo};

const USER_FILE: &str = "../home/.config/git-wtcheck/config.toml";

/// A check as the plan shows it.
#[track_caller]
fn planned<'a>(json: &'a Value, check: &str) -> &'a Value {
    let checks = json["checks"].as_array().expect("checks");
    checks.iter().find(|planned| planned["check"] == check).unwrap_or_else(|| panic!("no check {check}: {json:#}"))
}

fn pipeline(json: &Value) -> Vec<&str> {
    json["checks"].as_array().expect("checks").iter().map(|check| check["check"].as_str().expect("a name")).collect()
}

fn plan(repo: &TestRepo) -> Value {
    repo.wtcheck(&["plan", "--format", "json"]).exits(0).json()
}

/// `git -c KEY=VALUE ... wtcheck ARGS`.
fn git_c(repo: &TestRepo, settings: &[&str], args: &[&str]) -> Run {
    let mut command = repo.command("git");
    for setting in settings {
        command.args(["-c", setting]);
    }
    Run::of(command.arg("wtcheck").args(args))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Layer {
    User,
    System,
    Global,
    RepositoryFile,
    Local,
    Worktree,
    Environment,
    GitCommand,
    CommandLine,
}

const LAYERS: [Layer; 9] = [
    Layer::User,
    Layer::System,
    Layer::Global,
    Layer::RepositoryFile,
    Layer::Local,
    Layer::Worktree,
    Layer::Environment,
    Layer::GitCommand,
    Layer::CommandLine,
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Scalar,
    List,
    Own,
}

/// A text for each shape that a layer has: TOML, gitconfig, the environment, `git -c`, the command line.
fn said(kind: Kind, strong: bool) -> [Option<String>; 5] {
    let some = |text: &str| Some(text.to_owned());
    let (seconds, names) = if strong { (22, "log") } else { (11, "status log") };
    match kind {
        Kind::Scalar => [
            Some(format!("timeout = {seconds}\n")),
            Some(format!("[wtcheck]\n\ttimeout = {seconds}s\n")),
            Some(format!("GIT_WTCHECK_TIMEOUT={seconds}")),
            Some(format!("wtcheck.timeout={seconds}s")),
            Some(format!("--timeout={seconds}s")),
        ],
        Kind::List => [
            Some(format!("checks = \"{names}\"\n")),
            Some(format!("[wtcheck]\n\tchecks = {names}\n")),
            Some(format!("GIT_WTCHECK_CHECKS={names}")),
            Some(format!("wtcheck.checks={names}")),
            some(names),
        ],
        Kind::Own => [
            Some(format!("[check.log]\ntimeout = {seconds}\n")),
            Some(format!("[wtcheck \"log\"]\n\ttimeout = {seconds}s\n")),
            None,
            Some(format!("wtcheck.log.timeout={seconds}s")),
            // What is typed holds for every check.
            Some(format!("--timeout={seconds}s")),
        ],
    }
}

/// The plan's word, where some layers say one thing and others another.
fn asked(repo: &TestRepo, kind: Kind, weak: Layer, strong: Layer) -> Option<String> {
    let text = |layer: Layer, shape: usize| match layer {
        _ if layer == weak => said(kind, false)[shape].clone(),
        _ if layer == strong => said(kind, true)[shape].clone(),
        _ => Some(String::new()),
    };
    let worktree_config = "[extensions]\n\tworktreeConfig = true\n";
    repo.write(USER_FILE, text(Layer::User, 0)?);
    repo.write("../home/system", text(Layer::System, 1)?);
    repo.write("../home/.gitconfig", text(Layer::Global, 1)?);
    repo.write(".wtcheck.toml", text(Layer::RepositoryFile, 0)?);
    let core = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n";
    repo.write(".git/config", format!("{core}{worktree_config}{}", text(Layer::Local, 1)?));
    repo.write(".git/config.worktree", text(Layer::Worktree, 1)?);
    let mut command = repo.command("git");
    command.env_remove("GIT_CONFIG_NOSYSTEM").env("GIT_CONFIG_SYSTEM", repo.at("../home/system"));
    if let Some((name, value)) = text(Layer::Environment, 2)?.split_once('=') {
        command.env(name, value);
    }
    let setting = text(Layer::GitCommand, 3)?;
    if !setting.is_empty() {
        command.args(["-c", &setting]);
    }
    command.args(["wtcheck", "plan", "--format=json"]);
    command.args(text(Layer::CommandLine, 4)?.split_whitespace());
    let json = Run::of(&mut command).exits(0).json();
    Some(match kind {
        Kind::List => pipeline(&json).join(" "),
        _ => planned(&json, "log")["timeout_ms"].to_string(),
    })
}

#[track_caller]
fn each_layer_over_the_one_before(kind: Kind, expected: &str) {
    let repo = TestRepo::new();
    let layers: Vec<Layer> =
        LAYERS.into_iter().filter(|layer| *layer != Layer::Environment || said(kind, true)[2].is_some()).collect();
    for pair in layers.windows(2) {
        let found = asked(&repo, kind, pair[0], pair[1]).expect("a text for both");
        assert_eq!(found, expected, "{kind:?}: {:?} over {:?}", pair[1], pair[0]);
    }
}

#[test]
fn a_scalar_of_each_layer_holds_over_the_one_before() {
    each_layer_over_the_one_before(Kind::Scalar, "22000");
}

#[test]
fn a_list_of_each_layer_replaces_the_one_before() {
    each_layer_over_the_one_before(Kind::List, "log");
}

#[test]
fn a_check_s_key_of_each_layer_holds_over_the_one_before() {
    each_layer_over_the_one_before(Kind::Own, "22000");
}

#[test]
fn layers_are_merged_key_by_key() {
    let repo = TestRepo::new();
    repo.write(USER_FILE, "retries = 7\n[check.log]\ntimeout = \"3s\"\ndescription = \"of the user\"\n");
    repo.write(".wtcheck.toml", "[check.log]\nretries = 4\n");
    repo.config("wtcheck.log.timeout", "5s");
    let json = plan(&repo);
    let log = planned(&json, "log");
    assert_eq!((&log["timeout_ms"], &log["retries"]), (&5000.into(), &4.into()));
    assert_eq!(planned(&json, "status")["retries"], 7);
    assert!(repo.wtcheck(&["plan"]).exits(0).stdout.contains("of the user"));
}

#[test]
fn a_check_s_own_key_holds_over_the_run_s_in_any_layer_but_the_command_line() {
    let repo = TestRepo::new();
    repo.write(USER_FILE, "[check.log]\nretries = 1\n");
    let retries = |run: Run| planned(&run.exits(0).json(), "log")["retries"].clone();
    assert_eq!(retries(git_c(&repo, &["wtcheck.retries=5"], &["plan", "--format=json"])), 1);
    assert_eq!(retries(repo.wtcheck(&["plan", "--format=json", "--retries=5"])), 5);
}

#[test]
fn gitconfig_spellings_are_one_key() {
    for name in ["maxConcurrency", "max-concurrency", "maxconcurrency", "MAXCONCURRENCY", "Max-Concurrency"] {
        let repo = TestRepo::new();
        repo.config(&format!("wtcheck.{name}"), "3");
        let run = repo.wtcheck(&["plan", "--format=json"]);
        assert_eq!(run.exits(0).json()["max_concurrency"], 3, "{name}");
        assert_eq!(run.stderr, "", "{name}");
    }
}

#[test]
fn gitconfig_numbers_and_booleans_are_git_s() {
    let repo = TestRepo::new();
    repo.write(
        "../home/.gitconfig",
        "[wtcheck]\n\tmaxConcurrency = 0x10\n\tretries = 0x20\n\tretryJitter\n\tmaxOutput = 64k\n[wtcheck \"log\"]\n\tenabled = off\n",
    );
    let json = plan(&repo);
    assert_eq!(json["max_concurrency"], 16);
    assert_eq!(planned(&json, "status")["retries"], 32);
    assert_eq!(pipeline(&json), ["status", "diff"]);
}

#[test]
fn repeated_keys_add_up_and_an_empty_value_starts_afresh() {
    let repo = TestRepo::new();
    repo.write("../home/.gitconfig", "[wtcheck]\n\tchecks = status diff\n\tchecks = log\n");
    assert_eq!(pipeline(&plan(&repo)), ["status", "diff", "log"]);
    repo.write("../home/.gitconfig", "[wtcheck]\n\tchecks = status diff\n\tchecks =\n\tchecks = log\n");
    assert_eq!(pipeline(&plan(&repo)), ["log"]);
    let run =
        git_c(&repo, &["wtcheck.checks=status", "wtcheck.checks=", "wtcheck.checks=log"], &["plan", "--format=json"]);
    assert_eq!(pipeline(&run.exits(0).json()), ["log"]);
    git_c(&repo, &["wtcheck.checks="], &["plan"])
        .exits(2)
        .says("error: no check is selected\nhint: there are: conflicts, diff, log, risk, status\n");
}

#[test]
fn repeated_keys_add_up_over_the_files_of_one_scope() {
    let repo = TestRepo::new();
    repo.write("../home/more", "[wtcheck]\n\tchecks = log\n\ttimeout = 4s\n");
    repo.write("../home/.gitconfig", "[wtcheck]\n\tchecks = status\n\ttimeout = 9s\n[include]\n\tpath = more\n");
    let json = plan(&repo);
    assert_eq!(pipeline(&json), ["status", "log"]);
    assert_eq!(planned(&json, "log")["timeout_ms"], 4000);
    repo.write("../home/more", "[wtcheck]\n\ttimeout = soon\n");
    repo.wtcheck(&["plan"]).exits(2).says("/home/more (git global): wtcheck.timeout = \"soon\": expected a duration");
}

#[test]
fn conditional_includes_count_where_the_user_stands() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../home/more", "[wtcheck]\n\tretries = 9\n");
    repo.write("../home/.gitconfig", "[includeIf \"onbranch:feature\"]\n\tpath = more\n");
    let retries = |folder: &str| {
        let json = repo.wtcheck_in(folder, &["plan", "--format=json"]).exits(0).json();
        planned(&json, "log")["retries"].clone()
    };
    assert_eq!((retries("."), retries("../feature")), (2.into(), 9.into()));
}

#[test]
fn the_configuration_of_the_worktree_in_which_the_user_stands_counts() {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.config("extensions.worktreeConfig", "true");
    repo.git_in("../feature", &["config", "--worktree", "wtcheck.retries", "6"]);
    repo.write("../feature/.wtcheck.toml", "timeout = 8\n");
    let json = repo.wtcheck_in("../feature", &["plan", "--format=json"]).exits(0).json();
    assert_eq!((&planned(&json, "log")["retries"], &planned(&json, "log")["timeout_ms"]), (&6.into(), &8000.into()));
    assert_eq!(planned(&plan(&repo), "log")["retries"], 2);
    // From below its top, too; and `-C` is standing there.
    repo.write("../feature/deep/file", "");
    let json = repo.wtcheck(&["-C", "../feature/deep", "plan", "--format=json"]).exits(0).json();
    assert_eq!(planned(&json, "log")["timeout_ms"], 8000);
}

#[test]
fn a_named_file_stands_in_place_of_the_repository_s() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "retries = 5\ntimeout = 5\n");
    repo.write("other/named.toml", "timeout = 6\n[check.test]\ncommand = \"true\"\n");
    let json = repo.wtcheck(&["plan", "--format=json", "--config", "other/named.toml"]).exits(0).json();
    assert_eq!((&planned(&json, "log")["retries"], &planned(&json, "log")["timeout_ms"]), (&2.into(), &6000.into()));
    assert_eq!(pipeline(&json), ["status", "diff", "log", "test"], "who names a file trusts it");
    let json = repo.wtcheck(&["-C", "other", "plan", "--format=json", "--config=named.toml"]).exits(0).json();
    assert_eq!(planned(&json, "log")["timeout_ms"], 6000, "relative to -C, as in git");
    repo.wtcheck(&["--config", "nowhere.toml"]).exits(2).says("/nowhere.toml: cannot be read: No such file");
}

#[test]
fn xdg_config_home_moves_the_user_file() {
    let repo = TestRepo::new();
    repo.write(USER_FILE, "retries = 3\n");
    repo.write("../home/xdg/git-wtcheck/config.toml", "retries = 4\n");
    let retries = |home: std::ffi::OsString| {
        let mut command = repo.command(BINARY);
        let json = Run::of(command.env("XDG_CONFIG_HOME", home).args(["plan", "--format=json"])).exits(0).json();
        planned(&json, "log")["retries"].clone()
    };
    assert_eq!(retries(repo.at("../home/xdg").into_os_string()), 4);
    assert_eq!(retries("".into()), 3);
    assert_eq!(retries("relative".into()), 3, "the XDG rules: a relative path is none");
}

#[test]
fn every_top_level_key_can_come_from_the_environment() {
    let repo = TestRepo::new();
    let mut command = repo.command(BINARY);
    command.args(["plan", "--format=json"]);
    let run = Run::of(
        command
            .env("GIT_WTCHECK_CHECKS", "log  status")
            .env("GIT_WTCHECK_MAX_CONCURRENCY", "2")
            .env("GIT_WTCHECK_RETRY_ON", "lock")
            .env("GIT_WTCHECK_FAIL_FAST", "yes")
            .env("GIT_WTCHECK_TIMEOUT", ""),
    );
    let json = run.exits(0).json();
    assert_eq!(run.stderr, "");
    assert_eq!(pipeline(&json), ["log", "status"]);
    assert_eq!(json["max_concurrency"], 2);
    assert_eq!(planned(&json, "log")["timeout_ms"], 30_000, "an empty variable is none");
    let run = Run::of(repo.command(BINARY).env("GIT_WTCHECK_RETRIES", "-1"));
    run.exits(2).says("error: environment: GIT_WTCHECK_RETRIES = \"-1\": expected a whole number from 0 to 999");
    let run = Run::of(repo.command(BINARY).env("GIT_WTCHECK_TIMOUT", "1s"));
    run.exits(0)
        .says("warning: environment: GIT_WTCHECK_TIMOUT: unknown key\nhint: did you mean GIT_WTCHECK_TIMEOUT?\n");
    let odd = std::ffi::OsString::from_vec(b"\xff".to_vec());
    Run::of(repo.command(BINARY).env("GIT_WTCHECK_TIMEOUT", odd)).exits(2).says("GIT_WTCHECK_TIMEOUT: not UTF-8");
}

#[test]
fn unknown_keys_are_warned_of_with_the_nearest() {
    let repo = TestRepo::new();
    for (content, warning) in [
        ("tiemout = 1\n", "tiemout: unknown key\nhint: did you mean timeout?"),
        ("maxConcurrency = 1\n", "maxConcurrency: unknown key\nhint: did you mean max-concurrency?"),
        ("[check.log]\nretreis = 1\n", "check.log.retreis: unknown key\nhint: did you mean check.log.retries?"),
        ("zebra = 1\n", "zebra: unknown key\n"),
        ("command = \"x\"\n", "command: unknown key\nhint: it is a key of a check: check.NAME.command"),
        ("[check.log]\nfail-fast = true\n", "hint: it is a key of the whole run, not of check 'log': fail-fast"),
        ("[test]\ncommand = \"x\"\n", "test: unknown key\nhint: a check is defined by a table [check.test]"),
    ] {
        repo.write(".wtcheck.toml", content);
        let run = repo.wtcheck(&["plan"]).plain();
        run.exits(0).says(warning).says("warning: ").says("/repo/.wtcheck.toml: ");
    }
    repo.write(".wtcheck.toml", "");
    git_c(&repo, &["wtcheck.maxConcurency=1"], &["plan"])
        .exits(0)
        .says("warning: git -c: wtcheck.maxconcurency: unknown key\nhint: did you mean wtcheck.maxConcurrency?\n");
    repo.config("wtcheck.log.retreis", "1");
    repo.wtcheck(&["plan"])
        .exits(0)
        .says("(git local): wtcheck.log.retreis: unknown key\nhint: did you mean wtcheck.log.retries?\n");
}

#[test]
fn hints_can_be_turned_off_and_messages_not() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "tiemout = 1\nchecks = [\"lgo\"]\n");
    repo.config("advice.wtcheck", "false");
    let run = repo.wtcheck(&["plan"]);
    run.exits(2).says("tiemout: unknown key\n").says("no check is named 'lgo'\n");
    assert!(!run.stderr.contains("hint"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn wrong_values_name_the_place_the_key_the_value_and_what_is_accepted() {
    let repo = TestRepo::new();
    for (content, message) in [
        (
            "timeout = \"soon\"",
            "timeout = \"soon\": expected a duration like 500ms, 10s, 1m30s or 2h (a bare number counts seconds)\n",
        ),
        ("timeout = 2026-01-21", "timeout = 2026-01-21: expected a duration"),
        ("timeout = [1]", "timeout = [1]: expected a duration"),
        ("retries = -1", "retries = -1: expected a whole number from 0 to 999 (1000 attempts at the most)\n"),
        ("max-concurrency = 99999999999", "max-concurrency = 99999999999: expected a whole number up to 4294967295\n"),
        (
            "retries = 99999999999",
            "retries = 99999999999: expected a whole number from 0 to 999 (1000 attempts at the most)\n",
        ),
        ("retries = 1.5", "retries = 1.5: expected a whole number from 0 to 999 (1000 attempts at the most)\n"),
        ("fail-fast = \"yes\"", "fail-fast = \"yes\": expected true or false\n"),
        ("backoff = \"fast\"", "backoff = \"fast\": expected one of fixed, linear, exponential\n"),
        ("max-output = \"many\"", "max-output = \"many\": expected a number of bytes like 65536, 64k or 1MiB\n"),
        ("retry-on = [\"never\"]", "retry-on = [\"never\"]: expected a list of timeout, lock, error, failure\n"),
        ("checks = 3", "checks = 3: expected a list of names, like status test\n"),
        ("checks = [\"statsu\"]", "checks: no check is named 'statsu'\nhint: did you mean 'status'?\n"),
        ("check = 3", "check = 3: expected a table for each check, [check.NAME]\n"),
        ("check.log = 3", "check.log = 3: expected a table of the check's settings\n"),
        ("[check.log]\nwhen = \" \"", "check.log.when = \" \": expected a text that is not empty\n"),
        ("[check.log]\nenv = [\"A=1\"]", "check.log.env = [\"A=1\"]: expected a table of variables"),
        (
            "[check.x]\nkind = \"stauts\"",
            "check.x.kind = \"stauts\": expected one of status, diff, log, risk, conflicts, command\n",
        ),
        ("[check.x]\ncommand = \"\"", "check.x.command = \"\": expected a command that is not empty\n"),
        ("[check.x]\ncommand = \" \"", "check.x.command = \" \": expected a command that is not empty\n"),
        ("[check.x]\ncommand = []", "check.x.command = []: expected an array that begins with a program\n"),
        ("[check.x]\ncommand = \"a\\u0000b\"", "expected a text without NUL bytes\n"),
    ] {
        repo.write(".wtcheck.toml", content);
        let run = repo.wtcheck(&[]).plain();
        run.exits(2).says("error: ").says("/repo/.wtcheck.toml: ").says(message);
        assert_eq!(run.stderr.matches("error: ").count(), 1, "one fault, one message: {}", run.stderr);
        assert_eq!(run.stdout, "", "{content}");
    }
}

#[test]
fn wrong_values_in_gitconfig_name_the_file_and_the_scope() {
    let repo = TestRepo::new();
    for (key, value, message) in [
        ("wtcheck.timeout", "soon", "wtcheck.timeout = \"soon\": expected a duration"),
        ("wtcheck.retries", "-1", "wtcheck.retries = \"-1\": expected a whole number from 0 to 999"),
        ("wtcheck.failfast", "perhaps", "wtcheck.failFast = \"perhaps\": expected true or false\n"),
        ("wtcheck.log.retryon", "never", "wtcheck.log.retryOn = [\"never\"]: expected a list of timeout"),
        (
            "wtcheck.log.env",
            "NAME",
            "wtcheck.log.env = \"NAME\": expected a table of variables (in gitconfig, NAME=VALUE)\n",
        ),
        (
            "wtcheck.log.args",
            "'open",
            "wtcheck.log.args = \"'open\": expected a list of arguments, each quote closed\n",
        ),
    ] {
        repo.config(key, value);
        repo.wtcheck(&[]).exits(2).says("error: .git/config (git local): ").says(message);
        repo.git(&["config", "--unset", key]);
        git_c(&repo, &[&format!("{key}={value}")], &[]).exits(2).says("error: git -c: ").says(message);
    }
    repo.write("../home/.gitconfig", b"[wtcheck]\n\tdescription = ok\n[wtcheck \"log\"]\n\tdescription = \xff\n");
    repo.wtcheck(&[]).exits(2).says("/home/.gitconfig (git global): wtcheck.log.description: not UTF-8\n");
}

#[test]
fn every_fault_is_told_not_only_the_first() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "timeout = \"soon\"\nretries = -1\n[check.x]\n");
    repo.config("wtcheck.backoff", "fast");
    let run = repo.wtcheck(&[]);
    run.exits(2).says("timeout = ").says("retries = ").says("wtcheck.backoff = ").says("check 'x' has neither");
}

#[test]
fn a_check_must_be_nameable() {
    let repo = TestRepo::new();
    for (content, message) in [
        ("[check.run]\ncommand = \"true\"", "a check cannot be named 'run'"),
        ("[check.plan]\ncommand = \"true\"", "a check cannot be named 'plan'"),
        ("[check.config]\ntimeout = 1", "a check cannot be named 'config'"),
        ("[check.trust]\nretry-delay = 1", "a check cannot be named 'trust'"),
        ("[check.prune]\ncommand = \"true\"", "a check cannot be named 'prune'"),
        ("[check.launcher]\ncommand = \"true\"", "a check cannot be named 'launcher'"),
        (
            "[check.\"profile.ci\"]\ncommand = \"true\"",
            "in git's configuration, 'wtcheck.profile.' begins something else",
        ),
        (
            "[check.\"a.b\"]\ncommand = \"true\"\n[check.a_b]\ncommand = \"true\"",
            "have one name in expressions, a_b (- and . are written _ there)",
        ),
        (
            "[check.1]\ncommand = \"true\"\n[check.01]\ncommand = \"true\"\n[check._1]\ncommand = \"true\"",
            "a check cannot be named '_1'",
        ),
        ("[check.worktree]\ncommand = \"true\"", "a check cannot be named 'worktree'"),
        (
            "[check.\"a b\"]\ncommand = \"true\"",
            "a check cannot be named 'a b': a letter or a digit, then letters, digits, '.', '_' and '-', 64 at the most",
        ),
        ("[check.\"\"]\ncommand = \"true\"", "a check cannot be named ''"),
        ("[check.\"\\u001b[31m\"]\ncommand = \"true\"", "a check cannot be named '\\u{1b}[31m'"),
        (
            "[check.a-b]\ncommand = \"true\"\n[check.a_b]\ncommand = \"true\"",
            "checks 'a-b' and 'a_b' have one name in expressions",
        ),
        ("[check.x]", "check 'x' has neither a command nor a kind\nhint: set one: git config wtcheck.x.command"),
        ("[check.x]\ntiemout = 1", "check 'x' has neither a command nor a kind"),
        ("[check.x]\ngrace-period = 1", "check 'x' has neither a command nor a kind"),
        ("[check.x]\nkind = \"command\"", "check 'x' is of the kind command and has none"),
        ("[check.x]\nkind = \"log\"\ncommand = \"true\"", "a check of the kind log has no command"),
        ("[check.status]\ncommand = \"true\"", "'status' is a built-in check and has no command"),
        ("[check.log]\ndir = \"../up\"", "check.log.dir = \"../up\": must be a folder inside the worktree"),
        ("[check.log]\ndir = \"/abs\"", "must be a folder inside the worktree"),
    ] {
        repo.write(".wtcheck.toml", content);
        repo.wtcheck(&["plan"]).plain().exits(2).says("/repo/.wtcheck.toml: ").says(message);
    }
}

#[test]
fn what_is_no_toml_is_pointed_at() {
    let repo = TestRepo::new();
    let deep = format!("a = {}", "[".repeat(100_000));
    let dotted = format!("{}a = 1", "a.".repeat(100_000));
    let cases: [(&[u8], &str); 7] = [
        (b"timeout = \n", "/repo/.wtcheck.toml:1: this is no TOML: string values must be quoted"),
        (b"a = 1\na = 2\n", "/repo/.wtcheck.toml:2: this is no TOML: duplicate key\n  2 | a = 2\n    | ^\n"),
        (b"[check.x\n", "/repo/.wtcheck.toml:1: this is no TOML: unclosed table"),
        (b"a = 1\0\n", "/repo/.wtcheck.toml:1: this is no TOML: "),
        (b"\xff\xfe", "/repo/.wtcheck.toml: cannot be read: it is not UTF-8\n"),
        (deep.as_bytes(), "/repo/.wtcheck.toml:1: this is no TOML: cannot recurse further"),
        (dotted.as_bytes(), "/repo/.wtcheck.toml: this is no TOML: recursion limit"),
    ];
    for (content, message) in cases {
        repo.write(".wtcheck.toml", content);
        let run = repo.wtcheck(&[]);
        run.exits(2).says("error: ").says(message);
        assert!(run.stderr.lines().all(|line| line.len() < 300), "a long line is not quoted whole");
    }
}

#[test]
fn what_cannot_be_read_as_a_file_is_said() {
    let repo = TestRepo::new();
    std::fs::create_dir(repo.at(".wtcheck.toml")).expect("a folder");
    repo.wtcheck(&[]).exits(2).says("/repo/.wtcheck.toml: cannot be read: it is not a regular file\n");
    std::fs::remove_dir(repo.at(".wtcheck.toml")).expect("gone");

    repo.write(".wtcheck.toml", format!("#{}\n", " ".repeat(1 << 20)));
    repo.wtcheck(&[]).exits(2).says("/repo/.wtcheck.toml: cannot be read: it is larger than 1 MiB\n");
    repo.write(".wtcheck.toml", format!("#{}\n", " ".repeat((1 << 20) - 2)));
    repo.wtcheck(&["plan"]).exits(0);
    std::fs::remove_file(repo.at(".wtcheck.toml")).expect("gone");

    // Links that lead nowhere and in a circle are unreadable to root, too.
    std::os::unix::fs::symlink("nowhere", repo.at(".wtcheck.toml")).expect("a link");
    repo.wtcheck(&[]).exits(2).says("/repo/.wtcheck.toml: cannot be read: ");
    std::fs::remove_file(repo.at(".wtcheck.toml")).expect("gone");
    std::os::unix::fs::symlink(".wtcheck.toml", repo.at(".wtcheck.toml")).expect("a link");
    repo.wtcheck(&[]).exits(2).says("/repo/.wtcheck.toml: cannot be read: ");
    std::fs::remove_file(repo.at(".wtcheck.toml")).expect("gone");

    // The user's own file may be on a disk that is away.
    std::fs::create_dir_all(repo.at(USER_FILE)).expect("a folder");
    repo.wtcheck(&["plan"]).exits(0).says("warning: ").says("/config.toml: cannot be read: it is not a regular file\n");
}

#[test]
fn a_broken_gitconfig_is_git_s_to_refuse() {
    let repo = TestRepo::new();
    repo.write("../home/.gitconfig", "[wtcheck\n\ttimeout = 1\n");
    let run = repo.wtcheck(&[]);
    run.exits(128).says("fatal: bad config line 1 in file ").says("/home/.gitconfig");
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn conflicting_words_of_the_command_line() {
    let repo = TestRepo::new();
    repo.config("wtcheck.failFast", "true");
    let until = |args: &[&str]| {
        let run = repo.wtcheck(&[&["plan"], args].concat());
        run.exits(0);
        run.stdout.lines().next().unwrap_or_default().split_once("until ").map(|(_, rest)| rest.to_owned())
    };
    assert_eq!(until(&[]).as_deref(), Some("1 did not pass"));
    assert_eq!(until(&["--no-fail-fast"]), None);
    assert_eq!(until(&["--max-fail=3"]).as_deref(), Some("3 did not pass"));
    assert_eq!(until(&["--no-fail-fast", "--max-fail=3"]).as_deref(), Some("3 did not pass"));
    assert_eq!(until(&["--no-fail-fast", "--fail-fast"]).as_deref(), Some("1 did not pass"));
    repo.wtcheck(&["--timeout=0.5ms", "plan"]).exits(0).shows("timeout 1ms");
    repo.wtcheck(&["--timeout=soon", "plan"]).exits(129).says("expected a duration like 500ms");
    repo.wtcheck(&["--retries=-1", "plan"]).exits(129);
}

#[test]
fn what_is_typed_hides_what_is_wrong_below_it_and_is_shown_as_it_is_meant() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "timeout = \"soon\"\n[check.status]\ntimeout = \"3s\"\n");
    repo.wtcheck(&["plan"]).exits(2).says("timeout = \"soon\": expected a duration");
    for (typed, shown) in [("90", "1m30s"), ("0.0001s", "1ms"), ("1h 5m", "1h5m"), ("0", "0")] {
        let option = format!("--timeout={typed}");
        let run = repo.wtcheck(&[&option, "config", "show"]);
        run.exits(0).shows(&format!("timeout = \"{shown}\"  # command line\n"));
        run.shows(&format!("timeout = \"{shown}\"  # the run's: command line\n"));
        let explained = repo.wtcheck(&[&option, "config", "explain", "timeout"]);
        explained.exits(0).shows(&format!("* timeout = \"{shown}\"  # command line\n"));
    }
    repo.wtcheck(&["--timeout=1s", "config", "validate"]).exits(2).says("timeout = \"soon\": expected a duration");
}

#[test]
fn names_may_hold_dots_and_begin_with_digits() {
    let repo = TestRepo::new();
    repo.write(
        ".wtcheck.toml",
        "[profile.\"a.b\"]\ninherits = \"1st\"\n[profile.\"a.b\".check.\"c.d-e\"]\nretries = 7\n[profile.1st]\ntimeout = 9\n",
    );
    repo.config("wtcheck.c.d-e.command", "true");
    repo.config("wtcheck.1st.command", "true");
    repo.config("wtcheck.1st.when", "c_d_e.passed");
    // A profile's name ends at the first dot there, a check's at the last.
    repo.config("wtcheck.profile.1st.c.d-e.maxOutput", "3");
    repo.config("wtcheck.last.command", "true");
    repo.config("wtcheck.last.needs", "1st c.d-e");
    repo.config("wtcheck.last.failIf", "!_1st.passed");
    let json = repo.wtcheck(&["--profile=a.b", "--format=json"]).exits(0).json();
    for check in ["c.d-e", "1st", "last"] {
        assert_eq!(crate::support::unit(&json, "repo", check)["outcome"], "passed", "{check}");
    }
    let json = repo.wtcheck(&["--profile=a.b", "plan", "--format=json"]).exits(0).json();
    assert_eq!((&planned(&json, "c.d-e")["retries"], &planned(&json, "last")["timeout_ms"]), (&7.into(), &9000.into()));
    // What is shown can be fed back.
    let text = repo.wtcheck(&["--profile=a.b", "config", "show"]).exits(0).shows("[check.\"c.d-e\"]").stdout.clone();
    repo.write("back.toml", text);
    repo.wtcheck(&["--config=back.toml", "config", "validate"]).exits(0);
    for name in ["c.d-e.maxOutput", "check.c.d-e.max-output", "wtcheck.c.d-e.maxoutput"] {
        repo.wtcheck(&["--profile=a.b", "config", "explain", name])
            .exits(0)
            .shows("check.\"c.d-e\".max-output = \"3\"");
    }
    // Names as settings write them are no names in expressions.
    for (expression, hint) in [
        ("c.d-e.passed", "in expressions, 'c.d-e' is written 'c_d_e'"),
        ("c.d == 1 || c.d-e.passed", "in expressions, 'c.d-e' is written 'c_d_e'"),
    ] {
        repo.config("wtcheck.1st.when", expression);
        repo.wtcheck(&["plan"]).exits(2).says(hint);
    }
}
