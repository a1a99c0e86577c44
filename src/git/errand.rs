//! Short git processes whose answers this room reads. A room above starts them and watches over them.

use std::io;
use std::time::Duration;

use crate::git::command::{Git, Invocation};
use crate::git::worktree_folder::{Found, Look};
use crate::model::answer::Exit;

/// What a process printed, whole, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A short process, and how long it may take.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The process.
    pub invocation: Invocation,
    /// How long it may take.
    pub within: Duration,
}

/// A signal of this number came before the answers; the processes that were to give them have been ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted(pub i32);

/// Carries errands out.
pub trait Errands {
    /// Carries these out side by side, and gives what each printed, in their order. One that could not be started, or
    /// has not ended in its time ([`io::ErrorKind::TimedOut`]), is an error of its own; nothing of any of them is left.
    ///
    /// # Errors
    /// Where a signal came first.
    fn carry_out(&mut self, errands: &[Errand]) -> Result<Vec<io::Result<Printed>>, Interrupted>;

    /// Has another process look at folders that may not answer, and waits a moment for what it finds. None: nobody has
    /// answered yet.
    ///
    /// # Errors
    /// Where a signal came first.
    fn look(&mut self, git: &Git, looks: &[Look]) -> Result<Vec<Option<Found>>, Interrupted>;
}
