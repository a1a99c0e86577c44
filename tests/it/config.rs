//! `git wtcheck config ...` and profiles: settings made visible.

use serde_json::Value;

use crate::support::{BINARY, Run, TestRepo};

/// One entry of `config show --format json`.
#[track_caller]
fn entry<'a>(json: &'a Value, key: &str) -> &'a Value {
    let settings = json["settings"].as_array().expect("settings");
    settings.iter().find(|entry| entry["key"] == key).unwrap_or_else(|| panic!("no {key}: {json:#}"))
}

fn shown(repo: &TestRepo, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["config", "show", "--format=json"]).collect();
    repo.wtcheck(&args).exits(0).json()
}

#[test]
fn show_names_layer_file_and_line_of_each_value() {
    let repo = TestRepo::new();
    repo.write("../home/.config/git-wtcheck/config.toml", "timeout = \"1s\"\nmax-output = \"1MiB\"\n");
    repo.write(".wtcheck.toml", "\n\ntimeout = \"2s\"\n[check.log]\n\nretries = 7\n");
    repo.config("wtcheck.graceperiod", "3s");
    let json = shown(&repo, &["--retries=1"]);
    let timeout = entry(&json, "timeout");
    assert_eq!(
        (&timeout["value"], &timeout["layer"], &timeout["line"]),
        (&"2s".into(), &"repository file".into(), &3.into())
    );
    assert!(timeout["file"].as_str().expect("a file").ends_with("/repo/.wtcheck.toml"), "{timeout}");
    assert_eq!(entry(&json, "max-output")["line"], 2);
    let grace = entry(&json, "grace-period");
    assert_eq!(
        (&grace["value"], &grace["layer"], &grace["file"]),
        (&"3s".into(), &"git local".into(), &".git/config".into())
    );
    assert_eq!(entry(&json, "check.status.grace-period")["from"], "run");
    assert_eq!(entry(&json, "backoff")["from"], "default");
    // What is typed holds for every check, also for one with its own value.
    let retries = entry(&json, "check.log.retries");
    assert_eq!((&retries["value"], &retries["layer"]), (&1.into(), &"command line".into()));
    let retries = shown(&repo, &[]);
    let retries = entry(&retries, "check.log.retries");
    assert_eq!((&retries["value"], &retries["line"]), (&7.into(), &6.into()));
}

#[test]
fn what_show_prints_can_be_fed_back() {
    let repo = TestRepo::new();
    repo.config("wtcheck.timeout", "7s");
    repo.config("wtcheck.odd.command", "printf '%s\\n' \"a\\b\"\ttab");
    repo.config("wtcheck.odd.env", "A=b c");
    repo.config("wtcheck.odd.when", "status.dirty || worktree.main");
    repo.config("wtcheck.odd.retryon", "timeout lock");
    repo.config("wtcheck.odd.needs", "status");
    repo.config("wtcheck.log.args", "--first-parent");
    let before = shown(&repo, &[]);
    let text = repo.wtcheck(&["config", "show"]).exits(0).stdout.clone();
    repo.write("back.toml", &text);
    repo.git(&["config", "--remove-section", "wtcheck"]);
    repo.git(&["config", "--remove-section", "wtcheck.odd"]);
    repo.git(&["config", "--remove-section", "wtcheck.log"]);
    let run = repo.wtcheck(&["--config=back.toml", "config", "show", "--format=json"]);
    assert_eq!(run.exits(0).stderr, "");
    let after = run.json();
    for entry in before["settings"].as_array().expect("settings") {
        let key = entry["key"].as_str().expect("a key");
        assert_eq!(self::entry(&after, key)["value"], entry["value"], "{key}");
    }
    assert_eq!(after["pipeline"], before["pipeline"]);
}

