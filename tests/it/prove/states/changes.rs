//! What is done to a worktree between two states.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use fastrand::Rng;
use git_wtcheck::git::index::Index;
use nix::sys::time::TimeSpec;

use super::super::patterns::rules;
use super::super::{set_mtime, set_time};
use super::{World, future};

/// One kind of change.
pub(super) struct Change {
    pub(super) name: &'static str,
    /// Git can mostly be spared then.
    pub(super) is_plain: bool,
    pub(super) make: fn(&mut World, &[u8]),
}

pub(super) const FOLDERS: &[&str] =
    &["", "", "", "a/", "a/b/", "a/b/c/", "a-b/", "d e/", "ö/", "build/", "target/", "x.d/", "foo/"];
const NAMES: &[&[u8]] = &[
    b"f", b"f.o", b"h.txt", b"keep", b".x", b"a", b"b", b"a.b", b"foo", b"foo ", b"-", b"od\xffd", b"li\nne", b"c",
    b"#x",
];

/// Some path, most often of few.
pub(super) fn path(random: &mut Rng) -> Vec<u8> {
    let folder = random.choice(FOLDERS).expect("some");
    [folder.as_bytes(), random.choice(NAMES).expect("some")].concat()
}

/// Every such path.
pub(super) fn paths() -> impl Iterator<Item = Vec<u8>> {
    FOLDERS.iter().flat_map(|folder| NAMES.iter().map(move |name| [folder.as_bytes(), name].concat()))
}

pub(super) const fn plain(name: &'static str, make: fn(&mut World, &[u8])) -> Change {
    Change { name, is_plain: true, make }
}

const fn odd(name: &'static str, make: fn(&mut World, &[u8])) -> Change {
    Change { name, is_plain: false, make }
}

