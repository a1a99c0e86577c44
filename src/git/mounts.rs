//! Which folders surely answer: those that lie, all the way down, on drives of this machine.
//!
//! A look at a file on a drive that is dead (a network's, or one that another process serves) can hang in the kernel,
//! where no signal reaches it. Whether that may happen is found out without touching any file system but this machine's
//! own: from the table of mounts, and by letting the kernel walk the path, which stops where it would cross into
//! another mount.

use std::path::{Component, Path, PathBuf};

/// The table of mounts.
#[derive(Clone, Debug, Default)]
pub struct Mounts(#[cfg(target_os = "linux")] Vec<linux::Mount>);

impl Mounts {
    /// The table as this process sees it now.
    pub fn of_this_process() -> Self {
        #[cfg(target_os = "linux")]
        return Self(linux::parse(&std::fs::read("/proc/self/mountinfo").unwrap_or_default()));
        #[cfg(not(target_os = "linux"))]
        Self()
    }

    /// The path without links, where a look at it surely answers (none: nothing is there); elsewhere made plain by its
    /// words.
    pub fn real(&self, path: &Path) -> Option<PathBuf> {
        let plain = lexically(path);
        if self.answers(&plain) { path.canonicalize().ok() } else { Some(plain) }
    }

    /// Whether a look at an absolute path surely answers, if only that nothing is there. In doubt: no.
    ///
    /// Only Linux tells this without a look that may hang: on other systems every path counts as one that answers.
    #[cfg_attr(not(target_os = "linux"), expect(clippy::unused_self, reason = "there is no table"))]
    pub fn answers(&self, path: &Path) -> bool {
        #[cfg(target_os = "linux")]
        return linux::answers(&self.0, path);
        #[cfg(not(target_os = "linux"))]
        true
    }

    /// The same, and whether something is there.
    pub fn way_to(&self, path: &Path) -> Way {
        #[cfg(target_os = "linux")]
        return linux::way_to(&self.0, path);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = path;
            Way::Nothing
        }
    }

    /// Whether a look at what is in a folder surely answers, too, however deep: nothing that may be away is mounted there.
    pub fn answers_below(&self, folder: &Path) -> bool {
        #[cfg(target_os = "linux")]
        let is_at_hand = self.0.iter().all(|mount| mount.is_at_hand() || !mount.lies_in(folder));
        #[cfg(not(target_os = "linux"))]
        let is_at_hand = true;
        is_at_hand && self.answers(folder)
    }

    /// Whether a folder, given by its real path, lies with all that is in it on file systems whose files are kept on
    /// this machine, under names that differ where their bytes do. Where in doubt: no. Elsewhere than on Linux: always
    /// in doubt.
    #[cfg_attr(not(target_os = "linux"), expect(clippy::unused_self, reason = "there is no table"))]
    pub fn keeps(&self, folder: &Path) -> bool {
        #[cfg(target_os = "linux")]
        return linux::keeps(&self.0, folder);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = folder;
            false
        }
    }
}

/// What the way to a path has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is there, or what a link of this name leads to.
    There,
    /// A look at it surely answers; whether anything is there is for that look to tell.
    Nothing,
    /// A look at it may never answer.
    Unsure,
}