#[test]
fn explain_shows_every_layer_and_marks_the_winner() {
    let repo = TestRepo::new();
    repo.write("../home/.config/git-wtcheck/config.toml", "timeout = \"1s\"\n");
    repo.git(&["config", "--global", "wtcheck.timeout", "2s"]);
    repo.write(".wtcheck.toml", "timeout = \"3s\"\n[check.log]\ntimeout = \"4s\"\n");
    repo.config("wtcheck.timeout", "5s");
    let explain = |args: &[&str]| {
        let mut command = repo.command("git");
        command.env("GIT_WTCHECK_TIMEOUT", "6s").args(args).args(["--format=json"]);
        Run::of(&mut command).exits(0).json()
    };
    let json = explain(&["-c", "wtcheck.timeout=7s", "wtcheck", "--timeout=8s", "config", "explain", "timeout"]);
    let said: Vec<(&str, &str, bool)> = json["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .map(|said| {
            (said["layer"].as_str().expect("a layer"), said["value"].as_str().expect("a value"), said["wins"] == true)
        })
        .collect();
    let expected = [
        ("user file", "1s", false),
        ("git global", "2s", false),
        ("repository file", "3s", false),
        ("git local", "5s", false),
        ("environment", "6s", false),
        ("git -c", "7s", false),
        ("command line", "8s", true),
    ];
    assert_eq!(said, expected);
    assert_eq!(json["layers"][2]["line"], 1);
    for name in ["check.log.timeout", "wtcheck.log.timeout", "log.timeout"] {
        let json = explain(&["wtcheck", "config", "explain", name]);
        assert_eq!((&json["key"], &json["layers"][0]["value"]), (&"check.log.timeout".into(), &"4s".into()), "{name}");
    }
    let run = repo.wtcheck(&["config", "explain", "wtcheck.maxConcurrency"]);
    run.exits(0).shows("max-concurrency").shows("No layer sets it").shows("GIT_WTCHECK_MAX_CONCURRENCY");
    repo.wtcheck(&["config", "explain", "tiemout"])
        .exits(2)
        .says("no key is named 'tiemout'\nhint: did you mean 'timeout'?");
    repo.wtcheck(&["config", "explain", "test.tiemout"]).exits(2).says("hint: did you mean 'test.timeout'?");
}

#[test]
fn validate_finds_everything_at_once() {
    let repo = TestRepo::new();
    repo.wtcheck(&["config", "validate"]).exits(0);
    repo.write(
        ".wtcheck.toml",
        "timeout = \"soon\"\ntiemout = 1\nretries = -1\n[check.x]\ncommand = \"true\"\nwhen = \"stauts.dirty\"\n[profile.p]\nbackoff = \"fast\"\n",
    );
    // A stronger layer hides the wrong value from a run, not from this.
    repo.config("wtcheck.timeout", "1s");
    repo.config("wtcheck.y.timeout", "never");
    let run = repo.wtcheck(&["config", "validate"]);
    run.exits(2);
    for fault in [
        ".wtcheck.toml:1: timeout = \"soon\": expected a duration",
        "  1 | timeout = \"soon\"\n    |           ^^^^^^\n",
        ".wtcheck.toml:2: tiemout: unknown key",
        "  2 | tiemout = 1\n    | ^^^^^^^\n",
        ".wtcheck.toml:3: retries = -1: expected a whole number from 0 to 999",
        ".wtcheck.toml:8: profile.p.backoff = \"fast\": expected one of fixed, linear, exponential",
        ".git/config (git local): wtcheck.y.timeout = \"never\": expected a duration",
    ] {
        run.says(fault);
        let head = fault.lines().next().expect("a line");
        assert_eq!(run.stderr.matches(head).count(), 1, "{head} once:\n{}", run.stderr);
    }
    assert_eq!(run.stdout, "");
    // Without the faults of values, those of conditions are found, in a check that nobody asks for too.
    repo.git(&["config", "--remove-section", "wtcheck.y"]);
    repo.write("other.toml", "checks = [\"status\"]\n[check.x]\ncommand = \"true\"\nwhen = \"stauts.dirty\"\n");
    repo.wtcheck(&["config", "validate", "other.toml"]).exits(2).says("no check is named 'stauts'").says("^^^^^^");
    repo.write("right.toml", "checks = [\"status\"]\n");
    repo.wtcheck(&["config", "validate", "right.toml"]).exits(0);
    repo.wtcheck(&["config", "validate", "none.toml"]).exits(2).says("none.toml");
}

