//! What means harm, or is merely broken, and must not deceive, hang or outlive the program: the place where the next such
//! thing goes. What is said of a whole kind of input stands in a file of its own, `hostile_*.rs`.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::leftovers::{nothing_left, until};
use crate::support::{BINARY, Run, TestRepo, unit};

/// The program, with a git of this script's in place of the real one, which the script calls as `"$REAL"`.
fn with_git(repo: &TestRepo, script: &str) -> Command {
    let real = repo.command("sh").args(["-c", "command -v git"]).output().expect("git");
    let real = String::from_utf8(real.stdout).expect("a path");
    let script = format!("#!/bin/sh\nREAL={}\n{script}\n", real.trim_end());
    let folder = repo.script("../bin/git", &script).parent().expect("a folder").to_owned();
    let mut command = repo.command(BINARY);
    let path = std::env::var_os("PATH").expect("a PATH");
    let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).expect("a PATH");
    // All of discovery is git's.
    command.env("PATH", path).env("GIT_WTCHECK_DISCOVER_FROM_FILES", "false");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), signal).expect("it runs");
}

/// Whether a process with this id runs and has not become a zombie.
fn runs(id: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id.trim()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The process ids that a check or a git has written down, one file each.
fn written(repo: &TestRepo, folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(repo.at(folder)) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("an id")).collect()
}

/// A git that writes its id down and never answers where its words hold this one.
fn hangs_at(repo: &TestRepo, word: &str) -> Command {
    let folder = repo.root().join("hanging");
    std::fs::create_dir_all(&folder).expect("a folder");
    let hang = format!(": > '{}'/$$; exec sleep 1000", folder.display());
    with_git(repo, &format!("case \" $* \" in *' {word} '*) {hang};; esac\nexec \"$REAL\" \"$@\""))
}

#[test]
fn a_signal_during_discovery_ends_the_git_that_it_waits_for() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        for word in ["rev-parse", "list", "config"] {
            let repo = TestRepo::new();
            let child = hangs_at(&repo, word).spawn().expect("the program");
            until("git hangs", || !written(&repo, "../hanging").is_empty());
            send(&child, signal);
            let began = Instant::now();
            let run = Run::from(child.wait_with_output().expect("an end"));
            assert!(began.elapsed() < Duration::from_secs(10), "{signal} at {word}: {:?}", began.elapsed());
            assert_eq!((run.exits(128 + signal as i32).stdout.as_str(), run.stderr.as_str()), ("", ""));
            let left: Vec<_> = written(&repo, "../hanging").into_iter().filter(|id| runs(id)).collect();
            assert!(left.is_empty(), "{signal} at {word} leaves {left:?}");
        }
    }
}

#[test]
fn a_git_that_has_closed_its_streams_is_not_waited_for_without_a_way_out() {
    let repo = TestRepo::new();
    let folder = repo.root().join("hanging");
    std::fs::create_dir_all(&folder).expect("a folder");
    let hang = format!("\"$REAL\" \"$@\"; : > '{}'/$$; exec sleep 1000 >&- 2>&-", folder.display());
    let child = with_git(&repo, &format!("case $1 in worktree) {hang};; esac\nexec \"$REAL\" \"$@\""))
        .spawn()
        .expect("the program");
    until("git hangs", || !written(&repo, "../hanging").is_empty());
    send(&child, Signal::SIGTERM);
    Run::from(child.wait_with_output().expect("an end")).exits(143);
    assert!(written(&repo, "../hanging").iter().all(|id| !runs(id)));
}

#[test]
fn a_git_that_is_only_slow_is_waited_for() {
    let repo = TestRepo::new();
    repo.worktree("other");
    let slow = "case $1 in worktree) sleep 1.5;; esac; exec \"$REAL\" \"$@\"";
    Run::of(&mut with_git(&repo, slow)).exits(0).shows("other");
}

/// A repository whose one check holds a lock as git does: as long as it runs, and it takes it away when it is asked to end.
fn with_lock() -> TestRepo {
    let repo = TestRepo::new();
    let script = "#!/usr/bin/perl\nsub make { open(my $f, '>', $_[0]) or die }\n\
                  $SIG{TERM} = sub { unlink 'index.lock'; exit 1 };\nmake 'index.lock'; make 'ready';\n\
                  select(undef, undef, undef, 0.01) while 1;\n";
    repo.script("../bin/holds", script);
    repo.config("wtcheck.checks", "holds");
    repo.config("wtcheck.holds.command", "../bin/holds");
    repo
}

