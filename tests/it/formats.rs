//! Formats for other readers: JUnit, GitHub Actions, Markdown, shell scripts.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::Command;

use roxmltree::{Document, Node};

use crate::schemas::rich;
use crate::support::{BINARY, Run, TestRepo};

fn elements<'a>(node: Node<'a, 'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

#[track_caller]
fn case<'a>(document: &'a Document<'_>, suite: &'a str, case: &'a str) -> Node<'a, 'a> {
    let named = |name: &'a str| move |node: &Node<'_, '_>| node.attribute("name") == Some(name);
    let suite = elements(document.root_element(), "testsuite").find(named(suite)).expect("a suite");
    elements(suite, "testcase").find(named(case)).expect("a case")
}

/// The element that tells how a case ended, and its message.
#[track_caller]
fn told<'a>(node: Node<'a, 'a>) -> (&'a str, &'a str) {
    let child = node.first_element_child().expect("an element");
    (child.tag_name().name(), child.attribute("message").unwrap_or_default())
}

#[test]
fn junit_has_a_suite_for_each_worktree_and_a_case_for_each_unit() {
    let repo = rich();
    let run = repo.wtcheck(&["--format=junit"]);
    let document = Document::parse(&run.exits(1).stdout).expect("XML");
    let json = repo.wtcheck(&["--format=json"]).exits(1).json();
    let units: usize = json["worktrees"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["checks"].as_array().expect("units").len())
        .sum();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    assert_eq!(root.attribute("tests"), Some(units.to_string().as_str()));
    assert_eq!(elements(root, "testsuite").count(), json["worktrees"].as_array().expect("rows").len());
    assert!(case(&document, "repo", "pass").first_element_child().is_none());
    let fail = case(&document, "repo", "fail");
    assert_eq!(told(fail), ("failure", "failed: exit status 3"));
    assert_eq!(elements(fail, "system-out").next().and_then(|node| node.text()), Some("out  \u{fffd} ]]>"));
    assert_eq!(elements(fail, "system-err").next().and_then(|node| node.text()), Some("err"));
    let late = case(&document, "repo", "late");
    assert_eq!(told(late).0, "failure");
    assert_eq!(elements(late, "rerunFailure").count(), 1);
    assert_eq!(elements(case(&document, "repo", "flaky"), "flakyFailure").count(), 1);
    let (name, message) = told(case(&document, "repo", "absent"));
    assert!(name == "skipped" && message.contains("allowed to fail"), "{name} {message}");
    assert_eq!(told(case(&document, "repo", "off")), ("skipped", "when 'false' is false"));
    assert_eq!(told(case(&document, "broken", "log")).0, "error");
    assert_eq!(told(case(&document, "gone", "log")).0, "skipped");
    assert!(elements(root, "testsuite").any(|suite| suite.attribute("name") == Some("new\u{fffd}line ]]>")));
}

#[test]
fn junit_holds_whatever_a_check_prints() {
    let repo = TestRepo::new();
    let script = "printf '\\000\\001\\013\\014\\033[1m<b>&\\033]8;;x\\033\\\\ ]]> \\357\\277\\276\\357\\277\\277 \\302\\205 \\302\\233 \\355\\240\\200 end'; exit 1";
    repo.config("wtcheck.loud.command", script);
    let run = repo.wtcheck(&["--format=junit", "loud"]);
    let document = Document::parse(&run.exits(1).stdout).expect("XML");
    let text = elements(case(&document, "repo", "loud"), "system-out").next().and_then(|node| node.text());
    let text = text.expect("output");
    assert!(text.contains("<b>&") && text.contains("]]>") && text.ends_with(" end"), "{text:?}");
    assert!(!text.contains(['\u{fffe}', '\u{ffff}', '\u{1b}']), "{text:?}");
}

#[test]
fn github_annotates_and_appends_to_the_summary() {
    let repo = rich();
    let summary = repo.root().join("summary.md");
    std::fs::write(&summary, "before\n").expect("a file");
    let run = |args: &[&str]| {
        Run::of(repo.command(BINARY).env("GITHUB_STEP_SUMMARY", &summary).args(["--format=github"]).args(args))
    };
    let all = run(&[]);
    all.exits(1)
        .shows("::error title=repo%3A fail::failed: exit status 3%0Aout  \u{fffd} ]]>%0Aerr\n")
        .shows("::error title=repo%3A late::timed out")
        .shows("::warning title=repo%3A absent::errored")
        .shows("::error title=broken%3A log::errored");
    let lines: Vec<_> = all.stdout.lines().collect();
    let (last, annotations) = lines.split_last().expect("lines");
    assert!(annotations.iter().all(|line| line.starts_with("::error title=") || line.starts_with("::warning title=")));
    assert!(last.contains(" worktrees, "), "{last}");
    let page = std::fs::read_to_string(&summary).expect("a page");
    assert!(page.starts_with("before\n## git wtcheck\n\n|  | WORKTREE | BRANCH |"), "{page}");
    assert!(page.contains("**repo**: fail failed: exit status 3\n\n```text\n"), "{page}");
    repo.config("wtcheck.sly.command", "printf '::error::x%%0A\\n::stop-commands::y\\n'; exit 1");
    let sly = run(&["-w", "repo", "sly"]);
    sly.exits(1).shows("::error::x%250A%0A::stop-commands::y\n");
    assert_eq!(sly.stdout.lines().filter(|line| line.starts_with("::")).count(), 1);
    Run::of(repo.command(BINARY).env("GITHUB_STEP_SUMMARY", "no/such/folder").args(["--format=github"]))
        .exits(2)
        .says("cannot write to");
    Run::of(repo.command(BINARY).args(["--format=github", "-w", "repo", "pass"])).exits(0);
}