/// A path without `.` and `..`, by its words alone: nothing is looked at.
pub fn lexically(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
        plain
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsString;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStringExt;
    use std::path::{Component, Path, PathBuf};
    use std::sync::OnceLock;

    use bstr::ByteSlice;
    use nix::errno::Errno;
    use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
    use nix::sys::stat::Mode;

    use super::Way;

    /// Types of file systems whose answers come from this machine: its disks, its memory, its kernel. All that is
    /// served by a network or by another process is left out, and so is what is not known.
    const AT_HAND: [&[u8]; 30] = [
        b"bcachefs",
        b"btrfs",
        b"cgroup",
        b"cgroup2",
        b"devpts",
        b"devtmpfs",
        b"erofs",
        b"exfat",
        b"ext2",
        b"ext3",
        b"ext4",
        b"f2fs",
        b"hfsplus",
        b"iso9660",
        b"jfs",
        b"mqueue",
        b"nilfs2",
        b"ntfs3",
        b"overlay",
        b"proc",
        b"ramfs",
        b"reiserfs",
        b"rootfs",
        b"squashfs",
        b"sysfs",
        b"tmpfs",
        b"udf",
        b"vfat",
        b"xfs",
        b"zfs",
    ];

    /// Those among them that hold working trees as git knows them: neither what keeps names without regard to case, nor
    /// what makes its files up. (An overlay shows what lies on others; the kernel requires that nobody else changes
    /// that.)
    const KEEPING: [&[u8]; 17] = [
        b"bcachefs",
        b"btrfs",
        b"erofs",
        b"ext2",
        b"ext3",
        b"ext4",
        b"f2fs",
        b"jfs",
        b"nilfs2",
        b"overlay",
        b"ramfs",
        b"reiserfs",
        b"rootfs",
        b"squashfs",
        b"tmpfs",
        b"xfs",
        b"zfs",
    ];

    /// One mount.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) struct Mount {
        point: PathBuf,
        at_hand: bool,
        keeping: bool,
    }

    impl Mount {
        pub(super) const fn is_at_hand(&self) -> bool {
            self.at_hand
        }

        pub(super) fn lies_in(&self, folder: &Path) -> bool {
            self.point.starts_with(folder)
        }
    }

    /// Reads the table. (Format: `proc_pid_mountinfo(5)`; the fields up to a lone hyphen vary in number.)
    pub(super) fn parse(table: &[u8]) -> Vec<Mount> {
        let mount = |line: &[u8]| {
            let mut fields = line.split_str(b" ");
            let point = fields.nth(4)?;
            let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
            let point = PathBuf::from(OsString::from_vec(unescaped(point)));
            Some(Mount { point, at_hand: AT_HAND.contains(&kind), keeping: KEEPING.contains(&kind) })
        };
        table.lines().filter_map(mount).collect()
    }

    /// A space, a tab, a line feed and a backslash stand there as `\` and three octal digits.
    fn unescaped(field: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(field.len());
        let mut rest = field;
        while let Some((first, after)) = rest.split_first() {
            let code = (*first == b'\\').then(|| after.get(..3)).flatten();
            let code = code.and_then(|digits| u8::from_str_radix(digits.to_str().ok()?, 8).ok());
            bytes.push(code.unwrap_or(*first));
            rest = if code.is_some() { &after[3..] } else { after };
        }
        bytes
    }

    pub(super) fn answers(mounts: &[Mount], path: &Path) -> bool {
        way_to(mounts, path) != Way::Unsure
    }

    pub(super) fn way_to(mounts: &[Mount], path: &Path) -> Way {
        around(mounts, path).map_or(Way::Unsure, |nearest| go(&nearest.point, path, ResolveFlag::RESOLVE_NO_XDEV))
    }

    pub(super) fn keeps(mounts: &[Mount], folder: &Path) -> bool {
        // A path that leads over a link says nothing of what is mounted in the folder.
        let plainly = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS;
        around(mounts, folder).is_some_and(|nearest| {
            let mut inside = mounts.iter().filter(|mount| mount.point.starts_with(folder));
            nearest.keeping && inside.all(|mount| mount.keeping) && go(&nearest.point, folder, plainly) != Way::Unsure
        })
    }

    /// The mount on which a path lies, where all around it are at hand.
    fn around<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
        let is_plain = path.is_absolute() && path.components().all(|part| part != Component::ParentDir);
        let around = || mounts.iter().filter(|mount| path.starts_with(&mount.point));
        // Of two mounts on one point, the later one is what is seen.
        let nearest = around().max_by_key(|mount| mount.point.components().count())?;
        (is_plain && around().all(|mount| mount.at_hand)).then_some(nearest)
    }

    /// Whether the way from a mount's point to a path leads nowhere else: over no link, and no mount that is new since.
    fn go(point: &Path, path: &Path, resolve: ResolveFlag) -> Way {
        /// Nothing is ever mounted over it: it is opened once.
        static TOP: OnceLock<Option<OwnedFd>> = OnceLock::new();
        let Ok(inside) = path.strip_prefix(point) else { return Way::Unsure };
        let looking = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let enter = || open(point, looking | OFlag::O_DIRECTORY, Mode::empty()).ok();
        let entered;
        let root = if point == Path::new("/") {
            TOP.get_or_init(enter)
        } else {
            entered = enter();
            &entered
        };
        let Some(root) = root else { return Way::Unsure };
        let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
        let takes_links = !resolve.contains(ResolveFlag::RESOLVE_NO_SYMLINKS);
        match openat2(root, inside, OpenHow::new().flags(looking).resolve(resolve)) {
            Ok(_) => Way::There,
            // That nothing is there, or may not be entered, is an answer too.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ENAMETOOLONG) => Way::Nothing,
            Err(Errno::ELOOP) if takes_links => Way::Nothing,
            // EXDEV; or a kernel that does not know the call.
            Err(_) => Way::Unsure,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const TABLE: &[u8] = b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
            28 27 0:5 / /dev rw shared:2 master:1 - devtmpfs dev rw\n\
            42 27 0:39 / /a\\040b\\134c rw - fuse.sshfs x rw\n\
            43 27 0:40 / /n rw - nfs4 x rw\n44 43 0:41 / /n/m rw - ext4 x rw\nshort\n";

        #[test]
        fn reads_the_table() {
            let mounts = parse(TABLE);
            let read: Vec<_> = mounts.iter().map(|mount| (mount.point.to_str(), mount.at_hand)).collect();
            let expected = [("/", true), ("/dev", true), ("/a b\\c", false), ("/n", false), ("/n/m", true)];
            assert_eq!(read, expected.map(|(point, at_hand)| (Some(point), at_hand)));
            for cut in 0..TABLE.len() {
                let _ = parse(&TABLE[cut..]);
            }
        }

        #[test]
        fn what_lies_below_a_drive_that_may_be_away_may_be_away() {
            let mounts = parse(TABLE);
            for path in ["/a b\\c", "/a b\\c/x/y", "/n/x", "/n/m/x", "relative", "/etc/../n/x"] {
                assert!(!answers(&mounts, Path::new(path)), "{path}");
            }
            assert!(answers(&mounts, Path::new("/etc/no such file/there")));
            assert!(!answers(&[], Path::new("/etc")), "without a table nothing is known");
        }

        #[test]
        fn what_is_mounted_in_a_folder_may_be_away() {
            let mounts =
                super::super::Mounts(parse(b"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / /etc/a/b rw - nfs4 x rw\n"));
            for (folder, answers) in [("/etc", false), ("/etc/a", false), ("/etc/a/b/c", false), ("/etc/c", true)] {
                assert_eq!(mounts.answers_below(Path::new(folder)), answers, "{folder}");
            }
        }

        #[test]
        fn a_folder_is_kept_where_all_that_is_in_it_is() {
            let mounts = parse(
                b"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / /proc rw - proc x rw\n3 1 0:3 / /etc/a rw - vfat x rw\n\
                  4 1 0:4 / /etc/b/c rw - autofs x rw\n5 1 0:5 / /etc/d/e rw - tmpfs x rw\n",
            );
            for (folder, is_kept) in [
                ("/etc/d", true),
                ("/no such folder", true),
                ("/etc", false),
                ("/etc/a", false),
                ("/etc/b", false),
                ("/proc/1", false),
                ("relative", false),
            ] {
                assert_eq!(keeps(&mounts, Path::new(folder)), is_kept, "{folder}");
            }
        }

        #[test]
        fn a_folder_behind_a_link_is_not_known_to_be_kept() {
            let folder = tempfile::tempdir().expect("a folder");
            let top = folder.path().canonicalize().expect("a folder");
            std::fs::create_dir(top.join("there")).expect("a folder");
            std::os::unix::fs::symlink("there", top.join("link")).expect("a link");
            let mounts = parse(&std::fs::read("/proc/self/mountinfo").expect("the table"));
            assert!(!keeps(&mounts, &top.join("link")));
            assert_eq!(keeps(&mounts, &top.join("there")), keeps(&mounts, &top));
        }

        #[test]
        fn a_link_to_another_drive_is_seen_through() {
            let folder = tempfile::tempdir().expect("a folder");
            let top = folder.path().canonicalize().expect("a folder");
            for (name, target) in [("away", "/proc/self/cwd"), ("near", "."), ("gone", "no such file")] {
                std::os::unix::fs::symlink(target, top.join(name)).expect("a link");
            }
            let mounts = parse(&std::fs::read("/proc/self/mountinfo").expect("the table"));
            let at = |name: &str| answers(&mounts, &top.join(name).join("file"));
            assert!(!at("away"), "/proc is another mount");
            assert!(at("near") && at("gone") && at("new"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_plain_by_its_words() {
        for (path, plain) in [("/a/./b/../c", "/a/c"), ("/../x", "/x"), ("/a/b/../../..", "/")] {
            assert_eq!(lexically(Path::new(path)), Path::new(plain));
        }
    }
}
