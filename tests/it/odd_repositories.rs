//! Repositories that hold things otherwise than most: refs that are no files, an index that holds folders, a part of the
//! objects only, a main worktree that only its own configuration makes one. Each is held against git itself.

use serde_json::Value;

use crate::support::{TestRepo, there_is, unit};

/// A repository whose refs are kept in this format; none where git does not know it.
fn of_format(format: &str) -> Option<TestRepo> {
    let repo = TestRepo::empty();
    let format = format!("--ref-format={format}");
    let made = repo.git_try(".", &["init", "--quiet", "--initial-branch=main", &format, "."]).status.success();
    if !there_is("a git that keeps refs in a reftable", made) {
        return None;
    }
    repo.write("file.txt", "one\ntwo\nthree\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=first commit"]);
    Some(repo)
}

fn report(repo: &TestRepo, folder: &str, code: i32) -> Value {
    repo.wtcheck_in(folder, &["--format=json", "--retries=0"]).exits(code).json()
}

/// The numbers that `git diff --numstat` gives: files, insertions, deletions.
fn counted_by_git(repo: &TestRepo, folder: &str) -> [u64; 3] {
    let lines = repo.git_in(folder, &["diff", "--numstat", "HEAD", "--"]);
    let mut sums = [0; 3];
    for line in lines.lines() {
        let mut numbers = line.split('\t').map(|number| number.parse::<u64>().unwrap_or(0));
        sums = [sums[0] + 1, sums[1] + numbers.next().expect("a number"), sums[2] + numbers.next().expect("a number")];
    }
    sums
}

fn counted(unit: &Value) -> [u64; 3] {
    ["files", "insertions", "deletions"].map(|fact| unit["facts"][fact].as_u64().unwrap_or_else(|| panic!("{unit:#}")))
}

#[test]
fn operations_are_told_wherever_git_keeps_their_marks() {
    for format in ["files", "reftable"] {
        let Some(repo) = of_format(format) else { return };
        repo.git(&["checkout", "--quiet", "-b", "other"]);
        repo.write("file.txt", "other\n");
        repo.git(&["commit", "--quiet", "--all", "--message=other"]);
        repo.git(&["checkout", "--quiet", "main"]);
        repo.write("file.txt", "ours\n");
        repo.git(&["commit", "--quiet", "--all", "--message=ours"]);
        let operations: [(&str, &[&str]); 6] = [
            ("merge", &["merge", "other"]),
            ("rebase", &["rebase", "other"]),
            ("cherry-pick", &["cherry-pick", "other"]),
            ("revert", &["revert", "--no-edit", "HEAD~1"]),
            ("bisect", &["bisect", "start", "HEAD", "HEAD~1"]),
            ("nothing", &["status"]),
        ];
        for (name, args) in operations {
            repo.worktree(name);
            repo.git_try(format!("../{name}"), args);
        }
        // git status names both.
        repo.worktree("both");
        repo.git_in("../both", &["bisect", "start"]);
        repo.git_try("../both", &["rebase", "other"]);
        let said = repo.git_in("../both", &["status"]);
        assert!(said.contains("rebas") && said.contains("bisect"), "{said}");
        // In the main worktree, too.
        repo.git_try(".", &["cherry-pick", "other"]);
        for folder in [".", "../nothing"] {
            let json = report(&repo, folder, 0);
            let told = |name: &str| unit(&json, name, "status")["facts"]["operation"].clone();
            for name in ["merge", "rebase", "cherry-pick", "revert", "bisect"] {
                assert_eq!(told(name), name, "{format}");
            }
            assert_eq!([told("nothing"), told("both"), told("repo")], ["", "rebase bisect", "cherry-pick"], "{format}");
        }
    }
}

