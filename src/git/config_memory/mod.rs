//! What `git config` has printed, kept for as long as nothing has changed of what git reads for it: then it need not be
//! asked again.
//!
//! Invariants:
//! - What is recalled was printed by this git, asked with these words, where one stands now and with these variables;
//!   and every file that git reads, or would read if it were there, is the file that it was, or is still missing.
//! - A file counts as the one that it was by its identity (device, inode, size, owner, mode, both times). It was at rest
//!   for seconds when it was read, so that a later change cannot leave it the times that it had.
//! - Files on other than this machine's own file systems, files under a condition (`includeIf`), and configuration from
//!   the command line or the environment are never remembered.
//! - The memory is this user's alone. What another could have written is not read, and what is broken says nothing.

mod inputs;
mod store;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::git::command::Git;
use crate::git::config::{self, Entry};
use crate::git::errand::{Errand, Errands, Interrupted, Printed};
use crate::git::mounts::Mounts;
use crate::git::place::Place;
use crate::model::answer::Exit;
use inputs::{Identity, Rest};
use store::{Input, Stored};

/// How long git may take for what is to be remembered.
const LONGEST: Duration = Duration::from_secs(2);

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// What git would print.
    Entries(Vec<Entry>),
    /// That it is not to be remembered.
    Never,
    /// Nothing.
    Nothing,
}

/// Recalls what git would print of its configuration where one stands.
pub fn recall(git: &Git, place: &Place) -> Recalled {
    let (path, mounts) = (file(place), git.mounts());
    let Some(key) = key(git, place).filter(|_| mounts.answers(&path)) else { return Recalled::Never };
    let Some(stored) = store::read(&path).filter(|stored| stored.key == key) else { return Recalled::Nothing };
    let is_same =
        |input: &Input| mounts.answers(&input.path) && Identity::of(&input.path).is_ok_and(|now| now == input.identity);
    if !stored.inputs.iter().all(is_same) {
        return Recalled::Nothing;
    }
    match stored.printed {
        Some(printed) => config::parse(&printed).map_or(Recalled::Nothing, Recalled::Entries),
        None => Recalled::Never,
    }
}

/// Asks git anew and remembers what it prints, where all that it reads has been at rest before it `began`.
///
/// # Errors
/// Where a signal came first.
pub fn remember(git: &Git, errands: &mut impl Errands, place: &Place, began: SystemTime) -> Result<(), Interrupted> {
    let Some(key) = key(git, place) else { return Ok(()) };
    let likely = likely(git, place);
    if !matches!(at_rest(&likely, began), Some(Rest::Settled | Rest::Odd)) {
        return Ok(());
    }
    let printed = carry_out(errands, inputs::questions(git))?;
    let kept =
        inputs::all(git, place, &printed).filter(|inputs| inputs.iter().all(|input| is_kept(git.mounts(), input)));
    let Some(paths) = kept else {
        never(place, key, &likely);
        return Ok(());
    };
    let before = identities(&paths);
    match at_rest(&paths, began) {
        Some(Rest::Settled) => {}
        Some(Rest::Odd) => {
            never(place, key, &likely);
            return Ok(());
        }
        Some(Rest::Fresh) | None => return Ok(()),
    }
    let printed = carry_out(errands, vec![config::listing(git)])?;
    let printed = printed.into_iter().next().flatten().filter(|printed| matches!(printed.exit, Exit::Code(0 | 1)));
    if let (Some(printed), Some(inputs)) =
        (printed, before.filter(|before| identities(&paths).as_ref() == Some(before)))
    {
        let inputs = paths.into_iter().zip(inputs).map(|(path, identity)| Input { path, identity }).collect();
        store::write(&file(place), &Stored { key, inputs, printed: Some(printed.stdout) });
    }
    Ok(())
}

/// Remembers that nothing is to be remembered, until one of these files has changed.
fn never(place: &Place, key: String, likely: &[PathBuf]) {
    if let Some(identities) = identities(likely) {
        let inputs = likely.iter().cloned().zip(identities).map(|(path, identity)| Input { path, identity }).collect();
        store::write(&file(place), &Stored { key, inputs, printed: None });
    }
}

/// Where it is kept: each worktree has its own, for git names its files from where one stands.
fn file(place: &Place) -> PathBuf {
    place.git_dir.join("wtcheck/configuration")
}

/// What must be the same for it to be recalled, as a number: this program's version and its words, who asks, the git that is
/// asked, where one stands, and the variables by which git finds its files. None: what is configured must not be written down.
fn key(git: &Git, place: &Place) -> Option<String> {
    use std::os::unix::ffi::OsStrExt;
    const ONCE: [&str; 2] = ["GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"];
    let is_once = |name: &OsStr| ONCE.iter().any(|once| name == *once);
    if git.variables().iter().any(|(name, _)| is_once(name)) || !git.mounts().answers(Path::new(git.program_itself())) {
        return None;
    }
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    for word in config::LISTING {
        add(word.as_bytes());
    }
    add(&nix::unistd::geteuid().as_raw().to_le_bytes());
    add(git.program_itself().as_bytes());
    for path in [Some(&place.git_dir), Some(&place.common_dir), place.toplevel.as_ref()].into_iter().flatten() {
        add(path.as_os_str().as_bytes());
    }
    let counts = |name: &[u8]| {
        matches!(name, b"HOME" | b"XDG_CONFIG_HOME" | b"GIT_EXEC_PATH") || name.starts_with(b"GIT_CONFIG")
    };
    let mut variables: Vec<_> = git.variables().iter().filter(|(name, _)| counts(name.as_bytes())).collect();
    variables.sort();
    for (name, value) in variables {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files that are read in any case.
fn likely(git: &Git, place: &Place) -> Vec<PathBuf> {
    let home =
        git.variables().iter().find(|(name, _)| name == "HOME").map(|(_, home)| Path::new(home).join(".gitconfig"));
    let home = home.filter(|file| file.is_absolute() && git.mounts().answers(file));
    [Some(PathBuf::from(git.program_itself())), Some(place.common_dir.join("config")), home]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether a file lies, or would lie, where what is told of its times can be relied on.
fn is_kept(mounts: &Mounts, path: &Path) -> bool {
    mounts.answers(path) && mounts.keeps(&path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}

/// None: of one of them nothing can be told.
fn identities(paths: &[PathBuf]) -> Option<Vec<Option<Identity>>> {
    paths.iter().map(|path| Identity::of(path).ok()).collect()
}

/// The least that holds of all of them.
fn at_rest(paths: &[PathBuf], now: SystemTime) -> Option<Rest> {
    let rests = identities(paths)?.into_iter().flatten().map(|identity| identity.rest(now));
    Some(rests.max().unwrap_or(Rest::Settled))
}

fn carry_out(
    errands: &mut impl Errands,
    asked: Vec<crate::git::command::Invocation>,
) -> Result<Vec<Option<Printed>>, Interrupted> {
    let asked: Vec<_> = asked.into_iter().map(|invocation| Errand { invocation, within: LONGEST }).collect();
    Ok(errands.carry_out(&asked)?.into_iter().map(Result::ok).collect())
}
