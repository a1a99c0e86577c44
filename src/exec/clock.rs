//! The run's clock: it stands still while the run is stopped (Ctrl-Z), so that stopped time counts against no timeout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Time since the run's start, less the time in which it was stopped.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    /// Nanoseconds.
    stopped: Arc<AtomicU64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { start: Instant::now(), stopped: Arc::default() }
    }
}

impl Clock {
    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_nanos(self.stopped.load(Ordering::Relaxed)))
    }

    /// Takes out a stretch in which the run was stopped.
    pub fn stood_still(&self, stretch: Duration) {
        self.stopped.fetch_add(u64::try_from(stretch.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Waits for this long, on this clock.
    pub async fn sleep(&self, length: Duration) {
        self.sleep_until(self.now().saturating_add(length)).await;
    }

    /// Waits until this time, on this clock.
    pub async fn sleep_until(&self, time: Duration) {
        // A stretch of standing still can only be noticed after it: then there is more to wait.
        loop {
            let left = time.saturating_sub(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stopped_time_does_not_count() {
        let fresh = Clock::default();
        fresh.stood_still(Duration::from_secs(3));
        let before = Instant::now();
        fresh.sleep(Duration::from_secs(1)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(4), "now() stays 0 until the three seconds are made up");
    }
}
