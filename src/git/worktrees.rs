//! `git worktree list --porcelain -z`, and what stands in the way of checking each of them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use crate::git::command::{Git, Invocation};
use crate::git::operation;
use crate::model::worktree::{Obstacle, Worktree};

/// The process that lists the worktrees. `-z` needs git 2.36.
pub fn listing(git: &Git) -> Invocation {
    git.here(&["worktree", "list", "--porcelain", "-z"])
}

/// One record as git prints it, before anything on disk is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The folder.
    pub path: PathBuf,
    /// The object id of HEAD; all zeros where there is no commit.
    pub head: Option<String>,
    /// The full name of the branch.
    pub branch: Option<String>,
    /// `detached`.
    pub detached: bool,
    /// `bare`.
    pub bare: bool,
    /// `locked`, with its reason.
    pub locked: Option<String>,
    /// `prunable`, with its reason.
    pub prunable: Option<String>,
}

/// Reads what [`listing`] printed. `None` where it is not of the expected form.
pub fn parse(output: &[u8]) -> Option<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    let mut open = false;
    for line in output.strip_suffix(b"\0").unwrap_or(output).split_str(b"\0") {
        if line.is_empty() {
            open = false;
            continue;
        }
        let (label, value) = match line.find_byte(b' ') {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        if label == b"worktree" && !open {
            open = true;
            records.push(Record { path: PathBuf::from(OsStr::from_bytes(value?)), ..Record::default() });
            continue;
        }
        let record = records.last_mut().filter(|_| open)?;
        let text = || value.unwrap_or_default().to_str_lossy().into_owned();
        match label {
            b"HEAD" => record.head = Some(text()),
            b"branch" => record.branch = Some(text()),
            b"detached" => record.detached = true,
            b"bare" => record.bare = true,
            b"locked" => record.locked = Some(text()),
            b"prunable" => record.prunable = Some(text()),
            // A later git may say more.
            _ => {}
        }
    }
    (!records.is_empty()).then_some(records)
}

/// Where the main worktree really is: git lists the common folder less `/.git`, which is another place
/// with `core.worktree`, with `--separate-git-dir` and in submodules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MainLocation {
    /// Where git lists it.
    AsListed,
    /// Here.
    At(PathBuf),
    /// Nothing says where.
    Unknown,
    /// There is none: the repository is bare.
    Nowhere,
}

/// Turns records into worktrees: looks at each folder once, to tell the ones that no check can run in.
pub fn examine(records: Vec<Record>, common_dir: &Path, main: &MainLocation) -> Vec<Worktree> {
    let admin = common_dir.join("worktrees");
    let mut seen = HashMap::new();
    for record in &records {
        *seen.entry(record.path.clone()).or_insert(0) += 1;
    }
    records
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            let alone = seen.get(&record.path) == Some(&1);
            worktree(record, index == 0, alone, common_dir, &admin, main)
        })
        .collect()
}

