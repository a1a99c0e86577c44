//! One attempt: the check's process started, watched over, and its answer read.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::coop::unconstrained;

use crate::checks::{Asking, Question, Reader, ReaderOfMany};
use crate::exec::capture::Tail;
use crate::exec::clock::Clock;
use crate::exec::looks::{Looks, Seen};
use crate::exec::process::{Process, Sink, is_no_place};
use crate::exec::session::Sessions;
use crate::exec::{Ask, Control, Done, Executor, NoAttempt, Phase, signal};
use crate::git::command::{Git, Invocation, is_lock_conflict};
use crate::git::folder::Found;
use crate::model::answer::{Captured, Exit, Verdict};
use crate::model::outcome::Outcome;
use crate::model::worktree::{Obstacle, Worktree};
use crate::plan::UnitIndex;
use crate::text::duration;

/// A process that has ended may leave others behind that are about to end too: so long they may take before they count as left behind.
/// With [`LEAK_GRACE`] it stays under 200 ms.
pub const LEAK_WAIT: Duration = Duration::from_millis(140);
/// What was left behind has this long between SIGTERM and SIGKILL.
pub const LEAK_GRACE: Duration = Duration::from_millis(40);
/// Nothing is killed that was not asked to end so long before: a git that is in the middle of something takes its locks away
/// in that time.
pub const LAST_MOMENT: Duration = Duration::from_millis(150);
/// A process that SIGKILL has not ended after this long is in the kernel's hands, and not waited for.
const KILL_WAIT: Duration = Duration::from_secs(5);
/// Between one SIGKILL and the next.
const KILL_AGAIN: Duration = Duration::from_millis(100);
/// So many looks in a row must find it in the kernel's hands for it to be given up on sooner. It never comes back from there
/// to its own code.
const HELD: u32 = 3;

/// A folder that has not answered yet is asked for again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// So much of what git says on standard error is read at the least, whatever `max-output` is.
const GIT_WORDS: usize = 64 * 1024;

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
    // A job that never stops printing uses up the task's budget whenever it is polled; what ends it must not wait for some that is left.
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

/// The executor that starts processes.
pub struct Processes {
    git: Git,
    clock: Clock,
    sessions: Arc<Sessions>,
    looks: Looks,
    keep_output: bool,
}

impl Processes {
    /// An executor on this clock, whose processes are among these sessions. `keep_output`: whether a report will show the
    /// output of units that passed.
    pub fn new(git: Git, clock: Clock, sessions: Arc<Sessions>, keep_output: bool) -> Self {
        Self { git, clock, sessions, looks: Looks::default(), keep_output }
    }

    /// This executor with what is known of folders that had not answered when the plan was made.
    #[must_use]
    pub fn with_looks(self, looks: Looks) -> Self {
        Self { looks, ..self }
    }

    /// A worktree with what has been found of its folder by now; or why there is nothing to be done in it, yet or at all.
    fn worktree<'a>(&self, planned: &'a Worktree) -> Result<Cow<'a, Worktree>, Result<Done, NoAttempt>> {
        if !planned.is_unanswered {
            return Ok(Cow::Borrowed(planned));
        }
        let found = match self.looks.seen(&planned.path) {
            Seen::Found(found) => *found,
            Seen::NotYet => return Err(Err(NoAttempt::NotYet(LOOK_AGAIN))),
            Seen::Never => Found::no_answer(),
        };
        match found.obstacle {
            Some(Obstacle { outcome, reason }) => Err(Ok(Done { is_final: true, ..Done::with(outcome, Some(reason)) })),
            None => Ok(Cow::Owned(found.completes(planned.clone()))),
        }
    }
}

enum Answering {
    One(Box<dyn Reader>),
    Many(Box<dyn ReaderOfMany>),
}

impl Answering {
    fn feed(&mut self, chunk: &[u8]) {
        match self {
            Self::One(reader) => reader.feed(chunk),
            Self::Many(reader) => reader.feed(chunk),
        }
    }
}

/// Where a check's output goes: what git prints to the check that reads it, the end of the rest to memory.
struct Streams {
    reader: Answering,
    stdout: Option<Tail>,
    stderr: Tail,
}

impl Sink for Streams {
    fn stdout(&mut self, chunk: &[u8]) {
        self.reader.feed(chunk);
        if let Some(tail) = &mut self.stdout {
            tail.feed(chunk);
        }
    }

    fn stderr(&mut self, chunk: &[u8]) {
        self.stderr.feed(chunk);
    }
}

