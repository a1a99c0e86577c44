//! Text of others that would deceive: whatever they control, and whatever is asked, nothing of it reaches a terminal but what
//! is seen as it is, and none of it looks like a message of the program's own.

use std::process::Command;

use crate::manners::on_terminal;
use crate::support::{BINARY, Run, TestRepo};

/// Moves of the cursor, a title, the clipboard, what conceals, what turns the writing round, what is not seen; and lines that
/// look like the program's.
const HOSTILE: &str = "\u{1b}[1A\u{1b}[2K\r\u{7}\u{1b}]52;c;eA==\u{7}\u{1b}[8m\u{9b}2K\u{202e}\u{61c}\u{200b}\u{2028}\u{e0041}\u{ad}\nfatal: FORGED\nhint: FORGED\nerror: FORGED\nwarning: FORGED";

/// What of it a branch's name can hold.
const BRANCH: &str = "b\u{202e}\u{61c}\u{200b}\u{2028}\u{e0041}";

/// Text without the colours and links that the program writes.
fn without_own(text: &str) -> String {
    let mut rest = text;
    let mut left = String::new();
    while let Some(at) = rest.find('\u{1b}') {
        left.push_str(&rest[..at]);
        let escape = &rest[at..];
        let colour = escape.strip_prefix("\u{1b}[").and_then(|inner| inner.split_once('m')).filter(|(codes, _)| {
            codes.chars().all(|c| c.is_ascii_digit() || c == ';') && codes.split(';').all(|code| code != "8")
        });
        let link = escape.strip_prefix("\u{1b}]8;;").and_then(|inner| inner.split_once("\u{1b}\\"));
        let link = link.filter(|(address, _)| address.is_empty() || address.starts_with("file:///"));
        match colour.or(link) {
            Some((_, after)) => rest = after,
            None => {
                left.push('\u{1b}');
                rest = &escape[1..];
            }
        }
    }
    left + rest
}

/// Asserts that a stream can be looked at.
#[track_caller]
fn is_safe(stream: &str, what: &str) {
    let left = without_own(stream);
    let deceives = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    assert!(!left.contains(deceives), "{what}: {left:?}");
}

#[track_caller]
fn shows_nothing_hostile(command: &mut Command) -> Run {
    let run = Run::of(command);
    let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
    is_safe(&run.stdout, &what);
    is_safe(&run.stderr, &what);
    for line in run.stderr.lines() {
        let forges = |level: &&str| line.starts_with(&format!("{level}: FORGED"));
        assert!(!["fatal", "hint", "error", "warning"].iter().any(forges), "{what}: {line:?} in {}", run.stderr);
    }
    assert!(run.code < 134, "{what}: no panic: {}", run.stderr);
    run
}

/// A string of TOML that means this text.
fn toml(text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect();
    format!("\"{escaped}\"")
}

/// A repository of which everything that others control is hostile, and whose checks run.
fn hostile_repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.write("hostile", HOSTILE);
    repo.git(&["add", "."]);
    let author = format!("A {} <a@example.org>", HOSTILE.replace(['\n', '\r'], " "));
    repo.git(&["commit", "--quiet", "--author", &author, "--message", HOSTILE]);
    repo.git(&["worktree", "add", "--quiet", "-b", BRANCH, &format!("../w{HOSTILE}")]);
    repo.git(&["branch", "--quiet", "u\u{202e}\u{200b}"]);
    repo.git(&["branch", "--quiet", "--set-upstream-to", "u\u{202e}\u{200b}"]);
    repo.git(&["worktree", "add", "--quiet", "--detach", "../gone"]);
    repo.git(&["worktree", "lock", "--reason", HOSTILE, "../gone"]);
    std::fs::remove_dir_all(repo.at("../gone")).expect("a folder");
    repo.write(HOSTILE, "untracked");
    repo.write(
        ".wtcheck.toml",
        format!(
            "[check.loud]\ncommand = {}\ndescription = {text}\nenv = {{ A = {text} }}\n\
             [check.direct]\ncommand = [\"cat\", {text}]\n\
             [check.some]\nkind = \"log\"\nwhen = {}\nallow-failure = true\n\
             [profile.calm]\ntimeout = \"9s\"\n",
            toml(&format!("cat hostile; cat hostile >&2; exit 3 # {HOSTILE}")),
            toml("log.subject == '\u{1b}[2K\u{202e}' &&\n\r status.clean"),
            text = toml(HOSTILE),
        ),
    );
    repo
}

