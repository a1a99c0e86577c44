//! What is asked for: every layer of settings read, merged, typed and resolved, each value with its source.

mod diagnostic;
mod gitconfig;
mod layers;
mod resolve;
pub mod schema;
mod values;

pub use diagnostic::{Diagnostic, nearest};
pub use layers::{Layer, Origin, Sources, read};
pub use resolve::{RunSettings, Settings};

/// Names that a check cannot bear: the commands of the program, and what expressions call something else.
pub const RESERVED: [&str; 9] = ["run", "plan", "config", "trust", "untrust", "setup", "help", "worktree", "check"];
