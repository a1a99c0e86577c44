//! Content that has come to be in a base otherwise than with its commits.

use std::fs;

use super::{MAIN, asked, begin, commit, go, head, integrated, stands};
use crate::support::TestRepo;

/// Twenty lines, of which one is given.
fn lines(line: usize, text: &str) -> String {
    (0..20).map(|number| if number == line { format!("{text}\n") } else { format!("line {number}\n") }).collect()
}

/// A repository whose base has moved on since `fork`.
fn repository() -> TestRepo {
    let repo = TestRepo::new();
    commit(&repo, "f", lines(99, ""));
    commit(&repo, "g", lines(99, ""));
    repo.git(&["tag", "fork"]);
    commit(&repo, "base", "moved on\n");
    repo
}

/// A branch of two commits at `fork`.
fn topic(repo: &TestRepo, name: &str) {
    begin(repo, name, "fork");
    commit(repo, "f", lines(3, "three"));
    commit(repo, "g", lines(3, "three"));
    go(repo, "main");
}

fn squash(repo: &TestRepo, branch: &str) -> String {
    repo.git(&["merge", "--quiet", "--squash", branch]);
    repo.git(&["commit", "--quiet", "--message=squashed"]);
    repo.git(&["rev-parse", "HEAD"])
}

#[test]
fn a_squash_a_rebase_and_a_tree_are_found() {
    let repo = repository();
    topic(&repo, "open");
    topic(&repo, "squashed");
    assert_eq!(stands(&repo, "squashed").integrated, Some(""));
    let landed = squash(&repo, "squashed");
    let standing = stands(&repo, "squashed");
    assert_eq!((standing.integrated, standing.landed_as.as_ref()), (Some("squash"), Some(&landed)));
    assert_eq!((standing.base.as_deref(), standing.unmerged, standing.notes), (Some(MAIN), Some(2), vec![]));
    // The base goes on where the branch was.
    commit(&repo, "f", lines(3, "another three"));
    let standing = stands(&repo, "squashed");
    assert_eq!((standing.integrated, standing.notes), (Some("squash"), vec!["reverted-or-overwritten"]));
    // One commit after it was squashed.
    begin(&repo, "after", "squashed");
    commit(&repo, "h", "more\n");
    go(&repo, "main");
    // Rebased; picked in part.
    begin(&repo, "rebased", "fork");
    commit(&repo, "r", "r\n");
    commit(&repo, "s", "s\n");
    begin(&repo, "partly", "rebased");
    commit(&repo, "t", "t\n");
    go(&repo, "main");
    repo.git(&["cherry-pick", "rebased~1", "rebased"]);
    let standing = stands(&repo, "rebased");
    let tip = repo.git(&["rev-parse", "main"]);
    assert_eq!((standing.integrated, standing.landed_as), (Some("patches"), Some(tip)));
    assert_eq!(integrated(&repo, &["after", "partly"]), [Some(""), Some("")]);
    // Nothing else has happened to the base: its tree is the branch's.
    begin(&repo, "same-tree", "main");
    commit(&repo, "x", "x\n");
    commit(&repo, "y", "y\n");
    go(&repo, "main");
    let landed = squash(&repo, "same-tree");
    commit(&repo, "z", "z\n");
    let standing = stands(&repo, "same-tree");
    assert_eq!((standing.integrated, standing.landed_as), (Some("tree"), Some(landed)));
    // Another base in which it has landed counts, though it is not the first.
    repo.git(&["branch", "elsewhere", "fork"]);
    let of = head(&repo, "rebased", &["refs/heads/elsewhere", MAIN]);
    let standing = asked(&repo, &[of], 2000).0.remove(0).expect("a standing");
    assert_eq!((standing.base.as_deref(), standing.integrated), (Some(MAIN), Some("patches")));
}

