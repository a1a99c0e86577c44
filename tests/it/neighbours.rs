//! Beside other git processes: no lock that they could meet, and an index that is refreshed once, where nobody minds.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use git_wtcheck::git::index::{Entry, Hash, Index};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::leftovers::until;
use crate::support::{BINARY, Run, TestRepo, unit};

/// Files of a worktree, besides `file.txt`.
const FILES: [&str; 3] = ["a.txt", "b/c.txt", "d.txt"];

/// `status` of the worktree `one`.
const ONE: &[&str] = &["--worktree=one", "status"];

/// A repository with some files and the worktree `one`.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    for name in FILES {
        repo.write(name, format!("this is {name}\n"));
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=more"]);
    repo.worktree("one");
    repo
}

fn ago(seconds: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(seconds)
}

fn set_time(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("another time");
}

/// The index of the worktree `one`.
fn index(repo: &TestRepo) -> PathBuf {
    repo.at(".git/worktrees/one/index")
}

/// When it was last written, to the nanosecond.
fn written(repo: &TestRepo) -> SystemTime {
    index(repo).metadata().and_then(|index| index.modified()).expect("an index")
}

/// Makes the worktree `one` look as if `git worktree add` had made it so long ago: its files as old as its index.
fn made(repo: &TestRepo, time: SystemTime) {
    for name in ["file.txt"].iter().chain(&FILES) {
        set_time(&repo.at("../one").join(name), time);
    }
    repo.git_in("../one", &["update-index", "--refresh"]);
    set_time(&index(repo), time);
}

/// Notes each file that git reads to compare it, in a file that this gives back.
fn with_witness(repo: &TestRepo) -> PathBuf {
    let seen = repo.root().join("seen");
    repo.write(".git/info/attributes", "*.txt filter=seen\n");
    repo.config("filter.seen.clean", &format!("echo %f >>'{}'; cat", seen.display()));
    seen
}

/// How many files git has read since the last time that this was asked.
fn taken(seen: &Path) -> usize {
    let count = std::fs::read_to_string(seen).map_or(0, |text| text.lines().count());
    let _ = std::fs::remove_file(seen);
    count
}

fn content(repo: &TestRepo) -> String {
    repo.git_in("../one", &["ls-files", "--stage", "-v"])
}

/// Whether some git process of a run was one that refreshes an index.
fn refreshes(repo: &TestRepo, run: impl FnOnce(&Path)) -> bool {
    let trace = repo.root().join("trace");
    run(&trace);
    let told = std::fs::read_to_string(&trace).expect("a trace");
    std::fs::remove_file(&trace).expect("a trace");
    assert!(told.contains("status --porcelain"), "git was traced: {told}");
    told.contains("update-index")
}

fn runs(repo: &TestRepo, args: &[&str]) -> bool {
    refreshes(repo, |trace| {
        Run::of(repo.command(BINARY).args(args).env("GIT_TRACE2", trace)).exits(0);
    })
}

#[test]
fn a_worktree_that_was_just_made_is_refreshed_once_and_then_read_no_more() {
    let repo = repo();
    let seen = with_witness(&repo);
    made(&repo, ago(30));
    let (before, listed) = (written(&repo), content(&repo));
    taken(&seen);
    let json = repo.wtcheck(&["--format=json", "--worktree=one", "status"]).exits(0).json();
    assert_eq!(unit(&json, "one", "status")["facts"]["clean"], true);
    assert_eq!(taken(&seen), 8, "each file was read by status, and once more to refresh the index");
    let refreshed = written(&repo);
    assert!(refreshed > before, "the index was refreshed");
    assert_eq!(content(&repo), listed, "to the same entries");
    assert!(!index(&repo).with_file_name("index.lock").exists());

    // As if that were a while ago.
    set_time(&index(&repo), ago(12));
    let resting = written(&repo);
    assert!(!runs(&repo, ONE), "there is nothing to do any more");
    assert_eq!(taken(&seen), 0, "and no file to read");
    assert_eq!(written(&repo), resting, "the index is left alone");
}

#[test]
fn files_that_were_touched_are_read_until_the_index_is_refreshed() {
    let repo = repo();
    let seen = with_witness(&repo);
    made(&repo, ago(300));
    set_time(&index(&repo), ago(60));
    taken(&seen);
    assert!(!runs(&repo, ONE), "nothing is stale");
    assert_eq!(taken(&seen), 0);
    set_time(&repo.at("../one/a.txt"), ago(200));
    assert!(runs(&repo, ONE), "one is");
    assert_eq!(taken(&seen), 2);
    set_time(&index(&repo), ago(60));
    assert!(!runs(&repo, ONE));
    assert_eq!(taken(&seen), 0);
}

