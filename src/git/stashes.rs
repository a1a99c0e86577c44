//! On which branches the entries of the stash were made. All worktrees share the stash: nothing of it is lost with one.

use std::collections::BTreeMap;
use std::path::Path;

use bstr::{BString, ByteSlice};

use crate::git::reflog;
use crate::git::why::Why;

/// How many entries were made on each branch, by its short name.
pub fn by_branch(common_dir: &Path, id_length: usize) -> Result<BTreeMap<BString, u64>, Why> {
    let lines = reflog::read(&common_dir.join("logs/refs/stash"))?;
    let mut made = BTreeMap::new();
    for entry in reflog::entries(&lines, id_length)? {
        if let Some(branch) = branch_of(entry.message) {
            *made.entry(branch.into()).or_default() += 1;
        }
    }
    Ok(made)
}

/// `WIP on BRANCH: 1a2b3c4 subject`, or `On BRANCH: message`. No branch has a colon in its name. (Words:
/// `stash_working_tree` in git's builtin/stash.c, which are not translated in the log.)
fn branch_of(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(b"WIP on ").or_else(|| message.strip_prefix(b"On "))?;
    let branch = rest.get(..rest.find(": ")?)?;
    (branch != b"(no branch)").then_some(branch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_stands_in_the_message() {
        assert_eq!(branch_of(b"WIP on feat/a: 1a2b3c4 one: two").map(BString::from), Some("feat/a".into()));
        assert_eq!(branch_of(b"On main: On other: x").map(BString::from), Some("main".into()));
        for other in [&b"WIP on (no branch): 1 x"[..], b"made by hand", b"WIP on main", b""] {
            assert_eq!(branch_of(other), None);
        }
    }
}
