//! Plain types that every floor may use: no processes, no files, no output.

pub mod answer;
pub mod backlog;
pub mod check;
pub mod facts;
pub mod id;
pub mod outcome;
pub mod worktree;
