//! A folder held open: what is in it is looked at from there, so that no link on the way to it can lead elsewhere.
//!
//! Nothing here follows a link, goes over to another mount, waits for a pipe, or writes.

use std::cell::Cell;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, SeekFrom, Stat, fstat, openat, readlinkat, seek, statat};
use rustix::io::Errno;

use crate::git::why::Why;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// A folder held open.
#[derive(Debug)]
pub(super) struct Folder {
    descriptor: OwnedFd,
    /// The device that it lies on, once that had to be asked: only where the kernel does not hold to it by itself.
    device: Cell<Option<u64>>,
    /// It was listed before, and so has to begin anew.
    is_listed: Cell<bool>,
}

/// What a folder is listed through, so that many can be listed in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Buffer(#[cfg(target_os = "linux")] Vec<u8>);

impl Folder {
    /// Opens a folder by its path, through links.
    pub(super) fn at(path: &Path) -> Result<Self, Why> {
        let descriptor = openat(CWD, path, FOLDER, Mode::empty()).map_err(|_| Why::Unreadable)?;
        Ok(Self { descriptor, device: Cell::new(None), is_listed: Cell::new(false) })
    }

    /// Opens a folder in it; `None` where there is nothing of this name.
    pub(super) fn folder(&self, name: &[u8]) -> Result<Option<Self>, Why> {
        match self.open(name, FOLDER) {
            Ok(descriptor) => Ok(Some(Self { descriptor, device: self.device.clone(), is_listed: Cell::new(false) })),
            Err(Errno::NOENT) => Ok(None),
            // A file, or a link.
            Err(Errno::NOTDIR | Errno::LOOP) => Err(Why::Kind),
            Err(Errno::XDEV) => Err(Why::FileSystem),
            Err(_) => Err(Why::Unreadable),
        }
    }

    /// Opens a file in it; `None` where there is nothing of this name.
    pub(super) fn file(&self, name: &[u8]) -> Result<Option<File>, Errno> {
        match self.open(name, FILE) {
            Ok(descriptor) => Ok(Some(File::from(descriptor))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a link in it leads to, as it is written there.
    pub(super) fn link(&self, name: &[u8]) -> Result<Vec<u8>, Why> {
        let text = readlinkat(&self.descriptor, OsStr::from_bytes(name), Vec::new());
        text.map(CString::into_bytes).map_err(|_| Why::Unreadable)
    }

    /// Looks at itself.
    pub(super) fn look_at_itself(&self) -> Result<Stat, Why> {
        fstat(&self.descriptor).map_err(|_| Why::Unreadable)
    }

    /// Whether it lies on a file system of a kind that gives a folder another time with each name that comes or goes.
    /// (Overlays are left out: what lies below one may be changed without it. So is what was not tried.)
    #[cfg(target_os = "linux")]
    pub(super) fn tells_of_names(&self) -> bool {
        // `Documentation/filesystems` and `linux/magic.h`: btrfs, ext2 to ext4, f2fs, tmpfs, xfs.
        const KINDS: [u64; 5] = [0x9123_683e, 0xef53, 0xf2f5_2010, 0x0102_1994, 0x5846_5342];
        // The type differs by machine; the numbers have 32 bits.
        rustix::fs::fstatfs(&self.descriptor)
            .is_ok_and(|about| KINDS.iter().any(|kind| i128::from(about.f_type) & 0xffff_ffff == i128::from(*kind)))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn tells_of_names(&self) -> bool {
        false
    }

    /// Looks at what has this name, or this path, of which the last part is not followed; `None` where nothing has.
    pub(super) fn look(&self, name: &[u8]) -> Result<Option<Stat>, Why> {
        match statat(&self.descriptor, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(_) => Err(Why::Unreadable),
        }
    }

    /// Visits every name in it with what it names, but for `.` and `..`, until one gives false.
    pub(super) fn list(
        &self,
        buffer: &mut Buffer,
        mut visit: impl FnMut(&[u8], FileType) -> Result<bool, Why>,
    ) -> Result<(), Why> {
        if self.is_listed.replace(true) {
            seek(&self.descriptor, SeekFrom::Start(0)).map_err(|_| Why::Unreadable)?;
        }
        self.each(buffer, |name, kind| match name.to_bytes() {
            b"." | b".." => Ok(true),
            name => visit(name, kind),
        })
    }

    #[cfg(target_os = "linux")]
    fn each(
        &self,
        buffer: &mut Buffer,
        mut visit: impl FnMut(&CStr, FileType) -> Result<bool, Why>,
    ) -> Result<(), Why> {
        const LENGTH: usize = 32 << 10;
        buffer.0.reserve_exact(LENGTH);
        let mut names = rustix::fs::RawDir::new(self.descriptor.as_fd(), buffer.0.spare_capacity_mut());
        while let Some(entry) = names.next() {
            let entry = entry.map_err(|_| Why::Unreadable)?;
            if !visit(entry.file_name(), entry.file_type())? {
                break;
            }
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn each(&self, _: &mut Buffer, mut visit: impl FnMut(&CStr, FileType) -> Result<bool, Why>) -> Result<(), Why> {
        for entry in rustix::fs::Dir::read_from(&self.descriptor).map_err(|_| Why::Unreadable)? {
            let entry = entry.map_err(|_| Why::Unreadable)?;
            if !visit(entry.file_name(), entry.file_type())? {
                break;
            }
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn open(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        use rustix::fs::{ResolveFlags, openat2};
        let name = OsStr::from_bytes(name);
        match openat2(&self.descriptor, name, flags | OFlags::NOFOLLOW, Mode::empty(), ResolveFlags::NO_XDEV) {
            // A kernel that does not know the call, or a sandbox that does not.
            Err(Errno::NOSYS | Errno::PERM) => self.open_and_compare(name, flags),
            opened => opened,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        self.open_and_compare(OsStr::from_bytes(name), flags)
    }

    fn open_and_compare(&self, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        let opened = openat(&self.descriptor, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
        let known = || device(&self.descriptor).inspect(|device| self.device.set(Some(*device))).ok();
        let here = self.device.get().or_else(known);
        let is_here = here.is_some() && device(&opened).ok() == here;
        if is_here { Ok(opened) } else { Err(Errno::XDEV) }
    }
}

fn device(descriptor: &OwnedFd) -> Result<u64, Why> {
    let stat = fstat(descriptor).map_err(|_| Why::Unreadable)?;
    device_of(&stat).ok_or(Why::FileSystem)
}

/// The number of the device that something lies on.
pub(super) fn device_of(stat: &Stat) -> Option<u64> {
    #[cfg_attr(target_os = "linux", expect(clippy::useless_conversion, reason = "the type differs by system"))]
    u64::try_from(stat.st_dev).ok()
}
