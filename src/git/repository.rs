//! Which repository this is: found once, with the environment that git itself would use.

use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::ByteSlice;

use crate::git::command::{Git, Invocation, complaint_in_full};
use crate::git::config::{self, Entry};
use crate::git::config_memory::{self, Recalled};
use crate::git::errand::{Errand, Errands, Interrupted, Printed};
use crate::git::place::{self, Place, WHERE};
use crate::git::worktree_folder::{self, Look, MainLocation};
use crate::git::worktree_list::{self, Record};
use crate::git::{from_files, ref_storage, worktree_files};
use crate::model::answer::Exit;
use crate::model::worktree::Worktree;

/// The oldest git that can list worktrees NUL-separated.
pub const OLDEST_GIT: (u32, u32) = (2, 36);

/// How long git may take, be the drive slow.
const LONGEST: Duration = Duration::from_secs(30);
/// How long git may take to list the worktrees before it is seen whether one lies on a drive that never answers: git
/// looks at the folder of each that is not locked.
const PATIENCE: Duration = Duration::from_secs(1);

/// git's exit status where it does not know an option.
const USAGE: Exit = Exit::Code(129);

/// Why nothing is known of the repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git to ask.
    #[error("cannot run git: {0}")]
    NoGit(io::Error),
    /// The folder to stand in cannot be entered.
    #[error("cannot change to '{}': {error}", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// git refuses, in its own words.
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
    /// git says otherwise than the repository's files were taken to say.
    #[error("the repository as it was read from its files is not what git says: {0}")]
    Contradicted(String),
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
    /// Whether all but the configuration comes from the repository's files, and git was not asked.
    pub is_from_files: bool,
    /// Where one stands, where the configuration could be remembered from now on.
    pub memory: Option<Place>,
}

impl Repository {
    /// Finds the repository in which `folder` lies: from its files where these say it plainly, and otherwise by asking
    /// git.
    pub fn discover(git: &Git, errands: &mut impl Errands, folder: &Path) -> Result<Self, GitError> {
        let Some(found) = from_files::find(git, folder) else { return Self::discover_by_git(git, errands, folder) };
        let (config, memory) = configuration(git, errands, &found.place)?;
        match config.filter(|entries| found.holds_with(entries)) {
            Some(entries) => {
                let location = MainLocation::AsListed;
                let worktrees = worktrees(git, errands, &found.place, found.records, &location, &entries)?;
                Ok(Self { memory, is_from_files: true, ..Self::of(found.place, worktrees, entries) })
            }
            None => Self::discover_by_git(git, errands, folder),
        }
    }

    /// Finds the repository in which `folder` lies. Three git processes, side by side.
    pub fn discover_by_git(git: &Git, errands: &mut impl Errands, folder: &Path) -> Result<Self, GitError> {
        let (place, list, config) = (git.here(&WHERE), worktree_list::listing(git), config::listing(git));
        let [place, list, config] = side_by_side(errands, [(place, LONGEST), (list, PATIENCE), (config, LONGEST)])?;
        named(&[(&WHERE, &place), (&config::LISTING, &config)])?;

        let place = place_of(git, errands, place, folder)?;
        let entries = entries(git, errands, config)?;

        let mut records = records(git, errands, list, &place.common_dir, &entries)?;
        let mut main = MainLocation::AsListed;
        if let Some(first) = records.first_mut().filter(|first| !first.bare) {
            main = main_location(git, errands, &place, &first.path, &entries)?;
            // From a linked worktree, git lists a bare repository as if it had a working tree.
            first.bare = main == MainLocation::Nowhere;
        } else if let Some(first) = records.first_mut()
            && config::last(&entries, "extensions.worktreeconfig").is_some()
        {
            // Only the main worktree's own configuration, which git reads there alone, may give it a working tree.
            main = main_location(git, errands, &place, &first.path, &entries)?;
            first.bare = !matches!(main, MainLocation::At(_));
        }
        let worktrees = worktrees(git, errands, &place, records, &main, &entries)?;
        Ok(Self::of(place, worktrees, entries))
    }

