//! What a look at a worktree's folder finds: whether it leads to this repository's record of it, and what keeps it from
//! being checked.
//!
//! A look is a value that another process can carry out: where a drive may be dead, this process never looks itself.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};

use crate::git::operation;
use crate::git::path_bytes;
use crate::git::regular_file::{self, Links};
use crate::git::worktree_list::Record;
use crate::model::worktree::{Obstacle, Worktree};

/// Where the main worktree really is: git lists the common folder less `/.git`, which is another place
/// with `core.worktree`, with `--separate-git-dir` and in submodules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MainLocation {
    /// Where git lists it.
    AsListed,
    /// At this path.
    At(#[serde(with = "path_bytes")] PathBuf),
    /// Nothing says where.
    Unknown,
    /// There is none: the repository is bare.
    Nowhere,
}

/// A look at one worktree's folder that is still to be carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Look {
    /// git's record of the worktree.
    pub record: Record,
    /// Whether it is the main worktree.
    pub main: bool,
    /// Whether no other record has the same folder.
    pub alone: bool,
    /// The folder that all worktrees share.
    #[serde(with = "path_bytes")]
    pub common_dir: PathBuf,
    /// Where the main worktree is.
    pub location: MainLocation,
    /// The folder's HEAD, where git does not keep it as a file.
    pub head: Option<Head>,
}

/// What HEAD is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Head {
    /// The full name of a branch.
    Branch(String),
    /// A commit.
    Commit(String),
}

impl Head {
    /// The HEAD that lies as a file in a git folder.
    fn read(git_dir: &Path) -> Self {
        let head = std::fs::read(git_dir.join("HEAD")).unwrap_or_default();
        let head = head.trim_ascii();
        match head.strip_prefix(b"ref:") {
            Some(branch) => Self::Branch(branch.trim_ascii().to_str_lossy().into_owned()),
            None => Self::Commit(head.to_str_lossy().into_owned()),
        }
    }

    /// Whether git lists this HEAD in a record.
    fn is_of(&self, record: &Record) -> bool {
        match self {
            Self::Branch(branch) => record.branch.as_ref() == Some(branch),
            Self::Commit(commit) => record.detached && record.head.as_ref() == Some(commit),
        }
    }
}

/// What a look has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// See [`Worktree::git_dir`](crate::model::worktree::Worktree::git_dir).
    #[serde(with = "path_bytes::optional")]
    pub git_dir: Option<PathBuf>,
    /// See [`Worktree::apart`](crate::model::worktree::Worktree::apart).
    pub apart: bool,
    /// See [`Worktree::foreign`](crate::model::worktree::Worktree::foreign).
    pub foreign: bool,
    /// See [`Worktree::returns_to`](crate::model::worktree::Worktree::returns_to).
    pub returns_to: Option<String>,
    /// See [`Worktree::obstacle`](crate::model::worktree::Worktree::obstacle).
    pub obstacle: Option<Obstacle>,
}

impl Found {
    /// What is known of a folder that has not answered in time.
    pub fn no_answer() -> Self {
        Self { obstacle: Some(Obstacle::errored("its folder does not answer")), ..Self::default() }
    }

    /// The worktree, with what was found of its folder.
    pub fn completes(self, worktree: Worktree) -> Worktree {
        let Self { git_dir, apart, foreign, returns_to, obstacle } = self;
        Worktree { git_dir, apart, foreign, returns_to, obstacle, is_unanswered: false, ..worktree }
    }
}

impl Look {
    /// The folder that it is about.
    pub fn path(&self) -> &Path {
        match &self.location {
            MainLocation::At(place) if self.main && !self.record.bare => place,
            _ => &self.record.path,
        }
    }

    /// Looks. On a drive that is dead this may take for ever.
    pub fn carry_out(&self) -> Found {
        let mut found = self.found();
        found.returns_to = found.git_dir.as_deref().filter(|_| self.record.detached).and_then(operation::returns_to);
        found
    }