#[test]
fn nothing_is_killed_that_had_no_moment_to_take_its_locks_away() {
    for _ in 0..5 {
        let repo = with_lock();
        let child = repo.command(BINARY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        until("it holds its lock", || repo.at("ready").exists());
        send(&child, Signal::SIGQUIT);
        Run::from(child.wait_with_output().expect("an end")).exits(131);
        assert!(!repo.at("index.lock").exists(), "SIGQUIT leaves a lock behind");
        nothing_left(&repo.root());
    }
}

#[test]
fn what_was_started_after_the_first_interrupt_has_a_moment_too() {
    let repo = with_lock();
    // It does not mind being asked, and starts what holds a lock only then.
    let script = "#!/bin/sh\ntrap '[ $started ] || { started=1; ../bin/holds & }' TERM\n: > waits\nwhile :; do sleep 0.01; done\n";
    repo.script("../bin/late", script);
    repo.config("wtcheck.holds.command", "../bin/late");
    repo.config("wtcheck.holds.gracePeriod", "1h");
    let mut child = repo.command(BINARY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    until("it waits", || repo.at("waits").exists());
    send(&child, Signal::SIGINT);
    until("it holds its lock", || repo.at("ready").exists());
    until("the second one ends it", || {
        let ended = child.try_wait().expect("a look").is_some();
        if !ended {
            send(&child, Signal::SIGINT);
        }
        ended
    });
    Run::from(child.wait_with_output().expect("an end")).exits(130);
    assert!(!repo.at("index.lock").exists(), "the second Ctrl-C leaves a lock behind");
    nothing_left(&repo.root());
}

#[cfg(target_os = "linux")]
#[test]
fn checks_end_with_the_program_that_was_killed() {
    let repo = TestRepo::new();
    repo.config("wtcheck.checks", "holds");
    repo.config("wtcheck.holds.command", "echo $$ > ../id; : > ready; exec sleep 1000");
    let mut child = repo.command(BINARY).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
    until("it runs", || repo.at("ready").exists());
    child.kill().expect("it runs");
    child.wait().expect("an end");
    until("its check ends too", || !runs(&std::fs::read_to_string(repo.at("../id")).expect("an id")));
}

#[cfg(target_os = "linux")]
#[test]
fn the_git_of_discovery_ends_with_the_program_that_was_killed() {
    let repo = TestRepo::new();
    let mut child = hangs_at(&repo, "list").spawn().expect("the program");
    until("git hangs", || !written(&repo, "../hanging").is_empty());
    child.kill().expect("it runs");
    child.wait().expect("an end");
    until("git ends too", || written(&repo, "../hanging").iter().all(|id| !runs(id)));
}

#[test]
fn a_parent_that_ignores_its_children_s_ends_takes_nothing_away() {
    let repo = TestRepo::new();
    repo.config("wtcheck.checks", "status log quick wrong");
    repo.config("wtcheck.quick.command", "true");
    repo.config("wtcheck.wrong.command", "exit 3");
    let script = "$SIG{CHLD} = 'IGNORE'; exec @ARGV or die";
    let run = Run::of(repo.command("perl").args(["-e", script, BINARY, "--format=json"]));
    let json = run.exits(1).json();
    let outcomes = ["status", "log", "quick", "wrong"].map(|check| unit(&json, "repo", check)["outcome"].clone());
    assert_eq!(outcomes, ["passed", "passed", "passed", "failed"]);
    assert_eq!(unit(&json, "repo", "wrong")["reason"], "exit status 3");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for (name, signal) in [("INT", Signal::SIGINT), ("QUIT", Signal::SIGQUIT), ("HUP", Signal::SIGHUP)] {
        let repo = TestRepo::new();
        repo.config("wtcheck.checks", "slow");
        repo.config("wtcheck.slow.command", ": >ready; while [ ! -e ../go ]; do sleep 0.01; done");
        let mut command = repo.command("sh");
        command.args(["-c", &format!("trap '' {name}; exec \"$0\""), BINARY]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        until("the check runs", || repo.at("ready").exists());
        send(&child, signal);
        send(&child, signal);
        repo.write("../go", "");
        Run::from(child.wait_with_output().expect("an end")).exits(0).shows("SLOW");
    }
}

#[test]
fn a_question_to_a_person_can_be_left_by_a_signal() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "[check.x]\ncommand = 'true'\n");
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    let side = |fd: &std::os::fd::OwnedFd| Stdio::from(fd.try_clone().expect("a stream"));
    let mut command = repo.command(BINARY);
    command.arg("trust").stdin(side(&pty.slave)).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().expect("the program");
    let mut text = String::new();
    let mut out = child.stdout.take().expect("a pipe");
    while !text.contains("[y/N]") {
        let mut chunk = [0; 512];
        let read = std::io::Read::read(&mut out, &mut chunk).expect("text");
        assert!(read > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    send(&child, Signal::SIGINT);
    let status = child.wait().expect("an end");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(Signal::SIGINT as i32));
}
