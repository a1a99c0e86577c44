//! The reading of git: which repository this is, which worktrees it has, what is configured.

pub mod branch_state;
pub mod command;
pub mod conditional;
pub mod config;
pub mod config_file;
pub mod errand;
mod glob;
pub mod ignore;
pub mod index;
pub mod mounts;
pub mod objects;
mod open_folder;
pub mod operation;
mod path_bytes;
pub mod prove;
pub mod ref_storage;
pub mod reflog;
pub mod regular_file;
pub mod repository;
pub mod stale_index;
pub mod terms;
pub mod upstreams;
mod well_formed;
pub mod why;
pub mod worktree_files;
pub mod worktree_folder;
pub mod worktree_list;
