//! Which repository this is: found once, with the environment that git itself would use.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use crate::git::command::{Errands, Git, Interrupted, Invocation, Printed, complaint_in_full};
use crate::git::config::{self, Entry};
use crate::git::worktrees::{self, MainLocation};
use crate::model::answer::Exit;
use crate::model::worktree::Worktree;

/// The oldest git that can list worktrees NUL-separated.
pub const OLDEST_GIT: (u32, u32) = (2, 36);

/// What git exits with where it does not know an option.
const USAGE: Exit = Exit::Code(129);

/// Why git would not tell.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git to ask.
    #[error("cannot run git: {0}")]
    NoGit(std::io::Error),
    /// The folder to stand in cannot be entered.
    #[error("cannot change to '{}': {error}", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// git refused, in its own words.
    #[error("{words}")]
    Refused {
        /// What it said, without its `fatal: `.
        words: String,
    },
    /// git is too old.
    #[error("git {found} is too old: {}.{} or later is needed", OLDEST_GIT.0, OLDEST_GIT.1)]
    TooOld {
        /// The version it gives.
        found: String,
    },
    /// git answered in a form that is not known.
    #[error("cannot read what 'git {0}' printed")]
    Unreadable(&'static str),
    /// git did not answer in its time.
    #[error("no answer from {}; does the repository, or a worktree, lie on a drive that is away?", commands.join(", "))]
    NoAnswer {
        /// The commands, each in quotes.
        commands: Vec<String>,
    },
    /// A signal of this number came first.
    #[error("interrupted by signal {0}")]
    Interrupted(i32),
}

impl From<Interrupted> for GitError {
    fn from(Interrupted(number): Interrupted) -> Self {
        Self::Interrupted(number)
    }
}

/// A repository, its worktrees, and its configuration as seen from where the user stands.
#[derive(Clone, Debug)]
pub struct Repository {
    /// The folder that all worktrees share.
    pub common_dir: PathBuf,
    /// The top of the worktree in which the user stands, if it is in one.
    pub toplevel: Option<PathBuf>,
    /// Every worktree, in git's order.
    pub worktrees: Vec<Worktree>,
    /// git's configuration, as far as it is of interest.
    pub config: Vec<Entry>,
}

/// Where the user stands.
struct Place {
    git_dir: PathBuf,
    bare: bool,
    common_dir: PathBuf,
    toplevel: Option<PathBuf>,
}

/// The paths stand between the flags, so that a newline in one cannot shift the others. The last one fails outside a working tree, after the rest is printed.
const WHERE: [&str; 7] = [
    "rev-parse",
    "--path-format=absolute",
    "--git-dir",
    "--is-bare-repository",
    "--git-common-dir",
    "--is-inside-work-tree",
    "--show-toplevel",
];

impl Repository {
    /// Finds the repository in which `folder` lies. Three git processes, side by side.
    pub fn discover(git: &Git, errands: &mut impl Errands, folder: &Path) -> Result<Self, GitError> {
        let asked = [git.here(&WHERE), worktrees::listing(git), config::listing(git)];
        let mut answers = carry_out(errands, &asked)?.into_iter();
        let mut next = || answers.next().unwrap_or_else(|| Err(std::io::Error::other("it was not asked")));
        let (place, list, config) = (next(), next(), next());

        let place = place.map_err(|error| cannot_start(error, folder))?;
        let place = read_place(&place.stdout).ok_or_else(|| {
            let old = (place.exit == USAGE).then(|| too_old(git, errands)).flatten();
            old.unwrap_or_else(|| refused(&place.stderr, "rev-parse"))
        })?;

        let config = config.map_err(GitError::NoGit)?;
        let entries = match config.exit {
            Exit::Code(0) => config::parse(&config.stdout).ok_or(GitError::Unreadable("config"))?,
            Exit::Code(1) => Vec::new(),
            USAGE => return Err(too_old(git, errands).unwrap_or_else(|| refused(&config.stderr, "config"))),
            _ => return Err(refused(&config.stderr, "config")),
        };

        let list = list.map_err(GitError::NoGit)?;
        if list.exit != Exit::Code(0) {
            return Err(too_old(git, errands).unwrap_or_else(|| refused(&list.stderr, "worktree list")));
        }
        let mut records = worktrees::parse(&list.stdout).ok_or(GitError::Unreadable("worktree list"))?;
        let mut main = MainLocation::AsListed;
        if let Some(first) = records.first_mut().filter(|first| !first.bare) {
            main = main_location(git, errands, &place, &first.path, &entries)?;
            // Seen from a linked worktree, git lists it as if it had a working tree.
            first.bare = main == MainLocation::Nowhere;
        }
        let worktrees = worktrees::examine(records, &place.common_dir, &main);
        Ok(Self { common_dir: place.common_dir, toplevel: place.toplevel, worktrees, config: entries })
    }
}

