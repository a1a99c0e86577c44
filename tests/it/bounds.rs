//! `diff` looks only at what `status` has named: it must find what git finds when it looks everywhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{BINARY, Run, TestRepo, unit};

/// Names that git, a shell or a pathspec could take for more than names.
const FILES: [&str; 12] = [
    "plain.txt",
    "a b",
    "*",
    ":(top)x",
    "[a]",
    "-n",
    "sub/one",
    "sub/two",
    "sub/deep/three",
    "new\nline",
    "\u{e9}t\u{e9}",
    "!x",
];

/// Files, lines added and lines deleted, as git itself counts them in the whole worktree.
fn counted(repo: &TestRepo, folder: &str) -> [i64; 3] {
    let text = repo.git_in(folder, &["diff", "--numstat", "--no-ext-diff", "HEAD"]);
    let mut sum = [0; 3];
    for line in text.lines() {
        let mut parts = line.split('\t').map(|count| count.parse::<i64>().unwrap_or(0));
        sum[0] += 1;
        sum[1] += parts.next().expect("a number");
        sum[2] += parts.next().expect("a number");
    }
    sum
}

fn found(unit: &serde_json::Value) -> [i64; 3] {
    ["files", "insertions", "deletions"].map(|fact| unit["facts"][fact].as_i64().expect("a number"))
}

/// One of the things that happen to a file in a worktree.
fn happen(repo: &TestRepo, folder: &str, file: &str, random: &mut fastrand::Rng) {
    let path = repo.at(folder).join(file);
    let git = |args: &[&str]| drop(repo.git_try(folder, &[&["--literal-pathspecs"], args].concat()));
    match random.u8(0..10) {
        0 => drop(fs::write(&path, format!("{}\nchanged\n", random.u32(..)))),
        1 => drop(fs::remove_file(&path)),
        2 => {
            drop(fs::write(&path, "staged\n"));
            git(&["add", "--", file]);
        }
        3 => git(&["rm", "--quiet", "--force", "--cached", "--", file]),
        4 => git(&["mv", "--", file, &format!("{file} moved")]),
        5 => drop(fs::set_permissions(&path, fs::Permissions::from_mode(0o755))),
        6 => {
            // A folder where a file was.
            drop(fs::remove_file(&path));
            drop(fs::create_dir_all(&path));
            drop(fs::write(path.join("inside"), "x\n"));
        }
        7 => {
            drop(fs::write(format!("{} new", path.display()), "new\n"));
            git(&["add", "--intent-to-add", "--", &format!("{file} new")]);
        }
        8 => {
            // Staged, and taken back in the worktree alone.
            let before = fs::read(&path).unwrap_or_default();
            drop(fs::write(&path, "for a while\n"));
            git(&["add", "--", file]);
            drop(fs::write(&path, before));
        }
        _ => {
            drop(fs::remove_file(&path));
            drop(std::os::unix::fs::symlink("elsewhere", &path));
        }
    }
}

#[test]
fn a_diff_of_what_status_named_is_the_whole_diff() {
    let repo = TestRepo::new();
    for (index, file) in FILES.iter().enumerate() {
        repo.write(file, format!("{index}\nsome\nlines\nof text {index}\n"));
    }
    repo.git(&["add", "--all"]);
    repo.git(&["commit", "--quiet", "--message=files"]);
    let folders: Vec<String> = (0..24).map(|index| format!("w{index}")).collect();
    for (index, name) in folders.iter().enumerate() {
        repo.worktree(name);
        let mut random = fastrand::Rng::with_seed(index as u64);
        for _ in 0..random.usize(1..8) {
            let file = FILES[random.usize(..FILES.len())];
            happen(&repo, &format!("../{name}"), file, &mut random);
        }
    }
    // A conflict, too.
    repo.worktree("conflict");
    repo.write("../conflict/plain.txt", "theirs\n");
    repo.git_in("../conflict", &["commit", "--quiet", "--all", "--message=theirs"]);
    repo.write("plain.txt", "ours\n");
    repo.git(&["commit", "--quiet", "--all", "--message=ours"]);
    drop(repo.git_try("../conflict", &["merge", "main"]));
    // Where the user has said how git is to read paths.
    let mut command = repo.command(BINARY);
    command
        .args(["--format=json", "diff"])
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_TRACE", repo.root().join("trace"));
    let json = Run::of(&mut command).exits(0).json();
    let mut bound = 0;
    for name in folders.iter().map(String::as_str).chain(["conflict"]) {
        let diff = unit(&json, name, "diff");
        let expected = counted(&repo, &format!("../{name}"));
        if diff["outcome"] == "skipped" {
            assert_eq!(expected, [0; 3], "{name}");
        } else {
            assert_eq!(found(diff), expected, "{name}:\n{}", repo.git_in(format!("../{name}"), &["status"]));
            bound += 1;
        }
    }
    assert!(bound > 20, "{json:#}");
    let trace = fs::read_to_string(repo.root().join("trace")).expect("a trace");
    let asked = trace.lines().filter(|line| line.contains("built-in: git diff ")).count();
    assert_eq!(asked, trace.matches(" 'HEAD^{commit}' -- ':(top,literal)").count(), "{trace}");
    assert!(asked > 20 && asked <= bound, "{asked} of {bound}");
}

/// The arguments of each `git diff` that a run starts.
fn asked(repo: &TestRepo, args: &[&str]) -> Vec<String> {
    let trace = repo.root().join("trace");
    drop(fs::remove_file(&trace));
    Run::of(repo.command(BINARY).args(args).env("GIT_TRACE", &trace)).exits(0);
    let text = fs::read_to_string(trace).expect("a trace");
    let diffs = text.lines().filter_map(|line| line.split_once("built-in: git diff "));
    diffs.map(|(_, args)| args.to_owned()).collect()
}

#[test]
fn where_only_new_files_are_there_is_nothing_to_compare() {
    let repo = TestRepo::new();
    repo.write("new.txt", "new\n");
    assert_eq!(asked(&repo, &["diff"]), [""; 0]);
    let json = repo.wtcheck(&["--format=json", "diff"]).exits(0).json();
    assert_eq!(found(unit(&json, "repo", "diff")), [0; 3]);
    assert_eq!(unit(&json, "repo", "diff")["outcome"], "passed");
}

#[test]
fn it_looks_everywhere_where_status_may_not_have_named_everything() {
    let repo = TestRepo::new();
    repo.write("file.txt", "changed\n");
    let is_bound = |args: &[&str]| {
        let asked = asked(&repo, args);
        assert_eq!(asked.len(), 1, "{args:?}");
        asked[0].contains(":(top,literal)file.txt")
    };
    assert!(is_bound(&["diff"]));
    // Arguments, variables and a folder of its own change what an answer is about.
    for (key, value) in [
        ("wtcheck.status.args", "--ignore-submodules=all"),
        ("wtcheck.status.env", "A=b"),
        ("wtcheck.status.dir", "."),
        ("wtcheck.diff.args", "--ignore-all-space"),
        ("wtcheck.diff.env", "A=b"),
        ("wtcheck.diff.when", "true"),
    ] {
        repo.config(key, value);
        assert!(!is_bound(&["diff"]), "{key}");
        repo.git(&["config", "--unset", key]);
    }
    // Very many paths cost more than they save.
    for index in 0..100 {
        repo.write(format!("many/{index}"), "x\n");
    }
    repo.git(&["add", "."]);
    assert!(!is_bound(&["diff"]));
    let json = repo.wtcheck(&["--format=json", "diff"]).exits(0).json();
    assert_eq!(found(unit(&json, "repo", "diff")), counted(&repo, "."));
}