#[test]
fn files_that_differ_are_no_reason_to_write_an_index() {
    let repo = repo();
    made(&repo, ago(300));
    set_time(&index(&repo), ago(60));
    // As long as before, so that git reads it at every look, whatever the index says.
    repo.write("../one/a.txt", "that was a.txt\n");
    repo.write("../one/d.txt", "longer than before\n");
    std::fs::remove_file(repo.at("../one/b/c.txt")).expect("a file");
    let before = written(&repo);
    assert!(!runs(&repo, &["status"]));
    assert_eq!(written(&repo), before);
    set_time(&repo.at("../one/file.txt"), ago(200));
    assert!(!runs(&repo, &["status"]), "one that was touched, beside three that differ: nobody can tell");
}

#[test]
fn nothing_is_written_where_it_is_forbidden() {
    let repo = repo();
    made(&repo, ago(30));
    let before = written(&repo);
    repo.write(
        ".wtcheck.toml",
        "refresh-index = false
",
    );
    assert!(!runs(&repo, &["status"]), "the key");
    std::fs::remove_file(repo.at(".wtcheck.toml")).expect("a file");
    let traced = |environment: &[(&str, &str)], program: &str, args: &[&str]| {
        refreshes(&repo, |trace| {
            let environment = environment.iter().copied();
            Run::of(repo.command(program).args(args).env("GIT_TRACE2", trace).envs(environment)).exits(0);
        })
    };
    for no in ["0", "false", "No", "off"] {
        assert!(!traced(&[("GIT_OPTIONAL_LOCKS", no)], BINARY, &["status"]), "{no}");
    }
    assert!(!traced(&[("GIT_WTCHECK_REFRESH_INDEX", "false")], BINARY, &["status"]), "the variable");
    assert!(!traced(&[], "git", &["--no-optional-locks", "wtcheck", "status"]), "git's option");
    assert!(!traced(&[], "git", &["-c", "wtcheck.refreshIndex=no", "wtcheck", "status"]), "git's configuration");
    assert_eq!(written(&repo), before);
    assert!(traced(&[("GIT_OPTIONAL_LOCKS", "1")], "git", &["wtcheck", "status"]), "nothing forbids it");
    assert!(written(&repo) > before);
}

#[test]
fn an_index_that_may_be_in_use_is_left_alone() {
    let repo = repo();
    let git_dir = index(&repo).parent().expect("a folder").to_owned();
    let is_left_alone = |why: &str| {
        let before = written(&repo);
        assert!(!runs(&repo, &["status"]), "{why}");
        assert_eq!(written(&repo), before, "{why}");
    };
    made(&repo, ago(5));
    is_left_alone("it was written just now");
    made(&repo, SystemTime::now() + Duration::from_secs(1000));
    is_left_alone("it was written in the future");
    made(&repo, ago(30));
    for name in ["index.lock", "MERGE_HEAD", "CHERRY_PICK_HEAD", "BISECT_LOG"] {
        std::fs::write(git_dir.join(name), "").expect("a file");
        is_left_alone(name);
        std::fs::remove_file(git_dir.join(name)).expect("a file");
    }
    std::fs::create_dir(git_dir.join("rebase-merge")).expect("a folder");
    is_left_alone("a rebase is under way");
    std::fs::remove_dir(git_dir.join("rebase-merge")).expect("a folder");
    assert!(runs(&repo, &["status"]), "nothing speaks against it");
}

#[test]
fn without_an_answer_of_git_s_there_is_nothing_to_refresh() {
    let repo = repo();
    made(&repo, ago(30));
    let before = written(&repo);
    repo.config("wtcheck.part.kind", "status");
    repo.config("wtcheck.part.args", "--untracked-files=no -- a.txt");
    // `log` looks at no file, and `part` at one of them.
    repo.wtcheck(&["log", "part"]).exits(0);
    repo.wtcheck(&["--worktree=!one", "status"]).exits(0);
    // git alone is asked, which is slow.
    repo.config("wtcheck.prove", "false");
    repo.config("wtcheck.status.timeout", "1ms");
    repo.config("wtcheck.status.retries", "0");
    repo.write("slow", "");
    let slow = repo.script("../slow/git", "#!/bin/sh\ncase $* in *status*) sleep 1;; esac\nexec /usr/bin/git \"$@\"\n");
    let path = std::env::var("PATH").expect("a PATH");
    let path = format!("{}:{path}", slow.parent().expect("a folder").display());
    Run::of(repo.command(BINARY).arg("status").env("PATH", path)).exits(1);
    assert_eq!(written(&repo), before);
}

