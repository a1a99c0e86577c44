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

/// Takes what a process prints to standard output, piece by piece.
pub trait Taker: Send {
    /// Takes a piece.
    fn take(&mut self, piece: &[u8]);
}

/// What a process came to whose output somebody else has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Carries errands out while others go on.
pub trait Carrier: Sync {
    /// Carries one out, and gives all that it printed. One that could not be started, or has not ended in its time
    /// ([`io::ErrorKind::TimedOut`]), or was ended because nobody wants its answer any more
    /// ([`io::ErrorKind::Interrupted`]), is an error; nothing of it is left.
    fn carry(&self, errand: Errand) -> impl Future<Output = io::Result<Printed>> + Send;

    /// The same, for an answer that is too long to be held: a taker gets it as it comes, and is given back.
    fn stream<T: Taker>(&self, errand: Errand, taker: T) -> impl Future<Output = io::Result<(T, Ended)>> + Send;
}

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
