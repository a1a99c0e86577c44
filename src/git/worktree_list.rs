//! `git worktree list --porcelain -z`: git's record of each worktree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};

use crate::git::command::{Git, Invocation};
use crate::git::path_bytes;

/// What lists the worktrees. `-z` needs git 2.36.
pub const LISTING: [&str; 4] = ["worktree", "list", "--porcelain", "-z"];

/// The process that lists the worktrees.
pub fn listing(git: &Git) -> Invocation {
    git.here(&LISTING)
}

/// One record as git prints it, before anything on disk is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The folder.
    #[serde(with = "path_bytes")]
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
    /// Where it was read from, where that was a folder that leads to this worktree's own `.git` file.
    #[serde(with = "path_bytes::optional")]
    pub read_from: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use std::path::Path;

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

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>, lines in proptest::collection::vec("(worktree|HEAD|branch|locked|bare|)[ a-z]{0,4}", 0..9)) {
            parse(&output);
            parse(lines.join("\0").as_bytes());
        }
    }
}
