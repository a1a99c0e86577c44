//! What is asked for: every layer of settings read, merged, typed and resolved, each value with its source.

mod diagnostic;
pub mod explain;
mod files;
mod gitconfig;
mod layers;
mod origin;
mod profile;
mod reading;
mod resolve;
pub mod schema;
mod take;
pub mod trust;
mod values;
pub mod written;

pub use diagnostic::{Diagnostic, nearest};
pub use files::Files;
pub use layers::{Merged, Sources, faults, read};
pub use origin::{Layer, Origin};
pub use resolve::{RunSettings, Settings};

/// Names that a check cannot bear: the commands of the program, and what expressions call something else.
pub const RESERVED: [&str; 10] =
    ["run", "plan", "config", "trust", "untrust", "setup", "help", "worktree", "check", "profile"];
