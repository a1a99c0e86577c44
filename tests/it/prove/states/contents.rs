//! What is done to a worktree between two states, where only the content of files tells what has come of it.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use git_wtcheck::git::index::Hash;

use super::super::{believe, set_mtime};
use super::World;
use super::changes::{Change, FOLDERS, plain};

/// Files of attributes; most convert nothing.
const ATTRIBUTES: &[&str] = &[
    "",
    "",
    "# nothing\n",
    "* diff=x -merge\n",
    "*.txt whitespace\nf -text\n",
    "* text=auto\n",
    "* text\n",
    "*.o eol=crlf\n",
    "* eol=lf\n",
    "f eol=crlf\n",
    "f filter=f\n",
    "*.o ident\n",
    "h.txt working-tree-encoding=UTF-16LE\n",
    "[attr]m text eol=crlf\n* m\n",
];

pub(super) const CONTENTS: &[Change] = &[
    plain("edit of the same size", |world, _| {
        if let Some((path, length)) = world.file() {
            let content = content(&mut world.random, length);
            let _ = std::fs::write(path, content);
        }
    }),
    plain("touch", |world, _| {
        if let Some(path) = world.tracked() {
            set_mtime(&path, 1_500_000_000);
        }
    }),
    plain("restored", |world, _| {
        if let Some((path, _)) = world.file() {
            let _ = std::fs::read(&path).and_then(|content| std::fs::write(&path, content));
        }
    }),
    plain("another inode", |world, _| {
        if let Some((path, _)) = world.file() {
            let _ = std::fs::copy(&path, world.subject.at("../copy"));
            let _ = std::fs::rename(world.subject.at("../copy"), path);
        }
    }),
    plain("written in the same second", |world, _| {
        if let Some((path, length)) = world.file() {
            if world.random.bool() {
                let content = content(&mut world.random, length);
                let _ = std::fs::write(&path, content);
            }
            let seconds = 1_650_000_000;
            set_mtime(&path, seconds);
            if world.subject.hash == Hash::Sha1 && !world.has_fourth_version() {
                let inside = path.strip_prefix(&world.subject.worktree).expect("inside").as_os_str().as_bytes();
                believe(&world.subject, inside);
                let later = i64::from(world.random.bool());
                // A second later it is as the index says, for git too.
                set_mtime(&world.subject.git_dir.join("index"), seconds + later);
            }
        }
    }),
    plain("all in one second", |world, _| {
        let index = world.subject.git_dir.join("index");
        let files = world.random.i64(1..5);
        let written: Vec<i64> =
            (0..files).filter_map(|_| world.file()?.0.metadata().ok().map(|file| file.mtime())).collect();
        if let Some(second) = written.into_iter().max() {
            set_mtime(&index, second);
        }
    }),
    plain("other line ends", |world, _| {
        if let Some((path, _)) = world.file() {
            let _ = std::fs::read(&path).and_then(|content| {
                let content = String::from_utf8_lossy(&content).into_owned();
                let has_some = content.contains("\r\n");
                std::fs::write(
                    &path,
                    content.replace(if has_some { "\r\n" } else { "x" }, if has_some { "\n" } else { "\r\n" }),
                )
            });
        }
    }),
    plain("attributes", |world, _| {
        let folder = *world.random.choice(FOLDERS).expect("some");
        let attributes = *world.random.choice(ATTRIBUTES).expect("some");
        world.subject.try_write(format!("{folder}.gitattributes").as_bytes(), attributes.as_bytes());
        world.touch_some();
    }),
    plain("attributes in the index alone", |world, _| {
        let folder = *world.random.choice(&["", "a/", "a/b/", "a/b/c/"]).expect("some");
        let attributes = *world.random.choice(ATTRIBUTES).expect("some");
        let path = format!("{folder}.gitattributes");
        world.subject.try_write(path.as_bytes(), attributes.as_bytes());
        world.git(&["add", "--force", "--", &path]);
        world.git(&["commit", "--quiet", "--message=attributes"]);
        world.subject.look_at_head();
        world.subject.age();
        let _ = std::fs::remove_file(world.subject.at(&path));
        world.touch_some();
    }),
    plain("attributes for all", |world, _| {
        let attributes = *world.random.choice(ATTRIBUTES).expect("some");
        let file = world.random.choice(&attributes_for_all(world)).expect("some").clone();
        std::fs::write(file, attributes).expect("a file");
        world.touch_some();
    }),
    plain("line ends for all", |world, _| {
        let value = *world.random.choice(&["false", "true", "input"]).expect("some");
        line_ends(world, value);
        world.touch_some();
    }),
];

/// Text of this length, with few different characters, and line ends of both kinds.
pub(super) fn content(random: &mut Rng, length: usize) -> Vec<u8> {
    let mut content = Vec::new();
    while content.len() < length {
        content.extend_from_slice(random.choice(&[&b"x"[..], b"x", b"y", b"\n", b"\r\n", b"$Id$"]).expect("some"));
    }
    content.truncate(length);
    content
}

/// The files of attributes that hold in every folder.
fn attributes_for_all(world: &World) -> Vec<PathBuf> {
    world.subject.terms.attributes.as_ref().expect("known").files.clone()
}

fn line_ends(world: &mut World, value: &str) {
    world.subject.repo.config("core.autocrlf", value);
    world.subject.terms.attributes.as_mut().expect("known").line_ends = value != "false";
}

impl World {
    /// Nothing is converted any more in any repository.
    pub(super) fn without_conversion(&mut self) {
        for file in attributes_for_all(self) {
            let _ = std::fs::remove_file(file);
        }
        line_ends(self, "false");
        self.subject.repo.config("filter.f.clean", "tr x z");
        self.subject.repo.config("filter.f.smudge", "tr z x");
    }

    /// Files to be read: some are as they were, some are not.
    fn touch_some(&mut self) {
        for _ in 0..3 {
            if let Some((path, length)) = self.file() {
                if self.random.u8(..3) == 0 {
                    let content = content(&mut self.random, length);
                    let _ = std::fs::write(&path, content);
                }
                set_mtime(&path, 1_500_000_000);
            }
        }
    }

    /// A regular file that the index knows, and its length.
    fn file(&mut self) -> Option<(PathBuf, usize)> {
        let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|about| about.is_file());
        let path = (0..8).filter_map(|_| self.tracked()).find(|path| is_file(path))?;
        let length = usize::try_from(path.metadata().ok()?.len()).ok()?;
        Some((path, length))
    }
}
