//! Repositories in states of all kinds, each made from a seed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use git_wtcheck::environment::Environment;

use crate::support::TestRepo;
use crate::support::errands::environment;

/// A repository, and what was done to it.
pub(super) struct State {
    repo: TestRepo,
    random: Rng,
    /// Folders to look from, the main worktree first.
    folders: Vec<PathBuf>,
    /// What was done.
    pub(super) done: Vec<String>,
}

const NAMES: [&[u8]; 9] =
    [b"one", b"two", b"a-b", b"a/b", b"a.b/c", b"with space", b"new\nline", b"caf\xe9", "ä\u{202e}".as_bytes()];

/// What git would write of a branch, or of HEAD, and what it would not; `ID` is a commit's.
const REFS: [&[u8]; 26] = [
    b"ref: refs/heads/main\n",
    b"ref: refs/heads/nothing\n",
    b"ref:refs/heads/main\n",
    b"ref: refs/heads/main",
    b"ref:   refs/heads/main  \n",
    b"ref: refs/heads/main\0\n",
    b"ref: refs/heads/symbolic\n",
    b"ref: refs/heads/../heads/main\n",
    b"ref: refs/heads/a..b\n",
    b"ref: refs/heads/a.lock\n",
    b"ref: refs/heads/caf\xe9\n",
    b"ref: refs/heads\n",
    b"ref: refs/heads/folder\n",
    b"ref: refs/heads/folder/in\n",
    b"ref: refs/heads/main/in\n",
    b"ref: refs/tags/tag\n",
    b"ref: refs/bisect/bad\n",
    b"ref: HEAD\n",
    b"ref: main\n",
    b"ID\n",
    b"ID",
    b"ID and more\n",
    b"ID0\n",
    b"0000000000000000000000000000000000000000\n",
    b"ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD\n",
    b"",
];

const CONFIGURATIONS: [&str; 22] = [
    "[core]\n\tbare = true\n",
    "[core]\n\tbare = no\n",
    "[core]\n\tbare\n",
    "[core]\n\tworktree = ../../elsewhere\n",
    "[core]\n\tignoreCase = true\n",
    "[core]\n\trepositoryFormatVersion = 1\n",
    "[core]\n\trepositoryFormatVersion = 2\n",
    "[core]\n\trepositoryFormatVersion = 0x1\n",
    "[extensions]\n\tworktreeConfig = true\n",
    "[extensions]\n\tworktreeConfig = false\n",
    "[extensions]\n\tnoop = true\n",
    "[extensions]\n\tnew = true\n",
    "[extensions]\n\tpreciousObjects = true\n",
    "[extensions]\n\tobjectFormat = sha256\n",
    "[extensions]\n\tobjectFormat = sha1\n",
    "[extensions]\n\trefStorage = files\n",
    "[extensions]\n\trelativeWorktrees = true\n",
    "[include]\n\tpath = included\n",
    "[includeIf \"gitdir:**\"]\n\tpath = included\n",
    "[wtcheck]\n\ttimeout = 3s\n",
    "[branch \"main\"]\n\tremote = .\n\tmerge = refs/heads/other\n",
    "[core\n",
];

impl State {
    pub(super) fn of(seed: u64) -> Self {
        let repo = TestRepo::new();
        let mut state = Self { folders: vec![repo.path()], repo, random: Rng::with_seed(seed), done: Vec::new() };
        for number in 0..state.random.usize(..4) {
            state.add_worktree(number);
        }
        if state.random.bool() {
            state.repo.git(&["branch", "other"]);
        }
        // A third of them is as git makes them.
        let steps = state.random.usize(..3) * state.random.usize(1..3);
        for _ in 0..steps {
            state.change();
        }
        state
    }

    /// The places that it is looked at from, and with which environment.
    pub(super) fn places(&self) -> Vec<Environment> {
        let mut random = Rng::with_seed(self.random.clone().u64(..));
        let mut folders = self.folders.clone();
        random.shuffle(&mut folders);
        folders.truncate(2);
        let below = ["sub/folder", ".git", ".git/refs", ".git/worktrees", "..", "nested", ".git/worktrees/one"];
        folders.push(self.repo.at(random.choice(below).expect("some")));
        folders.retain(|folder| folder.is_dir());
        folders.iter().map(|folder| environment(&self.repo, folder)).collect()
    }

    fn add_worktree(&mut self, number: usize) {
        let name = OsStr::from_bytes(self.random.choice(NAMES).expect("some"));
        let folder = self.repo.root().join(name);
        let branch = format!("branch{number}");
        let mut command = self.repo.command("git");
        command.args(["worktree", "add", "--quiet"]);
        if self.random.bool() {
            command.arg("--detach")
        } else {
            command.args(["-b", &branch])
        };
        // One of this name may be there.
        if command.arg(&folder).output().expect("git").status.success() {
            self.folders.push(folder);
        }
    }