    fn of(place: Place, worktrees: Vec<Worktree>, config: Vec<Entry>) -> Self {
        let Place { common_dir, toplevel, .. } = place;
        Self { common_dir, toplevel, worktrees, config, is_from_files: false, memory: None }
    }

    /// What git says otherwise of the repository than its files were taken to say, in words. None: it says the same.
    pub fn contradiction(&self, git: &Self) -> Option<String> {
        let differs = |what: &str, files: &dyn Debug, git: &dyn Debug| {
            Some(format!("{what}: {files:?} from the files, {git:?} from git"))
        };
        if self.common_dir != git.common_dir {
            return differs("the shared folder", &self.common_dir, &git.common_dir);
        }
        if self.toplevel != git.toplevel {
            return differs("the worktree's folder", &self.toplevel, &git.toplevel);
        }
        if self.config != git.config {
            let is_other = |pair: &(&Entry, &Entry)| pair.0 != pair.1;
            return match self.config.iter().zip(&git.config).find(is_other) {
                Some((ours, gits)) => differs("the configuration", ours, gits),
                None => differs("entries of the configuration", &self.config.len(), &git.config.len()),
            };
        }
        match self.worktrees.iter().zip(&git.worktrees).find(|(ours, gits)| ours != gits) {
            Some((ours, gits)) => differs("a worktree", ours, gits),
            None if self.worktrees.len() != git.worktrees.len() => {
                differs("worktrees", &self.worktrees.len(), &git.worktrees.len())
            }
            None => None,
        }
    }
}

/// git's configuration alone, and where one stands.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The top of the worktree in which the user stands, if it is in one.
    pub toplevel: Option<PathBuf>,
    /// The configuration, as far as it is of interest.
    pub entries: Vec<Entry>,
}

impl Configuration {
    /// Reads it where `folder` lies in a repository: worktrees are not looked for.
    pub fn read(git: &Git, errands: &mut impl Errands, folder: &Path) -> Result<Self, GitError> {
        if let Some(place) = from_files::place_of(git, folder)
            && let (Some(entries), _) = configuration(git, errands, &place)?
            && from_files::is_plain(&place, &entries)
        {
            return Ok(Self { toplevel: place.toplevel, entries });
        }
        let (place, config) = (git.here(&WHERE), config::listing(git));
        let [place, config] = side_by_side(errands, [(place, LONGEST), (config, LONGEST)])?;
        named(&[(&WHERE, &place), (&config::LISTING, &config)])?;
        let place = place_of(git, errands, place, folder)?;
        Ok(Self { toplevel: place.toplevel, entries: entries(git, errands, config)? })
    }
}

/// Where git says that one stands.
fn place_of(
    git: &Git,
    errands: &mut impl Errands,
    place: io::Result<Printed>,
    folder: &Path,
) -> Result<Place, GitError> {
    let place = place.map_err(|error| cannot_start(error, folder))?;
    place::read(&place.stdout).ok_or_else(|| {
        let old = (place.exit == USAGE).then(|| too_old(git, errands)).flatten();
        old.unwrap_or_else(|| refused(&place.stderr, "rev-parse"))
    })
}

/// The configuration that git has printed.
fn entries(git: &Git, errands: &mut impl Errands, config: io::Result<Printed>) -> Result<Vec<Entry>, GitError> {
    let config = config.map_err(GitError::NoGit)?;
    match config.exit {
        Exit::Code(0 | 1) => entries_of(&config).ok_or(GitError::Unreadable("config")),
        USAGE => Err(too_old(git, errands).unwrap_or_else(|| refused(&config.stderr, "config"))),
        _ => Err(refused(&config.stderr, "config")),
    }
}

/// git's configuration where one stands in a plain repository, as it is remembered or as git prints it; and where it is
/// that it is not remembered yet.
fn configuration(
    git: &Git,
    errands: &mut impl Errands,
    place: &Place,
) -> Result<(Option<Vec<Entry>>, Option<Place>), GitError> {
    let memory = match config_memory::recall(git, place) {
        Recalled::Entries(entries) => return Ok((Some(entries), None)),
        Recalled::Never => None,
        Recalled::Nothing => Some(place.clone()),
    };
    let [config] = side_by_side(errands, [(config::listing(git), LONGEST)])?;
    Ok((config.ok().and_then(|printed| entries_of(&printed)), memory))
}

