//! The listing cache: what is kept of folders from one run to the next speeds a run up, and never changes what it tells.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::leftovers::until;
use crate::support::{BINARY, Run, TestRepo, there_is, unit};

/// Folders of each worktree: as many as are worth a file.
const FOLDERS: usize = 10;

/// Worktrees of these names beside the main one, whose folders have rested for as long as it takes to rely on their times.
fn rested(names: &[&str]) -> TestRepo {
    let repo = TestRepo::new();
    for folder in 0..FOLDERS {
        write(&repo, folder);
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=folders"]);
    for name in names {
        repo.worktree(name);
        repo.aged(format!("../{name}"));
    }
    repo.aged(".");
    rest();
    repo
}

/// Fills one of the folders: all together are as many files as are worth a file.
fn write(repo: &TestRepo, folder: usize) {
    repo.write(format!("a/{folder}/one.txt"), "one\n");
    for file in 0..30 {
        repo.write(format!("a/{folder}/{file}"), "more\n");
    }
}

/// Waits until what was changed before is two seconds in the past.
fn rest() {
    let second = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let made = second();
    until("another second", || second() >= made + 2);
}

fn status(repo: &TestRepo) -> Command {
    let mut command = repo.command(BINARY);
    command.env_remove("GIT_WTCHECK_PROVE").args(["status", "--format=json"]);
    command
}

#[track_caller]
fn report(repo: &TestRepo) -> Value {
    Run::of(&mut status(repo)).exits(0).json()
}

fn file(repo: &TestRepo, name: impl AsRef<OsStr>) -> PathBuf {
    repo.at(".git/wtcheck/listing").join(name.as_ref())
}

/// The names of the files, in order.
fn files(repo: &TestRepo) -> Vec<String> {
    let Ok(folder) = repo.at(".git/wtcheck/listing").read_dir() else { return Vec::new() };
    let mut names: Vec<_> =
        folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

type Change = fn(&TestRepo, &str);

const CHANGES: [(&str, Change); 12] = [
    ("none", |_, _| {}),
    ("new", |repo, at| repo.write(format!("{at}/a/3/three.txt"), "")),
    ("deep", |repo, at| repo.write(format!("{at}/a/3/new/empty/three.txt"), "")),
    ("gone", |repo, at| std::fs::remove_file(repo.at(format!("{at}/a/3/one.txt"))).expect("a file")),
    ("renamed", |repo, at| {
        std::fs::rename(repo.at(format!("{at}/a/3/one.txt")), repo.at(format!("{at}/a/3/1.txt"))).expect("a name");
    }),
    ("moved", |repo, at| {
        std::fs::rename(repo.at(format!("{at}/a/3")), repo.at(format!("{at}/a/three"))).expect("a name");
    }),
    ("link", |repo, at| {
        std::fs::rename(repo.at(format!("{at}/a/3")), repo.at(format!("{at}/a/three"))).expect("a name");
        symlink("three", repo.at(format!("{at}/a/3"))).expect("a link");
    }),
    ("back", |repo, at| {
        let folder = File::open(repo.at(format!("{at}/a/3"))).expect("a folder");
        let before = folder.metadata().and_then(|about| about.modified()).expect("a time");
        repo.write(format!("{at}/a/3/three.txt"), "");
        folder.set_modified(before).expect("the time before");
    }),
    ("ignored", |repo, at| {
        repo.write(format!("{at}/a/.gitignore"), "*.o\n");
        repo.write(format!("{at}/a/3/three.o"), "");
    }),
    ("nested", |repo, at| _ = repo.git(&["init", "--quiet", &format!("{at}/a/3/nested")])),
    ("untracked", |repo, at| {
        repo.git_in(at, &["rm", "--quiet", "--cached", "a/3/one.txt"]);
        repo.git_in(at, &["commit", "--quiet", "--message=one less"]);
    }),
    ("touched", |repo, at| {
        let touched = File::options().write(true).open(repo.at(format!("{at}/a/3/one.txt"))).expect("a file");
        touched.set_modified(SystemTime::now() - Duration::from_hours(5)).expect("another time");
    }),
];

#[test]
fn what_has_changed_between_two_runs_is_told_as_git_tells_it() {
    let names: Vec<_> = CHANGES.iter().map(|(name, _)| *name).collect();
    let repo = rested(&names);
    let first = report(&repo);
    assert_eq!(files(&repo).len(), 1 + names.len(), "one for each worktree");
    for (name, change) in CHANGES {
        assert_eq!(unit(&first, name, "status")["source"], "proof", "{name}");
        change(&repo, &format!("../{name}"));
    }
    for run in ["the second run", "the third run"] {
        if run == "the third run" {
            // Now what was changed has rested, too.
            rest();
        }
        let told = report(&repo);
        let git = Run::of(status(&repo).env("GIT_WTCHECK_PROVE", "false")).exits(0).json();
        for (name, _) in CHANGES {
            let (told, git) = (unit(&told, name, "status"), unit(&git, name, "status"));
            assert_eq!(told["facts"], git["facts"], "{run}: {name}");
            let is_left_to_git =
                ["link", "nested"].contains(&name) || (name == "touched" && told["asked"] != Value::Null);
            let source = if is_left_to_git { "process" } else { "proof" };
            assert_eq!(told["source"], source, "{run}: {name}: {told}");
        }
        assert_eq!(told["summary"], git["summary"], "{run}");
    }
    let counts = |name| {
        let told = report(&repo);
        let facts = &unit(&told, name, "status")["facts"];
        json!([facts["unstaged"], facts["untracked"]])
    };
    assert_eq!((counts("renamed"), counts("back"), counts("untracked")), (json!([1, 1]), json!([0, 1]), json!([0, 1])));
}

#[test]
fn a_folder_that_is_unchanged_is_not_opened_again() {
    let strace =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|at| at.join("strace").is_file()));
    if !there_is("strace, installed", strace) {
        return;
    }
    let repo = rested(&[]);
    let trace = repo.root().join("trace");
    let opened = || {
        let mut command = repo.command("strace");
        command.env_remove("GIT_WTCHECK_PROVE").args(["-f", "-qq", "-e", "trace=openat2,openat,getdents64", "-o"]);
        Run::of(command.arg(&trace).args([BINARY, "status"])).exits(0);
        let calls = std::fs::read_to_string(&trace).expect("a trace");
        let is_folder_of_ours =
            |call: &&str| call.contains("openat") && (0..FOLDERS).any(|at| call.contains(&format!(", \"{at}\"")));
        calls.lines().filter(is_folder_of_ours).count()
    };
    assert_eq!(opened(), FOLDERS);
    assert_eq!(opened(), 0);
    repo.write("a/3/three.txt", "");
    assert_eq!(opened(), 1);
}

