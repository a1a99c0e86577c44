//! The watch over all that this program starts: one runtime, one list of sessions, one ear for signals.
//!
//! What finds the repository and what carries a run out are started and ended in the same way: in sessions of their
//! own, within a limit, and never left behind, whatever signal comes in the middle.

use std::io;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::exec::clock::Clock;
use crate::exec::control::{Control, Phase};
use crate::exec::errand::carry;
use crate::exec::looks::Looks;
use crate::exec::session::Sessions;
use crate::exec::signal::{Listening, Order, Signals, stop_self};
use crate::git::command::Git;
use crate::git::errand::{Errand, Errands, Interrupted, Printed};
use crate::git::worktree_folder::{Found, Look};

/// The watch.
pub struct Watch {
    runtime: Runtime,
    sessions: Arc<Sessions>,
    signals: Signals,
    looks: Looks,
}

impl Watch {
    /// Begins. From now on signals are heard wherever somebody waits for something that was started.
    ///
    /// # Errors
    /// Where the system has no place for what it needs.
    pub fn begin() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _context = runtime.enter();
            Signals::take_over()?
        };
        Ok(Self { runtime, sessions: Arc::new(Sessions::new()), signals, looks: Looks::default() })
    }

    /// The sessions of all that is started.
    pub fn sessions(&self) -> Arc<Sessions> {
        Arc::clone(&self.sessions)
    }

    /// What is known of the folders that may not answer.
    pub fn looks(&self) -> Looks {
        self.looks.clone()
    }

    /// Carries something out while signals are orders, for it to obey.
    pub fn over<T>(&mut self, work: impl AsyncFnOnce(&mut Listening<'_>) -> T) -> T {
        let Self { runtime, signals, .. } = self;
        let mut listening = signals.listen();
        runtime.block_on(work(&mut listening))
    }
}

impl Errands for Watch {
    fn carry_out(&mut self, errands: &[Errand]) -> Result<Vec<io::Result<Printed>>, Interrupted> {
        let sessions = self.sessions();
        self.over(async |listening| carry_out(errands, &sessions, listening).await)
    }

    fn look(&mut self, git: &Git, asked: &[Look]) -> Result<Vec<Option<Found>>, Interrupted> {
        let (sessions, looks) = (self.sessions(), self.looks());
        self.over(async |listening| {
            let looking = looks.begin(git, &sessions, asked);
            tokio::pin!(looking);
            loop {
                tokio::select! {
                    biased;
                    Some(order) = listening.orders.recv() => match order {
                        Order::End(number) | Order::EndNow(number) => return Err(Interrupted(number)),
                        Order::Suspend => sessions.suspended(stop_self),
                    },
                    found = &mut looking => return Ok(found),
                }
            }
        })
    }
}

async fn carry_out(
    asked: &[Errand],
    sessions: &Arc<Sessions>,
    listening: &mut Listening<'_>,
) -> Result<Vec<io::Result<Printed>>, Interrupted> {
    let (phase, control) = Control::new();
    let clock = Clock::default();
    let mut errands = JoinSet::new();
    for (index, errand) in asked.iter().enumerate() {
        let errand = carry(errand.clone(), Arc::clone(sessions), clock.clone(), control.clone());
        errands.spawn(async move { (index, errand.await) });
    }
    let mut printed: Vec<io::Result<Printed>> =
        asked.iter().map(|_| Err(io::Error::other("it was never carried out"))).collect();
    let mut interrupted = None;
    loop {
        tokio::select! {
            biased;
            Some(order) = listening.orders.recv() => match order {
                Order::End(number) | Order::EndNow(number) => {
                    // A second one finds them asked to end already, with a moment left.
                    interrupted.get_or_insert(Interrupted(number));
                    phase.send_replace(Phase::Kill);
                }
                Order::Suspend => {
                    let before = tokio::time::Instant::now();
                    sessions.suspended(stop_self);
                    clock.stood_still(before.elapsed());
                }
            },
            ended = errands.join_next() => match ended {
                Some(Ok((index, result))) => printed[index] = result,
                // A fault of this program's own.
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => break,
            },
        }
    }
    interrupted.map_or(Ok(printed), Err)
}
