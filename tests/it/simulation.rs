//! Whole runs of random checks on random worktrees, on virtual time, against a model of a few lines.

use std::time::Duration;

use git_wtcheck::checks::Check;
use git_wtcheck::event::Cause;
use git_wtcheck::exec::signal::Order;
use git_wtcheck::model::answer::{Exit, SourceId};
use git_wtcheck::model::check::{Backoff, BackoffKind, RetryClass};
use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::plan::Plan;
use git_wtcheck::record::Record;

use crate::support::machine::{Given, Script, carry_out};
use crate::support::plans::{ROUTES, check, ms, plan};
use crate::support::story::Story;

const WORKTREES: usize = 100;
const CHECKS: usize = 5;

/// What an attempt does depends on nothing but the seed, its unit and its number; who is asked can only pass it on.
fn script(seed: u64, unit: usize, number: u32) -> Script {
    let mut random = fastrand::Rng::with_seed(seed ^ (unit as u64) << 20 ^ u64::from(number) << 50);
    random.u64(..);
    // Never a multiple of ten, as limits are: no end falls together with a limit.
    let length = ms(random.u64(0..60) * 10 + 1 + random.u64(0..9));
    let script = match random.u32(0..20) {
        0..12 => Script::passes(length),
        12..15 => Script::fails(length),
        15 => Script::errs(length),
        16 => Script { leaves: true, ..Script::passes(length) },
        17 => Script::fails(length).ending(Exit::Signal(9)),
        18 => Script::errs(length).locked_out(),
        _ => Script::hangs(),
    };
    let obeys_in = [Some(Duration::ZERO), Some(ms(37)), None][random.usize(0..3)];
    let is_known = script.done.verdict.outcome == Outcome::Passed && script.length.is_some() && random.u32(0..6) == 0;
    Script { is_known, passes_on: random.u32(0..4) == 0, ..script.obeying_in(obeys_in) }
}

fn pipeline(random: &mut fastrand::Rng) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for index in 0..CHECKS {
        let mut check = check(["a", "b", "c", "d", "e"][index]);
        check.kind = ROUTES[random.usize(0..ROUTES.len())];
        check.timeout = Some(ms(random.u64(10..50) * 10));
        check.grace_period = ms(random.u64(0..10) * 10);
        check.retries = random.u32(0..4);
        check.backoff = Backoff {
            kind: [BackoffKind::Fixed, BackoffKind::Linear, BackoffKind::Exponential][random.usize(0..3)],
            delay: ms(random.u64(0..300)),
            max_delay: ms(500),
            jitter: random.bool(),
        };
        check.retry_on = RetryClass::ALL.into_iter().filter(|_| random.bool()).collect();
        check.max_concurrency = random.bool().then(|| random.usize(1..10));
        check.allow_failure = random.u32(0..5) == 0;
        let earlier = |random: &mut fastrand::Rng| checks[random.usize(0..index)].name.clone();
        if index > 0 && random.bool() {
            check.needs.push(earlier(random));
        }
        if index > 0 && random.u32(0..3) == 0 {
            check.when = Some(format!("{}{}.passed", if random.bool() { "!" } else { "" }, earlier(random)));
        }
        checks.push(check);
    }
    checks
}

fn scenario(seed: u64) -> Plan {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut plan = Plan {
        max_concurrency: random.usize(1..60),
        batch_size: (random.u32(0..4) == 0).then(|| random.usize(1..30)),
        ..plan(WORKTREES, pipeline(&mut random))
    };
    for worktree in &mut plan.worktrees {
        worktree.foreign = random.u32(0..10) == 0;
    }
    plan
}

