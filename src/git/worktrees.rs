//! `git worktree list --porcelain -z`, and what stands in the way of checking each of them.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use crate::git::command::{Git, Invocation};
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
}

/// Turns records into worktrees: looks at each folder once, to tell the ones that no check can run in.
pub fn examine(records: Vec<Record>, common_dir: &Path, main: &MainLocation) -> Vec<Worktree> {
    let admin = common_dir.join("worktrees");
    records
        .into_iter()
        .enumerate()
        .map(|(index, record)| worktree(record, index == 0, common_dir, &admin, main))
        .collect()
}

fn worktree(record: Record, main: bool, common_dir: &Path, admin: &Path, location: &MainLocation) -> Worktree {
    let mut path = record.path;
    if let (true, MainLocation::At(place)) = (main && !record.bare, location) {
        path.clone_from(place);
    }
    let (git_dir, obstacle) = if record.bare {
        (Some(common_dir.to_owned()), Some(Obstacle::skipped("bare repository: it has no working tree")))
    } else if main {
        (Some(common_dir.to_owned()), main_obstacle(&path, location))
    } else {
        match link(&path, admin) {
            Ok(git_dir) => match &record.prunable {
                Some(reason) => (Some(git_dir), Some(Obstacle::skipped(format!("prunable: {reason}")))),
                None => (Some(git_dir), None),
            },
            Err(obstacle) => {
                (None, Some(explain(obstacle, &path, record.locked.as_deref(), record.prunable.as_deref())))
            }
        }
    };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Worktree {
        name,
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
    Unreadable(std::io::Error),
}

/// Follows a linked worktree's `.git` file to its own git folder.
///
/// Without this look, a folder whose `.git` file is gone would be answered for by whatever repository lies
/// around it: a false "clean" about work that nobody has looked at.
fn link(path: &Path, admin: &Path) -> Result<PathBuf, Broken> {
    let dot_git = path.join(".git");
    let content = match std::fs::read(&dot_git) {
        Ok(content) => content,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(if path.is_dir() { Broken::NoLink } else { Broken::NoFolder });
        }
        Err(error) if error.kind() == ErrorKind::IsADirectory => return Err(Broken::Foreign(dot_git)),
        Err(error) => return Err(Broken::Unreadable(error)),
    };
    let Some(target) = content.strip_prefix(b"gitdir: ") else { return Err(Broken::NoLink) };
    let target = target.trim_end_with(|c| c == '\n' || c == '\r');
    let git_dir = path.join(Path::new(OsStr::from_bytes(target)));
    if git_dir.parent() == Some(admin) {
        return Ok(git_dir);
    }
    let real = |path: &Path| path.canonicalize().ok();
    if git_dir.parent().and_then(real).is_some_and(|parent| Some(parent) == real(admin)) {
        Ok(git_dir)
    } else {
        Err(Broken::Foreign(git_dir))
    }
}

fn explain(broken: Broken, path: &Path, locked: Option<&str>, prunable: Option<&str>) -> Obstacle {
    match broken {
        Broken::NoFolder => match locked {
            Some("") => Obstacle::skipped("locked, and its folder is away"),
            Some(reason) => Obstacle::skipped(format!("locked, and its folder is away: {reason}")),
            None => Obstacle::skipped("folder is missing"),
        },
        Broken::NoLink => match prunable {
            Some(reason) => Obstacle::skipped(format!("prunable: {reason}")),
            None => Obstacle::errored("its .git file is missing or broken; 'git worktree repair' may mend it"),
        },
        Broken::Foreign(target) => {
            let target = target.strip_prefix(path).unwrap_or(&target).display().to_string();
            Obstacle::errored(format!(
                "its .git leads to another repository ({target}); 'git worktree repair' may mend it"
            ))
        }
        Broken::Unreadable(error) => Obstacle::errored(format!("cannot read the folder: {error}")),
    }
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

    #[test]
    fn refuses_other_text() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"HEAD 1111\0\0"), None);
        assert_eq!(parse(b"usage: git worktree\n"), None);
    }
}
