//! Waiting for the readers of a run's reports, once the run is over.
//!
//! As any Unix program does, this one waits for them as long as they take: a pager may be left open for an hour. A
//! signal ends the wait; and where a signal has ended the run, so does a reader that takes nothing.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::exec::dispatcher::ONE_KEY_PRESS;
use crate::exec::signal::{self, Order};
use crate::model::backlog::Backlog;

/// Where a signal has ended the run, a reader that has taken nothing for this long is given up on.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// How the wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Everything was taken, or can never be.
    Over,
    /// The readers were given up on.
    GivenUp,
    /// A signal of this number came.
    Signal(i32),
}

/// Waits until nothing is left to be taken. `is_interrupted`: whether a signal has ended the run.
pub async fn wait(backlog: &Backlog, orders: &mut mpsc::UnboundedReceiver<Order>, is_interrupted: bool) -> Wait {
    let mut readings = backlog.readings();
    let began = Instant::now();
    let mut taken = began;
    while *readings.borrow_and_update() > 0 {
        tokio::select! {
            biased;
            Some(order) = orders.recv() => match order {
                // The key press that has ended the run can arrive a second time.
                Order::End(_) if is_interrupted && began.elapsed() < ONE_KEY_PRESS => {}
                Order::End(number) | Order::EndNow(number) => return Wait::Signal(number),
                Order::Suspend => signal::stop_self(),
            },
            // The sender lives as long as the backlog.
            Ok(()) = readings.changed() => taken = Instant::now(),
            () = tokio::time::sleep_until(taken + PATIENCE), if is_interrupted => return Wait::GivenUp,
        }
    }
    Wait::Over
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// A reader that takes a byte each `pace`, `bytes` of them in all, of the ten that there are; and one signal.
    async fn waited(pace: Duration, bytes: usize, is_interrupted: bool, signal_at: Duration) -> (Wait, Duration) {
        let backlog = Backlog::default();
        backlog.add(10);
        let (sender, mut orders) = mpsc::unbounded_channel();
        let start = Instant::now();
        let reader = backlog.clone();
        tokio::spawn(async move {
            for _ in 0..bytes {
                tokio::time::sleep(pace).await;
                reader.remove(1);
            }
            std::future::pending::<()>().await;
        });
        tokio::spawn(async move {
            tokio::time::sleep(signal_at).await;
            let _ = sender.send(Order::End(15));
            std::future::pending::<()>().await;
        });
        (wait(&backlog, &mut orders, is_interrupted).await, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_has_all_the_time_it_takes_unless_a_signal_comes() {
        let hour = ms(3_600_000);
        assert_eq!(waited(hour, 10, false, hour * 100).await, (Wait::Over, hour * 10));
        assert_eq!(waited(hour, 10, false, hour / 2).await, (Wait::Signal(15), hour / 2));
        assert_eq!(waited(hour, 0, false, ms(1)).await, (Wait::Signal(15), ms(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_interrupt_a_reader_that_takes_nothing_is_given_up_on() {
        let late = ms(100_000);
        assert_eq!(waited(late, 0, true, late).await, (Wait::GivenUp, PATIENCE));
        assert_eq!(waited(ms(499), 10, true, late).await, (Wait::Over, ms(4990)), "a slow one gets all of it");
        assert_eq!(waited(ms(400), 3, true, late).await, (Wait::GivenUp, ms(1200) + PATIENCE));
        assert_eq!(waited(ms(400), 10, true, ms(100)).await, (Wait::Over, ms(4000)), "one key press, heard twice");
        assert_eq!(waited(ms(400), 10, true, ms(900)).await, (Wait::Signal(15), ms(900)), "a second one counts");
    }
}
