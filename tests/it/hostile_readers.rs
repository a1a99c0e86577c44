//! Readers that take nothing, or not now: they hold up the start of more, and nothing else.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::leftovers::{left, nothing_left, until};
use crate::support::{BINARY, Run, TestRepo};

/// A program that was asked to end has ended within this, however busy the machine.
const PROMPTLY: Duration = Duration::from_secs(5);

/// So many worktrees, and a check that prints far more than any pipe holds, and runs until it is asked to end; each
/// leaves `began` and `ended` in its folder.
fn repo(worktrees: usize) -> TestRepo {
    let repo = TestRepo::new();
    for index in 1..worktrees {
        repo.worktree(&format!("w{index}"));
    }
    repo.config("wtcheck.checks", "chatty");
    repo.config("wtcheck.maxConcurrency", "4");
    repo.write("../long", "x".repeat(300_000));
    // Then one unit's output is more than may wait.
    repo.config("wtcheck.maxOutput", "300KiB");
    let script = "trap ': >ended; exit 1' TERM; : >began; cat ../long; cat ../long >&2; while :; do sleep 0.02; done";
    repo.config("wtcheck.chatty.command", script);
    repo
}

/// One unit has ended early and filled the pipe; the others go on.
fn one_ends_early(repo: &TestRepo) {
    let script = repo.git(&["config", "wtcheck.chatty.command"]);
    let first = "case $PWD in */repo) : >began; cat ../long; cat ../long >&2; exit 1;; esac; ";
    repo.config("wtcheck.chatty.command", &(first.to_owned() + &script));
}

/// How many worktrees have this file.
fn count(repo: &TestRepo, file: &str) -> usize {
    let folders = std::fs::read_dir(repo.root()).expect("a folder");
    folders.filter(|folder| folder.as_ref().expect("an entry").path().join(file).exists()).count()
}

fn start(command: &mut Command) -> Child {
    command.spawn().expect("the program")
}

fn id(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("an id"))
}

/// Asks it to end, and sees that it does, soon, with the signal's number, and that nothing is left.
#[track_caller]
fn ends_promptly(repo: &TestRepo, mut child: Child, signal: Signal) {
    let asked = Instant::now();
    kill(id(&child), signal).expect("it runs");
    until("it ends", || child.try_wait().expect("a look").is_some());
    assert!(asked.elapsed() < PROMPTLY, "{:?}", asked.elapsed());
    let status = child.wait().expect("an end");
    // Whether it ends by itself or lets the signal end it, a shell sees the same number.
    let run = Run::from(std::process::Output { status, stdout: Vec::new(), stderr: Vec::new() });
    run.exits(128 + signal as i32);
    nothing_left(&repo.root());
}

/// Whether a process stands in a folder.
fn stands_in(id: i32, folder: &Path) -> bool {
    std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|place| place == folder)
}

/// The lines of a stream, each a JSON object, and none missing.
#[track_caller]
fn events(text: &str, units: usize) -> Vec<Value> {
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((named("run_started"), named("unit_started"), named("unit_finished")), (1, units, units));
    assert_eq!(events[0]["event"], "run_started");
    assert_eq!(events.last().expect("lines")["event"], "run_finished");
    let times: Vec<f64> = events.iter().map(|event| event["elapsed_ms"].as_f64().expect("a time")).collect();
    assert!(times.is_sorted(), "in order");
    events
}

#[test]
fn a_pipe_that_nobody_reads_stops_no_clock_and_is_given_up_on_after_a_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let repo = repo(9);
        repo.config("wtcheck.timeout", "1s");
        let child = start(repo.command(BINARY).args(["--format=jsonl"]).stdout(Stdio::piped()).stderr(Stdio::null()));
        until("what runs is timed out", || count(&repo, "ended") == 4 && left(&repo.root()).is_empty());
        assert_eq!(count(&repo, "began"), 4, "nothing more was started");
        ends_promptly(&repo, child, signal);
        assert_eq!(count(&repo, "began"), 4);
    }
}

