//! Files whose content alone tells: what is read, what rules that out, and that git comes to the same.

use std::fs::{Permissions, create_dir_all, remove_file, rename, set_permissions, write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git_wtcheck::git::attributes::System;
use git_wtcheck::git::why::Why;

use super::{OLD, Subject, set_mtime};

/// Files at four depths, the last of them the one that is touched.
fn subject() -> Subject {
    Subject::of(&["a", "f/b", "f/g/c", "f/g/h/d"])
}

const LAST: &str = "f/g/h/d";

fn touch(subject: &Subject, path: &str) {
    set_mtime(&subject.at(path), OLD);
}

#[test]
fn a_file_that_was_touched_is_read() {
    for format in ["sha1", "sha256"] {
        let subject = Subject::empty(format);
        subject.write("a", "one\ntwo\n");
        subject.write("f/empty", "");
        let subject = subject.committed();
        touch(&subject, "a");
        touch(&subject, "f/empty");
        subject.counts(0, 0);
        write(subject.at("a"), "two\none\n").expect("a file");
        touch(&subject, "a");
        subject.counts(1, 0);
        write(subject.at("a"), "one\ntwo\n").expect("restored");
        subject.counts(0, 0);
        write(subject.at("b"), "one\ntwo\n").expect("a file");
        rename(subject.at("b"), subject.at("a")).expect("another inode");
        subject.counts(0, 0);
    }
}

#[test]
fn all_of_a_long_file_is_read() {
    let subject = Subject::empty("sha1");
    let mut content = vec![b'x'; 200_000];
    subject.write("long", &content);
    let subject = subject.committed();
    touch(&subject, "long");
    subject.counts(0, 0);
    content[199_999] = b'y';
    subject.write("long", &content);
    subject.counts(1, 0);
}

#[test]
fn an_index_as_it_is_read_from_a_tree_is_no_matter() {
    let subject = subject();
    subject.git(&["read-tree", "HEAD"]);
    subject.write("a", "another length");
    subject.write("f/b", "");
    subject.counts(2, 0);
}

#[test]
fn what_a_link_leads_to_is_its_content() {
    let subject = Subject::of(&["a"]);
    symlink("a", subject.at("link")).expect("a link");
    subject.write(".gitattributes", "* filter=x\n");
    let mut subject = subject.committed();
    set_mtime(&subject.at("link"), OLD);
    subject.counts(0, 0);
    remove_file(subject.at("link")).expect("gone");
    symlink("b", subject.at("link")).expect("a link");
    set_mtime(&subject.at("link"), OLD);
    subject.counts(1, 0);
    subject.terms.attributes = None;
    subject.counts(1, 0);
}

/// At four depths, for a whole repository, and for a user.
const PLACES: [&str; 6] = [
    ".gitattributes",
    "f/.gitattributes",
    "f/g/.gitattributes",
    "f/g/h/.gitattributes",
    ".git/info/attributes",
    "../attributes",
];

/// Attributes, written where the test says, and whether a file is still read that has CR and LF at the end of its lines, and one that has not.
const ATTRIBUTES: [(&str, bool, bool); 10] = [
    ("", true, true),
    ("* diff=x merge=union -whitespace\n*.png binary\n", true, true),
    ("* text=auto\n", false, true),
    ("* eol=crlf\n", false, true),
    ("* eol=lf\n", false, true),
    ("* crlf=input\n", false, true),
    ("* filter=f\n", false, false),
    ("* ident\n", false, false),
    ("* working-tree-encoding=UTF-16LE\n", false, false),
    ("[attr]m filter=f\n", false, false),
];

#[test]
fn attributes_that_may_convert_a_file_leave_it_to_git() {
    for (content, has_line_end) in [("one\r\ntwo\r\n", true), ("one\ntwo\n", false), ("a\rb\n", false)] {
        let subject = Subject::empty("sha1");
        subject.repo.config("filter.f.clean", "tr o 0");
        subject.write(LAST, content);
        let subject = subject.committed();
        touch(&subject, LAST);
        for place in PLACES {
            for (attributes, with_line_end, without) in ATTRIBUTES {
                subject.write(place, attributes);
                let untracked = u64::from(!place.contains(".git/") && !place.starts_with(".."));
                let is_read = if has_line_end { with_line_end } else { without };
                let expected = if is_read { Ok(untracked) } else { Err(Why::Touched) };
                let proven = subject.compare().map(|told| told.untracked);
                assert_eq!(proven, expected, "{place} {attributes} {content:?}");
            }
            remove_file(subject.at(place)).expect("gone");
        }
    }
}

#[test]
fn attributes_beside_the_way_to_a_file_are_no_matter() {
    let subject = subject();
    for place in ["e/.gitattributes", "f/g/i/.gitattributes", "f/x.gitattributes"] {
        subject.write(place, "* filter=f\n");
    }
    let subject = subject.committed();
    touch(&subject, LAST);
    touch(&subject, "a");
    subject.counts(0, 0);
    subject.write("f/g/i/j", "new");
    subject.write("f/g/.gitattributes", "* filter=f\n");
    subject.asks(Why::Touched);
}

#[test]
fn attributes_that_are_in_the_index_alone_are_git_s_too() {
    let subject = subject();
    subject.repo.config("filter.f.clean", "tr o 0");
    subject.write("f/.gitattributes", "* filter=f\n");
    let subject = subject.committed();
    remove_file(subject.at("f/.gitattributes")).expect("gone");
    touch(&subject, LAST);
    assert_eq!(
        subject.told().unstaged,
        ["f/.gitattributes", "f/b", "f/g/c", LAST],
        "git takes them from the index, and filters"
    );
    subject.asks(Why::Touched);
    // The file outweighs the index.
    subject.write("f/.gitattributes", "# nothing\n");
    touch(&subject, LAST);
    subject.counts(1, 0);
}

#[test]
fn attributes_that_git_may_read_otherwise_are_git_s() {
    let with = |change: fn(&Subject)| {
        let subject = subject();
        touch(&subject, LAST);
        subject.counts(0, 0);
        change(&subject);
        subject.asks(Why::Touched);
    };
    with(|subject| symlink("a", subject.at("f/.gitattributes")).expect("a link"));
    with(|subject| create_dir_all(subject.at(".gitattributes")).expect("a folder"));
    with(|subject| {
        nix::unistd::mkfifo(&subject.at("f/g/.gitattributes"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    });
    with(|subject| subject.write("f/.gitattributes", vec![b'#'; (1 << 20) + 1]));
    with(|subject| create_dir_all(subject.at(".git/info/attributes")).expect("a folder"));
}

#[test]
fn line_ends_that_are_converted_everywhere_leave_files_that_have_them_to_git() {
    for value in ["true", "input"] {
        let mut subject = Subject::empty("sha1");
        subject.write("crlf", "one\r\ntwo\r\n");
        subject.write("lf", "one\ntwo\n");
        let mut subject_terms = subject.terms.attributes.clone().expect("known");
        subject_terms.line_ends = true;
        subject = subject.committed();
        subject.terms.attributes = Some(subject_terms);
        subject.repo.config("core.autocrlf", value);
        subject.repo.config("core.safecrlf", "true");
        touch(&subject, "lf");
        subject.counts(0, 0);
        subject.write("lf", "one\nTWO\n");
        subject.counts(1, 0);
        touch(&subject, "crlf");
        subject.asks(Why::Touched);
    }
    for (key, value) in [("core.eol", "crlf"), ("core.bigFileThreshold", "1"), ("core.safecrlf", "true")] {
        let subject = subject();
        subject.write(LAST, "one\r\n   ");
        let subject = subject.committed();
        subject.repo.config(key, value);
        touch(&subject, LAST);
        subject.counts(0, 0);
        subject.write(LAST, "TWO\r\n   ");
        subject.counts(1, 0);
    }
}

#[test]
fn attributes_of_the_machine_have_a_say_and_must_be_known() {
    let mut subject = subject();
    touch(&subject, LAST);
    let of = |git: PathBuf| Arc::new(System::of(Some(git)));
    let (git, attributes) = (subject.at("../git"), subject.at("../machine"));
    write(&git, format!("\0{}/gitattributes\0", attributes.display())).expect("a program");
    let mut sources = subject.terms.attributes.clone().expect("known");
    let mut with = |system| {
        sources.system = system;
        subject.terms.attributes = Some(sources.clone());
        subject.prove().map(|counted| counted.unstaged)
    };
    assert_eq!(with(of(git.clone())), Ok(0));
    create_dir_all(&attributes).expect("a folder");
    write(attributes.join("gitattributes"), "* filter=f\n").expect("attributes");
    assert_eq!(with(of(git.clone())), Err(Why::Touched));
    write(attributes.join("gitattributes"), "* diff\n").expect("attributes");
    assert_eq!(with(of(git.clone())), Ok(0));
    write(&git, "#!/bin/sh\n").expect("a program");
    assert_eq!((with(of(git)), with(Arc::new(System::of(None)))), (Err(Why::Touched), Err(Why::Touched)));
}

#[test]
fn what_git_may_not_read_is_changed_only_where_it_is_the_same() {
    // With such configuration git looks at whole seconds of one time alone.
    let subject = subject();
    subject.repo.config("core.trustCtime", "false");
    subject.repo.config("core.checkStat", "minimal");
    let time = subject.at("a").metadata().expect("a file").modified().expect("a time");
    let time = time.duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs().cast_signed();
    write(subject.at("a"), "two\none\n").expect("a file");
    set_mtime(&subject.at("a"), time);
    assert!(subject.told().unstaged.is_empty(), "git believes the time");
    subject.asks(Why::Touched);
    write(subject.at("a"), "one\ntwo\n").expect("a file");
    set_mtime(&subject.at("a"), time);
    subject.counts(0, 0);
}

#[test]
fn files_that_are_too_long_to_read_are_for_git() {
    let subject = Subject::empty("sha1");
    subject.repo.config("core.compression", "0");
    let file = std::fs::File::create(subject.at("long")).expect("a file");
    file.set_len((64 << 20) + 1).expect("a hole");
    let subject = subject.committed();
    subject.counts(0, 0);
    touch(&subject, "long");
    subject.asks(Why::Touched);
}

#[test]
fn a_file_that_may_not_be_read_is_for_git() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let subject = subject();
    set_permissions(subject.at("a"), Permissions::from_mode(0o200)).expect("a mode");
    subject.asks(Why::Unreadable);
}

#[test]
fn a_file_that_changes_all_the_while_is_never_taken_for_another() {
    let subject = subject();
    let (is_over, path) = (AtomicBool::new(false), subject.at("a"));
    touch(&subject, "a");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // Another length, and the same content again.
                let _ = write(subject.at("../next"), "one\ntwo\n").and_then(|()| rename(subject.at("../next"), &path));
                let _ = std::fs::OpenOptions::new().append(true).open(&path).and_then(|file| file.set_len(8));
            }
        });
        for _ in 0..500 {
            let proven = subject.prove().map(|counted| counted.unstaged);
            assert!(matches!(proven, Ok(0) | Err(Why::Touched | Why::Unreadable)), "{proven:?}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
