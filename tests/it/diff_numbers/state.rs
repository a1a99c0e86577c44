//! Worktrees drawn at random, with all that `diff` may stumble over in them.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use fastrand::Rng;

use crate::support::TestRepo;

/// Names that a shell, a pathspec or a line of output could take for something else.
const NAMES: [&[u8]; 24] = [
    b"a",
    b"b.txt",
    b"HEAD",
    b"dir/c",
    b"dir/d.txt",
    b"dir/deep/e",
    b"dir/deep/HEAD",
    b"out/f",
    b"out/g.txt",
    b"out/deep/h",
    b"with space",
    b"tab\there",
    b"new\nline",
    b"quo\"te",
    b"back\\slash",
    b"*",
    b"[x]?",
    b":(top)y",
    b":!z",
    b"-dash",
    b"--",
    b" ends ",
    b"\xc3\xa4",
    b"\xff\xfe",
];

/// What git is told of how to compare: each line is drawn or not.
const CONFIGURATION: [(&str, &str); 18] = [
    ("core.autocrlf", "input"),
    ("core.autocrlf", "true"),
    ("core.fileMode", "false"),
    ("core.quotePath", "false"),
    ("core.symlinks", "false"),
    ("core.untrackedCache", "true"),
    ("diff.algorithm", "patience"),
    ("diff.context", "0"),
    ("diff.ignoreSubmodules", "all"),
    ("diff.noprefix", "true"),
    ("diff.relative", "true"),
    ("diff.renames", "copies"),
    ("diff.renames", "false"),
    ("diff.submodule", "log"),
    ("status.relativePaths", "false"),
    ("status.renames", "copies"),
    ("status.renames", "false"),
    ("status.showUntrackedFiles", "no"),
];

/// What git is told of files: each line is drawn or not.
const ATTRIBUTES: [&str; 6] =
    ["*.txt -diff", "dir/** diff=conv", "* text=auto", "out/** binary", "a diff=conv", "b.txt text eol=crlf"];

/// A worktree that is being drawn.
pub(super) struct State {
    pub(super) repo: TestRepo,
    random: Rng,
    /// What was done to it.
    pub(super) told: String,
}

impl State {
    /// The worktree of this seed.
    pub(super) fn of(seed: u64) -> Self {
        let told = format!("WTCHECK_SEED={seed}");
        let mut state = Self { repo: TestRepo::empty(), random: Rng::with_seed(seed), told };
        state.draw();
        state
    }

    fn draw(&mut self) {
        let format = if self.one_in(8) { "--object-format=sha256" } else { "--object-format=sha1" };
        self.git(["init", "--quiet", "--initial-branch=main", format, "."]);
        self.repo.config("diff.conv.textconv", "sed s/^/x/");
        for (key, value) in CONFIGURATION {
            if self.one_in(9) {
                self.git(["config", key, value]);
            }
        }
        let attributes: Vec<_> = ATTRIBUTES.into_iter().filter(|_| self.random.u8(..4) == 0).collect();
        if !attributes.is_empty() {
            let _ = write!(self.told, "\n.gitattributes: {attributes:?}");
            self.repo.write(".gitattributes", attributes.join("\n") + "\n");
        }
        if !self.one_in(8) {
            self.commit();
        }
        if self.one_in(5) {
            self.git(["sparse-checkout", "set", "--cone", "--sparse-index", "dir"]);
        }
        if self.one_in(10) {
            self.many();
        }
        for _ in 0..self.random.u8(1..10) {
            self.change();
        }
        if self.one_in(4) {
            self.age();
        }
    }

    /// Files as another program leaves them that has written all of them anew.
    fn age(&mut self) {
        self.tell(&["age"]);
        let long_ago = SystemTime::now() - Duration::from_hours(1);
        for name in NAMES {
            let path = self.repo.at(path(name));
            if let Ok(file) = std::fs::File::options().write(true).open(&path) {
                file.set_modified(long_ago).expect("a time");
            }
        }
    }

    /// The first commit, of some of the names.
    fn commit(&mut self) {
        for name in NAMES {
            match self.random.u8(..10) {
                0..=6 => self.write(path(name)),
                7 => self.link(path(name)),
                _ => {}
            }
        }
        if self.one_in(3) {
            self.submodule();
        }
        if self.one_in(8) {
            for index in 0..80 {
                self.repo.write(format!("many/{index}"), "1\n2\n3\n");
            }
        }
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--allow-empty", "--message=first"]);
        if self.one_in(4) {
            self.conflict();
        }
    }

    /// One thing that people and programs do to a worktree.
    fn change(&mut self) {
        let (one, other) = (self.name(), self.name());
        let (from, to) = (one.as_os_str(), other.as_os_str());
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let git_on = |state: &mut Self, args: &[&str], paths: &[&OsStr]| {
            let args = words(args).into_iter().chain([OsString::from("--")]);
            state.git(args.chain(paths.iter().map(|path| OsString::from(*path))));
        };
        match self.random.u8(..20) {
            0..=2 => self.write(one),
            3..=4 => {
                self.write(one.clone());
                git_on(self, &["add", "--force", "--sparse"], &[from]);
            }
            5 => {
                self.write(one.clone());
                git_on(self, &["add", "--force", "--sparse"], &[from]);
                self.write(one);
            }
            6 => self.remove(&one),
            7 => git_on(self, &["rm", "--quiet", "-r", "--force", "--sparse"], &[from]),
            8 => git_on(self, &["rm", "--quiet", "-r", "--cached", "--sparse"], &[from]),
            9 => git_on(self, &["mv", "--force"], &[from, to]),
            10 => {
                self.tell(&["rename", &one.to_string_lossy(), &other.to_string_lossy()]);
                let _ = std::fs::rename(self.repo.at(&one), self.repo.at(&other));
                if self.one_in(2) {
                    self.git(["add", "--all"]);
                }
            }
            11 => self.chmod(&one),
            12 => {
                git_on(self, &["update-index", "--chmod=+x"], &[from]);
            }
            13 => {
                self.remove(&one);
                self.link(one);
            }
            14 => {
                self.remove(&one);
                self.write(one.join("below"));
                if self.one_in(2) {
                    self.git(["add", "--all"]);
                }
            }
            15 => {
                self.write(one.clone());
                git_on(self, &["add", "--intent-to-add", "--force", "--sparse"], &[from]);
            }
            16 => self.submodule_moves(),
            17 => {
                // Staged, and in the working tree as it was.
                self.write(one.clone());
                git_on(self, &["add"], &[from]);
                git_on(self, &["restore", "--source=HEAD", "--worktree"], &[from]);
            }
            18 => {
                let flag = if self.one_in(2) { "--assume-unchanged" } else { "--skip-worktree" };
                git_on(self, &["update-index", flag], &[from]);
                self.write(one);
            }
            _ => self.sides(&one),
        }
    }

