//! Random worktrees, of which every two are merged by `git merge` too.

use std::path::Path;

use fastrand::Rng;
use serde_json::Value;

use super::{commit, facts};
use crate::support::TestRepo;

const WORKTREES: [&str; 5] = ["w0", "w1", "w2", "w3", "w4"];
const SEEDS: u64 = 6;

/// The files of a folder, from the top, without git's own.
fn files(top: &Path, folder: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort_unstable();
    for path in entries.into_iter().filter(|path| !path.ends_with(".git")) {
        if path.is_dir() {
            files(top, &path, found);
        } else {
            found.push(path.strip_prefix(top).expect("below").display().to_string());
        }
    }
}

/// Something that one does in a worktree.
fn happen(repo: &TestRepo, name: &str, random: &mut Rng) {
    let top = repo.root().join(name);
    let mut all = Vec::new();
    files(&top, &top, &mut all);
    let some = (!all.is_empty()).then(|| all[random.usize(0..all.len())].clone());
    let number = random.u32(0..1000);
    match (random.u32(0..12), some) {
        (0..4, Some(file)) => {
            let content = std::fs::read_to_string(top.join(&file)).expect("text");
            let mut lines: Vec<String> = content.lines().map(str::to_owned).collect();
            let at = random.usize(0..=lines.len().saturating_sub(1));
            match lines.get_mut(at) {
                Some(line) => *line = format!("{name} {number}"),
                None => lines.push(number.to_string()),
            }
            std::fs::write(top.join(file), lines.join("\n") + "\n").expect("a file");
        }
        (4, Some(file)) => std::fs::remove_file(top.join(file)).expect("a file"),
        (5, Some(file)) => {
            let to = ["d0/moved", "d1/moved", "moved", "d2/deep/moved"][random.usize(0..4)];
            std::fs::create_dir_all(top.join(to).parent().expect("a folder")).ok();
            _ = std::fs::rename(top.join(file), top.join(to));
        }
        (6, _) => {
            let (from, to) = (["d0", "d1", "d2"][random.usize(0..3)], ["e0", "e1", "d2/in"][random.usize(0..3)]);
            std::fs::create_dir_all(top.join(to).parent().expect("a folder")).ok();
            _ = std::fs::rename(top.join(from), top.join(to));
        }
        (7, Some(file)) => {
            std::fs::remove_file(top.join(&file)).expect("a file");
            std::fs::create_dir(top.join(&file)).expect("a folder");
            std::fs::write(top.join(&file).join("inside"), format!("{number}\n")).expect("a file");
        }
        (8, _) => _ = repo.git_try(format!("../{name}"), &["add", "--all"]),
        (9, _) => commit(repo, name),
        (10, _) if random.bool() => {
            commit(repo, name);
            let other = WORKTREES[random.usize(0..WORKTREES.len())];
            if !repo.git_try(format!("../{name}"), &["merge", "--quiet", "--no-edit", other]).status.success() {
                _ = repo.git_try(format!("../{name}"), &["merge", "--abort"]);
            }
        }
        _ => {
            let folder = ["d0", "d1", "d2", "e0", "new"][random.usize(0..5)];
            if std::fs::create_dir_all(top.join(folder)).is_ok() {
                let file = top.join(folder).join(format!("n{}", random.u32(0..4)));
                _ = std::fs::write(file, format!("{}\n", random.u32(0..2)));
            }
        }
    }
}

fn made(seed: u64) -> TestRepo {
    let mut random = Rng::with_seed(seed);
    let repo = TestRepo::new();
    for folder in ["d0", "d1", "d2"] {
        for file in 0..3 {
            let lines: Vec<String> = (0..8).map(|line| format!("{folder} {file} {line}")).collect();
            repo.write(format!("{folder}/f{file}"), lines.join("\n") + "\n");
        }
    }
    repo.git(&["add", "--all"]);
    repo.git(&["commit", "--quiet", "--message=base"]);
    for name in WORKTREES {
        repo.worktree(name);
        for _ in 0..random.usize(1..7) {
            happen(&repo, name, &mut random);
        }
        // Some begin where another one is.
        if random.u32(0..4) == 0 {
            repo.git(&["reset", "--quiet", "--hard", name]);
        }
    }
    repo
}

#[test]
fn every_two_stop_where_git_merge_does() {
    let (mut stopped, mut went) = (0, 0);
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let first = number("WTCHECK_SEED").unwrap_or(0);
    for seed in first..first + number("WTCHECK_CONFLICT_SEEDS").unwrap_or(SEEDS) {
        let repo = made(seed);
        let facts = facts(&repo);
        for name in WORKTREES {
            commit(&repo, name);
        }
        repo.git(&["worktree", "add", "--quiet", "--detach", "../scratch"]);
        for one in WORKTREES {
            for other in WORKTREES.into_iter().filter(|other| *other != one) {
                repo.git_in("../scratch", &["checkout", "--quiet", "--force", "--detach", one]);
                repo.git_in("../scratch", &["clean", "--quiet", "-ffdx"]);
                let merged = repo.git_try("../scratch", &["merge", "--quiet", "--no-edit", other]);
                let said = facts[one]["with"].as_array().expect("a list").contains(&Value::from(other));
                assert_eq!(facts[one]["unknown"], serde_json::json!([]), "seed {seed}");
                assert_eq!(
                    said,
                    !merged.status.success(),
                    "seed {seed}: {other} into {one}\n{}{}",
                    String::from_utf8_lossy(&merged.stdout),
                    String::from_utf8_lossy(&merged.stderr)
                );
                *if said { &mut stopped } else { &mut went } += 1;
                // git 2.47 dies of some merges that stop ("BUG: merge-ort.c"), and leaves its lock.
                _ = std::fs::remove_file(repo.at(".git/worktrees/scratch/index.lock"));
                repo.git_in("../scratch", &["reset", "--quiet", "--hard"]);
            }
        }
    }
    assert!(stopped > 20 && went > 20, "{stopped} stopped, {went} went through: too few of one kind");
}
