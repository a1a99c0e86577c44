//! `diff` without git, in the program itself: where it is proven, and that it is what git says.
//!
//! A short run draws the same worktrees each time. `WTCHECK_CAMPAIGN` says for how many seconds others are drawn,
//! `WTCHECK_SEED` from where on: a failure names the seed of its repository.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::support::{BINARY, Run, TestRepo, unit};

/// So many repositories of so many worktrees are drawn in a short run.
const SHORT: u64 = 3;
const WORKTREES: usize = 30;

fn report(repo: &TestRepo, prove: &str) -> Value {
    let mut command: Command = repo.command(BINARY);
    command.args(["status", "diff", "--format=json"]).env("GIT_WTCHECK_PROVE", prove);
    Run::of(&mut command).json()
}

fn text(rng: &mut Rng) -> String {
    (0..rng.usize(..20)).map(|_| format!("line {}\n", rng.u8(..40))).collect()
}

/// Changes a worktree in one way, and names it.
fn change(rng: &mut Rng, folder: &Path) -> &'static str {
    let (plain, deep) = (folder.join("plain.txt"), folder.join("one/two/deep.txt"));
    let old = fs::read_to_string(&plain).expect("a file");
    match rng.u8(..16) {
        0 => {
            fs::write(&plain, old + "one more\n").expect("a file");
            "a line added"
        }
        1 => {
            fs::write(&plain, old.lines().skip(2).map(|line| format!("{line}\n")).collect::<String>()).expect("a file");
            "lines removed"
        }
        2 => {
            fs::write(&plain, text(rng)).expect("a file");
            fs::write(&deep, text(rng)).expect("a file");
            "other lines"
        }
        3 => {
            fs::remove_file(&deep).expect("a file");
            "gone"
        }
        4 => {
            fs::remove_dir_all(folder.join("one")).expect("a folder");
            "a folder gone"
        }
        5 => {
            fs::set_permissions(&plain, fs::Permissions::from_mode(0o755)).expect("a file");
            "executable"
        }
        6 => {
            fs::set_permissions(&plain, fs::Permissions::from_mode(0o755)).expect("a file");
            fs::write(&plain, "other and executable\n").expect("a file");
            "other and executable"
        }
        7 => {
            fs::write(folder.join("binary"), b"other\0content").expect("a file");
            "binary"
        }
        8 => {
            fs::write(&plain, b"now\0binary\n").expect("a file");
            "binary by now"
        }
        9 => {
            fs::write(&plain, "long\n".repeat(300_000)).expect("a file");
            "long"
        }
        10 => {
            fs::remove_file(folder.join("link")).expect("a link");
            symlink("elsewhere, further", folder.join("link")).expect("a link");
            "a link"
        }
        11 => {
            fs::write(folder.join("windows.txt"), "one\r\nthree\r\nand more\r\n").expect("a file");
            "ends of lines"
        }
        12 => {
            fs::write(&plain, "no end").expect("a file");
            "no end"
        }
        13 => {
            fs::write(folder.join(".gitattributes"), "*.txt -diff\n").expect("a file");
            fs::write(&plain, "one\n").expect("a file");
            "attributes at the top"
        }
        14 => {
            fs::write(folder.join("one/.gitattributes"), "*.txt text eol=crlf\n").expect("a file");
            fs::write(&deep, "one\r\nline 3\r\n").expect("a file");
            "attributes in a folder"
        }
        _ => {
            fs::write(&plain, "").expect("a file");
            "empty"
        }
    }
}

/// Draws a repository and compares each worktree; gives the kind of each, and whether git was asked and why.
fn compared(seed: u64) -> Vec<(&'static str, Value)> {
    let mut rng = Rng::with_seed(seed);
    let repo = TestRepo::empty();
    let format = if rng.u8(..4) == 0 { "sha256" } else { "sha1" };
    repo.git(&["init", "--quiet", "--initial-branch=main", &format!("--object-format={format}"), "."]);
    repo.write("plain.txt", text(&mut rng) + "last\n");
    repo.write("one/two/deep.txt", text(&mut rng) + "last\n");
    repo.write("binary", b"\0\x01binary");
    repo.write("windows.txt", "one\r\ntwo\r\n");
    symlink("elsewhere", repo.at("link")).expect("a link");
    let pairs = ["core.autocrlf=input", "core.autocrlf=true", "diff.algorithm=histogram", "core.bigFileThreshold=10"];
    let pair = if rng.u8(..4) == 0 { pairs[rng.usize(..pairs.len())] } else { "core.eol=crlf" };
    let (key, value) = pair.split_once('=').expect("a pair");
    if rng.u8(..3) == 0 {
        let attributes = ["binary -diff\n", "* text=auto\n", "*.txt eol=crlf\n"];
        repo.write(".gitattributes", attributes[rng.usize(..3)]);
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=all files"]);
    repo.config(key, value);
    let mut kinds = Vec::new();
    for index in 0..WORKTREES {
        let name = format!("w{index}");
        let folder = repo.worktree(&name);
        repo.aged(&folder);
        kinds.push((name, change(&mut rng, &folder)));
    }
    if rng.u8(..4) == 0 {
        repo.git(&["repack", "-a", "-d", "-q"]);
    }
    let (proof, git) = (report(&repo, "true"), report(&repo, "false"));
    let held = |(name, kind): (String, &'static str)| {
        for check in ["status", "diff"] {
            let (proof, git) = (unit(&proof, &name, check), unit(&git, &name, check));
            assert_eq!(proof["facts"], git["facts"], "seed {seed}, {key}={value}: {name} ({kind}), {check}");
            assert_eq!(proof["outcome"], git["outcome"], "seed {seed}: {name} ({kind}), {check}");
        }
        let diff = unit(&proof, &name, "diff");
        (kind, if diff["source"] == "proof" { Value::Null } else { json!([diff["source"], diff["asked"]]) })
    };
    kinds.into_iter().map(held).collect()
}

#[test]
fn lines_are_counted_as_git_counts_them() {
    let number = |name: &str| std::env::var(name).ok().and_then(|said| said.parse::<u64>().ok());
    let campaign = number("WTCHECK_CAMPAIGN").map(Duration::from_secs);
    let (first, began) = (number("WTCHECK_SEED").unwrap_or(0), Instant::now());
    let mut tally: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
    for seed in first.. {
        if campaign.map_or(seed >= first + SHORT, |campaign| began.elapsed() >= campaign) {
            break;
        }
        for (kind, asked) in compared(seed) {
            let asked = if asked.is_null() { "proven".to_owned() } else { asked.to_string() };
            *tally.entry(kind).or_default().entry(asked).or_default() += 1;
        }
    }
    let lines: String = tally.iter().map(|(kind, counts)| format!("  {kind}: {counts:?}\n")).collect();
    // Past the test harness, which keeps what a test that passes prints.
    let _ = write!(std::io::stderr(), "differences counted:\n{lines}");
    for kind in ["a line added", "lines removed", "gone", "a folder gone", "executable", "binary", "empty"] {
        assert!(tally.get(kind).is_none_or(|counts| counts.contains_key("proven")), "{kind}: {lines}");
    }
}
