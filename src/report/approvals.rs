//! What a repository's own file would run, and what of it is approved.

use std::path::Path;

use crate::report::style::{Look, Role};
use crate::settings::Files;
use crate::settings::literal::toml;
use crate::settings::trust::{Approval, Code, Unread};
use crate::text::quote;
use crate::text::sanitize::line;

/// What would run, each with its line in the file.
pub fn definitions(code: &Code, file: &str, files: &Files, look: Look) -> String {
    let mut text = format!("{} would run:\n", line(file));
    for (path, value) in code.definitions() {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let place = files.line(file, &names).map_or_else(String::new, |line| format!("line {line}: "));
        text.push_str(&format!("  {}{} = {}\n", look.paint(Role::Faint, &place), quote::toml_path(path), toml(value)));
    }
    text
}

/// The question whether to approve.
pub fn question(common_dir: &Path) -> String {
    format!("Run this in every worktree of {}? [y/N] ", line(&common_dir.to_string_lossy()))
}

/// Approvals, each with what it covers.
pub fn list(approvals: &[Approval]) -> String {
    let mut text = String::new();
    for approval in approvals {
        text.push_str(&format!(
            "{} ({}, approved {})\n",
            line(&approval.repository),
            line(approval.digest.get(..12).unwrap_or_default()),
            line(&approval.approved_at)
        ));
        for definition in &approval.definitions {
            text.push_str(&format!("  {}\n", line(definition)));
        }
    }
    text
}

/// How many approvals were taken back; `is_all`: whether none is left.
pub fn revoked(count: usize, is_all: bool) -> String {
    match count {
        0 if is_all => "There was no approval for this repository.\n".to_owned(),
        0 => String::new(),
        1 => "Took 1 approval back.\n".to_owned(),
        many => format!("Took {many} approvals back.\n"),
    }
}

/// Messages about files among the approvals: the first of them by name, and how many more there are.
pub fn unread(files: &[Unread], level: &'static str, fault: &str) -> Vec<(&'static str, String)> {
    const NAMED: usize = 20;
    let name = |file: &Unread| (level, format!("{} {fault}: {}", file.path.display(), file.error));
    let more = files.len().saturating_sub(NAMED);
    let rest = (more > 0).then(|| (level, format!("and {more} more")));
    files.iter().take(NAMED).map(name).chain(rest).collect()
}
