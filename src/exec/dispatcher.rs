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
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::event::{Attempt, Cause, Event, EventKind, UnitEnd};
use crate::exec::clock::Clock;
use crate::exec::control::Phase;
use crate::exec::executor::{Answer, Asked, Batch, Done, Executor, NoPlace};
use crate::exec::ledger::{Entry, Ledger};
use crate::exec::retry;
use crate::exec::running::{Ended, Running};
use crate::exec::schedule::Schedule;
use crate::exec::signal::Order;
use crate::model::answer::{ProcessEnd, SourceId, Verdict};
use crate::model::backlog::Backlog;
use crate::model::id::UnitId;
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::text::{duration, signal};

/// git passes the terminal's SIGINT on, so one key press can arrive twice: a second signal sooner than this is the
/// first.
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
    let dispatcher = Dispatcher {
        schedule: Schedule::new(&plan, plan.max_concurrency.min(most)),
        ledger: Ledger::new(&plan),
        running: Running::new(executor),
        at_hand: BTreeMap::new(),
        waiting: BinaryHeap::new(),
        backlog,
        is_held_up: false,
        faults: 0,
        cancelled: None,
        interrupted: None,
        plan,
        clock,
        random,
        emit,
    };
    dispatcher.run(orders).await;
}

struct Dispatcher<'a, E> {
    plan: Arc<Plan>,
    clock: Clock,
    random: fastrand::Rng,
    schedule: Schedule,
    ledger: Ledger,
    running: Running<E>,
    /// What other units' batches have brought. It is told of as fast as the reports are read.
    at_hand: BTreeMap<UnitId, (SourceId, Done)>,
    /// Units between two attempts, by when the next one is due.
    waiting: BinaryHeap<Reverse<(Duration, UnitId)>>,
    backlog: Backlog,
    /// Whether nothing was started for the sake of the backlog.
    is_held_up: bool,
    faults: u32,
    cancelled: Option<Cause>,
    /// When the first signal had been obeyed.
    interrupted: Option<Duration>,
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
                Some(ended) = self.running.next() => {
                    self.hear(ended);
                    // Whatever else has ended by now frees its place too, before anything is started.
                    while let Some(ended) = self.running.next_now() {
                        self.hear(ended);
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

    /// Nothing runs and nothing is waited for, but units are left: a fault of this program's own, which must not look
    /// like an answer, nor hang.
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
    fn decide(&mut self, unit: UnitId) {
        let mut open = vec![unit];
        while let Some(unit) = open.pop() {
            if self.ledger[unit].outcome.is_some() {
                continue;
            }
            match self.verdict(unit) {
                None => self.schedule.ready(unit),
                Some((outcome, reason)) => open.extend(self.settle(unit, outcome, reason)),
            }
        }
    }

    /// Why a unit that nothing blocks does not run, if it does not.
    fn verdict(&self, unit: UnitId) -> Option<(Outcome, Option<String>)> {
        if let Some(obstacle) = self.plan.obstacle(unit) {
            return Some((obstacle.outcome, Some(obstacle.reason)));
        }
        if let Some(cause) = self.cancelled {
            return Some((Outcome::Cancelled, Some(self.why(cause))));
        }
        self.ledger.hindrance(unit)
    }

    /// Ends a unit, and gives back what it was the last to block.
    fn settle(&mut self, unit: UnitId, outcome: Outcome, reason: Option<String>) -> Vec<UnitId> {
        let now = self.clock.now();
        let entry = &mut self.ledger[unit];
        if entry.outcome.is_some() {
            return Vec::new();
        }
        entry.outcome = Some(outcome);
        entry.duration = entry.started.map_or(Duration::ZERO, |started| now.saturating_sub(started));
        let end =
            UnitEnd { outcome, reason, started: entry.started, duration: entry.duration, facts: entry.facts.clone() };
        self.say(EventKind::UnitFinished { unit, end: Arc::new(end) });
        let freed = self.schedule.settle(unit);
        if outcome.is_fault() && !self.plan.check(unit).allow_failure {
            self.faults += 1;
            if self.plan.max_fail.is_some_and(|most| self.faults >= most) {
                self.cancel(Cause::Faults);
            }
        }
        freed
    }

    fn end(&mut self, unit: UnitId, outcome: Outcome, reason: Option<String>) {
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
            if let Some((unit, (source, done))) = self.at_hand.pop_first() {
                let started = self.begin(unit);
                self.finish(unit, source, started, done);
                continue;
            }
            let Some(unit) = self.schedule.start() else { return };
            match self.running.executor().not_yet(&self.plan, unit) {
                Some(wait) => self.put_off(unit, wait),
                None => self.ask(unit),
            }
        }
    }

    /// Asks the first source of a unit's route that does not pass it on at once.
    fn ask(&mut self, unit: UnitId) {
        loop {
            let Some(source) = self.ledger.source(unit) else {
                let reason = "nobody could answer for it: a fault in git wtcheck itself".to_owned();
                self.schedule.leave(unit);
                return self.end(unit, Outcome::Errored, Some(reason));
            };
            let units = match source {
                SourceId::Known => {
                    if let Answer::Done(done) = self.running.executor().known(&self.plan, &self.asked(unit)) {
                        self.schedule.leave(unit);
                        let started = self.begin(unit);
                        return self.finish(unit, source, started, done);
                    }
                    Vec::new()
                }
                SourceId::Batch => self.gather(unit),
                SourceId::Proof | SourceId::Process | SourceId::Survey | SourceId::Pairs => vec![unit],
            };
            if !units.is_empty() {
                return self.spawn(source, &units);
            }
            self.ledger[unit].passed_on += 1;
        }
    }

    fn asked(&self, unit: UnitId) -> Asked {
        Asked { unit, number: self.ledger[unit].attempts + 1, evidence: self.ledger.evidence(unit) }
    }

    /// The units that one process is asked for together with this one: all of its check that may start now and come to
    /// no other source before. None, where it would be alone.
    fn gather(&mut self, unit: UnitId) -> Vec<UnitId> {
        if !self.plan.may_join(unit) {
            return Vec::new();
        }
        let ready: Vec<UnitId> = self.schedule.ready_of(self.plan.units[unit].check).collect();
        let mut units = vec![unit];
        for other in ready {
            let is_known = self.ledger.source(other) == Some(SourceId::Known);
            if is_known && matches!(self.running.executor().known(&self.plan, &self.asked(other)), Answer::Pass(_)) {
                self.ledger[other].passed_on += 1;
            }
            if self.ledger.source(other) == Some(SourceId::Batch) && self.plan.may_join(other) {
                self.schedule.join(other);
                units.push(other);
            }
        }
        if units.len() > 1 { units } else { Vec::new() }
    }

    /// An attempt at a unit begins. Gives when.
    fn begin(&mut self, unit: UnitId) -> Duration {
        let now = self.clock.now();
        let entry = &mut self.ledger[unit];
        entry.attempts += 1;
        let number = entry.attempts;
        if entry.started.is_none() {
            entry.started = Some(now);
            self.say(EventKind::UnitStarted(unit));
        }
        self.say(EventKind::AttemptStarted { unit, number });
        now
    }

    /// Asks a source for units. The first of them has the place for all, and its attempt begins; the others' begin and
    /// end once their answers are there.
    fn spawn(&mut self, source: SourceId, units: &[UnitId]) {
        let asked = units.iter().map(|unit| self.asked(*unit)).collect();
        let batch = Batch { plan: Arc::clone(&self.plan), source, units: asked };
        let started = self.begin(units[0]);
        self.running.ask(batch, started);
    }

    /// A batch has ended.
    fn hear(&mut self, ended: Ended) {
        let Ended { units, source, started, result } = ended;
        let is_alone = self.schedule.running() == 1;
        self.schedule.leave(units[0]);
        let begun = std::iter::once(Some(started)).chain(std::iter::repeat(None));
        let units = units.into_iter().zip(begun);
        match result {
            Ok(answers) => {
                // What a source says nothing of, it passes on.
                let answers = answers.into_iter().chain(std::iter::repeat(Answer::Pass(None)));
                for ((unit, begun), answer) in units.zip(answers) {
                    self.judge(unit, source, begun, answer);
                }
            }
            Err(NoPlace(error)) if is_alone => {
                let reason = format!("the machine has no place for one more process: {error}");
                for (unit, begun) in units {
                    let done = Done::with(Outcome::Errored, Some(reason.clone()));
                    self.judge(unit, source, begun, Answer::Done(done));
                }
            }
            Err(NoPlace(_)) => {
                // As soon as something ends there is a place again.
                for (unit, begun) in units {
                    self.ask_again(unit, begun);
                }
                self.schedule.shrink();
            }
        }
    }

    /// Takes an answer for what a unit comes to, or has the next source asked. `begun`: when its attempt began, if it
    /// has.
    fn judge(&mut self, unit: UnitId, source: SourceId, begun: Option<Duration>, answer: Answer) {
        // It was waiting for another's answer when the run was cancelled.
        if self.ledger[unit].outcome.is_some() {
            return;
        }
        // Where many were asked about at once, one of them may have spoilt it for all: only the last source can give up,
        // unless no other could say anything else.
        let is_given_up =
            |done: &Done| !done.is_final && matches!(done.verdict.outcome, Outcome::Errored | Outcome::TimedOut);
        match answer {
            Answer::Done(done) if self.ledger.is_last_source(unit) || !is_given_up(&done) => match begun {
                Some(started) => self.finish(unit, source, started, done),
                None => _ = self.at_hand.insert(unit, (source, done)),
            },
            answer => {
                if let Answer::Pass(Some(why)) = answer {
                    self.ledger[unit].asked = Some(why);
                }
                self.ledger[unit].passed_on += 1;
                self.ask_again(unit, begun);
            }
        }
    }

    /// A unit for which nothing came that could count wants a place again.
    fn ask_again(&mut self, unit: UnitId, begun: Option<Duration>) {
        self.ledger[unit].attempts -= u32::from(begun.is_some());
        match self.cancelled {
            Some(cause) => {
                let reason = self.why(cause);
                self.end(unit, Outcome::Cancelled, Some(reason));
            }
            None => self.schedule.ready(unit),
        }
    }

    /// A unit that cannot be asked for yet: its turn comes again after a wait, in which others have its place.
    fn put_off(&mut self, unit: UnitId, wait: Duration) {
        self.schedule.leave(unit);
        self.waiting.push(Reverse((self.clock.now() + wait, unit)));
    }

    fn finish(&mut self, unit: UnitId, source: SourceId, started: Duration, done: Done) {
        let plan = Arc::clone(&self.plan);
        let planned = plan.planned(unit);
        let now = self.clock.now();
        let took = now.saturating_sub(started);
        let (mut done, is_given_up) = self.ledger.held_against_fail_if(unit, took, done);
        if let (Outcome::Cancelled, None, Some(cause)) = (done.verdict.outcome, &done.verdict.reason, self.cancelled) {
            done.verdict.reason = Some(self.why(cause));
        }
        let Entry { attempts, asked, .. } = self.ledger[unit];
        // A condition that takes too much would take it again, and what was checked may take much longer.
        let again = self.cancelled.is_none()
            && !is_given_up
            && attempts <= planned.check.retries
            && retry::is_worth_another(&planned.check, &done);
        let wait = again.then(|| {
            let factor = 0.5 + self.random.f64() / 2.0;
            retry::wait(&planned.check.backoff, attempts, factor)
        });
        let Done { verdict: Verdict { outcome, reason, facts }, evidence, process, .. } = done;
        let exit_code = process.as_ref().and_then(ProcessEnd::exit_code);
        let attempt = Attempt {
            number: attempts,
            started,
            duration: took,
            outcome,
            reason: reason.clone(),
            source,
            asked,
            process,
        };
        self.say(EventKind::AttemptFinished { unit, attempt: Arc::new(attempt), retry_in: wait });
        if let Some(wait) = wait {
            self.waiting.push(Reverse((now + wait, unit)));
            return;
        }
        let entry = &mut self.ledger[unit];
        (entry.facts, entry.evidence, entry.exit_code) = (facts, evidence, exit_code);
        self.end(unit, outcome, reason);
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
                        // Telling of all that is cancelled may take a while, in which the same key press waits to be
                        // heard again.
                        self.interrupted = Some(self.clock.now());
                    }
                    Some(first) if self.clock.now().saturating_sub(first) > ONE_KEY_PRESS => {
                        self.running.move_to(Phase::Kill);
                    }
                    Some(_) => {}
                }
            }
            Order::EndNow(number) => {
                self.cancel(Cause::Signal(number));
                self.running.move_to(Phase::Kill);
            }
            Order::Suspend => {
                self.say(EventKind::Suspending);
                let before = tokio::time::Instant::now();
                self.running.executor().suspend();
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
        self.running.move_to(Phase::Stop);
        self.waiting.clear();
        self.at_hand.clear();
        for unit in self.schedule.unsettled() {
            if !self.running.has(unit) && self.ledger[unit].outcome.is_none() {
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
            Cause::Signal(number) => format!("interrupted by {}", signal::short_name(number)),
            Cause::Faults if self.plan.max_fail == Some(1) => "cancelled by a failure elsewhere".to_owned(),
            Cause::Faults => format!("cancelled after {} failures", self.faults),
            Cause::Deadline => {
                format!("the run's {} were over", duration::write(self.plan.global_timeout.unwrap_or_default()))
            }
        }
    }
}
