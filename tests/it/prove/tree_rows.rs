//! What rules a proof out in the working tree, each by a test of its own; and what is told beside it.

use std::fs::{Permissions, remove_dir_all, remove_file, rename, set_permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::AtomicBool;

use git_wtcheck::git::why::Why;
use nix::mount::{MsFlags, mount, umount};
use nix::sys::stat::Mode;

use super::Subject;

fn subject() -> Subject {
    Subject::of(&["a", "f/b", "f/g/c"])
}

fn executable(subject: &Subject, path: &str) {
    set_permissions(subject.at(path), Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn a_file_that_is_as_recorded_is_the_same_whatever_filters_there_are() {
    let subject = subject();
    subject.counts(0, 0);
    subject.repo.config("core.autocrlf", "true");
    subject.write(".git/info/attributes", "* text eol=crlf ident\n");
    subject.counts(0, 0);
}

#[test]
fn nothing_is_written() {
    let subject = subject();
    let look = || {
        let paths = [subject.worktree.clone(), subject.git_dir.clone(), subject.git_dir.join("index"), subject.at("f")];
        paths.map(|path| {
            path.metadata().map(|about| (about.mtime(), about.mtime_nsec(), about.ctime_nsec())).expect("there")
        })
    };
    subject.write("new", "");
    let before = look();
    assert!(subject.prove().is_ok());
    assert_eq!(look(), before);
}

#[test]
fn another_size_is_a_change_where_the_index_has_one() {
    let subject = subject();
    subject.write("a", "longer than before\n");
    subject.counts(1, 0);
    subject.write("f/g/c", "");
    subject.counts(2, 0);
    let file = std::fs::File::create(subject.at("a")).expect("a file");
    file.set_len(5 << 30).expect("a hole");
    subject.asks(Why::Size);
    subject.git(&["read-tree", "HEAD"]);
    subject.asks(Why::Size);
    file.set_len(0).expect("nothing");
    subject.counts(2, 0);
}

#[test]
fn what_is_gone_is_changed() {
    let subject = subject();
    remove_file(subject.at("a")).expect("gone");
    subject.counts(1, 0);
    remove_dir_all(subject.at("f")).expect("gone");
    subject.counts(3, 0);
}

#[test]
fn the_executable_bit_counts_where_it_is_configured() {
    let mut subject = subject();
    executable(&subject, "a");
    subject.counts(1, 0);
    subject.repo.config("core.fileMode", "false");
    subject.terms.file_mode = false;
    subject.counts(0, 0);
}

#[test]
fn names_that_other_systems_change_are_for_git() {
    let mut subject = subject();
    subject.terms.ignore_case = true;
    subject.asks(Why::Names);
    subject.terms.ignore_case = false;
    subject.terms.precompose_unicode = true;
    subject.counts(0, 0);
    subject.write("new/ö", "");
    subject.asks(Why::Names);
    remove_dir_all(subject.at("new")).expect("gone");
    subject.write("ö", "");
    subject.asks(Why::Names);
    let subject = subject.committed();
    subject.asks(Why::Names);
}

#[test]
fn a_link_in_the_index_is_for_git_where_links_are_files() {
    let mut subject = Subject::of(&["a"]);
    symlink("a", subject.at("link")).expect("a link");
    subject = subject.committed();
    subject.counts(0, 0);
    remove_file(subject.at("link")).expect("gone");
    symlink("elsewhere", subject.at("link")).expect("a link");
    subject.counts(1, 0);
    subject.terms.symlinks = false;
    subject.asks(Why::Names);
}

#[test]
fn what_is_untracked_is_counted_as_git_does() {
    let subject = subject();
    subject.git(&["update-index", "--untracked-cache"]);
    for path in ["n", "new/a", "new/deep/b", "f/n", "f/g/n", "f/h/i/n", "only/x.o", "only/x/y.o", "x.o", "kept/keep.o"]
    {
        subject.write(path, "");
    }
    std::fs::create_dir_all(subject.at("empty/more")).expect("folders");
    subject.write(".gitignore", "*.o\n!keep.o\n");
    subject.write("../excludes", "n\n");
    // .gitignore, new/, kept/; in `f` only what is named `n`.
    subject.counts(0, 3);
    subject.write("only/x/.gitignore", "!*.o\n");
    subject.counts(0, 4);
    subject.write(".git/info/exclude", "/only\n");
    subject.counts(0, 3);
    // Tracked, and ignored too.
    subject.write(".git/info/exclude", "/f\n");
    subject.write("f/b", "longer than before\n");
    subject.write("f/new", "");
    subject.counts(1, 4);
}

#[test]
fn pipes_and_sockets_are_not_counted() {
    let subject = subject();
    for path in ["pipe", "f/pipe"] {
        nix::unistd::mkfifo(&subject.at(path), Mode::S_IRWXU).expect("a pipe");
    }
    std::fs::create_dir(subject.at("new")).expect("a folder");
    let _socket = UnixListener::bind(subject.at("new/socket")).expect("a socket");
    subject.counts(0, 0);
}

#[test]
fn a_repository_in_an_untracked_folder_is_for_git() {
    let subject = subject();
    for path in ["f/.git", "f/g/.git"] {
        std::fs::create_dir(subject.at(path)).expect("a folder");
    }
    // Beside tracked files it is passed over.
    subject.counts(0, 0);
    subject.git(&["init", "--quiet", "new/nested"]);
    subject.asks(Why::Nested);
    subject.write(".gitignore", "new\n");
    subject.counts(0, 1);
    subject.git(&["worktree", "add", "--quiet", "--detach", "linked"]);
    subject.asks(Why::Nested);
}

#[test]
fn another_kind_of_file_is_for_git() {
    let with = |change: fn(&Subject)| {
        let subject = subject();
        change(&subject);
        subject.asks(Why::Kind);
    };
    with(|subject| {
        rename(subject.at("a"), subject.at("away")).expect("moved");
        symlink("away", subject.at("a")).expect("a link");
    });
    with(|subject| {
        rename(subject.at("f"), subject.at("away")).expect("moved");
        symlink("away", subject.at("f")).expect("a link");
    });
    with(|subject| {
        remove_dir_all(subject.at("f/g")).expect("gone");
        subject.write("f/g", "a file now");
    });
    with(|subject| {
        remove_file(subject.at("a")).expect("gone");
        subject.write("a/b", "in a folder now");
    });
    with(|subject| {
        remove_file(subject.at("a")).expect("gone");
        nix::unistd::mkfifo(&subject.at("a"), Mode::S_IRWXU).expect("a pipe");
    });
}

#[test]
fn ignore_rules_that_git_may_read_otherwise_are_for_git() {
    let subject = subject();
    symlink("a", subject.at("f/.gitignore")).expect("a link");
    subject.asks(Why::IgnoreFile);
    remove_file(subject.at("f/.gitignore")).expect("gone");
    std::fs::create_dir(subject.at("f/.gitignore")).expect("a folder");
    subject.asks(Why::IgnoreFile);
    std::fs::remove_dir(subject.at("f/.gitignore")).expect("gone");
    nix::unistd::mkfifo(&subject.at("f/.gitignore"), Mode::S_IRWXU).expect("a pipe");
    subject.asks(Why::IgnoreFile);
    remove_file(subject.at("f/.gitignore")).expect("gone");
    subject.write("f/.gitignore", vec![b'\n'; (4 << 20) + 1]);
    subject.asks(Why::IgnoreFile);
    subject.write("f/.gitignore", vec![b'?'; 5000]);
    subject.asks(Why::IgnoreFile);
    subject.write("f/.gitignore", "");
    subject.counts(0, 1);
    // That there are no rules for all is no matter; nor that they are a link, or an empty device.
    symlink("nowhere", subject.at("../excludes")).expect("a link");
    remove_file(subject.at(".git/info/exclude")).expect("gone");
    symlink("/dev/null", subject.at(".git/info/exclude")).expect("a link");
    subject.counts(0, 1);
}

#[test]
fn patterns_made_to_take_long_do_not() {
    let subject = subject();
    subject.write(".gitignore", format!("{}b\n{}b\n", "*a".repeat(2000), "**/a*".repeat(800)));
    subject.write(format!("{}{}", "aaaaaaaa/".repeat(20), "a".repeat(200)), "");
    let began = std::time::Instant::now();
    assert_eq!(subject.prove().map(|counted| counted.untracked), Ok(2));
    assert!(began.elapsed().as_secs() < 2);
}

#[test]
fn a_folder_that_may_not_be_read_is_for_git() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let subject = subject();
    subject.write("new/file", "");
    for path in ["new", "f"] {
        set_permissions(subject.at(path), Permissions::from_mode(0o000)).expect("a mode");
        subject.asks(Why::Unreadable);
        set_permissions(subject.at(path), Permissions::from_mode(0o755)).expect("a mode");
    }
}

#[test]
fn another_mount_inside_is_for_git() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let subject = subject();
    std::fs::create_dir(subject.at("new")).expect("a folder");
    for place in ["f/g", "new"] {
        let (place, other) = (subject.at(place), subject.at("f"));
        // Of the same device, but another mount.
        if mount(Some(&other), &place, None::<&str>, MsFlags::MS_BIND, None::<&str>).is_err() {
            return;
        }
        let proven = subject.prove();
        umount(&place).expect("a mount");
        assert_eq!(proven, Err(Why::FileSystem));
    }
    subject.counts(0, 0);
}

#[test]
fn folders_that_lie_too_deep_are_for_git() {
    let subject = Subject::of(&["a"]);
    let deep = |count| "d/".repeat(count) + "f";
    subject.write(deep(63), "");
    subject.counts(0, 1);
    remove_dir_all(subject.at("d")).expect("gone");
    subject.write(deep(64), "");
    subject.asks(Why::Unreadable);
    let subject = subject.committed();
    subject.asks(Why::Unreadable);
}

#[test]
fn paths_that_are_too_long_for_the_system_are_for_git() {
    let subject = Subject::of(&["a"]);
    let half = "d".repeat(240) + "/";
    let half = half.repeat(9);
    subject.write(format!("upper/{half}f"), "");
    subject.write(format!("lower/{half}f"), "");
    subject.counts(0, 2);
    remove_file(subject.at(format!("upper/{half}f"))).expect("gone");
    rename(subject.at("lower"), subject.at(format!("upper/{half}lower"))).expect("moved");
    // Git warns of it, and counts nothing.
    assert!(subject.told().untracked.is_empty());
    subject.asks(Why::Unreadable);
}

#[test]
fn a_walk_that_is_to_stop_stops() {
    let subject = subject();
    assert_eq!(subject.prove_until(&AtomicBool::new(true)), Err(Why::Stopped));
}

#[test]
fn more_paths_than_status_keeps_are_only_counted() {
    let subject = Subject::empty("sha1");
    for number in 0..=10_000 {
        subject.write(format!("f/{number}"), "");
    }
    let subject = subject.committed();
    remove_file(subject.at("f/0")).expect("gone");
    let counted = subject.prove().expect("told");
    assert_eq!((counted.unstaged, counted.changed), (1, Some(vec!["f/0".into()])));
    remove_dir_all(subject.at("f")).expect("gone");
    let counted = subject.prove().expect("told");
    assert_eq!((counted.unstaged, counted.untracked, counted.changed), (10_001, 0, None));
}

#[test]
fn names_are_told_where_they_are_asked_for() {
    let subject = subject();
    subject.write("kept/f", "tracked");
    subject.write("kept/deep/f", "tracked");
    let subject = subject.committed();
    assert_eq!(subject.prove().map(|counted| counted.names), Ok(None));
    subject.write(".gitignore", "*.o\nout/\n/kept/\n");
    for path in
        ["mix/a.o", "mix/b", "mix/sub/c.o", "mix/out/x", "only/a.o", "only/sub/b.o", "only/out/x", "f/out/x", "f/x.o"]
    {
        subject.write(path, "");
    }
    // In a folder that is ignored, though tracked.
    for path in ["kept/new", "kept/new-folder/x", "kept/deep/new"] {
        subject.write(path, "");
    }
    for path in ["empty", "f/empty/out", "mix/empty/out", "kept/empty"] {
        std::fs::create_dir_all(subject.at(path)).expect("folders");
    }
    nix::unistd::mkfifo(&subject.at("pipe.o"), Mode::S_IRWXU).expect("a pipe");
    symlink("nowhere", subject.at("link.o")).expect("a link");
    // What is ignored is not looked into.
    subject.git(&["init", "--quiet", "out/nested"]);
    subject.write("a", "longer than before\n");
    let counted = subject.prove_names().expect("told");
    subject.told_names().names_differ(&counted).expect("as git has it");
    assert_eq!(counted.names.expect("told").untracked, [".gitignore", "mix/"]);
    subject.git(&["init", "--quiet", "mix/nested"]);
    assert_eq!(subject.prove_names(), Err(Why::Nested));
}

#[test]
fn more_names_than_are_kept_are_not_told() {
    let subject = subject();
    subject.write(".git/info/exclude", "*.o\n");
    for number in 0..=10_000 {
        subject.write(format!("new/{number}.o"), "");
    }
    subject.write("new/z", "");
    let counted = subject.prove_names().expect("told");
    assert_eq!((counted.untracked, counted.names), (1, None));
    remove_file(subject.at("new/0.o")).expect("gone");
    let counted = subject.prove_names().expect("told");
    subject.told_names().names_differ(&counted).expect("as git has it");
}