    fn git(&mut self, args: &[&str]) {
        self.done.push(format!("git {args:?}"));
        self.repo.git_try(".", args);
    }

    fn write(&mut self, path: &Path, content: &[u8]) {
        self.done.push(format!("{} = {:?}", path.display(), bstr::BStr::new(content)));
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, content);
    }

    fn linked(&mut self) -> Option<PathBuf> {
        let index = self.random.usize(1..self.folders.len().max(2));
        self.folders.get(index).cloned()
    }

    /// The folder of some worktree's record.
    fn record(&mut self) -> PathBuf {
        let common_dir = self.repo.at(".git");
        let entries = common_dir.join("worktrees").read_dir().into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries.map(|entry| entry.path()).collect();
        folders.sort();
        self.random.choice(folders).unwrap_or(common_dir)
    }

    fn a_ref(&mut self) -> Vec<u8> {
        let id = self.repo.git_try(".", &["rev-parse", "--verify", "refs/heads/main"]).stdout;
        let text = *self.random.choice(&REFS).expect("some");
        match text.strip_prefix(b"ID") {
            Some(rest) => [id.trim_ascii(), rest].concat(),
            None => text.to_vec(),
        }
    }

    fn change(&mut self) {
        match self.random.u8(..16) {
            0 => self.lock(),
            1 => self.take_away(),
            2 => self.refs(),
            3 | 4 => self.head(),
            5 | 6 => self.gitdir(),
            7 | 8 => self.configuration(),
            9 => self.git_folder(),
            10 => self.packed_refs(),
            11 => self.other_entries(),
            12 => self.nested(),
            13 => self.dot_git_file(),
            14 => {
                let branch = self.repo.at(".git/refs/heads/main");
                let content = self.a_ref();
                self.write(&branch, &content);
            }
            _ => {
                let folder = self.repo.at("sub/folder");
                self.done.push("a subfolder".to_owned());
                std::fs::create_dir_all(&folder).expect("folders");
                if self.random.u8(..4) == 0 {
                    self.write(&folder.join("HEAD"), b"tracked");
                }
            }
        }
    }

    fn lock(&mut self) {
        let file = self.record().join("locked");
        let reasons: [&[u8]; 8] =
            [b"", b"\n", b"a reason\n", b"  two\nlines \t\n", b"\x0ca feed\x0b\n", b"caf\xe9", b"a\0b", b"\0"];
        let reason = *self.random.choice(&reasons).expect("some");
        self.write(&file, reason);
    }

    fn take_away(&mut self) {
        let Some(folder) = self.linked() else { return };
        self.done.push(format!("{} taken away", folder.display()));
        let _ = match self.random.u8(..4) {
            0 => std::fs::remove_file(folder.join(".git")),
            1 => std::fs::rename(&folder, folder.with_extension("moved")),
            2 => std::fs::remove_dir_all(&folder).and_then(|()| std::fs::write(&folder, "a file")),
            _ => std::fs::remove_dir_all(&folder),
        };
    }

    fn refs(&mut self) {
        match self.random.u8(..5) {
            0 => self.git(&["pack-refs", "--all"]),
            1 => self.git(&["symbolic-ref", "refs/heads/symbolic", "refs/heads/main"]),
            2 => self.git(&["branch", "folder/in"]),
            3 => {
                self.git(&["pack-refs", "--all"]);
                self.git(&["commit", "--quiet", "--allow-empty", "--message=next"]);
            }
            _ => {
                let (main, link) = (self.repo.at(".git/refs/heads/main"), self.repo.at(".git/refs/heads/linked"));
                self.done.push("a branch is a link".to_owned());
                let _ = std::fs::rename(&main, &link);
                let _ = std::os::unix::fs::symlink(
                    self.random.choice(["linked", "refs/heads/linked"]).expect("some"),
                    main,
                );
            }
        }
    }

    fn head(&mut self) {
        let file = self.record().join("HEAD");
        let content = self.a_ref();
        self.write(&file, &content);
    }

    fn gitdir(&mut self) {
        let record = self.record();
        let folder = self.random.choice(&self.folders).expect("one").clone();
        let folder = folder.as_os_str().as_bytes();
        let files: [&[&[u8]]; 13] = [
            &[folder, b"/.git\n"],
            &[folder, b"/.git"],
            &[folder, b"/.git \n"],
            &[folder, b"/.git\r\n"],
            &[folder, b"/.git\n\n"],
            &[folder, b"\n"],
            &[folder, b"/../one/.git\n"],
            &[folder, b"//.git\n"],
            &[b"../../../../one/.git\n"],
            &[b"/.git\n"],
            &[folder, b"/\0/.git\n"],
            &[b"\n"],
            &[],
        ];
        let content = self.random.choice(&files).expect("some").concat();
        let name = self.random.choice(["gitdir", "gitdir", "gitdir", "commondir"]).expect("some");
        if name == "commondir" {
            let other = *self.random.choice(&["../..\n", "../../\n", "..\n", "/nowhere\n", ""]).expect("some");
            self.write(&record.join(name), other.as_bytes());
        } else if self.random.u8(..8) == 0 {
            self.done.push(format!("{} has no {name}", record.display()));
            let _ = std::fs::remove_file(record.join(name));
        } else {
            self.write(&record.join(name), &content);
        }
    }

    fn configuration(&mut self) {
        let text = *self.random.choice(&CONFIGURATIONS).expect("some");
        let included = *self.random.choice(&CONFIGURATIONS).expect("some");
        let file = match self.random.u8(..4) {
            0 => self.repo.at("../home/.gitconfig"),
            1 => self.repo.at(".git/config.worktree"),
            _ => self.repo.at(".git/config"),
        };
        let old = if self.random.u8(..12) == 0 { Vec::new() } else { std::fs::read(&file).unwrap_or_default() };
        self.write(&file, &[&old, text.as_bytes()].concat());
        let beside = file.with_file_name("included");
        self.write(&beside, included.as_bytes());
    }

    fn git_folder(&mut self) {
        let (git, other) = (self.repo.at(".git"), self.repo.at("../other.git"));
        match self.random.u8(..4) {
            0 => {
                self.done.push(".git is a link".to_owned());
                let _ = std::fs::rename(&git, &other);
                let _ = std::os::unix::fs::symlink(&other, &git);
            }
            1 => self.git(&["init", "--quiet", "--separate-git-dir=../other.git"]),
            2 => {
                let name = *self.random.choice(&["HEAD", "objects", "refs", "config"]).expect("some");
                self.done.push(format!("no {name}"));
                let _ = std::fs::rename(git.join(name), git.join("away"));
            }
            _ => {
                self.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
                self.git(&["--git-dir=../bare.git", "worktree", "add", "--quiet", "../of-bare", "main"]);
                self.folders.extend(["../bare.git", "../of-bare"].map(|folder| self.repo.at(folder)));
            }
        }
    }

    fn packed_refs(&mut self) {
        self.git(&["pack-refs", "--all"]);
        let file = self.repo.at(".git/packed-refs");
        let refs = std::fs::read_to_string(&file).unwrap_or_default();
        let (header, records) = refs.split_once('\n').unwrap_or_default();
        let mut lines: Vec<&str> = records.lines().collect();
        let packed = match self.random.u8(..6) {
            0 => records.to_owned(),
            1 => {
                lines.reverse();
                format!("{header}\n{}\n", lines.join("\n"))
            }
            2 => format!("{header}\n{}", lines.join("\n")),
            3 => format!("# pack-refs with: peeled \n{records}"),
            4 => format!("{header}\ngarbage\n{records}"),
            _ => format!("{header}\n{}", records.replace(" refs/heads/main\n", " refs/heads/main2\n")),
        };
        self.write(&file, packed.as_bytes());
    }

    fn other_entries(&mut self) {
        let folder = self.repo.at(".git/worktrees");
        match self.random.u8(..4) {
            0 => self.write(&folder.join("a file"), b"x"),
            1 => self.write(&folder.join("empty/x"), b"x"),
            2 => {
                self.done.push("a link among the records".to_owned());
                let target = self.record();
                let _ = std::fs::create_dir_all(&folder);
                let _ = std::os::unix::fs::symlink(target, folder.join("link"));
            }
            _ => {
                self.done.push("the records are a link".to_owned());
                let _ = std::fs::rename(&folder, self.repo.at("../records"));
                let _ = std::os::unix::fs::symlink(self.repo.at("../records"), folder);
            }
        }
    }

    fn nested(&mut self) {
        let kind = *self.random.choice(&["nested", "sub/nested"]).expect("some");
        self.git(&["init", "--quiet", kind]);
        let head = self.repo.at(kind).join(".git/HEAD");
        match self.random.u8(..4) {
            0 => self.write(&head, b"broken\n"),
            1 => {}
            _ => self.git(&["-C", kind, "commit", "--quiet", "--allow-empty", "--message=first"]),
        }
        self.folders.push(self.repo.at(kind));
    }

    fn dot_git_file(&mut self) {
        let Some(folder) = self.linked() else { return };
        let record = self.record();
        let record = record.as_os_str().as_bytes();
        let files: [&[&[u8]]; 8] = [
            &[b"gitdir: ", record, b"\n"],
            &[b"gitdir: ", record],
            &[b"gitdir: ", record, b"\r\n\n"],
            &[b"gitdir:", record, b"\n"],
            &[b"gitdir: ", record, b"/.\n"],
            &[b"gitdir: ../repo/.git/worktrees/one\n"],
            &[b"gitdir: /nowhere\n"],
            &[],
        ];
        let content = self.random.choice(&files).expect("some").concat();
        self.write(&folder.join(".git"), &content);
    }
}
