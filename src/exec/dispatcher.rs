//! The one task that owns a run: it starts units, hears of their ends, obeys signals, and alone emits events.
//!
//! Invariants:
//! - Every unit of the plan ends exactly once (`UnitFinished`), whatever happens.
//! - No attempt starts after the run was cancelled; what ran then is waited for.
//! - Events come in the order in which the dispatcher learnt of things; `at` never falls. The callback is synchronous and
//!   waits for no reader: whatever a reader does, limits and signals are kept.
//! - While too much of the reports waits for its readers, no attempt starts: a slow reader slows the run down rather than
//!   piling reports up.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::event::{Attempt, Cause, Event, EventKind, UnitEnd};
use crate::exec::clock::Clock;
use crate::exec::schedule::Schedule;
use crate::exec::signal::Order;
use crate::exec::units::Units;
use crate::exec::{Ask, Control, Done, Executor, NoAttempt, Phase, retry};
use crate::model::answer::Finding;
use crate::model::backlog::Backlog;
use crate::model::outcome::Outcome;
use crate::plan::condition::{Known, Truth};
use crate::plan::{CheckIndex, Plan, UnitIndex};
use crate::text::duration;

/// git passes the terminal's SIGINT on, so one key press can arrive twice: a second signal sooner than this is the first.
pub(super) const ONE_KEY_PRESS: Duration = Duration::from_millis(250);

/// What a run needs besides its plan and its executor.
pub struct Surroundings<'a> {
    /// The run's clock.
    pub clock: Clock,
    /// The signals that steer it.
    pub orders: &'a mut mpsc::UnboundedReceiver<Order>,
    /// What jitter is drawn from.
    pub random: fastrand::Rng,
    /// No more units at a time than this, whatever the plan says: what the machine has places for.
    pub most: usize,
    /// What of the reports waits for its readers.
    pub backlog: Backlog,
}

/// Carries a plan out. Gives back when every unit has ended.
pub async fn run<E: Executor>(
    plan: Arc<Plan>,
    executor: Arc<E>,
    surroundings: Surroundings<'_>,
    emit: &mut dyn FnMut(&Event),
) {
    let Surroundings { clock, orders, random, most, backlog } = surroundings;
    let (phase, control) = Control::new();
    let dispatcher = Dispatcher {
        schedule: Schedule::new(&plan, plan.max_concurrency.min(most)),
        units: Units::new(&plan),
        shared: HashMap::new(),
        running: JoinSet::new(),
        in_place: HashSet::new(),
        waiting: BinaryHeap::new(),
        backlog,
        is_held_up: false,
        faults: 0,
        cancelled: None,
        interrupted: None,
        plan,
        executor,
        clock,
        random,
        phase,
        control,
        emit,
    };
    dispatcher.run(orders).await;
}

/// Where one process answers a check for all worktrees.
enum Shared {
    /// It was asked, and units that are ready meanwhile wait here.
    Asked(Vec<UnitIndex>),
    /// It has answered; each answer is taken once.
    Answered(HashMap<UnitIndex, Finding>),
    /// It could not: each worktree is asked by itself.
    Failed,
}

struct Ended {
    unit: UnitIndex,
    started: Duration,
    asked_for_others: bool,
    result: Result<Done, NoAttempt>,
}

struct Dispatcher<'a, E> {
    plan: Arc<Plan>,
    executor: Arc<E>,
    clock: Clock,
    random: fastrand::Rng,
    schedule: Schedule,
    units: Units,
    shared: HashMap<CheckIndex, Shared>,
    running: JoinSet<Ended>,
    /// Units whose attempt runs now.
    in_place: HashSet<UnitIndex>,
    /// Units between two attempts, by when the next one is due.
    waiting: BinaryHeap<Reverse<(Duration, UnitIndex)>>,
    backlog: Backlog,
    /// Whether nothing was started for the sake of the backlog.
    is_held_up: bool,
    faults: u32,
    cancelled: Option<Cause>,
    /// When the first signal had been obeyed.
    interrupted: Option<Duration>,
    phase: watch::Sender<Phase>,
    control: Control,
    emit: &'a mut dyn FnMut(&Event),
}

