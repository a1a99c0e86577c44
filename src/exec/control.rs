//! How far a run has been stopped, as what runs sees it.

use tokio::sync::watch;

/// How far a run has been stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It goes on.
    Run,
    /// Running attempts are asked to end, and killed after their grace period.
    Stop,
    /// Running attempts are killed at once.
    Kill,
}

/// An attempt's view of the run's phase.
#[derive(Clone, Debug)]
pub struct Control(watch::Receiver<Phase>);

impl Control {
    /// A view, and what moves it.
    pub fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Run);
        (sender, Self(receiver))
    }

    /// Whether the run has come to this phase, or a later one.
    pub fn is_at(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase
    }

    /// Waits until the run has come to this phase, or a later one.
    pub async fn reached(&mut self, phase: Phase) {
        if self.0.wait_for(|now| *now >= phase).await.is_err() {
            // The dispatcher is gone and will never say anything again.
            std::future::pending::<()>().await;
        }
    }
}
