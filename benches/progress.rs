//! What the progress display costs: 1,000 instant units on a terminal, with it and without.
//!
//! `cargo bench --bench progress` prints the median of the ratios of runs that follow one another. The bytes and the
//! drawings are those of the last run with progress.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::disallowed_methods, reason = "a bench stands outside the program")]

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use measure::{ratio, row, time};
use nix::pty::{Winsize, openpty};
use support::{BINARY, TestRepo};

mod measure;
#[path = "../tests/it/support/mod.rs"]
mod support;

/// With the main one.
const WORKTREES: usize = 100;
const CHECKS: usize = 10;
/// What ends each drawing.
const DRAWN: &[u8] = b"\x1b[J";

/// Runs the pipeline with standard error on a terminal, and gives what it took, what was written there, and in how many drawings.
fn run(repo: &TestRepo, progress: &str) -> (Duration, usize, usize) {
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
    let mut program = repo.command(BINARY);
    program.env("TERM", "xterm");
    program.args(["--config", "../checks.toml", progress]).stdout(Stdio::null());
    program.stderr(terminal.slave);
    let took = time(program);
    let written = reader.join().expect("what was written");
    (took, written.len(), written.windows(DRAWN.len()).filter(|part| *part == DRAWN).count())
}

fn main() {
    let repo = TestRepo::new();
    for index in 1..WORKTREES {
        repo.git(&["worktree", "add", "--quiet", "--detach", &format!("../w{index}")]);
    }
    let names: Vec<_> = (0..CHECKS).map(|check| format!("instant-{check}")).collect();
    let mut file = format!("checks = {names:?}\n");
    for name in &names {
        file.push_str(&format!("[check.{name}]\ncommand = [\"true\"]\n"));
    }
    repo.write("../checks.toml", file);

    let drawn = Cell::new((0, 0));
    let with = || {
        let (took, bytes, drawings) = run(&repo, "--progress");
        assert!(drawings > 1, "nothing was drawn");
        drawn.set((bytes, drawings));
        took
    };
    let without = || {
        let (took, bytes, _) = run(&repo, "--no-progress");
        assert_eq!(bytes, 0, "something was drawn");
        took
    };
    row("1,000 units", "with progress / without", ratio(31, with, without), Some(1.05));
    let (bytes, drawings) = drawn.get();
    println!("{:<18} {drawings} drawings of {} bytes each", "1,000 units", bytes / drawings);
}
