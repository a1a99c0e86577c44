//! What is told of a worktree without git, held against what git says of it.

#![expect(clippy::print_stdout, reason = "how much is told, and how much is left to git, is what these say")]

mod content_rows;
mod cost;
mod index_rows;
mod listing;
mod patterns;
mod states;
mod tree_rows;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bstr::{BString, ByteSlice};
use git_wtcheck::git::attributes;
use git_wtcheck::git::ignore::Sources;
use git_wtcheck::git::index::Hash;
use git_wtcheck::git::prove::{Counted, Listing, Moment, Task, Terms, prove, prove_from};
use git_wtcheck::git::why::Why;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::support::TestRepo;

/// A time that is before that of any index.
pub(super) const OLD: i64 = 1_650_000_000;

/// A repository, and the worktree of it that is looked at.
pub(super) struct Subject {
    pub(super) repo: TestRepo,
    pub(super) worktree: PathBuf,
    pub(super) git_dir: PathBuf,
    pub(super) head_tree: Vec<u8>,
    pub(super) terms: Terms,
    pub(super) hash: Hash,
    /// What is kept from one proof to the next.
    kept: Mutex<Listing>,
}

/// What git says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    staged: u64,
    unmerged: u64,
    pub(super) unstaged: Vec<BString>,
    pub(super) untracked: Vec<BString>,
    pub(super) ignored: Vec<BString>,
}

impl Subject {
    /// The main worktree, with one commit of these files.
    pub(super) fn of(files: &[&str]) -> Self {
        let subject = Self::empty("sha1");
        for file in files {
            subject.write(file, "one\ntwo\n");
        }
        subject.committed()
    }

    /// A repository without a commit.
    pub(super) fn empty(format: &str) -> Self {
        let repo = TestRepo::empty();
        repo.git(&["init", "--quiet", &format!("--object-format={format}"), "."]);
        let (worktree, root) = (repo.path(), repo.root());
        std::fs::create_dir_all(worktree.join(".git/info")).expect("a folder");
        let sources = Sources {
            excludes_file: Some(root.join("excludes")),
            info_exclude: Some(worktree.join(".git/info/exclude")),
        };
        repo.config("core.excludesFile", root.join("excludes").to_str().expect("text"));
        repo.config("core.attributesFile", root.join("attributes").to_str().expect("text"));
        let attributes = attributes::Sources {
            files: vec![worktree.join(".git/info/attributes"), root.join("attributes")],
            system: Arc::new(attributes::System::none()),
            line_ends: false,
        };
        let terms = Terms {
            file_mode: true,
            symlinks: true,
            ignore_case: false,
            precompose_unicode: false,
            ignore: sources,
            attributes: Some(attributes),
        };
        let hash = if format == "sha1" { Hash::Sha1 } else { Hash::Sha256 };
        Self {
            git_dir: worktree.join(".git"),
            repo,
            worktree,
            head_tree: Vec::new(),
            terms,
            hash,
            kept: Mutex::default(),
        }
    }

    /// The same with all files committed, and aged.
    pub(super) fn committed(mut self) -> Self {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=all"]);
        self.look_at_head();
        self.age();
        self
    }

    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.worktree.join(path)
    }

    pub(super) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }

    pub(super) fn git(&self, args: &[&str]) -> String {
        self.repo.git_in(&self.worktree, args)
    }

    /// Takes the tree of the present commit.
    pub(super) fn look_at_head(&mut self) {
        let id = self.git(&["rev-parse", "HEAD^{tree}"]);
        let bytes = id.as_bytes().chunks(2).map(|pair| u8::from_str_radix(pair.to_str().expect("text"), 16));
        self.head_tree = bytes.collect::<Result<_, _>>().expect("an id");
    }

    /// Makes every file old, and the index know it: nothing is racy.
    pub(super) fn age(&self) {
        // Another time at each time: git does not write down what differs only in a fraction of a second.
        static TIME: AtomicI64 = AtomicI64::new(1_600_000_000);
        let time = TIME.fetch_add(1, Ordering::Relaxed);
        let listed = self.repo.command("git").current_dir(&self.worktree).args(["ls-files", "-z"]).output();
        for path in listed.expect("git").stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
            set_mtime(&self.at(path.to_path().expect("a path")), time);
        }
        self.repo.git_try(&self.worktree, &["update-index", "-q", "--refresh"]);
    }

    pub(super) fn prove(&self) -> Result<Counted, Why> {
        self.prove_until(&AtomicBool::new(false))
    }

    pub(super) fn prove_until(&self, stop: &AtomicBool) -> Result<Counted, Why> {
        prove(&self.task(false), stop)
    }

    /// The same with the names of what is untracked and ignored.
    pub(super) fn prove_names(&self) -> Result<Counted, Why> {
        prove(&self.task(true), &AtomicBool::new(false))
    }

    fn task(&self, names: bool) -> Task<'_> {
        let Self { worktree, git_dir, head_tree, hash, terms, .. } = self;
        Task { worktree, git_dir, head_tree, hash: *hash, terms, names }
    }

    /// The same, from what was kept of the last proof of this kind, as if ten seconds had gone by since any change.
    pub(super) fn prove_from_kept(&self) -> Result<Counted, Why> {
        let now = Moment::now().expect("a boot").later(10);
        let mut kept = self.kept.lock().expect("a listing");
        let (told, news) = prove_from(&self.task(false), |_| Some((kept.clone(), now)), &AtomicBool::new(false));
        if let Some(news) = news {
            *kept = Listing::read(&news.listing.to_bytes(&now), &now);
            assert_eq!(*kept, news.listing);
        }
        // What changes from now on gets another time, as after ten seconds.
        let before = coarse_time();
        while coarse_time() == before {
            std::thread::yield_now();
        }
        told
    }

    /// What git says, without its writing anything down.
    pub(super) fn told(&self) -> Told {
        self.told_with("--ignored=no")
    }

    /// The same, and what is ignored.
    pub(super) fn told_names(&self) -> Told {
        self.told_with("--ignored=matching")
    }

    fn told_with(&self, ignored: &str) -> Told {
        let args = ["--no-optional-locks", "status", "--porcelain=v2", "-z", "--untracked-files=normal", ignored];
        let output = self.repo.command("git").current_dir(&self.worktree).args(args).output().expect("git");
        assert!(output.status.success(), "git status: {}", output.stderr.as_bstr());
        Told::read(&output.stdout)
    }

    /// Asserts that git says the same as what is told without it, and gives that, or why it isn't told.
    #[track_caller]
    pub(super) fn compare(&self) -> Result<Counted, Why> {
        let proven = self.prove();
        if let Ok(counted) = &proven
            && let Err(difference) = self.told().differs(counted)
        {
            panic!("{difference}");
        }
        proven
    }

    /// Asserts that git is asked, for this reason.
    #[track_caller]
    pub(super) fn asks(&self, why: Why) {
        assert_eq!(self.prove(), Err(why));
    }

    /// Asserts what is told without git, and that git says the same.
    #[track_caller]
    pub(super) fn counts(&self, unstaged: u64, untracked: u64) {
        let counted = self.compare().map(|counted| (counted.unstaged, counted.untracked));
        assert_eq!(counted, Ok((unstaged, untracked)));
    }
}