impl Executor for Processes {
    async fn attempt(&self, ask: Ask, mut control: Control) -> Result<Done, NoAttempt> {
        let planned = &ask.plan.checks[ask.plan.check_of(ask.unit)].check;
        let Ask { plan, unit, with, number, changed } = &ask;
        let worktree = match self.worktree(&plan.worktrees[plan.worktree_of(*unit)]) {
            Ok(worktree) => worktree,
            Err(result) => return result,
        };
        let changed = changed.as_deref();
        let common_dir = &plan.common_dir;
        let question = Question { check: planned, worktree: &worktree, common_dir, number: *number, changed };
        if let Some(finding) = planned.kind.known(&question) {
            return Ok(Done::of(finding));
        }
        let of = |unit: &UnitIndex| Question { worktree: &plan.worktrees[plan.worktree_of(*unit)], ..question };
        let many: Vec<Question<'_>> = with.iter().map(of).collect();
        let together =
            Some(many).filter(|many| !many.is_empty()).and_then(|many| planned.kind.ask_together(&self.git, &many));
        let (mut invocation, reader) = match together {
            Some(Asking { invocation, reader }) => (invocation, Answering::Many(reader)),
            None => {
                let Asking { invocation, reader } = planned.kind.ask(&self.git, &question);
                (invocation, Answering::One(reader))
            }
        };
        question.tell(&mut invocation);
        // What git prints for a built-in check is read as it comes: it may be longer than anything that is kept.
        let stdout = (!planned.kind.is_built_in()).then(|| Tail::new(planned.max_output));
        // What git says there is a part of its answer, however little of it a report may show.
        let read = if planned.kind.is_built_in() { planned.max_output.max(GIT_WORDS) } else { planned.max_output };
        let streams = Streams { reader, stdout, stderr: Tail::new(read) };
        let mut process = match Process::spawn(&invocation, &self.sessions, streams) {
            Ok(process) => process,
            Err(error) if is_no_place(&error) => return Err(NoAttempt::NoPlace(error)),
            Err(error) => return Ok(Done::with(Outcome::Errored, Some(cannot_start(&invocation, &error)))),
        };
        let ending = supervise(&mut process, planned.timeout, planned.grace_period, &self.clock, &mut control).await;
        let (exit, lost) = (process.exit(), process.has_lost_output());
        let Streams { reader, stdout, stderr } = process.sink;
        let (stdout, stderr) = (stdout.map(Tail::finish), stderr.finish());
        let locked = is_lock_conflict(&stderr.bytes);
        let mut done = match (ending, exit) {
            (Ending::TimedOut, _) => {
                let timeout = planned.timeout.unwrap_or_default();
                Done::with(Outcome::TimedOut, Some(format!("no end after {}", duration::write(timeout))))
            }
            (Ending::Cancelled, _) => Done::with(Outcome::Cancelled, None),
            // Half of git's answer must not read as all of it.
            (Ending::Itself { .. }, Some(_)) if lost => {
                Done::with(Outcome::Errored, Some("its output could not be read to the end".to_owned()))
            }
            (Ending::Itself { .. }, Some(exit)) if invocation.not_entered(exit, &stderr.bytes).is_some() => {
                Done::with(Outcome::Errored, invocation.not_entered(exit, &stderr.bytes))
            }
            (Ending::Itself { leaked }, Some(exit)) => {
                let (finding, others) = match reader {
                    Answering::One(mut reader) => (reader.finish(exit, &stderr.bytes), Vec::new()),
                    Answering::Many(mut reader) => match reader.finish(exit, &stderr.bytes) {
                        Err(reason) => (Verdict::errored(reason).into(), Vec::new()),
                        Ok(found) => {
                            let found = with.iter().zip(found).filter_map(|(unit, found)| Some((*unit, found?)));
                            let (own, others): (Vec<_>, Vec<_>) = found.partition(|(of, _)| of == unit);
                            let own = own.into_iter().next().map(|(_, finding)| finding);
                            (own.unwrap_or_else(|| Verdict::errored("git left this one out").into()), others)
                        }
                    },
                };
                Done { leaked, others, ..Done::of(finding) }
            }
            (Ending::Itself { .. }, None) => Done::with(Outcome::Errored, Some("its end was lost".to_owned())),
        };
        done.locked = locked;
        match exit {
            Some(Exit::Code(code)) => done.exit_code = Some(code),
            Some(Exit::Signal(number)) => done.signal = Some(number),
            None => {}
        }
        if done.outcome != Outcome::Passed || self.keep_output {
            let mut shown = Tail::new(planned.max_output);
            shown.feed(&stderr.bytes);
            let shown = shown.finish();
            done.stdout = stdout;
            done.stderr = Some(Captured { truncated: stderr.truncated || shown.truncated, ..shown });
        }
        Ok(done)
    }

    fn suspend(&self) {
        self.sessions.suspended(signal::stop_self);
    }
}

/// Why a program could not be started, in words that name what is missing.
fn cannot_start(invocation: &Invocation, error: &std::io::Error) -> String {
    if invocation.is_away() {
        return format!("cannot start a process to enter {}: {error}", invocation.dir.display());
    }
    match invocation.dir.metadata() {
        Err(error) => format!("cannot enter {}: {error}", invocation.dir.display()),
        Ok(metadata) if !metadata.is_dir() => format!("cannot enter {}: not a folder", invocation.dir.display()),
        Ok(_) => format!("cannot run '{}': {error}", invocation.program.to_string_lossy()),
    }
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
