//! `--output FORMAT=FILE`: reports beside the one on standard output.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::leftovers::{left, until};
use crate::support::{BINARY, Run, TestRepo};

fn repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.config("wtcheck.fail.command", "exit 3");
    repo
}

fn read(repo: &TestRepo, name: &str) -> String {
    std::fs::read_to_string(repo.at(name)).expect("a report")
}

#[test]
fn several_reports_of_one_run() {
    let repo = repo();
    repo.write("../old.xml", "x".repeat(100_000));
    let outputs = ["--output=junit=../old.xml", "--output", "json=../run=1.json", "--output=jsonl=../lines"];
    let more = ["--output=human=../table", "--output=markdown=../page.md", "-z", "--output=porcelain=../records"];
    let run = repo.wtcheck(&[&outputs[..], &more, &["--color=always", "status", "fail"]].concat());
    run.exits(1).shows("\u{1b}[").shows("WORKTREE");
    assert_eq!(run.stderr, "");
    let junit = read(&repo, "../old.xml");
    assert_eq!(roxmltree::Document::parse(&junit).expect("XML").root_element().attribute("failures"), Some("1"));
    let json: Value = serde_json::from_str(&read(&repo, "../run=1.json")).expect("JSON");
    assert_eq!(json["summary"]["exit_code"], 1);
    assert_eq!(read(&repo, "../lines").lines().count(), 8);
    let table = read(&repo, "../table");
    assert!(table.contains("WORKTREE") && !table.contains('\u{1b}'), "{table}");
    assert!(read(&repo, "../page.md").starts_with("|  | WORKTREE"));
    assert!(read(&repo, "../records").ends_with("\0s 1 1 1 0 0 0 0\0"));
}

#[test]
fn a_file_is_looked_for_where_the_command_stands() {
    let repo = repo();
    repo.worktree("other");
    let folder = repo.root().join("other").display().to_string();
    repo.wtcheck(&["-C", &folder, "--output=json=report.json", "-w", "repo", "status"]).exits(0);
    assert!(repo.at("../other/report.json").is_file());
}

