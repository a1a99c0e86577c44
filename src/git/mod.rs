//! The reading of git: which repository this is, which worktrees it has, what is configured.

pub mod command;
pub mod config;
pub mod folder;
pub mod mounts;
pub mod index;
pub mod operation;
pub mod records;
pub mod refs;
pub mod repository;
pub mod worktrees;
