//! Which operation a worktree is in the middle of.

use std::path::Path;

/// The name of the operation that is under way in the worktree that this git folder belongs to, or an empty string.
///
/// Reads the same files, in the same order, as git's contrib/completion/git-prompt.sh: a rebase is
/// told before the merge or the pick that it may itself have stopped at.
pub fn under_way(git_dir: &Path) -> &'static str {
    let has = |name: &str| git_dir.join(name).symlink_metadata().is_ok();
    if has("rebase-merge") {
        "rebase"
    } else if has("rebase-apply") {
        if has("rebase-apply/applying") { "am" } else { "rebase" }
    } else if has("MERGE_HEAD") {
        "merge"
    } else if has("CHERRY_PICK_HEAD") {
        "cherry-pick"
    } else if has("REVERT_HEAD") {
        "revert"
    } else if let Some(operation) = sequence(git_dir) {
        operation
    } else if has("BISECT_LOG") {
        "bisect"
    } else {
        ""
    }
}

/// A sequence of picks or reverts between two of its steps: only its list of things to do is left.
/// (Rule: `sequencer_get_last_command` in git's sequencer.c.)
fn sequence(git_dir: &Path) -> Option<&'static str> {
    let todo = std::fs::read_to_string(git_dir.join("sequencer/todo")).ok()?;
    match todo.split_whitespace().next()? {
        "p" | "pick" => Some("cherry-pick"),
        "revert" => Some("revert"),
        _ => None,
    }
}
