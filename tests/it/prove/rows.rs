//! Each condition under which nothing is told, and what is told beside it.

use std::fs::{Permissions, read, remove_dir_all, remove_file, rename, set_permissions, write};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::AtomicBool;

use git_wtcheck::git::why::Why;
use nix::mount::{MsFlags, mount, umount};
use nix::sys::stat::Mode;

use super::{Subject, believe, set_mtime};

const OLD: i64 = 1_650_000_000;

fn subject() -> Subject {
    Subject::of(&["a", "f/b", "f/g/c"])
}

fn executable(subject: &Subject, path: &str) {
    set_permissions(subject.at(path), Permissions::from_mode(0o755)).expect("a mode");
}

/// The index with other bytes, and the time that it had.
fn with_index(subject: &Subject, change: impl FnOnce(&mut Vec<u8>)) {
    let index = subject.git_dir.join("index");
    let time = index.metadata().expect("an index").mtime();
    let mut bytes = read(&index).expect("an index");
    change(&mut bytes);
    write(&index, bytes).expect("an index");
    set_mtime(&index, time);
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = bytes.windows(from.len()).position(|part| part == from).expect("these bytes");
    bytes[at..at + to.len()].copy_from_slice(to);
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
fn a_file_written_in_the_second_of_the_index_is_for_git() {
    for (later, is_told) in [(0, false), (-1, false), (1, true)] {
        let subject = subject();
        write(subject.at("a"), "two\none\n").expect("a file");
        set_mtime(&subject.at("a"), OLD);
        believe(&subject, b"a");
        set_mtime(&subject.at("f/b"), OLD - 1000);
        set_mtime(&subject.at("f/g/c"), OLD - 1000);
        for path in ["f/b", "f/g/c"] {
            believe(&subject, path.as_bytes());
        }
        set_mtime(&subject.git_dir.join("index"), OLD + later);
        if is_told {
            // So does git: the index was written a second after the file.
            subject.counts(0, 0);
        } else {
            assert_eq!(subject.told().unstaged, ["a"]);
            subject.asks(Why::Racy);
        }
    }
}

#[test]
fn a_file_that_was_touched_is_for_git() {
    let subject = subject();
    set_mtime(&subject.at("a"), OLD);
    subject.asks(Why::Touched);
    let subject = self::subject();
    write(subject.at("b"), "two\none\n").expect("a file");
    rename(subject.at("b"), subject.at("a")).expect("another inode");
    subject.asks(Why::Touched);
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
}

#[test]
fn a_size_of_nothing_is_believed_of_an_empty_blob_only() {
    let subject = subject();
    write(subject.at("a"), "").expect("a file");
    set_mtime(&subject.at("a"), OLD);
    believe(&subject, b"a");
    assert_eq!(subject.told().unstaged, ["a"]);
    subject.asks(Why::Size);
    let subject = Subject::empty("sha256");
    subject.write("empty", "");
    subject.committed().counts(0, 0);
    let subject = Subject::empty("sha1");
    subject.write("empty", "");
    subject.committed().counts(0, 0);
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
    subject.asks(Why::Touched);
    // The index takes it as it is now.
    subject.age();
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
fn entries_with_a_flag_are_for_git() {
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        let subject = subject();
        subject.git(&["update-index", flag, "f/b"]);
        subject.asks(Why::Flags);
    }
    let subject = subject();
    subject.write("new", "");
    subject.git(&["add", "--intent-to-add", "new"]);
    subject.asks(Why::Flags);
}

#[test]
fn an_unmerged_entry_is_for_git() {
    let subject = subject();
    subject.git(&["checkout", "--quiet", "-b", "other"]);
    subject.write("a", "other");
    subject.git(&["commit", "--quiet", "--all", "--message=other"]);
    subject.git(&["checkout", "--quiet", "main"]);
    subject.write("a", "ours");
    subject.git(&["commit", "--quiet", "--all", "--message=ours"]);
    assert!(!subject.repo.git_try(&subject.worktree, &["merge", "other"]).status.success());
    subject.asks(Why::Flags);
}

#[test]
fn an_operation_or_a_lock_is_no_matter() {
    let subject = subject();
    subject.write(".git/MERGE_HEAD", subject.git(&["rev-parse", "HEAD"]));
    subject.write(".git/index.lock", "");
    subject.counts(0, 0);
}

#[test]
fn a_submodule_is_for_git() {
    let subject = subject();
    let head = subject.git(&["rev-parse", "HEAD"]);
    subject.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub")]);
    subject.asks(Why::Submodule);
}

#[test]
fn an_index_in_several_parts_is_for_git() {
    let subject = subject();
    subject.git(&["update-index", "--split-index"]);
    subject.asks(Why::IndexForm);
    let subject = self::subject();
    subject.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "nothing"]);
    assert!(matches!(subject.prove(), Err(Why::IndexForm | Why::Flags)));
}

