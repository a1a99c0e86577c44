//! A machine on which only virtual time passes: the real dispatcher and the real supervision over jobs that are scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git_wtcheck::checks::{COMMAND, Check, LOG};
use git_wtcheck::event::{Cause, Event, EventKind};
use git_wtcheck::exec::clock::Clock;
use git_wtcheck::exec::dispatcher::{self, Surroundings};
use git_wtcheck::exec::signal::Order;
use git_wtcheck::exec::unit::{Ending, Job, supervise};
use git_wtcheck::exec::{Ask, Control, Done, Executor, NoAttempt};
use git_wtcheck::model::answer::{Finding, Verdict};
use git_wtcheck::model::backlog::Backlog;
use git_wtcheck::model::check::{Backoff, BackoffKind, CommandLine, RetryClass};
use git_wtcheck::model::facts::Facts;
use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::model::worktree::Worktree;
use git_wtcheck::plan::condition::{Condition, Reader};
use git_wtcheck::plan::{Plan, PlannedCheck, Prerequisite, UnitIndex};
use git_wtcheck::record::Record;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Milliseconds, for short.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A check without limits that is tried once.
pub fn check(name: &str) -> Check {
    Check {
        name: name.to_owned(),
        kind: COMMAND,
        command: Some(CommandLine::Shell("true".to_owned())),
        args: Vec::new(),
        env: Vec::new(),
        dir: None,
        timeout: None,
        grace_period: ms(2000),
        slow_after: None,
        retries: 0,
        backoff: Backoff { kind: BackoffKind::Fixed, delay: ms(200), max_delay: ms(10_000), jitter: false },
        retry_on: RetryClass::ALL.to_vec(),
        max_output: 1024,
        max_concurrency: None,
        when: None,
        needs: Vec::new(),
        fail_if: None,
        allow_failure: false,
        description: None,
    }
}

