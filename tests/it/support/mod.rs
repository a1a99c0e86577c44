//! Hermetic scratch repositories, and the real binary run in them.

#![allow(dead_code, unreachable_pub, reason = "each test and each bench uses its own part")]

pub mod drive;
pub mod errands;
mod fleet;
pub mod leftovers;
pub mod machine;
pub mod plans;
pub mod story;
pub mod terminal;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_git-wtcheck");

/// What says for a whole run of the tests whether proofs are held against git.
const PROVE: &str = "GIT_WTCHECK_PROVE";

/// A repository in a folder of its own, beside its worktrees and a HOME of its own:
/// `ROOT/repo` (main worktree, one commit on `main`), `ROOT/home`, and `ROOT/NAME` for each worktree.
pub struct TestRepo {
    root: TempDir,
}

impl TestRepo {
    /// A repository with one commit of one file, `file.txt`.
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// The same, in this folder.
    pub fn within(folder: &Path) -> Self {
        let repo = Self::empty_within(folder);
        repo.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repo.write("file.txt", "one\ntwo\nthree\n");
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message=first commit"]);
        repo
    }

    /// The folders, and no repository in them yet.
    pub fn empty() -> Self {
        Self::empty_within(&std::env::temp_dir())
    }

    fn empty_within(folder: &Path) -> Self {
        signals_have_their_effect();
        let root = tempfile::Builder::new().prefix("wtcheck-").tempdir_in(folder).expect("a scratch folder");
        for folder in ["repo", "home"] {
            std::fs::create_dir(root.path().join(folder)).expect("a folder");
        }
        let config = "[user]\n\tname = Tester\n\temail = tester@example.com\n[init]\n\tdefaultBranch = main\n[core]\n\tfsync = none\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
        std::fs::write(root.path().join("home/.gitconfig"), config).expect("a file");
        Self { root }
    }

    /// The folder that holds everything, without symbolic links.
    pub fn root(&self) -> PathBuf {
        self.root.path().canonicalize().expect("a folder")
    }

    /// The main worktree.
    pub fn path(&self) -> PathBuf {
        self.root().join("repo")
    }

    /// A path, from the main worktree.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path().join(path)
    }

    /// Writes a file, given from the main worktree; makes its folders.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }

    /// Writes an executable script.
    pub fn script(&self, path: impl AsRef<Path>, content: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        self.write(&path, content);
        let path = self.at(path);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        path
    }

    /// Adds a worktree `ROOT/NAME` on a new branch `NAME`.
    pub fn worktree(&self, name: &str) -> PathBuf {
        self.git(&["worktree", "add", "--quiet", "-b", name, &format!("../{name}")]);
        self.root().join(name)
    }

    /// Sets a key in the repository's gitconfig.
    pub fn config(&self, key: &str, value: &str) {
        self.git(&["config", "--local", key, value]);
    }

    /// Runs a command, and gives the words of each git that it has started, too.
    pub fn counting_git(&self, command: &mut Command) -> (Run, Vec<String>) {
        let log = self.root().join("started");
        let _ = std::fs::remove_file(&log);
        let path = std::env::var_os("PATH").expect("a PATH");
        let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
        let real = real.expect("git");
        let script = format!("#!/bin/sh\necho \"$*\" >>'{}'\nexec '{}' \"$@\"\n", log.display(), real.display());
        self.script("../counting/git", &script);
        let folders = std::iter::once(self.root().join("counting")).chain(std::env::split_paths(&path));
        let run = Run::of(command.env("PATH", std::env::join_paths(folders).expect("a PATH")));
        let started = std::fs::read_to_string(log).unwrap_or_default();
        (run, started.lines().map(str::to_owned).collect())
    }

    /// A command with the hermetic environment, standing in the main worktree.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").expect("a PATH");
        let own = Path::new(BINARY).parent().expect("a folder").to_owned();
        let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path))).expect("a PATH");
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null());
        // `check` for all tests: each proof in any of them is held against git.
        if let Some(prove) = std::env::var_os(PROVE) {
            command.env(PROVE, prove);
        }
        command
    }

    /// git in the main worktree; must succeed. Gives what it printed, less the last line feed.
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(".", args)
    }

    /// git in a folder, given from the main worktree; must succeed.
    pub fn git_in(&self, folder: impl AsRef<Path>, args: &[&str]) -> String {
        let output = self.command("git").current_dir(self.at(folder)).args(args).output().expect("git");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    /// git in a folder, whatever it says.
    pub fn git_try(&self, folder: impl AsRef<Path>, args: &[&str]) -> Output {
        self.command("git").current_dir(self.at(folder)).args(args).output().expect("git")
    }

    /// The program under test, in the main worktree.
    pub fn wtcheck(&self, args: &[&str]) -> Run {
        self.wtcheck_in(".", args)
    }

    /// The program under test, in a folder given from the main worktree.
    pub fn wtcheck_in(&self, folder: impl AsRef<Path>, args: &[&str]) -> Run {
        Run::of(self.command(BINARY).current_dir(self.at(folder)).args(args))
    }
}

