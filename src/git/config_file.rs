//! Writing to a file of git's configuration, the way git writes it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Appends to the file under its lock: whole, and moved into place. What is in the file may be
/// secret: the lock is never readable by more people than the file is.
pub fn append(path: &Path, text: &str) -> io::Result<()> {
    // A link is kept, and what it leads to is written; git does the same.
    let path = path.canonicalize()?;
    let mut lock = path.clone().into_os_string();
    lock.push(".lock");
    let mode = std::fs::metadata(&path)?.permissions().mode();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode & 0o600).open(&lock)?;
    // Read under the lock: what another has written before is not lost.
    let old = std::fs::metadata(&path).and_then(|there| Ok((there.permissions(), std::fs::read(&path)?)));
    let written = old.and_then(|(permissions, old)| {
        let gap: &[u8] = if old.is_empty() || old.ends_with(b"\n") { b"" } else { b"\n" };
        file.set_permissions(permissions)?;
        file.write_all(&[old.as_slice(), gap, text.as_bytes()].concat())?;
        file.sync_all()?;
        std::fs::rename(&lock, &path)
    });
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&lock);
    })
}
