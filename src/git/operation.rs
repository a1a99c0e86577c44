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

/// The short name of the branch that a rebase or a bisection comes back to when it ends.
/// (Files: `wt_status_get_state` in git's wt-status.c.)
pub fn returns_to(git_dir: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(git_dir.join(name)).ok();
    let rebased = || {
        let name = read("rebase-merge/head-name").or_else(|| read("rebase-apply/head-name"))?;
        // A rebase that began on a detached HEAD says so in words.
        name.trim_end().strip_prefix("refs/heads/").map(str::to_owned)
    };
    let bisected = || {
        let start = read("BISECT_START")?.trim_end().to_owned();
        let is_commit = start.len() >= 40 && start.bytes().all(|digit| digit.is_ascii_hexdigit());
        (!is_commit && !start.is_empty()).then_some(start)
    };
    rebased().or_else(bisected)
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