#[test]
fn of_two_records_of_one_folder_its_own_answers_wherever_head_is_kept() {
    for format in ["files", "reftable"] {
        let Some(repo) = of_format(format) else { return };
        for name in ["old", "new"] {
            repo.worktree(name);
        }
        // As after `rm -r old; mv new old; git worktree repair old`, before any pruning.
        std::fs::remove_dir_all(repo.at("../old")).expect("a folder");
        std::fs::rename(repo.at("../new"), repo.at("../old")).expect("a folder");
        repo.git_in("../old", &["worktree", "repair"]);
        let own = repo.git_in("../old", &["branch", "--show-current"]);
        let json = report(&repo, ".", 1);
        let rows = json["worktrees"].as_array().expect("rows").iter().filter(|row| row["name"] == "old");
        let mut outcomes: Vec<_> =
            rows.map(|row| (row["branch"] == own.as_str(), row["checks"][0]["outcome"].clone())).collect();
        outcomes.sort_by_key(|(is_own, _)| *is_own);
        assert_eq!(outcomes, [(false, "errored".into()), (true, "passed".into())], "{format}");
    }
}

#[test]
fn an_index_that_holds_folders_hides_no_change() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let repo = TestRepo::new();
        let folders = ["in", "in/deep", "out", "out/deep", "away"];
        for folder in folders {
            for file in ["f", "g"] {
                repo.write(format!("{folder}/{file}"), "1\n2\n3\n");
            }
        }
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message=folders"]);
        repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
        // Changes inside, and outside, where files come back by hand or go from the index alone.
        for folder in folders {
            for file in ["f", "g"] {
                let path = format!("{folder}/{file}");
                match random.u8(0..4) {
                    0 => repo.write(&path, "1\nchanged\n"),
                    1 => drop(repo.git_try(".", &["rm", "--quiet", "--cached", "--sparse", &path])),
                    _ => {}
                }
            }
        }
        let json = report(&repo, ".", 0);
        if unit(&json, "repo", "status")["facts"]["dirty"] == true {
            assert_eq!(counted(unit(&json, "repo", "diff")), counted_by_git(&repo, "."), "seed {seed}");
        }
    }
}

#[test]
fn a_file_that_is_named_head_is_a_file() {
    let repo = TestRepo::new();
    repo.write("HEAD", "tracked\n");
    for number in 0..70 {
        repo.write(format!("many/{number}"), "1\n");
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=HEAD"]);
    repo.write("HEAD", "changed\n");
    repo.write("many/1", "changed\n");
    let few = report(&repo, ".", 0);
    assert_eq!(counted(unit(&few, "repo", "diff")), counted_by_git(&repo, "."));
    for number in 0..70 {
        repo.write(format!("many/{number}"), "changed\n");
    }
    let many = report(&repo, ".", 0);
    assert_eq!(counted(unit(&many, "repo", "diff")), counted_by_git(&repo, "."));
    repo.config("wtcheck.diff.args", "--ignore-all-space");
    assert_eq!(counted(unit(&report(&repo, ".", 0), "repo", "diff")), counted_by_git(&repo, "."));
}

#[test]
fn a_branch_without_a_commit_is_not_told_a_tag_s() {
    let repo = TestRepo::new();
    repo.git(&["worktree", "add", "--quiet", "--orphan", "-b", "fresh", "../orphan"]);
    repo.git(&["update-ref", "refs/tags/HEAD", "HEAD"]);
    let json = report(&repo, ".", 0);
    let log = unit(&json, "orphan", "log");
    assert_eq!(
        (&log["outcome"], log.get("facts").is_some_and(|facts| facts.get("commit").is_some())),
        (&"passed".into(), false)
    );
    assert_eq!(unit(&json, "repo", "log")["facts"]["subject"], "first commit");
}

#[test]
fn what_is_not_here_is_not_fetched_and_not_counted() {
    let repo = TestRepo::new();
    repo.config("uploadpack.allowFilter", "true");
    repo.write("d/f", "1\n2\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=d"]);
    let from = format!("file://{}", repo.path().display());
    repo.git(&["clone", "--quiet", "--no-checkout", "--filter=blob:none", &from, "../part"]);
    repo.git_in("../part", &["sparse-checkout", "set", "--no-cone", "/nothing"]);
    repo.git_in("../part", &["checkout", "--quiet", "main"]);
    repo.write("../part/d/f", "other\n");
    repo.git_in("../part", &["update-index", "--no-skip-worktree", "d/f"]);
    let missing =
        || repo.git_in("../part", &["rev-list", "--objects", "--all", "--missing=print"]).matches('?').count();
    let before = missing();
    assert!(before > 0, "blobs are missing");
    let json = report(&repo, "../part", 0);
    let diff = unit(&json, "part", "diff");
    assert_eq!(missing(), before, "nothing was fetched");
    assert_eq!(unit(&json, "part", "status")["facts"]["unstaged"], 1);
    for fact in ["files", "insertions", "deletions"] {
        assert_eq!(diff["facts"].get(fact), Some(&Value::Null), "{diff:#}");
    }
    let run = repo.wtcheck_in("../part", &[]);
    assert!(!run.exits(0).shows("unknown").stdout.contains("+0"), "{}", run.stdout);
}

