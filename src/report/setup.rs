//! What was installed or removed, and what start-up files must say.

use std::path::Path;

use crate::setup::{Action, Needed, Step};
use crate::text::sanitize::line;

/// What was done with a file; `is_dry`: what would be.
pub fn step(step: &Step<'_>, is_dry: bool) -> String {
    let path = shown(step.path());
    match (step.action, is_dry) {
        (Action::Keep, _) => format!("Up to date: {path}"),
        (Action::Write, false) => format!("Wrote {path}"),
        (Action::Write, true) => format!("Would write {path}"),
        (Action::Remove, false) => format!("Removed {path}"),
        (Action::Remove, true) => format!("Would remove {path}"),
        (Action::Leave, _) => format!("'git wtcheck setup' did not write {path}: it stays"),
    }
}

/// A line that is to be added.
pub fn to_add(needed: &Needed) -> String {
    format!("Add to {}{}:\n    {}\n", shown(&needed.file), needed.place, line(&needed.line))
}

/// A line that can be taken away.
pub fn left_over(needed: &Needed) -> String {
    format!("No longer needed in {}:\n    {}\n", shown(&needed.file), line(&needed.line))
}

fn shown(path: &Path) -> String {
    line(&path.to_string_lossy()).into_owned()
}
