//! Which ignored paths are work: what no tool makes again, and lies nowhere else.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bstr::{BString, ByteSlice};
use rustix::fs::FileType;

use crate::git::open_folder::Folder;

/// Folders that tools fill, and fill again.
const FOLDERS: [&[u8]; 18] = [
    b"node_modules",
    b"target",
    b".venv",
    b"venv",
    b"__pycache__",
    b".pytest_cache",
    b".mypy_cache",
    b".ruff_cache",
    b".tox",
    b"dist",
    b"build",
    b"out",
    b".next",
    b".nuxt",
    b".turbo",
    b".gradle",
    b".cache",
    b"coverage",
];
/// Files that tools write, and write again, by their names' ends.
const ENDS: [&[u8]; 3] = [b".pyc", b".o", b".class"];
/// The same, by their names.
const FILES: [&[u8]; 1] = [b".DS_Store"];

/// The ignored paths that are work, in their order; a folder ends with a slash. `main`: the main worktree, where this is
/// another one: a file that is there, too, at the same path and byte by byte, is a copy. What a symbolic link leads to
/// is not in the worktree.
///
/// It may wait for a drive. `stop` is looked at all the while.
///
/// # Errors
/// Where something cannot be looked at, in words.
pub fn work(
    worktree: &Path,
    main: Option<&Path>,
    ignored: &[BString],
    stop: &AtomicBool,
) -> Result<Vec<BString>, String> {
    let open = |path: &Path| Folder::at(path).map_err(|_| format!("cannot read {}", path.display()));
    let (here, there) = (open(worktree)?, main.map(open).transpose()?);
    let mut work = Vec::new();
    for path in ignored.iter().filter(|path| !is_disposable(path)) {
        if stop.load(Ordering::Relaxed) {
            return Err("it was stopped".to_owned());
        }
        if !path.ends_with(b"/") {
            let cannot = || format!("cannot look at {}, which is ignored", path.to_str_lossy());
            match here.look(path).map_err(|_| cannot())? {
                // Gone since it was listed.
                None => continue,
                Some(found) if FileType::from_raw_mode(found.st_mode) == FileType::Symlink => continue,
                Some(_) => {}
            }
            if there.as_ref().is_some_and(|there| is_copy(&here, there, path, stop)) {
                continue;
            }
        }
        work.push(path.clone());
    }
    Ok(work)
}

/// Whether a tool makes it again.
fn is_disposable(path: &[u8]) -> bool {
    let (folders, name) = match path.strip_suffix(b"/") {
        Some(folder) => (folder, &b""[..]),
        None => path.rsplit_once_str("/").unwrap_or((b"", path)),
    };
    folders.split_str("/").any(|folder| FOLDERS.contains(&folder))
        || FILES.contains(&name)
        || ENDS.iter().any(|end| name.len() > end.len() && name.ends_with(end))
}

/// Whether a file lies in both folders at the same path, byte by byte. What cannot be read is no copy.
fn is_copy(here: &Folder, there: &Folder, path: &[u8], stop: &AtomicBool) -> bool {
    let files = file(here, path).zip(file(there, path));
    files.is_some_and(|(one, other)| is_same(one, other, stop).unwrap_or(false))
}

/// Opens a regular file by a path on which no link is followed.
fn file(top: &Folder, path: &[u8]) -> Option<File> {
    let (folders, name) = path.rsplit_once_str("/").map_or((None, path), |(folders, name)| (Some(folders), name));
    let mut last: Option<Folder> = None;
    for folder in folders.into_iter().flat_map(|folders| folders.split_str("/")) {
        last = Some(last.as_ref().unwrap_or(top).folder(folder).ok()??);
    }
    let file = last.as_ref().unwrap_or(top).file(name).ok()??;
    file.metadata().ok().filter(std::fs::Metadata::is_file).map(|_| file)
}

fn is_same(mut one: File, mut other: File, stop: &AtomicBool) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let (about, about_other) = (one.metadata()?, other.metadata()?);
    let runs = |about: &std::fs::Metadata| about.permissions().mode() & 0o100;
    if about.len() != about_other.len() || runs(&about) != runs(&about_other) {
        return Ok(false);
    }
    let (mut bytes, mut others) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let read = one.read(&mut bytes)?;
        if read == 0 {
            return Ok(other.read(&mut others)? == 0);
        }
        other.read_exact(&mut others[..read])?;
        if bytes[..read] != others[..read] || stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_tools_make_again_is_no_work() {
        for path in ["target/", "a/b/node_modules/", "a/x.pyc", "dist/x/y.txt", ".DS_Store", "main.o"] {
            assert!(is_disposable(path.as_bytes()), "{path}");
        }
        for path in [".env", "data/dev.db", "target", "targets/", ".o", "x.class/", "notes/target.md", "build.txt"] {
            assert!(!is_disposable(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_copy_of_the_main_worktree_s_is_no_work() {
        let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let write = |path: &str, mine: &str, theirs: Option<&str>| {
            for (folder, text) in [(&here, Some(mine)), (&there, theirs)] {
                let file = folder.path().join(path);
                fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
                if let Some(text) = text {
                    fs::write(file, text).expect("a file");
                }
            }
        };
        write(".env", "A=1\n", Some("A=1\n"));
        write("conf/.env", "A=1\n", Some("A=2\n"));
        write("conf/other", "A=1\n", Some("A=1\nB=2\n"));
        write("dev.db", "x", None);
        write("target/x", "x", None);
        std::os::unix::fs::symlink(here.path().join("dev.db"), here.path().join("link")).expect("a link");
        std::os::unix::fs::symlink(here.path(), there.path().join("linked")).expect("a link");
        write("linked/y", "y", Some("y"));
        let ignored = [".env", "conf/.env", "conf/other", "dev.db", "gone", "link", "linked/y", "notes/", "target/"]
            .map(BString::from);
        let found = |main| work(here.path(), main, &ignored, &AtomicBool::new(false)).expect("readable");
        assert_eq!(
            found(Some(there.path())),
            ["conf/.env", "conf/other", "dev.db", "linked/y", "notes/"].map(BString::from)
        );
        assert_eq!(found(None).len(), 6);
        assert!(work(here.path(), None, &ignored, &AtomicBool::new(true)).is_err());
        assert!(work(Path::new("/nowhere"), None, &ignored, &AtomicBool::new(false)).is_err());
    }
}