    fn found(&self) -> Found {
        let (path, record, common_dir) = (self.path(), &self.record, self.common_dir.as_path());
        if record.bare {
            let obstacle = Some(Obstacle::skipped("bare repository: it has no working tree"));
            return Found { git_dir: Some(common_dir.to_owned()), obstacle, ..Found::default() };
        }
        if self.main {
            return Found {
                git_dir: Some(common_dir.to_owned()),
                apart: !leads_to(path, common_dir),
                foreign: is_foreign(&[path, &path.join(".git"), common_dir]),
                obstacle: main_obstacle(path, &self.location),
                returns_to: None,
            };
        }
        match link(path, &common_dir.join("worktrees"), record.read_from.as_deref()) {
            Ok(link)
                if !self.alone && !self.head.clone().unwrap_or_else(|| Head::read(&link.git_dir)).is_of(record) =>
            {
                Found {
                    obstacle: Some(Obstacle::errored(
                        "another worktree has taken its folder; 'git worktree prune' removes a record that is not needed any more",
                    )),
                    ..Found::default()
                }
            }
            Ok(link) => Found {
                git_dir: Some(link.git_dir),
                foreign: link.foreign,
                obstacle: record.prunable.as_ref().map(|reason| Obstacle::skipped(format!("prunable: {reason}"))),
                ..Found::default()
            },
            Err(broken) => {
                let obstacle = explain(broken, path, record.locked.as_deref(), record.prunable.as_deref());
                Found { obstacle: Some(obstacle), ..Found::default() }
            }
        }
    }
}

/// The looks at the folders of these records.
pub fn looks(records: Vec<Record>, common_dir: &Path, location: &MainLocation) -> Vec<Look> {
    let mut seen: HashMap<PathBuf, usize> = HashMap::new();
    for record in &records {
        *seen.entry(record.path.clone()).or_default() += 1;
    }
    let look = |(index, record): (usize, Record)| Look {
        alone: seen.get(&record.path) == Some(&1),
        main: index == 0,
        common_dir: common_dir.to_owned(),
        location: location.clone(),
        head: None,
        record,
    };
    records.into_iter().enumerate().map(look).collect()
}

/// A worktree, from git's record of it and what a look at its folder has found; none: the folder has not answered yet.
pub fn worktree(look: Look, found: Option<Found>) -> Worktree {
    let (path, main) = (look.path().to_owned(), look.main);
    let record = look.record;
    let worktree = Worktree {
        name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        sha256: record.head.as_ref().is_some_and(|head| head.len() == 64),
        // An unborn branch and an unreadable HEAD have the zero id.
        head: record.head.filter(|head| head.bytes().any(|digit| digit != b'0')),
        branch: record.branch.map(|branch| branch.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(branch)),
        main,
        detached: record.detached,
        bare: record.bare,
        locked: record.locked.is_some(),
        prunable: record.prunable.is_some(),
        is_unanswered: true,
        path,
        ..Worktree::default()
    };
    match found {
        Some(found) => found.completes(worktree),
        None => worktree,
    }
}

fn main_obstacle(path: &Path, location: &MainLocation) -> Option<Obstacle> {
    if *location == MainLocation::Unknown {
        return Some(Obstacle::skipped(
            "main worktree location unknown (git keeps no record of it; ask from inside it)",
        ));
    }
    match path.metadata() {
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => Some(Obstacle::skipped("folder is missing")),
        Err(error) => Some(Obstacle::errored(format!("cannot read the folder: {error}"))),
    }
}

/// Why a folder's `.git` does not lead to this repository's record of it.
enum Broken {
    NoFolder,
    NoLink,
    Foreign(PathBuf),
    /// It leads to the record of another folder.
    Copied(PathBuf),
    Unreadable(std::io::Error),
}

/// Where a linked worktree's `.git` file leads.
struct Link {
    git_dir: PathBuf,
    foreign: bool,
}

