//! `git wtcheck setup`: what it writes is found by man and by each shell, and it touches nothing that it did not write.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::completion;
use crate::support::{BINARY, Run, TestRepo, has};

const BASH: &str = ".local/share/bash-completion/completions/git-wtcheck";
const ZSH: &str = ".local/share/zsh/site-functions/_git-wtcheck";
const FISH: [&str; 2] = [".config/fish/completions/git-wtcheck.fish", ".config/fish/conf.d/git-wtcheck.fish"];
const PAGE: &str = ".local/share/man/man1/git-wtcheck.1";

/// A repository with a check `testing`.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.config("wtcheck.testing.command", "true");
    repo
}

fn home(repo: &TestRepo) -> PathBuf {
    repo.root().join("home")
}

fn setup(repo: &TestRepo, args: &[&str]) -> Run {
    Run::of(repo.command(BINARY).current_dir("/").arg("setup").args(args))
}

/// Every file below HOME, with its content.
fn files(repo: &TestRepo) -> BTreeMap<PathBuf, Vec<u8>> {
    fn below(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, into);
            } else {
                into.insert(path.clone(), std::fs::read(&path).expect("a file"));
            }
        }
    }
    let mut found = BTreeMap::new();
    below(&home(repo), &mut found);
    found
}

#[test]
fn it_installs_and_removes_and_says_each_file() {
    let repo = TestRepo::empty();
    let before = files(&repo);
    let dry = setup(&repo, &["--dry-run"]);
    assert_eq!(files(&repo), before, "a dry run does nothing");
    let run = setup(&repo, &[]);
    assert_eq!(run.exits(0).stderr, "");
    assert_eq!(dry.exits(0).stdout, run.stdout.replace("Wrote", "Would write"));
    for path in [PAGE, BASH, ZSH, FISH[0], FISH[1]] {
        let path = home(&repo).join(path);
        run.shows(&format!("Wrote {}\n", path.display()));
        let text = std::fs::read_to_string(&path).expect("the file");
        assert!(text.trim_end().ends_with("Written by 'git wtcheck setup', which replaces and removes this file."));
    }
    let installed = files(&repo);
    assert_eq!(installed.len(), before.len() + 5, "nothing is left lying about: {:?}", installed.keys());

    let again = setup(&repo, &[]);
    again.exits(0);
    assert_eq!(again.stdout, run.stdout.replace("Wrote", "Up to date:"));
    assert_eq!(files(&repo), installed);

    let dry = setup(&repo, &["--uninstall", "--dry-run"]);
    assert_eq!(files(&repo), installed);
    let run = setup(&repo, &["--uninstall"]);
    assert_eq!(dry.exits(0).stdout, run.exits(0).stdout.replace("Removed", "Would remove"));
    assert_eq!(run.stdout.lines().count(), 5);
    assert_eq!(files(&repo), before);
    assert_eq!(setup(&repo, &["--uninstall"]).exits(0).stdout, "There is nothing to remove.\n");
}

#[test]
fn only_the_shells_that_are_named() {
    let repo = TestRepo::empty();
    setup(&repo, &["--shell", "fish", "--shell=bash"]).exits(0);
    for (path, there) in [(PAGE, true), (BASH, true), (ZSH, false), (FISH[0], true), (FISH[1], true)] {
        assert_eq!(home(&repo).join(path).exists(), there, "{path}");
    }
    setup(&repo, &["--uninstall", "--shell=fish"]).exits(0);
    assert!(home(&repo).join(BASH).exists());
    setup(&repo, &["--shell", "tcsh"]).exits(129);
}

