//! What is written about the program is true of it.

use std::path::Path;
use std::process::{Command, Stdio};

use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::report::style::Look;

use crate::support::{BINARY, Run, TestRepo, has, unit};

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

/// The blocks of this language in the README.
fn examples(language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(committed("README.md")).expect("the README");
    let blocks: Vec<_> = readme.split("```").skip(1).step_by(2).collect();
    let of = blocks.iter().filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    of.map(str::to_owned).collect()
}

/// The first of them: a whole configuration.
fn example(language: &str) -> String {
    examples(language).into_iter().next().unwrap_or_else(|| panic!("a block of {language}"))
}

/// A repository with something changed, and a `cargo` that only says how it was called.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.worktree("feature");
    repo.write("../feature/new.txt", "new\n");
    repo.script("../bin/cargo", "#!/bin/sh\necho \"cargo $*\"\n");
    repo
}

fn wtcheck(repo: &TestRepo, args: &[&str]) -> Run {
    let mut command = repo.command(BINARY);
    let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).expect("a PATH");
    let own = repo.root().join("bin");
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(path))).expect("a PATH");
    Run::of(command.env("PATH", path).args(args))
}

/// What both examples must come to.
fn is_the_example(repo: &TestRepo) {
    let plan = wtcheck(repo, &["plan", "--format", "json"]);
    assert_eq!(plan.exits(0).stderr, "", "every key is known");
    let checks = &plan.json()["checks"];
    let names: Vec<_> = checks.as_array().expect("checks").iter().map(|check| &check["check"]).collect();
    assert_eq!(names, ["status", "diff", "log", "test"]);
    assert_eq!(checks[0]["timeout_ms"], 20_000);
    assert_eq!(checks[3]["timeout_ms"], 300_000);
    assert_eq!(checks[3]["retries"], 2);
    let json = wtcheck(repo, &["--format", "json", "--verbose"]).exits(0).json();
    assert_eq!(unit(&json, "repo", "test")["outcome"], "skipped");
    assert_eq!(unit(&json, "feature", "test")["attempts"][0]["stdout"], "cargo test --workspace\n");
}

#[test]
fn the_example_for_gitconfig_works() {
    let repo = repo();
    let config = repo.at(".git/config");
    let before = std::fs::read_to_string(&config).expect("the configuration");
    std::fs::write(&config, before + &example("ini")).expect("the configuration");
    is_the_example(&repo);
}

#[test]
fn the_example_in_toml_works_for_the_user_and_is_refused_to_a_repository() {
    let repo = repo();
    repo.write("../home/.config/git-wtcheck/config.toml", example("toml"));
    is_the_example(&repo);
    repo.write("../home/.config/git-wtcheck/config.toml", "");
    repo.write(".wtcheck.toml", example("toml"));
    wtcheck(&repo, &[]).exits(2).says("'test'").says("command");
    wtcheck(&repo, &["status"]).exits(0);
    wtcheck(&repo, &["trust", "--yes"]).exits(0);
    repo.git(&["add", ".wtcheck.toml"]);
    repo.git(&["commit", "--quiet", "--message=settings"]);
    is_the_example(&repo);
}

#[test]
fn the_example_of_a_profile_works() {
    let repo = repo();
    repo.write(".wtcheck.toml", examples("toml").concat());
    wtcheck(&repo, &["trust", "--yes"]).exits(0);
    wtcheck(&repo, &["--profile", "ci"]).exits(0);
    let json = wtcheck(&repo, &["--profile=ci", "config", "show", "--format=json"]).exits(0).json();
    for (key, value) in [("fail-fast", true.into()), ("retries", serde_json::json!(1))] {
        let settings = json["settings"].as_array().expect("settings");
        assert!(settings.iter().any(|entry| entry["key"] == key && entry["value"] == value), "{key}");
    }
}

#[test]
fn the_manual_page_has_the_same_examples() {
    let manual = std::fs::read_to_string(committed("src/manual.txt")).expect("the text");
    for language in ["ini", "toml"] {
        let indented = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
        let block: String = example(language).lines().map(indented).collect();
        assert!(manual.contains(&block), "in the manual:\n{block}");
    }
}

#[test]
fn the_readme_lists_every_exit_status_and_sign() {
    let readme = std::fs::read_to_string(committed("README.md")).expect("the README");
    for status in ["0", "1", "2", "128", "129", "128+N"] {
        assert!(readme.contains(&format!("\n| {status} | ")), "exit status {status}");
    }
    let look = Look::PLAIN;
    for outcome in Outcome::ALL {
        assert!(readme.contains(&format!("\n| `{}` | ", look.sign(outcome))), "the sign of {outcome:?}");
    }
}

#[test]
fn the_package_holds_everything_that_setup_installs() {
    let manifest = std::fs::read_to_string(committed("Cargo.toml")).expect("the manifest");
    let manifest: serde_json::Value = toml::from_str(&manifest).expect("TOML");
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().expect("assets");
    let sources: Vec<&str> = assets.iter().filter_map(|asset| asset.get(0)?.as_str()).collect();
    for source in sources.iter().filter(|source| !source.starts_with("target/")) {
        assert!(committed(source).is_file(), "{source}");
    }
    for folder in ["man", "completions"] {
        for entry in committed(folder).read_dir().expect("a folder") {
            let path = format!("{folder}/{}", entry.expect("an entry").file_name().display());
            assert!(sources.contains(&path.as_str()), "{path} is in no package");
        }
    }
}

/// The commands under EXAMPLES in the manual page; a line that is indented further goes on.
fn commands() -> Vec<String> {
    let manual = std::fs::read_to_string(committed("src/manual.txt")).expect("the text");
    let section = manual.split("# EXAMPLES\n").nth(1).and_then(|rest| rest.split("\n# ").next()).expect("the section");
    let mut commands: Vec<String> = Vec::new();
    for line in section.lines() {
        if let Some(command) = line.strip_prefix("    $ ") {
            commands.push(command.to_owned());
        } else if let (Some(rest), Some(last)) = (line.strip_prefix("        "), commands.last_mut()) {
            last.push_str(&format!("\n{rest}"));
        }
    }
    commands
}

#[test]
fn the_examples_of_the_manual_page_run() {
    let repo = repo();
    repo.git(&["worktree", "add", "--quiet", "-b", "feat/one", "../one"]);
    repo.worktree("legacy");
    let commands = commands();
    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        if command.contains("jq ") && !has("jq") {
            continue;
        }
        let mut shell = repo.command("sh");
        let path = shell.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).expect("a PATH");
        let own = repo.root().join("bin");
        let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(path))).expect("a PATH");
        let run = Run::of(shell.env("PATH", path).args(["-c", &command]));
        // Uncommitted work is there, so what asks for none finds it; nothing else may go wrong.
        let finds = command.contains("--quiet status") || run.stdout.contains("dirty") && command.contains("junit");
        assert!(run.code == i32::from(finds), "{command}: {}\n{}{}", run.code, run.stdout, run.stderr);
        assert!(!run.stderr.contains("error: "), "{command}: {}", run.stderr);
    }
}
