//! What the history alone tells: same, ancestor, and the counts.

use std::fs;

use super::{MAIN, asked, begin, commit, go, head, stands};
use crate::support::TestRepo;

#[test]
fn what_a_base_has_is_told_from_what_it_lacks() {
    let repo = TestRepo::new();
    repo.git(&["branch", "fresh"]);
    begin(&repo, "merged", "main");
    commit(&repo, "a", "a\n");
    begin(&repo, "open", "merged");
    commit(&repo, "b", "b\n");
    commit(&repo, "c", "c\n");
    go(&repo, "main");
    let fresh = stands(&repo, "fresh");
    assert_eq!((fresh.integrated, fresh.unmerged, fresh.notes), (Some("same"), Some(0), vec!["started-empty"]));
    repo.git(&["merge", "--quiet", "--no-ff", "--no-edit", "merged"]);
    let fresh = stands(&repo, "fresh");
    assert_eq!((fresh.integrated, fresh.notes), (Some("ancestor"), vec!["started-empty"]));
    let merged = stands(&repo, "merged");
    assert_eq!((merged.integrated, merged.unmerged, merged.notes), (Some("ancestor"), Some(0), vec![]));
    assert_eq!(merged.base.as_deref(), Some(MAIN));
    let open = stands(&repo, "open");
    assert_eq!((open.integrated, open.unmerged, open.unpushed), (Some(""), Some(2), None));
    // Containment in any counts, and it is said in which; where there is none, the first counts.
    repo.git(&["branch", "other", "open"]);
    let heads = [
        head(&repo, "open", &[MAIN, "refs/heads/other"]),
        head(&repo, "open", &[MAIN, "refs/heads/merged"]),
        head(&repo, "open", &[]),
    ];
    let standings: Vec<_> = asked(&repo, &heads, 2000).0.into_iter().map(|one| one.expect("a standing")).collect();
    assert_eq!((standings[0].base.as_deref(), standings[0].integrated), (Some("refs/heads/other"), Some("same")));
    assert_eq!((standings[1].base.as_deref(), standings[1].unmerged), (Some(MAIN), Some(2)));
    assert_eq!((standings[2].base.as_deref(), standings[2].integrated, standings[2].unmerged), (None, None, None));
}

#[test]
fn counts_are_git_s_whatever_the_history() {
    let repo = TestRepo::new();
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    for seed in 0..4 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut commits: Vec<String> = Vec::new();
        for number in 0..40 {
            let message = format!("{seed} {number}");
            let mut words = vec!["commit-tree", &tree, "-m", &message];
            let parents = if seed > 1 && rng.u8(..10) == 0 { 0 } else { rng.usize(1..4) };
            let recent: Vec<String> = commits.iter().rev().take(8).cloned().collect();
            for parent in rng.choose_multiple(recent.iter(), parents.min(recent.len())) {
                words.extend(["-p", parent]);
            }
            commits.push(repo.git(&words));
        }
        repo.git(&["update-ref", "refs/remotes/origin/x", &commits[rng.usize(10..40)]]);
        let of = |id: &String| super::Base { name: "refs/heads/x".to_owned(), id: id.clone() };
        let mut drawn = || (commits[rng.usize(..40)].clone(), commits[rng.usize(..40)].clone());
        let pairs: Vec<_> = (0..30).map(|_| drawn()).collect();
        let heads: Vec<_> =
            pairs.iter().map(|(head, base)| super::Head { id: head.clone(), bases: vec![of(base)] }).collect();
        let count =
            |words: &[&str]| -> Option<u64> { repo.git(&[&["rev-list", "--count"], words].concat()).parse().ok() };
        for ((head, base), standing) in pairs.iter().zip(asked(&repo, &heads, 2000).0) {
            let standing = standing.expect("a standing");
            assert_eq!(standing.unmerged, count(&[head, "--not", base]), "seed {seed}: {head} to {base}");
            assert_eq!(standing.unpushed, count(&[head, "--not", "--remotes"]), "seed {seed}: {head}");
            let is_held = matches!(standing.integrated, Some("same" | "ancestor"));
            assert_eq!(is_held, standing.unmerged == Some(0), "seed {seed}: {head} to {base}");
        }
    }
}

#[test]
fn what_no_remote_has_is_counted() {
    let repo = TestRepo::new();
    begin(&repo, "topic", "main");
    commit(&repo, "a", "a\n");
    repo.git(&["update-ref", "refs/remotes/origin/topic", "topic"]);
    commit(&repo, "b", "b\n");
    // A name that both kinds of refs have: the remote's counts.
    repo.git(&["update-ref", "refs/heads/origin/topic", "topic"]);
    assert_eq!(stands(&repo, "topic").unpushed, Some(1));
    assert_eq!(stands(&repo, "topic~1").unpushed, Some(0));
    assert_eq!(stands(&repo, "main").unpushed, Some(0));
    repo.git(&["update-ref", "refs/remotes/other/x", "topic"]);
    assert_eq!(stands(&repo, "topic").unpushed, Some(0));
}

