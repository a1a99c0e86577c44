//! Objects read without git, held against git.

use std::fs;
use std::path::Path;

use git_wtcheck::git::index::Hash;
use git_wtcheck::git::mounts::Mounts;
use git_wtcheck::git::objects::Objects;
use git_wtcheck::git::why::Why;

use crate::support::TestRepo;

fn tree(repo: &TestRepo, commit: &str) -> Result<String, Why> {
    let objects = Objects::open(&repo.at(".git"), Hash::Sha1, &Mounts::of_this_process())?;
    Ok(objects.reader().tree_of(commit)?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The file of a loose object.
fn loose(repo: &TestRepo, id: &str) -> std::path::PathBuf {
    repo.at(format!(".git/objects/{}/{}", &id[..2], &id[2..]))
}

/// Commits whose trees differ little, so that they are packed as differences.
fn history(repo: &TestRepo) -> Vec<String> {
    let commit = |number: usize| {
        for file in 0..40 {
            let content = if file == number { "changed" } else { "a line" };
            repo.write(format!("folder/{file}"), format!("{content}\n"));
        }
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message=next"]);
        repo.git(&["rev-parse", "HEAD"])
    };
    (0..10).map(commit).collect()
}

#[test]
fn trees_are_git_s_loose_or_packed_or_in_another_repository() {
    let repo = TestRepo::new();
    let commits = history(&repo);
    let each = |repo: &TestRepo| {
        for commit in &commits {
            assert_eq!(tree(repo, commit), Ok(repo.git(&["rev-parse", &format!("{commit}^{{tree}}")])));
        }
    };
    each(&repo);
    repo.git(&["repack", "-a", "-d", "-q", "--depth=50", "--write-midx"]);
    each(&repo);
    let other = TestRepo::empty();
    other.git(&["clone", "--quiet", "--shared", &repo.path().to_string_lossy(), "."]);
    each(&other);
    // That leads on to a third: git follows it as far as it likes to.
    fs::create_dir_all(repo.at(".git/objects/info")).expect("a folder");
    fs::write(repo.at(".git/objects/info/alternates"), "/no/such/folder\n").expect("a file");
    assert_eq!(tree(&other, &commits[0]), Err(Why::Objects));
    assert_eq!(tree(&repo, &commits[0]), Err(Why::FileSystem), "a folder that is not there is kept nowhere");
    for odd in ["relative\n", "\"/quoted\"\n", "# a comment\n"] {
        fs::write(repo.at(".git/objects/info/alternates"), odd).expect("a file");
        assert_eq!(tree(&repo, &commits[0]), Err(Why::Objects), "{odd}");
    }
}

#[test]
fn what_is_missing_broken_or_something_else_is_for_git_to_tell() {
    let repo = TestRepo::new();
    let commit = repo.git(&["rev-parse", "HEAD"]);
    let tree_id = repo.git(&["rev-parse", "HEAD^{tree}"]);
    repo.git(&["tag", "--annotate", "--message=x", "v1"]);
    assert_eq!(tree(&repo, &repo.git(&["rev-parse", "v1"])), Err(Why::Head), "a tag");
    assert_eq!(tree(&repo, &tree_id), Err(Why::Head), "a tree");
    for other in ["", "1", "x", &"0".repeat(40), &"0".repeat(64)] {
        assert_eq!(tree(&repo, other), Err(Why::Head), "{other}");
    }
    for id in [&tree_id, &commit] {
        let file = loose(&repo, id);
        let whole = fs::read(&file).expect("an object");
        let spoilt = |content: &[u8]| {
            fs::remove_file(&file).expect("an object");
            fs::write(&file, content).expect("a file");
            match tree(&repo, &commit) {
                Err(why) => assert_eq!(why, Why::Head),
                Ok(read) => assert!(read == tree_id && content.len() + 8 > whole.len(), "what is read is what it was"),
            }
        };
        for length in 0..whole.len() {
            spoilt(&whole[..length]);
        }
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 0x15;
            spoilt(&other);
        }
        fs::remove_file(&file).expect("an object");
        assert_eq!(tree(&repo, &commit), Err(Why::Head), "it is not there");
        fs::write(&file, whole).expect("a file");
        assert_eq!(tree(&repo, &commit).as_ref(), Ok(&tree_id));
    }
    assert!(Path::new(&repo.at(".git/objects")).is_dir());
}
