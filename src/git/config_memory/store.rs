//! The file in which it is kept: a number that is made from all that follows, a line that says what it holds for, and
//! what git has printed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::inputs::Identity;
use crate::git::path_bytes;
use crate::git::regular_file::{self, Links};

/// More than this is not kept.
const LONGEST: u64 = 4 << 20;

/// What is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    /// What it was asked with.
    pub(super) key: String,
    /// What it was made from.
    pub(super) inputs: Vec<Input>,
    /// What git printed; none: it is not to be remembered.
    #[serde(skip)]
    pub(super) printed: Option<Vec<u8>>,
}

/// A file that git has read, or has not found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Input {
    #[serde(with = "path_bytes")]
    pub(super) path: PathBuf,
    pub(super) identity: Option<Identity>,
}

/// Reads it. None: there is none that this user has written.
pub(super) fn read(path: &Path) -> Option<Stored> {
    if !is_private_folder(path.parent()?) {
        return None;
    }
    let file = regular_file::open(path, Links::Refused).ok()?;
    let found = file.metadata().ok()?;
    if found.uid() != nix::unistd::geteuid().as_raw() || found.mode() & 0o077 != 0 || found.size() > LONGEST {
        return None;
    }
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content).ok()?;
    parse(&content)
}

fn parse(content: &[u8]) -> Option<Stored> {
    let (number, rest) = content.split_once_str(b"\n").filter(|(number, rest)| *number == sum(rest).as_bytes())?;
    debug_assert_eq!(number.len(), 64);
    let (line, printed) = rest.split_once_str(b"\n")?;
    let mut stored: Stored = serde_json::from_slice(line).ok()?;
    // `+` and what was printed, or `-`.
    stored.printed = printed.strip_prefix(b"+").map(<[u8]>::to_vec);
    Some(stored)
}

fn written(stored: &Stored) -> io::Result<Vec<u8>> {
    let (sign, printed) = stored.printed.as_deref().map_or((b"-", [].as_slice()), |printed| (b"+", printed));
    let rest = [&serde_json::to_vec(stored)?, b"\n".as_slice(), sign, printed].concat();
    Ok([sum(&rest).as_bytes(), b"\n", &rest].concat())
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes it, whole or not at all. Where that is not possible, git will be asked again.
pub(super) fn write(path: &Path, stored: &Stored) {
    let _ = try_to_write(path, stored);
}

fn try_to_write(path: &Path, stored: &Stored) -> io::Result<()> {
    let content = written(stored)?;
    let Some(folder) = path.parent().filter(|_| content.len() as u64 <= LONGEST) else { return Ok(()) };
    // It may be there.
    let _ = DirBuilder::new().mode(0o700).create(folder);
    if !is_private_folder(folder) {
        return Ok(());
    }
    let new = folder.join(format!(".configuration.{}.{:08x}", std::process::id(), fastrand::u32(..)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(&content).and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&new);
    })
}

/// Whether a folder is this user's, and nobody else writes into it.
fn is_private_folder(folder: &Path) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    folder.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == own && found.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(printed: Option<&[u8]>) -> Stored {
        let inputs = vec![
            Input { path: "/a\nb".into(), identity: None },
            Input { path: "/".into(), identity: Identity::of(Path::new("/")).expect("a folder") },
        ];
        Stored { key: "key".to_owned(), inputs, printed: printed.map(<[u8]>::to_vec) }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for printed in [None, Some(b"".as_slice()), Some(b"a\0\n\xff")] {
            let content = written(&example(printed)).expect("bytes");
            assert_eq!(parse(&content), Some(example(printed)));
            for at in 0..content.len() {
                let mut broken = content.clone();
                broken[at] ^= 1;
                assert_eq!(parse(&broken), None, "byte {at}");
                assert_eq!(parse(&content[..at]), None, "{at} bytes");
            }
        }
    }

    #[test]
    fn only_what_is_this_user_s_alone_is_read() {
        use std::os::unix::fs::PermissionsExt;
        let top = tempfile::tempdir().expect("a folder");
        let path = top.path().join("wtcheck/configuration");
        assert_eq!(read(&path), None);
        write(&path, &example(None));
        assert_eq!(read(&path), Some(example(None)));
        write(&path, &example(Some(b"new")));
        assert_eq!(read(&path), Some(example(Some(b"new"))), "in place of the old one");
        assert_eq!(path.parent().expect("a folder").read_dir().expect("a folder").count(), 1, "nothing beside it");
        let set = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
        set(&path, 0o644);
        assert_eq!(read(&path), None, "others may read it: another has made it");
        set(&path, 0o600);
        set(path.parent().expect("a folder"), 0o770);
        assert_eq!(read(&path), None, "others may write there");
        write(&path, &example(None));
        set(path.parent().expect("a folder"), 0o700);
        assert_eq!(read(&path), Some(example(Some(b"new"))), "it is not written there either");
        std::fs::rename(&path, top.path().join("real")).expect("a file");
        std::os::unix::fs::symlink(top.path().join("real"), &path).expect("a link");
        assert_eq!(read(&path), None, "a link");
        write(&path, &example(None));
        assert_eq!(read(&path), Some(example(None)), "the link is replaced");
        assert_eq!(
            std::fs::read(top.path().join("real")).expect("a file"),
            written(&example(Some(b"new"))).expect("bytes")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(rest: Vec<u8>) {
            parse(&rest);
            let content = [sum(&rest).as_bytes(), b"\n", &rest].concat();
            parse(&content);
        }
    }
}
