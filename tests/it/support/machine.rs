//! A machine on which only virtual time passes: the real dispatcher and the real supervision over jobs that are scripts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git_wtcheck::event::EventKind;
use git_wtcheck::exec::clock::Clock;
use git_wtcheck::exec::control::Control;
use git_wtcheck::exec::dispatcher::{self, Surroundings};
use git_wtcheck::exec::executor::{Answer, Asked, Batch, Done, Executor, NoPlace};
use git_wtcheck::exec::signal::Order;
use git_wtcheck::exec::supervise::{Ending, Job, supervise};
use git_wtcheck::model::answer::{Exit, ProcessEnd, SourceId};
use git_wtcheck::model::backlog::Backlog;
use git_wtcheck::model::id::UnitId;
use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::plan::Plan;
use git_wtcheck::record::Record;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::plans::ms;
use crate::support::story::{Load, Story};

/// What an attempt does.
#[derive(Clone, Debug)]
pub struct Script {
    /// When it ends by itself; none: never.
    pub length: Option<Duration>,
    /// How long it takes to end once asked to; none: it does not care.
    pub obeys_in: Option<Duration>,
    /// What it came to, where it ended by itself.
    pub done: Done,
    /// Whether something that it started goes on after it.
    pub leaves: bool,
    /// Whether its process could be started at all.
    pub has_place: bool,
    /// When, from the run's start, all that it needs is known; until then it is put off.
    pub known_at: Duration,
    /// Whether nobody needs to be asked.
    pub is_known: bool,
    /// Whether the one process that was asked for many tells nothing of this one.
    pub passes_on: bool,
}

impl Script {
    fn of(length: Duration, outcome: Outcome) -> Self {
        let reason = (outcome != Outcome::Passed).then(|| "as the script says".to_owned());
        Self {
            length: Some(length),
            obeys_in: Some(Duration::ZERO),
            done: Done::with(outcome, reason),
            leaves: false,
            has_place: true,
            known_at: Duration::ZERO,
            is_known: false,
            passes_on: false,
        }
    }

    /// It passes after this long.
    pub fn passes(length: Duration) -> Self {
        Self::of(length, Outcome::Passed)
    }

    /// It fails after this long.
    pub fn fails(length: Duration) -> Self {
        Self::of(length, Outcome::Failed).ending(Exit::Code(1))
    }

    /// It cannot be carried out, which is known after this long.
    pub fn errs(length: Duration) -> Self {
        Self::of(length, Outcome::Errored)
    }

    /// It never ends by itself.
    pub fn hangs() -> Self {
        Self { length: None, ..Self::passes(Duration::ZERO) }
    }

    /// Its process ends so.
    #[must_use]
    pub fn ending(mut self, exit: Exit) -> Self {
        let process = self.done.process.take().unwrap_or_default();
        self.done.process = Some(ProcessEnd { exit: Some(exit), ..process });
        self
    }

    /// Another git process's lock was in its way.
    #[must_use]
    pub fn locked_out(mut self) -> Self {
        let process = self.done.process.take().unwrap_or_default();
        self.done.process = Some(ProcessEnd { locked: true, ..process });
        self
    }

    /// It takes so long to end once asked to; none: it has to be killed.
    #[must_use]
    pub fn obeying_in(self, obeys_in: Option<Duration>) -> Self {
        Self { obeys_in, ..self }
    }
}

/// A job that only lets time pass.
struct Passing {
    end: Option<Instant>,
    rest: Option<Instant>,
    obeys_in: Option<Duration>,
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Job for Passing {
    async fn ended(&mut self) {
        at(self.end).await;
    }

    async fn gone(&mut self) {
        at(self.end).await;
        at(self.rest).await;
    }

    async fn drained(&mut self) {
        self.gone().await;
    }

    fn terminate(&mut self) {
        if let Some(obeys_in) = self.obeys_in {
            let obeyed = Instant::now() + obeys_in;
            self.end = Some(self.end.map_or(obeyed, |end| end.min(obeyed)));
            self.rest = Some(self.rest.map_or(obeyed, |rest| rest.min(obeyed)));
        }
    }

    fn kill(&mut self) {
        let now = Instant::now();
        (self.end, self.rest) = (Some(self.end.map_or(now, |end| end.min(now))), Some(now));
    }
}

/// What is asked of the machine for one unit.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Who is asked.
    pub source: SourceId,
    /// The unit.
    pub unit: UnitId,
    /// The attempt, counted from 1.
    pub number: u32,
}

impl Ask<'_> {
    /// The worktree, by its place.
    pub fn worktree(&self) -> usize {
        self.plan.units[self.unit].worktree.into()
    }

    /// The unit, by its place.
    pub fn place(&self) -> usize {
        self.unit.into()
    }

    /// The check's name.
    pub fn name(&self) -> &str {
        &self.plan.check(self.unit).name
    }
}

struct Machine<F> {
    clock: Clock,
    script: F,
    load: Mutex<Load>,
    stopped_for: Duration,
}

impl<F: Fn(&Ask<'_>) -> Script> Machine<F> {
    fn load(&self) -> std::sync::MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script_of(&self, plan: &Plan, source: SourceId, asked: &Asked) -> Script {
        (self.script)(&Ask { plan, source, unit: asked.unit, number: asked.number })
    }

    fn begins(&self, batch: &Batch) {
        let check = batch.plan.units[batch.units[0].unit].check;
        let mut load = self.load();
        load.asked.push(batch.clone());
        load.running += 1;
        load.most = load.most.max(load.running);
        let each = load.each.entry(check).or_default();
        *each += 1;
        let each = *each;
        let most = load.most_of.entry(check).or_default();
        *most = each.max(*most);
    }

    fn ends(&self, batch: &Batch) {
        let mut load = self.load();
        load.running -= 1;
        *load.each.entry(batch.plan.units[batch.units[0].unit].check).or_default() -= 1;
    }
}