#[test]
fn the_committed_schema_is_the_one_that_is_printed_and_accepts_what_the_program_accepts() {
    let outside = tempfile::tempdir().expect("a folder");
    let repo = TestRepo::new();
    let run = Run::of(repo.command(BINARY).current_dir(outside.path()).args(["config", "schema"]));
    let printed = run.exits(0).stdout.clone();
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/wtcheck.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(committed, &printed).expect("a file");
    }
    assert_eq!(
        std::fs::read_to_string(committed).expect("docs/wtcheck.schema.json"),
        printed,
        "UPDATE=1 writes it anew"
    );

    let schema: Value = serde_json::from_str(&printed).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for (content, right) in [
        ("", true),
        (
            "timeout = \"1m30s\"\nretries = 2\nchecks = [\"status\"]\nretry-on = [\"lock\"]\nmax-output = \"64k\"\n",
            true,
        ),
        ("[check.a]\ncommand = [\"x\", \"y\"]\nenv = { A = \"b\" }\nwhen = \"status.dirty\"\n", true),
        (
            "[profile.ci]\ninherits = \"base\"\nretries = 1\n[profile.ci.check.a]\ntimeout = 5\n[profile.base]\n[check.a]\ncommand = \"x\"\n",
            true,
        ),
        ("tiemout = 1\n", false),
        ("timeout = []\n", false),
        ("retries = -1\n", false),
        ("backoff = \"fast\"\n", false),
        ("retry-on = [\"never\"]\n", false),
        ("[check.a]\ncommand = []\n", false),
        ("[check.a]\ncommand = 3\n", false),
        ("[check.\"a b\"]\ncommand = \"x\"\n", false),
    ] {
        let value: Value = toml::from_str(content).expect("TOML");
        assert_eq!(validator.is_valid(&value), right, "the schema on {content:?}");
        repo.write("probe.toml", content);
        let code = repo.wtcheck(&["config", "validate", "probe.toml"]).code;
        assert_eq!(code == 0, right, "the program on {content:?}");
    }
}

#[test]
fn init_writes_a_starting_point_for_what_it_sees_and_never_overwrites() {
    for (file, command) in [
        ("Cargo.toml", "cargo test --workspace"),
        ("package.json", "npm test --silent"),
        ("pyproject.toml", "python3 -m pytest -q"),
        ("go.mod", "go test ./..."),
        ("Makefile", "make test"),
        ("justfile", "just test"),
    ] {
        let repo = TestRepo::new();
        repo.write(file, "");
        let before = std::fs::read_to_string(repo.at(".git/config")).expect("a file");
        repo.wtcheck(&["config", "init"]).exits(0).shows(".git/config");
        let after = std::fs::read_to_string(repo.at(".git/config")).expect("a file");
        assert!(after.starts_with(&before), "what was there stays");
        assert_eq!(repo.git(&["config", "--get", "wtcheck.test.command"]), command);
        assert_eq!(repo.git(&["config", "--get", "wtcheck.test.when"]), "status.dirty");
        repo.wtcheck(&["config", "validate"]).exits(0);
        repo.wtcheck(&["config", "init"]).exits(2).says("has wtcheck settings already");
        assert_eq!(std::fs::read_to_string(repo.at(".git/config")).expect("a file"), after);
    }
    // Nothing is seen: all of it is comments, which set nothing, and it is not written twice for all that.
    let repo = TestRepo::new();
    repo.wtcheck(&["config", "init"]).exits(0);
    assert!(!repo.git_try(".", &["config", "--get-regexp", "^wtcheck"]).status.success());
    repo.wtcheck(&["config", "init"]).exits(2).says("has a wtcheck section already");
    let repo = TestRepo::new();
    repo.wtcheck(&["config", "init", "--file"]).exits(0).shows(".wtcheck.toml");
    let written = std::fs::read_to_string(repo.at(".wtcheck.toml")).expect("a file");
    repo.wtcheck(&["config", "validate"]).exits(0);
    repo.wtcheck(&["config", "init", "--file"]).exits(2).says("is there already");
    assert_eq!(std::fs::read_to_string(repo.at(".wtcheck.toml")).expect("a file"), written);
    repo.wtcheck(&["config", "init", "--local", "--file"]).exits(129);
    // From a linked worktree, its own file; the shared configuration.
    repo.worktree("side");
    repo.write("../side/Cargo.toml", "");
    repo.wtcheck_in("../side", &["config", "init", "--file"]).exits(0);
    assert!(repo.at("../side/.wtcheck.toml").exists());
    repo.wtcheck_in("../side", &["config", "init", "--local"]).exits(0);
    assert_eq!(repo.git(&["config", "--get", "wtcheck.test.command"]), "cargo test --workspace");
}

