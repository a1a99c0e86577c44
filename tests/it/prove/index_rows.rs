//! What rules a proof out in the index, each by a test of its own.

use std::fs::{read, remove_file, write};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicBool;

use git_wtcheck::git::why::Why;
use nix::sys::stat::Mode;

use super::{OLD, Subject, believe, set_mtime};

fn subject() -> Subject {
    Subject::of(&["a", "f/b", "f/g/c"])
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
fn a_file_written_in_the_second_of_the_index_is_read() {
    for (later, is_read) in [(0, true), (-1, true), (1, false)] {
        let mut subject = subject();
        write(subject.at("a"), "two\none\n").expect("a file");
        set_mtime(&subject.at("a"), OLD);
        believe(&subject, b"a");
        set_mtime(&subject.at("f/b"), OLD - 1000);
        set_mtime(&subject.at("f/g/c"), OLD - 1000);
        for path in ["f/b", "f/g/c"] {
            believe(&subject, path.as_bytes());
        }
        set_mtime(&subject.git_dir.join("index"), OLD + later);
        // git too believes an index that was written a second after the file.
        subject.counts(u64::from(is_read), 0);
        subject.terms.attributes = None;
        if is_read {
            subject.asks(Why::Racy);
        } else {
            subject.counts(0, 0);
        }
    }
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
fn a_size_of_nothing_is_believed_of_an_empty_blob_only() {
    let mut subject = subject();
    write(subject.at("a"), "").expect("a file");
    set_mtime(&subject.at("a"), OLD);
    believe(&subject, b"a");
    subject.counts(1, 0);
    subject.terms.attributes = None;
    subject.asks(Why::Size);
    let subject = Subject::empty("sha256");
    subject.write("empty", "");
    subject.committed().counts(0, 0);
    let subject = Subject::empty("sha1");
    subject.write("empty", "");
    subject.committed().counts(0, 0);
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