/// The entries that git has printed, where it has ended well.
fn entries_of(config: &Printed) -> Option<Vec<Entry>> {
    match config.exit {
        Exit::Code(0) => config::parse(&config.stdout),
        // Nothing of interest is configured.
        Exit::Code(1) => Some(Vec::new()),
        _ => None,
    }
}

/// The worktrees of these records, with what a look at each finds.
fn worktrees(
    git: &Git,
    errands: &mut impl Errands,
    place: &Place,
    records: Vec<Record>,
    main: &MainLocation,
    entries: &[Entry],
) -> Result<Vec<Worktree>, GitError> {
    let mut looks = worktree_folder::looks(records, &place.common_dir, main);
    let are_apart = ref_storage::are_apart(entries);
    if are_apart {
        ref_storage::read_heads(git, errands, &mut looks)?;
    }
    let mut worktrees = examined(git, errands, looks)?;
    if are_apart {
        ref_storage::read_marks(git, errands, &place.common_dir, &mut worktrees)?;
    }
    Ok(worktrees)
}

/// The records of all worktrees: from git, or from their files, where git waits for a drive that may be dead.
fn records(
    git: &Git,
    errands: &mut impl Errands,
    list: io::Result<Printed>,
    common_dir: &Path,
    entries: &[Entry],
) -> Result<Vec<Record>, GitError> {
    let list = if is_late(&list) {
        if let Some(records) = records_beside_git(git, errands, common_dir, entries)? {
            return Ok(records);
        }
        // No worktree can lie on a dead drive: git is only slow.
        let [list] = side_by_side(errands, [(worktree_list::listing(git), LONGEST)])?;
        list
    } else {
        list
    };
    named(&[(&worktree_list::LISTING, &list)])?;
    let list = list.map_err(GitError::NoGit)?;
    if list.exit != Exit::Code(0) {
        return Err(too_old(git, errands).unwrap_or_else(|| refused(&list.stderr, "worktree list")));
    }
    worktree_list::parse(&list.stdout).ok_or(GitError::Unreadable("worktree list"))
}

/// See [`worktree_files::read`]. None where no worktree's folder can keep git waiting.
fn records_beside_git(
    git: &Git,
    errands: &mut impl Errands,
    common_dir: &Path,
    entries: &[Entry],
) -> Result<Option<Vec<Record>>, GitError> {
    let read =
        git.mounts().answers(common_dir).then(|| worktree_files::read(common_dir, entries).ok().flatten()).flatten();
    let may_wait = |record: &Record| record.locked.is_none() && !git.mounts().answers(&record.path.join(".git"));
    let Some(mut read) = read.filter(|records| records.iter().skip(1).any(may_wait)) else { return Ok(None) };
    let mut asked = git.here(&["cat-file", "--batch-check=%(objectname)"]);
    asked.input = Some(worktree_files::branches(&read));
    let [heads] = side_by_side(errands, [(asked, LONGEST)])?;
    let heads = heads.ok().filter(|heads| heads.exit == Exit::Code(0));
    Ok(heads.and_then(|heads| worktree_files::put_heads(&mut read, &heads.stdout, common_dir)).map(|()| read))
}

/// Asks git several things at once, each within its time.
fn side_by_side<const N: usize>(
    errands: &mut impl Errands,
    asked: [(Invocation, Duration); N],
) -> Result<[io::Result<Printed>; N], GitError> {
    let asked = asked.map(|(invocation, within)| Errand { invocation, within });
    let mut answers = errands.carry_out(&asked)?.into_iter();
    Ok(std::array::from_fn(|_| answers.next().unwrap_or_else(|| Err(io::Error::other("it was not asked")))))
}

fn is_late(answer: &io::Result<Printed>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::TimedOut)
}

