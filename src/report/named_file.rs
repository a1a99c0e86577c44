//! Files whose names stand in the errors of writing to them.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

/// An open file, and the path by which the user knows it.
pub(super) struct NamedFile {
    pub(super) file: File,
    pub(super) path: Option<PathBuf>,
}

impl NamedFile {
    /// An error, with the name of the file.
    pub(super) fn blamed(&self, error: io::Error) -> io::Error {
        match (error.kind(), &self.path) {
            // These errors ask for another try.
            (ErrorKind::Interrupted | ErrorKind::WouldBlock, _) | (_, None) => error,
            (kind, Some(path)) => io::Error::new(kind, format!("'{}': {error}", path.display())),
        }
    }
}

impl Write for &NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.file).write(bytes).map_err(|error| self.blamed(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.file).flush()
    }
}
