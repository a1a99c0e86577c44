//! What a user would run instead, against `git wtcheck`, on the same fleets in one run: paired ratios, not times.
//!
//! `cargo bench --bench peers` builds fleets in a temporary folder and prints the medians of the ratios of runs that follow one
//! another, in CPU and in wall time, so that a noisy machine disturbs both sides alike. The bounds are on CPU. `-- --quick`
//! leaves the largest fleets out.
//!
//! The floor is a program that looks at each tracked file once (`lstat`), and does nothing else.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::disallowed_methods, reason = "a bench stands outside the program")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
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

use measure::{Cost, cost, ratio, ratios, row, row_of_both, time};
use support::plans::{check, plan};
use support::{BINARY, TestRepo};

mod measure;
#[path = "../tests/it/support/mod.rs"]
mod support;

/// What a shell user would type.
const XARGS: &str = "git worktree list --porcelain | sed -n 's/^worktree //p' | xargs -P\"$CPUS\" -I{} git -C {} status --porcelain=v2 --branch --untracked-files=normal";
/// One after the other.
const LOOP: &str = "git worktree list --porcelain | sed -n 's/^worktree //p' | while read -r w; do git -C \"$w\" status --porcelain=v2 --branch --untracked-files=normal; done";
/// GNU parallel.
const PARALLEL: &str = "git worktree list --porcelain | sed -n 's/^worktree //p' | parallel -j\"$CPUS\" git -C {} status --porcelain=v2 --branch --untracked-files=normal";
/// Status, branch and log of each worktree under a semaphore of 10.
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
    /// The file that names all tracked files.
    files: PathBuf,
}

impl Fleet {
    fn build(worktrees: usize, files: usize) -> Self {
        Self::of(TestRepo::fleet(worktrees, files), format!("{worktrees} x {files} files"))
    }