#[test]
fn a_signal_ends_what_runs_while_nobody_reads() {
    let repo = repo(9);
    one_ends_early(&repo);
    let child = start(repo.command(BINARY).args(["--format=jsonl"]).stdout(Stdio::piped()).stderr(Stdio::null()));
    until("they run, but for the one that has ended", || {
        count(&repo, "began") == 4 && !left(&repo.root()).iter().any(|(id, _)| stands_in(*id, &repo.path()))
    });
    ends_promptly(&repo, child, Signal::SIGTERM);
}

#[test]
fn the_whole_run_s_time_is_over_when_it_is_over_and_a_late_reader_gets_all_of_it() {
    let repo = repo(9);
    one_ends_early(&repo);
    let mut child = start(
        repo.command(BINARY)
            .args(["--format=jsonl", "--global-timeout=1s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let began = Instant::now();
    until("what runs is ended", || count(&repo, "ended") == 3 && left(&repo.root()).is_empty());
    assert!(began.elapsed() >= Duration::from_millis(900));
    assert!(child.try_wait().expect("a look").is_none(), "it waits for its reader");
    let run = Run::from(child.wait_with_output().expect("an end"));
    run.exits(1);
    assert_eq!(run.stderr, "");
    let events = events_of_a_cut_run(&run.stdout);
    assert_eq!(
        events.iter().filter(|event| event["outcome"] == "cancelled" && event["event"] == "unit_finished").count(),
        8
    );
}

fn events_of_a_cut_run(text: &str) -> Vec<Value> {
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.last().expect("lines")["event"], "run_finished");
    events
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_and_every_line_comes_whole_once_the_reader_wakes_up() {
    const WORKTREES: usize = 13;
    let repo = repo(WORKTREES);
    // Some 50 MB.
    let script = ": >began; for _ in $(seq 170); do cat ../long; done; exit 3";
    repo.config("wtcheck.chatty.command", script);
    let mut child = start(repo.command(BINARY).args(["--format=jsonl"]).stdout(Stdio::piped()).stderr(Stdio::piped()));
    until("nothing is started any more", || {
        let before = count(&repo, "began");
        std::thread::sleep(Duration::from_secs(1));
        before > 0 && before == count(&repo, "began") && left(&repo.root()).is_empty()
    });
    assert!(count(&repo, "began") <= 8, "{} of {WORKTREES}", count(&repo, "began"));
    let most = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory").to_owned();
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    let stuck = most();
    assert!(stuck < 64 * 1024, "{stuck} KiB");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    out.read_to_string(&mut text).expect("text");
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!((child.wait().expect("an end").code(), said.as_str()), (Some(1), ""));
    for event in events(&text, WORKTREES).iter().filter(|event| event["event"] == "attempt_finished") {
        let attempt = &event["attempt"];
        assert_eq!(
            (attempt["exit_code"].as_i64(), attempt["stdout"].as_str().map(str::len)),
            (Some(3), Some(300 * 1024))
        );
    }
}

#[test]
fn a_reader_of_one_line_ends_nothing_and_is_no_fault() {
    let repo = repo(5);
    repo.config("wtcheck.timeout", "1s");
    let mut child = start(repo.command(BINARY).args(["--format=jsonl"]).stdout(Stdio::piped()).stderr(Stdio::piped()));
    until("the pipe is full", || count(&repo, "ended") == 4);
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut String::new()).expect("a line");
    drop(out);
    let run = Run::from(child.wait_with_output().expect("an end"));
    run.exits(1);
    assert_eq!((run.stderr.as_str(), count(&repo, "ended")), ("", 5), "the rest has run");
}

/// A terminal that can be stopped as Ctrl-S does.
struct Screen {
    master: File,
    slave: File,
}

impl Screen {
    fn new() -> Self {
        let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).expect("a terminal");
        Self { master: File::from(master), slave: File::from(slave) }
    }

    fn stop(&self) {
        tcflow(&self.slave, FlowArg::TCOOFF).expect("it stops");
    }

    fn stream(&self) -> Stdio {
        Stdio::from(self.slave.try_clone().expect("a stream"))
    }

    /// Lets go, and reads what was written until the program has ended.
    fn read(self, mut child: Child) -> (i32, String) {
        let Self { mut master, slave } = self;
        let reader = std::thread::spawn(move || {
            let (mut written, mut chunk) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = master.read(&mut chunk) {
                written.extend_from_slice(&chunk[..count]);
            }
            String::from_utf8_lossy(&written).into_owned()
        });
        tcflow(&slave, FlowArg::TCOON).expect("it goes on");
        let code = child.wait().expect("an end").code().expect("a status");
        drop(slave);
        (code, reader.join().expect("the reader"))
    }
}

fn on(screen: &Screen, repo: &TestRepo, args: &[&str]) -> Child {
    let mut command = repo.command(BINARY);
    start(command.args(args).env("TERM", "xterm").stdout(screen.stream()).stderr(screen.stream()))
}

#[test]
fn a_terminal_that_stands_still_stops_no_clock() {
    for format in ["human", "jsonl"] {
        let repo = repo(5);
        repo.config("wtcheck.timeout", "1s");
        let screen = Screen::new();
        screen.stop();
        let child = on(&screen, &repo, &["--format", format]);
        let ended = if format == "human" { 5 } else { 4 };
        until("what runs is timed out", || count(&repo, "ended") == ended && left(&repo.root()).is_empty());
        assert_eq!(count(&repo, "began"), ended);
        ends_promptly(&repo, child, Signal::SIGTERM);
    }
}

#[test]
fn a_terminal_that_goes_on_shows_the_table_and_few_drawings() {
    let repo = repo(5);
    repo.config("wtcheck.timeout", "1500ms");
    repo.config("wtcheck.maxOutput", "1KiB");
    let screen = Screen::new();
    screen.stop();
    let child = on(&screen, &repo, &["--format=human"]);
    until("what runs is timed out", || count(&repo, "ended") == 5 && left(&repo.root()).is_empty());
    let (code, written) = screen.read(child);
    assert_eq!(code, 1, "{written}");
    let mut terminal = crate::support::terminal::parser(100, 200);
    terminal.process(written.as_bytes());
    let shown = terminal.screen().contents();
    assert!(shown.contains("  WORKTREE") && shown.contains("5 timed out"), "{shown}");
    assert!(!shown.contains("0/5"), "the bar is gone:\n{shown}");
    let drawn = written.matches("0/5").count() + written.matches("4/5").count();
    assert!(drawn <= 3, "{drawn} drawings in three seconds: {written:?}");
}

#[test]
fn what_is_said_after_the_run_waits_for_no_terminal_either() {
    let repo = TestRepo::new();
    repo.config("wtcheck.quick.command", "true");
    let screen = Screen::new();
    screen.stop();
    let mut command = repo.command(BINARY);
    command.args(["--no-progress", "--format=json", "--timings=../page.html", "quick"]);
    let mut child = start(command.stdout(Stdio::piped()).stderr(screen.stream()));
    let mut text = String::new();
    let mut out = child.stdout.take().expect("a pipe");
    until("the page is there", || repo.at("../page.html").exists());
    let document = std::thread::spawn(move || {
        out.read_to_string(&mut text).expect("text");
        text
    });
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().expect("a look").is_none(), "it has something to say");
    ends_promptly(&repo, child, Signal::SIGTERM);
    let document: Value = serde_json::from_str(&document.join().expect("the reader")).expect("JSON");
    assert_eq!(document["summary"]["passed"], 1);
}

#[test]
fn a_signal_while_a_pager_is_left_open_ends_the_program() {
    let repo = TestRepo::new();
    repo.config("wtcheck.chatty.command", "seq 100000; exit 1");
    let child = start(
        repo.command(BINARY).args(["--format=json", "chatty", "--output=json=../report.json"]).stdout(Stdio::piped()),
    );
    until("the other report is there, whoever reads this one", || repo.at("../report.json").exists());
    ends_promptly(&repo, child, Signal::SIGTERM);
    let text = std::fs::read_to_string(repo.at("../report.json")).expect("a report");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["summary"]["failed"], 1);
}
