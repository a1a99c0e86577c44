//! What is kept of a worktree from one proof to the next.

use std::os::unix::fs::{MetadataExt, symlink};

use git_wtcheck::git::prove::Listing;
use git_wtcheck::git::why::Why;
use nix::sys::time::TimeSpec;

use super::{Subject, set_mtime, set_time};

const FILES: [&str; 5] = ["a/b/c/one", "a/b/two", "a/three", "d/four", "five"];

impl Subject {
    /// Asserts what is told from what was kept, and that it is told without it.
    #[track_caller]
    fn counts_from_kept(&self, unstaged: u64, untracked: u64) {
        self.counts(unstaged, untracked);
        let counted = self.prove_from_kept().map(|counted| (counted.unstaged, counted.untracked));
        assert_eq!(counted, Ok((unstaged, untracked)));
    }
}

/// A worktree whose folders are all known.
fn known() -> Subject {
    let subject = Subject::of(&FILES);
    subject.counts_from_kept(0, 0);
    assert_ne!(*subject.kept.lock().expect("a listing"), Listing::default());
    subject
}

/// The same, in which only git can tell of a file that was touched: it goes through a filter.
fn for_git_to_read() -> Subject {
    let subject = known();
    subject.write(".git/info/attributes", "* filter=x\n");
    subject
}

#[test]
fn names_that_come_and_go_are_seen_at_every_depth() {
    for folder in ["", "a/", "a/b/", "a/b/c/", "d/"] {
        let subject = known();
        subject.write(format!("{folder}new"), "");
        subject.counts_from_kept(0, 1);
        subject.counts_from_kept(0, 1);
        std::fs::remove_file(subject.at(format!("{folder}new"))).expect("a file");
        subject.counts_from_kept(0, 0);
        subject.write(format!("{folder}new/empty/file"), "");
        subject.counts_from_kept(0, 1);
        std::fs::rename(subject.at(format!("{folder}new")), subject.at("elsewhere")).expect("another name");
        subject.counts_from_kept(0, 1);
    }
}

#[test]
fn a_name_that_takes_another_s_place_is_seen() {
    let subject = known();
    std::fs::rename(subject.at("a/b/two"), subject.at("a/b/three")).expect("another name");
    subject.counts_from_kept(1, 1);
}

#[test]
fn a_folder_s_time_that_is_set_back_deceives_nobody() {
    let subject = known();
    let about = subject.at("a/b").metadata().expect("a folder");
    subject.write("a/b/new", "");
    set_time(&subject.at("a/b"), TimeSpec::new(about.mtime(), about.mtime_nsec()));
    assert_eq!(subject.at("a/b").metadata().expect("a folder").mtime(), about.mtime());
    subject.counts_from_kept(0, 1);
}

#[test]
fn another_index_and_other_rules_make_no_number_wrong() {
    let subject = known();
    subject.git(&["rm", "--quiet", "--cached", "a/b/two"]);
    subject.git(&["commit", "--quiet", "--message=one less"]);
    let mut subject = subject;
    subject.look_at_head();
    subject.counts_from_kept(0, 1);
    subject.write("../excludes", "two\n");
    subject.counts_from_kept(0, 0);
    subject.write("../excludes", "");
    subject.counts_from_kept(0, 1);
    subject.git(&["add", "a/b/two"]);
    subject.git(&["commit", "--quiet", "--message=one more"]);
    subject.look_at_head();
    subject.age();
    subject.counts_from_kept(0, 0);
}

#[test]
fn a_link_or_a_file_in_a_known_folder_s_place_is_left_to_git() {
    for is_link in [true, false] {
        let subject = known();
        std::fs::rename(subject.at("a/b"), subject.at("a/moved")).expect("another name");
        if is_link {
            symlink("moved", subject.at("a/b")).expect("a link");
        } else {
            subject.write("a/b", "");
        }
        subject.asks(Why::Kind);
        assert_eq!(subject.prove_from_kept(), Err(Why::Kind));
    }
}

#[test]
fn a_known_folder_that_is_gone_is_seen() {
    let subject = known();
    std::fs::remove_dir_all(subject.at("a/b")).expect("a folder");
    subject.counts_from_kept(2, 0);
    subject.counts_from_kept(2, 0);
}

#[test]
fn what_lies_in_known_folders_is_counted_with_all_their_rules() {
    let subject = known();
    subject.write("a/.gitignore", "x\n");
    subject.write("a/b/c/x", "");
    subject.counts_from_kept(0, 1);
    subject.write("a/b/c/y", "");
    subject.counts_from_kept(0, 2);
    subject.write("a/b/.gitignore", "!x\n");
    subject.counts_from_kept(0, 4);
}

#[test]
fn a_file_that_defeats_a_proof_is_looked_at_first_the_next_time() {
    let subject = for_git_to_read();
    set_mtime(&subject.at("five"), 1_500_000_000);
    assert_eq!(subject.prove_from_kept(), Err(Why::Touched));
    // Of two that do, it is the one that was first.
    std::fs::remove_file(subject.at("a/b/two")).expect("a file");
    std::fs::create_dir(subject.at("a/b/two")).expect("a folder");
    subject.asks(Why::Kind);
    assert_eq!(subject.prove_from_kept(), Err(Why::Touched));
    subject.git(&["update-index", "-q", "--refresh", "five"]);
    assert_eq!(subject.prove_from_kept(), Err(Why::Kind));
    std::fs::remove_dir(subject.at("a/b/two")).expect("a folder");
    subject.counts_from_kept(1, 0);
    subject.counts_from_kept(1, 0);
}

#[test]
fn a_file_that_defeated_a_proof_may_be_gone_with_its_folder_or_be_tracked_no_more() {
    let subject = for_git_to_read();
    set_mtime(&subject.at("a/b/c/one"), 1_500_000_000);
    assert_eq!(subject.prove_from_kept(), Err(Why::Touched));
    std::fs::remove_dir_all(subject.at("a/b")).expect("a folder");
    subject.counts_from_kept(2, 0);
    let mut subject = for_git_to_read();
    set_mtime(&subject.at("a/b/c/one"), 1_500_000_000);
    assert_eq!(subject.prove_from_kept(), Err(Why::Touched));
    subject.git(&["rm", "--quiet", "--cached", "a/b/c/one"]);
    subject.git(&["commit", "--quiet", "--message=one less"]);
    subject.look_at_head();
    subject.counts_from_kept(0, 1);
}
