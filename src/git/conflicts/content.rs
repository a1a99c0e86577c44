//! What a worktree holds, as a commit: HEAD, or a commit made for the occasion, whose tree is what `git add --all` and
//! `git commit` would make of it.

use std::fs::{File, create_dir, write};
use std::path::Path;

use bstr::{BString, ByteSlice};

use crate::git::blind_spot::blind_spot;
use crate::git::conflicts::place::{Bench, id, is_id, refusal};
use crate::git::errand::Carrier;
use crate::git::regular_file::{Links, contents, contents_and_file};
use crate::model::answer::Exit;
use crate::model::worktree::Worktree;

/// An index is no larger.
const LARGEST_INDEX: usize = 1 << 30;
/// No more bytes than these are added: they are copied.
const MOST_BYTES: u64 = 1 << 30;
/// Commits that a merge under way brings in.
const LARGEST_MERGE_HEAD: usize = 64 << 10;

/// The name that the commit for the occasion has on it. Nobody ever sees it.
const NOBODY: [(&str, &str); 6] = [
    ("GIT_AUTHOR_NAME", "nobody"),
    ("GIT_AUTHOR_EMAIL", "nobody"),
    ("GIT_AUTHOR_DATE", "@0 +0000"),
    ("GIT_COMMITTER_NAME", "nobody"),
    ("GIT_COMMITTER_EMAIL", "nobody"),
    ("GIT_COMMITTER_DATE", "@0 +0000"),
];

/// What git lists of a worktree.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listed {
    head: Option<String>,
    is_unmerged: bool,
    /// Whether anything is uncommitted.
    is_changed: bool,
    /// Paths whose files are not what the index has.
    to_add: Vec<BString>,
}

/// The commit that holds what a worktree does; none: there is nothing in it. Or why it is not known, in words.
pub(super) async fn commit<C: Carrier>(
    bench: &Bench<'_, C>,
    number: usize,
    worktree: &Worktree,
) -> Result<Option<String>, String> {
    let listed = listed(bench, worktree).await?;
    if listed.is_unmerged {
        return Err("it has paths with conflicts that are not resolved".to_owned());
    }
    let merged = merged(worktree)?;
    if !listed.is_changed && merged.is_empty() {
        return Ok(listed.head);
    }
    let Some(head) = &listed.head else {
        return Err("it has uncommitted files, and no commit yet".to_owned());
    };
    let tree = tree(bench, number, worktree, &listed).await?;
    let mut args = vec!["commit-tree", &tree, "-p", head];
    args.extend(merged.iter().flat_map(|parent| ["-p", parent.as_str()]));
    let mut invocation = bench.of_repository(&args);
    invocation.input = Some(Vec::new());
    for (name, value) in NOBODY {
        invocation.env(name, value);
    }
    id(&bench.done(invocation).await?).map(Some)
}

async fn listed<C: Carrier>(bench: &Bench<'_, C>, worktree: &Worktree) -> Result<Listed, String> {
    // Whether a submodule's own files are changed is no matter of the repository around it.
    let args =
        ["status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--no-renames", "--untracked-files=all"];
    let args: Vec<&str> = args.into_iter().chain(["--ignore-submodules=dirty"]).collect();
    let printed = bench.carry(bench.of_worktree(worktree, &args)).await?;
    if printed.exit != Exit::Code(0) {
        return Err(refusal(&printed.stderr));
    }
    if let Some(words) = blind_spot(&printed.stderr) {
        return Err(format!("git could not look everywhere: {words}"));
    }
    parse(&printed.stdout)
}

/// Reads the records. (Format: git-status(1), "Porcelain Format Version 2".)
fn parse(output: &[u8]) -> Result<Listed, String> {
    let odd = || "cannot read what git status printed".to_owned();
    let output = output.strip_suffix(b"\0").ok_or_else(odd)?;
    let mut listed = Listed::default();
    let mut is_told = false;
    for field in output.split_str(b"\0") {
        if let Some(oid) = field.strip_prefix(b"# branch.oid ") {
            is_told = true;
            listed.head = match oid {
                b"(initial)" => None,
                oid if is_id(oid) => Some(oid.to_str_lossy().into_owned()),
                _ => return Err(odd()),
            };
        } else if field.starts_with(b"# ") {
        } else if field.starts_with(b"u ") {
            listed.is_unmerged = true;
        } else if field.starts_with(b"1 ") {
            let path = field.splitn(9, |byte| *byte == b' ').nth(8).ok_or_else(odd)?;
            listed.is_changed = true;
            // What is only staged is in the index as it is; a path that is staged as deleted is nowhere to be added.
            if field.get(3) != Some(&b'.') {
                listed.to_add.push(path.into());
            }
        } else if let Some(path) = field.strip_prefix(b"? ") {
            // A repository of its own in this one, another worktree say, is not its work.
            if !path.ends_with(b"/") {
                listed.is_changed = true;
                listed.to_add.push(path.into());
            }
        } else {
            return Err(odd());
        }
    }
    if is_told { Ok(listed) } else { Err(odd()) }
}

