//! The numbers of `diff` in random worktrees, held against `git diff --numstat`, whether it is bound to paths or not.
//!
//! A short run draws the same worktrees each time. `WTCHECK_CAMPAIGN` says for how many seconds others are drawn,
//! `WTCHECK_SEED` from where on: a failure names the seed of its worktree.

mod state;

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::support::{TestRepo, unit};
use state::State;

/// The worktrees of the short run.
const SHORT: u64 = 12;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|said| said.parse().ok())
}

#[test]
fn whatever_has_changed_diff_counts_what_git_counts() {
    let campaign = number("WTCHECK_CAMPAIGN").map(Duration::from_secs);
    let first = number("WTCHECK_SEED").unwrap_or_else(|| campaign.map_or(0, |_| fastrand::u64(..1 << 40)));
    let began = Instant::now();
    let (mut dirty, mut drawn) = (0, 0);
    while campaign.map_or(drawn < SHORT, |longest| began.elapsed() < longest) {
        dirty += u64::from(holds_of(first + drawn));
        drawn += 1;
    }
    assert!(dirty >= drawn / 2, "{dirty} of {drawn} differ from HEAD");
}

#[test]
fn a_binary_file_that_was_only_written_anew_is_no_change_beside_many_that_are() {
    let repo = TestRepo::new();
    for number in 0..70 {
        repo.write(format!("many/{number}"), "1\n");
        repo.write(format!("same/{number}"), "\0");
    }
    repo.write("other", "\0");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=many"]);
    let long_ago = SystemTime::now() - Duration::from_hours(1);
    for number in 0..70 {
        repo.write(format!("many/{number}"), "changed\n");
        let same = std::fs::File::options().write(true).open(repo.at(format!("same/{number}"))).expect("a file");
        same.set_modified(long_ago).expect("a time");
    }
    repo.write("other", "\0\0");
    let json = repo.wtcheck(&["--format=json"]).exits(0).json();
    assert_eq!(counted(unit(&json, "repo", "diff")), Some([71, 70, 70]));
}

/// Draws a worktree, and says whether it differs from HEAD.
fn holds_of(seed: u64) -> bool {
    let State { repo, told, .. } = State::of(seed);
    // git settles only as it writes the index, which it may not here, which files were just written anew. Not bound to paths,
    // it counts the binary ones of them, and copies may come from any; bound, a binary one that was staged and changed back.
    let (expected, most) = (counted_by_git(&repo, true), counted_by_git(&repo, false));
    let status = repo.git(&["--no-optional-locks", "status", "--porcelain"]);
    let is_changed_twice = status.lines().any(|line| !line.starts_with([' ', '?']) && !line[1..].starts_with(' '));
    let finds_copies = repo.git_try(".", &["config", "diff.renames"]).stdout == b"copies\n";
    let is_many = status.lines().count() > 32;
    let is_settled = !(is_changed_twice || (finds_copies && is_many));
    let mut modes = vec![
        ("bound by status", vec![]),
        ("by itself", vec!["wtcheck.diff.when=true", "wtcheck.status.enabled=false"]),
        ("not plain", vec!["wtcheck.diff.env=UNUSED=1"]),
    ];
    if repo.at("dir").is_dir() {
        modes.push(("from a folder", vec!["wtcheck.diff.dir=dir"]));
    }
    for (mode, settings) in modes {
        let mut git = repo.command("git");
        for setting in settings {
            git.args(["-c", setting]);
        }
        let output = git.args(["wtcheck", "--format=json", "--retries=0", "diff"]).output().expect("git");
        let json: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{told}\n{mode}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        let counted = counted(unit(&json, "repo", "diff"));
        let is_between = counted.zip(expected).zip(most).is_some_and(|((counted, least), most)| {
            (least[0]..=most[0]).contains(&counted[0]) && counted[1..] == least[1..]
        });
        let is_right = match mode {
            "bound by status" if is_settled => counted == expected,
            _ => counted == expected || counted == most || is_between,
        };
        assert!(is_right, "{mode}: {counted:?}, where git counts {expected:?} to {most:?}\n{told}\n{status}\n{json:#}");
    }
    expected != Some([0; 3])
}

/// What a unit has counted: files, insertions, deletions; none where it could not. Nothing to count is 0.
fn counted(unit: &Value) -> Option<[u64; 3]> {
    match unit["outcome"].as_str() {
        Some("passed") => {
            Some(["files", "insertions", "deletions"].map(|fact| unit["facts"][fact].as_u64().expect("a number")))
        }
        Some("skipped") => Some([0; 3]),
        _ => None,
    }
}

/// The sums over the lines of `git diff --numstat`; none where git refuses. Only if it `may_refresh` the index, git leaves
/// out binary files of which nothing but the times has changed. (Rule: `diffcore_skip_stat_unmatch` in git's diff.c.)
fn counted_by_git(repo: &TestRepo, may_refresh: bool) -> Option<[u64; 3]> {
    let unborn = !repo.git_try(".", &["rev-parse", "--verify", "--quiet", "refs/heads/main"]).status.success();
    let base = if unborn { repo.git(&["hash-object", "-t", "tree", "/dev/null"]) } else { "HEAD".to_owned() };
    let refresh = format!("diff.autoRefreshIndex={may_refresh}");
    // The index that it writes is a copy, of the same age, so that all others find the index as it was.
    let copy = repo.at("../index");
    let copied = repo.command("cp").args(["--preserve=timestamps", ".git/index"]).arg(&copy).output().expect("cp");
    assert!(copied.status.success() || !repo.at(".git/index").exists(), "a copy");
    let mut git = repo.command("git");
    git.env("GIT_INDEX_FILE", copy).args(["-c", &refresh, "diff", "--numstat", &base, "--"]);
    let output = git.output().expect("git");
    let text = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let sums = lines.fold([0; 3], |sums, line| {
        let numbers: Vec<_> = line.splitn(3, |byte| *byte == b'\t').collect();
        let count = |text: &[u8]| match text {
            b"-" => 0,
            digits => std::str::from_utf8(digits).expect("digits").parse::<u64>().expect("a number"),
        };
        [sums[0] + 1, sums[1] + count(numbers[0]), sums[2] + count(numbers[1])]
    });
    output.status.success().then_some(sums)
}