/// What a unit must come to, and after how many attempts, where nothing is cancelled. Written from the contract, not
/// from the program: no time, no places, no order but that of the checks.
fn predict(seed: u64, plan: &Plan) -> Vec<(Outcome, usize)> {
    let mut ends: Vec<(Outcome, usize)> = Vec::new();
    for unit in 0..plan.units.len() {
        let planned = plan.planned(unit.into());
        let check = &planned.check;
        let other = |name: &str| {
            let index = plan.checks.iter().position(|planned| planned.check.name == name).expect("a check");
            ends[unit - unit % CHECKS + index].0
        };
        let wanted = check.when.as_ref().is_none_or(|text| {
            let negated = text.starts_with('!');
            let passed = other(text.trim_start_matches('!').trim_end_matches(".passed")) == Outcome::Passed;
            passed != negated
        });
        if !wanted || check.needs.iter().any(|name| other(name) != Outcome::Passed) {
            ends.push((Outcome::Skipped, 0));
            continue;
        }
        let mut attempts = 0;
        let outcome = loop {
            attempts += 1;
            let script = script(seed, unit, attempts);
            // Who has passed a unit on is not asked again.
            if attempts == 1 && script.is_known && planned.route.contains(&SourceId::Known) {
                break Outcome::Passed;
            }
            let in_time = script.length.is_some_and(|length| length < check.timeout.expect("a limit"));
            let (outcome, class) = match script.done.verdict.outcome {
                _ if !in_time => (Outcome::TimedOut, RetryClass::Timeout),
                Outcome::Failed => (Outcome::Failed, RetryClass::Failure),
                Outcome::Errored => (Outcome::Errored, RetryClass::Error),
                _ => break Outcome::Passed,
            };
            let lock = in_time
                && script.done.process.is_some_and(|process| process.locked)
                && check.retry_on.contains(&RetryClass::Lock);
            if attempts > check.retries || !(lock || check.retry_on.contains(&class)) {
                break outcome;
            }
        };
        ends.push((outcome, attempts as usize));
    }
    ends
}

fn ends(record: &Record) -> Vec<(Outcome, usize)> {
    record.units.iter().map(|unit| (unit.end.as_ref().expect("an end").outcome, unit.attempts.len())).collect()
}

async fn simulate(seed: u64, plan: Plan, given: Given) -> Story {
    carry_out(plan, given, move |ask| script(seed, ask.place(), ask.number)).await
}