/// Follows a linked worktree's `.git` file to its own git folder, and back.
///
/// Otherwise the repository around a folder would answer for it where its `.git` file is gone, and the worktree that it
/// was copied from where it is a copy: a false "clean" about work that nobody has looked at.
///
/// `read_from`: the folder whose way back was read already, and leads here.
fn link(path: &Path, admin: &Path, read_from: Option<&Path>) -> Result<Link, Broken> {
    let dot_git = path.join(".git");
    let (content, owner) = match git_file(&dot_git) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(if path.is_dir() { Broken::NoLink } else { Broken::NoFolder });
        }
        Err(error) if error.kind() == ErrorKind::IsADirectory => return Err(Broken::Foreign(dot_git)),
        Err(error) => return Err(Broken::Unreadable(error)),
    };
    let Some(git_dir) = target(path, &content) else { return Err(Broken::NoLink) };
    let real = |path: &Path| path.canonicalize().ok();
    let is_ours = git_dir.parent() == Some(admin)
        || git_dir.parent().and_then(real).is_some_and(|parent| Some(parent) == real(admin));
    if !is_ours {
        return Err(Broken::Foreign(git_dir));
    }
    // A relative path in that file starts from the folder that the file lies in.
    let way_back = || std::fs::read(git_dir.join("gitdir")).ok().map(|content| git_dir.join(as_path(&content)));
    let is_known = read_from == Some(&git_dir);
    match if is_known { Some(dot_git.clone()) } else { way_back() } {
        Some(back) if back == dot_git || real(&back).is_some_and(|back| Some(back) == real(&dot_git)) => {}
        Some(back) => return Err(Broken::Copied(back)),
        None => return Err(Broken::Foreign(git_dir)),
    }
    let foreign = owner != own() || is_foreign(&[path, &git_dir]);
    Ok(Link { git_dir, foreign })
}

/// Whether one of these belongs to another user. (Rule: `ensure_valid_ownership` in git's setup.c looks at these
/// three.)
fn is_foreign(paths: &[&Path]) -> bool {
    paths.iter().any(|path| path.symlink_metadata().is_ok_and(|file| file.uid() != own()))
}

/// Who this process is, which does not change.
fn own() -> u32 {
    static OWN: OnceLock<u32> = OnceLock::new();
    *OWN.get_or_init(|| nix::unistd::geteuid().as_raw())
}

/// Whether git, run in this folder, finds this git folder.
fn leads_to(path: &Path, git_dir: &Path) -> bool {
    let dot_git = path.join(".git");
    if dot_git == git_dir {
        return true;
    }
    let found = match git_file(&dot_git) {
        Ok((content, _)) => target(path, &content),
        Err(_) => Some(dot_git),
    };
    found.and_then(|found| found.canonicalize().ok()).is_some_and(|found| Some(found) == git_dir.canonicalize().ok())
}

/// git reads no larger `.git` file. (Rule: `read_gitfile_gently` in git's setup.c.)
const LARGEST: usize = 1 << 20;

/// The content of a `.git` file, and whose it is: the link's, where it is one. What is neither a file nor a folder is not
/// waited for: a pipe that nobody writes to would hang the whole run.
fn git_file(path: &Path) -> std::io::Result<(Vec<u8>, u32)> {
    // Most are plain files: what is opened tells its owner, too.
    let plainly = regular_file::contents_and_file(path, Links::Refused, LARGEST);
    let error = match plainly {
        Ok((content, about)) => return Ok((content, about.uid())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Err(error),
        Err(error) => error,
    };
    let in_words = |error: std::io::Error| match error.kind() {
        ErrorKind::FileTooLarge => std::io::Error::other("its .git file is larger than 1 MiB"),
        _ => error,
    };
    if error.kind() == ErrorKind::FileTooLarge {
        return Err(in_words(error));
    }
    let owner = path.symlink_metadata()?.uid();
    let found = path.metadata()?;
    match (found.is_file(), found.is_dir()) {
        (true, _) => Ok((regular_file::contents(path, Links::Followed, LARGEST).map_err(in_words)?, owner)),
        (_, true) => Err(ErrorKind::IsADirectory.into()),
        _ => Err(std::io::Error::other("neither a file nor a folder")),
    }
}

/// The folder that the content of a `.git` file names.
fn target(path: &Path, content: &[u8]) -> Option<PathBuf> {
    content.strip_prefix(b"gitdir: ").map(|target| path.join(as_path(target)))
}

fn as_path(line: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(line.trim_end_with(|c| c == '\n' || c == '\r')))
}