/// The tree of all that is in a worktree's files, less what is ignored. Its index and the objects of the repository
/// stay as they are.
async fn tree<C: Carrier>(
    bench: &Bench<'_, C>,
    number: usize,
    worktree: &Worktree,
    listed: &Listed,
) -> Result<String, String> {
    let mut bytes = 0_u64;
    for path in &listed.to_add {
        let path = path.to_path().map_err(|_| "it has a path that cannot be read".to_owned())?;
        let file = worktree.path.join(path).symlink_metadata();
        bytes = bytes.saturating_add(file.map_or(0, |file| file.len()));
    }
    if bytes > MOST_BYTES {
        return Err(format!("its uncommitted files are larger than {} MiB", MOST_BYTES >> 20));
    }
    let folder = bench.folder.at(number.to_string());
    let index = folder.join("index");
    let git_dir = worktree.git_dir.as_ref().ok_or("its git folder is not known")?;
    let cannot = |error: std::io::Error| format!("cannot copy its index: {error}");
    create_dir(&folder).map_err(cannot)?;
    match contents_and_file(&git_dir.join("index"), Links::Refused, LARGEST_INDEX) {
        Ok((content, about)) => {
            write(&index, &content).map_err(cannot)?;
            // git takes a file for unchanged that was written before its index was, and only then. (Rule: "racy git" in
            // git's documentation, technical/racy-git.)
            let copy = File::options().write(true).open(&index);
            copy.and_then(|file| file.set_modified(about.modified()?)).map_err(cannot)?;
        }
        // Nothing is staged, and nothing is tracked.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error)),
    }
    if !listed.to_add.is_empty() {
        add(bench, worktree, &index, &listed.to_add).await?;
    }
    let mut write_tree = bench.of_worktree(worktree, &["write-tree"]);
    write_tree.env("GIT_INDEX_FILE", &index);
    id(&bench.done(write_tree).await?)
}

/// Takes these files into a copy of the index, as they are.
async fn add<C: Carrier>(
    bench: &Bench<'_, C>,
    worktree: &Worktree,
    index: &Path,
    to_add: &[BString],
) -> Result<(), String> {
    // Each path is meant as it is, whatever is ignored; one whose file is gone by now is gone from here too.
    let args = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];
    let mut add = bench.of_worktree(worktree, &args);
    let mut paths = Vec::new();
    for path in to_add {
        paths.extend_from_slice(path);
        paths.push(0);
    }
    add.input = Some(paths);
    add.env("GIT_INDEX_FILE", index);
    let printed = bench.done(add).await?;
    if let Some(words) = blind_spot(&printed.stderr) {
        return Err(format!("git could not look everywhere: {words}"));
    }
    Ok(())
}

/// Whether a merge may be under way.
pub(super) fn is_merging(worktree: &Worktree) -> bool {
    merged(worktree).map_or(true, |merged| !merged.is_empty())
}

/// The commits that a merge under way is about to bring in. (File: `MERGE_HEAD` in gitrepository-layout(5).)
fn merged(worktree: &Worktree) -> Result<Vec<String>, String> {
    let git_dir = worktree.git_dir.as_ref().ok_or("its git folder is not known")?;
    let words = match contents(&git_dir.join("MERGE_HEAD"), Links::Refused, LARGEST_MERGE_HEAD) {
        Ok(words) => words,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("cannot read its MERGE_HEAD: {error}")),
    };
    let lines = words.lines().map(|line| {
        if is_id(line) { Ok(line.to_str_lossy().into_owned()) } else { Err("cannot read its MERGE_HEAD".to_owned()) }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "0123456789012345678901234567890123456789";

    #[test]
    fn changed_paths_and_nested_repositories_are_told_apart() {
        let printed = format!(
            "# branch.oid {OID}\0# branch.head main\x001 .M N... 100644 100644 100644 a b with spaces\0? new\0? nested/\0"
        );
        let listed = parse(printed.as_bytes()).expect("well-formed");
        assert_eq!(listed.head.as_deref(), Some(OID));
        assert_eq!(listed.to_add, ["with spaces", "new"]);
        assert!(listed.is_changed && !listed.is_unmerged);
        let staged = format!("# branch.oid {OID}\0{}D. N... 100644 000000 000000 a b gone\0", "1 ");
        let listed = parse(staged.as_bytes()).expect("well-formed");
        assert!(listed.is_changed && listed.to_add.is_empty());
        let nested = format!("# branch.oid {OID}\0? nested/\0");
        assert!(!parse(nested.as_bytes()).expect("well-formed").is_changed);
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        for odd in ["", "? a\0", "# branch.oid x\0", "# branch.oid (initial)\x001 .M N...\0", "# branch.oid (initial)"]
        {
            assert!(parse(odd.as_bytes()).is_err(), "{odd:?}");
        }
        assert!(parse(b"# branch.oid (initial)\0u UU N... 1 2 3 4 a b c d\0").expect("well-formed").is_unmerged);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>) {
            let _ = parse(&output);
        }
    }
}
