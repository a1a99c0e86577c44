//! A commented starting point for a repository's settings, made for what lies at the top of a worktree.

use std::path::Path;

use crate::checks::built_in;
use crate::settings::literal::toml;

/// What a file at the top of a worktree suggests: the file, a check's name, its command.
const SUGGESTIONS: [(&str, &str, &str); 7] = [
    ("Cargo.toml", "test", "cargo test --workspace"),
    ("package.json", "test", "npm test --silent"),
    ("pyproject.toml", "test", "python3 -m pytest -q"),
    ("go.mod", "test", "go test ./..."),
    ("justfile", "test", "just test"),
    ("Makefile", "test", "make test"),
    ("makefile", "test", "make test"),
];

fn suggestion(top: &Path) -> Option<&'static (&'static str, &'static str, &'static str)> {
    SUGGESTIONS.iter().find(|(file, _, _)| top.join(file).is_file())
}

/// As a section of git's configuration.
pub fn as_gitconfig(top: &Path) -> String {
    let names: Vec<&str> = built_in().map(|kind| kind.name()).collect();
    let (listed, words) = (names.join(", "), names.join(" "));
    let mut text = format!(
        "[wtcheck]\n\t# What runs on each worktree, in this order; without this line: {listed}, then every check below.\n\t; checks = {words}\n\t# Units at a time; 0 is the number of CPUs.\n\t; maxConcurrency = 0\n\t# git reads ; and # as the start of a comment: a command that holds one stands in double quotes.\n",
    );
    match suggestion(top) {
        Some((file, name, command)) => text.push_str(&format!(
            "# For {file}. 'when' runs it only where something has changed.\n[wtcheck \"{name}\"]\n\tcommand = {command}\n\twhen = status.dirty\n\ttimeout = 10m\n"
        )),
        None => text.push_str("# A check of your own:\n; [wtcheck \"test\"]\n;\tcommand = make test\n;\twhen = status.dirty\n;\ttimeout = 10m\n"),
    }
    text
}

/// As a settings file.
pub fn as_toml(top: &Path) -> String {
    let names: Vec<&str> = built_in().map(|kind| kind.name()).collect();
    let (listed, array) = (names.join(", "), toml(&names.as_slice().into()));
    let mut text = format!(
        "# Settings of git wtcheck for this repository; 'git wtcheck config schema' has the schema for editors.\n# What runs code (command, args, env, dir, kind) takes effect once 'git wtcheck trust' has approved it.\n\n# What runs on each worktree, in this order; without this line: {listed}, then every check below.\n# checks = {array}\n\n# Units at a time; 0 is the number of CPUs.\n# max-concurrency = 0\n",
    );
    match suggestion(top) {
        Some((file, name, command)) => text.push_str(&format!(
            "\n# For {file}. `when` runs it only where something has changed.\n[check.{name}]\ncommand = {}\nwhen = \"status.dirty\"\ntimeout = \"10m\"\n",
            toml(&(*command).into())
        )),
        None => text.push_str("\n# A check of your own:\n# [check.test]\n# command = \"make test\"\n# when = \"status.dirty\"\n# timeout = \"10m\"\n"),
    }
    text
}
