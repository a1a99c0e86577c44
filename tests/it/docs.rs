//! What is written about the program is true of it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::has;

fn committed(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_manual_page_is_what_the_program_generates() {
    let path = committed("man/git-wtcheck.1");
    let page = git_wtcheck::manual::page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, page).expect("the page written");
        return;
    }
    let there = std::fs::read_to_string(&path).expect("the page");
    assert!(there == page, "{} is not what the program generates; UPDATE=1 cargo test --test it docs", path.display());
}

#[test]
fn the_manual_page_is_well_formed() {
    if !has("mandoc") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("git-wtcheck.1");
    std::fs::write(&page, git_wtcheck::manual::page()).expect("the page written");
    let mut command = Command::new("mandoc");
    command.args(["-T", "lint", "-W", "warning"]).arg(page).stdin(Stdio::null());
    let output = command.output().expect("mandoc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
