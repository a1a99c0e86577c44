//! The report for people, as it stands on the screen.

use crate::support::{BINARY, Run, TestRepo};

/// The row of a worktree.
#[track_caller]
fn row<'a>(run: &'a Run, name: &str) -> &'a str {
    let mut rows = run.stdout.lines().filter(|line| line.split_whitespace().nth(1) == Some(name));
    rows.next().unwrap_or_else(|| panic!("a row of {name}:\n{}", run.stdout))
}

#[test]
fn only_untracked_files_are_nothing_to_count() {
    let repo = TestRepo::new();
    repo.worktree("new");
    repo.write("../new/file", "x");
    repo.worktree("edited");
    repo.write("../edited/file.txt", "one\n");
    let run = repo.wtcheck(&["diff"]);
    assert!(row(run.exits(0), "new").ends_with("dirty ?1  \u{2713}"), "{}", run.stdout);
    assert!(row(&run, "edited").ends_with("\u{2713} +0 -2"), "{}", run.stdout);
}

#[test]
fn an_operation_names_the_branch_that_it_comes_back_to() {
    let repo = TestRepo::new();
    for name in ["rebased", "applied", "bisected", "loose"] {
        let folder = repo.worktree(name);
        repo.write(folder.join("file.txt"), format!("{name}\n"));
        repo.git_in(&folder, &["commit", "--quiet", "--all", "--message=edit"]);
    }
    repo.git(&["branch", "base"]);
    repo.write("file.txt", "other\n");
    repo.git(&["commit", "--quiet", "--all", "--message=other"]);
    repo.git_in("../loose", &["checkout", "--quiet", "--detach"]);
    for (name, args) in [
        ("rebased", &["rebase", "--merge", "main"][..]),
        ("applied", &["rebase", "--apply", "main"]),
        ("loose", &["rebase", "--merge", "main"]),
    ] {
        assert!(!repo.git_try(format!("../{name}"), args).status.success(), "{name} stops at a conflict");
    }
    repo.git_in("../bisected", &["bisect", "start", "HEAD", "base"]);
    repo.git_in("../bisected", &["checkout", "--quiet", "--detach"]);
    let run = repo.wtcheck(&["status"]);
    run.exits(0);
    for name in ["rebased", "applied", "bisected"] {
        assert!(row(&run, name).contains(&format!("  ({name})  ")), "{}", run.stdout);
    }
    let commit = repo.git_in("../loose", &["rev-parse", "--short=9", "HEAD"]);
    assert!(row(&run, "loose").contains(&format!("  ({commit})  ")), "{}", run.stdout);
    let json = repo.wtcheck(&["status", "--format=json"]).json();
    for row in json["worktrees"].as_array().expect("rows").iter().skip(1) {
        assert_eq!((&row["branch"], &row["detached"]), (&serde_json::Value::Null, &true.into()), "git's own view");
    }
}

#[test]
fn the_last_line_says_whether_all_is_well() {
    let repo = TestRepo::new();
    let last = |args: &[&str]| {
        let run = repo.wtcheck(args);
        run.stdout.lines().last().unwrap_or_default().split("; ").next().map(str::to_owned)
    };
    assert_eq!(last(&["status"]).as_deref(), Some("\u{2713} 1 worktree"));
    repo.config("wtcheck.test.command", "false");
    assert_eq!(last(&["test"]).as_deref(), Some("\u{2717} 1 worktree"));
    repo.config("wtcheck.test.allow-failure", "true");
    assert_eq!(last(&["test"]).as_deref(), Some("\u{2713} 1 worktree"), "as the exit status has it");
}

#[test]
fn every_row_fits_a_narrow_terminal_and_the_state_stays_whole() {
    let repo = TestRepo::new();
    let long = "some-long-name-of-a-branch-that-an-agent-made-up";
    repo.worktree(long);
    repo.write(format!("../{long}/new"), "x");
    repo.write(format!("../{long}/file.txt"), "x");
    for name in ["build", "lint", "test", "docs"] {
        repo.config(&format!("wtcheck.{name}.command"), "true");
    }
    let rows = |columns: &str| {
        let run = Run::of(repo.command(BINARY).env("COLUMNS", columns));
        let rows: Vec<_> = run.exits(0).stdout.lines().take(3).map(str::to_owned).collect();
        let most = columns.parse().expect("a number");
        assert!(rows.iter().all(|row| row.chars().count() <= most), "{columns}:\n{}", run.stdout);
        rows
    };
    for columns in ["60", "80", "200"] {
        rows(columns);
    }
    assert!(rows("90")[2].contains(" dirty ~1 ?1 "), "the state is the last to give way");
}