#[test]
fn profiles_lie_over_files_and_gitconfig_and_under_what_is_said_for_one_run() {
    let repo = TestRepo::new();
    repo.write(
        ".wtcheck.toml",
        "timeout = \"1s\"\n[profile.base]\nretries = 5\nbackoff = \"fixed\"\n[profile.ci]\ninherits = \"base\"\ntimeout = \"2s\"\nretries = 6\n[profile.ci.check.log]\ntimeout = \"3s\"\n",
    );
    repo.config("wtcheck.timeout", "9s");
    repo.config("wtcheck.profile.ci.maxfail", "4");
    repo.config("wtcheck.profile.ci.status.timeout", "8s");
    let value = |args: &[&str], key: &str| entry(&shown(&repo, args), key)["value"].clone();
    assert_eq!(value(&[], "timeout"), "9s", "without a profile none lies over anything");
    let json = shown(&repo, &["--profile=ci"]);
    for (key, expected) in [
        ("timeout", Value::from("2s")),
        ("retries", 6.into()),
        ("backoff", "fixed".into()),
        ("max-fail", 4.into()),
        ("check.log.timeout", "3s".into()),
        ("check.status.timeout", "8s".into()),
    ] {
        assert_eq!(entry(&json, key)["value"], expected, "{key}");
    }
    assert_eq!(json["profiles"], serde_json::json!(["base", "ci"]));
    assert_eq!(entry(&json, "timeout")["line"], 7);
    let run =
        Run::of(repo.command(BINARY).env("GIT_WTCHECK_PROFILE", "base").args(["config", "show", "--format=json"]));
    assert_eq!(entry(&run.exits(0).json(), "retries")["value"], 5);
    let run = Run::of(repo.command("git").env("GIT_WTCHECK_RETRIES", "2").args([
        "-c",
        "wtcheck.timeout=7s",
        "wtcheck",
        "--profile=ci",
        "config",
        "show",
        "--format=json",
    ]));
    assert_eq!(entry(&run.exits(0).json(), "timeout")["value"], "7s");
    assert_eq!(entry(&run.json(), "retries")["value"], 2);
    assert_eq!(value(&["--profile=ci", "--timeout=6s"], "timeout"), "6s");
    repo.wtcheck(&["--profile=ci", "config", "explain", "timeout"]).exits(0).shows("(profile ci)");

    repo.wtcheck(&["--profile=cj"]).exits(2).says("no profile is named 'cj'\nhint: did you mean 'ci'?");
    repo.config("wtcheck.profile.base.inherits", "ci");
    repo.wtcheck(&["--profile=ci"]).exits(2).says("profiles inherit from each other: ci -> base -> ci");
    repo.write(".wtcheck.toml", "[profile.p]\ntiemout = 1\n");
    repo.wtcheck(&["plan"]).exits(0).says("profile.p.tiemout: unknown key").says("did you mean profile.p.timeout?");
}

#[test]
fn a_fault_elsewhere_does_not_hide_what_the_chosen_profile_defines() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "[check.x]\ntimeout = \"1s\"\n[profile.p.check.x]\ncommand = \"true\"\n");
    repo.config("wtcheck.a b.timeout", "1s");
    let run = repo.wtcheck(&["--profile=p", "plan"]);
    run.exits(2).says("a check cannot be named 'a b'");
    assert!(!run.stderr.contains("neither a command nor a kind"), "{}", run.stderr);
}
