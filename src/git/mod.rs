//! The reading of git: which repository this is, which worktrees it has, what is configured.

pub mod command;
pub mod config;
pub mod folder;
pub mod index;
pub mod mounts;
pub mod operation;
pub mod records;
pub mod refs;
pub mod repository;
pub mod stale;
pub mod worktrees;
