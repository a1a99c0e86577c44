//! The kinds of checks, one file each: the facts that a kind finds, its defaults, how it asks and how it reads the
//! answer.
//!
//! A new kind is a file with its [`Kind`], and its line in [`KINDS`].

mod check;
mod command;
mod conflicts;
mod diff;
mod fields;
mod log;
mod reading;
mod risk;
mod status;

pub use check::{Asking, Basis, Check, CheckKind, Defaults, Feed, Kind, Proven, Question, Reader, ReaderOfMany};

/// Every kind: those that need no definition in the order in which they run by default, then the one that does.
pub const KINDS: &[CheckKind] = &[STATUS, DIFF, LOG, RISK, CONFLICTS, COMMAND];

/// What has changed here?
pub const STATUS: CheckKind = CheckKind::of(&status::Status);
/// How much, against HEAD?
pub const DIFF: CheckKind = CheckKind::of(&diff::Diff);
/// What is the last commit?
pub const LOG: CheckKind = CheckKind::of(&log::Log);
/// Would anything be lost with this worktree?
pub const RISK: CheckKind = CheckKind::of(&risk::Risk);
/// With which other worktrees would a merge stop?
pub const CONFLICTS: CheckKind = CheckKind::of(&conflicts::Conflicts);
/// Does this command succeed?
pub const COMMAND: CheckKind = CheckKind::of(&command::Command);

/// The kinds whose name alone makes a check.
pub fn built_in() -> impl Iterator<Item = CheckKind> {
    KINDS.iter().copied().filter(|kind| kind.is_built_in())
}

/// The built-in kind of this name.
pub fn built_in_named(name: &str) -> Option<CheckKind> {
    built_in().find(|kind| kind.name() == name)
}
