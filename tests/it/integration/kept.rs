//! Answers that are kept from one run to the next.

use std::fs;

use git_wtcheck::git::survey::Standing;

use super::{MAIN, asked, asked_of, begin, commit, go, head};
use crate::support::TestRepo;

const BRANCHES: [&str; 6] = ["squashed", "rebased", "together", "open", "taken-back", "overwritten"];

fn repository() -> TestRepo {
    let repo = TestRepo::new();
    let branch = |name: &str| {
        begin(&repo, name, "main");
        commit(&repo, &format!("{name}-a"), "a\n");
        commit(&repo, &format!("{name}-b"), "b\n");
        go(&repo, "main");
    };
    BRANCHES.into_iter().for_each(branch);
    go(&repo, "taken-back");
    repo.git(&["revert", "--no-edit", "HEAD", "HEAD~1"]);
    go(&repo, "main");
    commit(&repo, "other", "moved on\n");
    for name in ["squashed", "together", "overwritten"] {
        repo.git(&["merge", "--quiet", "--squash", name]);
        if name == "together" {
            repo.write("else", "else\n");
            repo.git(&["add", "else"]);
        }
        repo.git(&["commit", "--quiet", "--message=squashed"]);
    }
    commit(&repo, "overwritten-a", "other\n");
    repo.git(&["cherry-pick", "rebased~1", "rebased"]);
    commit(&repo, "moved", "on\n");
    repo
}

fn run(repo: &TestRepo, may_keep: bool, depth: usize) -> (Vec<Standing>, usize) {
    let heads: Vec<_> = BRANCHES.iter().map(|branch| head(repo, branch, &[MAIN])).collect();
    let (standings, started) = asked_of(repo, &heads, depth, may_keep);
    (standings.into_iter().map(|standing| standing.expect("a standing")).collect(), started)
}

#[test]
fn what_was_found_out_is_found_again_with_less() {
    let repo = repository();
    let file = repo.at(".git/wtcheck/integration");
    let (expected, all) = run(&repo, false, 2000);
    let found: Vec<_> = expected.iter().map(|standing| standing.integrated).collect();
    let ways = [Some("squash"), Some("patches"), Some("merge"), Some(""), Some(""), Some("squash")];
    assert_eq!(found, ways);
    assert_eq!(expected[5].notes, ["reverted-or-overwritten"]);
    assert!(!file.exists(), "nothing is kept where nothing may be");
    assert_eq!(run(&repo, true, 2000), (expected.clone(), all));
    let (again, started) = run(&repo, true, 2000);
    assert_eq!(again, expected);
    assert_eq!(started + 3, all, "neither trees nor patches nor merges");
    // Another depth, another base, another attribute: asked anew.
    assert_eq!(run(&repo, true, 1999), (expected.clone(), all));
    fs::write(&file, b"rubbish").expect("a file");
    assert_eq!(run(&repo, true, 2000), (expected, all));
    fs::write(repo.at(".git/info/attributes"), "* merge=ours\n").expect("a file");
    let (guarded, _) = run(&repo, true, 2000);
    assert_eq!((guarded[2].integrated, guarded[3].integrated), (None, None), "nothing is taken from what was kept");
    fs::remove_file(repo.at(".git/info/attributes")).expect("a file");
    repo.git(&["revert", "--no-edit", "main~3"]);
    let (moved, _) = run(&repo, true, 2000);
    assert_eq!(moved, run(&repo, false, 2000).0);
}

#[test]
fn what_is_not_known_is_not_kept() {
    let repo = repository();
    begin(&repo, "broken", "main~2");
    commit(&repo, "broken", "broken\n");
    let blob = repo.git(&["rev-parse", "broken:broken"]);
    go(&repo, "main");
    let path = repo.at(format!(".git/objects/{}/{}", &blob[..2], &blob[2..]));
    let content = fs::read(&path).expect("an object");
    fs::remove_file(&path).expect("an object");
    let heads = [head(&repo, "broken", &[MAIN])];
    let unknown = asked_of(&repo, &heads, 2000, true).0.remove(0).expect("a standing");
    assert_eq!(unknown.integrated, None);
    fs::write(&path, content).expect("an object");
    let known = asked_of(&repo, &heads, 2000, true).0.remove(0).expect("a standing");
    assert_eq!(known.integrated, Some(""));
    assert_eq!(known, asked(&repo, &heads, 2000).0.remove(0).expect("a standing"));
}
