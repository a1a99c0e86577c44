//! Files that reports go to: replaced when the report is whole.
//!
//! Invariants:
//! - Until a report is whole, its file is as it was, whatever ends the program. Only where nothing can stand in for the file
//!   (its folder may not be written to, or its owner could not be kept) is it written over, from the report's first byte on.
//! - What stands in for it lies in the same folder. Where the system can, it has no name until then: nothing sees it, and
//!   nothing is left of it, whatever happens. Elsewhere its name is hidden, and says what it is.
//! - A symbolic link stays, and leads to the new file. The new one has the permissions and the owner of the old one.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::report::named_file::NamedFile;

/// Names that are tried where one is there already.
const TRIES: usize = 16;
/// The bits of a file's mode that the one which stands in for it gets.
const PERMISSIONS: u32 = 0o7777;

/// How a file is replaced.
enum StandIn {
    /// By a file that has no name yet.
    Unnamed,
    /// By the file of this name.
    Named(Temporary),
    /// It is not: it is written over.
    Never,
    /// It has been.
    Done,
}

/// The name of a file that is removed with this value. Where it stays all the same, its name says what it is.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing has this name any more where the file has taken another's place.
        let _ = fs::remove_file(&self.0);
    }
}

/// A file that stands in for an old one, with its owner and permissions; none, where the old one must be written over.
fn stand_in_for(place: &Path, old: &Metadata) -> io::Result<Option<(File, StandIn)>> {
    let (file, stand_in) = match stand_in(place) {
        Ok(new) => new,
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let new = file.metadata()?;
    let has_its_owner = (new.uid(), new.gid()) == (old.uid(), old.gid());
    if !has_its_owner && fchown(&file, Some(old.uid()), Some(old.gid())).is_err() {
        return Ok(None);
    }
    file.set_permissions(Permissions::from_mode(old.mode() & PERMISSIONS))?;
    Ok(Some((file, stand_in)))
}

/// A new file in the folder of a place.
fn stand_in(place: &Path) -> io::Result<(File, StandIn)> {
    let folder = place.parent().unwrap_or(place);
    if let Some(file) = unnamed(folder) {
        return Ok((file, StandIn::Unnamed));
    }
    let create = |name: &Path| File::options().read(true).write(true).create_new(true).open(name);
    let (file, name) = at_a_free_name(folder, create)?;
    Ok((file, StandIn::Named(name)))
}

/// A file without a name, where the system has such files and can give them one later.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> Option<File> {
    use nix::fcntl::{OFlag, open};
    use nix::sys::stat::Mode;
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    let file = File::from(open(folder, flags, Mode::from_bits_truncate(0o666)).ok()?);
    fs::metadata(by_descriptor(&file)).is_ok().then_some(file)
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> Option<File> {
    None
}

/// The path that leads to an open file, whether it has a name or not.
fn by_descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Makes something under a name that is free and hidden, and says what it is.
fn at_a_free_name<T>(folder: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(T, Temporary)> {
    let mut tries = 0;
    loop {
        let name = folder.join(format!(".git-wtcheck-unfinished-report-{:08x}", fastrand::u32(..)));
        tries += 1;
        match make(&name) {
            Ok(new) => return Ok((new, Temporary(name))),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

/// A report that is being written, and takes its file's place when it is whole.
pub(super) struct Draft {
    named: NamedFile,
    place: PathBuf,
    stand_in: StandIn,
    is_begun: bool,
}

impl Draft {
    /// A draft of a file that is not there yet. `path`: what the user calls it.
    pub(super) fn of_new(path: &Path, place: &Path) -> io::Result<Self> {
        let (file, stand_in) = stand_in(place)?;
        let named = NamedFile { file, path: Some(path.to_owned()) };
        Ok(Self { named, place: place.to_owned(), stand_in, is_begun: false })
    }

    /// A draft of a file that is open. `place`: its path without links; a file that has none is written over.
    pub(super) fn of_old(old: NamedFile, metadata: &Metadata, place: Option<PathBuf>) -> io::Result<Self> {
        let place = place.unwrap_or_default();
        let replaced = if place.as_os_str().is_empty() { None } else { stand_in_for(&place, metadata)? };
        let (named, stand_in) = match replaced {
            Some((file, stand_in)) => (NamedFile { file, ..old }, stand_in),
            None => (old, StandIn::Never),
        };
        Ok(Self { named, place, stand_in, is_begun: false })
    }

    /// Puts the report in its file's place.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        self.replace().map_err(|error| self.named.blamed(error))
    }

    fn replace(&mut self) -> io::Result<()> {
        self.begin()?;
        // Some drives, and quotas, refuse what was written only as a descriptor is closed. This one is still needed.
        nix::unistd::close(self.named.file.try_clone()?)?;
        let replaced = match &self.stand_in {
            StandIn::Done | StandIn::Never => return Ok(()),
            StandIn::Named(name) => fs::rename(&name.0, &self.place),
            StandIn::Unnamed => {
                named_now(&self.named.file, &self.place).and_then(|name| fs::rename(&name.0, &self.place))
            }
        };
        match replaced {
            // A file that is a mount itself (in a container, say) can only be written over.
            Err(error) if matches!(error.kind(), ErrorKind::ResourceBusy | ErrorKind::PermissionDenied) => {
                self.copy()?;
            }
            replaced => replaced?,
        }
        self.stand_in = StandIn::Done;
        Ok(())
    }

    fn copy(&mut self) -> io::Result<()> {
        let mut old = File::options().write(true).create(true).truncate(true).open(&self.place)?;
        self.named.file.rewind()?;
        io::copy(&mut self.named.file, &mut old)?;
        Ok(nix::unistd::close(old)?)
    }

    /// A file that is written over is emptied only now.
    fn begin(&mut self) -> io::Result<()> {
        if !self.is_begun && matches!(self.stand_in, StandIn::Never) {
            self.named.file.set_len(0)?;
        }
        self.is_begun = true;
        Ok(())
    }
}

/// Gives a file without a name one, beside its place.
#[cfg(target_os = "linux")]
fn named_now(file: &File, place: &Path) -> io::Result<Temporary> {
    use nix::fcntl::{AT_FDCWD, AtFlags};
    let path = by_descriptor(file);
    let link = |name: &Path| Ok(nix::unistd::linkat(AT_FDCWD, &path, AT_FDCWD, name, AtFlags::AT_SYMLINK_FOLLOW)?);
    at_a_free_name(place.parent().unwrap_or(place), link).map(|((), name)| name)
}

#[cfg(not(target_os = "linux"))]
fn named_now(_: &File, _: &Path) -> io::Result<Temporary> {
    Err(ErrorKind::Unsupported.into())
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin().map_err(|error| self.named.blamed(error))?;
        (&self.named).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.named).flush()
    }
}
