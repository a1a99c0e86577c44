//! Signals to the program while checks run: what is known is told, and nothing is left.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::support::leftovers::{left, nothing_left, until};
use crate::support::{BINARY, Run, TestRepo, unit};

/// Two worktrees, and on each a check that passes, `quick`, and one that runs this, `slow`, after it has made the file `ready`.
fn repo(slow: &str) -> TestRepo {
    let repo = TestRepo::new();
    repo.worktree("other");
    repo.config("wtcheck.checks", "quick slow");
    repo.config("wtcheck.maxConcurrency", "8");
    repo.config("wtcheck.quick.command", "true");
    repo.config("wtcheck.slow.needs", "quick");
    repo.config("wtcheck.slow.command", slow);
    repo
}

/// A run of the program that goes on.
struct Running<'a> {
    repo: &'a TestRepo,
    child: Child,
}

impl<'a> Running<'a> {
    /// Starts it, and waits until every `slow` runs.
    fn start(repo: &'a TestRepo, args: &[&str]) -> Self {
        for name in ["repo", "other"] {
            // An earlier run's.
            let _ = std::fs::remove_file(repo.at(format!("../{name}/ready")));
        }
        Self::started(repo, repo.command(BINARY).args(args))
    }

    /// The same, by a command that becomes the program.
    fn started(repo: &'a TestRepo, command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let running = Self { repo, child };
        until("checks run", || ["repo", "other"].iter().all(|name| running.has(&format!("../{name}/ready"))));
        running
    }

    fn has(&self, file: &str) -> bool {
        self.repo.at(file).exists()
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("an id"))
    }

    fn send(&self, signal: Signal) {
        nix::sys::signal::kill(self.id(), signal).expect("it runs");
    }

    /// Waits for its end, and sees that nothing is left.
    #[track_caller]
    fn end(self) -> Run {
        let run = Run::from(self.child.wait_with_output().expect("an end"));
        nothing_left(&self.repo.root());
        run
    }
}

#[track_caller]
fn tells_what_is_known(run: &Run, signal: Signal) {
    let code = 128 + signal as i32;
    let json = run.exits(code).json();
    assert_eq!(json["summary"]["exit_code"], code);
    for worktree in ["repo", "other"] {
        assert_eq!(unit(&json, worktree, "quick")["outcome"], "passed");
        let slow = unit(&json, worktree, "slow");
        assert_eq!(slow["outcome"], "cancelled");
        assert_eq!(slow["reason"], format!("interrupted by {}", signal.as_str()));
    }
}

#[test]
fn each_signal_ends_the_run_with_its_number() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let repo = repo(": >ready; sleep 1000");
        let running = Running::start(&repo, &["--format", "json"]);
        running.send(signal);
        tells_what_is_known(&running.end(), signal);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn under_nohup_a_hangup_ends_nothing() {
    let repo = repo(": >ready; while [ ! -e ../go ]; do sleep 0.01; done");
    let mut command = repo.command("sh");
    let running = Running::started(&repo, command.args(["-c", "trap '' HUP; exec \"$0\"", BINARY]));
    running.send(Signal::SIGHUP);
    repo.write("../go", "");
    running.end().exits(0);
}

#[test]
fn people_are_told_what_is_known_too() {
    let repo = repo(": >ready; sleep 1000");
    let running = Running::start(&repo, &[]);
    running.send(Signal::SIGINT);
    running.end().exits(130).shows("cancelled").shows("interrupted");
}

#[test]
fn checks_that_will_not_end_are_killed_after_their_grace_period() {
    let repo = repo("trap '' TERM; : >ready; while :; do sleep 0.05; done");
    repo.config("wtcheck.gracePeriod", "100ms");
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let running = Running::start(&repo, &["--format", "json"]);
        running.send(signal);
        tells_what_is_known(&running.end(), signal);
    }
}

#[test]
fn sigquit_has_no_grace_period() {
    let repo = repo("trap '' TERM; : >ready; while :; do sleep 0.05; done");
    repo.config("wtcheck.gracePeriod", "1h");
    let running = Running::start(&repo, &["--format", "json"]);
    running.send(Signal::SIGQUIT);
    tells_what_is_known(&running.end(), Signal::SIGQUIT);
}