#[tokio::test(start_paused = true)]
async fn two_hundred_random_runs_end_as_the_model_says() {
    let mut seen = [0; Outcome::ALL.len()];
    let (mut batches, mut fallen_apart, mut known, mut proven) = (0, 0, 0, 0);
    for seed in 0..200 {
        let plan = scenario(seed);
        let predicted = predict(seed, &plan);
        let story = simulate(seed, plan, Given { seed, ..Given::default() }).await;
        let actual = ends(&story.record);
        for (unit, (actual, predicted)) in actual.iter().zip(&predicted).enumerate() {
            assert_eq!(actual, predicted, "seed {seed}, worktree {}, check {}", unit / CHECKS, unit % CHECKS);
        }
        let faulty = predicted
            .iter()
            .enumerate()
            .any(|(unit, (outcome, _))| outcome.is_fault() && !story.plan.check(unit.into()).allow_failure);
        assert_eq!(story.record.exit_code(), u8::from(faulty), "seed {seed}");
        for (count, outcome) in seen.iter_mut().zip(Outcome::ALL) {
            *count += story.record.count(outcome);
        }
        let asked = story.load.asked.iter().filter(|batch| batch.source == SourceId::Batch);
        batches += asked.clone().count();
        let members: usize = asked.map(|batch| batch.units.len()).sum();
        let by = |source| {
            let attempts = story.record.units.iter().flat_map(|unit| &unit.attempts);
            attempts.filter(|attempt| attempt.source == source).count()
        };
        fallen_apart += members - by(SourceId::Batch);
        known += by(SourceId::Known);
        proven += by(SourceId::Proof);
    }
    assert!(
        batches > 500 && fallen_apart > 1000 && known > 1000 && proven > 1000,
        "{batches}, {fallen_apart}, {known}, {proven}"
    );
    assert!(seen[..5].iter().all(|count| *count > 1000), "every outcome but cancelled was met: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn the_record_is_the_same_however_many_run_at_a_time() {
    for seed in 300..310 {
        let one = simulate(seed, Plan { max_concurrency: 3, ..scenario(seed) }, Given::default()).await;
        let other = simulate(
            seed,
            Plan { max_concurrency: 500, batch_size: None, ..scenario(seed) },
            Given { seed: 9, ..Given::default() },
        )
        .await;
        assert_eq!(ends(&one.record), ends(&other.record), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_seed_tells_one_story() {
    let tell = || async {
        let story = simulate(7, scenario(7), Given::default()).await;
        story
            .events
            .iter()
            .map(|event| format!("{:?} {:?}", event.at, std::mem::discriminant(&event.kind)))
            .collect::<Vec<_>>()
    };
    assert_eq!(tell().await, tell().await);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_stuck_for_a_while_changes_no_end() {
    let mut held_up = 0;
    for seed in 600..640 {
        let mut random = fastrand::Rng::with_seed(seed);
        let from = ms(random.u64(1..1000));
        let until = from + ms(random.u64(1..3000));
        let plan = scenario(seed);
        let predicted = predict(seed, &plan);
        let free = simulate(seed, scenario(seed), Given { seed, ..Given::default() }).await;
        let given = Given { seed, stuck: Some((from, Some(until))), ..Given::default() };
        let story = simulate(seed, plan, given).await;
        assert_eq!(ends(&story.record), predicted, "seed {seed}");
        held_up += u32::from(story.record.duration > free.record.duration);
        keeps_its_limits(&story, seed);
    }
    assert!(held_up > 20, "{held_up} were held up");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_stuck_for_good_keeps_no_run_from_its_end() {
    let mut waited = 0;
    for seed in 700..760 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut plan = scenario(seed);
        let (from, at) = (ms(random.u64(1..1000)), ms(random.u64(1500..6000)));
        let mut given = Given { seed, stuck: Some((from, None)), ..Given::default() };
        match random.u32(0..3) {
            0 => plan.global_timeout = Some(at),
            1 => given.orders = vec![(at, Order::End(2))],
            _ => given.orders = vec![(at, Order::EndNow(3))],
        }
        let story = simulate(seed, plan, given).await;
        // No attempt is longer than its limit and its grace: long before that time nothing runs any more.
        assert!(story.record.duration <= at.max(from + ms(800)), "seed {seed}: {:?}", story.record.duration);
        waited += u32::from(story.record.count(Outcome::Cancelled) > 0);
        keeps_its_limits(&story, seed);
    }
    assert!(waited > 40, "{waited} had something left to start");
}

/// No attempt outlasts its timeout, its grace and the moment it takes to be killed.
fn keeps_its_limits(story: &Story, seed: u64) {
    for (unit, record) in story.record.units.iter().enumerate() {
        let check = story.plan.check(unit.into());
        let longest = check.timeout.expect("a limit") + check.grace_period + ms(210);
        for attempt in &record.attempts {
            assert!(attempt.duration <= longest, "seed {seed}, unit {unit}: {attempt:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn random_runs_that_are_cut_short_tell_nothing_false() {
    for seed in 400..480 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut plan = scenario(seed);
        let at = ms(random.u64(0..4000));
        let mut given = Given { seed, ..Given::default() };
        match random.u32(0..4) {
            0 => plan.max_fail = Some(random.u32(1..20)),
            1 => plan.global_timeout = Some(at),
            2 => given.orders = vec![(at, Order::End(2))],
            _ => given.orders = vec![(at, Order::End(15)), (at + ms(random.u64(0..600)), Order::End(2))],
        }
        let predicted = predict(seed, &plan);
        let (max_fail, deadline) = (plan.max_fail, plan.global_timeout);
        let story = simulate(seed, plan, given).await;
        let cancelled = story.cancelled();
        for (unit, (actual, predicted)) in ends(&story.record).iter().zip(&predicted).enumerate() {
            let (check, attempts) = (story.plan.check(unit.into()), &story.record.units.raw[unit].attempts);
            if actual.0 == Outcome::Cancelled {
                assert!(!cancelled.is_empty(), "seed {seed}, unit {unit}");
                assert!(actual.1 <= predicted.1.max(1));
                continue;
            }
            // A unit that was in its last moments may have ended as that attempt did, with no other after it.
            let cut = !cancelled.is_empty() && attempts.len() <= check.retries as usize && actual.1 < predicted.1;
            assert!(cut || actual == predicted, "seed {seed}, unit {unit}: {actual:?}, not {predicted:?}");
        }
        let end = cancelled.first().map_or(Duration::MAX, |(at, _)| ms(u64::try_from(*at).expect("milliseconds")));
        assert!(deadline.is_none_or(|deadline| end >= deadline));
        if let Some((_, Cause::Faults)) = cancelled.first() {
            assert!(max_fail.is_some());
        }
        // What ran had its grace period or the last moment, and what did not obey was killed then.
        let grace = ms(150) + ms(210);
        assert!(
            end == Duration::MAX || story.record.duration <= end + grace,
            "seed {seed}: {:?} after {end:?}",
            story.record.duration
        );
    }
}
