//! Where the user stands, as `git rev-parse` tells it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use bstr::ByteSlice;

/// Where the user stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The git folder of the worktree.
    pub git_dir: PathBuf,
    /// Whether the repository counts as bare from here.
    pub bare: bool,
    /// The folder that all worktrees share.
    pub common_dir: PathBuf,
    /// The top of the worktree, where one stands in one.
    pub toplevel: Option<PathBuf>,
}

/// What asks git for it. The paths stand between the flags, so that a newline in one cannot shift the others. The last one fails outside a
/// working tree, after the rest is printed.
pub const WHERE: [&str; 7] = [
    "rev-parse",
    "--path-format=absolute",
    "--git-dir",
    "--is-bare-repository",
    "--git-common-dir",
    "--is-inside-work-tree",
    "--show-toplevel",
];

/// Reads what git printed for [`WHERE`]. `None` where it is not of the expected form.
pub fn read(output: &[u8]) -> Option<Place> {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_newline_in_a_path_shifts_nothing() {
        let place = read(b"/r/a\nb/.git/worktrees/x\nfalse\n/r/a\nb/.git\ntrue\n/r/w\nx\n").expect("well-formed");
        assert_eq!(place.git_dir, Path::new("/r/a\nb/.git/worktrees/x"));
        assert_eq!(place.common_dir, Path::new("/r/a\nb/.git"));
        assert_eq!(place.toplevel.as_deref(), Some(Path::new("/r/w\nx")));
    }

    #[test]
    fn no_working_tree_is_no_error() {
        let place = read(b"/r.git\ntrue\n/r.git\nfalse\n").expect("well-formed");
        assert_eq!(place.toplevel, None);
        assert!(read(b"").is_none());
    }
}