pub(super) const CHANGES: &[Change] = &[
    plain("none", |_, _| {}),
    plain("edit", |world, _| {
        if let Some(path) = world.tracked() {
            let _ = std::fs::OpenOptions::new().append(true).open(path).map(|mut file| file.write_all(b"more"));
        }
    }),
    plain("new file", |world, path| world.subject.try_write(path, b"new")),
    plain("delete", |world, _| {
        if let Some(path) = world.tracked() {
            let _ = std::fs::remove_file(path);
        }
    }),
    plain("delete a folder", |world, _| {
        if let Some(folder) = world.folder() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }),
    plain("chmod", |world, _| {
        if let Some(path) = world.tracked()
            && let Ok(about) = path.symlink_metadata()
            && about.is_file()
        {
            let mode = about.mode() ^ 0o111;
            let _ = std::fs::set_permissions(path, PermissionsExt::from_mode(mode));
        }
    }),
    plain("empty folder", |world, path| {
        let _ = std::fs::create_dir_all(world.at(path).join("empty/more"));
    }),
    plain("deep folder", |world, path| {
        let _ = std::fs::create_dir_all(world.at(path).join("a/b/foo"));
        world.subject.try_write(&[path, b"/a/b/foo/f.o"].concat(), b"");
    }),
    plain("new file, and the time set back", |world, _| {
        if let Some(folder) = world.folder()
            && let Ok(about) = folder.symlink_metadata()
        {
            let name = if world.random.bool() { "f.o" } else { "unheard of" };
            let _ = std::fs::write(folder.join(name), "");
            set_time(&folder, TimeSpec::new(about.mtime(), about.mtime_nsec()));
        }
    }),
    plain("another folder of the same time", |world, _| {
        if let Some(folder) = world.folder()
            && let Ok(about) = folder.symlink_metadata()
        {
            let aside = world.at(b"aside");
            let _ = std::fs::rename(&folder, &aside);
            let _ = std::fs::create_dir(&folder);
            for entry in std::fs::read_dir(&aside).into_iter().flatten().flatten() {
                let _ = std::fs::rename(entry.path(), folder.join(entry.file_name()));
            }
            let _ = std::fs::write(folder.join("unheard of"), "");
            let _ = std::fs::remove_dir_all(aside);
            set_time(&folder, TimeSpec::new(about.mtime(), about.mtime_nsec()));
        }
    }),
    plain("rename", |world, path| {
        if let Some(from) = world.tracked() {
            let _ = std::fs::rename(from, world.at(path));
        }
    }),
    plain("new link", |world, path| {
        let target = *world.random.choice(["f", ".", "nowhere", "a/b"]).as_ref().expect("some");
        let _ = symlink(target, world.at(path));
    }),
    plain("ignore rules", |world, _| {
        let (folder, rules) = (*world.random.choice(super::FOLDERS).expect("some"), rules(&mut world.random));
        world.subject.try_write(format!("{folder}.gitignore").as_bytes(), &rules);
    }),
    plain("rules for all", |world, _| {
        let sources = &world.subject.terms.ignore;
        let file = if world.random.bool() { &sources.info_exclude } else { &sources.excludes_file };
        std::fs::write(file.as_ref().expect("a file"), rules(&mut world.random)).expect("a file");
    }),
    plain("remove", |world, path| {
        let _ = std::fs::remove_file(world.at(path)).or_else(|_| std::fs::remove_dir_all(world.at(path)));
    }),
    plain("commit", |world, _| {
        let path = there(world);
        world.git(&["add", "--force", "--", &path]);
        world.git(&["commit", "--quiet", "--allow-empty", "--message=one"]);
        world.subject.look_at_head();
        world.subject.age();
    }),
    plain("untracked cache", |world, _| world.git(&["update-index", "--untracked-cache"])),
    plain("git status", |world, _| world.git(&["status"])),
    plain("pipe", |world, path| {
        let _ = std::fs::create_dir_all(world.at(path).join("pipes"));
        let _ = nix::unistd::mkfifo(&world.at(path).join("pipes/pipe"), nix::sys::stat::Mode::S_IRWXU);
        let _ = UnixListener::bind(world.at(path).join("pipes/socket"));
    }),
    odd("future", |world, _| {
        if let Some(path) = world.tracked() {
            let inside = path.strip_prefix(&world.subject.worktree).expect("inside").as_os_str().as_bytes().to_vec();
            future(world, &inside);
        }
    }),
    odd("link for a file", |world, _| {
        if let Some(path) = world.tracked() {
            let _ = std::fs::remove_file(&path);
            let _ = symlink("f", path);
        }
    }),
    odd("folder for a file", |world, _| {
        if let Some(path) = world.tracked() {
            let _ = std::fs::remove_file(&path);
            let _ = std::fs::create_dir(&path);
            if world.random.bool() {
                let _ = std::fs::write(path.join("f"), "");
            }
        }
    }),
    odd("file or link for a folder", |world, _| {
        if let Some(folder) = world.folder() {
            let _ = std::fs::rename(&folder, world.at(b"moved"));
            let _ = if world.random.bool() { symlink("moved", folder) } else { std::fs::write(folder, "") };
        }
    }),
    odd("pipe for a file", |world, _| {
        if let Some(path) = world.tracked() {
            let _ = std::fs::remove_file(&path);
            let _ = nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU);
        }
    }),
    odd("nested repository", |world, path| {
        let _ = std::fs::create_dir_all(world.at(path));
        let path = text(path);
        world.git(&["init", "--quiet", "--", &path]);
        if world.random.bool() {
            world.git(&["-C", &path, "commit", "--quiet", "--allow-empty", "--message=nested"]);
        }
    }),
    odd("bare repository", |world, path| {
        let _ = std::fs::create_dir_all(world.at(path));
        world.git(&["init", "--quiet", "--bare", "--", &text(path)]);
    }),
    odd("something named .git", |world, path| {
        if world.random.bool() {
            world.subject.try_write(&[path, b"/.git"].concat(), b"gitdir: nowhere");
        } else {
            let _ = std::fs::create_dir_all(world.at(path).join(".git"));
        }
    }),
    odd("worktree inside", |world, path| {
        world.git(&["worktree", "prune"]);
        world.git(&["worktree", "add", "--quiet", "--force", "--detach", &text(path)]);
    }),
    odd("stage", |world, _| world.git(&["add", "--all"])),
    odd("unstage", |world, _| {
        let path = there(world);
        world.git(&["rm", "--cached", "-rqf", "--", &path]);
    }),
    odd("commit of something else", |world, _| {
        world.git(&["commit", "--quiet", "--allow-empty", "--all", "--message=other"]);
    }),
    odd("stage and commit", |world, _| {
        let path = there(world);
        world.git(&["add", "--force", "--", &path]);
        world.git(&["commit", "--quiet", "--allow-empty", "--message=staged"]);
        world.subject.look_at_head();
    }),
    odd("reset to the commit before", |world, _| {
        world.git(&["reset", "--soft", "HEAD~"]);
        world.subject.look_at_head();
    }),
    odd("intent to add", |world, path| {
        world.subject.try_write(path, b"intended");
        world.git(&["add", "--force", "--intent-to-add", "--", &text(path)]);
    }),
    odd("assume unchanged", |world, _| world.update("--assume-unchanged")),
    odd("skip worktree", |world, _| world.update("--skip-worktree")),
    odd("unmerged", |world, path| {
        let mut lines = Vec::new();
        let blob = world.subject.repo.git_try(&world.subject.worktree, &["hash-object", "-w", "--stdin"]).stdout;
        for stage in [b"1", b"2", b"3"] {
            lines.extend([b"100644 ", blob.trim_ascii(), b" ", stage, b"\t", path, b"\0"].concat());
        }
        let mut command = world.subject.repo.command("git");
        command.current_dir(&world.subject.worktree).args(["update-index", "-z", "--index-info"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("git");
        child.stdin.take().expect("a pipe").write_all(&lines).expect("written");
        child.wait().expect("git");
    }),
    odd("split index", |world, _| world.git(&["update-index", "--split-index"])),
    odd("submodule", |world, path| {
        let head = world.subject.git(&["rev-parse", "HEAD"]);
        world.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},{}", text(path))]);
    }),
    odd("index as read from a tree", |world, _| world.git(&["read-tree", "HEAD"])),
    odd("index of another time", |world, _| {
        let seconds = 1_600_000_000 + world.random.i64(-1..2);
        set_mtime(&world.subject.git_dir.join("index"), seconds);
    }),
    odd("checkout", |world, _| world.git(&["checkout", "--quiet", "--", "."])),
    odd("rules that are a link", |world, path| {
        let _ = std::fs::create_dir_all(world.at(path));
        let _ = symlink("f", world.at(path).join(".gitignore"));
    }),
];

