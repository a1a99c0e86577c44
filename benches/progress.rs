//! What the progress display costs: 1,000 instant units on a terminal, with it and without.
//!
//! `cargo bench --bench progress` prints the median of the ratios of runs that follow one another. The bytes and the
//! drawings are those of the last run with progress.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::disallowed_methods, reason = "a bench stands outside the program")]

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use measure::{ratio, row, time};
use nix::pty::{Winsize, openpty};
use support::BINARY;

mod measure;
#[path = "../tests/it/support/mod.rs"]
mod support;

/// With the main one.
const WORKTREES: usize = 100;
const CHECKS: usize = 10;
/// What ends each drawing.
const DRAWN: &[u8] = b"\x1b[J";

fn command(program: &str, root: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root.join("repo")).env("HOME", root).env("GIT_CONFIG_NOSYSTEM", "1").env("TERM", "xterm");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Bench").env(format!("GIT_{role}_EMAIL"), "bench@example.com");
    }
    command
}

fn git(root: &Path, args: &[&str]) {
    assert!(command("git", root).args(args).status().expect("git").success(), "git {args:?}");
}

/// Runs the pipeline with standard error on a terminal, and gives what it took, what was written there, and in how many drawings.
fn run(root: &Path, progress: &str) -> (Duration, usize, usize) {
    let size = Winsize { ws_row: 50, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).expect("a terminal");
    let reader = std::thread::spawn(move || {
        let (mut written, mut chunk) = (Vec::new(), [0; 8192]);
        let mut terminal = File::from(terminal.master);
        while let Ok(read @ 1..) = terminal.read(&mut chunk) {
            written.extend_from_slice(&chunk[..read]);
        }
        written
    });
    let mut program = command(BINARY, root);
    program.args(["--config", "../checks.toml", progress]).stdin(Stdio::null()).stdout(Stdio::null());
    program.stderr(terminal.slave);
    let took = time(program);
    let written = reader.join().expect("what was written");
    (took, written.len(), written.windows(DRAWN.len()).filter(|part| *part == DRAWN).count())
}

fn main() {
    let root = std::env::temp_dir().join(format!("wtcheck-progress-{}", std::process::id()));
    fs::create_dir_all(root.join("repo")).expect("a folder");
    git(&root, &["init", "--quiet", "--initial-branch=main", "."]);
    git(&root, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    for index in 1..WORKTREES {
        git(&root, &["worktree", "add", "--quiet", "--detach", &format!("../w{index}")]);
    }
    let names: Vec<_> = (0..CHECKS).map(|check| format!("instant-{check}")).collect();
    let mut file = format!("checks = {names:?}\n");
    for name in &names {
        file.push_str(&format!("[check.{name}]\ncommand = [\"true\"]\n"));
    }
    fs::write(root.join("checks.toml"), file).expect("a file");

    let drawn = Cell::new((0, 0));
    let with = || {
        let (took, bytes, drawings) = run(&root, "--progress");
        assert!(drawings > 1, "nothing was drawn");
        drawn.set((bytes, drawings));
        took
    };
    let without = || {
        let (took, bytes, _) = run(&root, "--no-progress");
        assert_eq!(bytes, 0, "something was drawn");
        took
    };
    row("1,000 units", "with progress / without", ratio(31, with, without), Some(1.05));
    let (bytes, drawings) = drawn.get();
    println!("{:<18} {drawings} drawings of {} bytes each", "1,000 units", bytes / drawings);
    fs::remove_dir_all(&root).expect("the folder goes");
}