    fn of(repo: TestRepo, name: String) -> Self {
        let files = repo.root().join("tracked");
        let mut all = Vec::new();
        for worktree in
            repo.git(&["worktree", "list", "--porcelain"]).lines().filter_map(|line| line.strip_prefix("worktree "))
        {
            for file in repo.git_in(worktree, &["ls-files", "-z"]).split_terminator('\0') {
                all.extend(format!("{worktree}/{file}\0").into_bytes());
            }
        }
        fs::write(&files, all).expect("a file");
        // What was written a moment ago is not relied on from run to run; a user's repository is older.
        std::thread::sleep(Duration::from_secs(4));
        Self { repo, name, files }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.repo.command(program);
        command.stdout(Stdio::null()).env("CPUS", cpus().to_string()).env_remove("GIT_WTCHECK_PROVE");
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

    /// Without what former runs have kept.
    fn without_cache(&self, checks: &[&str]) -> Command {
        let mut command = self.wtcheck(checks);
        command.env("GIT_WTCHECK_LISTING_CACHE", "false");
        command
    }

    /// A look at each tracked file.
    fn floor(&self) -> Command {
        let mut command = self.command(&std::env::current_exe().expect("this program").to_string_lossy());
        command.arg(FLOOR).arg(&self.files);
        command
    }
}

/// The argument by which this program is asked to look at files.
const FLOOR: &str = "--look-at-files";

fn look_at_files(list: &Path) {
    let list = fs::read(list).expect("a list");
    let there = list.split(|byte| *byte == 0).filter(|path| !path.is_empty()).filter(|path| {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        path.symlink_metadata().is_ok()
    });
    assert!(there.count() > 0, "there are files");
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

/// One side of a comparison.
type Side<'a> = &'a dyn Fn() -> Command;

/// The bounds on what a fleet costs.
struct Bounds {
    /// The default pipeline, beside a `git status` in each worktree.
    default: f64,
    /// The same in a second run, with what the first has kept.
    again: f64,
}

/// What a table of all worktrees costs, beside git and beside the floor.
fn bounds(fleet: &Fleet, rounds: usize, bounds: &Bounds) {
    let name = &fleet.name;
    let both = |what: &str, ours: Side<'_>, theirs: Side<'_>, most: Option<f64>| {
        row_of_both(name, what, ratios(rounds, || cost(ours()), || cost(theirs())), most);
    };
    let xargs = || fleet.shell(XARGS);
    both("default, nothing kept / xargs git status", &|| fleet.without_cache(&[]), &xargs, Some(bounds.default));
    both("default, second run / xargs git status", &|| fleet.wtcheck(&[]), &xargs, Some(bounds.again));
    both("status, nothing kept / xargs git status", &|| fleet.without_cache(&["status"]), &xargs, None);
    both("status, nothing kept / floor", &|| fleet.without_cache(&["status"]), &|| fleet.floor(), Some(1.5));
    both("status, second run / floor", &|| fleet.wtcheck(&["status"]), &|| fleet.floor(), Some(1.25));
    both("floor / xargs git status", &|| fleet.floor(), &xargs, None);
}

fn peers(fleet: &Fleet, rounds: usize) {
    let name = &fleet.name;
    let both = |what: &str, ours: Side<'_>, theirs: Side<'_>| {
        row_of_both(name, what, ratios(rounds, || cost(ours()), || cost(theirs())), None);
    };
    let (status, default) = (|| fleet.wtcheck(&["status"]), || fleet.wtcheck(&[]));
    both("status / sequential loop", &status, &|| fleet.shell(LOOP));
    let program = |program: &str, args: &[&str]| {
        let mut command = fleet.command(program);
        command.args(args);
        command
    };
    let others: [(&str, &str, Side<'_>, Side<'_>); 4] = [
        ("python3", "default / asyncio program", &default, &|| program("python3", &["-c", ASYNCIO])),
        ("parallel", "status / GNU parallel", &status, &|| fleet.shell(PARALLEL)),
        ("wt", "default / wt list", &default, &|| program("wt", &["list"])),
        ("gix", "status / xargs gix status", &status, &|| {
            fleet.shell(
                &XARGS.replace("git -C {} status --porcelain=v2 --branch --untracked-files=normal", "gix -r {} status"),
            )
        }),
    ];
    for (peer, what, ours, theirs) in others {
        if is_installed(peer) {
            both(what, ours, theirs);
        } else {
            println!("{name:<18} {peer} is not installed: left out");
        }
    }
}

/// A repository with one worktree, beside the one git that answers the same.
fn one_worktree() {
    for files in [50, 5_000] {
        let fleet = Fleet::build(1, files);
        let git = || {
            let mut command = fleet.command("git");
            command.args(["status", "--porcelain=v2", "--branch"]);
            command
        };
        let ours = || {
            let mut command = fleet.command(BINARY);
            command.arg("status");
            command
        };
        let most = Some(1.5);
        row_of_both(&fleet.name, "status / git status", ratios(101, || cost(ours()), || cost(git())), most);
        let typed = ratios(101, || cost(fleet.wtcheck(&["status"])), || cost(git()));
        row_of_both(&fleet.name, "status, started by git / git status", typed, None);
    }
}

/// Where a proof comes to nothing: beside asking git at once.
fn in_vain() {
    let ratios_of = |fleet: &Fleet| {
        let at_once = || {
            let mut command = fleet.wtcheck(&["status"]);
            command.env("GIT_WTCHECK_PROVE", "false");
            command
        };
        ratios(9, || cost(fleet.wtcheck(&["status"])), || cost(at_once()))
    };
    let repo = TestRepo::fleet(5, 20_000);
    repo.write(".gitattributes", "* text=auto\n");
    for index in 0..5 {
        let folder = if index == 0 { repo.path() } else { repo.root().join(format!("w{index}")) };
        fs::write(folder.join(".gitattributes"), "* text=auto\n").expect("a file");
        repo.git_in(&folder, &["add", "."]);
        repo.git_in(&folder, &["commit", "--quiet", "--message=attributes"]);
        repo.aged(&folder);
        let last = repo.git_in(&folder, &["ls-files"]).lines().last().expect("a file").to_owned();
        let content = fs::read(folder.join(&last)).expect("a file");
        fs::write(folder.join(&last), content.to_ascii_uppercase()).expect("a file");
    }
    let fleet = Fleet::of(repo, "5 x 20000 files".to_owned());
    row_of_both(&fleet.name, "the last file defeats the proof / git at once", ratios_of(&fleet), Some(1.25));
    let fleet = Fleet::build(21, 5_000);
    for index in 1..21 {
        let folder = fleet.repo.root().join(format!("w{index}"));
        fleet.repo.git_in(&folder, &["add", "."]);
        fleet.repo.git_in(&folder, &["commit", "--quiet", "--allow-empty", "--message=all"]);
        fs::write(folder.join("staged"), "staged").expect("a file");
        fleet.repo.git_in(&folder, &["add", "staged"]);
    }
    row_of_both(&fleet.name, "something is staged / git at once", ratios_of(&fleet), Some(1.06));
}

/// What a worktree costs among a thousand, beside what it costs among a hundred.
fn a_thousand() {
    let (few, many) = (Fleet::build(101, 50), Fleet::build(1_001, 50));
    let each = |fleet: &Fleet, worktrees: u32| {
        let Cost { wall, cpu } = cost(fleet.wtcheck(&[]));
        Cost { wall: wall / worktrees, cpu: cpu / worktrees }
    };
    let ratios = ratios(7, || each(&many, 1_001), || each(&few, 101));
    row_of_both(&many.name, "default, each worktree / the same of 101", ratios, Some(1.2));
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
fn memory(fleet: &Fleet, most: f64) {
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
    row(&fleet.name, "peak memory, default pipeline (MiB)", peak(&[]), Some(most));
    fleet.repo.git(&["config", "wtcheck.loud.command", "head -c 200000000 /dev/zero | tr '\\0' 'x'"]);
    row(&fleet.name, "peak memory, one check prints 200 MB (MiB)", peak(&["-w", "repo", "loud"]), Some(40.0));
    fleet.repo.git(&["config", "--remove-section", "wtcheck.loud"]);
}

/// Processes started by one run, and system calls, which do not vary.
fn counts(fleet: &Fleet, most: [f64; 2]) {
    if !is_installed("strace") {
        println!("strace is not installed: processes and system calls left out");
        return;
    }
    let trace = fleet.repo.root().join("trace");
    let traced = |args: &[&str]| {
        let mut command = fleet.command("strace");
        command.args(["-f", "-qq", "-o"]).arg(&trace).args(args).arg(BINARY);
        command.env("GIT_WTCHECK_LISTING_CACHE", "false");
        assert!(command.status().expect("strace").success());
        fs::read_to_string(&trace).expect("a trace")
    };
    // What a former run has kept holds for one git: here the program is not started by it.
    traced(&["-e", "trace=execve"]);
    let started = traced(&["-e", "trace=execve"]).lines().filter(|line| line.ends_with("= 0")).count() - 1;
    let calls = traced(&["-c", "-U", "calls,name"]);
    let calls = calls.lines().rev().find_map(|line| line.trim().strip_suffix("total")?.trim().parse::<f64>().ok());
    let started = f64::from(u32::try_from(started).expect("a count"));
    row(&fleet.name, "processes, default", started, Some(most[0]));
    row(&fleet.name, "system calls, default", calls.expect("a total"), Some(most[1]));
}

fn main() {
    let args: Vec<_> = std::env::args_os().collect();
    if let Some(at) = args.iter().position(|argument| argument == FLOOR) {
        return look_at_files(Path::new(&args[at + 1]));
    }
    let has = |flag: &str| args.iter().any(|argument| argument == flag);
    println!("{:<18} {:<58} {:>6} {:>6}", "fleet", "what", "CPU", "wall");
    let small = Fleet::build(101, 200);
    executor(&small.repo.root());
    bounds(&small, 25, &Bounds { default: 0.30, again: 0.25 });
    counts(&small, [5.0, 32_000.0]);
    memory(&small, 25.0);
    peers(&small, 9);
    one_worktree();
    let medium = Fleet::build(21, 5_000);
    bounds(&medium, 15, &Bounds { default: 0.66, again: 0.55 });
    peers(&medium, 5);
    in_vain();
    if !has("--quick") {
        let big = Fleet::build(5, 80_000);
        bounds(&big, 9, &Bounds { default: 0.72, again: 0.60 });
        memory(&big, 60.0);
        a_thousand();
    }
}
