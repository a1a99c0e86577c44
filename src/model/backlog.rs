//! How much of a run's reports waits for its readers.

use std::sync::Arc;

use tokio::sync::watch;

/// The bytes that reports have written and their readers have not taken yet, over all of them. Whoever holds it sees
/// the same number.
#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<watch::Sender<usize>>);

impl Backlog {
    /// While more than this waits, nothing is started that would only add to it.
    pub const MOST: usize = 1024 * 1024;

    /// So many bytes more wait.
    pub fn add(&self, bytes: usize) {
        self.0.send_modify(|waiting| *waiting += bytes);
    }

    /// So many bytes were taken, or given up.
    pub fn remove(&self, bytes: usize) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(bytes));
    }

    /// Whether more waits than may.
    pub fn is_full(&self) -> bool {
        *self.0.borrow() > Self::MOST
    }

    /// Until no more waits than may.
    pub async fn has_room(&self) {
        // The one error would be that nobody holds it, and this does.
        let _ = self.0.subscribe().wait_for(|waiting| *waiting <= Self::MOST).await;
    }

    /// The number, and each change of it.
    pub fn readings(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}
