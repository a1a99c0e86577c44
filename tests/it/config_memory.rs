//! What git has printed of its configuration is recalled, and never once anything has changed of what it was made from.
#![cfg(target_os = "linux")]

use std::fs::FileTimes;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use git_wtcheck::environment::Environment;
use git_wtcheck::git::command::Git;
use git_wtcheck::git::config::{self, Entry};
use git_wtcheck::git::config_memory::{Recalled, recall, remember};
use git_wtcheck::git::from_files;
use git_wtcheck::git::place::Place;

use crate::support::TestRepo;
use crate::support::errands::{Patient, environment, run};

/// A repository with a file of each kind that git may read: of the system, the user's two, its own, and one that these include.
struct World {
    repo: TestRepo,
    environment: Environment,
}

impl World {
    fn new() -> Self {
        let repo = TestRepo::new();
        repo.worktree("linked");
        repo.write("../etc/gitconfig", "[wtcheck]\n\ttimeout = 1s\n");
        repo.write("../home/.config/git/config", "[wtcheck]\n\ttimeout = 2s\n[include]\n\tpath = missing\n");
        repo.write("../home/included", "[wtcheck]\n\ttimeout = 3s\n");
        let own = std::fs::read_to_string(repo.at("../home/.gitconfig")).expect("a file");
        repo.write("../home/.gitconfig", format!("{own}[include]\n\tpath = ~/included\n[wtcheck]\n\tretries = 1\n"));
        repo.config("wtcheck.failFast", "true");
        let environment = environment(&repo, ".")
            .with("GIT_CONFIG_NOSYSTEM", "0")
            .with("GIT_CONFIG_SYSTEM", repo.root().join("etc/gitconfig"))
            .with("XDG_CONFIG_HOME", repo.root().join("home/.config"));
        Self { repo, environment }
    }

    fn git(&self) -> Git {
        Git::new(&self.environment)
    }

    fn place(&self) -> Place {
        from_files::place_of(&self.git(), self.environment.directory()).expect("a plain repository")
    }

    fn recall(&self) -> Recalled {
        recall(&self.git(), &self.place())
    }

    /// Remembers, as if all files had been at rest.
    fn remember(&self) {
        let later = SystemTime::now() + Duration::from_mins(1);
        remember(&self.git(), &mut Patient, &self.place(), later).expect("no signal");
    }

    fn printed(&self) -> Vec<Entry> {
        config::parse(&run(&config::listing(&self.git())).expect("git").stdout).expect("entries")
    }

    /// Whether it is recalled; then it is what git prints.
    #[track_caller]
    fn is_recalled(&self, told: &str) -> bool {
        match self.recall() {
            Recalled::Entries(entries) => {
                assert_eq!(entries, self.printed(), "{told}");
                true
            }
            Recalled::Never | Recalled::Nothing => false,
        }
    }

    fn memory(&self) -> PathBuf {
        self.place().git_dir.join("wtcheck/configuration")
    }
}

#[test]
fn it_is_recalled_from_everywhere_in_a_worktree() {
    let mut world = World::new();
    assert_eq!(world.recall(), Recalled::Nothing);
    world.remember();
    std::fs::create_dir_all(world.repo.at("sub/folder")).expect("folders");
    for (folder, is_there) in [(".", true), ("sub/folder", true), ("../linked", false)] {
        world.environment =
            world.environment.clone().standing_in(&world.repo.at(folder).canonicalize().expect("a folder"));
        assert_eq!(world.is_recalled(folder), is_there, "{folder}");
    }
    world.remember();
    assert!(world.is_recalled("from a linked worktree"), "each has its own");
    world.environment = world.environment.clone().standing_in(&world.repo.path());
    assert!(world.is_recalled("."));
}

/// Writes a file anew in place, with as many bytes, and gives it back the time at which it was modified.
fn rewrite(path: &Path, old: &str, new: &str) {
    // An earlier change may have taken it away.
    let Ok(content) = std::fs::read_to_string(path) else { return };
    assert_eq!(old.len(), new.len());
    let times = path.metadata().expect("a file").modified().expect("a time");
    std::fs::write(path, content.replace(old, new)).expect("a file");
    let file = std::fs::File::options().write(true).open(path).expect("a file");
    file.set_times(FileTimes::new().set_modified(times)).expect("times");
}

