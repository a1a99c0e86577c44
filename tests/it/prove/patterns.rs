//! Ignore rules, held against `git check-ignore`.

use std::io::Write;
use std::process::Stdio;

use bstr::{BString, ByteSlice};
use fastrand::Rng;
use git_wtcheck::git::ignore::is_ignored;

use super::Subject;

/// Lines as people write them.
const USUAL: &[&str] = &[
    "*.o",
    "/a",
    "a/",
    "!keep",
    "!a/",
    "**/b",
    "a/**",
    "a/**/f",
    "build",
    "/build/",
    "target/",
    "*",
    "!*/",
    "!*.txt",
    "d e",
    "d\\ e",
    "foo ",
    "foo\\ ",
    "foo\\  ",
    "\\#x",
    "\\!keep",
    "#x",
    "[a-c]*",
    "a/*",
    "!a/b",
    "*.[oa]",
    "a**/f",
    "/*",
    "!/a",
    "**",
    "/**/",
    "**/",
    "***/f",
    "!/a/b/",
    "f\t",
    "",
    " ",
    "!",
    "/",
    "//",
    "a//b",
    "!#x",
    "\\",
    "a\\",
    "*/f",
    "a/*/f",
    "?",
    "[[:alpha:]]",
    "[!a]",
    "[]]",
    "[]-]",
    "[^f]*",
    "a/b",
    "./a",
    "a/.",
    "$x",
    "\\$x",
    ".*",
    "!.gitignore",
    "x.d/",
    "foo**",
    "**/a/**/b/**",
    "foo*",
    "/foo**/f",
    "a/b**/f",
    "[a-\\c]",
    "[[:foo:]]",
    "[a",
    "f\0g",
    "ö",
    "\u{f6}*",
    "!!keep",
];

/// Pieces to make others from.
const PIECES: &[&str] = &[
    "a",
    "b",
    "c",
    "f",
    "/",
    "/",
    "*",
    "*",
    "**",
    "**/",
    "/**",
    "?",
    "[",
    "]",
    "-",
    "!",
    "^",
    "\\",
    ":",
    "[:alpha:]",
    "[:punct:]",
    "[a-b]",
    "[!b]",
    "[^a]",
    ".",
    " ",
    "\t",
    "\r",
    "#",
    "o",
    "[[:space:]-a]",
    "[]a]",
    "[a-]",
    "\\/",
    "***",
];