#[test]
fn a_main_worktree_by_its_own_configuration_is_one_from_everywhere() {
    for (key, value) in [("core.bare", "false"), ("core.worktree", "../../repo")] {
        let repo = TestRepo::new();
        repo.worktree("other");
        repo.config("extensions.worktreeConfig", "true");
        repo.config("core.bare", "true");
        repo.git(&["config", "--worktree", key, value]);
        if key == "core.worktree" {
            repo.git(&["config", "--worktree", "core.bare", "false"]);
        }
        repo.write("new.txt", "new\n");
        // git itself does not answer in the other one: it is bare by the configuration of all.
        let seen = ["repo", "other"].map(|from| {
            let json = report(&repo, &format!("../{from}"), 1);
            let row = json["worktrees"][0].clone();
            (row["path"].clone(), row["bare"].clone(), unit(&json, "repo", "status")["facts"].clone())
        });
        assert_eq!(seen[0], seen[1], "{key}");
        assert_eq!((&seen[0].1, &seen[0].2["untracked"]), (&false.into(), &1.into()), "{key}");
    }
}

/// How many untracked paths git itself names in a folder, without the lock that it would take there: where the git folder is
/// the working tree, the lock is an untracked path too.
fn untracked_by_git(repo: &TestRepo, folder: &str) -> usize {
    let args = ["--no-optional-locks", "status", "--porcelain", "--untracked-files=normal", "-z"];
    repo.git_in(folder, &args).split('\0').filter(|entry| entry.starts_with("?? ")).count()
}

#[test]
fn a_working_tree_in_around_or_of_the_git_folder_has_as_many_untracked_paths_as_git_counts() {
    // (Layouts: t1510-repo-setup.sh of git's own tests.)
    for (git_dir, work_tree) in [
        (".git", "."),
        (".git", ".git"),
        (".git", ".git/wt"),
        (".git", ".git/wt/sub"),
        (".git", ".."),
        (".git", "wt"),
        ("named", "."),
        ("named", "named"),
        ("named", "named/wt"),
        ("named", ".."),
        ("../beside", "."),
        ("../beside", "../beside"),
        ("../beside", "wt"),
    ] {
        let repo = TestRepo::new();
        if git_dir != ".git" {
            std::fs::rename(repo.at(".git"), repo.at(git_dir)).expect("a folder");
            repo.write(".git", format!("gitdir: {}\n", repo.at(git_dir).display()));
        }
        for folder in [".", "wt", &format!("{git_dir}/wt"), &format!("{git_dir}/wt/sub")] {
            repo.write(format!("{folder}/new.txt"), "new\n");
        }
        repo.worktree("linked");
        repo.config("core.worktree", repo.at(work_tree).to_str().expect("text"));
        let expected = untracked_by_git(&repo, ".");
        for from in [".", "wt", git_dir, "../linked"] {
            let report = repo.wtcheck_in(from, &["--format=json", "--retries=0", "status"]).exits(0).json();
            let row = &report["worktrees"][0];
            // Seen from elsewhere, nothing says where a working tree is that is not around its git folder.
            let is_known = row["checks"][0]["outcome"] == "passed";
            let untracked = row["checks"][0]["facts"]["untracked"].as_u64();
            assert!(is_known || from == "../linked", "{git_dir} {work_tree} from {from}: {row:#}");
            assert!(
                !is_known || untracked == Some(expected as u64),
                "{git_dir} {work_tree} from {from}: {expected} {row:#}"
            );
        }
    }
}