    /// More changed paths than `status` names one by one.
    fn many(&mut self) {
        for index in 0..75 {
            self.repo.write(format!("many/{index}"), format!("1\n{index}\n3\n4\n"));
        }
        if self.one_in(2) {
            self.git(["add", "--all"]);
        }
    }

    /// A merge that stops.
    fn conflict(&mut self) {
        self.git(["checkout", "--quiet", "-b", "other"]);
        for branch in ["other", "main"] {
            self.git(["checkout", "--quiet", branch]);
            for _ in 0..3 {
                let name = self.name();
                match self.random.u8(..3) {
                    0 => self.remove(&name),
                    _ => self.write(name),
                }
            }
            self.git(["add", "--all"]);
            self.git(["commit", "--quiet", "--allow-empty", "--message=side"]);
        }
        self.git(["merge", "--quiet", "other"]);
    }

    /// Sides of a conflict as the index has them, of which some are missing.
    fn sides(&mut self, path: &Path) {
        let blob = self.repo.git(&["hash-object", "-w", "-t", "blob", "/dev/null"]);
        let mut entries = Vec::new();
        for stage in 0..4_u8 {
            if stage == 0 || self.one_in(2) {
                let mode = if stage == 0 { "0" } else { "100644" };
                entries.extend(format!("{mode} {blob} {stage}\t").bytes());
                entries.extend(path.as_os_str().as_bytes());
                entries.push(0);
            }
        }
        self.tell(&["sides", &entries.escape_ascii().to_string()]);
        let mut git = self.repo.command("git");
        git.args(["update-index", "-z", "--index-info"]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = git.spawn().expect("git");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), &entries).expect("git");
        child.wait().expect("git");
    }

    fn submodule(&mut self) {
        self.git(["init", "--quiet", "sub"]);
        self.submodule_moves();
    }

    fn submodule_moves(&mut self) {
        if !self.repo.at("sub/.git").is_dir() {
            return;
        }
        match self.random.u8(..4) {
            0 => self.repo.write("sub/untracked", "new\n"),
            1 => self.repo.write("sub/file", "changed\n"),
            _ => {}
        }
        self.git(["-C", "sub", "commit", "--quiet", "--allow-empty", "--message=in the submodule"]);
        if self.one_in(2) {
            self.git(["-C", "sub", "add", "--all"]);
            self.git(["add", "sub"]);
        }
    }

    fn write(&mut self, name: PathBuf) {
        let content = self.content();
        self.tell(&["write", &name.to_string_lossy(), &content.escape_ascii().to_string()]);
        let path = self.repo.at(name);
        // A file may stand where a folder is needed, or the other way round.
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, content);
    }

    fn content(&mut self) -> Vec<u8> {
        let end = if self.one_in(6) { "\r\n" } else { "\n" };
        let mut lines: Vec<_> = (0..self.random.u8(..14)).map(|number| format!("line {number}")).collect();
        for line in &mut lines {
            if self.random.u8(..5) == 0 {
                *line = format!("another {}", self.random.u8(..4));
            }
        }
        let mut content = lines.join(end).into_bytes();
        match self.random.u8(..8) {
            0 => content.extend(b"\0binary"),
            1 => {}
            _ => content.extend(end.bytes()),
        }
        content
    }

    fn link(&mut self, name: PathBuf) {
        let target = if self.one_in(2) { "a" } else { "no/such\nfile" };
        self.tell(&["link", &name.to_string_lossy(), target]);
        let path = self.repo.at(name);
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = symlink(target, path);
    }

    fn remove(&mut self, name: &Path) {
        self.tell(&["remove", &name.to_string_lossy()]);
        let path = self.repo.at(name);
        let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
    }

    fn chmod(&mut self, name: &Path) {
        self.tell(&["chmod", &name.to_string_lossy()]);
        let path = self.repo.at(name);
        if path.is_file() {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        }
    }

    /// A git command, which may find that the worktree is not of the kind that it needs.
    fn git<S: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = S>) {
        let mut git = self.repo.command("git");
        git.args(args);
        let words: Vec<_> = git.get_args().map(OsStr::to_string_lossy).collect();
        let _ = write!(self.told, "\ngit {words:?}");
        git.output().expect("git");
    }

    fn tell(&mut self, words: &[&str]) {
        let _ = write!(self.told, "\n{words:?}");
    }

    fn name(&mut self) -> PathBuf {
        path(NAMES[self.random.usize(..NAMES.len())])
    }

    fn one_in(&mut self, count: u8) -> bool {
        self.random.u8(..count) == 0
    }
}

fn path(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}
