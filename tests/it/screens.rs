//! What people see: the table at several widths, pinned; and text that would break it.

use unicode_width::UnicodeWidthStr;

use crate::support::{BINARY, Run, TestRepo};

/// A quarter of a century ago: its age is written with as many digits for a long time.
const LONG_AGO: &str = "2001-02-03T04:05:06Z";

fn commit(repo: &TestRepo, folder: &str, subject: &str) {
    let mut command = repo.command("git");
    command.current_dir(repo.at(folder)).env("GIT_COMMITTER_DATE", LONG_AGO).env("GIT_AUTHOR_DATE", LONG_AGO);
    command.args(["commit", "--quiet", "--allow-empty", "--message", subject]);
    assert!(command.status().expect("git").success());
}

/// Worktrees in many states, some with long names.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    commit(&repo, ".", "Release 1.4");
    let long = "rewrite-the-whole-parser-by-hand";
    repo.git(&["worktree", "add", "--quiet", "-b", &format!("feature/{long}-once-more"), &format!("../{long}")]);
    repo.write(format!("../{long}/file.txt"), "one\n2\nthree\nfour\n");
    repo.write(format!("../{long}/new.txt"), "new\n");
    commit(
        &repo,
        &format!("../{long}"),
        "Rewrite the parser by hand, so that errors tell where they are and what to do",
    );
    repo.worktree("gone");
    std::fs::remove_dir_all(repo.at("../gone")).expect("a folder");
    repo.git(&["worktree", "add", "--quiet", "--detach", "../apart"]);
    repo.git_in("../apart", &["checkout", "--quiet", "--orphan", "fresh"]);
    repo.config("wtcheck.test.command", "test -e new.txt || { echo 'no new file'; exit 3; }");
    repo.config("wtcheck.test.failIf", "test.exit_code == 0");
    repo
}

/// A run as somebody sees it, with what differs from run to run made the same.
fn screen(repo: &TestRepo, columns: &str, args: &[&str]) -> String {
    let run = Run::of(repo.command(BINARY).env("COLUMNS", columns).args(args));
    let mut text = String::new();
    for line in run.stdout.lines() {
        let line = match line.split_once("; checks: ") {
            Some((before, after)) => {
                let (counts, _) = after.rsplit_once(" in ").expect("a time");
                format!("{before}; checks: {counts} in TIME")
            }
            None => aged(line),
        };
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// `25y` as `NNy`.
fn aged(line: &str) -> String {
    let mut line = line.to_owned();
    let bytes = line.clone().into_bytes();
    for (at, letters) in bytes.windows(4).enumerate() {
        if matches!(letters, [b' ' | b'm', b'0'..=b'9', b'0'..=b'9', b'y']) {
            line.replace_range(at + 1..at + 3, "NN");
        }
    }
    line
}

#[test]
fn the_table_at_every_width() {
    let repo = repo();
    for columns in ["60", "80", "120", "200"] {
        let plain = screen(&repo, columns, &[]);
        insta::assert_snapshot!(format!("{columns}_columns"), plain);
        let width = columns.parse().expect("a number");
        let table = plain.lines().take_while(|line| !line.is_empty());
        for line in table {
            assert!(line.width() <= width, "{columns}: {line}");
        }
        let colours = screen(&repo, columns, &["--color=always"]);
        insta::assert_snapshot!(format!("{columns}_columns_colour"), colours.replace('\u{1b}', "\u{241b}"));
    }
    insta::assert_snapshot!("80_columns_ascii", screen(&repo, "80", &["--ascii"]));
}

#[test]
fn ascii_signs_are_ascii() {
    let shown = screen(&repo(), "60", &["--ascii"]);
    assert!(shown.is_ascii(), "{shown}");
}

#[test]
fn text_that_would_break_the_table_does_not() {
    let repo = TestRepo::new();
    let names = [
        "\u{4e16}\u{754c}".repeat(12),
        "\u{1f469}\u{200d}\u{1f4bb}\u{263a}\u{fe0f}\u{1f1eb}\u{1f1f7}".repeat(4),
        "e\u{301}\u{302}\u{303}".repeat(12),
        "a\u{202e}b\u{2066}c\u{200f}d".to_owned(),
        "new\nline\ttab\u{1b}[31mred".to_owned(),
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}".to_owned(),
    ];
    for name in &names {
        repo.git(&["worktree", "add", "--quiet", "--detach", &format!("../{name}")]);
    }
    commit(&repo, ".", &format!("{} end", "\u{4e16}e\u{301}\u{1f600}\u{202e}x".repeat(2000)));
    repo.worktree("wide");
    for columns in [10, 30, 60, 80, 120, 200] {
        let run = Run::of(repo.command(BINARY).env("COLUMNS", columns.to_string()));
        let shown = &run.exits(0).stdout;
        assert_eq!(shown.lines().count(), names.len() + 2 + 3, "a line for each: {shown}");
        assert!(!shown.contains(['\u{1b}', '\t', '\u{202e}', '\u{2066}', '\u{200f}']), "{shown:?}");
        if columns >= 60 {
            for line in shown.lines().take(names.len() + 3) {
                assert!(line.width() <= columns, "{} of {columns}: {line}", line.width());
            }
        }
    }
}

#[test]
fn a_pipe_is_given_no_links() {
    let repo = TestRepo::new();
    let run = Run::of(repo.command(BINARY).env("TERM", "xterm-kitty").args(["--color=always"]));
    assert!(!run.exits(0).stdout.contains("\u{1b}]8"), "{:?}", run.stdout);
}

#[test]
fn a_terminal_that_takes_links_is_given_them() {
    let repo = TestRepo::new();
    let shown = |term: &str| {
        let pty = nix::pty::openpty(None, None).expect("a terminal");
        let out = std::process::Stdio::from(pty.slave);
        let mut command = repo.command(BINARY);
        let mut child = command.arg("status").env("TERM", term).stdout(out).spawn().expect("the program");
        // The terminal's other side is held by the command until it is dropped.
        drop(command);
        let mut text = Vec::new();
        // Where the last writer is gone, Linux says EIO, and others the end.
        let _ = std::io::Read::read_to_end(&mut std::fs::File::from(pty.master), &mut text);
        assert!(child.wait().expect("an end").success());
        String::from_utf8_lossy(&text).into_owned()
    };
    let link = format!("\u{1b}]8;;file://{}\u{1b}\\", repo.path().display());
    let with = shown("xterm-kitty");
    assert!(with.contains(&link), "{with:?}");
    let without = shown("xterm");
    assert!(!without.contains("\u{1b}]8"), "{without:?}");
}