type Change = (&'static str, fn(&mut World));

/// What makes git print something else.
const CHANGES: [Change; 20] = [
    ("the system's", |world| rewrite(&world.repo.at("../etc/gitconfig"), "1s", "7s")),
    ("the user's", |world| rewrite(&world.repo.at("../home/.gitconfig"), "retries = 1", "retries = 2")),
    ("the user's other", |world| rewrite(&world.repo.at("../home/.config/git/config"), "2s", "8s")),
    ("the repository's", |world| rewrite(&world.repo.at(".git/config"), "true", "fals")),
    ("what is included", |world| rewrite(&world.repo.at("../home/included"), "3s", "9s")),
    ("what is included and was missing", |world| {
        world.repo.write("../home/.config/git/missing", "[wtcheck]\n\tretries = 5\n");
    }),
    ("an include", |world| {
        world.repo.write(".git/more", "[wtcheck]\n\tretries = 5\n");
        world.repo.config("include.path", "more");
    }),
    ("a file that is gone", |world| drop(std::fs::remove_file(world.repo.at("../etc/gitconfig")))),
    ("a folder that is gone", |world| drop(std::fs::remove_dir_all(world.repo.at("../home/.config")))),
    ("another file in its place", |world| {
        world.repo.write("../new", "[wtcheck]\n\ttimeout = 6s\n");
        std::fs::rename(world.repo.at("../new"), world.repo.at("../home/included")).expect("a file");
    }),
    ("a link in its place", |world| {
        world.repo.write("../new", "[wtcheck]\n\ttimeout = 6s\n");
        let _ = std::fs::remove_file(world.repo.at("../home/included"));
        symlink("../new", world.repo.at("../home/included")).expect("a link");
    }),
    ("git config", |world| world.repo.config("wtcheck.retries", "4")),
    ("another HOME", |world| {
        world.repo.write("../other/.gitconfig", "[wtcheck]\n\tretries = 7\n");
        world.environment = world.environment.clone().with("HOME", world.repo.root().join("other"));
    }),
    ("another XDG_CONFIG_HOME", |world| {
        world.environment = world.environment.clone().with("XDG_CONFIG_HOME", world.repo.root().join("other"));
    }),
    ("no file of the system's", |world| {
        world.environment = world.environment.clone().with("GIT_CONFIG_NOSYSTEM", "1");
    }),
    ("another file of the system's", |world| {
        world.environment = world.environment.clone().with("GIT_CONFIG_SYSTEM", world.repo.at("../home/included"));
    }),
    ("another file of the user's", |world| {
        world.environment = world.environment.clone().with("GIT_CONFIG_GLOBAL", world.repo.at("../home/included"));
    }),
    ("the environment", |world| {
        let environment = world.environment.clone().with("GIT_CONFIG_COUNT", "1");
        world.environment = environment.with("GIT_CONFIG_KEY_0", "wtcheck.retries").with("GIT_CONFIG_VALUE_0", "9");
    }),
    ("the command line", |world| {
        world.environment = world.environment.clone().with("GIT_CONFIG_PARAMETERS", "'wtcheck.retries'='9'");
    }),
    ("another git", |world| {
        let script = "#!/bin/sh\nprintf 'local\\0file:.git/config\\0wtcheck.retries\\n8\\0'\n";
        let folder = world.repo.script("../bin/git", script).parent().expect("a folder").to_owned();
        world.environment = world.environment.clone().with("PATH", folder);
    }),
];

#[test]
fn it_never_outlives_a_change() {
    for (told, change) in CHANGES {
        let mut world = World::new();
        world.remember();
        assert!(world.is_recalled("as it was"), "before {told}");
        let before = world.printed();
        change(&mut world);
        assert_ne!(world.printed(), before, "{told} changes nothing");
        assert!(!world.is_recalled(told), "{told}");
    }
}

#[test]
fn it_never_outlives_many_changes() {
    let mut random = Rng::with_seed(7);
    let mut recalled = 0;
    for seed in 0..12 {
        let mut world = World::new();
        let (mut changes, mut done) = (CHANGES.to_vec(), Vec::new());
        random.shuffle(&mut changes);
        for _ in 0..8 {
            if random.bool() {
                world.remember();
            }
            if random.bool()
                && let Some((told, change)) = changes.pop()
            {
                change(&mut world);
                done.push(told);
            }
            recalled += u32::from(world.is_recalled(&format!("seed {seed}: {done:?}")));
        }
    }
    assert!(recalled > 5, "{recalled}");
}

#[test]
fn what_was_written_a_moment_ago_is_not_remembered() {
    let world = World::new();
    remember(&world.git(), &mut Patient, &world.place(), SystemTime::now()).expect("no signal");
    assert!(!world.memory().exists() && !world.is_recalled("at once"));
}

#[test]
fn what_is_included_under_a_condition_is_never_remembered() {
    let mut world = World::new();
    world.repo.config("includeIf.gitdir:/nowhere/.path", "more");
    world.remember();
    assert_eq!(world.recall(), Recalled::Never, "and git is not asked about it again and again");
    world.repo.git(&["config", "--unset", "includeIf.gitdir:/nowhere/.path"]);
    assert_eq!(world.recall(), Recalled::Nothing);
    world.remember();
    assert!(world.is_recalled("without it"));
    // What stands in for git may ask another one tomorrow.
    let real = world.git().program_itself().to_owned();
    let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", Path::new(&real).display());
    world.repo.script("../bin/git", &script);
    world.environment = world.environment.clone().with("PATH", world.repo.root().join("bin"));
    world.remember();
    assert_eq!(world.recall(), Recalled::Never);
}

#[test]
fn what_others_could_have_written_is_not_recalled() {
    let world = World::new();
    world.remember();
    let (memory, mode) = (world.memory(), |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
    });
    assert_eq!(memory.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    mode(&memory, 0o644);
    assert!(!world.is_recalled("a file that others may read"));
    mode(&memory, 0o600);
    assert!(world.is_recalled("as it was"));
    let content = std::fs::read(&memory).expect("a file");
    std::fs::write(&memory, &content[..content.len() - 1]).expect("a file");
    assert!(!world.is_recalled("half of it"));
}

#[test]
fn a_run_remembers_once_its_report_is_out() {
    let repo = TestRepo::new();
    let run = || {
        repo.wtcheck(&["status"]).exits(0);
        repo.at(".git/wtcheck/configuration").exists()
    };
    assert!(!run(), "its configuration was written a moment ago");
    // Nothing can be made to look as if it had been at rest: what is waited for is that it has been.
    let began = std::time::Instant::now();
    while !run() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never remembers");
        std::thread::sleep(Duration::from_millis(200));
    }
    std::fs::remove_dir_all(repo.at(".git/wtcheck")).expect("a folder");
    repo.git_try(".", &["--no-optional-locks", "wtcheck", "status"]);
    assert!(!repo.at(".git/wtcheck").exists(), "the user wants nothing written");
    std::os::unix::fs::symlink("/nowhere", repo.at(".git/wtcheck")).expect("a link");
    assert!(!run(), "it writes through no link");
}