#[test]
fn no_child_takes_optional_locks() {
    let repo = TestRepo::new();
    repo.config("wtcheck.spy.command", "echo \"$GIT_OPTIONAL_LOCKS\"");
    for said in [None, Some("1"), Some("0")] {
        let mut command = repo.command(BINARY);
        command.args(["--format=json", "--verbose", "spy"]);
        command.envs(said.map(|said| ("GIT_OPTIONAL_LOCKS", said)));
        let json = Run::of(&mut command).exits(0).json();
        assert_eq!(unit(&json, "repo", "spy")["attempts"][0]["stdout"], "0\n", "{said:?}");
    }
}

/// Makes a refresh of `one`, and nothing else, take for ever: git calls its filters under the index's lock then. Gives the
/// lock, and a file that is there once it has begun.
fn with_stuck_refresh(repo: &TestRepo) -> (PathBuf, PathBuf) {
    let lock = index(repo).with_file_name("index.lock");
    made(repo, ago(30));
    repo.write(".git/info/attributes", "*.txt filter=stuck\n");
    let begun = repo.root().join("begun");
    let script = format!("if [ -e '{}' ]; then : >'{}'; sleep 1000; fi; cat", lock.display(), begun.display());
    repo.config("filter.stuck.clean", &script);
    (lock, begun)
}

#[test]
fn a_signal_during_the_refresh_ends_it_and_leaves_no_lock() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGQUIT] {
        let repo = repo();
        let (lock, begun) = with_stuck_refresh(&repo);
        let before = std::fs::read(index(&repo)).expect("an index");
        let report = repo.root().join("report");
        let out = File::create(&report).expect("a file");
        let mut child = repo.command(BINARY).arg("status").stdout(out).spawn().expect("the program");
        until("the refresh has begun", || begun.exists());
        assert!(std::fs::read_to_string(&report).expect("a report").contains("one"), "the report is out");
        let sent = Instant::now();
        kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), signal).expect("the program");
        let ended = child.wait().expect("an end");
        assert_eq!(ended.code(), Some(128 + signal as i32), "{signal}");
        assert!(sent.elapsed() < Duration::from_millis(900), "{signal}: {:?}", sent.elapsed());
        assert!(!lock.exists(), "{signal}: a lock was left behind");
        assert_eq!(std::fs::read(index(&repo)).expect("an index"), before);
    }
}