/// Gives signals their effect in this process and in what it starts, once: a script that runs the tests in its background has
/// them ignored, and the program keeps it so.
#[expect(unsafe_code, reason = "the one way to change what a signal does")]
fn signals_have_their_effect() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for which in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTERM, Signal::SIGCHLD] {
            // SAFETY: the default effect runs no code of this process.
            unsafe { signal(which, SigHandler::SigDfl) }.expect("the default");
        }
    });
}

/// What a run of the program came to.
pub struct Run {
    /// Its exit status; 128+N after signal N.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().expect("the program"))
    }

    /// Asserts the exit status.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit status; standard output:\n{}\nstandard error:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that standard error holds this text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "{text:?} in standard error:\n{}", self.stderr);
        self
    }

    /// This run with its messages' line numbers and quoted lines taken out of standard error.
    #[must_use]
    pub fn plain(&self) -> Self {
        let quoted = |line: &&str| {
            let rest = line.trim_start_matches([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
            line.starts_with("  ") && rest.starts_with('|')
        };
        let mut stderr = String::new();
        for line in self.stderr.lines().filter(|line| !quoted(line)) {
            match line.split_once(".toml:") {
                Some((before, after)) => {
                    let after =
                        after.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(':').trim_start();
                    stderr.push_str(&format!("{before}.toml: {after}\n"));
                }
                None => stderr.push_str(&format!("{line}\n")),
            }
        }
        Self { code: self.code, stdout: self.stdout.clone(), stderr }
    }

    /// Asserts that standard output holds this text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "{text:?} in standard output:\n{}", self.stdout);
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("JSON ({error}):\n{}\n{}", self.stdout, self.stderr))
    }

    /// Standard output as one JSON object a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("JSON ({error}): {line}")))
            .collect()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
        Self {
            code: code.expect("an end"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The unit of a check on a worktree (by folder name) in the JSON document.
#[track_caller]
pub fn unit<'a>(json: &'a serde_json::Value, worktree: &str, check: &str) -> &'a serde_json::Value {
    let rows = json["worktrees"].as_array().expect("worktrees");
    let row =
        rows.iter().find(|row| row["name"] == worktree).unwrap_or_else(|| panic!("no worktree {worktree}: {json:#}"));
    let checks = row["checks"].as_array().expect("checks");
    checks.iter().find(|unit| unit["check"] == check).unwrap_or_else(|| panic!("no check {check}: {row:#}"))
}

/// Whether a program that a test drives is installed. See [`there`].
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").expect("a PATH");
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    there(found.unwrap_or_else(|| program.into()))
}

/// Whether a file that a test needs is on this machine. Where it is not, the test says so and passes; under `CI=true`
/// it fails, so that nothing goes untested for good.
pub fn there(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    let there = path.is_file();
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "{} is not installed", path.display());
    there_is(&format!("{}, installed", path.display()), there)
}

/// Whether something is to be had that a test needs. Where it is not, the test says so and passes.
pub fn there_is(what: &str, there: bool) -> bool {
    if !there {
        // Past the test harness, which keeps what a test that passes prints.
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let _ = writeln!(std::io::stderr(), "{test}: not tested for want of {what}");
    }
    there
}
