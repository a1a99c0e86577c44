//! Content that a merge would find in the base already, and what is to have no say in that.

use std::fs;

use super::{MAIN, asked, begin, commit, go, head, integrated, stands};
use crate::support::TestRepo;

/// A branch `together` whose content has come to the base in one commit with something else, and one, `open`, whose
/// content has not: both have changed `work`, as the base has.
fn repository() -> TestRepo {
    let repo = TestRepo::new();
    let text = |line: &str| format!("1\n2\n3\n4\n{line}\n6\n7\n8\n9\n");
    commit(&repo, "work", text("5"));
    begin(&repo, "together", "main");
    commit(&repo, "a", "a\n");
    commit(&repo, "work", text("five"));
    begin(&repo, "open", "main");
    commit(&repo, "work", text("fünf"));
    begin(&repo, "apart", "main");
    commit(&repo, "work", text("5").replace('9', "nine"));
    go(&repo, "main");
    repo.git(&["merge", "--quiet", "--squash", "together"]);
    commit(&repo, "other", "other\n");
    repo
}

#[track_caller]
fn is_told(repo: &TestRepo, what: &str) {
    let found = integrated(repo, &["open", "apart"]);
    assert!(found.iter().all(|how| matches!(how, Some("") | None)), "{what}: {found:?}");
}

#[test]
fn what_has_landed_with_something_else_is_found() {
    let repo = repository();
    let before = repo.git(&["count-objects", "-v"]);
    let standing = stands(&repo, "together");
    assert_eq!((standing.integrated, standing.unmerged, standing.notes), (Some("merge"), Some(2), vec![]));
    assert_eq!(standing.landed_as, Some(repo.git(&["rev-parse", "main"])));
    assert_eq!(integrated(&repo, &["open", "apart"]), [Some(""), Some("")]);
    assert_eq!(repo.git(&["count-objects", "-v"]), before, "nothing is written there");
    // Alternates of the repository's own are still read.
    let other = TestRepo::empty();
    other.git(&["clone", "--quiet", "--shared", &repo.path().to_string_lossy(), "."]);
    assert_eq!(stands(&other, "origin/together").integrated, Some("merge"));
}

#[test]
fn no_driver_has_a_say() {
    let repo = repository();
    repo.config("merge.ours.driver", "true");
    repo.config("merge.text.driver", "true");
    repo.config("merge.union.driver", "true");
    repo.config("merge.renormalize", "true");
    repo.config("core.autocrlf", "true");
    is_told(&repo, "drivers");
    for name in ["ours", "text", "union"] {
        repo.config("merge.default", name);
        is_told(&repo, name);
    }
    fs::create_dir_all(repo.root().join("home/.config/git")).expect("a folder");
    fs::write(repo.root().join("home/.config/git/attributes"), "* merge=ours\n").expect("a file");
    is_told(&repo, "the user's attributes");
    fs::write(repo.root().join("home/attributes"), "* merge=ours\n").expect("a file");
    repo.config("core.attributesFile", &repo.root().join("home/attributes").to_string_lossy());
    is_told(&repo, "configured attributes");
    assert_eq!(integrated(&repo, &["together"]), [Some("merge")]);
    fs::create_dir_all(repo.at(".git/info")).expect("a folder");
    fs::write(repo.at(".git/info/attributes"), "* merge=ours\n").expect("a file");
    assert_eq!(integrated(&repo, &["together", "open"]), [None, None], "no merge can be made");
    fs::remove_file(repo.at(".git/info/attributes")).expect("a file");
    // In the trees, and in the folder where git is asked.
    fs::write(repo.at(".git/.gitattributes"), "* merge=ours\n").expect("a file");
    is_told(&repo, "beside");
    for branch in ["open", "main"] {
        go(&repo, branch);
        commit(&repo, ".gitattributes", "* merge=ours\n");
        is_told(&repo, branch);
    }
}

#[test]
fn what_was_taken_back_in_the_base_has_landed_all_the_same() {
    let repo = repository();
    begin(&repo, "topic", "main");
    commit(&repo, "t", "t\n");
    commit(&repo, "u", "u\n");
    go(&repo, "main");
    commit(&repo, "moved", "on\n");
    repo.git(&["merge", "--quiet", "--squash", "topic"]);
    repo.git(&["commit", "--quiet", "--message=squashed"]);
    assert_eq!(stands(&repo, "topic").notes, Vec::<&str>::new());
    repo.git(&["revert", "--no-edit", "HEAD"]);
    let standing = stands(&repo, "topic");
    assert_eq!((standing.integrated, standing.notes), (Some("squash"), vec!["reverted-or-overwritten"]));
    // One that has landed with something else, and was taken back, is nowhere.
    repo.git(&["revert", "--no-edit", "HEAD~3"]);
    assert_eq!(integrated(&repo, &["together"]), [Some("")]);
}

#[test]
fn a_line_end_is_a_difference_to_a_merge_too() {
    let repo = TestRepo::new();
    repo.config("core.autocrlf", "false");
    commit(&repo, "f", "a\nb\n");
    begin(&repo, "topic", "main");
    commit(&repo, "f", "a\r\nb\r\n");
    go(&repo, "main");
    commit(&repo, "moved", "on\n");
    repo.config("merge.renormalize", "true");
    repo.config("core.autocrlf", "true");
    repo.config("core.eol", "crlf");
    assert_eq!(integrated(&repo, &["topic"]), [Some("")]);
}

#[test]
fn one_merge_that_cannot_be_made_harms_no_other() {
    let repo = repository();
    begin(&repo, "broken", "main~1");
    commit(&repo, "work", "quite\nanother\n");
    let lost = repo.git(&["rev-parse", "HEAD:work"]);
    go(&repo, "main");
    repo.git(&["checkout", "--quiet", "--orphan", "unrelated"]);
    commit(&repo, "r", "r\n");
    go(&repo, "main");
    fs::remove_file(repo.at(format!(".git/objects/{}/{}", &lost[..2], &lost[2..]))).expect("an object");
    let branches = ["open", "broken", "unrelated", "together", "broken", "apart"];
    let heads: Vec<_> = branches.iter().map(|branch| head(&repo, branch, &[MAIN])).collect();
    let found: Vec<_> =
        asked(&repo, &heads, 2000).0.into_iter().map(|one| one.expect("a standing").integrated).collect();
    assert_eq!((found[1], found[2], found[3], found[4]), (None, Some(""), Some("merge"), None), "{found:?}");
    assert!([found[0], found[5]].iter().all(|how| matches!(how, Some("") | None)), "{found:?}");
}