/// A file of ignore rules.
pub(super) fn rules(random: &mut Rng) -> Vec<u8> {
    let mut bytes = if random.u8(..8) == 0 { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
    let end = if random.u8(..6) == 0 { "\r\n" } else { "\n" };
    for _ in 0..random.usize(1..5) {
        if random.bool() {
            bytes.extend(random.choice(USUAL).expect("some").bytes());
        } else {
            for _ in 0..random.usize(1..6) {
                bytes.extend(random.choice(PIECES).expect("some").bytes());
            }
        }
        bytes.extend(end.bytes());
    }
    if random.u8(..6) == 0 {
        bytes.pop();
    }
    bytes
}

const NAMES: &[&str] = &[
    "a", "b", "ab", "f", "f.o", "foo", "foo ", "keep", "-", "]", "[", "a-b", "!", "#x", "\\", "c", ".x", "ö", "d e",
    "x.d",
];

/// Folders and files of these names, three deep; the folders are `a`, `b`, `foo`, `x.d`.
fn tree(subject: &Subject) -> Vec<(BString, bool)> {
    const FOLDERS: &[&str] = &["a", "b", "foo", "x.d"];
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    for depth in 0..3 {
        for folder in std::mem::take(&mut folders) {
            for name in NAMES {
                let path = format!("{folder}{name}");
                let is_folder = FOLDERS.contains(name) && depth < 2;
                if is_folder {
                    std::fs::create_dir_all(subject.at(&path)).expect("a folder");
                    folders.push(format!("{path}/"));
                } else if depth < 2 || name.len() < 3 {
                    subject.write(&path, "");
                } else {
                    continue;
                }
                paths.push((path.into(), is_folder));
            }
        }
    }
    paths
}

/// What `git check-ignore` says of each path.
fn asked(subject: &Subject, paths: &[(BString, bool)]) -> Vec<bool> {
    let args = ["check-ignore", "--stdin", "-z", "-v", "-n", "--no-index"];
    let mut command = subject.repo.command("git");
    command.current_dir(&subject.worktree).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("git");
    let mut input = child.stdin.take().expect("a pipe");
    let text = paths.iter().flat_map(|(path, _)| [path.as_slice(), b"\0"]).collect::<Vec<_>>().concat();
    let writer = std::thread::spawn(move || input.write_all(&text));
    let output = child.wait_with_output().expect("git");
    writer.join().expect("a thread").expect("written");
    let fields: Vec<_> = output.stdout.split(|byte| *byte == 0).collect();
    let says = |record: &[&[u8]]| !record[0].is_empty() && !record[2].starts_with(b"!");
    fields.chunks_exact(4).map(says).collect()
}

fn compare(seed: u64, rounds: u64) {
    let subject = Subject::empty("sha1");
    let paths = tree(&subject);
    let mut random = Rng::with_seed(seed);
    let (mut ignored, mut all) = (0_usize, 0_usize);
    for round in 0..rounds {
        let files =
            [".gitignore", "a/.gitignore", "a/b/.gitignore", "x.d/.gitignore", ".git/info/exclude", "../excludes"];
        let mut said = String::new();
        for file in files {
            let _ = std::fs::remove_file(subject.at(file));
            if file == ".gitignore" || random.u8(..3) == 0 {
                let rules = rules(&mut random);
                said += &format!("{file}: {:?}\n", rules.as_bstr());
                subject.write(file, rules);
            }
        }
        let asked = asked(&subject, &paths);
        assert_eq!(asked.len(), paths.len(), "git answers for every path");
        for ((path, is_folder), git) in paths.iter().zip(asked) {
            let own = is_ignored(&subject.worktree, &subject.terms.ignore, path, *is_folder);
            assert_eq!(own, Ok(git), "seed {seed}, round {round}, {path:?}; git's answer is on the right\n{said}");
            (ignored, all) = (ignored + usize::from(git), all + 1);
        }
    }
    println!("{ignored} of {all} paths are ignored");
    assert!(ignored > all / 10 && ignored < all * 9 / 10, "patterns that tell paths apart");
}

#[test]
fn what_is_ignored_is_what_git_ignores() {
    compare(1, 60);
}

#[test]
#[ignore = "as long as one likes: STATES=N"]
fn prove_what_is_ignored_at_length() {
    let rounds = std::env::var("STATES").ok().and_then(|states| states.parse::<u64>().ok()).unwrap_or(100_000) / 200;
    compare(std::process::id().into(), rounds);
}

#[test]
fn a_class_holds_the_bytes_that_it_holds_for_git() {
    let subject = Subject::empty("sha1");
    let bytes = (1..=255_u8).filter(|byte| !b"/.:".contains(byte));
    let paths: Vec<_> = bytes.map(|byte| (BString::from(vec![byte]), false)).collect();
    for (path, _) in &paths {
        subject.write(path.to_path().expect("a path"), "");
    }
    // (A path that begins with `:` is no path to git.)
    for class in "alnum alpha blank cntrl digit graph lower print punct space upper xdigit".split(' ') {
        for set in [
            format!("[[:{class}:]]"),
            format!("[^[:{class}:]]"),
            format!("[[:{class}:]-~]"),
            format!("[+-[:{class}:]]"),
        ] {
            subject.write(".gitignore", &set);
            let own = paths.iter().map(|(path, _)| is_ignored(&subject.worktree, &subject.terms.ignore, path, false));
            assert_eq!(own.collect::<Result<Vec<_>, _>>(), Ok(asked(&subject, &paths)), "{set}");
        }
    }
}