#[test]
fn what_is_further_back_than_is_looked_is_not_known() {
    let repo = repository();
    topic(&repo, "squashed");
    topic(&repo, "open");
    squash(&repo, "squashed");
    commit(&repo, "z", "z\n");
    // A merge needs no depth: it is asked whether the base has it now.
    let merged = asked(&repo, &[head(&repo, "squashed", &[MAIN])], 1).0.remove(0).expect("a standing");
    assert_eq!((merged.integrated, merged.landed_as), (Some("merge"), Some(repo.git(&["rev-parse", "main"]))));
    commit(&repo, "f", lines(3, "another three"));
    let at = |depth| {
        let standing = asked(&repo, &[head(&repo, "squashed", &[MAIN])], depth).0.remove(0).expect("a standing");
        standing.integrated
    };
    assert_eq!([at(0), at(2), at(3), at(9)], [None, None, Some("squash"), Some("squash")]);
}

/// A branch that changes `file` to one content, and a base in which it becomes another.
#[track_caller]
fn differ(before: impl AsRef<[u8]>, branch: impl AsRef<[u8]>, base: impl AsRef<[u8]>, what: &str) {
    let repo = TestRepo::new();
    repo.config("core.autocrlf", "false");
    commit(&repo, "file", before);
    repo.git(&["branch", "topic"]);
    commit(&repo, "moved", "on\n");
    commit(&repo, "file", base);
    commit(&repo, "moved", "further\n");
    go(&repo, "topic");
    commit(&repo, "file", branch);
    for (key, value) in [
        ("diff.ignoreSubmodules", "all"),
        ("core.whitespace", "-trailing-space,cr-at-eol"),
        ("diff.x.textconv", "echo same; true"),
        ("diff.x.binary", "true"),
        ("diff.external", "true"),
    ] {
        repo.config(key, value);
    }
    assert_eq!(stands(&repo, "topic").integrated, Some(""), "{what}");
    for attributes in ["* -diff", "* diff=x text eol=crlf"] {
        fs::create_dir_all(repo.at(".git/info")).expect("a folder");
        fs::write(repo.at(".git/info/attributes"), attributes).expect("a file");
        assert_eq!(stands(&repo, "topic").integrated, Some(""), "{what}, {attributes}");
    }
}

#[test]
fn what_differs_in_the_least_has_not_landed() {
    differ("a\nb\n", "a\n\tb\n", "a\n b\n", "white space");
    differ("if x:\n  a\n  b\n", "if x:\n  a\nb\n", "if x:\n  a\n b\n", "dedent");
    differ("a\nb\n", "a\nc\r\n", "a\nc\n", "CRLF");
    differ("a\nb\n", "a\nc", "a\nc\n", "no newline at the end");
    differ(b"\0a", b"\0b", b"\0c", "binary");
    differ(b"\0a", b"b", b"c", "binary to text");
    differ("a\nb\n", "a\nc \n", "a\nc\n", "trailing space");
    differ("a\r\nb\r\n", "a\nb\n", "a\r\nc\r\n", "other line ends");
}

#[test]
fn modes_and_names_count() {
    let repo = repository();
    let mode = |sign: &str, file: &str| {
        repo.git(&["update-index", &format!("--chmod={sign}x"), file]);
        repo.git(&["commit", "--quiet", "--message=mode"]);
        repo.git(&["reset", "--quiet", "--hard"]);
    };
    begin(&repo, "mode", "fork");
    mode("+", "f");
    begin(&repo, "renamed", "fork");
    repo.git(&["mv", "f", "new-name"]);
    repo.git(&["commit", "--quiet", "--message=renamed"]);
    begin(&repo, "edited-and-mode", "fork");
    repo.write("f", lines(5, "five"));
    repo.git(&["add", "."]);
    mode("+", "f");
    go(&repo, "main");
    mode("+", "g");
    repo.git(&["mv", "f", "other-name"]);
    repo.git(&["commit", "--quiet", "--message=renamed"]);
    repo.git(&["mv", "other-name", "f"]);
    commit(&repo, "f", lines(5, "five"));
    assert_eq!(integrated(&repo, &["mode", "renamed", "edited-and-mode"]), [Some(""), Some(""), Some("")]);
    mode("+", "f");
    commit(&repo, "base", "further\n");
    assert_eq!(integrated(&repo, &["mode", "renamed"]), [Some("patches"), Some("")]);
}