#[test]
fn what_cannot_be_opened_stops_the_run_before_it_starts() {
    let repo = repo();
    repo.config("wtcheck.mark.command", "touch ../ran");
    repo.write("../kept.json", "kept");
    let run = repo.wtcheck(&["--output=json=../kept.json", "--output=junit=no/such/folder.xml", "mark"]);
    run.exits(2).says("error: cannot write to '").says("no/such/folder.xml': No such file or directory");
    assert_eq!(run.stdout, "");
    assert!(!repo.at("../ran").exists(), "nothing ran");
    assert_eq!(read(&repo, "../kept.json"), "kept", "the other report is as it was");
    repo.wtcheck(&["--output=json=../x", "--output=junit=../x", "mark"]).exits(2).says("two reports would go to");
    for (wrong, told) in [("junit", "FORMAT=FILE"), ("junit=", "FORMAT=FILE"), ("xml=x", "no format is named 'xml'")] {
        repo.wtcheck(&["--output", wrong]).exits(129).says(told);
    }
    repo.wtcheck(&["plan", "--output=json=../x"]).exits(129).says("--output is for runs");
    assert!(!repo.at("../x").exists() && !repo.at("../ran").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_told_of_and_never_looks_well() {
    let repo = repo();
    let told = "error: cannot write the report: '/dev/full': No space left on device";
    for format in ["jsonl", "human", "json", "junit", "github", "markdown", "porcelain", "timings"] {
        let output = format!("--output={format}=/dev/full");
        for (check, code, in_report) in [("status", 128, 0), ("fail", 1, 1)] {
            let run = repo.wtcheck(&[&output, "--output=json=../report.json", check]);
            run.exits(code).says(told).shows("WORKTREE");
            assert_eq!(run.stderr.lines().count(), 1, "told once: {}", run.stderr);
            let json: Value = serde_json::from_str(&read(&repo, "../report.json")).expect("JSON");
            assert_eq!(json["summary"]["exit_code"], in_report, "the other report is whole");
        }
    }
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full disk");
    let mut command = repo.command(BINARY);
    // `Output` would take standard output for itself.
    let child =
        command.args(["--output=json=../report.json", "fail"]).stdout(full).stderr(std::process::Stdio::piped());
    let run = Run::from(child.spawn().and_then(std::process::Child::wait_with_output).expect("an end"));
    run.exits(1).says("error: cannot write the report: No space left on device");
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A folder for reports, beside the repository.
fn folder(repo: &TestRepo) -> PathBuf {
    let folder = repo.at("../reports");
    std::fs::create_dir(&folder).expect("a folder");
    folder
}

#[test]
fn one_file_is_known_by_all_of_its_names() {
    let repo = repo();
    repo.config("wtcheck.mark.command", "touch ../ran");
    let folder = folder(&repo);
    repo.write("../reports/old", "old");
    std::fs::hard_link(folder.join("old"), folder.join("hard")).expect("a link");
    symlink("old", folder.join("soft")).expect("a link");
    symlink("new", folder.join("nowhere")).expect("a link");
    symlink("reports", repo.at("../linked")).expect("a link");
    for (one, other) in [
        ("../reports/new", "../reports/./new"),
        ("../reports/new", "../reports/../repo/../reports/new"),
        ("../reports/new", "../linked/new"),
        ("../reports/new", "../reports/nowhere"),
        ("../reports/old", "../reports/soft"),
        ("../reports/old", "../reports/hard"),
    ] {
        let run = repo.wtcheck(&[&format!("--output=json={one}"), &format!("--output=junit={other}"), "mark"]);
        run.exits(2).says("error: two reports would go to ");
        let run = repo.wtcheck(&[&format!("--output=json={one}"), &format!("--timings={other}"), "mark"]);
        run.exits(2).says("error: two reports would go to ");
    }
    assert!(!repo.at("../ran").exists(), "nothing ran");
    assert_eq!(read(&repo, "../reports/old"), "old");
    assert_eq!(names(&folder), ["hard", "nowhere", "old", "soft"]);
}

#[test]
fn standard_output_s_file_is_no_other_report_s() {
    let repo = repo();
    let run = |line: &str| Run::of(repo.command("sh").args(["-c", line]));
    for other in ["../page", "/dev/stdout", "/dev/fd/1"] {
        let line = format!("git wtcheck --output=json={other} status >../page");
        run(&line)
            .exits(2)
            .says(&format!("two reports would go to one file, standard output and '{}'", repo.at(other).display()));
    }
    // Through a pipe each comes whole, one after the other.
    let piped = run("git wtcheck --format=json --output=human=/dev/stdout status | cat");
    let (json, table) = piped.exits(0).stdout.split_once("\n  WORKTREE").expect("two reports");
    assert_eq!(serde_json::from_str::<Value>(json).expect("JSON")["summary"]["passed"], 1);
    assert!(table.contains("1 passed"));
    run("git wtcheck --output=json=/dev/null status >/dev/null").exits(0);
}

#[test]
fn the_page_of_a_job_s_summary_is_written_once_and_shared_with_no_report() {
    let repo = repo();
    repo.write("../summary", "before\n");
    let summary = repo.at("../summary");
    let run = |args: &[&str]| Run::of(repo.command(BINARY).args(args).env("GITHUB_STEP_SUMMARY", &summary));
    run(&["--format=github", "--output=github=../other", "status"]).exits(0);
    let page = read(&repo, "../summary");
    assert!(page.starts_with("before\n") && page.matches("## git wtcheck").count() == 1, "{page}");
    run(&["--format=github", "--output=json=../repo/../summary", "status"]).exits(2).says("two reports would go to");
    assert_eq!(read(&repo, "../summary"), page);
}

#[test]
fn links_and_permissions_stay() {
    let repo = repo();
    let folder = folder(&repo);
    repo.write("../reports/old", "old");
    std::fs::set_permissions(folder.join("old"), std::fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink("old", folder.join("link")).expect("a link");
    symlink("new", folder.join("nowhere")).expect("a link");
    let before = std::fs::metadata(folder.join("old")).expect("a file");
    let line = "umask 027; exec git wtcheck --output=json=../reports/link --output=jsonl=../reports/nowhere status";
    Run::of(repo.command("sh").args(["-c", line])).exits(0);
    assert_eq!(names(&folder), ["link", "new", "nowhere", "old"]);
    for (link, file) in [("link", "old"), ("nowhere", "new")] {
        assert_eq!(std::fs::read_link(folder.join(link)).expect("a link"), Path::new(file));
        let metadata = std::fs::metadata(folder.join(file)).expect("a file");
        assert_eq!(metadata.mode() & 0o7777, 0o640, "{file}");
        assert_eq!((metadata.uid(), metadata.gid()), (before.uid(), before.gid()));
    }
    serde_json::from_str::<Value>(&read(&repo, "../reports/old")).expect("JSON");
    assert!(read(&repo, "../reports/new").ends_with("}\n"));
}

/// Whether an ordinary user's permissions say nothing to whoever runs the tests.
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn a_file_whose_folder_may_not_be_written_to_is_written_over() {
    if is_root() {
        return;
    }
    let repo = repo();
    let folder = folder(&repo);
    repo.write("../reports/old", "x".repeat(100_000));
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).expect("a mode");
    repo.wtcheck(&["--output=json=../reports/old", "status"]).exits(0);
    serde_json::from_str::<Value>(&read(&repo, "../reports/old")).expect("JSON");
    repo.wtcheck(&["--output=json=../reports/new", "status"]).exits(2).says("new': Permission denied");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    std::fs::set_permissions(folder.join("old"), std::fs::Permissions::from_mode(0o444)).expect("a mode");
    repo.wtcheck(&["--output=json=../reports/old", "status"]).exits(2).says("old': Permission denied");
}

#[test]
fn a_run_that_is_killed_leaves_the_old_reports() {
    let repo = repo();
    let folder = folder(&repo);
    repo.config("wtcheck.slow.command", ": >../began; sleep 1000");
    for format in ["json", "jsonl", "human"] {
        repo.write(format!("../reports/{format}"), format!("old {format}"));
    }
    let outputs =
        ["--output=json=../reports/json", "--output=jsonl=../reports/jsonl", "--output=human=../reports/human"];
    let mut command = repo.command(BINARY);
    let run = command.args(outputs).args(["--output=junit=../reports/new", "status", "slow"]);
    let mut child = run.stdout(Stdio::null()).spawn().expect("the program");
    until("a check runs", || repo.at("../began").exists());
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGKILL).expect("it runs");
    child.wait().expect("an end");
    for (id, _) in left(&repo.root()) {
        // It may be gone by now.
        let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
    }
    for format in ["json", "jsonl", "human"] {
        assert_eq!(read(&repo, &format!("../reports/{format}")), format!("old {format}"));
    }
    let others: Vec<_> =
        names(&folder).into_iter().filter(|name| !["human", "json", "jsonl"].contains(&name.as_str())).collect();
    assert!(others.iter().all(|name| name.starts_with(".git-wtcheck-unfinished-report-")), "{others:?}");
}

#[test]
fn a_run_that_is_interrupted_replaces_the_old_report() {
    let repo = repo();
    repo.config("wtcheck.slow.command", ": >../began; sleep 1000");
    let folder = folder(&repo);
    repo.write("../reports/lines", "old");
    let mut command = repo.command(BINARY);
    let run = command.args(["--output=jsonl=../reports/lines", "slow"]).stdout(Stdio::null());
    let mut child = run.spawn().expect("the program");
    until("a check runs", || repo.at("../began").exists());
    assert_eq!(read(&repo, "../reports/lines"), "old", "until it is whole");
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGINT).expect("it runs");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    let lines = read(&repo, "../reports/lines");
    let last: Value = serde_json::from_str(lines.lines().last().expect("lines")).expect("JSON");
    assert_eq!((last["event"].as_str(), last["summary"]["exit_code"].as_i64()), (Some("run_finished"), Some(130)));
    assert_eq!(names(&folder), ["lines"]);
}

// Elsewhere what is being written has a name, which git sees.
#[cfg(target_os = "linux")]
#[test]
fn a_report_of_its_own_makes_no_worktree_dirty() {
    let repo = repo();
    repo.write(".git/info/exclude", "report.jsonl\n");
    for _ in 0..2 {
        let run = repo.wtcheck(&["--format=json", "--output=jsonl=report.jsonl", "status"]);
        assert_eq!(run.exits(0).json()["worktrees"][0]["checks"][0]["facts"]["clean"], true);
    }
}

#[test]
fn a_disk_that_is_full_leaves_the_old_report() {
    let repo = repo();
    let folder = folder(&repo);
    for (format, check, code) in [("json", "status", 128), ("jsonl", "status", 128), ("json", "fail", 1)] {
        repo.write("../reports/old", "old");
        // Blocks of 512 or of 1024 bytes: no report is as short as one of them.
        let line = format!("ulimit -f 1; exec git wtcheck --output={format}=../reports/old {check}");
        let run = Run::of(repo.command("sh").args(["-c", &line]));
        run.exits(code).says("error: cannot write the report: '").says("old': File too large").shows("WORKTREE");
        assert_eq!(read(&repo, "../reports/old"), "old");
        assert_eq!(names(&folder), ["old"]);
    }
}
