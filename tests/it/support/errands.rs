//! The library's own discovery of a scratch repository, for tests of what is decided between it and a run.

use std::io::{self, Write};
use std::path::Path;
use std::process::Stdio;

use git_wtcheck::environment::Environment;
use git_wtcheck::git::command::{Git, Invocation};
use git_wtcheck::git::errand::{Errand, Errands, Interrupted, Printed};
use git_wtcheck::git::repository::Repository;
use git_wtcheck::git::worktree_folder::{Found, Look};
use git_wtcheck::model::answer::Exit;
use git_wtcheck::model::worktree::Worktree;

use super::TestRepo;

/// Carries errands out one after the other, however long they take.
pub struct Patient;

impl Errands for Patient {
    fn carry_out(&mut self, errands: &[Errand]) -> Result<Vec<io::Result<Printed>>, Interrupted> {
        Ok(errands.iter().map(|errand| run(&errand.invocation)).collect())
    }

    fn look(&mut self, _: &Git, looks: &[Look]) -> Result<Vec<Option<Found>>, Interrupted> {
        Ok(looks.iter().map(|_| None).collect())
    }
}

/// Runs a process to its end.
pub fn run(invocation: &Invocation) -> io::Result<Printed> {
    let stdin = if invocation.input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child =
        invocation.command().stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    if let Some(input) = &invocation.input {
        // Who does not read it to the end says why.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
    }
    let output = child.wait_with_output()?;
    let exit = Exit::Code(output.status.code().expect("no signal"));
    Ok(Printed { exit, stdout: output.stdout, stderr: output.stderr })
}

/// The environment of a scratch repository, standing in a folder given from its main worktree.
pub fn environment(repo: &TestRepo, folder: impl AsRef<Path>) -> Environment {
    Environment::of_this_process()
        .with("HOME", repo.root().join("home"))
        .with("XDG_CONFIG_HOME", "")
        .with("GIT_CONFIG_NOSYSTEM", "1")
        .with("GIT_ATTR_NOSYSTEM", "1")
        .standing_in(&repo.at(folder).canonicalize().expect("a folder"))
}

/// git in this environment, and the repository that it finds.
#[track_caller]
pub fn discovered(environment: &Environment) -> (Git, Repository) {
    let git = Git::new(environment);
    let repository = Repository::discover(&git, &mut Patient, environment.directory()).expect("a repository");
    (git, repository)
}

/// The worktree of this name.
#[track_caller]
pub fn worktree<'a>(repository: &'a Repository, name: &str) -> &'a Worktree {
    repository.worktrees.iter().find(|worktree| worktree.name == name).expect("a worktree of this name")
}