#[test]
fn nothing_that_others_control_deceives() {
    let repo = hostile_repo();
    let asked = |args: &[&str]| shows_nothing_hostile(repo.command(BINARY).args(args));
    asked(&["trust"]).exits(2);
    asked(&["trust", "--yes"]).exits(0).shows("check.loud.command");
    asked(&["trust", "--list"]).exits(0);
    let (run, plan) = (&["--color=always"][..], &["plan", "--color=always"][..]);
    let shown = asked(run).exits(1).stdout.clone();
    assert!(shown.contains("FORGED"), "it is shown all the same: {shown}");
    asked(plan).exits(0);
    for args in [
        &["-v", "--color=always"][..],
        &["--quiet"],
        &["--ascii"],
        &["--format=github"],
        &["--format=markdown"],
        &["--format=json"],
        &["--format=jsonl", "-v"],
        &["--format=junit", "-v"],
        &["--format=timings"],
        &["--porcelain"],
        &["--profile=calm"],
    ] {
        asked(args).exits(1);
    }
    for args in [
        &["config", "show", "--color=always"][..],
        &["config", "show", "--format=json"],
        &["config", "show", "--profile=calm"],
        &["config", "explain", "check.loud.command"],
        &["config", "explain", "check.loud.env", "--format=json"],
        &["config", "validate"],
        &["plan", "--format=json"],
        &["setup", "--dry-run"],
        &["untrust"],
    ] {
        asked(args).exits(0);
    }
}

#[test]
fn nothing_deceives_on_a_screen_that_is_drawn_over() {
    let repo = hostile_repo();
    repo.wtcheck(&["trust", "--yes"]).exits(0);
    let mut command = repo.command(BINARY);
    command.args(["--progress", "loud", "direct"]).env("TERM", "xterm-kitty").env("GIT_WTCHECK_RETRIES", "2");
    let shown = on_terminal(command);
    assert!(shown.contains("loud") && shown.contains("FORGED"), "{shown:?}");
    for part in ["\u{1b}[2K", "\u{7}", "\u{1b}]52", "\u{1b}[8m", "\u{202e}", "\u{200b}", "\u{2028}", "\nfatal: FORGED"]
    {
        assert!(!shown.contains(part), "{part:?} in {shown:?}");
    }
}

#[test]
fn no_argument_and_no_variable_deceives() {
    let repo = TestRepo::new();
    let file = format!("--config={HOSTILE}");
    for args in [
        &["-w", HOSTILE][..],
        &["--skip", HOSTILE],
        &[HOSTILE],
        &["plan", HOSTILE],
        &[HOSTILE, "plan"],
        &["--profile", HOSTILE],
        &[&file],
        &["-C", HOSTILE],
        &["--format", HOSTILE],
        &[&format!("--{HOSTILE}")],
        &[&format!("-{HOSTILE}")],
        &["-j", HOSTILE],
        &["--timeout", HOSTILE],
        &["--output", HOSTILE],
        &["--output", &format!("json=/nowhere/{HOSTILE}")],
        &["config", HOSTILE],
        &["config", "explain", HOSTILE],
        &["config", "explain", &format!("check.{HOSTILE}.timeout")],
        &["config", "validate", HOSTILE],
        &["setup", "--shell", HOSTILE],
        &["setup", "--dry-run", "--prefix", HOSTILE],
    ] {
        shows_nothing_hostile(repo.command(BINARY).args(args));
    }
    let hostile_name = format!("GIT_WTCHECK_{HOSTILE}").replace('=', "");
    for (name, value) in [
        ("GIT_WTCHECK_TIMEOUT", HOSTILE),
        ("GIT_WTCHECK_PROFILE", HOSTILE),
        ("GIT_WTCHECK_CHECKS", HOSTILE),
        (&*hostile_name, "1"),
        ("GIT_DIR", HOSTILE),
        ("HOME", HOSTILE),
    ] {
        for args in [&[][..], &["plan"], &["config", "show"], &["config", "validate"]] {
            shows_nothing_hostile(repo.command(BINARY).args(args).env(name, value));
        }
    }
}