/// A plan of these checks, in this order, on so many worktrees; as many units at a time as there are.
pub fn plan(worktrees: usize, checks: Vec<Check>) -> Plan {
    let known: BTreeMap<String, Check> = checks.iter().map(|check| (check.name.clone(), check.clone())).collect();
    let names: Vec<String> = checks.iter().map(|check| check.name.clone()).collect();
    let index = |name: &String| names.iter().position(|known| known == name).expect("a check of the plan");
    let planned = |check: Check| {
        let compile =
            |text: &String, own| Reader::new(&known).compile(text, own).unwrap_or_else(|fault| panic!("{fault:?}"));
        let when = check.when.as_ref().map(|text| compile(text, None));
        let fail_if = check.fail_if.as_ref().map(|text| compile(text, Some(&check.name)));
        let mut prerequisites: Vec<Prerequisite> =
            check.needs.iter().map(|name| Prerequisite { check: index(name), must_pass: true }).collect();
        for name in when.iter().chain(&fail_if).flat_map(Condition::names).filter(|name| **name != check.name) {
            if prerequisites.iter().all(|known| known.check != index(name)) {
                prerequisites.push(Prerequisite { check: index(name), must_pass: false });
            }
        }
        let shared = check.kind == LOG;
        PlannedCheck {
            check,
            when,
            fail_if,
            prerequisites,
            dependents: Vec::new(),
            brought_by: None,
            left_out: None,
            unapproved: false,
            shared,
        }
    };
    let mut checks: Vec<PlannedCheck> = checks.into_iter().map(planned).collect();
    for dependent in 0..checks.len() {
        for prerequisite in checks[dependent].prerequisites.clone() {
            checks[prerequisite.check].dependents.push(dependent);
        }
    }
    let worktree = |index: usize| Worktree {
        path: PathBuf::from(format!("/r/w{index}")),
        name: format!("w{index}"),
        head: Some(format!("{index:040x}")),
        branch: Some(format!("b{index}")),
        ..Worktree::default()
    };
    let all = (worktrees * checks.len()).max(1);
    Plan {
        common_dir: PathBuf::from("/r/.git"),
        worktrees: (0..worktrees).map(worktree).collect(),
        checks,
        max_concurrency: all,
        batch_size: None,
        global_timeout: None,
        max_fail: None,
        refresh_index: false,
    }
}

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
        }
    }

    /// It passes after this long.
    pub fn passes(length: Duration) -> Self {
        Self::of(length, Outcome::Passed)
    }

    /// It fails after this long.
    pub fn fails(length: Duration) -> Self {
        let mut script = Self::of(length, Outcome::Failed);
        script.done.exit_code = Some(1);
        script
    }

    /// It cannot be carried out, which is known after this long.
    pub fn errs(length: Duration) -> Self {
        Self::of(length, Outcome::Errored)
    }

    /// It never ends by itself.
    pub fn hangs() -> Self {
        Self { length: None, ..Self::passes(Duration::ZERO) }
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

/// How busy the machine was.
#[derive(Clone, Debug, Default)]
pub struct Load {
    running: usize,
    /// The most attempts at a time.
    pub most: usize,
    each: BTreeMap<usize, usize>,
    /// The most attempts at a time of each check.
    pub most_of: BTreeMap<usize, usize>,
    /// Attempts that were carried out, in the order of their starts, with those that they were to answer for too.
    pub asked: Vec<(UnitIndex, u32, Vec<UnitIndex>)>,
    /// Units that were put off at least once.
    pub put_off: BTreeSet<UnitIndex>,
}

struct Machine<F> {
    clock: Clock,
    script: F,
    load: Mutex<Load>,
    stopped_for: Duration,
}

impl<F> Machine<F> {
    fn load(&self) -> std::sync::MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fn(&Ask) -> Script + Send + Sync + 'static> Executor for Machine<F> {
    async fn attempt(&self, ask: Ask, mut control: Control) -> Result<Done, NoAttempt> {
        let index = ask.plan.check_of(ask.unit);
        let check = &ask.plan.checks[index].check;
        let script = (self.script)(&ask);
        if !script.has_place {
            return Err(NoAttempt::NoPlace(std::io::Error::other("full")));
        }
        if self.clock.now() < script.known_at {
            self.load().put_off.insert(ask.unit);
            return Err(NoAttempt::NotYet(ms(50)));
        }
        {
            let mut load = self.load();
            load.asked.push((ask.unit, ask.number, ask.with.clone()));
            load.running += 1;
            load.most = load.most.max(load.running);
            let each = load.each.entry(index).or_default();
            *each += 1;
            let each = *each;
            let most = load.most_of.entry(index).or_default();
            *most = each.max(*most);
        }
        let now = Instant::now();
        let end = script.length.map(|length| now + length);
        let rest = if script.leaves { None } else { Some(now) };
        let mut job = Passing { end, rest, obeys_in: script.obeys_in };
        let ending = supervise(&mut job, check.timeout, check.grace_period, &self.clock, &mut control).await;
        assert!(job.end.is_some_and(|end| end <= Instant::now()), "supervise gives back only when the job has ended");
        assert!(job.rest.is_some_and(|rest| rest <= Instant::now()), "and what it left behind has too");
        {
            let mut load = self.load();
            load.running -= 1;
            *load.each.entry(index).or_default() -= 1;
        }
        Ok(match ending {
            Ending::Itself { leaked } => Done { leaked, ..script.done },
            Ending::TimedOut => Done { signal: Some(15), ..Done::with(Outcome::TimedOut, Some("too long".to_owned())) },
            Ending::Cancelled => Done::with(Outcome::Cancelled, None),
        })
    }

    fn suspend(&self) {
        std::thread::sleep(self.stopped_for);
    }
}

/// What came of a run.
pub struct Story {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Everything that happened.
    pub events: Vec<Event>,
    /// The record of it.
    pub record: Record,
    /// How busy the machine was.
    pub load: Load,
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
pub async fn carry_out(plan: Plan, given: Given, script: impl Fn(&Ask) -> Script + Send + Sync + 'static) -> Story {
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

impl Story {
    fn holds_what_always_holds(&self) {
        let plan = &self.plan;
        assert!(matches!(self.events.first().map(|event| &event.kind), Some(EventKind::RunStarted(_))));
        assert!(matches!(self.events.last().map(|event| &event.kind), Some(EventKind::RunFinished)));
        assert!(self.events.is_sorted_by_key(|event| event.at), "time never falls");
        let mut ends = vec![0; plan.units()];
        let mut open: BTreeMap<UnitIndex, u32> = BTreeMap::new();
        let mut finished = vec![0; plan.units()];
        let mut cancelled = false;
        for event in &self.events {
            match &event.kind {
                EventKind::UnitFinished { unit, .. } => {
                    ends[*unit] += 1;
                    let is_open = open.contains_key(unit) && !self.load.put_off.contains(unit);
                    assert!(!is_open, "a unit ends after its attempt");
                }
                EventKind::AttemptStarted { unit, number } => {
                    assert!(!cancelled, "no attempt starts after the run was cancelled");
                    assert_eq!(*number, finished[*unit] + 1, "attempts are counted from 1");
                    assert_eq!(ends[*unit], 0, "nothing begins after the end");
                    open.insert(*unit, *number);
                }
                EventKind::AttemptFinished { unit, attempt, .. } => {
                    assert_eq!(open.remove(unit), Some(attempt.number), "what ends had begun");
                    finished[*unit] = attempt.number;
                }
                EventKind::Cancelling(_) => cancelled = true,
                _ => {}
            }
        }
        assert!(ends.iter().all(|count| *count == 1), "every unit ends exactly once: {ends:?}");
        assert!(self.load.most <= plan.max_concurrency, "{} at a time", self.load.most);
        for (index, most) in &self.load.most_of {
            let allowed = plan.checks[*index].check.max_concurrency.unwrap_or(usize::MAX);
            assert!(*most <= allowed, "{most} of check {index} at a time, not {allowed}");
        }
        assert_eq!(self.record.ended(), plan.units());
        for (unit, record) in self.record.units.iter().enumerate() {
            assert_eq!(record.attempts.len(), finished[unit] as usize);
            assert!(record.attempts.len() <= 1 + plan.checks[plan.check_of(unit)].check.retries as usize);
        }
    }

    /// How a unit ended.
    pub fn outcome(&self, worktree: usize, check: usize) -> Outcome {
        self.record.units[self.plan.unit(worktree, check)].end.as_ref().expect("an end").outcome
    }

    /// How every unit ended, in the order of the plan.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.record.units.iter().map(|unit| unit.end.as_ref().expect("an end").outcome).collect()
    }

    /// Why a unit did not pass.
    pub fn reason(&self, worktree: usize, check: usize) -> String {
        self.record.units[self.plan.unit(worktree, check)]
            .end
            .as_ref()
            .expect("an end")
            .reason
            .clone()
            .unwrap_or_default()
    }

    /// The attempts of a unit: from when to when, in milliseconds, and to what.
    pub fn attempts(&self, worktree: usize, check: usize) -> Vec<(u128, u128, Outcome)> {
        let attempts = &self.record.units[self.plan.unit(worktree, check)].attempts;
        let span = |attempt: &Arc<git_wtcheck::event::Attempt>| {
            let end = attempt.started + attempt.duration;
            (attempt.started.as_millis(), end.as_millis(), attempt.outcome)
        };
        attempts.iter().map(span).collect()
    }

    /// When each unit first started, in milliseconds; none: never.
    pub fn starts(&self) -> Vec<Option<u128>> {
        let start = |unit: &git_wtcheck::record::UnitRecord| {
            unit.end.as_ref().and_then(|end| end.started).map(|started| started.as_millis())
        };
        self.record.units.iter().map(start).collect()
    }

    /// When a unit ended, in milliseconds.
    pub fn end(&self, worktree: usize, check: usize) -> u128 {
        let meant = self.plan.unit(worktree, check);
        let is_end = |event: &&Event| matches!(event.kind, EventKind::UnitFinished { unit, .. } if unit == meant);
        self.events.iter().find(is_end).expect("an end").at.as_millis()
    }

    /// When the run ended, in milliseconds.
    pub fn took(&self) -> u128 {
        self.record.duration.as_millis()
    }

    /// When and why it was cancelled.
    pub fn cancelled(&self) -> Vec<(u128, Cause)> {
        let cause = |event: &Event| match event.kind {
            EventKind::Cancelling(cause) => Some((event.at.as_millis(), cause)),
            _ => None,
        };
        self.events.iter().filter_map(cause).collect()
    }
}

/// An answer that passed.
pub fn answer() -> Finding {
    Verdict::passed(Facts::new()).into()
}
