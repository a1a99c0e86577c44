//! What `git status` lists of a worktree, untracked and ignored paths in full: what would be lost with its folder.

use bstr::{BString, ByteSlice};

use crate::git::blind_spot::blind_spot;
use crate::git::command::{Git, Invocation, complaint};
use crate::git::errand::Printed;
use crate::model::answer::Exit;
use crate::model::worktree::Worktree;

/// Everything is listed whatever the configuration hides: untracked files one by one, ignored ones by the patterns that
/// they match, and each submodule in which anything differs. A file system monitor can say that nothing has changed
/// where something has: it is not asked. (Meaning: git-status(1); git's own gate before it removes a worktree,
/// `check_clean_worktree` in builtin/worktree.c, follows `status.showUntrackedFiles`, and so misses what that hides.)
const LISTING: [&str; 9] = [
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "status",
    "--porcelain=v2",
    "-z",
    "--ignored=matching",
    "--ignore-submodules=none",
];

/// Paths beyond these are counted, and not kept.
const MOST_PATHS: usize = 10_000;

/// What is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// How many tracked paths are changed, staged or conflicted.
    pub uncommitted: u64,
    /// The submodules in which something differs.
    pub submodules: Vec<BString>,
    /// How many untracked files there are.
    pub untracked: u64,
    /// The first of them.
    pub untracked_paths: Vec<BString>,
    /// The ignored paths, a folder with a slash behind it; none: they are too many.
    pub ignored: Option<Vec<BString>>,
}

/// The process that lists.
pub fn invocation(git: &Git, worktree: &Worktree) -> Invocation {
    let mut args = LISTING.to_vec();
    args.push("--untracked-files=all");
    git.of(worktree, &worktree.path, &args)
}

/// What it printed; or why that is no answer, in words.
pub fn read(printed: &Printed) -> Result<Listed, String> {
    if printed.exit != Exit::Code(0) {
        return Err(complaint(&printed.stderr).unwrap_or_else(|| "git status failed without a word".to_owned()));
    }
    // What lies in a folder that git may not read is not known.
    if let Some(words) = blind_spot(&printed.stderr) {
        return Err(format!("git could not look everywhere: {words}"));
    }
    parse(&printed.stdout)
}

/// Reads the records. (Format: git-status(1), "Porcelain Format Version 2".)
fn parse(output: &[u8]) -> Result<Listed, String> {
    let odd = |field: &[u8]| {
        format!("cannot read what git status printed: {}", field.to_str_lossy().chars().take(40).collect::<String>())
    };
    let mut listed = Listed { ignored: Some(Vec::new()), ..Listed::default() };
    let Some(output) = output.strip_suffix(b"\0") else {
        return if output.is_empty() { Ok(listed) } else { Err("git status stopped in the middle".to_owned()) };
    };
    let mut fields = output.split_str(b"\0");
    while let Some(field) = fields.next() {
        let (kind, rest) = field.split_at_checked(2).ok_or_else(|| odd(field))?;
        match kind {
            b"1 " | b"2 " | b"u " => {
                let words = if kind == b"1 " {
                    8
                } else if kind == b"2 " {
                    9
                } else {
                    10
                };
                let mut parts = field.splitn(words + 1, |byte| *byte == b' ').skip(2);
                let (submodule, path) = (parts.next(), parts.last());
                let (Some(submodule), Some(path)) = (submodule, path.filter(|path| !path.is_empty())) else {
                    return Err(odd(field));
                };
                listed.uncommitted += 1;
                if submodule.starts_with(b"S") {
                    keep(&mut listed.submodules, path);
                }
                if kind == b"2 " {
                    fields.next().ok_or_else(|| odd(field))?;
                }
            }
            b"? " if !rest.is_empty() => {
                listed.untracked += 1;
                keep(&mut listed.untracked_paths, rest);
            }
            b"! " if !rest.is_empty() => match &mut listed.ignored {
                Some(ignored) if ignored.len() < MOST_PATHS => ignored.push(rest.into()),
                ignored => *ignored = None,
            },
            b"# " => {}
            _ => return Err(odd(field)),
        }
    }
    Ok(listed)
}

fn keep(paths: &mut Vec<BString>, path: &[u8]) {
    if paths.len() < MOST_PATHS {
        paths.push(path.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_record_is_counted_once() {
        let listed = parse(
            b"1 .M N... 100644 100644 100644 a b with spaces in it\x002 R. N... 100644 100644 100644 a b R100 new\0? old\0\
              1 .M SCMU 160000 160000 160000 a b lib/sub\0u UU N... 1 2 3 4 a b c con flict\0? new file\0? a\nb\0! target/\0! .env\0",
        )
        .expect("well-formed");
        assert_eq!((listed.uncommitted, listed.untracked), (4, 2));
        assert_eq!(listed.submodules, ["lib/sub"]);
        assert_eq!(listed.untracked_paths, ["new file", "a\nb"]);
        assert_eq!(listed.ignored, Some(vec!["target/".into(), ".env".into()]));
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        assert_eq!(parse(b""), Ok(Listed { ignored: Some(Vec::new()), ..Listed::default() }));
        for odd in [
            &b"? a"[..],
            b"\0",
            b"?\0",
            b"? \0",
            b"x y\0",
            b"1 .M N...\0",
            b"1 .M N... 100644 100644 100644 a b \0",
            b"2 R. N... 1 1 1 a b R100 new\0",
            b"! \0",
        ] {
            assert!(parse(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn more_ignored_paths_than_are_kept_are_not_known() {
        let many = "! a\0".repeat(MOST_PATHS + 1);
        assert_eq!(parse(many.as_bytes()).expect("well-formed").ignored, None);
    }

    #[test]
    fn a_folder_that_git_could_not_read_leaves_nothing_known() {
        let printed = |exit, stderr: &[u8]| Printed { exit, stdout: Vec::new(), stderr: stderr.to_vec() };
        assert!(read(&printed(Exit::Code(0), b"warning: could not open directory 'a/': Permission denied\n")).is_err());
        assert!(read(&printed(Exit::Code(128), b"fatal: no\n")).is_err());
        assert!(read(&printed(Exit::Signal(9), b"")).is_err());
        assert!(read(&printed(Exit::Code(0), b"")).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>) {
            let _ = parse(&output);
        }
    }
}
