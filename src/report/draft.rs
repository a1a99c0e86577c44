//! Files that reports go to: found and opened before anything runs, replaced when the report is whole.
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

use nix::errno::Errno;

use crate::report::outlet::{Named, Outlet, Outlets};

/// Links that are followed, as the kernel does, before they are taken for a circle.
const LINKS: usize = 40;
/// Names that are tried where one is there already.
const TRIES: usize = 16;
/// Of a file that stands in for another: read, write and execute, for all three, and the bits above.
const PERMISSIONS: u32 = 0o7777;

/// Where a report is to go, opened.
pub struct Target {
    /// Where that is.
    pub place: Place,
    way: Way,
}

/// Where something is, by whatever name.
#[derive(Clone, Debug)]
pub struct Place {
    /// The path without links, where it has one.
    path: PathBuf,
    /// Device and inode of what is there.
    identity: Option<(u64, u64)>,
}

impl Place {
    /// The place of something that was opened by this path.
    pub fn of(path: &Path, metadata: &Metadata) -> Self {
        let identity = (metadata.dev(), metadata.ino());
        Self { path: real(path, identity).unwrap_or_else(|| path.to_owned()), identity: Some(identity) }
    }

    /// Whether two paths, or two names for one file, lead to the same place.
    pub fn is(&self, other: &Self) -> bool {
        self.path == other.path || self.identity.is_some_and(|identity| other.identity == Some(identity))
    }

    /// Whether this is a file that is open already.
    pub fn is_file(&self, metadata: &Metadata) -> bool {
        metadata.is_file() && self.identity == Some((metadata.dev(), metadata.ino()))
    }
}

enum Way {
    /// No regular file: it is written to.
    Stream(Named),
    File(Draft),
}

impl Target {
    /// Opens what a path leads to. Nothing of what is there changes.
    pub fn open(path: &Path) -> io::Result<Self> {
        let named = |file| Named { file, path: Some(path.to_owned()) };
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let path = followed(path)?;
                let (file, stand_in) = stand_in(&path)?;
                let draft = Draft { named: named(file), place: path.clone(), stand_in, is_begun: false };
                return Ok(Self { place: Place { path, identity: None }, way: Way::File(draft) });
            }
            Err(error) => return Err(error),
        }
        let old = File::options().write(true).open(path)?;
        let metadata = old.metadata()?;
        let place = Place::of(path, &metadata);
        let way = if metadata.is_file() {
            let replaced = match real(path, (metadata.dev(), metadata.ino())) {
                Some(real) => stand_in_for(&real, &metadata)?,
                None => None,
            };
            let (file, stand_in) = replaced.unwrap_or((old, StandIn::Never));
            Way::File(Draft { named: named(file), place: place.path.clone(), stand_in, is_begun: false })
        } else {
            Way::Stream(named(old))
        };
        Ok(Self { place, way })
    }

    /// An outlet to it.
    pub fn outlet(self, outlets: &mut Outlets) -> io::Result<Outlet> {
        match self.way {
            Way::Stream(Named { file, path }) => outlets.to(file, path.as_deref()),
            Way::File(draft) => Ok(Outlet::from(draft)),
        }
    }
}

/// The path without links. None, where that leads elsewhere: /dev/stdout may lead to what has no path, or another one by now.
fn real(path: &Path, identity: (u64, u64)) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let found = fs::metadata(&real).ok()?;
    ((found.dev(), found.ino()) == identity).then_some(real)
}

/// The place that a path names where nothing is yet: its folder without links, and the name that its own links lead to.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let name = path.file_name().ok_or(ErrorKind::NotFound)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize()?;
        let place = folder.join(name);
        match fs::read_link(&place) {
            Ok(link) => path = folder.join(link),
            Err(_) => return Ok(place),
        }
    }
    Err(Errno::ELOOP.into())
}

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

/// A file that nobody is to find once this is gone. Where it stays all the same, its name says what it is.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has none any more where it has taken another's place.
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

/// Makes something at a name that nothing has: hidden, and such that it says what it is to who finds it.
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
    named: Named,
    place: PathBuf,
    stand_in: StandIn,
    is_begun: bool,
}

impl Draft {
    /// Puts the report in its file's place.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        self.replace().map_err(|error| self.named.blamed(error))
    }

    fn replace(&mut self) -> io::Result<()> {
        self.begin()?;
        // Some drives, and quotas, refuse what was written only as it is closed. The file itself is still needed.
        nix::unistd::close(self.named.file.try_clone()?)?;
        let replaced = match &self.stand_in {
            StandIn::Done | StandIn::Never => return Ok(()),
            StandIn::Named(name) => fs::rename(&name.0, &self.place),
            StandIn::Unnamed => {
                named_now(&self.named.file, &self.place).and_then(|name| fs::rename(&name.0, &self.place))
            }
        };
        match replaced {
            // A file that is mounted by itself, into a container for one, can only be written over.
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
