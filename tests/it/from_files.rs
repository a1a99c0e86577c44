//! Repositories found from their files, held against what git says of them.
//!
//! Each is made by a seeded script, and mostly not as git makes them: either what is found without git is what git says,
//! or git was asked. `DISCOVERIES=100000 cargo test --release --test it -- from_files --ignored` makes as many.

mod states;

use std::path::Path;

use git_wtcheck::environment::Environment;
use git_wtcheck::git::command::Git;
use git_wtcheck::git::repository::Repository;

use crate::support::errands::{Patient, environment};
use crate::support::{Run, TestRepo};
use states::State;

/// Looks at a repository from one place. Whether git had to be asked for more than the configuration.
#[track_caller]
fn is_asked(environment: &Environment, told: &dyn Fn() -> String) -> bool {
    let git = Git::new(environment);
    let found = Repository::discover(&git, &mut Patient, environment.directory());
    let Some(found) = found.ok().filter(|found| found.is_from_files) else { return true };
    let by_git = Repository::discover_by_git(&git, &mut Patient, environment.directory());
    let by_git = by_git.unwrap_or_else(|error| panic!("git refuses: {error}\nfound: {found:#?}\n{}", told()));
    let contradiction = found.contradiction(&by_git);
    assert!(contradiction.is_none(), "{}\n{}", contradiction.unwrap_or_default(), told());
    false
}

#[expect(clippy::print_stderr, reason = "what a campaign came to")]
fn look_at(seeds: std::ops::Range<u64>) {
    let (mut looks, mut asked) = (0, 0);
    for seed in seeds {
        let state = State::of(seed);
        for environment in state.places() {
            let told = || format!("seed {seed}, in {}: {:#?}", environment.directory().display(), state.done);
            looks += 1;
            asked += u64::from(is_asked(&environment, &told));
        }
    }
    eprintln!("{looks} looks: {} answered from the files, {asked} asked of git", looks - asked);
    assert!(asked < looks && asked > 0, "the states are all of one kind");
}

#[test]
fn what_files_say_is_what_git_says() {
    look_at(0..24);
}

#[test]
#[ignore = "a campaign"]
fn what_files_say_is_what_git_says_at_length() {
    let number = |name| std::env::var(name).ok().and_then(|said| said.parse::<u64>().ok());
    let from = number("SEED").unwrap_or(1 << 32);
    look_at(from..from + number("DISCOVERIES").unwrap_or(1000));
}

/// Whether git is asked where a repository, as git makes them, was changed so.
fn asks(change: impl Fn(&TestRepo)) -> bool {
    let repo = TestRepo::new();
    repo.worktree("linked");
    change(&repo);
    let asks = |folder: &str| is_asked(&environment(&repo, folder), &|| folder.to_owned());
    asks(".") || asks("../linked")
}

#[test]
fn what_git_makes_is_told_without_it() {
    assert!(!asks(|_| ()));
    assert!(!asks(|repo| std::fs::create_dir_all(repo.at("a/b")).expect("folders")));
    assert!(!asks(|repo| drop(repo.git(&["pack-refs", "--all"]))));
    assert!(!asks(|repo| drop(repo.git(&["worktree", "lock", "--reason=on a\nstick ", "../linked"]))));
    assert!(!asks(|repo| drop(repo.git(&["worktree", "add", "--quiet", "--detach", "../a\nb c"]))));
    assert!(!asks(|repo| {
        repo.git(&["worktree", "move", "../linked", "../moved"]);
        repo.git(&["worktree", "move", "../moved", "../linked"]);
    }));
    let gone = |repo: &TestRepo| {
        repo.worktree("gone");
        std::fs::remove_dir_all(repo.at("../gone")).expect("a folder");
    };
    assert!(!asks(gone), "a worktree that can be pruned");
}