fn explain(broken: Broken, path: &Path, locked: Option<&str>, prunable: Option<&str>) -> Obstacle {
    match broken {
        Broken::NoFolder => match locked {
            Some("") => Obstacle::skipped("locked, and its folder is away"),
            Some(reason) => Obstacle::skipped(format!("locked, and its folder is away: {reason}")),
            None => Obstacle::skipped("folder is missing"),
        },
        Broken::NoLink => match (prunable, locked) {
            (Some(reason), _) => Obstacle::skipped(format!("prunable: {reason}")),
            // A drive may be mounted on an empty folder when it is there.
            (None, Some(_)) if is_empty(path) => explain(Broken::NoFolder, path, locked, prunable),
            _ => Obstacle::errored("its .git file is missing or broken; 'git worktree repair' may mend it"),
        },
        Broken::Foreign(target) => {
            let target = target.strip_prefix(path).unwrap_or(&target).display().to_string();
            Obstacle::errored(format!(
                "its .git leads to another repository ({target}); 'git worktree repair' may mend it"
            ))
        }
        Broken::Copied(back) => Obstacle::errored(format!(
            "its .git leads to the record of another worktree ({}); 'git worktree repair' may mend it",
            back.parent().unwrap_or(&back).display()
        )),
        Broken::Unreadable(error) => Obstacle::errored(format!("cannot read the folder: {error}")),
    }
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record in `ROOT/r/.git/worktrees/x` of the folder `ROOT/x`, written there and back like this.
    fn linked(there: &str, back: &str) -> Result<PathBuf, &'static str> {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("a folder");
        let admin = root.join("r/.git/worktrees");
        std::fs::create_dir_all(admin.join("x")).expect("folders");
        std::fs::create_dir(root.join("x")).expect("a folder");
        let written = |text: &str| text.replace("ROOT", root.to_str().expect("text"));
        std::fs::write(root.join("x/.git"), written(there)).expect("a file");
        std::fs::write(admin.join("x/gitdir"), written(back)).expect("a file");
        match link(&root.join("x"), &admin, None) {
            Ok(link) => {
                Ok(link.git_dir.canonicalize().expect("a folder").strip_prefix(&root).expect("ours").to_owned())
            }
            Err(Broken::NoFolder | Broken::NoLink) => Err("no link"),
            Err(Broken::Foreign(_)) => Err("foreign"),
            Err(Broken::Copied(_)) => Err("copied"),
            Err(Broken::Unreadable(_)) => Err("unreadable"),
        }
    }

    #[test]
    fn follows_a_link_there_and_back() {
        let own = Ok(PathBuf::from("r/.git/worktrees/x"));
        assert_eq!(linked("gitdir: ROOT/r/.git/worktrees/x\n", "ROOT/x/.git\n"), own);
        // As git writes them with worktree.useRelativePaths, and as an editor on another system leaves them.
        assert_eq!(linked("gitdir: ../r/.git/worktrees/x\n", "../../../../x/.git\n"), own);
        assert_eq!(linked("gitdir: ROOT/r/.git/worktrees/x\r\n", "ROOT/x/.git"), own);
        assert_eq!(linked("gitdir: ROOT/r/.git/worktrees/x\n", "ROOT/y/.git\n"), Err("copied"));
        assert_eq!(linked("gitdir: ROOT/q/.git/worktrees/x\n", "ROOT/x/.git\n"), Err("foreign"));
        assert_eq!(linked("gitdir: ROOT/r/.git\n", "ROOT/x/.git\n"), Err("foreign"));
        assert_eq!(linked("", "ROOT/x/.git\n"), Err("no link"));
        assert_eq!(linked("ROOT/r/.git/worktrees/x\n", "ROOT/x/.git\n"), Err("no link"));
    }

    #[test]
    fn a_look_and_what_it_finds_are_the_same_on_the_other_side() {
        let path = PathBuf::from(OsStr::from_bytes(b"/a\xff\n/.git"));
        let record = Record { path: path.clone(), locked: Some(String::new()), ..Record::default() };
        let location = MainLocation::At(path.clone());
        let look = Look { record, main: true, alone: true, common_dir: path.clone(), location, head: None };
        let text = serde_json::to_string(&look).expect("JSON");
        let there: Look = serde_json::from_str(&text).expect("the look");
        assert_eq!((&there.record, there.path(), &there.common_dir), (&look.record, path.as_path(), &path));
        let found = Found { git_dir: Some(path), apart: true, ..Found::no_answer() };
        let text = serde_json::to_string(&found).expect("JSON");
        assert_eq!(serde_json::from_str::<Found>(&text).expect("what was found"), found);
    }
}