#[test]
fn no_settings_deceive() {
    let repo = TestRepo::new();
    let text = toml(HOSTILE);
    let commands = [
        &["--color=always"][..],
        &["plan", "--color=always"],
        &["trust", "--color=always"],
        &["trust", "--yes"],
        &["trust", "--list"],
        &["config", "show"],
        &["config", "show", "--profile", HOSTILE],
        &["config", "explain", "timeout"],
        &["config", "validate"],
        &["--format=github"],
        &["--porcelain"],
    ];
    for settings in [
        format!("[profile.{text}.check.z]\ncommand = 'true'\n"),
        format!("[profile.{text}]\ntimeout = '1s'\n"),
        format!("[profile.a]\ninherits = {text}\n"),
        format!("[check.{text}]\ncommand = 'true'\n"),
        format!("[check.z]\ncommand = 'true'\n{text} = 1\n"),
        format!("[check.z]\ncommand = 'true'\nneeds = [{text}]\n"),
        format!("[check.z]\ncommand = 'true'\nenv = {{ {text} = 'x' }}\n"),
        format!("[check.z]\ncommand = 'true'\nwhen = {text}\n"),
        "[check.z]\ncommand = 'true'\nfail-if = \"status.\\u001b\\u202e\\nfatal: FORGED\"\n".to_owned(),
        format!("[check.z]\nkind = {text}\n"),
        format!("timeout = {text}\n"),
        format!("{text} = 1\n"),
        format!("checks = [{text}]\n"),
        format!("{text} = 1\n{text} = 2\n"),
        format!("[check.z]\ntimeout = {{ {text} = 1 }}\n"),
        format!("timeout = {HOSTILE}\n"),
        format!("timeout = 'x' # {}\n", HOSTILE.replace('\n', " ")),
    ] {
        repo.write(".wtcheck.toml", &settings);
        for args in commands {
            shows_nothing_hostile(repo.command(BINARY).args(args));
        }
        std::fs::rename(repo.at(".wtcheck.toml"), repo.at("named.toml")).expect("a file");
        shows_nothing_hostile(repo.command(BINARY).args(["config", "validate", "named.toml"]));
        repo.wtcheck(&["untrust"]).exits(0);
    }
    let section = HOSTILE.replace('\n', " ");
    for (key, value) in [
        ("wtcheck.timeout", HOSTILE),
        ("wtcheck.checks", HOSTILE),
        (&*format!("wtcheck.{section}.command"), "true"),
        (&*format!("wtcheck.{section}.unheardof"), "true"),
        (&*format!("wtcheck.profile.{section}.timeout"), "soon"),
        ("wtcheck.z.when", HOSTILE),
        ("color.wtcheck.bad", HOSTILE),
        ("color.wtcheck", HOSTILE),
    ] {
        repo.config(key, value);
        for args in commands {
            shows_nothing_hostile(repo.command(BINARY).args(args));
        }
        repo.git(&["config", "--local", "--unset", key]);
    }
}

#[test]
fn trust_shows_what_it_approves() {
    let repo = TestRepo::new();
    repo.write(
        ".wtcheck.toml",
        "[profile.\"a\\u001b[1A\\u001b[2K  check.z.command = \\\"make test\\\"\".check.z]\ncommand = 'rm'\n",
    );
    let run = shows_nothing_hostile(repo.command(BINARY).arg("trust"));
    // Where such a name is none, nothing is shown of what it would run.
    let shown = run.stdout.contains("would run");
    assert!(!shown || run.stdout.contains("profile.\"a\\u001B[1A\\u001B[2K"), "{}", run.stdout);
    assert!(shown || run.stderr.contains("error: "), "{}", run.stderr);
}

#[test]
fn a_value_s_line_break_begins_no_message() {
    let repo = TestRepo::new();
    let run = shows_nothing_hostile(repo.command(BINARY).args(["-w", "x\nfatal: FORGED"]));
    run.exits(2).says("error: no worktree matches 'x\u{fffd}fatal: FORGED'\n");
    let run = shows_nothing_hostile(repo.command(BINARY).env("GIT_DIR", "x\nfatal: FORGED"));
    run.exits(128).says("\n  fatal: FORGED");
}

#[test]
fn porcelain_lines_are_divided_by_what_the_program_writes_alone() {
    let repo = TestRepo::new();
    repo.git(&["worktree", "add", "--quiet", "-b", "sly\"\u{202e}", "../w"]);
    let lines = |args: &[&str], end: char| -> Vec<String> {
        let run = repo.wtcheck(args);
        run.exits(0).stdout.split(end).map(str::to_owned).collect()
    };
    let branch = |lines: &[String]| lines[2].split(' ').nth(3).map(str::to_owned);
    let shown = lines(&["--porcelain", "status"], '\n');
    assert_eq!(branch(&shown).as_deref(), Some("\"sly\\\"\\342\\200\\256\""), "{shown:?}");
    let shown = lines(&["--porcelain", "-z", "status"], '\0');
    assert_eq!(branch(&shown).as_deref(), Some("sly\"\u{202e}"), "{shown:?}");
}
