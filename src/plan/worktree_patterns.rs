//! `--worktree` patterns: globs on a worktree's path, folder name or branch.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::git::mounts::Mounts;
use crate::model::worktree::Worktree;
use crate::settings::{Diagnostic, nearest};

struct Pattern<'a> {
    text: &'a str,
    /// The text without its `!`.
    bare: &'a str,
    leaves_out: bool,
    glob: GlobMatcher,
    /// The folder that it names, where it is a path and not a glob.
    folder: Option<PathBuf>,
    mounts: &'a Mounts,
}

impl<'a> Pattern<'a> {
    fn new(text: &'a str, directory: &Path, mounts: &'a Mounts) -> Result<Self, Diagnostic> {
        let (leaves_out, pattern) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        if pattern.is_empty() {
            // Most likely a variable of a script that is not set; it must not stand for the current folder.
            return Err(Diagnostic::new(format!("'{text}' is no pattern: it is empty")));
        }
        // As in `git branch --list`, `*` crosses `/`.
        let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
        let glob = glob.map_err(|error| Diagnostic::new(format!("'{text}' is no pattern: {}", error.kind())))?;
        let folder = mounts.real(&directory.join(pattern));
        Ok(Self { text, bare: pattern, leaves_out, glob: glob.compile_matcher(), folder, mounts })
    }

    fn matches(&self, worktree: &Worktree) -> bool {
        let exactly = worktree.name == self.bare || worktree.branch.as_deref() == Some(self.bare);
        exactly
            || self.glob.is_match(&worktree.path)
            || self.glob.is_match(&worktree.name)
            || worktree.branch.as_ref().is_some_and(|branch| self.glob.is_match(branch))
            || self.folder.as_ref().is_some_and(|folder| {
                worktree.path == *folder || self.mounts.real(&worktree.path).is_some_and(|path| path == *folder)
            })
    }
}

/// The worktrees that the patterns leave: those that some pattern names (all, where none names any), less those that a
/// `!pattern` names.
pub(super) fn worktrees(
    worktrees: Vec<Worktree>,
    patterns: &[String],
    directory: &Path,
) -> Result<Vec<Worktree>, Diagnostic> {
    let mounts = if patterns.is_empty() { Mounts::default() } else { Mounts::of_this_process() };
    let mut patterns =
        patterns.iter().map(|text| Pattern::new(text, directory, &mounts)).collect::<Result<Vec<_>, _>>()?;
    for pattern in patterns.iter_mut().filter(|pattern| matches!(pattern.bare, "." | "./")) {
        pattern.folder = pattern.folder.take().map(|folder| top_of(folder, &worktrees, &mounts));
    }
    for pattern in &patterns {
        if !worktrees.iter().any(|worktree| pattern.matches(worktree)) {
            return Err(matches_nothing(pattern.text, &worktrees));
        }
    }
    let (out, of): (Vec<_>, Vec<_>) = patterns.iter().partition(|pattern| pattern.leaves_out);
    let named = |worktree: &Worktree| of.is_empty() || of.iter().any(|pattern| pattern.matches(worktree));
    let chosen: Vec<_> = worktrees
        .into_iter()
        .filter(|worktree| named(worktree) && !out.iter().any(|pattern| pattern.matches(worktree)))
        .collect();
    if chosen.is_empty() {
        return Err(Diagnostic::new("the patterns leave no worktree")
            .remedy("'!PATTERN' leaves out; all that was chosen is left out"));
    }
    Ok(chosen)
}

/// The worktree in which a folder lies, the innermost one; or the folder itself.
fn top_of(folder: PathBuf, worktrees: &[Worktree], mounts: &Mounts) -> PathBuf {
    let tops = worktrees.iter().filter_map(|worktree| mounts.real(&worktree.path));
    let around = tops.filter(|top| folder.starts_with(top)).max_by_key(|top| top.components().count());
    around.unwrap_or(folder)
}

fn matches_nothing(pattern: &str, worktrees: &[Worktree]) -> Diagnostic {
    const LISTED: usize = 20;
    let names =
        worktrees.iter().flat_map(|worktree| [Some(worktree.name.as_str()), worktree.branch.as_deref()]).flatten();
    let near = nearest(pattern.trim_start_matches('!'), names);
    let listed = |worktree: &Worktree| match &worktree.branch {
        Some(branch) if *branch != worktree.name => format!("{} ({branch})", worktree.name),
        _ => worktree.name.clone(),
    };
    let mut all = worktrees.iter().take(LISTED).map(listed).collect::<Vec<_>>().join(", ");
    if worktrees.len() > LISTED {
        all = format!("{all}, and {} more", worktrees.len() - LISTED);
    }
    let remedy = match near {
        Some(near) => format!("did you mean '{near}'? There are: {all}"),
        None => format!("there are: {all}"),
    };
    Diagnostic::new(format!("no worktree matches '{pattern}'")).remedy(remedy)
}