#[test]
fn one_key_press_that_arrives_twice_is_one() {
    let repo = repo("trap 'sleep 0.2; : >ended; exit 1' TERM; : >ready; while :; do sleep 0.02; done");
    repo.config("wtcheck.gracePeriod", "1h");
    let running = Running::start(&repo, &["--format", "json"]);
    running.send(Signal::SIGINT);
    std::thread::sleep(std::time::Duration::from_micros(100));
    running.send(Signal::SIGINT);
    tells_what_is_known(&running.end(), Signal::SIGINT);
    assert!(repo.at("ended").exists() && repo.at("../other/ended").exists(), "they could clean up");
}

#[test]
fn a_second_interrupt_kills() {
    let repo = repo("trap ': >asked' TERM; : >ready; while :; do sleep 0.02; done");
    repo.config("wtcheck.gracePeriod", "1h");
    let mut running = Running::start(&repo, &["--format", "json"]);
    running.send(Signal::SIGINT);
    until("checks are asked to end", || running.has("asked") && running.has("../other/asked"));
    assert!(running.child.try_wait().expect("a look").is_none(), "it waits for them");
    // However often it is pressed: what counts is that it is pressed again later.
    until("the second one ends it", || {
        let ended = running.child.try_wait().expect("a look").is_some();
        if !ended {
            running.send(Signal::SIGINT);
        }
        ended
    });
    tells_what_is_known(&running.end(), Signal::SIGINT);
}

#[test]
fn groups_of_their_own_are_ended_too() {
    let repo = repo(
        "perl -e 'setpgrp(0, 0); $SIG{TERM} = q(IGNORE); open(F, q(>), q(ready)); close(F); sleep 1000' & sleep 1000",
    );
    repo.config("wtcheck.gracePeriod", "50ms");
    let running = Running::start(&repo, &["--format", "json"]);
    running.send(Signal::SIGINT);
    tells_what_is_known(&running.end(), Signal::SIGINT);
}

#[test]
fn a_reader_that_has_seen_enough_stops_nothing() {
    let repo = repo(": >ready; while [ ! -e ../go ]; do sleep 0.01; done; : >done");
    for format in ["jsonl", "human", "json"] {
        let mut running = Running::start(&repo, &["--format", format]);
        let mut output = BufReader::new(running.child.stdout.take().expect("a pipe"));
        if format == "jsonl" {
            output.read_line(&mut String::new()).expect("a line");
        }
        drop(output);
        repo.write("../go", "");
        let mut said = String::new();
        running.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        assert_eq!((running.end().code, said.as_str()), (0, ""), "{format}");
        for file in ["../go", "done", "../other/done"] {
            std::fs::remove_file(repo.at(file)).expect("the checks ran to their end");
        }
    }
}

/// The state of a process: `T` where it is stopped.
fn state(id: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_stopped_stops_its_checks_and_its_time() {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(1);
    let repo = repo(
        "perl -e 'setpgrp(0, 0); sleep 1000' >/dev/null 2>&1 & : >ready; while [ ! -e ../go ]; do sleep 0.01; done",
    );
    repo.config("wtcheck.timeout", "1s");
    repo.config("wtcheck.globalTimeout", "1100ms");
    let running = Running::start(&repo, &["--format", "json"]);
    let id = running.id().as_raw();
    let states = || {
        let mut processes = left(&repo.root());
        processes.push((id, "the program".to_owned()));
        processes.iter().filter_map(|(id, _)| state(*id)).collect::<String>()
    };
    running.send(Signal::SIGTSTP);
    // A shell whose child was stopped between vfork and exec waits for it in the kernel (D).
    until("all of it stands still", || states().chars().all(|state| "TD".contains(state)));
    // Longer than any limit: what is to be shown is that this time does not count.
    std::thread::sleep(LIMIT + LIMIT / 5);
    running.send(Signal::SIGCONT);
    until("all of it goes on", || !states().contains('T'));
    repo.write("../go", "");
    let json = running.end().exits(0).json();
    assert_eq!(unit(&json, "other", "slow")["outcome"], "passed");
    assert!(json["duration_ms"].as_f64().is_some_and(|length| length < 1100.0), "{}", json["duration_ms"]);
}