/// Asks git; where one of the commands does not answer, names it.
fn carry_out(errands: &mut impl Errands, asked: &[Invocation]) -> Result<Vec<std::io::Result<Printed>>, GitError> {
    let answers = errands.carry_out(asked)?;
    let is_late =
        |answer: &std::io::Result<Printed>| answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::TimedOut);
    let late = asked.iter().zip(&answers).filter(|(_, answer)| is_late(answer));
    let commands: Vec<_> = late.map(|(invocation, _)| format!("'{}'", invocation.shown())).collect();
    if commands.is_empty() { Ok(answers) } else { Err(GitError::NoAnswer { commands }) }
}

fn refused(stderr: &[u8], command: &str) -> GitError {
    let words = complaint_in_full(stderr);
    GitError::Refused { words: words.unwrap_or_else(|| format!("'git {command}' failed without a word")) }
}

fn cannot_start(error: std::io::Error, folder: &Path) -> GitError {
    match std::fs::metadata(folder) {
        Err(error) => GitError::NoFolder { folder: folder.to_owned(), error },
        Ok(metadata) if !metadata.is_dir() => {
            GitError::NoFolder { folder: folder.to_owned(), error: ErrorKind::NotADirectory.into() }
        }
        Ok(_) => GitError::NoGit(error),
    }
}

fn too_old(git: &Git, errands: &mut impl Errands) -> Option<GitError> {
    let version = carry_out(errands, &[git.here(&["version"])]).ok()?.pop()?.ok()?;
    let text = version.stdout.to_str_lossy();
    let found = text.split_whitespace().nth(2)?;
    let mut numbers = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next()?, numbers.next()?);
    (version < OLDEST_GIT).then(|| GitError::TooOld { found: found.to_owned() })
}

fn read_place(output: &[u8]) -> Option<Place> {
    let (git_dir, bare, rest) = flag_after(output)?;
    let (common_dir, _, rest) = flag_after(rest)?;
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let toplevel = rest.strip_suffix(b"\n").filter(|top| !top.is_empty()).map(path);
    Some(Place { git_dir: path(git_dir), bare, common_dir: path(common_dir), toplevel })
}

/// Splits `PATH\ntrue\nREST` or `PATH\nfalse\nREST`.
fn flag_after(text: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let flags = [("\ntrue\n", true), ("\nfalse\n", false)];
    let found = flags.into_iter().filter_map(|(words, flag)| Some((text.find(words)?, words.len(), flag)));
    let (at, length, flag) = found.min()?;
    (at > 0).then(|| (&text[..at], flag, &text[at + length..]))
}

/// See [`MainLocation`]. Asks git only where the folder's place does not already prove it.
fn main_location(
    git: &Git,
    errands: &mut impl Errands,
    place: &Place,
    listed: &Path,
    entries: &[Entry],
) -> Result<MainLocation, GitError> {
    let plain = place.common_dir == listed.join(".git")
        && config::last(entries, "core.worktree").is_none()
        && config::last(entries, "extensions.worktreeconfig").is_none();
    if plain {
        return Ok(MainLocation::AsListed);
    }
    // Another repository may lie around the listed folder, and answer for itself.
    let answer = carry_out(errands, &[git.within(listed, &WHERE)])?.pop().and_then(Result::ok);
    let there = answer.and_then(|printed| read_place(&printed.stdout));
    Ok(match there.filter(|there| there.common_dir == place.common_dir) {
        Some(Place { toplevel: Some(top), .. }) => MainLocation::At(top),
        Some(Place { bare: true, .. }) => MainLocation::Nowhere,
        _ => match &place.toplevel {
            Some(top) if place.git_dir == place.common_dir => MainLocation::At(top.clone()),
            _ if place.common_dir == listed.join(".git") => MainLocation::AsListed,
            _ => MainLocation::Unknown,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_in_a_path_shifts_nothing() {
        let place = read_place(b"/r/a\nb/.git/worktrees/x\nfalse\n/r/a\nb/.git\ntrue\n/r/w\nx\n").expect("well-formed");
        assert_eq!(place.git_dir, Path::new("/r/a\nb/.git/worktrees/x"));
        assert_eq!(place.common_dir, Path::new("/r/a\nb/.git"));
        assert_eq!(place.toplevel.as_deref(), Some(Path::new("/r/w\nx")));
    }

    #[test]
    fn no_working_tree_is_no_error() {
        let place = read_place(b"/r.git\ntrue\n/r.git\nfalse\n").expect("well-formed");
        assert_eq!(place.toplevel, None);
        assert!(read_place(b"").is_none());
    }
}