#[test]
fn folders_are_those_of_the_environment() {
    let repo = TestRepo::empty();
    let root = repo.root();
    let run = Run::of(
        repo.command(BINARY)
            .arg("setup")
            .env("XDG_DATA_HOME", root.join("data"))
            .env("XDG_CONFIG_HOME", root.join("config"))
            .env("ZDOTDIR", root.join("z dot")),
    );
    run.exits(0);
    for path in [
        "data/bash-completion/completions/git-wtcheck",
        "data/zsh/site-functions/_git-wtcheck",
        "config/fish/conf.d/git-wtcheck.fish",
    ] {
        assert!(root.join(path).is_file(), "{path}");
    }
    run.shows(&format!("Add to {}, above compinit:\n", root.join("z dot/.zshrc").display()));
    let run =
        Run::of(repo.command(BINARY).args(["setup", "--shell=bash"]).env("BASH_COMPLETION_USER_DIR", root.join("own")));
    run.exits(0);
    assert!(root.join("own/completions/git-wtcheck").is_file());
    Run::of(repo.command(BINARY).arg("setup").env_remove("HOME")).exits(128).says("HOME names none");
    let run = Run::of(repo.command(BINARY).args(["setup", "--prefix", "prefix"]).env_remove("HOME"));
    run.exits(0).shows("Add to ~/.zshrc, above compinit:");
}

#[test]
fn a_line_that_is_there_is_not_asked_for() {
    let repo = TestRepo::empty();
    let run = setup(&repo, &["--shell=zsh"]);
    let line = format!("fpath=({} $fpath)", home(&repo).join(".local/share/zsh/site-functions").display());
    run.exits(0).shows(&format!(".zshrc, above compinit:\n    {line}\n"));
    repo.write("../home/.zshrc", format!("# own\n  {line}\n"));
    assert!(!setup(&repo, &["--shell=zsh"]).exits(0).stdout.contains("fpath"));
    setup(&repo, &["--uninstall"]).exits(0).shows("No longer needed in").shows(&line);
    assert!(!setup(&repo, &["--shell=bash"]).exits(0).stdout.contains("fpath"));
}

#[test]
fn an_older_file_of_its_own_is_replaced() {
    let repo = TestRepo::empty();
    setup(&repo, &[]).exits(0);
    let path = home(&repo).join(BASH);
    let now = std::fs::read_to_string(&path).expect("the file");
    std::fs::write(&path, format!("# older\n{}\n", now.lines().last().expect("a line"))).expect("the file");
    setup(&repo, &[]).exits(0).shows(&format!("Wrote {}\n", path.display()));
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), now);
}

#[test]
fn what_it_did_not_write_it_neither_replaces_nor_removes() {
    let repo = TestRepo::empty();
    repo.write(Path::new("../home").join(BASH), "# somebody's own\n");
    repo.write("../home/elsewhere.fish", "# somebody's own\n# Written by 'git wtcheck setup', not quite.\n");
    std::fs::create_dir_all(home(&repo).join(".config/fish/conf.d")).expect("folders");
    symlink(home(&repo).join("elsewhere.fish"), home(&repo).join(FISH[1])).expect("a link");
    let before = files(&repo);
    let run = setup(&repo, &[]);
    run.exits(2).says("did not write it").says(BASH).says(FISH[1]).says("hint: nothing was written");
    assert_eq!(files(&repo), before, "nothing at all was written");
    setup(&repo, &["--dry-run"]).exits(2);
    setup(&repo, &["--uninstall"]).exits(0).says("it stays").says(BASH).says(FISH[1]);
    assert_eq!(files(&repo), before);
    assert!(home(&repo).join(FISH[1]).is_symlink());
    setup(&repo, &["--shell=zsh"]).exits(0);
    setup(&repo, &["--uninstall"]).exits(0);
    assert_eq!(files(&repo), before);
}

#[test]
fn the_same_from_a_package_is_left_to_it() {
    let repo = TestRepo::empty();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/git-wtcheck.bash");
    repo.write(Path::new("../home").join(BASH), std::fs::read(shipped).expect("the file"));
    setup(&repo, &[]).exits(0).shows(&format!("Up to date: {}\n", home(&repo).join(BASH).display()));
    setup(&repo, &["--uninstall"]).exits(0).says("it stays");
    assert!(home(&repo).join(BASH).is_file());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let repo = TestRepo::empty();
    repo.write("../home/.local", "no folder");
    setup(&repo, &[]).exits(128).says("fatal: cannot write the files: ").says(PAGE);
}

