//! What was installed or removed, and what start-up files must say.

use std::path::Path;

use crate::setup::{Needed, Step};
use crate::text::sanitize::line;

/// One line: what was done with a file, or would be in a run that is not dry.
pub fn step(step: Step, path: &Path, is_dry: bool) -> String {
    let path = shown(path);
    match (step, is_dry) {
        (Step::Keep, _) => format!("Up to date: {path}"),
        (Step::Write, false) => format!("Wrote {path}"),
        (Step::Write, true) => format!("Would write {path}"),
        (Step::Remove, false) => format!("Removed {path}"),
        (Step::Remove, true) => format!("Would remove {path}"),
        (Step::Leave, _) => format!("'git wtcheck setup' did not write {path}: it stays"),
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
