//! The manners of a command of git's: help, colours, the pager, locks, hooks. Everything goes through the real git.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use git_wtcheck::report::{git_colour, style};
use owo_colors::OwoColorize;

use crate::support::{Run, TestRepo, there, unit};

/// A repository with a worktree `one` in which something has changed, and a check that fails.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.worktree("one");
    repo.write("../one/new.txt", "new\n");
    repo.config("wtcheck.fails.command", "false");
    repo.config("wtcheck.fails.retries", "0");
    repo.config("wtcheck.fails.allowFailure", "true");
    repo
}

fn git(repo: &TestRepo, args: &[&str]) -> Run {
    Run::from(repo.git_try(".", args))
}

/// What a command writes on a terminal of its own, with plain line feeds.
pub fn on_terminal(mut command: Command) -> String {
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    let stream = || pty.slave.try_clone().expect("a stream");
    let mut child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().expect("the program");
    drop((command, pty.slave));
    let mut terminal = File::from(pty.master);
    let (mut shown, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match terminal.read(&mut chunk) {
            // Linux says EIO where the last writer is gone, macOS the end.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(read) => shown.extend_from_slice(&chunk[..read]),
        }
    }
    child.wait().expect("an end");
    String::from_utf8_lossy(&shown).replace('\r', "")
}

fn is_coloured(text: &str) -> bool {
    text.contains("\u{1b}[")
}

#[test]
fn help_goes_to_standard_output_and_wrong_usage_exits_with_129() {
    let repo = TestRepo::empty();
    for args in [&["-h"][..], &["run", "-h"], &["plan", "-h"], &["config", "-h"], &["trust", "-h"], &["setup", "-h"]] {
        let args = [&["wtcheck"], args].concat();
        let run = git(&repo, &args);
        run.exits(0).shows("Usage: git wtcheck");
        assert_eq!(run.stderr, "", "git {args:?}");
    }
    git(&repo, &["wtcheck", "--version"]).exits(0).shows("git-wtcheck ");
    for args in [
        &["--no-such-option"][..],
        &["--format=xml"],
        &["--color=sometimes"],
        &["-j", "many"],
        &["--quiet", "--verbose"],
        &["-w"],
        &["config"],
        &["config", "explain"],
        &["setup", "--shell"],
        &["untrust", "it"],
    ] {
        let args = [&["wtcheck"], args].concat();
        let run = git(&repo, &args);
        run.exits(129);
        assert_eq!(run.stdout, "", "git {args:?}");
        assert_ne!(run.stderr, "", "git {args:?}");
    }
}

#[test]
fn the_nearest_word_on_colours_counts() {
    let repo = repo();
    let coloured = |git_args: &[&str], args: &[&str], variables: &[(&str, &str)]| {
        let mut command = repo.command("git");
        let run = Run::of(
            command.args(git_args).arg("wtcheck").args(args).envs(variables.iter().copied()).env_remove("COLUMNS"),
        );
        assert_eq!(run.exits(0).stderr, "");
        is_coloured(&run.stdout)
    };
    let pager = ("GIT_PAGER_IN_USE", "true");
    let xterm = ("TERM", "xterm");
    let (none, dumb) = (("NO_COLOR", "1"), ("TERM", "dumb"));
    for (git_args, args, variables, expected) in [
        (&[][..], &[][..], &[xterm][..], false),
        (&[], &["--color"], &[xterm], true),
        (&[], &["--color=always"], &[none, dumb], true),
        (&["-c", "color.wtcheck=always"], &[], &[none, dumb], true),
        (&["-c", "color.wtcheck=always"], &["--color=never"], &[], false),
        (&["-c", "color.wtcheck=always"], &["--color=auto"], &[], false),
        (&["-c", "color.ui=always"], &[], &[], true),
        (&["-c", "color.ui=Always"], &[], &[], true),
        (&["-c", "color.ui=always", "-c", "color.wtcheck=false"], &[], &[], false),
        (&["-c", "color.ui=always", "-c", "color.wtcheck=true"], &[], &[], false),
        (&["-c", "color.ui=never", "-c", "color.wtcheck=always"], &[], &[], true),
        (&["-c", "color.wtcheck=never", "-c", "color.wtcheck=always"], &[], &[], true),
        (&[], &[], &[pager, xterm], true),
        (&["-c", "color.wtcheck"], &[], &[pager, xterm], true),
        (&["-c", "color.wtcheck=never"], &[], &[pager, xterm], false),
        (&["-c", "color.ui=false"], &[], &[pager, xterm], false),
        (&[], &["--color=never"], &[pager, xterm], false),
        (&[], &[], &[pager, dumb], false),
        (&[], &[], &[pager, xterm, none], false),
        (&[], &[], &[pager, xterm, ("NO_COLOR", "")], true),
    ] {
        assert_eq!(coloured(git_args, args, variables), expected, "git {git_args:?} wtcheck {args:?} {variables:?}");
    }
}

