//! What is asked for: every layer of settings read, merged, typed and resolved, each value with its source.

mod diagnostic;
mod document;
pub mod explain;
mod files;
mod gitconfig;
mod layers;
mod names;
mod origin;
mod profile;
mod reading;
mod resolve;
pub mod schema;
mod take;
pub mod trust;
mod values;
pub mod written;

pub use diagnostic::{Diagnostic, Faults, around, listed, nearest};
pub use files::Files;
pub use layers::{Merged, Sources, Without, faults, read};
pub use names::RESERVED;
pub use origin::{Layer, Origin};
pub use resolve::{RunSettings, Settings, Trusted};
