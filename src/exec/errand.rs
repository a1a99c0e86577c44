//! A short process, carried to its end, with all that it prints.

use std::io;
use std::sync::Arc;

use crate::exec::clock::Clock;
use crate::exec::control::Control;
use crate::exec::process::{Process, Sink};
use crate::exec::session::Sessions;
use crate::exec::supervise::{Ending, LAST_MOMENT, supervise};
use crate::git::errand::{Carrier, Ended, Errand, Printed, Taker};

/// No answer that this program can use is longer.
const MOST_PRINTED: usize = 256 << 20;

/// Carries one process to its end, and keeps what it prints.
pub(super) async fn carry(
    errand: Errand,
    sessions: Arc<Sessions>,
    clock: Clock,
    control: Control,
) -> io::Result<Printed> {
    let (Whole { bytes, too_long }, Ended { exit, stderr }) =
        stream(errand, Whole::default(), sessions, clock, control).await?;
    if too_long {
        return Err(io::Error::other("it printed more than can be meant"));
    }
    Ok(Printed { exit, stdout: bytes, stderr })
}

/// Carries one process to its end, and gives what it prints to a taker.
async fn stream<T: Taker>(
    errand: Errand,
    taker: T,
    sessions: Arc<Sessions>,
    clock: Clock,
    mut control: Control,
) -> io::Result<(T, Ended)> {
    let streams = Streams { taker, stderr: Whole::default() };
    let mut process = Process::spawn(&errand.invocation, &sessions, streams)?;
    let ending = supervise(&mut process, Some(errand.within), LAST_MOMENT, &clock, &mut control).await;
    let (exit, lost) = (process.exit(), process.has_lost_output());
    let Streams { taker, stderr } = process.sink;
    match (ending, exit) {
        (Ending::TimedOut, _) => Err(io::ErrorKind::TimedOut.into()),
        (Ending::Cancelled, _) => Err(io::ErrorKind::Interrupted.into()),
        (Ending::Itself { .. }, Some(_)) if stderr.too_long => {
            Err(io::Error::other("it printed more than can be meant"))
        }
        (Ending::Itself { .. }, Some(_)) if lost => Err(io::Error::other("its output could not be read to the end")),
        (Ending::Itself { .. }, Some(exit)) => match errand.invocation.not_entered(exit, &stderr.bytes) {
            Some(reason) => Err(io::Error::other(reason)),
            None => Ok((taker, Ended { exit, stderr: stderr.bytes })),
        },
        (Ending::Itself { .. }, None) => Err(io::Error::other("its end was lost")),
    }
}

/// Carries errands out under one control.
#[derive(Clone)]
pub struct Carrying {
    /// What the processes are among.
    pub sessions: Arc<Sessions>,
    /// What their time is told by.
    pub clock: Clock,
    /// When they are to end.
    pub control: Control,
}

impl Carrier for Carrying {
    async fn carry(&self, errand: Errand) -> io::Result<Printed> {
        carry(errand, Arc::clone(&self.sessions), self.clock.clone(), self.control.clone()).await
    }

    async fn stream<T: Taker>(&self, errand: Errand, taker: T) -> io::Result<(T, Ended)> {
        stream(errand, taker, Arc::clone(&self.sessions), self.clock.clone(), self.control.clone()).await
    }
}

/// What a process prints goes to a taker, and what it complains of is kept.
struct Streams<T> {
    taker: T,
    stderr: Whole,
}

impl<T: Taker> Sink for Streams<T> {
    fn stdout(&mut self, chunk: &[u8]) {
        self.taker.take(chunk);
    }

    fn stderr(&mut self, chunk: &[u8]) {
        self.stderr.take(chunk);
    }
}

/// All that a process prints, within reason.
#[derive(Default)]
struct Whole {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Taker for Whole {
    fn take(&mut self, piece: &[u8]) {
        self.too_long |= self.bytes.len() + piece.len() > MOST_PRINTED;
        if !self.too_long {
            self.bytes.extend_from_slice(piece);
        }
    }
}
