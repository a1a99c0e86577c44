//! What of all that could run the command line selects.

use std::path::PathBuf;

/// What the command line selects.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Checks by name; none: the configured pipeline.
    pub checks: Vec<String>,
    /// Checks to leave out.
    pub skip: Vec<String>,
    /// Patterns of worktrees.
    pub worktrees: Vec<String>,
    /// The folder that relative paths among the patterns start from.
    pub directory: PathBuf,
    /// Whether a check that nobody has approved stops the plan: it must, where the plan is carried out.
    pub approved_only: bool,
}