#[test]
fn a_refresh_that_takes_too_long_is_given_up() {
    let repo = repo();
    let (lock, begun) = with_stuck_refresh(&repo);
    let started = Instant::now();
    let run = repo.wtcheck(&["status"]);
    run.exits(0);
    assert_eq!(run.stderr, "");
    assert!(begun.exists(), "it was begun");
    assert!((4..8).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert!(!lock.exists(), "a lock was left behind");
}

/// How long a neighbour goes on: as many seconds as `WTCHECK_CAMPAIGN` says.
fn campaign() -> Duration {
    let said = std::env::var("WTCHECK_CAMPAIGN").ok().and_then(|said| said.parse().ok());
    Duration::from_secs(said.unwrap_or(3))
}

#[test]
fn a_neighbour_that_adds_and_commits_never_meets_a_lock() {
    let repo = repo();
    for number in 0..300 {
        repo.write(format!("../one/many/{number}"), "the same\n");
    }
    repo.git_in("../one", &["add", "."]);
    repo.git_in("../one", &["commit", "--quiet", "--message=many"]);
    let (is_over, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let end = Instant::now() + campaign();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // Whatever it finds in the middle of a commit.
                    repo.wtcheck(&["--retries=0", "status", "diff", "log"]);
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let (mut commands, mut failed) = (0, Vec::new());
        while Instant::now() < end {
            let number = commands % 300;
            // One that differs, and one that was only touched: a git that looks has something to write down.
            repo.write("../one/a.txt", format!("for the {commands}th time\n"));
            set_time(&repo.at(format!("../one/many/{number}")), ago(1000 + number));
            for args in [&["add", "."][..], &["commit", "--quiet", "--message=again"]] {
                let output = repo.git_try("../one", args);
                commands += 1;
                if !output.status.success() {
                    failed.push(String::from_utf8_lossy(&output.stderr).into_owned());
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(failed.is_empty(), "{} of {commands} failed: {failed:#?}", failed.len());
        assert!(commands > 20, "the neighbour was at work");
    });
    assert!(looks.into_inner() > 4, "and so were we");
}

/// An entry as `git ls-files --stage --debug` shows it.
fn as_git_shows(entry: &Entry<'_>) -> String {
    let id: String = entry.id.iter().map(|byte| format!("{byte:02x}")).collect();
    let stat = &entry.stat;
    format!(
        "{:06o} {id} {}\t{}\0  ctime: {}:{}\n  mtime: {}:{}\n  dev: {}\tino: {}\n  uid: {}\tgid: {}\n  size: {}\tflags: ",
        entry.mode,
        entry.stage,
        String::from_utf8_lossy(entry.path),
        stat.ctime.seconds,
        stat.ctime.nanoseconds,
        stat.mtime.seconds,
        stat.mtime.nanoseconds,
        stat.device,
        stat.inode,
        stat.owner,
        stat.group,
        stat.size,
    )
}

/// git's flags of an entry in memory that the file has too. (`CE_VALID`, `CE_INTENT_TO_ADD`, `CE_SKIP_WORKTREE` in git's
/// read-cache-ll.h.)
fn flags(entry: &Entry<'_>) -> u32 {
    u32::from(entry.assume_unchanged) << 15
        | u32::from(entry.intent_to_add) << 29
        | u32::from(entry.skip_worktree) << 30
}

#[test]
fn an_index_is_read_as_git_reads_it() {
    for (format, hash) in [("sha1", Hash::Sha1), ("sha256", Hash::Sha256)] {
        for version in ["2", "3", "4"] {
            let repo = TestRepo::empty();
            repo.git(&["init", "--quiet", &format!("--object-format={format}"), "."]);
            repo.config("index.version", version);
            let long = "long/".repeat(30) + "name";
            for name in ["a", "a-b", "a.d/b", "a0", "\u{e4}\n", "z/1/2/3", "z/1/2/4", "z/2", long.as_str()] {
                repo.write(format!("f/{name}"), name);
            }
            std::os::unix::fs::symlink("a", repo.at("f/link")).expect("a link");
            repo.git(&["add", "."]);
            repo.git(&["update-index", "--chmod=+x", "f/a0"]);
            repo.git(&["update-index", "--assume-unchanged", "f/a-b"]);
            let blob = repo.git(&["hash-object", "-w", "f/a0"]);
            let sides: String = (1..4).map(|side| format!("100644 {blob} {side}\tf/both\n")).collect();
            let mut conflict = repo.command("git");
            conflict.args(["update-index", "--index-info"]).stdin(std::process::Stdio::piped());
            let mut conflict = conflict.spawn().expect("git");
            std::io::Write::write_all(&mut conflict.stdin.take().expect("a pipe"), sides.as_bytes()).expect("git");
            assert!(conflict.wait().expect("git").success());
            if version != "2" {
                repo.write("f/later", "not yet");
                repo.git(&["add", "--intent-to-add", "f/later"]);
                repo.git(&["update-index", "--skip-worktree", "f/z/2"]);
            }
            repo.git(&["update-index", &format!("--index-version={version}")]);
            // Two blocks of one index, whose paths are each told from its own first one.
            repo.git(&["-c", "index.threads=2", "update-index", "--force-write-index"]);

            let bytes = std::fs::read(repo.at(".git/index")).expect("an index");
            assert_eq!(bytes[7].to_string(), version);
            let output = repo.git_try(".", &["ls-files", "--stage", "--debug", "-z"]);
            let shown = String::from_utf8(output.stdout).expect("text");
            let mut rest = shown.as_str();
            let index = Index::open(&bytes, hash).expect("an index");
            let mut count = 0;
            let extensions = index
                .walk(|entry| {
                    let expected = as_git_shows(entry);
                    let after =
                        rest.strip_prefix(&expected).unwrap_or_else(|| panic!("{expected:?} is not in {rest:?}"));
                    let (told, after) = after.split_once('\n').expect("a line");
                    let told = u32::from_str_radix(told, 16).expect("flags");
                    assert_eq!(told & (1 << 15 | 3 << 29), flags(entry), "{entry:?}");
                    rest = after;
                    count += 1;
                })
                .expect("an index");
            assert_eq!((rest, count), ("", index.count()), "{format}, version {version}");
            assert!(extensions.iter().all(|extension| !extension.is_required()), "{extensions:?}");
        }
    }
}