/// The program in `ROOT/prefix/bin`, where `cargo install --root` would put it, and that folder first in PATH.
fn installed(repo: &TestRepo, program: &str) -> Command {
    let folder = repo.root().join("prefix/bin");
    if !folder.exists() {
        std::fs::create_dir_all(&folder).expect("a folder");
        // By a process of its own: this one may be forking just now, and a child would hold the file open for writing.
        let copied = repo.command("cp").arg(BINARY).arg(&folder).status().expect("cp");
        assert!(copied.success());
    }
    let mut command = repo.command(program);
    let path = std::env::var_os("PATH").expect("a PATH");
    let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).expect("a PATH");
    command.env("PATH", path);
    command
}

#[test]
fn git_finds_the_page() {
    if !has("man") {
        return;
    }
    let repo = repo();
    let run = Run::of(installed(&repo, "git").args(["wtcheck", "setup", "--shell=fish"]));
    run.exits(0).shows(&format!("Wrote {}\n", repo.root().join("prefix/share/man/man1/git-wtcheck.1").display()));
    assert!(!run.stdout.contains("Add to"), "all of it is found as it is:\n{}", run.stdout);
    let run = Run::of(installed(&repo, "git").env("MANPAGER", "cat").env("MANWIDTH", "80").args(["wtcheck", "--help"]));
    run.exits(0).shows("GIT-WTCHECK(1)").shows("EXIT STATUS");
}

#[test]
fn the_line_for_man_makes_it_find_the_page() {
    if !has("man") {
        return;
    }
    let repo = repo();
    let prefix = repo.root().join("else where");
    let run = setup(&repo, &["--prefix", prefix.to_str().expect("text"), "--shell=zsh"]);
    let line = run.exits(0).stdout.lines().map(str::trim).find(|line| line.starts_with("export MANPATH="));
    let script = format!("{}; MANPAGER=cat git wtcheck --help", line.expect("a line for .profile"));
    Run::of(repo.command("sh").args(["-c", &script])).exits(0).shows("GIT-WTCHECK(1)");
}

#[test]
fn a_relative_prefix_is_seen_from_where_one_stands() {
    let repo = repo();
    repo.wtcheck(&["-C", "..", "setup", "--prefix=p"]).exits(0);
    for path in [
        "share/man/man1/git-wtcheck.1",
        "share/bash-completion/completions/git-wtcheck",
        "share/zsh/site-functions/_git-wtcheck",
        "share/fish/vendor_completions.d/git-wtcheck.fish",
        "share/fish/vendor_conf.d/git-wtcheck.fish",
    ] {
        assert!(repo.root().join("p").join(path).is_file(), "{path}");
    }
}

fn completes(shell: Option<completion::Shell>) {
    let Some(mut shell) = shell else { return };
    for (typed, whole) in [("git wtcheck te", "git wtcheck testing "), ("git-wtcheck te", "git-wtcheck testing ")] {
        assert_eq!(shell.completes(typed), whole);
    }
}

#[test]
fn bash_finds_its_completion() {
    let repo = repo();
    setup(&repo, &[]).exits(0);
    completes(completion::bash(&repo, ""));
}

#[test]
fn zsh_finds_its_completion_by_the_line_that_is_shown() {
    let repo = repo();
    let run = setup(&repo, &[]);
    let line = run.exits(0).stdout.lines().map(str::trim).find(|line| line.starts_with("fpath="));
    completes(completion::zsh(&repo, line.expect("a line for .zshrc")));
}

#[test]
fn fish_finds_its_completion() {
    let repo = repo();
    setup(&repo, &[]).exits(0);
    completes(completion::fish(&repo, ""));
}

#[test]
fn the_line_for_a_prefix_makes_bash_find_its_completion() {
    let repo = repo();
    let prefix = repo.root().join("else where");
    let run = setup(&repo, &["--prefix", prefix.to_str().expect("text")]);
    let line = run.exits(0).stdout.lines().map(str::trim).find(|line| line.starts_with("export XDG_DATA_DIRS="));
    completes(completion::bash(&repo, line.expect("a line for .profile")));
}
