//! `--output FORMAT=FILE`: reports beside the one on standard output.

use serde_json::Value;

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