#[test]
fn git_is_asked_of_what_is_odd() {
    let head = |text: &'static str| move |repo: &TestRepo| repo.write(".git/worktrees/linked/HEAD", text);
    assert!(asks(head("ref: refs/heads/unborn\n")), "a branch without a commit");
    assert!(asks(head("ref: refs/remotes/o/main\n")) && asks(head("main\n")) && asks(head("ref: refs/heads/main")));
    let config = |key: &'static str, value: &'static str| move |repo: &TestRepo| repo.config(key, value);
    for (key, value) in [
        ("core.bare", "true"),
        ("core.worktree", "../../linked"),
        ("core.ignoreCase", "true"),
        ("extensions.worktreeConfig", "true"),
        ("core.repositoryFormatVersion", "2"),
        ("extensions.new", "x"),
    ] {
        assert!(asks(config(key, value)), "{key}");
    }
    assert!(asks(|repo| drop(repo.git(&["config", "--unset", "core.repositoryFormatVersion"]))));
    assert!(asks(|repo| {
        let (git, link) = (repo.at(".git"), repo.at("../real"));
        std::fs::rename(&git, &link).expect("a folder");
        std::os::unix::fs::symlink(link, git).expect("a link");
    }));
    assert!(asks(|repo| repo.write(".git/worktrees/linked/commondir", "../..")));
    assert!(asks(|repo| repo.write(".git/worktrees/linked/gitdir", "../../../../linked/.git\n")));
    let packed = |first: &'static str| {
        move |repo: &TestRepo| {
            repo.git(&["pack-refs", "--all"]);
            let refs = std::fs::read_to_string(repo.at(".git/packed-refs")).expect("a file");
            let (_, rest) = refs.split_once('\n').expect("lines");
            repo.write(".git/packed-refs", [first, rest].concat());
        }
    };
    assert!(asks(packed("# pack-refs with: peeled fully-peeled \n")), "git puts them in order itself");
    assert!(asks(packed("")));
}

#[test]
fn refs_that_are_no_files_are_left_to_git() {
    let repo = TestRepo::empty();
    let init = repo.git_try(".", &["init", "--quiet", "--ref-format=reftable", "--initial-branch=main"]);
    // A git that does not know them cannot make them.
    if init.status.success() {
        repo.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
        assert!(is_asked(&environment(&repo, "."), &String::new));
    }
}

#[test]
fn variables_of_git_s_leave_it_to_git() {
    let repo = TestRepo::new();
    let git_dir = repo.at(".git");
    let above = repo.root();
    let given: [(&str, &Path); 5] = [
        ("GIT_DIR", &git_dir),
        ("GIT_WORK_TREE", &above),
        ("GIT_CEILING_DIRECTORIES", &above),
        ("GIT_DISCOVERY_ACROSS_FILESYSTEM", Path::new("1")),
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", Path::new("1")),
    ];
    for (name, value) in given {
        let environment = environment(&repo, ".").with(name, value.as_os_str());
        assert!(is_asked(&environment, &|| name.to_owned()), "{name}");
    }
    assert!(!is_asked(&environment(&repo, ".").with("GIT_EDITOR", "true"), &String::new));
}

/// The words of each git that a run of the program starts.
fn started(repo: &TestRepo, set: &[(&str, &str)], args: &[&str]) -> Vec<String> {
    let mut command = repo.command(crate::support::BINARY);
    command.env_remove("GIT_WTCHECK_PROVE").envs(set.iter().copied()).args(args);
    let (run, started) = repo.counting_git(&mut command);
    run.exits(0);
    started
}

#[test]
fn settings_say_who_finds_the_repository() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    let lists = |set: &[(&str, &str)]| {
        let started = started(&repo, set, &["plan"]);
        started.iter().any(|words| words.starts_with("worktree list")) && {
            assert!(started.iter().any(|words| words.starts_with("rev-parse")), "{started:?}");
            true
        }
    };
    assert!(!lists(&[]));
    assert!(lists(&[("GIT_WTCHECK_DISCOVER_FROM_FILES", "false")]));
    assert!(lists(&[("GIT_WTCHECK_PROVE", "false")]) && lists(&[("GIT_WTCHECK_PROVE", "check")]));
    repo.write(".wtcheck.toml", "discover-from-files = false\n");
    assert!(lists(&[]), "the repository's own file");
    assert!(!lists(&[("GIT_WTCHECK_DISCOVER_FROM_FILES", "true")]));
    repo.write(".wtcheck.toml", "");
    repo.config("wtcheck.discoverFromFiles", "no");
    assert!(lists(&[]), "git's configuration");
}

#[test]
fn a_difference_is_told_and_fatal() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    let path = std::env::var_os("PATH").expect("a PATH");
    let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file());
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2\" = 'worktree list' ] && {{ '{0}' \"$@\" | sed 's/linked/other/g'; exit; }}\nexec '{0}' \"$@\"\n",
        real.expect("git").display()
    );
    let folder = repo.script("../bin/git", &script).parent().expect("a folder").to_owned();
    let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).expect("a PATH");
    let run =
        |prove: &str| Run::of(repo.command(crate::support::BINARY).env("PATH", &path).env("GIT_WTCHECK_PROVE", prove));
    run("true").exits(0);
    let told = run("check");
    told.exits(128).says("fatal: the repository as it was read from its files is not what git says").says("from git");
    assert!(told.stderr.contains("linked") && told.stderr.contains("other"), "{}", told.stderr);
}