#[test]
fn a_folder_that_was_changed_just_now_is_not_relied_on() {
    let repo = TestRepo::new();
    for folder in 0..FOLDERS {
        write(&repo, folder);
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=folders"]);
    repo.aged(".");
    let made = SystemTime::now();
    report(&repo);
    // On a machine that is very slow, they have rested by then.
    if made.elapsed().is_ok_and(|time| time < Duration::from_millis(900)) {
        assert_eq!(files(&repo), [""; 0]);
    }
}

#[test]
fn nothing_is_kept_where_that_is_not_wanted() {
    let repo = rested(&["one"]);
    Run::of(status(&repo).env("GIT_WTCHECK_LISTING_CACHE", "false")).exits(0);
    Run::of(status(&repo).env("GIT_WTCHECK_PROVE", "false")).exits(0);
    repo.config("wtcheck.listingCache", "false");
    report(&repo);
    repo.git(&["config", "--unset", "wtcheck.listingCache"]);
    repo.write(".wtcheck.toml", "listing-cache = false\n");
    report(&repo);
    std::fs::remove_file(repo.at(".wtcheck.toml")).expect("a file");
    assert!(!repo.at(".git/wtcheck/listing").exists());
    rest();
    report(&repo);
    assert_eq!(files(&repo), ["linked-one", "main"]);
    assert_eq!(file(&repo, "main").metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    let before = file(&repo, "main").metadata().expect("a file").ino();
    report(&repo);
    assert_eq!(file(&repo, "main").metadata().expect("a file").ino(), before, "nothing is new");
}

#[test]
fn worktrees_have_files_of_their_own_whatever_they_are_named_and_only_while_they_are_there() {
    let repo = rested(&[]);
    for name in ["main", "linked-main", "new-0", "-", "..."] {
        repo.git(&["worktree", "add", "--quiet", "--detach", &format!("../{name}")]);
        repo.aged(format!("../{name}"));
    }
    rest();
    report(&repo);
    let git_s: Vec<_> =
        repo.at(".git/worktrees").read_dir().expect("worktrees").map(|one| one.expect("one").file_name()).collect();
    let mut expected: Vec<_> = git_s.iter().map(|name| format!("linked-{}", name.to_str().expect("text"))).collect();
    expected.push("main".to_owned());
    expected.sort();
    assert_eq!(files(&repo), expected);
    // What another run has left unfinished is removed in time, and nothing else is.
    for name in ["new-1", "new-2", "of somebody's"] {
        let made = File::create(file(&repo, name)).expect("a file");
        if name != "new-2" {
            made.set_modified(SystemTime::now() - Duration::from_hours(2)).expect("another time");
        }
    }
    repo.git(&["worktree", "remove", "--force", "../linked-main"]);
    std::fs::remove_file(file(&repo, "main")).expect("a file");
    report(&repo);
    expected.retain(|name| name != "linked-linked-main");
    expected.extend(["new-2", "of somebody's"].map(str::to_owned));
    expected.sort();
    assert_eq!(files(&repo), expected);
}

#[test]
fn a_file_that_is_none_is_ignored_and_replaced() {
    let repo = rested(&[]);
    let first = report(&repo);
    let main = file(&repo, "main");
    let whole = std::fs::read(&main).expect("a file");
    for bytes in [&b""[..], b"wtlist", &whole[..whole.len() - 1], &vec![0xff; 1 << 24]] {
        std::fs::write(&main, bytes).expect("a file");
        assert_eq!(report(&repo)["summary"], first["summary"]);
        assert_eq!(std::fs::read(&main).expect("a file").len(), whole.len());
    }
    // No link is followed, neither to read nor to write.
    let elsewhere = repo.root().join("elsewhere");
    std::fs::write(&elsewhere, &whole).expect("a file");
    std::fs::remove_file(&main).expect("a file");
    symlink(&elsewhere, &main).expect("a link");
    let before = elsewhere.metadata().and_then(|about| about.modified()).expect("a time");
    report(&repo);
    assert!(main.symlink_metadata().expect("a file").is_file());
    assert_eq!(elsewhere.metadata().and_then(|about| about.modified()).expect("a time"), before);
    // A pipe would have to be waited for.
    std::fs::remove_file(&main).expect("a file");
    nix::unistd::mkfifo(&main, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    report(&repo);
    assert!(main.symlink_metadata().expect("a file").is_file());
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&main, Some(1), None).expect("another owner");
        report(&repo);
        assert_eq!(main.metadata().expect("a file").uid(), 0, "it was replaced");
    }
}

#[test]
fn where_nothing_can_be_kept_nothing_is_said() {
    let repo = rested(&[]);
    let elsewhere = repo.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    for place in [".git/wtcheck", ".git/wtcheck/listing"] {
        symlink(&elsewhere, repo.at(place)).expect("a link");
        Run::of(&mut status(&repo)).exits(0).says("");
        std::fs::remove_file(repo.at(place)).expect("a link");
        std::fs::write(repo.at(place), "").expect("a file");
        Run::of(&mut status(&repo)).exits(0).says("");
        std::fs::remove_file(repo.at(place)).expect("a file");
        std::fs::create_dir(repo.at(place)).expect("a folder");
    }
    assert_eq!(elsewhere.read_dir().expect("a folder").count(), 0);
    Run::of(&mut status(&repo)).exits(0);
    assert_eq!(files(&repo), ["main"]);
}

#[test]
fn a_file_that_git_is_asked_about_is_kept_and_forgotten() {
    let repo = rested(&[]);
    report(&repo);
    let written = || std::fs::read(file(&repo, "main")).expect("a file");
    let has_path = || written().windows(11).any(|bytes| bytes == b"a/9/one.txt");
    assert!(!has_path());
    // What a filter makes of it is for git to tell.
    repo.write(".git/info/attributes", "* filter=x\n");
    let touch = |hours| {
        let touched = File::options().write(true).open(repo.at("a/9/one.txt")).expect("a file");
        touched.set_modified(SystemTime::now() - Duration::from_hours(hours)).expect("another time");
    };
    touch(5);
    let told = |asked: Value| {
        let told = Run::of(status(&repo).env("GIT_WTCHECK_REFRESH_INDEX", "false")).exits(0).json();
        assert_eq!(unit(&told, "repo", "status")["asked"], asked);
    };
    told(json!("touched files"));
    assert!(has_path());
    told(json!("touched files"));
    assert!(has_path());
    repo.aged(".");
    told(Value::Null);
    assert!(!has_path());
}