#[test]
fn an_index_of_an_unknown_form_is_for_git() {
    let change = |change: fn(&mut Vec<u8>)| {
        let subject = subject();
        with_index(&subject, change);
        subject.asks(Why::IndexForm);
    };
    change(|bytes| bytes[7] = 5);
    change(|bytes| bytes.truncate(100));
    change(|bytes| replace(bytes, b"f/b\0", b"../\0"));
    change(|bytes| replace(bytes, b"f/b\0", b"//b\0"));
    change(|bytes| replace(bytes, b"f/g/c\0", b"a/g/c\0"));
    change(|bytes| replace(bytes, b"TREE", b"tree"));
    let subject = subject();
    with_index(&subject, |bytes| replace(bytes, b"TREE", b"FSMN"));
    subject.asks(Why::Fsmonitor);
    remove_file(subject.git_dir.join("index")).expect("gone");
    subject.asks(Why::NoIndex);
    nix::unistd::mkfifo(&subject.git_dir.join("index"), Mode::S_IRWXU).expect("a pipe");
    subject.asks(Why::NoIndex);
}

#[test]
fn an_index_that_is_not_the_trees_is_for_git() {
    let mut subject = subject();
    subject.write("a", "staged now\n");
    subject.git(&["add", "a"]);
    subject.asks(Why::Staged);
    subject.git(&["commit", "--quiet", "--message=next"]);
    subject.asks(Why::Staged);
    subject.look_at_head();
    subject.age();
    subject.counts(0, 0);
    subject.head_tree.pop();
    subject.asks(Why::Staged);
    subject.look_at_head();
    with_index(&subject, |bytes| replace(bytes, b"TREE", b"TREX"));
    subject.asks(Why::Staged);
}

#[test]
fn the_tree_covers_every_entry() {
    let subject = subject();
    with_index(&subject, |bytes| {
        let at = bytes.windows(4).position(|part| part == b"TREE").expect("a tree");
        replace(&mut bytes[at..], b"\x003 ", b"\x002 ");
    });
    subject.asks(Why::Staged);
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
fn an_index_that_is_written_all_the_while_is_read_whole_or_not_at_all() {
    let subject = subject();
    let index = subject.git_dir.join("index");
    let bytes = read(&index).expect("an index");
    let (is_over, time) = (AtomicBool::new(false), index.metadata().expect("an index").mtime());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                let mut file = std::fs::File::create(&index).expect("an index");
                let (head, tail) = bytes.split_at(bytes.len() / 2);
                file.write_all(head).expect("written");
                file.write_all(tail).expect("written");
                set_mtime(&index, time);
            }
        });
        for _ in 0..2000 {
            let proven = subject.prove().map(|counted| (counted.unstaged, counted.untracked));
            let is_sound =
                matches!(proven, Ok((0, 0)) | Err(Why::IndexChanged | Why::IndexForm | Why::Staged | Why::NoIndex));
            assert!(is_sound, "{proven:?}");
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
#[ignore = "a figure: what a proof of a clean worktree costs beside git"]
fn prove_beside_git() {
    use nix::sys::resource::{UsageWho, getrusage};
    let used = |who| {
        let usage = getrusage(who).expect("usage");
        [usage.user_time(), usage.system_time()]
            .iter()
            .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec())
            .sum::<i64>()
    };
    let subject = Subject::empty("sha1");
    for number in 0..5000 {
        subject.write(format!("f{}/g{}/{number}", number % 25, number % 250), "content\n");
    }
    let subject = subject.committed();
    subject.counts(0, 0);
    let (mut own, mut git) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let before = (used(UsageWho::RUSAGE_THREAD), used(UsageWho::RUSAGE_CHILDREN));
        assert!(subject.prove().is_ok());
        own.push(used(UsageWho::RUSAGE_THREAD) - before.0);
        subject.git(&["--no-optional-locks", "status", "--porcelain=v2"]);
        git.push(used(UsageWho::RUSAGE_CHILDREN) - before.1);
    }
    own.sort_unstable();
    git.sort_unstable();
    println!("CPU in µs, medians of 40: {} without git, {} by git", own[20], git[20]);
}