#[test]
fn a_terminal_gets_colours_unless_it_is_dumb() {
    let repo = repo();
    let shown = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = repo.command("git");
        command.arg("wtcheck").args(args).env("TERM", "xterm").envs(variables.iter().copied());
        on_terminal(command)
    };
    for args in [&["--no-progress"][..], &["-h"], &["plan"], &["config", "show"], &["--no-such-option"]] {
        assert!(is_coloured(&shown(args, &[])), "{args:?}");
        assert!(!is_coloured(&shown(args, &[("TERM", "dumb")])), "{args:?} on a dumb terminal");
        assert!(!is_coloured(&shown(args, &[("NO_COLOR", "1")])), "{args:?} with NO_COLOR");
    }
    let json = shown(&["--no-progress", "--format=json"], &[]);
    assert!(!is_coloured(&json), "{json:?}");
}

#[test]
fn each_slot_has_a_colour_of_one_s_own() {
    let repo = repo();
    let mut args: Vec<String> = Vec::new();
    for (at, (slot, _)) in style::SLOTS.iter().enumerate() {
        args.extend(["-c".to_owned(), format!("color.wtcheck.{slot}={}", 100 + at)]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["wtcheck", "--color", "--verbose"]).collect();
    let run = git(&repo, &args);
    assert_eq!(run.exits(0).stderr, "");
    for (at, (slot, _)) in style::SLOTS.iter().enumerate() {
        let code = format!("\u{1b}[38;5;{}m", 100 + at);
        assert!(run.stdout.contains(&code), "{slot} in {:?}", run.stdout);
    }
    let piece = |slot: usize, text: &str| format!("\u{1b}[38;5;{}m{text}\u{1b}[0m", 100 + slot);
    run.shows(&piece(0, "WORKTREE")).shows(&piece(1, "repo")).shows(&piece(2, "main")).shows(&piece(3, "clean"));
    run.shows(&piece(4, "dirty")).shows(&piece(5, "failed"));
    // An empty value takes the colour away.
    let run = git(&repo, &["-c", "color.wtcheck.worktree=", "wtcheck", "--color", "status"]);
    assert!(!run.exits(0).stdout.contains("\u{1b}[1m"), "{:?}", run.stdout);
}

#[test]
fn a_colour_that_is_none_is_warned_of() {
    let repo = repo();
    repo.config("color.wtcheck.bad", "blue");
    repo.config("color.wtcheck.good", "grene");
    repo.config("color.wtcheck.unheardOf", "grene");
    let run = git(&repo, &["-c", "color.wtcheck.faint", "-c", "color.wtcheck=sometimes", "wtcheck", "--color"]);
    run.exits(0).says("git -c: color.wtcheck.faint: expected a colour").says("color.wtcheck.good = grene: expected");
    assert_eq!(run.stderr.lines().filter(|line| line.starts_with("warning: ")).count(), 2, "{}", run.stderr);
    run.shows("\u{1b}[34m").shows("\u{1b}[32m");
    let run = git(&repo, &["-c", "color.wtcheck=sometimes", "-c", "color.ui=always", "wtcheck"]);
    run.exits(0).says("warning: git -c: color.wtcheck = sometimes: expected auto, always, never");
    assert!(is_coloured(&run.stdout), "the next word counts");
}

#[test]
fn colours_are_written_as_git_writes_them() {
    let repo = repo();
    let codes = |text: &str| -> BTreeSet<String> {
        let inside = text.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m'));
        let all = inside.flat_map(|(codes, _)| codes.split(';')).filter(|code| !matches!(*code, "0" | ""));
        all.map(|code| code.trim_start_matches('0').to_owned()).collect()
    };
    for text in [
        "red",
        "RED",
        "bold red",
        "red bold ul",
        "brightred",
        "red blue",
        "normal blue",
        "-1 4",
        "default",
        "9",
        "12 200",
        "255",
        "dim",
        "italic",
        "blink",
        "reverse strike",
        "#ff8000",
        "#FF8000 #102030",
        "bold",
        "reset red",
        "  cyan\t bold ",
        "7",
        "purple",
        "red blue green",
        "256",
        "-2",
        "#12345",
        "#gg0000",
        "boldred",
        "Bold",
        "1x",
        "bright",
        "bold,red",
    ] {
        let run =
            git(&repo, &["-c", &format!("color.wtcheck.bad={text}"), "config", "--get-color", "color.wtcheck.bad"]);
        match git_colour::parse(text) {
            Some(style) => {
                run.exits(0);
                assert_eq!(codes(&"x".style(style).to_string()), codes(&run.stdout), "{text:?}");
            }
            None => assert_ne!(run.code, 0, "{text:?}: git knows it: {:?}", run.stdout),
        }
    }
}

#[test]
fn the_pager_is_git_s_to_start() {
    let repo = repo();
    repo.config("core.pager", "sed 's/^/paged: /'");
    let shown = |args: &[&str]| {
        let mut command = repo.command("git");
        command.args(args).env("TERM", "xterm");
        on_terminal(command)
    };
    for args in [&["-p", "wtcheck"][..], &["-c", "pager.wtcheck=true", "wtcheck"], &["-p", "wtcheck", "--progress"]] {
        let text = shown(args);
        assert!(
            text.lines().count() > 2 && text.lines().all(|line| line.starts_with("paged: ")),
            "git {args:?}:\n{text}"
        );
        assert!(is_coloured(&text), "a pager on a terminal shows colours:\n{text}");
    }
    let text = shown(&["-c", "pager.wtcheck=sed 's/^/own: /'", "wtcheck"]);
    assert!(text.lines().all(|line| line.starts_with("own: ")), "{text}");
    for args in [
        &["wtcheck"][..],
        &["--no-pager", "-c", "pager.wtcheck=true", "wtcheck"],
        &["-c", "pager.wtcheck=false", "wtcheck"],
    ] {
        assert!(!shown(args).contains("paged: "), "git {args:?}");
    }
}

#[test]
fn a_pager_that_is_left_early_is_no_fault() {
    let repo = repo();
    let mut command = repo.command("git");
    command.args(["-c", "pager.wtcheck=head -n 1", "wtcheck", "--verbose"]).env("TERM", "xterm");
    let text = on_terminal(command);
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_run_writes_no_index() {
    let repo = repo();
    let indexes = [".git/index", ".git/worktrees/one/index"];
    let read = || indexes.map(|index| std::fs::read(repo.at(index)).expect("an index"));
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for file in [repo.at("file.txt"), repo.at("../one/file.txt")] {
        File::options().write(true).open(file).and_then(|file| file.set_modified(old)).expect("another time");
    }
    let before = read();
    let json = git(&repo, &["--no-optional-locks", "wtcheck", "--format=json", "status", "diff"]).exits(0).json();
    assert_eq!(unit(&json, "repo", "status")["facts"]["clean"], true);
    assert_eq!(unit(&json, "one", "diff")["facts"]["files"], 0, "a file with another time is no other file");
    assert!(read() == before, "an index was written");
    git(&repo, &["wtcheck", "status", "diff"]).exits(0);
    assert!(read() == before, "nor is one that was written just now: it is somebody else's");
}

/// Every file of git's own but the index, and the user's configuration.
fn refs_and_configuration(repo: &TestRepo) -> Vec<(PathBuf, Vec<u8>)> {
    fn below(path: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
        if path.is_dir() {
            let mut entries: Vec<_> =
                path.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
            entries.sort();
            for entry in &entries {
                below(entry, into);
            }
        } else if path.exists() {
            into.push((path.to_owned(), std::fs::read(path).expect("a file")));
        }
    }
    let mut found = Vec::new();
    for path in [".git/refs", ".git/packed-refs", ".git/HEAD", ".git/config", ".git/worktrees", "../home"] {
        below(&repo.at(path), &mut found);
    }
    found.retain(|(path, _)| path.file_name().is_some_and(|name| name != "index"));
    found
}

#[test]
fn every_hook_of_every_worktree_gives_the_same_answers_and_changes_nothing() {
    let repo = repo();
    repo.git(&["init", "--quiet", "--bare", "../remote.git"]);
    repo.git(&["remote", "add", "origin", "../remote.git"]);
    // What a hook leaves behind: the report, and what it found of refs and configuration before and after.
    let snapshot = "( cd \"$main\"/.git && find refs packed-refs HEAD config worktrees -type f ! -name index ! -name '*.lock' | sort | xargs cksum )";
    for hook in ["pre-commit", "pre-push", "post-checkout"] {
        repo.script(
            format!(".git/hooks/{hook}"),
            &format!(
                "#!/bin/sh\nmain='{}' out='{}'\n{snapshot} >\"$out.before\" 2>/dev/null\ngit wtcheck --format=json >\"$out\"\n{snapshot} >\"$out.after\" 2>/dev/null\nexit 0\n",
                repo.path().display(),
                repo.root().join(hook).display()
            ),
        );
    }
    let rows = |json: &serde_json::Value| -> Vec<String> {
        let rows = json["worktrees"].as_array().expect("worktrees");
        let facts = |row: &serde_json::Value| {
            let units = row["checks"].as_array().expect("checks").iter();
            let said = units.map(|unit| {
                let mut facts = unit["facts"].clone();
                // Time goes on, and a push moves what the branch is compared with.
                for fact in ["age", "upstream", "ahead", "behind"] {
                    facts.as_object_mut().and_then(|facts| facts.remove(fact));
                }
                format!("{} {} {facts}", unit["check"], unit["outcome"])
            });
            said.collect::<Vec<_>>().join("\n")
        };
        rows.iter().map(|row| format!("{} {} {}\n{}", row["path"], row["branch"], row["head"], facts(row))).collect()
    };
    let ran = |hook: &str| -> serde_json::Value {
        let out = repo.root().join(hook);
        let read = |suffix: &str| std::fs::read_to_string(format!("{}{suffix}", out.display())).expect("a file");
        assert_eq!(read(".before"), read(".after"), "refs and configuration in {hook}");
        assert!(read(".before").lines().count() > 4, "{}", read(".before"));
        let json = serde_json::from_str(&read("")).unwrap_or_else(|_| panic!("{hook}: {}", read("")));
        std::fs::remove_file(out).expect("the report");
        json
    };
    for (place, branch) in [(".", "main"), ("../one", "one")] {
        let expected = rows(&git(&repo, &["wtcheck", "--format=json"]).exits(0).json());
        repo.git_in(place, &["checkout", "--quiet", "HEAD", "--"]);
        assert_eq!(rows(&ran("post-checkout")), expected, "post-checkout in {place}");
        repo.git_in(place, &["commit", "--quiet", "--allow-empty", "--message=next"]);
        assert_eq!(rows(&ran("pre-commit")), expected, "pre-commit in {place}");
        let expected = rows(&git(&repo, &["wtcheck", "--format=json"]).exits(0).json());
        repo.git_in(place, &["push", "--quiet", "origin", branch]);
        assert_eq!(rows(&ran("pre-push")), expected, "pre-push in {place}");
    }
    // A new worktree is checked out by the hook's own rules, too.
    repo.git_in("../one", &["worktree", "add", "--quiet", "-b", "two", "../two"]);
    let names: Vec<String> = rows(&ran("post-checkout"));
    assert!(names.len() == 3 && names[2].contains("two"), "{names:?}");
}

#[test]
fn from_a_plain_folder_and_a_folder_of_git_s_the_configuration_stays() {
    let repo = repo();
    let before = refs_and_configuration(&repo);
    assert!(there(repo.at(".git/config")) && before.len() > 4);
    for args in [
        &["-C", "../one", "wtcheck"][..],
        &["--git-dir=.git", "--work-tree=.", "wtcheck", "plan"],
        &["-c", "wtcheck.timeout=9s", "wtcheck", "config", "show"],
        &["wtcheck", "config", "explain", "timeout"],
        &["--git-dir=.git/worktrees/one", "--work-tree=../one", "wtcheck", "status"],
        &["wtcheck", "-h"],
        &["wtcheck", "setup", "--dry-run"],
    ] {
        git(&repo, args).exits(0);
    }
    let after = refs_and_configuration(&repo);
    assert!(after == before, "refs or configuration have changed");
}
