//! What a user would run instead, against `git wtcheck`, on the same fleets in one run: paired ratios, not times.
//!
//! `cargo bench --bench peers` builds three fleets in a temporary folder and prints the median of the ratios of runs
//! that follow one another, so that a noisy machine disturbs both sides alike. `-- --quick` leaves the largest fleet out.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::disallowed_methods, reason = "a bench stands outside the program")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use git_wtcheck::checks::Check;
use git_wtcheck::environment::Environment;
use git_wtcheck::exec::clock::Clock;
use git_wtcheck::exec::dispatcher::{self, Surroundings};
use git_wtcheck::exec::looks::Looks;
use git_wtcheck::exec::session::Sessions;
use git_wtcheck::exec::source::Sources;
use git_wtcheck::git::command::Git;
use git_wtcheck::model::backlog::Backlog;
use git_wtcheck::model::check::CommandLine;
use git_wtcheck::plan::Plan;

use measure::{ratio, row, time};
use support::plans::{check, plan};
use support::{BINARY, TestRepo};

mod measure;
#[path = "../tests/it/support/mod.rs"]
mod support;

/// (a): what a shell user would type.
const XARGS: &str = "git worktree list --porcelain | sed -n 's/^worktree //p' | xargs -P\"$CPUS\" -I{} git -C {} status --porcelain=v2 --branch --untracked-files=normal";
/// (b): one after the other.
const LOOP: &str = "git worktree list --porcelain | sed -n 's/^worktree //p' | while read -r w; do git -C \"$w\" status --porcelain=v2 --branch --untracked-files=normal; done";
/// (d): GNU parallel.
const PARALLEL: &str = "git worktree list --porcelain | sed -n 's/^worktree //p' | parallel -j\"$CPUS\" git -C {} status --porcelain=v2 --branch --untracked-files=normal";
/// (c): status, branch and log of each worktree under a semaphore of 10.
const ASYNCIO: &str = r#"
import asyncio
gate = asyncio.Semaphore(10)
async def git(*args, cwd=None):
    async with gate:
        process = await asyncio.create_subprocess_exec("git", *args, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(process.communicate(), 10)
        return out.decode()
async def main():
    listing = await git("worktree", "list", "--porcelain")
    paths = [line[9:] for line in listing.splitlines() if line.startswith("worktree ")]
    statuses, branches, logs = await asyncio.gather(
        asyncio.gather(*[git("status", "-s", cwd=path) for path in paths]),
        asyncio.gather(*[git("branch", "--show-current", cwd=path) for path in paths]),
        asyncio.gather(*[git("log", "-1", "--format=%s", cwd=path) for path in paths]))
    for path, status, branch, log in zip(paths, statuses, branches, logs):
        print(path, branch.strip(), "dirty" if status else "clean", log.strip())
asyncio.run(main())
"#;

struct Fleet {
    repo: TestRepo,
    name: String,
}

impl Fleet {
    fn build(worktrees: usize, files: usize) -> Self {
        Self { repo: TestRepo::fleet(worktrees, files), name: format!("{worktrees} x {files} files") }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.repo.command(program);
        command.stdout(Stdio::null()).env("CPUS", cpus().to_string());
        command
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = self.command("sh");
        command.args(["-c", script]);
        command
    }

    /// As a user types it: git finds the program.
    fn wtcheck(&self, checks: &[&str]) -> Command {
        let mut command = self.command("git");
        command.arg("wtcheck").args(checks);
        command
    }
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn peers(fleet: &Fleet, rounds: usize) {
    let name = &fleet.name;
    let status = || time(fleet.wtcheck(&["status"]));
    let default = || time(fleet.wtcheck(&[]));
    row(name, "status / xargs git status (a)", ratio(rounds, status, || time(fleet.shell(XARGS))), Some(1.0));
    row(
        name,
        "default pipeline / xargs git status (a)",
        ratio(rounds, default, || time(fleet.shell(XARGS))),
        Some(1.15),
    );
    row(name, "status / sequential loop (b)", ratio(rounds, status, || time(fleet.shell(LOOP))), None);
    if is_installed("python3") {
        let asyncio = || {
            let mut command = fleet.command("python3");
            command.args(["-c", ASYNCIO]);
            time(command)
        };
        row(name, "default pipeline / asyncio program (c)", ratio(rounds, default, asyncio), Some(0.5));
    } else {
        println!("{name:<18} python3 is not installed: (c) left out");
    }
    if is_installed("parallel") {
        row(name, "status / GNU parallel (d)", ratio(rounds, status, || time(fleet.shell(PARALLEL))), None);
    } else {
        println!("{name:<18} GNU parallel is not installed: (d) left out");
    }
}

/// 1,000 units of `["true"]` at 2 places, without any discovery: a plan made by hand, carried out by the real executor.
fn executor(root: &Path) {
    let environment = Environment::of_this_process();
    let ours = || {
        let check = Check {
            command: Some(CommandLine::Direct(vec!["true".to_owned()])),
            timeout: Some(Duration::from_mins(10)),
            ..check("true")
        };
        let mut plan = Plan { max_concurrency: 2, ..plan(1000, vec![check]) };
        for worktree in &mut plan.worktrees {
            root.clone_into(&mut worktree.path);
        }
        let start = Instant::now();
        let mut passed = 0;
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
            let clock = Clock::default();
            let (_keep, mut orders) = tokio::sync::mpsc::unbounded_channel();
            let (git, sessions) = (Git::new(&environment), Arc::new(Sessions::new()));
            let executor = Arc::new(Sources::new(git, clock.clone(), sessions, Looks::default()));
            let surroundings = Surroundings {
                clock,
                orders: &mut orders,
                random: fastrand::Rng::new(),
                most: usize::MAX,
                backlog: Backlog::default(),
            };
            let mut count = |event: &git_wtcheck::event::Event| {
                if let git_wtcheck::event::EventKind::UnitFinished { end, .. } = &event.kind {
                    passed += usize::from(end.outcome == git_wtcheck::model::outcome::Outcome::Passed);
                }
            };
            dispatcher::run(Arc::new(plan), executor, surroundings, &mut count).await;
        });
        assert_eq!(passed, 1000);
        start.elapsed()
    };
    let theirs = || {
        let mut command = Command::new("sh");
        command.args(["-c", "yes x | head -n 1000 | xargs -P2 -n1 true"]).stdout(Stdio::null());
        time(command)
    };
    row("executor alone", "1,000 units of true / xargs -P2 -n1 true", ratio(9, ours, theirs), Some(1.3));
}

