//! Where reports are to go, by path: found and opened before anything runs.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::report::draft::Draft;
use crate::report::named_file::NamedFile;
use crate::report::outlet::{Outlet, Outlets};

/// Links that are followed, as the kernel does, before they are taken for a circle.
const LINKS: usize = 40;

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
    Stream(NamedFile),
    File(Draft),
}

impl Target {
    /// Opens what a path leads to. Nothing of what is there changes.
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let place = followed(path)?;
                let draft = Draft::of_new(path, &place)?;
                return Ok(Self { place: Place { path: place, identity: None }, way: Way::File(draft) });
            }
            Err(error) => return Err(error),
        }
        let file = NamedFile { file: File::options().write(true).open(path)?, path: Some(path.to_owned()) };
        let metadata = file.file.metadata()?;
        let place = Place::of(path, &metadata);
        let way = if metadata.is_file() {
            let real = real(path, (metadata.dev(), metadata.ino()));
            Way::File(Draft::of_old(file, &metadata, real)?)
        } else {
            Way::Stream(file)
        };
        Ok(Self { place, way })
    }

    /// An outlet to it.
    pub fn outlet(self, outlets: &mut Outlets) -> io::Result<Outlet> {
        match self.way {
            Way::Stream(NamedFile { file, path }) => outlets.to(file, path.as_deref()),
            Way::File(draft) => Ok(Outlet::from(draft)),
        }
    }
}

/// The path without links. None, where that leads elsewhere: /dev/stdout may lead to what has no path, or another one
/// by now.
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