impl<E: Executor> Dispatcher<'_, E> {
    async fn run(mut self, orders: &mut mpsc::UnboundedReceiver<Order>) {
        self.say(EventKind::RunStarted(Arc::clone(&self.plan)));
        let deadline = self.plan.global_timeout;
        loop {
            self.admit();
            self.start();
            // Answers that were there already may have ended a whole wave: then nothing runs, and the next one is due.
            if self.schedule.is_wave_due() {
                continue;
            }
            if self.schedule.is_over() && self.running.is_empty() {
                break;
            }
            if self.running.is_empty() && self.waiting.is_empty() && !self.is_held_up {
                self.strand();
                continue;
            }
            let due = self.waiting.peek().map(|Reverse((due, _))| *due);
            let (clock, backlog) = (self.clock.clone(), self.backlog.clone());
            tokio::select! {
                biased;
                Some(order) = orders.recv() => self.obey(order),
                Some(ended) = self.running.join_next() => {
                    self.take(ended);
                    // Whatever else has ended by now frees its place too, before anything is started.
                    while let Some(ended) = self.running.try_join_next() {
                        self.take(ended);
                    }
                }
                () = clock.sleep_until(due.unwrap_or_default()), if due.is_some() => self.wake(),
                () = clock.sleep_until(deadline.unwrap_or_default()), if deadline.is_some() && self.cancelled.is_none() => {
                    self.cancel(Cause::Deadline);
                }
                () = backlog.has_room(), if self.is_held_up => {}
            }
        }
        self.say(EventKind::RunFinished);
    }

    /// Nothing runs and nothing is waited for, but units are left: a fault of this program's own, which must not look like an answer, nor hang.
    fn strand(&mut self) {
        for unit in self.schedule.unsettled() {
            let _ = self.settle(
                unit,
                Outcome::Errored,
                Some("it was never started: a fault in git wtcheck itself".to_owned()),
            );
        }
    }

    fn say(&mut self, kind: EventKind) {
        (self.emit)(&Event { at: self.clock.now(), kind });
    }

    fn admit(&mut self) {
        loop {
            let units = self.schedule.admit();
            if units.is_empty() {
                return;
            }
            for unit in units {
                self.decide(unit);
            }
        }
    }

    /// Nothing blocks a unit any more: it becomes ready, or ends without ever starting. So may others, then.
    fn decide(&mut self, unit: UnitIndex) {
        let mut open = vec![unit];
        while let Some(unit) = open.pop() {
            if self.units[unit].outcome.is_some() {
                continue;
            }
            match self.verdict(unit) {
                None => self.schedule.ready(unit),
                Some((outcome, reason)) => open.extend(self.settle(unit, outcome, reason)),
            }
        }
    }

    /// Why a unit that nothing blocks does not run, if it does not.
    fn verdict(&self, unit: UnitIndex) -> Option<(Outcome, Option<String>)> {
        if let Some(obstacle) = self.plan.obstacle(unit) {
            return Some((obstacle.outcome, Some(obstacle.reason)));
        }
        if let Some(cause) = self.cancelled {
            return Some((Outcome::Cancelled, Some(self.why(cause))));
        }
        self.units.hindrance(unit)
    }

    /// Ends a unit, and gives back what it was the last to block.
    fn settle(&mut self, unit: UnitIndex, outcome: Outcome, reason: Option<String>) -> Vec<UnitIndex> {
        let now = self.clock.now();
        let state = &mut self.units[unit];
        if state.outcome.is_some() {
            return Vec::new();
        }
        state.outcome = Some(outcome);
        state.duration = state.started.map_or(Duration::ZERO, |started| now.saturating_sub(started));
        let end =
            UnitEnd { outcome, reason, started: state.started, duration: state.duration, facts: state.facts.clone() };
        self.say(EventKind::UnitFinished { unit, end: Arc::new(end) });
        let freed = self.schedule.settle(unit);
        let allowed = self.plan.checks[self.plan.check_of(unit)].check.allow_failure;
        if outcome.is_fault() && !allowed {
            self.faults += 1;
            if self.plan.max_fail.is_some_and(|most| self.faults >= most) {
                self.cancel(Cause::Faults);
            }
        }
        freed
    }

    fn end(&mut self, unit: UnitIndex, outcome: Outcome, reason: Option<String>) {
        for freed in self.settle(unit, outcome, reason) {
            self.decide(freed);
        }
    }

    fn start(&mut self) {
        self.is_held_up = false;
        while self.cancelled.is_none() {
            self.is_held_up = self.backlog.is_full();
            if self.is_held_up {
                return;
            }
            let Some(unit) = self.schedule.start() else { return };
            let check = self.plan.check_of(unit);
            let mut with = Vec::new();
            if self.units[unit].attempts == 0 && self.plan.is_shared(unit) {
                match self.shared.get_mut(&check) {
                    Some(Shared::Asked(held)) => {
                        held.push(unit);
                        self.schedule.leave(unit);
                        continue;
                    }
                    Some(Shared::Answered(answers)) => {
                        if let Some(verdict) = answers.remove(&unit) {
                            self.answered(unit, verdict);
                            continue;
                        }
                    }
                    Some(Shared::Failed) => {}
                    None => with = self.ask_for_all(check),
                }
            }
            self.attempt(unit, with);
        }
    }

    /// The units that the first process of a shared check answers for; none, where it would be alone.
    fn ask_for_all(&mut self, check: CheckIndex) -> Vec<UnitIndex> {
        let all = (0..self.plan.worktrees.len()).map(|worktree| self.plan.unit(worktree, check));
        let all: Vec<_> = all.filter(|unit| self.plan.is_shared(*unit)).collect();
        if all.len() < 2 {
            return Vec::new();
        }
        self.shared.insert(check, Shared::Asked(Vec::new()));
        all
    }

    fn begin(&mut self, unit: UnitIndex) -> (u32, Duration) {
        let now = self.clock.now();
        let state = &mut self.units[unit];
        state.attempts += 1;
        let number = state.attempts;
        if state.started.is_none() {
            state.started = Some(now);
            self.say(EventKind::UnitStarted(unit));
        }
        self.say(EventKind::AttemptStarted { unit, number });
        (number, now)
    }

    fn attempt(&mut self, unit: UnitIndex, with: Vec<UnitIndex>) {
        let (number, started) = self.begin(unit);
        let (executor, control) = (Arc::clone(&self.executor), self.control.clone());
        let asked_for_others = !with.is_empty();
        self.in_place.insert(unit);
        let ask = Ask { plan: Arc::clone(&self.plan), unit, number, with, changed: self.units.changed(unit) };
        self.running.spawn(async move {
            // The run may have been cancelled before this task came to its turn.
            let result = if control.is_at(Phase::Stop) {
                Ok(Done::with(Outcome::Cancelled, None))
            } else {
                executor.attempt(ask, control).await
            };
            Ended { unit, started, asked_for_others, result }
        });
    }

    /// A unit whose answer another unit's process has already given.
    fn answered(&mut self, unit: UnitIndex, finding: Finding) {
        let (_, started) = self.begin(unit);
        self.finish(unit, started, Done::of(finding));
    }

    fn take(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ended { unit, started, asked_for_others, result } = match ended {
            Ok(ended) => ended,
            // A fault of this program's own: nothing that it could still say would be true.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.in_place.remove(&unit);
        match result {
            Ok(mut done) => {
                if asked_for_others {
                    let answers = std::mem::take(&mut done.others).into_iter().collect();
                    let passed = done.outcome == Outcome::Passed;
                    self.share(unit, Some(if passed { Shared::Answered(answers) } else { Shared::Failed }));
                    if done.outcome == Outcome::Errored {
                        // What was wrong may be another worktree's: this one is asked by itself too, and it was nobody's attempt.
                        self.undo(unit);
                        return;
                    }
                }
                self.finish(unit, started, done);
            }
            Err(NoAttempt::NotYet(wait)) => {
                if asked_for_others {
                    self.share(unit, None);
                }
                self.put_off(unit, wait);
            }
            Err(NoAttempt::NoPlace(error)) => {
                if asked_for_others {
                    self.share(unit, None);
                }
                if self.schedule.running() == 1 {
                    let reason = format!("the machine has no place for one more process: {error}");
                    self.finish(unit, started, Done::with(Outcome::Errored, Some(reason)));
                } else {
                    // As soon as something ends there is a place again.
                    self.undo(unit);
                    self.schedule.shrink();
                }
            }
        }
    }

    /// An attempt for which something is not known yet: it is made again after a wait, in which others have its place.
    fn put_off(&mut self, unit: UnitIndex, wait: Duration) {
        self.units[unit].attempts -= 1;
        self.schedule.leave(unit);
        if let Some(cause) = self.cancelled {
            let reason = self.why(cause);
            self.end(unit, Outcome::Cancelled, Some(reason));
        } else {
            self.waiting.push(Reverse((self.clock.now() + wait, unit)));
        }
    }

    /// An attempt that came to nothing that could be counted: its unit gives its place back and wants one again.
    fn undo(&mut self, unit: UnitIndex) {
        self.units[unit].attempts -= 1;
        self.schedule.leave(unit);
        self.decide_again(unit);
    }

    /// A unit that has been ready before: only a cancelled run has changed anything for it.
    fn decide_again(&mut self, unit: UnitIndex) {
        match self.cancelled {
            Some(cause) => {
                let reason = self.why(cause);
                self.end(unit, Outcome::Cancelled, Some(reason));
            }
            None => self.schedule.ready(unit),
        }
    }

    /// The process that was to answer a shared check has ended: with answers, or without; or there never was one, and
    /// the next unit asks again.
    fn share(&mut self, unit: UnitIndex, shared: Option<Shared>) {
        let check = self.plan.check_of(unit);
        let before = match shared {
            Some(shared) => self.shared.insert(check, shared),
            None => self.shared.remove(&check),
        };
        if let Some(Shared::Asked(held)) = before {
            for unit in held {
                self.decide_again(unit);
            }
        }
    }

    fn finish(&mut self, unit: UnitIndex, started: Duration, mut done: Done) {
        self.schedule.leave(unit);
        let plan = Arc::clone(&self.plan);
        let planned = &plan.checks[plan.check_of(unit)];
        let now = self.clock.now();
        let took = now.saturating_sub(started);
        let mut given_up = false;
        if let (Outcome::Passed, Some(condition)) = (done.outcome, &planned.fail_if) {
            let own = Known { outcome: None, facts: &done.facts, exit_code: done.exit_code, duration: took };
            let found = match self.units.evaluate(condition, unit, Some(own)) {
                Truth::Is(false) => None,
                Truth::Is(true) => Some((Outcome::Failed, format!("fail-if '{}' is true", condition.text()))),
                Truth::Unknown(reason) => Some((Outcome::Skipped, reason)),
                Truth::Wrong(reason) => Some((Outcome::Errored, format!("fail-if {reason}"))),
                Truth::GivenUp(reason) => {
                    given_up = true;
                    Some((Outcome::Errored, format!("fail-if {reason}")))
                }
            };
            if let Some((outcome, reason)) = found {
                done.outcome = outcome;
                done.reason = Some(reason);
            }
        }
        if let (Outcome::Cancelled, None, Some(cause)) = (done.outcome, &done.reason, self.cancelled) {
            done.reason = Some(self.why(cause));
        }
        let state = &self.units[unit];
        // A condition that takes too much would take it again, and what was checked may take much longer.
        let again = self.cancelled.is_none()
            && !given_up
            && state.attempts <= planned.check.retries
            && retry::is_worth_another(&planned.check, &done);
        let wait = again.then(|| {
            let factor = 0.5 + self.random.f64() / 2.0;
            retry::wait(&planned.check.backoff, state.attempts, factor)
        });
        let attempt = Attempt {
            number: state.attempts,
            started,
            duration: took,
            outcome: done.outcome,
            reason: done.reason.clone(),
            exit_code: done.exit_code,
            signal: done.signal,
            stdout: done.stdout,
            stderr: done.stderr,
            leaked: done.leaked,
        };
        self.say(EventKind::AttemptFinished { unit, attempt: Arc::new(attempt), retry_in: wait });
        if let Some(wait) = wait {
            self.waiting.push(Reverse((now + wait, unit)));
            return;
        }
        let state = &mut self.units[unit];
        state.facts = done.facts;
        state.changed = done.changed.map(Arc::from);
        state.exit_code = done.exit_code;
        self.end(unit, done.outcome, done.reason);
    }

    /// Units whose wait is over want a place again.
    fn wake(&mut self) {
        let now = self.clock.now();
        while let Some(Reverse((due, unit))) = self.waiting.peek().copied() {
            if due > now {
                return;
            }
            self.waiting.pop();
            self.schedule.ready(unit);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::End(number) => {
                match self.interrupted {
                    None => {
                        self.cancel(Cause::Signal(number));
                        // Telling of all that is cancelled may take a while, in which the same key press waits to be heard again.
                        self.interrupted = Some(self.clock.now());
                    }
                    Some(first) if self.clock.now().saturating_sub(first) > ONE_KEY_PRESS => {
                        self.phase.send_replace(Phase::Kill);
                    }
                    Some(_) => {}
                }
            }
            Order::EndNow(number) => {
                self.cancel(Cause::Signal(number));
                self.phase.send_replace(Phase::Kill);
            }
            Order::Suspend => {
                self.say(EventKind::Suspending);
                let before = tokio::time::Instant::now();
                self.executor.suspend();
                self.clock.stood_still(before.elapsed());
            }
        }
    }

    /// Cancels everything that has not ended: what runs is stopped and waited for, what does not never will.
    fn cancel(&mut self, cause: Cause) {
        let first = self.cancelled.is_none();
        if first || matches!(cause, Cause::Signal(_)) {
            self.say(EventKind::Cancelling(cause));
        }
        if !first {
            return;
        }
        self.cancelled = Some(cause);
        self.phase.send_replace(Phase::Stop);
        self.waiting.clear();
        for unit in self.schedule.unsettled() {
            if !self.in_place.contains(&unit) && self.units[unit].outcome.is_none() {
                let (outcome, reason) = match self.plan.obstacle(unit) {
                    Some(obstacle) => (obstacle.outcome, obstacle.reason),
                    None => (Outcome::Cancelled, self.why(cause)),
                };
                // What it was the last to block is on this list too.
                let _ = self.settle(unit, outcome, Some(reason));
            }
        }
    }

    fn why(&self, cause: Cause) -> String {
        match cause {
            Cause::Signal(number) => {
                let name =
                    nix::sys::signal::Signal::try_from(number).map_or("a signal", nix::sys::signal::Signal::as_str);
                format!("interrupted by {name}")
            }
            Cause::Faults if self.plan.max_fail == Some(1) => "cancelled by a failure elsewhere".to_owned(),
            Cause::Faults => format!("cancelled after {} failures", self.faults),
            Cause::Deadline => {
                format!("the run's {} were over", duration::write(self.plan.global_timeout.unwrap_or_default()))
            }
        }
    }
}