impl Told {
    fn read(output: &[u8]) -> Self {
        let mut told = Self::default();
        let mut records = output.split(|byte| *byte == 0).filter(|record| !record.is_empty());
        while let Some(record) = records.next() {
            let fields = |count| BString::from(record.splitn_str(count, b" ").last().expect("a path"));
            match record[0] {
                b'1' | b'2' => {
                    told.staged += u64::from(record[2] != b'.');
                    if record[3] != b'.' {
                        told.unstaged.push(fields(9));
                    }
                    if record[0] == b'2' {
                        records.next();
                    }
                }
                b'u' => told.unmerged += 1,
                b'?' => told.untracked.push(record[2..].into()),
                b'!' => told.ignored.push(record[2..].into()),
                _ => panic!("a record: {}", record.as_bstr()),
            }
        }
        told
    }

    /// Holds names that were told against git's.
    pub(super) fn names_differ(&self, counted: &Counted) -> Result<(), String> {
        let names = counted.names.as_ref();
        let is_equal =
            names.is_some_and(|names| (&names.untracked, &names.ignored) == (&self.untracked, &self.ignored));
        let difference = || format!("git names\n{self:?}\nand without it is named\n{names:?}");
        self.differs(counted).and_then(|()| if is_equal { Ok(()) } else { Err(difference()) })
    }

    pub(super) fn differs(&self, counted: &Counted) -> Result<(), String> {
        let is_equal = self.staged == 0
            && self.unmerged == 0
            && counted.changed.as_ref() == Some(&self.unstaged)
            && counted.unstaged == self.unstaged.len() as u64
            && counted.untracked == self.untracked.len() as u64;
        if is_equal { Ok(()) } else { Err(format!("git says\n{self:?}\nand without it is told\n{counted:?}")) }
    }
}

/// What a file that is changed now gets for its time, where the system is not finer than that.
fn coarse_time() -> TimeSpec {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_REALTIME_COARSE).expect("a clock")
}

/// Sets when a file was changed, not through links. What is not there is passed over.
pub(super) fn set_mtime(path: &Path, seconds: i64) {
    set_time(path, TimeSpec::new(seconds, 0));
}

pub(super) fn set_time(path: &Path, time: TimeSpec) {
    let _ = utimensat(nix::fcntl::AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink);
}

/// Makes the index believe that a file is as it is now, whatever is in it: what a write in the second of the index comes to.
/// (Versions 2 and 3, ids of SHA-1.)
pub(super) fn believe(subject: &Subject, path: &[u8]) {
    use std::os::unix::fs::MetadataExt;
    let Ok(about) = subject.at(std::ffi::OsStr::from_bytes(path)).symlink_metadata() else { return };
    let index = subject.git_dir.join("index");
    let mut bytes = std::fs::read(&index).expect("an index");
    let count = u32::from_be_bytes(bytes[8..12].try_into().expect("four"));
    let mut at = 12;
    for _ in 0..count {
        let flags = u16::from_be_bytes(bytes[at + 60..at + 62].try_into().expect("two"));
        let start = at + 62 + if flags & 0x4000 == 0 { 0 } else { 2 };
        let length = bytes[start..].find_byte(0).expect("an end");
        if &bytes[start..start + length] == path {
            let number = |value: i64| u32::try_from(value & 0xffff_ffff).expect("32 bits").to_be_bytes();
            let numbers = [about.ctime(), about.ctime_nsec(), about.mtime(), about.mtime_nsec()];
            bytes[at..at + 16].copy_from_slice(&numbers.map(number).concat());
            bytes[at + 20..at + 24].copy_from_slice(&number(about.ino().cast_signed()));
            bytes[at + 36..at + 40].copy_from_slice(&number(about.size().cast_signed()));
        }
        at += (start - at + length + 8) & !7;
    }
    std::fs::write(&index, bytes).expect("an index");
}