/// Peak memory in MiB, as GNU time reports it: of the program and, where one is larger, of a child of its.
fn memory(fleet: &Fleet) {
    if !is_installed("/usr/bin/time") {
        println!("GNU time is not installed: memory left out");
        return;
    }
    let peak = |args: &[&str]| {
        let mut command = fleet.command("/usr/bin/time");
        let output = command.args(["-f", "%M", BINARY]).args(args).stderr(Stdio::piped()).output().expect("time");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        text.lines().last().and_then(|line| line.trim().parse::<f64>().ok()).expect("a number") / 1024.0
    };
    row(&fleet.name, "peak memory, default pipeline (MiB)", peak(&[]), Some(25.0));
    fleet.repo.git(&["config", "wtcheck.loud.command", "head -c 200000000 /dev/zero | tr '\\0' 'x'"]);
    row(&fleet.name, "peak memory, one check prints 200 MB (MiB)", peak(&["-w", "repo", "loud"]), Some(40.0));
    fleet.repo.git(&["config", "--remove-section", "wtcheck.loud"]);
}

/// Processes started by one run, which do not vary.
fn processes(fleet: &Fleet, worktrees: usize) {
    if !is_installed("strace") {
        println!("strace is not installed: processes left out");
        return;
    }
    let trace = fleet.repo.root().join("trace");
    let trace_name = trace.to_string_lossy().into_owned();
    let mut command = fleet.command("strace");
    command.args(["-f", "-qq", "-e", "trace=execve", "-o", &trace_name, BINARY]);
    assert!(command.status().expect("strace").success());
    let text = fs::read_to_string(&trace).expect("a trace");
    let started = text.lines().filter(|line| line.ends_with("= 0")).count() - 1;
    println!(
        "{:<18} processes started by the default pipeline on {worktrees} worktrees: {started} ({} diff, the rest for all)",
        fleet.name,
        worktrees / 3
    );
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    println!("{:<18} {:<44} {:>6}", "fleet", "what", "ratio");
    let small = Fleet::build(101, 200);
    executor(&small.repo.root());
    peers(&small, 15);
    memory(&small);
    processes(&small, 101);
    peers(&Fleet::build(21, 5_000), 9);
    if !quick {
        peers(&Fleet::build(5, 80_000), 5);
    }
}
