//! The watch over something that runs, to its end: within its time, and with nothing left behind.

use std::time::Duration;

use tokio::task::coop::unconstrained;

use crate::exec::clock::Clock;
use crate::exec::control::{Control, Phase};

/// A process that has ended may leave others behind that are about to end too: so long they may take before they count
/// as left behind. With [`LEAK_GRACE`] it stays under 200 ms.
pub const LEAK_WAIT: Duration = Duration::from_millis(140);
/// What was left behind has this long between SIGTERM and SIGKILL.
pub const LEAK_GRACE: Duration = Duration::from_millis(40);
/// Nothing is killed that was not asked to end so long before: a git that is in the middle of something takes its locks
/// away in that time.
pub const LAST_MOMENT: Duration = Duration::from_millis(150);
/// A process that SIGKILL has not ended after this long is in the kernel's hands, and not waited for.
const KILL_WAIT: Duration = Duration::from_secs(5);
/// Between one SIGKILL and the next.
const KILL_AGAIN: Duration = Duration::from_millis(100);
/// So many looks in a row must find it in the kernel's hands for it to be given up on sooner. It never comes back from
/// there to its own code.
const HELD: u32 = 3;

/// Something that runs and can be stopped. Every wait can be given up and begun again.
pub trait Job: Send {
    /// Until its first process has ended.
    fn ended(&mut self) -> impl Future<Output = ()> + Send;
    /// Until nothing of its session is left.
    fn gone(&mut self) -> impl Future<Output = ()> + Send;
    /// Until nobody holds its output open.
    fn drained(&mut self) -> impl Future<Output = ()> + Send;
    /// Asks all of it to end.
    fn terminate(&mut self);
    /// Ends all of it.
    fn kill(&mut self);
    /// Whether its first process waits in the kernel, where no signal reaches it: on a drive that does not answer, say.
    fn is_held_by_the_kernel(&self) -> bool {
        false
    }
}

/// How a job came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Itself {
        /// It left processes running, or its output held open.
        leaked: bool,
    },
    /// Its time was over.
    TimedOut,
    /// The run was.
    Cancelled,
}

/// Watches over a job to its end: after this nothing of its session runs.
pub async fn supervise(
    job: &mut impl Job,
    timeout: Option<Duration>,
    grace: Duration,
    clock: &Clock,
    control: &mut Control,
) -> Ending {
    let over = async {
        match timeout {
            Some(timeout) => clock.sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    // A job that never stops printing uses up the task's budget whenever it is polled; what ends it must not wait for
    // some that is left.
    let ending = tokio::select! {
        biased;
        () = job.ended() => return left_behind(job, clock).await,
        () = unconstrained(control.reached(Phase::Stop)) => Ending::Cancelled,
        () = unconstrained(over) => Ending::TimedOut,
    };
    job.terminate();
    let asked = clock.now();
    let in_time = tokio::select! {
        biased;
        () = job.gone() => true,
        () = unconstrained(control.reached(Phase::Kill)) => false,
        () = unconstrained(clock.sleep(grace.saturating_sub(LAST_MOMENT))) => false,
    };
    if !in_time {
        finish_off(job, asked, clock).await;
    }
    // The last of its words, as far as they are written.
    let _ = within(LEAK_GRACE, job.drained(), clock).await;
    ending
}

/// Whether it ends in time, on the run's clock.
async fn within(time: Duration, ends: impl Future<Output = ()>, clock: &Clock) -> bool {
    tokio::select! {
        biased;
        () = ends => true,
        () = unconstrained(clock.sleep(time)) => false,
    }
}

/// Ends what has not ended by itself since it was `asked` to.
async fn finish_off(job: &mut impl Job, asked: Duration, clock: &Clock) {
    // What was being forked when it was asked has not heard of it, and may be a git that holds a lock.
    if clock.now() > asked {
        job.terminate();
    }
    if !within(LAST_MOMENT, job.gone(), clock).await {
        kill(job, clock).await;
    }
}

async fn kill(job: &mut impl Job, clock: &Clock) {
    let given_up = clock.now() + KILL_WAIT;
    let mut held = 0;
    while clock.now() < given_up && held < HELD {
        // Again and again: what is being forked when the signal comes does not get it.
        job.kill();
        if within(KILL_AGAIN, job.gone(), clock).await {
            return;
        }
        held = if job.is_held_by_the_kernel() { held + 1 } else { 0 };
    }
}

/// The first process has ended by itself: gives the rest a moment, then ends it.
async fn left_behind(job: &mut impl Job, clock: &Clock) -> Ending {
    let rest = async {
        job.drained().await;
        job.gone().await;
    };
    let in_time = within(LEAK_WAIT, rest, clock).await;
    // Who holds the output may have a session of its own by now: then it is left alone.
    if !in_time && !within(Duration::from_millis(1), job.gone(), clock).await {
        job.terminate();
        if !within(LEAK_GRACE, job.gone(), clock).await {
            kill(job, clock).await;
        }
    }
    Ending::Itself { leaked: !in_time }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It has something to read whenever it is asked.
    struct Chatter {
        ended: bool,
    }

    impl Job for Chatter {
        async fn ended(&mut self) {
            if self.ended {
                return;
            }
            loop {
                tokio::task::coop::consume_budget().await;
            }
        }

        async fn gone(&mut self) {
            self.ended().await;
        }

        async fn drained(&mut self) {
            self.ended().await;
        }

        fn terminate(&mut self) {}

        fn kill(&mut self) {
            self.ended = true;
        }
    }

    #[tokio::test]
    async fn a_job_that_is_never_idle_cannot_outlast_its_limits() {
        let (phase, mut control) = Control::new();
        let (clock, soon) = (Clock::default(), Duration::from_millis(10));
        let mut job = Chatter { ended: false };
        let watched = supervise(&mut job, Some(soon), soon, &clock, &mut control);
        assert_eq!(tokio::time::timeout(KILL_WAIT, watched).await, Ok(Ending::TimedOut));
        phase.send_replace(Phase::Kill);
        let mut job = Chatter { ended: false };
        let watched = supervise(&mut job, None, KILL_WAIT * 2, &clock, &mut control);
        assert_eq!(tokio::time::timeout(KILL_WAIT, watched).await, Ok(Ending::Cancelled));
    }
}
