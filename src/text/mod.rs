//! Text for people, and text for terminals: what of it may be shown, how it is quoted, how numbers are written in it.
//!
//! Whatever others control (names, paths, messages of git, output of commands) is made safe here and nowhere else.

pub mod door;
pub mod duration;
pub mod message;
pub mod name;
pub mod plural;
pub mod quote;
pub mod sanitize;
pub mod shell_word;
pub mod signal;
pub mod size;