#[test]
fn merges_roots_and_empty_commits_prove_nothing() {
    let repo = repository();
    // A merge that brings something of its own.
    topic(&repo, "side");
    begin(&repo, "evil", "fork");
    commit(&repo, "e", "e\n");
    repo.git(&["merge", "--quiet", "--no-commit", "side"]);
    commit(&repo, "evil", "evil\n");
    // One that takes nothing over; one of three.
    topic(&repo, "other-side");
    begin(&repo, "ours", "fork");
    commit(&repo, "o", "o\n");
    repo.git(&["merge", "--quiet", "--strategy=ours", "--no-edit", "main"]);
    begin(&repo, "third", "fork");
    commit(&repo, "third", "third\n");
    begin(&repo, "octopus", "fork");
    commit(&repo, "eight", "eight\n");
    repo.git(&["merge", "--quiet", "--no-edit", "third", "other-side"]);
    begin(&repo, "empty", "fork");
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=empty"]);
    repo.git(&["checkout", "--quiet", "--orphan", "root"]);
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=root"]);
    go(&repo, "main");
    // All that they have brought in by commits of one parent.
    repo.git(&["cherry-pick", "side~1", "side", "evil~1", "ours~1", "third", "octopus~1"]);
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=empty"]);
    let found = integrated(&repo, &["evil", "ours", "octopus", "empty", "root"]);
    assert_eq!(found, [Some(""), Some(""), Some("merge"), Some(""), Some("")], "no patches prove that they are there");
    assert_eq!(stands(&repo, "empty").notes, ["no-net-change"]);
    // The base has one of them as an ancestor, without its content: its commits stay.
    repo.git(&["merge", "--quiet", "--strategy=ours", "--no-edit", "evil"]);
    assert_eq!(stands(&repo, "evil").integrated, Some("ancestor"));
}

#[test]
fn what_was_taken_back_on_the_branch_is_no_content() {
    let repo = repository();
    begin(&repo, "taken-back", "fork");
    commit(&repo, "f", lines(3, "three"));
    repo.git(&["revert", "--no-edit", "HEAD"]);
    go(&repo, "main");
    let standing = stands(&repo, "taken-back");
    assert_eq!((standing.integrated, standing.unmerged, standing.notes), (Some(""), Some(2), vec!["no-net-change"]));
    // There and back and there again: the base has been there once.
    begin(&repo, "again", "taken-back");
    repo.git(&["cherry-pick", "HEAD~1"]);
    commit(&repo, "h", "h\n");
    go(&repo, "main");
    repo.git(&["cherry-pick", "again~1"]);
    repo.git(&["revert", "--no-edit", "HEAD"]);
    commit(&repo, "h", "h\n");
    assert_eq!(integrated(&repo, &["again"]), [Some("")], "one commit counts once");
}

#[test]
fn what_is_without_a_common_commit_or_not_there_is_not_found() {
    let repo = repository();
    topic(&repo, "squashed");
    squash(&repo, "squashed");
    topic(&repo, "open");
    repo.git(&["checkout", "--quiet", "--orphan", "unrelated"]);
    repo.git(&["commit", "--quiet", "--message=the same tree"]);
    go(&repo, "open");
    commit(&repo, "lost", "lost\n");
    let lost = repo.git(&["rev-parse", "HEAD:lost"]);
    go(&repo, "main");
    fs::remove_file(repo.at(format!(".git/objects/{}/{}", &lost[..2], &lost[2..]))).expect("an object");
    assert_eq!(integrated(&repo, &["unrelated", "squashed"]), [Some(""), Some("squash")]);
    let found = integrated(&repo, &["squashed", "open"]);
    assert_eq!(found[1], None, "nobody can say what it changes");
}

#[test]
fn patches_are_read_of_longer_ids_too() {
    let repo = TestRepo::empty();
    repo.git(&["init", "--quiet", "--initial-branch=main", "--object-format=sha256", "."]);
    commit(&repo, "f", lines(99, ""));
    commit(&repo, "g", lines(99, ""));
    repo.git(&["tag", "fork"]);
    commit(&repo, "base", "moved on\n");
    topic(&repo, "squashed");
    squash(&repo, "squashed");
    topic(&repo, "rebased");
    repo.git(&["cherry-pick", "--allow-empty", "--keep-redundant-commits", "rebased~1", "rebased"]);
    assert_eq!(integrated(&repo, &["squashed"]), [Some("squash")]);
}