#[test]
fn what_stands_in_one_line_stands_together() {
    let repo = TestRepo::new();
    repo.worktree("a");
    repo.worktree("b");
    let run = repo.wtcheck(&["diff", "-v"]);
    let (_, notes) = run.exits(0).stdout.split_once("\n\n").expect("notes below the table");
    let (notes, _) = notes.split_once("\n\n").expect("a summary below them");
    let lines: Vec<_> = notes.lines().collect();
    assert_eq!(lines.len(), 6, "{notes}");
    for (name, lines) in ["repo", "a", "b"].into_iter().zip(lines.chunks(2)) {
        assert!(lines[0].starts_with(&format!("{name}: status passed in ")), "{notes}");
        assert_eq!(lines[1], format!("{name}: diff skipped: when 'status.dirty' is false"));
    }
}

#[test]
fn what_failed_says_where_as_seen_from_here() {
    let repo = TestRepo::new();
    repo.worktree("one/twin");
    repo.worktree("two/twin");
    repo.write("sub/file", "x");
    repo.config("wtcheck.test.command", "false");
    let seen = |folder: &str| repo.wtcheck_in(folder, &["test"]).exits(1).stdout.clone();
    let from_sub = seen("sub");
    for (name, path) in [("repo", ".."), ("one/twin", "../../one/twin"), ("two/twin", "../../two/twin")] {
        let told = format!("\n{name}: test failed: exit status 1\n  {path} $ false\n");
        assert!(from_sub.contains(&told), "{told}{from_sub}");
    }
    assert!(seen(".").contains("\nrepo: test failed: exit status 1\n  . $ false\n"));
    // From there, the way from the top is the shorter one.
    let far = "far/away/and/deep/down/in/a/folder/of/folders/and/more/of/them/still/further/down/to/the/end";
    repo.write(format!("{far}/file"), "x");
    assert!(
        seen(far).contains(&format!("  {} $ false\n", repo.at("../one/twin").canonicalize().expect("it").display()))
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_report_that_cannot_be_written_does_not_look_well() {
    let repo = TestRepo::new();
    for format in ["human", "json", "jsonl"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a full disk");
        let run =
            Run::of(repo.command("sh").stdout(full).args(["-c", "exec \"$@\"", "sh", BINARY, "--format", format]));
        run.says("error: cannot write the report: ").exits(128);
    }
}

#[test]
fn no_report_says_clean_where_another_says_dirty() {
    // Whichever of the two stands first, and whichever is the narrower one.
    for checks in ["status rust", "rust status"] {
        let repo = TestRepo::new();
        repo.config("wtcheck.checks", checks);
        repo.config("wtcheck.rust.kind", "status");
        repo.config("wtcheck.rust.args", "-- *.rs");
        repo.write("new.txt", "new\n");
        let run = repo.wtcheck(&[]);
        assert!(row(&run, "repo").contains("dirty ?1"), "{checks}: {}", run.stdout);
        run.exits(0).shows("1 dirty");
        repo.wtcheck(&["--porcelain"]).exits(0).shows("w dirty ");
        repo.wtcheck(&["--format=markdown"]).exits(0).shows("dirty ?1").shows("1 dirty");
    }
}

#[test]
fn a_narrower_question_never_makes_a_worktree_clean() {
    let repo = TestRepo::new();
    repo.config("wtcheck.checks", "rust");
    repo.config("wtcheck.rust.kind", "status");
    repo.config("wtcheck.rust.args", "-- *.rs");
    repo.write("new.txt", "new\n");
    let run = repo.wtcheck(&[]);
    assert!(!run.exits(0).stdout.contains("clean"), "{}", run.stdout);
    repo.wtcheck(&["--porcelain"]).exits(0).shows("w - ");
    // What it has found is there all the same.
    repo.write("new.rs", "new\n");
    repo.wtcheck(&[]).exits(0).shows("dirty ?1").shows("1 dirty");
    // Variables and a folder of its own may narrow it as well.
    for (key, value, is_whole) in [("description", "all", true), ("env", "X=1", false), ("dir", "sub", false)] {
        let repo = TestRepo::new();
        repo.write("sub/file", "");
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message=sub"]);
        repo.config("wtcheck.checks", "all");
        repo.config("wtcheck.all.kind", "status");
        repo.config(&format!("wtcheck.all.{key}"), value);
        assert_eq!(repo.wtcheck(&[]).exits(0).stdout.contains("clean"), is_whole, "{key}");
    }
}