/// A path as an argument of git's; odd bytes are another path then.
fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// An argument that names something that is likely to be there.
fn there(world: &mut World) -> String {
    world.tracked().map_or_else(|| ".".to_owned(), |path| path.to_string_lossy().into_owned())
}

impl World {
    pub(super) fn at(&self, path: &[u8]) -> PathBuf {
        self.subject.at(OsStr::from_bytes(path))
    }

    /// Runs git, whatever it says.
    pub(super) fn git(&self, args: &[&str]) {
        self.subject.repo.git_try(&self.subject.worktree, args);
    }

    /// A file that the index knows, and that is there.
    pub(super) fn tracked(&mut self) -> Option<PathBuf> {
        let bytes = std::fs::read(self.subject.git_dir.join("index")).ok()?;
        let mut paths = Vec::new();
        let index = Index::open(&bytes, self.subject.hash).ok()?;
        index.walk(|entry| paths.push(self.subject.at(OsStr::from_bytes(entry.path)))).ok()?;
        paths.retain(|path| path.symlink_metadata().is_ok_and(|about| !about.is_dir()));
        (!paths.is_empty()).then(|| paths.swap_remove(self.random.usize(..paths.len())))
    }

    fn folder(&mut self) -> Option<PathBuf> {
        let top = self.subject.worktree.clone();
        let mut folders = (0..20).filter_map(|_| self.path().parent().map(Path::to_owned));
        folders.find(|folder| *folder != top && folder.is_dir())
    }

    pub(super) fn path(&mut self) -> PathBuf {
        let path = path(&mut self.random);
        self.at(&path)
    }

    fn update(&mut self, flag: &str) {
        if let Some(path) = self.tracked() {
            self.git(&["update-index", flag, &path.to_string_lossy()]);
        }
    }

    pub(super) fn has_fourth_version(&self) -> bool {
        std::fs::read(self.subject.git_dir.join("index")).is_ok_and(|bytes| bytes.get(7) == Some(&4))
    }
}
