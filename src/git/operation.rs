//! Which operation a worktree is in the middle of.

use std::path::Path;

use crate::git::open_folder::{Buffer, Folder};
use crate::git::regular_file::{self, Links};
use crate::model::worktree::Marks;

/// The names of the operations that are under way in the worktree that this git folder belongs to, divided by spaces;
/// mostly one, or none at all. `None`: nobody knows.
///
/// A rebase is told before the merge or the pick that it may itself have stopped at; a bisection beside any of them.
/// (Rule: `wt_status_get_state` in git's wt-status.c, which looks for a bisection whatever else it has found.)
pub fn under_way(git_dir: &Path, marks: Marks) -> Option<String> {
    let is_at_rest = has_none(git_dir);
    let has = |name: &str| !is_at_rest && git_dir.join(name).symlink_metadata().is_ok();
    let (picks, reverts) = match marks {
        Marks::Files => (has("CHERRY_PICK_HEAD"), has("REVERT_HEAD")),
        Marks::Refs { cherry_pick, revert } => (cherry_pick, revert),
        Marks::Unknown => return None,
    };
    let first = if has("rebase-merge") {
        Some("rebase")
    } else if has("rebase-apply") {
        Some(if has("rebase-apply/applying") { "am" } else { "rebase" })
    } else if has("MERGE_HEAD") {
        Some("merge")
    } else if picks {
        Some("cherry-pick")
    } else if reverts {
        Some("revert")
    } else if is_at_rest {
        None
    } else {
        sequence(git_dir)
    };
    let bisection = has("BISECT_LOG").then_some("bisect");
    Some(first.into_iter().chain(bisection).collect::<Vec<_>>().join(" "))
}

/// What tells of operations in a git folder.
const TRACES: [&str; 7] =
    ["rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "sequencer", "BISECT_LOG"];

/// Whether one listing of the folder tells that nothing in it is a trace of an operation, which is cheaper than a look for
/// each. A name that a file system might take for one of them, or that is not listed for whatever reason, is looked for.
fn has_none(git_dir: &Path) -> bool {
    let is_other =
        |name: &[u8]| name.is_ascii() && !TRACES.iter().any(|trace| name.eq_ignore_ascii_case(trace.as_bytes()));
    let mut are_others = true;
    let listed = Folder::at(git_dir).and_then(|folder| {
        folder.list(&mut Buffer::default(), |name, _| {
            are_others &= is_other(name);
            Ok(are_others)
        })
    });
    listed.is_ok() && are_others
}

/// The short name of the branch that a rebase or a bisection comes back to when it ends.
/// (Files: `wt_status_get_state` in git's wt-status.c.)
pub fn returns_to(git_dir: &Path) -> Option<String> {
    let read = |name: &str| text(&git_dir.join(name));
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

/// The text of a file in a git folder. What lies there may be anything, a FIFO too.
fn text(path: &Path) -> Option<String> {
    const LONGEST: usize = 16 << 20;
    String::from_utf8(regular_file::contents(path, Links::Followed, LONGEST).ok()?).ok()
}

/// A sequence of picks or reverts between two of its steps: only its list of things to do is left.
/// (Rule: `sequencer_get_last_command` in git's sequencer.c.)
fn sequence(git_dir: &Path) -> Option<&'static str> {
    let todo = text(&git_dir.join("sequencer/todo"))?;
    match todo.split_whitespace().next()? {
        "p" | "pick" => Some("cherry-pick"),
        "revert" => Some("revert"),
        _ => None,
    }
}