impl<F: Fn(&Ask<'_>) -> Script + Send + Sync + 'static> Executor for Machine<F> {
    fn not_yet(&self, plan: &Plan, unit: UnitId) -> Option<Duration> {
        let script = (self.script)(&Ask { plan, source: SourceId::Known, unit, number: 1 });
        (self.clock.now() < script.known_at).then_some(ms(50))
    }

    fn known(&self, plan: &Plan, asked: &Asked) -> Answer {
        let script = self.script_of(plan, SourceId::Known, asked);
        if script.is_known { Answer::Done(script.done) } else { Answer::Pass(None) }
    }

    /// The first unit's script says how long it takes and whether there is a place; each one's, what it comes to.
    async fn answer(&self, batch: Batch, mut control: Control) -> Result<Vec<Answer>, NoPlace> {
        let check = batch.plan.check(batch.units[0].unit);
        let scripts: Vec<Script> =
            batch.units.iter().map(|asked| self.script_of(&batch.plan, batch.source, asked)).collect();
        let script = &scripts[0];
        if !script.has_place {
            return Err(NoPlace(std::io::Error::other("full")));
        }
        self.begins(&batch);
        let now = Instant::now();
        let end = script.length.map(|length| now + length);
        let rest = if script.leaves { None } else { Some(now) };
        let mut job = Passing { end, rest, obeys_in: script.obeys_in };
        let ending = supervise(&mut job, check.timeout, check.grace_period, &self.clock, &mut control).await;
        assert!(job.end.is_some_and(|end| end <= Instant::now()), "supervise gives back only when the job has ended");
        assert!(job.rest.is_some_and(|rest| rest <= Instant::now()), "and what it left behind has too");
        self.ends(&batch);
        let came_to = |script: Script| match ending {
            Ending::Itself { leaked } => {
                let process = script.done.process.clone().unwrap_or_default();
                Answer::Done(script.done.of_process(ProcessEnd { leaked, ..process }))
            }
            Ending::TimedOut => {
                let process = ProcessEnd { exit: Some(Exit::Signal(15)), ..ProcessEnd::default() };
                Answer::Done(Done::with(Outcome::TimedOut, Some("too long".to_owned())).of_process(process))
            }
            Ending::Cancelled => Answer::Done(Done::with(Outcome::Cancelled, None)),
        };
        // Who is asked before the last tells nothing of a unit for which a process of its own would find no end.
        let is_endless =
            |script: &Script| script.length.is_none_or(|length| check.timeout.is_some_and(|most| length >= most));
        let passes_on = |script: &Script| batch.source != SourceId::Process && (script.passes_on || is_endless(script));
        let is_over = matches!(ending, Ending::Itself { .. });
        let answer = |script: Script| if is_over && passes_on(&script) { Answer::Pass(None) } else { came_to(script) };
        Ok(scripts.into_iter().map(answer).collect())
    }

    fn suspend(&self) {
        std::thread::sleep(self.stopped_for);
    }
}

/// What a run is given besides its plan and scripts.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Orders, and when they come.
    pub orders: Vec<(Duration, Order)>,
    /// What jitter is drawn from.
    pub seed: u64,
    /// How long the machine is stopped when it is suspended: real time, not virtual.
    pub stopped_for: Duration,
    /// From when to when the reader of the reports takes nothing; to the end where there is no second time.
    pub stuck: Option<(Duration, Option<Duration>)>,
}

/// Carries a plan out on a machine where attempts do what the script says, and checks what holds for every run.
pub async fn carry_out(plan: Plan, given: Given, script: impl Fn(&Ask<'_>) -> Script + Send + Sync + 'static) -> Story {
    let plan = Arc::new(plan);
    let clock = Clock::default();
    let machine =
        Arc::new(Machine { clock: clock.clone(), script, load: Mutex::default(), stopped_for: given.stopped_for });
    let (sender, mut orders) = mpsc::unbounded_channel();
    let backlog = Backlog::default();
    let start = Instant::now();
    let hand = tokio::spawn(async move {
        for (time, order) in given.orders {
            tokio::time::sleep_until(start + time).await;
            let _ = sender.send(order);
        }
        std::future::pending::<()>().await;
    });
    let (read, stuck) = (backlog.clone(), given.stuck);
    let reader = tokio::spawn(async move {
        let Some((from, until)) = stuck else { return };
        tokio::time::sleep_until(start + from).await;
        read.add(Backlog::MOST + 1);
        if let Some(until) = until {
            tokio::time::sleep_until(start + until).await;
            read.remove(1);
        }
    });
    let mut events = Vec::new();
    let mut record = Record::new(false);
    let surroundings = Surroundings {
        clock,
        orders: &mut orders,
        random: fastrand::Rng::with_seed(given.seed),
        most: usize::MAX,
        backlog,
    };
    dispatcher::run(Arc::clone(&plan), Arc::clone(&machine), surroundings, &mut |event| {
        record.apply(event);
        events.push(event.clone());
    })
    .await;
    hand.abort();
    reader.abort();
    let load = machine.load().clone();
    assert_eq!(load.running, 0, "what was started was waited for");
    let story = Story { plan, events, record, load };
    story.holds_what_always_holds();
    if let Some((from, until)) = given.stuck {
        let is_stuck = |at: Duration| at > from && until.is_none_or(|until| at < until);
        for event in &story.events {
            let starts = matches!(event.kind, EventKind::UnitStarted(_) | EventKind::AttemptStarted { .. });
            assert!(!starts || !is_stuck(event.at), "nothing starts while the reader is stuck: {event:?}");
        }
    }
    story
}