#[test]
fn markdown_is_a_table_and_what_did_not_pass() {
    let repo = TestRepo::new();
    repo.git(&["worktree", "add", "--quiet", "-b", "a_b", "../x|y <i>"]);
    repo.config("wtcheck.say.command", "echo '```'; exit 1");
    let run = repo.wtcheck(&["--format=markdown", "status", "say"]);
    let expected = "\
|  | WORKTREE | BRANCH | STATE | SAY |
| --- | --- | --- | --- | --- |
| \u{2717} | repo | main | clean | \u{2717} exit 1 |
| \u{2717} | x\\|y \\<i\\> | a\\_b | clean | \u{2717} exit 1 |
";
    assert!(run.exits(1).stdout.starts_with(expected), "{}", run.stdout);
    run.shows("\n**x\\|y \\<i\\>**: say failed: exit status 1\n\n````text\n```\n````\n");
}

/// Fields of every line of one kind, the path last.
fn lines<'a>(text: &'a [u8], end: u8, kind: &'a str, fields: usize) -> Vec<Vec<&'a [u8]>> {
    text.split(|byte| *byte == end)
        .map(|line| line.splitn(fields, |byte| *byte == b' ').collect::<Vec<_>>())
        .filter(|line| line[0] == kind.as_bytes())
        .collect()
}

fn output(command: &mut Command) -> Vec<u8> {
    command.output().expect("the program").stdout
}

#[test]
fn porcelain_is_for_scripts() {
    let repo = rich();
    let text = output(repo.command(BINARY).args(["-z"]));
    let mut expected: Vec<PathBuf> = Vec::new();
    for record in output(repo.command("git").args(["worktree", "list", "--porcelain", "-z"])).split(|byte| *byte == 0) {
        if let Some(path) = record.strip_prefix(b"worktree ") {
            expected.push(PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())));
        }
    }
    let paths: Vec<PathBuf> =
        lines(&text, 0, "w", 5).iter().map(|line| PathBuf::from(OsStr::from_bytes(line[4]))).collect();
    assert_eq!(paths, expected, "byte by byte");
    let units = lines(&text, 0, "u", 8);
    let find = |check: &str| {
        let path = repo.path();
        let line = units.iter().find(|line| line[2] == check.as_bytes() && line[7] == path.as_os_str().as_bytes());
        line.expect("a unit")[..6]
            .iter()
            .map(|field| String::from_utf8_lossy(field).into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(find("fail"), "u failed fail command 1 3");
    assert_eq!(find("flaky"), "u passed flaky command 2 0");
    assert_eq!(find("off"), "u skipped off command 0 -");
    assert_eq!(find("late"), "u timed_out late command 2 -");
    let main = &lines(&text, 0, "w", 5)[0];
    assert_eq!([main[1], main[3]], [b"dirty".as_slice(), b"main"]);
}

#[test]
fn porcelain_lines_are_lines_and_quote_paths_as_git_does() {
    let repo = TestRepo::new();
    repo.git(&["worktree", "add", "--quiet", "--detach", "../new\nline"]);
    let run = repo.wtcheck(&["--porcelain", "status"]);
    let root = repo.root().display().to_string();
    let head = repo.git(&["rev-parse", "HEAD"]);
    let shown: Vec<_> = run.exits(0).stdout.lines().collect();
    assert_eq!(shown.len(), 5, "{}", run.stdout);
    assert_eq!(shown[0], format!("w clean {head} main {root}/repo"));
    assert_eq!(shown[2], format!("w clean {head} - \"{root}/new\\nline\""));
    // A proof has no exit status.
    assert!(
        ["0", "-"].iter().any(|exit| shown[3].starts_with(&format!("u passed status status 1 {exit} "))),
        "{}",
        shown[3]
    );
    assert_eq!(shown[4], "s 0 2 0 0 0 0 0");
}

#[test]
fn formats_that_do_not_fit_are_usage_errors() {
    let repo = TestRepo::new();
    repo.wtcheck(&["plan", "--format=junit"]).exits(129).says("'junit' is for runs");
    repo.wtcheck(&["config", "show", "-z"]).exits(129).says("'porcelain' is for runs");
    repo.wtcheck(&["-z", "--format=json"]).exits(129).says("-z is for the format 'porcelain'");
    repo.wtcheck(&["--porcelain", "--format=json"]).exits(129);
    repo.wtcheck(&["-z", "--format=porcelain"]).exits(0);
}
