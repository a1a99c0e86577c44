//! What git says on standard error, as far as an answer depends on it.

use crate::git::command::complaint;
use crate::model::answer::{Exit, Verdict};
use crate::text::signal;

/// git ended without an answer: why.
pub(super) fn refused(exit: Exit, stderr: &[u8]) -> Verdict {
    let words = complaint(stderr);
    let ended = match exit {
        Exit::Code(code) => format!("git: exit status {code}"),
        Exit::Signal(number) => format!("git: killed by {}", signal::name(number)),
    };
    Verdict::errored(words.unwrap_or(ended))
}