#[test]
fn a_history_without_a_common_commit_is_counted_in_full() {
    let repo = TestRepo::new();
    repo.git(&["checkout", "--quiet", "--orphan", "pages"]);
    commit(&repo, "a", "a\n");
    commit(&repo, "b", "b\n");
    let heads =
        [head(&repo, "pages", &[MAIN]), head(&repo, "main", &[MAIN]), head(&repo, "main", &["refs/heads/pages"])];
    let standings: Vec<_> = asked(&repo, &heads, 2000).0.into_iter().map(|one| one.expect("a standing")).collect();
    assert_eq!((standings[0].integrated, standings[0].unmerged), (Some(""), Some(2)));
    assert_eq!(standings[1].integrated, Some("same"));
    assert_eq!((standings[2].integrated, standings[2].unmerged), (Some(""), Some(1)));
}

#[test]
fn what_is_missing_harms_no_other() {
    let repo = TestRepo::new();
    begin(&repo, "topic", "main");
    commit(&repo, "a", "a\n");
    let whole = head(&repo, "topic", &[MAIN]);
    let missing = |id: &str| {
        let (mut of_head, mut of_base) = (whole.clone(), whole.clone());
        id.clone_into(&mut of_head.id);
        id.clone_into(&mut of_base.bases[0].id);
        [of_head, whole.clone(), of_base]
    };
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    let unheard_of = "12".repeat(20);
    for id in [unheard_of.as_str(), &"0".repeat(40), "main", "", "HEAD\nHEAD", &blob, &"AB".repeat(20), "-x"] {
        let (standings, _) = asked(&repo, &missing(id), 2000);
        assert!(standings[0].is_err() && standings[2].is_err(), "{id}: {standings:?}");
        assert_eq!(standings[1].as_ref().expect("a standing").unmerged, Some(1), "{id}");
    }
    // One that is missing in the middle of a history.
    begin(&repo, "broken", "main");
    commit(&repo, "b", "b\n");
    let lost = repo.git(&["rev-parse", "HEAD"]);
    commit(&repo, "c", "c\n");
    let mut heads = vec![head(&repo, "broken", &[MAIN])];
    heads.extend((0..9).map(|_| whole.clone()));
    fs::remove_file(repo.at(format!(".git/objects/{}/{}", &lost[..2], &lost[2..]))).expect("an object");
    let (standings, started) = asked(&repo, &heads, 2000);
    assert!(standings[0].is_err(), "{standings:?}");
    assert!(standings[1..].iter().all(|standing| standing.as_ref().is_ok_and(|standing| standing.unmerged == Some(1))));
    assert!(started < 60, "{started}");
}

#[test]
fn a_history_that_is_cut_off_proves_only_what_it_has() {
    let repo = TestRepo::new();
    for file in ["a", "b", "c"] {
        commit(&repo, file, file);
    }
    repo.git(&["branch", "old", "main~3"]);
    begin(&repo, "topic", "main~1");
    commit(&repo, "t", "t");
    let shallow = TestRepo::empty();
    let from = format!("file://{}", repo.path().display());
    shallow.git(&["clone", "--quiet", "--depth=2", "--no-single-branch", &from, "."]);
    shallow.git(&["branch", "--force", "main", "origin/main"]);
    let old = stands(&shallow, "origin/old");
    assert_eq!((old.integrated, old.unmerged), (None, None), "an ancestor, but nobody can know");
    let topic = stands(&shallow, "origin/topic");
    assert_eq!((topic.integrated, topic.unmerged, topic.unpushed), (None, None, Some(0)));
    assert_eq!(stands(&shallow, "main~1").integrated, Some("ancestor"));
}

#[test]
fn neither_replaced_objects_nor_grafts_make_an_ancestor() {
    let repo = TestRepo::new();
    begin(&repo, "topic", "main");
    commit(&repo, "a", "a\n");
    go(&repo, "main");
    commit(&repo, "b", "b\n");
    let (topic, main) = (repo.git(&["rev-parse", "topic"]), repo.git(&["rev-parse", "main"]));
    fs::create_dir_all(repo.at(".git/info")).expect("a folder");
    fs::write(repo.at(".git/info/grafts"), format!("{main} {topic}\n")).expect("a file");
    let standing = stands(&repo, "topic");
    assert_eq!((standing.integrated, standing.unmerged), (Some(""), Some(1)), "grafts");
    fs::remove_file(repo.at(".git/info/grafts")).expect("a file");
    repo.git(&["replace", "--graft", &main, &topic]);
    let standing = stands(&repo, "topic");
    assert_eq!((standing.integrated, standing.unmerged), (Some(""), Some(1)), "replaced");
}

#[test]
fn a_repository_of_longer_ids_is_read_as_well() {
    let repo = TestRepo::empty();
    repo.git(&["init", "--quiet", "--initial-branch=main", "--object-format=sha256", "."]);
    commit(&repo, "x", "x\n");
    begin(&repo, "topic", "main");
    commit(&repo, "a", "a\n");
    assert_eq!(stands(&repo, "topic").unmerged, Some(1));
    assert_eq!(stands(&repo, "main").integrated, Some("same"));
}

#[test]
fn no_more_processes_are_started_for_more_commits() {
    let repo = TestRepo::new();
    repo.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    let parent = repo.git(&["rev-parse", "main"]);
    let one = |number: usize| {
        let id = repo.git(&["commit-tree", &tree, "-p", &parent, "-m", &number.to_string()]);
        super::Head { id, ..head(&repo, "main", &[MAIN]) }
    };
    let heads: Vec<_> = (0..100).map(one).collect();
    let (few, many) = (asked(&repo, &heads[..10], 2000).1, asked(&repo, &heads, 2000).1);
    assert_eq!(few, many);
    assert!(many <= 8, "{many}");
}