/// `alone`: no other record has the same folder.
fn worktree(
    record: Record,
    main: bool,
    alone: bool,
    common_dir: &Path,
    admin: &Path,
    location: &MainLocation,
) -> Worktree {
    let mut path = record.path.clone();
    if let (true, MainLocation::At(place)) = (main && !record.bare, location) {
        path.clone_from(place);
    }
    let (mut apart, mut foreign) = (false, false);
    let (git_dir, obstacle) = if record.bare {
        (Some(common_dir.to_owned()), Some(Obstacle::skipped("bare repository: it has no working tree")))
    } else if main {
        apart = !leads_to(&path, common_dir);
        foreign = is_foreign(&[&path, &path.join(".git"), common_dir]);
        (Some(common_dir.to_owned()), main_obstacle(&path, location))
    } else {
        match link(&path, admin) {
            Ok(link) if !alone && !link.is_of(&record) => (
                None,
                Some(Obstacle::errored(
                    "another worktree has taken its folder; 'git worktree prune' removes a record that is not needed any more",
                )),
            ),
            Ok(link) => {
                foreign = link.foreign;
                let prunable = record.prunable.as_ref();
                (Some(link.git_dir), prunable.map(|reason| Obstacle::skipped(format!("prunable: {reason}"))))
            }
            Err(obstacle) => {
                (None, Some(explain(obstacle, &path, record.locked.as_deref(), record.prunable.as_deref())))
            }
        }
    };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let returns_to = git_dir.as_deref().filter(|_| record.detached).and_then(operation::returns_to);
    Worktree {
        name,
        returns_to,
        sha256: record.head.as_ref().is_some_and(|head| head.len() == 64),
        // An unborn branch and an unreadable HEAD have the zero id.
        head: record.head.filter(|head| head.bytes().any(|digit| digit != b'0')),
        branch: record.branch.map(|branch| branch.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(branch)),
        main,
        detached: record.detached,
        bare: record.bare,
        locked: record.locked.is_some(),
        prunable: record.prunable.is_some(),
        git_dir,
        apart,
        foreign,
        obstacle,
        path,
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

impl Link {
    /// Whether the HEAD that it leads to is the one that git lists in this record.
    fn is_of(&self, record: &Record) -> bool {
        let head = std::fs::read(self.git_dir.join("HEAD")).unwrap_or_default();
        let head = head.trim_ascii();
        match head.strip_prefix(b"ref:") {
            Some(branch) => record.branch.as_ref().is_some_and(|own| own.as_bytes() == branch.trim_ascii()),
            None => record.detached && record.head.as_ref().is_some_and(|own| own.as_bytes() == head),
        }
    }
}

/// Follows a linked worktree's `.git` file to its own git folder, and back.
///
/// Without this look, a folder whose `.git` file is gone would be answered for by whatever repository lies
/// around it, and a copied folder by the worktree that it was copied from: a false "clean" about work that nobody has looked at.
fn link(path: &Path, admin: &Path) -> Result<Link, Broken> {
    let dot_git = path.join(".git");
    let content = match git_file(&dot_git) {
        Ok(content) => content,
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
    // A relative path there starts from where it is written.
    let back = std::fs::read(git_dir.join("gitdir")).ok().map(|content| git_dir.join(as_path(&content)));
    match back {
        Some(back) if back == dot_git || real(&back).is_some_and(|back| Some(back) == real(&dot_git)) => {}
        Some(back) => return Err(Broken::Copied(back)),
        None => return Err(Broken::Foreign(git_dir)),
    }
    let foreign = is_foreign(&[path, &dot_git, &git_dir]);
    Ok(Link { git_dir, foreign })
}

/// Whether one of these belongs to another user. (Rule: `ensure_valid_ownership` in git's setup.c looks at these three.)
fn is_foreign(paths: &[&Path]) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    paths.iter().any(|path| path.symlink_metadata().is_ok_and(|file| file.uid() != own))
}

/// Whether git, run in this folder, comes to this git folder.
fn leads_to(path: &Path, git_dir: &Path) -> bool {
    let dot_git = path.join(".git");
    if dot_git == git_dir {
        return true;
    }
    let found = match git_file(&dot_git) {
        Ok(content) => target(path, &content),
        Err(_) => Some(dot_git),
    };
    found.and_then(|found| found.canonicalize().ok()).is_some_and(|found| Some(found) == git_dir.canonicalize().ok())
}

/// The content of a `.git` file. What is neither a file nor a folder is not opened: a pipe that nobody writes to would
/// hang the whole run.
fn git_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = path.metadata()?;
    match (found.is_file(), found.is_dir()) {
        (true, _) => std::fs::read(path),
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
            // Where a drive is mounted when it is there.
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

    #[test]
    fn reads_every_attribute() {
        let output = b"worktree /r/main repo\0HEAD 1111\0branch refs/heads/main\0\0worktree /r/a\nb\0HEAD 2222\0detached\0locked on a stick\0prunable gone\0\0worktree /r/c\0HEAD 0000\0branch refs/heads/feat/x\0locked\0\0worktree /r/bare\0bare\0\0";
        let records = parse(output).expect("well-formed");
        assert_eq!(records.len(), 4);
        assert_eq!(records[0].branch.as_deref(), Some("refs/heads/main"));
        assert_eq!(records[1].path, Path::new("/r/a\nb"));
        assert_eq!(records[1].locked.as_deref(), Some("on a stick"));
        assert_eq!(records[1].prunable.as_deref(), Some("gone"));
        assert!(records[1].detached);
        assert_eq!(records[2].locked.as_deref(), Some(""));
        assert!(records[3].bare);
    }

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
        match link(&root.join("x"), &admin) {
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
    fn refuses_other_text() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"HEAD 1111\0\0"), None);
        assert_eq!(parse(b"usage: git worktree\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>, lines in proptest::collection::vec("(worktree|HEAD|branch|locked|bare|)[ a-z]{0,4}", 0..9)) {
            parse(&output);
            parse(lines.join("\0").as_bytes());
        }
    }
}
