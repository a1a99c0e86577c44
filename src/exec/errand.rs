//! A short process, carried to its end, with all that it prints.

use std::io;
use std::sync::Arc;

use crate::exec::clock::Clock;
use crate::exec::control::Control;
use crate::exec::process::{Process, Sink};
use crate::exec::session::Sessions;
use crate::exec::supervise::{Ending, LAST_MOMENT, supervise};
use crate::git::errand::{Errand, Printed};

/// No answer that this program can use is longer.
const MOST_PRINTED: usize = 256 << 20;

/// Carries one process to its end, and keeps what it prints.
pub(super) async fn carry(
    errand: Errand,
    sessions: Arc<Sessions>,
    clock: Clock,
    mut control: Control,
) -> io::Result<Printed> {
    let mut process = Process::spawn(&errand.invocation, &sessions, Whole::default())?;
    let ending = supervise(&mut process, Some(errand.within), LAST_MOMENT, &clock, &mut control).await;
    let (exit, lost) = (process.exit(), process.has_lost_output());
    let Whole { stdout, stderr, too_long } = process.sink;
    match (ending, exit) {
        (Ending::TimedOut, _) => Err(io::ErrorKind::TimedOut.into()),
        (Ending::Cancelled, _) => Err(io::ErrorKind::Interrupted.into()),
        (Ending::Itself { .. }, Some(_)) if too_long => Err(io::Error::other("it printed more than can be meant")),
        (Ending::Itself { .. }, Some(_)) if lost => Err(io::Error::other("its output could not be read to the end")),
        (Ending::Itself { .. }, Some(exit)) if errand.invocation.not_entered(exit, &stderr).is_some() => {
            Err(io::Error::other(errand.invocation.not_entered(exit, &stderr).unwrap_or_default()))
        }
        (Ending::Itself { .. }, Some(exit)) => Ok(Printed { exit, stdout, stderr }),
        (Ending::Itself { .. }, None) => Err(io::Error::other("its end was lost")),
    }
}

/// All that a process prints.
#[derive(Default)]
struct Whole {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    too_long: bool,
}

impl Whole {
    fn add(to: &mut Vec<u8>, chunk: &[u8]) -> bool {
        let fits = to.len() + chunk.len() <= MOST_PRINTED;
        if fits {
            to.extend_from_slice(chunk);
        }
        !fits
    }
}

impl Sink for Whole {
    fn stdout(&mut self, chunk: &[u8]) {
        self.too_long |= Self::add(&mut self.stdout, chunk);
    }

    fn stderr(&mut self, chunk: &[u8]) {
        self.too_long |= Self::add(&mut self.stderr, chunk);
    }
}
