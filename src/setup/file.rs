//! One installed file. Each ends with a line that says who wrote it, in a comment of the file's own language. What
//! lacks that line was written by somebody else: it is neither replaced nor removed.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What stands behind the comment sign in the last line of every file.
const MARK: &str = "Written by 'git wtcheck setup', which replaces and removes this file.";

/// A file to install.
pub(super) struct File {
    pub(super) path: PathBuf,
    content: &'static str,
    mark: String,
}

impl File {
    pub(super) fn new(path: PathBuf, content: &'static str, comment: &str) -> Self {
        Self { path, content, mark: format!("{comment} {MARK}") }
    }

    fn text(&self) -> String {
        format!("{}{}\n", self.content, self.mark)
    }

    /// What stands in its place.
    pub(super) fn found(&self) -> io::Result<Found> {
        // A link leads to what somebody else keeps elsewhere.
        match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() => return Ok(Found::Foreign),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Found::Nothing);
            }
            Err(error) => return Err(error),
        }
        let there = std::fs::read(&self.path)?;
        let marked = there.split(|byte| *byte == b'\n').any(|line| line == self.mark.as_bytes());
        Ok(match marked {
            true if there == self.text().as_bytes() => Found::Current,
            true => Found::Outdated,
            // A package, or a hand, has put the very same there.
            false if there == self.content.as_bytes() => Found::Elsewhere,
            false => Found::Foreign,
        })
    }

    /// Writes it whole beside its place, and moves it there.
    pub(super) fn write(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)?;
        let beside = folder.join(format!(".git-wtcheck.{}.tmp", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let written = file
            .write_all(self.text().as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&beside, &self.path));
        written.inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    }
}

/// What stands in a file's place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// What would be written.
    Current,
    /// What another version has written.
    Outdated,
    /// The same, and somebody else has put it there.
    Elsewhere,
    /// Something else.
    Foreign,
}