/// Refuses to go on where commands have not answered, and names them.
fn named(answers: &[(&[&str], &io::Result<Printed>)]) -> Result<(), GitError> {
    let late = answers.iter().filter(|(_, answer)| is_late(answer));
    let commands: Vec<_> = late.map(|(words, _)| format!("'git {}'", words.join(" "))).collect();
    if commands.is_empty() { Ok(()) } else { Err(GitError::NoAnswer { commands }) }
}

/// Looks at each worktree's folder: in this process where the folder surely answers, in another where it may not.
fn examined(git: &Git, errands: &mut impl Errands, looks: Vec<Look>) -> Result<Vec<Worktree>, GitError> {
    let is_near = |look: &Look| look.record.bare || git.mounts().answers(&look.path().join(".git"));
    let near: Vec<bool> = looks.iter().map(is_near).collect();
    let away: Vec<Look> = looks.iter().zip(&near).filter(|(_, near)| !**near).map(|(look, _)| look.clone()).collect();
    let seen = if away.is_empty() { Vec::new() } else { errands.look(git, &away)? };
    let mut seen = seen.into_iter();
    let found = looks.into_iter().zip(near).map(|(look, near)| {
        let found = if near { Some(look.carry_out()) } else { seen.next().flatten() };
        worktree_folder::worktree(look, found)
    });
    Ok(found.collect())
}

fn refused(stderr: &[u8], command: &str) -> GitError {
    let words = complaint_in_full(stderr);
    GitError::Refused { words: words.unwrap_or_else(|| format!("'git {command}' failed without a word")) }
}

fn cannot_start(error: io::Error, folder: &Path) -> GitError {
    match std::fs::metadata(folder) {
        Err(error) => GitError::NoFolder { folder: folder.to_owned(), error },
        Ok(metadata) if !metadata.is_dir() => {
            GitError::NoFolder { folder: folder.to_owned(), error: ErrorKind::NotADirectory.into() }
        }
        Ok(_) => GitError::NoGit(error),
    }
}

fn too_old(git: &Git, errands: &mut impl Errands) -> Option<GitError> {
    let [version] = side_by_side(errands, [(git.here(&["version"]), LONGEST)]).ok()?;
    let version = version.ok()?;
    let text = version.stdout.to_str_lossy();
    let found = text.split_whitespace().nth(2)?;
    let mut numbers = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next()?, numbers.next()?);
    (version < OLDEST_GIT).then(|| GitError::TooOld { found: found.to_owned() })
}

/// Finds the main worktree. Asks git only where the listed folder may be another one.
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
    let [answer] = side_by_side(errands, [(git.within(listed, &WHERE), LONGEST)])?;
    let there = answer.ok().and_then(|printed| place::read(&printed.stdout));
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

    /// A git of which the commands with these words never answer, and all others do with nothing.
    struct Silent(&'static [&'static str]);

    impl Errands for Silent {
        fn carry_out(&mut self, errands: &[Errand]) -> Result<Vec<io::Result<Printed>>, Interrupted> {
            let answer = |errand: &Errand| {
                let is_silent = self.0.iter().any(|word| errand.invocation.args.iter().any(|arg| arg == word));
                let nothing = Printed { exit: Exit::Code(0), stdout: Vec::new(), stderr: Vec::new() };
                if is_silent { Err(ErrorKind::TimedOut.into()) } else { Ok(nothing) }
            };
            Ok(errands.iter().map(answer).collect())
        }

        fn look(
            &mut self,
            _: &Git,
            looks: &[Look],
        ) -> Result<Vec<Option<crate::git::worktree_folder::Found>>, Interrupted> {
            Ok(looks.iter().map(|_| None).collect())
        }
    }

    #[test]
    fn the_command_that_does_not_answer_is_named() {
        let git = Git::new(&crate::environment::Environment::of_this_process());
        let told = |words: &'static [&'static str]| {
            let refused = Repository::discover(&git, &mut Silent(words), Path::new("/"));
            refused.expect_err("no answer").to_string()
        };
        let one = told(&["--show-origin"]);
        assert!(one.starts_with("no answer from 'git config --get-regexp ") && !one.contains("rev-parse"), "{one}");
        let both = told(&["--show-origin", "--show-toplevel"]);
        assert!(both.contains("'git rev-parse ") && both.contains("'git config "), "{both}");
    }
}
