//! Every strategy of a run, on virtual time: only the processes are not real.

use std::time::Duration;

use git_wtcheck::checks::{Check, LOG};
use git_wtcheck::event::{Cause, EventKind};
use git_wtcheck::exec::signal::Order;
use git_wtcheck::model::answer::{Exit, SourceId};
use git_wtcheck::model::check::{Backoff, BackoffKind, RetryClass};
use git_wtcheck::model::outcome::Outcome::{self, Cancelled, Errored, Failed, Passed, Skipped, TimedOut};
use git_wtcheck::model::worktree::Obstacle;
use git_wtcheck::plan::{Plan, Units};
use typed_index_collections::TiVec;

use crate::support::machine::{Ask, Given, Script, carry_out};
use crate::support::plans::{check, ms, plan};

const SIGINT: i32 = 2;

fn orders(orders: &[(u64, Order)]) -> Given {
    Given { orders: orders.iter().map(|(time, order)| (ms(*time), *order)).collect(), ..Given::default() }
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_goes_worktree_by_worktree() {
    let plan = Plan { max_concurrency: 1, ..plan(3, vec![check("a"), check("b")]) };
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(100))).await;
    assert_eq!(story.starts(), [0, 100, 200, 300, 400, 500].map(Some));
    assert_eq!((story.took(), story.load.most, story.record.exit_code()), (600, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_drive_takes_nobody_s_place() {
    let one_place = || Plan { max_concurrency: 1, ..plan(3, vec![check("a")]) };
    let late = |ask: &Ask<'_>| match ask.place() {
        0 => Script { known_at: ms(120), ..Script::passes(ms(10)) },
        _ => Script::passes(ms(10)),
    };
    let story = carry_out(one_place(), Given::default(), late).await;
    assert_eq!([0, 1, 2].map(|worktree| story.end(worktree, 0)), [160, 10, 20]);
    assert_eq!(story.attempts(0, 0), [(150, 160, Passed)], "what was put off is no attempt");
    let interrupted = carry_out(one_place(), orders(&[(70, Order::End(SIGINT))]), late).await;
    assert_eq!((interrupted.outcomes(), interrupted.took()), (vec![Cancelled, Passed, Passed], 70));
}

#[tokio::test(start_paused = true)]
async fn everything_at_once_keeps_going_after_failures() {
    let story = carry_out(plan(20, vec![check("a"), check("b")]), Given::default(), |ask| {
        if ask.place() % 2 == 0 { Script::fails(ms(10)) } else { Script::passes(ms(100)) }
    })
    .await;
    assert_eq!((story.took(), story.load.most), (100, 40));
    assert_eq!((story.record.count(Failed), story.record.count(Passed), story.record.exit_code()), (20, 20, 1));
}

#[tokio::test(start_paused = true)]
async fn bounded_starts_the_next_as_soon_as_a_place_is_free() {
    let plan = Plan { max_concurrency: 3, ..plan(6, vec![check("a")]) };
    let story =
        carry_out(plan, Given::default(), |ask| Script::passes(ms([100, 10, 20, 30, 40, 50][ask.place()]))).await;
    assert_eq!(story.starts(), [0, 0, 0, 10, 20, 40].map(Some));
    assert_eq!((story.took(), story.load.most), (100, 3));
}

#[tokio::test(start_paused = true)]
async fn a_check_has_a_bound_of_its_own_that_keeps_no_other_waiting() {
    let heavy = Check { max_concurrency: Some(2), ..check("heavy") };
    let plan = Plan { max_concurrency: 4, ..plan(6, vec![heavy, check("light")]) };
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(100))).await;
    assert_eq!(story.load.most_of[&0.into()], 2);
    assert_eq!(story.load.most, 4, "places that heavy may not take go to light");
    assert_eq!(story.took(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_fast_worktree_does_not_wait_for_a_slow_one() {
    let second = Check { needs: vec!["a".into()], ..check("b") };
    let third = Check { needs: vec!["b".into()], ..check("c") };
    let story = carry_out(plan(2, vec![check("a"), second, third]), Given::default(), |ask| {
        Script::passes(if ask.worktree() == 0 && ask.name() == "a" { ms(10_000) } else { ms(10) })
    })
    .await;
    assert_eq!(story.end(1, 2), 30, "all of its checks are done while the other is at its first");
    assert_eq!(story.took(), 10_020);
}

#[tokio::test(start_paused = true)]
async fn waves_start_when_the_last_one_has_ended() {
    let plan = Plan { batch_size: Some(2), ..plan(5, vec![check("a"), check("b")]) };
    let story = carry_out(plan, Given::default(), |ask| {
        if ask.worktree() == 0 && ask.name() == "a" { Script::fails(ms(100)) } else { Script::passes(ms(10)) }
    })
    .await;
    let starts = [0, 0, 0, 0, 100, 100, 100, 100, 110, 110].map(Some);
    assert_eq!(story.starts(), starts, "a failure holds no wave back");
    assert_eq!(story.took(), 120);
}

#[tokio::test(start_paused = true)]
async fn waves_go_on_over_worktrees_that_start_nothing() {
    let mut plan = Plan { batch_size: Some(1), ..plan(5, vec![check("a")]) };
    for index in [0, 1, 3] {
        plan.worktrees.raw[index].obstacle = Some(Obstacle::skipped("its folder is gone"));
    }
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(10))).await;
    assert_eq!(story.outcomes(), [Skipped, Skipped, Passed, Skipped, Passed]);
    assert_eq!((story.took(), story.reason(0, 0)), (20, "its folder is gone".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn fail_fast_stops_what_runs_and_waits_for_it() {
    let plan = Plan { max_fail: Some(1), max_concurrency: 3, ..plan(5, vec![check("a")]) };
    let story = carry_out(plan, Given::default(), |ask| match ask.place() {
        0 => Script::fails(ms(50)),
        1 => Script::hangs().obeying_in(Some(ms(300))),
        _ => Script::hangs().obeying_in(None),
    })
    .await;
    assert_eq!(story.outcomes(), [Failed, Cancelled, Cancelled, Cancelled, Cancelled]);
    assert_eq!(story.cancelled(), [(50, Cause::Faults)]);
    assert_eq!(story.end(1, 0), 350, "it took its time to end");
    assert_eq!(story.end(2, 0), 2050, "it was killed after the grace period");
    assert_eq!((story.end(3, 0), story.starts()[3]), (50, None), "what had not started never did");
    assert_eq!(story.reason(3, 0), "cancelled by a failure elsewhere");
    assert_eq!(story.reason(2, 0), "cancelled by a failure elsewhere");
    assert_eq!((story.took(), story.record.exit_code()), (2050, 1));
}

#[tokio::test(start_paused = true)]
async fn what_ended_in_the_same_moment_keeps_its_outcome() {
    let plan = Plan { max_fail: Some(1), ..plan(3, vec![check("a")]) };
    let story = carry_out(plan, Given::default(), |_| Script::fails(ms(50))).await;
    assert_eq!(story.outcomes(), [Failed, Failed, Failed]);
}

#[tokio::test(start_paused = true)]
async fn max_fail_counts_units_and_not_attempts() {
    let a = Check { retries: 2, ..check("a") };
    let plan = Plan { max_fail: Some(3), max_concurrency: 1, ..plan(6, vec![a]) };
    let story = carry_out(plan, Given::default(), |ask| match ask.place() {
        1 => Script::passes(ms(10)),
        _ => Script::fails(ms(10)),
    })
    .await;
    assert_eq!(story.record.count(Failed), 3);
    assert_eq!(story.record.count(Cancelled), 2);
    assert!(story.reason(5, 0).contains("3 failures"), "{}", story.reason(5, 0));
}

#[tokio::test(start_paused = true)]
async fn an_allowed_failure_counts_for_nothing() {
    let lint = Check { allow_failure: true, ..check("lint") };
    let plan = Plan { max_fail: Some(1), ..plan(3, vec![lint, check("test")]) };
    let story = carry_out(plan, Given::default(), |ask| match ask.name() {
        "lint" => Script::fails(ms(10)),
        _ => Script::passes(ms(100)),
    })
    .await;
    assert_eq!((story.record.count(Failed), story.record.count(Passed)), (3, 3));
    assert_eq!((story.cancelled(), story.record.exit_code()), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn a_skip_is_no_failure() {
    let b = Check { needs: vec!["a".into()], ..check("b") };
    let mut plan = Plan { max_fail: Some(1), ..plan(2, vec![check("a"), b]) };
    plan.worktrees.raw[0].obstacle = Some(Obstacle::skipped("gone"));
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(10))).await;
    assert_eq!(story.outcomes(), [Skipped, Skipped, Passed, Passed]);
    assert_eq!(story.record.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_run_cancels_what_has_not_ended() {
    let plan = Plan { global_timeout: Some(ms(250)), max_concurrency: 2, ..plan(6, vec![check("a")]) };
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(100))).await;
    assert_eq!(story.outcomes(), [Passed, Passed, Passed, Passed, Cancelled, Cancelled]);
    assert_eq!(story.cancelled(), [(250, Cause::Deadline)]);
    assert!(story.reason(5, 0).contains("250ms"), "{}", story.reason(5, 0));
    assert_eq!((story.took(), story.record.exit_code()), (250, 1));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_an_attempt_gently_then_firmly() {
    let a = Check { timeout: Some(ms(500)), grace_period: ms(300), ..check("a") };
    let story = carry_out(plan(4, vec![a]), Given::default(), |ask| match ask.place() {
        0 => Script::passes(ms(499)),
        1 => Script::hangs(),
        2 => Script::hangs().obeying_in(Some(ms(299))),
        _ => Script::hangs().obeying_in(None),
    })
    .await;
    assert_eq!(story.outcomes(), [Passed, TimedOut, TimedOut, TimedOut]);
    let ends: Vec<u128> = (0..4).map(|worktree| story.end(worktree, 0)).collect();
    assert_eq!(ends, [499, 500, 799, 800]);
    assert_eq!(story.record.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_behind_ends_with_its_attempt() {
    let story = carry_out(plan(2, vec![check("a")]), Given::default(), |ask| {
        let leaves = Script { leaves: true, ..Script::passes(ms(10)) };
        if ask.place() == 0 { leaves } else { leaves.obeying_in(None) }
    })
    .await;
    assert_eq!(story.outcomes(), [Passed, Passed]);
    for unit in &story.record.units {
        assert!(unit.attempts[0].has_leaked());
        assert!(unit.attempts[0].duration <= ms(210), "{:?}", unit.attempts[0].duration);
    }
}

fn tried(kind: BackoffKind, retries: u32, max_delay: u64, jitter: bool) -> Check {
    Check { retries, backoff: Backoff { kind, delay: ms(100), max_delay: ms(max_delay), jitter }, ..check("a") }
}

#[tokio::test(start_paused = true)]
async fn waits_between_attempts_grow_as_the_backoff_says() {
    let cases = [
        (tried(BackoffKind::Fixed, 4, 10_000, false), [0, 110, 220, 330, 440]),
        (tried(BackoffKind::Linear, 4, 10_000, false), [0, 110, 320, 630, 1040]),
        (tried(BackoffKind::Exponential, 4, 10_000, false), [0, 110, 320, 730, 1540]),
        (tried(BackoffKind::Exponential, 4, 250, false), [0, 110, 320, 580, 840]),
    ];
    for (check, expected) in cases {
        let kind = check.backoff.kind;
        let story = carry_out(plan(1, vec![check]), Given::default(), |_| Script::fails(ms(10))).await;
        let starts: Vec<u128> = story.attempts(0, 0).into_iter().map(|(start, _, _)| start).collect();
        assert_eq!(starts, expected, "{kind:?}");
        assert_eq!(story.outcome(0, 0), Failed);
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_spreads_waits_and_never_lengthens_them() {
    let waits = |seed| async move {
        let plan = plan(50, vec![tried(BackoffKind::Fixed, 1, 10_000, true)]);
        let story = carry_out(plan, Given { seed, ..Given::default() }, |_| Script::fails(ms(10))).await;
        (0..50).map(|worktree| story.attempts(worktree, 0)[1].0 - 10).collect::<Vec<u128>>()
    };
    let (one, again, other) = (waits(1).await, waits(1).await, waits(2).await);
    assert_eq!(one, again, "a seed is all that they depend on");
    assert_ne!(one, other);
    assert!(one.iter().all(|wait| (50..=100).contains(wait)), "{one:?}");
    let distinct: std::collections::BTreeSet<_> = one.iter().collect();
    assert!(distinct.len() > 10, "{one:?}");
}

/// What is tried again, what happens, and how often it is tried.
type Case = (&'static [RetryClass], fn() -> Script, usize);

#[tokio::test(start_paused = true)]
async fn what_is_worth_another_attempt_is_told_by_its_class() {
    let locked = || Script::fails(ms(10)).locked_out();
    let cases: [Case; 9] = [
        (&[RetryClass::Timeout], Script::hangs, 3),
        (&[RetryClass::Error], Script::hangs, 1),
        (&[RetryClass::Error], || Script::errs(ms(10)), 3),
        (&[RetryClass::Failure], || Script::errs(ms(10)), 1),
        (&[RetryClass::Failure], || Script::fails(ms(10)), 3),
        (&[RetryClass::Timeout, RetryClass::Lock, RetryClass::Error], || Script::fails(ms(10)), 1),
        (&[RetryClass::Lock], locked, 3),
        (&[], || Script::fails(ms(10)), 1),
        (&RetryClass::ALL, || Script::passes(ms(10)), 1),
    ];
    for (index, (classes, script, attempts)) in cases.into_iter().enumerate() {
        let a = Check { retries: 2, retry_on: classes.to_vec(), timeout: Some(ms(1000)), ..check("a") };
        let story = carry_out(plan(1, vec![a]), Given::default(), move |_| script()).await;
        assert_eq!(story.attempts(0, 0).len(), attempts, "case {index}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_passes_makes_the_unit_pass_and_hides_no_other() {
    let a = Check { retries: 2, timeout: Some(ms(50)), ..check("a") };
    let story = carry_out(plan(1, vec![a]), Given::default(), |ask| match ask.number {
        1 => Script::hangs(),
        _ => Script::passes(ms(10)),
    })
    .await;
    assert_eq!(story.attempts(0, 0), [(0, 50, TimedOut), (250, 260, Passed)]);
    assert_eq!(story.record.units.raw[0].attempts[0].signal(), Some(15));
    assert_eq!((story.outcome(0, 0), story.record.exit_code()), (Passed, 0));
    let end = story.record.units.raw[0].end.clone().expect("an end");
    assert_eq!((end.started, end.duration), (Some(Duration::ZERO), ms(260)), "waits are part of a unit");
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_waits_for_its_next_attempt_gives_its_place_back() {
    let a = Check { retries: 1, ..check("a") };
    let plan = Plan { max_concurrency: 1, ..plan(2, vec![a]) };
    let story = carry_out(plan, Given::default(), |ask| match (ask.place(), ask.number) {
        (0, 1) => Script::fails(ms(10)),
        _ => Script::passes(ms(100)),
    })
    .await;
    assert_eq!(story.attempts(1, 0), [(10, 110, Passed)], "the other ran meanwhile");
    assert_eq!(story.attempts(0, 0), [(0, 10, Failed), (210, 310, Passed)]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_wait_between_attempts_at_once() {
    let a = Check { retries: 3, backoff: Backoff { delay: ms(9000), ..check("a").backoff }, ..check("a") };
    let story = carry_out(plan(1, vec![a]), orders(&[(100, Order::End(SIGINT))]), |_| Script::fails(ms(10))).await;
    assert_eq!(story.attempts(0, 0), [(0, 10, Failed)]);
    assert_eq!((story.outcome(0, 0), story.took(), story.record.exit_code()), (Cancelled, 100, 130));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_stopped_gets_no_other() {
    let a = Check { retries: 3, ..check("a") };
    let story = carry_out(plan(1, vec![a]), orders(&[(100, Order::End(15))]), |_| Script::hangs()).await;
    assert_eq!(story.attempts(0, 0), [(0, 100, Cancelled)]);
    assert_eq!((story.reason(0, 0).as_str(), story.record.exit_code()), ("interrupted by SIGTERM", 143));
}

#[tokio::test(start_paused = true)]
async fn one_key_press_that_arrives_twice_is_one() {
    let twice = [(100, Order::End(SIGINT)), (100, Order::End(SIGINT)), (340, Order::End(SIGINT))];
    let story =
        carry_out(plan(3, vec![check("a")]), orders(&twice), |_| Script::hangs().obeying_in(Some(ms(1500)))).await;
    assert_eq!(story.took(), 1600, "it had its grace period");
    assert_eq!(story.cancelled(), [(100, Cause::Signal(SIGINT))]);
}

#[tokio::test(start_paused = true)]
async fn a_second_interrupt_leaves_a_last_moment() {
    let twice = [(100, Order::End(SIGINT)), (400, Order::End(SIGINT))];
    let story = carry_out(plan(3, vec![check("a")]), orders(&twice), |_| Script::hangs().obeying_in(None)).await;
    assert_eq!((story.took(), story.record.exit_code()), (550, 130));
    assert_eq!(story.outcomes(), [Cancelled; 3]);
}

#[tokio::test(start_paused = true)]
async fn the_order_to_end_now_does() {
    let story =
        carry_out(plan(3, vec![check("a")]), orders(&[(100, Order::EndNow(3))]), |_| Script::hangs().obeying_in(None))
            .await;
    assert_eq!((story.took(), story.record.exit_code()), (250, 131), "git has a moment to take its locks away");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_in_the_grace_period_of_a_timeout_kills_only_when_it_comes_again() {
    let a = Check { timeout: Some(ms(100)), ..check("a") };
    let once =
        carry_out(plan(1, vec![a.clone()]), orders(&[(200, Order::End(SIGINT))]), |_| Script::hangs().obeying_in(None))
            .await;
    assert_eq!((once.took(), once.outcome(0, 0), once.record.exit_code()), (2100, TimedOut, 130));
    let twice = [(200, Order::End(SIGINT)), (600, Order::End(SIGINT))];
    let twice = carry_out(plan(1, vec![a]), orders(&twice), |_| Script::hangs().obeying_in(None)).await;
    assert_eq!(twice.took(), 750);
}

#[tokio::test(start_paused = true)]
async fn a_signal_after_another_cause_decides_the_exit_status() {
    let plan = Plan { max_fail: Some(1), ..plan(2, vec![check("a")]) };
    let story = carry_out(plan, orders(&[(100, Order::End(SIGINT))]), |ask| match ask.place() {
        0 => Script::fails(ms(10)),
        _ => Script::hangs().obeying_in(Some(ms(500))),
    })
    .await;
    assert_eq!(story.cancelled(), [(10, Cause::Faults), (100, Cause::Signal(SIGINT))]);
    assert_eq!((story.record.exit_code(), story.took()), (130, 510));
    assert_eq!(story.reason(1, 0), "cancelled by a failure elsewhere");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_comes_before_anything_runs_lets_nothing_run() {
    let story = carry_out(plan(3, vec![check("a")]), orders(&[(0, Order::End(SIGINT))]), |_| Script::hangs()).await;
    assert!(story.took() == 0 && story.outcomes() == [Cancelled; 3], "{:?}", story.outcomes());
}

#[tokio::test(start_paused = true)]
async fn needs_and_when_skip_with_a_reason() {
    let checks = vec![
        check("a"),
        Check { needs: vec!["a".into()], ..check("b") },
        Check { needs: vec!["b".into()], ..check("c") },
        Check { when: Some("!a.passed".into()), ..check("d") },
        Check { when: Some("c.exit_code == 0".into()), ..check("e") },
        Check { when: Some("worktree.name == 'w1' && a.outcome == 'passed'".into()), ..check("f") },
    ];
    let story = carry_out(plan(2, checks), Given::default(), |ask| {
        if ask.place() == 0 { Script::fails(ms(10)) } else { Script::passes(ms(10)).ending(Exit::Code(0)) }
    })
    .await;
    assert_eq!(story.outcomes()[..6], [Failed, Skipped, Skipped, Passed, Skipped, Skipped]);
    assert_eq!(story.outcomes()[6..], [Passed, Passed, Passed, Skipped, Passed, Passed]);
    assert_eq!(story.reason(0, 1), "needs a, which failed");
    assert_eq!(story.reason(0, 2), "needs b, which was skipped");
    assert_eq!(story.reason(0, 4), "c.exit_code is not known: c was skipped");
    assert_eq!(story.reason(1, 3), "when '!a.passed' is false");
    assert_eq!(story.end(0, 2), 10, "what cannot run ends as soon as that is known");
}

#[tokio::test(start_paused = true)]
async fn fail_if_makes_an_answer_a_failure_that_is_tried_again() {
    let a = Check { fail_if: Some("a.exit_code != 0".into()), retries: 1, ..check("a") };
    let story = carry_out(plan(1, vec![a]), Given::default(), |ask| {
        Script::passes(ms(10)).ending(Exit::Code(if ask.number == 1 { 3 } else { 0 }))
    })
    .await;
    assert_eq!(story.attempts(0, 0), [(0, 10, Failed), (210, 220, Passed)]);
}

#[tokio::test(start_paused = true)]
async fn what_the_machine_has_no_place_for_waits_for_one() {
    let running = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let story = carry_out(plan(20, vec![check("a")]), Given::default(), {
        move |ask| {
            // Five places: the first five asked have them; all others ask again when one of those has ended.
            use std::sync::atomic::Ordering::SeqCst;
            let is_asked = ask.source == SourceId::Process;
            let has_place = ask.place() < 5 || (is_asked && running.fetch_add(1, SeqCst) >= 15);
            Script { has_place, ..Script::passes(ms(100)) }
        }
    })
    .await;
    assert_eq!(story.outcomes(), [Passed; 20]);
    assert_eq!((story.load.most, story.took()), (5, 400), "as many at a time as there was room for");
    assert!(story.record.units.iter().all(|unit| unit.attempts.len() == 1), "it was no attempt");
}

#[tokio::test(start_paused = true)]
async fn a_machine_with_no_place_at_all_is_an_error_that_is_tried_again() {
    let a = Check { retries: 1, ..check("a") };
    let plan = Plan { max_concurrency: 1, ..plan(2, vec![a]) };
    let story = carry_out(plan, Given::default(), |ask| Script {
        has_place: ask.place() == 0 && ask.number == 2,
        ..Script::passes(ms(10))
    })
    .await;
    assert_eq!(story.outcomes(), [Passed, Errored]);
    assert_eq!(story.attempts(1, 0).len(), 2);
    assert!(story.reason(1, 0).contains("no place"), "{}", story.reason(1, 0));
}

fn log() -> Check {
    Check { kind: LOG, command: None, retries: 2, ..check("log") }
}

fn worktrees(places: std::ops::Range<usize>) -> Vec<usize> {
    places.collect()
}

#[tokio::test(start_paused = true)]
async fn one_process_answers_for_all_worktrees() {
    let story = carry_out(plan(50, vec![check("a"), log()]), Given::default(), |_| Script::passes(ms(10))).await;
    assert_eq!(story.outcomes(), [Passed; 100]);
    assert_eq!(story.load.asked_of(1), [worktrees(0..50)]);
    assert!((0..50).all(|worktree| story.attempts(worktree, 1).len() == 1), "each has an attempt to show");
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_one_place_and_no_more_of_its_check_s_own() {
    let log = Check { max_concurrency: Some(1), ..log() };
    let plan = Plan { max_concurrency: 2, ..plan(20, vec![check("a"), log]) };
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(10))).await;
    assert_eq!((story.load.asked_of(1).len(), story.load.most), (1, 2));
    // One place for all of the logs at first, then two for the rest.
    assert_eq!(story.took(), 110);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_of_one_wave() {
    for (batch_size, asked) in [(1, 7), (2, 4), (3, 3), (7, 1)] {
        let plan = Plan { batch_size: Some(batch_size), ..plan(7, vec![log()]) };
        let story = carry_out(plan, Given::default(), |_| Script::passes(ms(10))).await;
        assert_eq!(story.outcomes(), [Passed; 7], "{}", story.reason(6, 0));
        assert_eq!(story.load.asked.len(), asked, "waves of {batch_size}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_of_what_may_start_and_grows_with_what_has_come_meanwhile() {
    let log = Check { needs: vec!["a".into()], ..log() };
    let plan = Plan { max_concurrency: 4, ..plan(9, vec![check("a"), log]) };
    let story = carry_out(plan, Given::default(), |ask| {
        let late = ask.worktree() > 5 && ask.name() == "a";
        Script::passes(ms(if late { 50 } else { 10 }))
    })
    .await;
    assert_eq!(story.outcomes(), [Passed; 18]);
    let asked = story.load.asked_of(1);
    assert_eq!(asked.concat().len(), 9, "each once: {asked:?}");
    assert!(asked.len() < 5 && asked[0] == worktrees(0..4), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_takes_no_time_and_no_place() {
    let plan = Plan { max_concurrency: 1, ..plan(10, vec![log()]) };
    let story =
        carry_out(plan, Given::default(), |ask| Script { is_known: ask.worktree() % 2 == 0, ..Script::passes(ms(10)) })
            .await;
    assert_eq!((story.outcomes(), story.took()), (vec![Passed; 10], 10));
    assert_eq!(story.load.asked_of(0), [vec![1, 3, 5, 7, 9]]);
    let sources = |worktree: usize| story.record.units.raw[worktree].attempts[0].source;
    assert_eq!((sources(0), sources(1)), (SourceId::Known, SourceId::Batch));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_falls_apart_into_its_units() {
    let broken = |ask: &Ask<'_>| match (ask.source, ask.worktree()) {
        (SourceId::Process, 7) | (SourceId::Batch, _) => Script::errs(ms(10)),
        _ => Script::passes(ms(10)),
    };
    let hangs = |ask: &Ask<'_>| match (ask.source, ask.worktree()) {
        (SourceId::Process, 7) => Script::errs(ms(10)),
        (SourceId::Batch, 0) => Script::hangs(),
        _ => Script::passes(ms(10)),
    };
    for script in [broken, hangs] {
        let log = Check { retries: 0, timeout: Some(ms(100)), ..log() };
        let story = carry_out(plan(10, vec![log]), Given::default(), script).await;
        let mut expected = [Passed; 10];
        expected[7] = Errored;
        assert_eq!(story.outcomes(), expected, "only the broken one errs, not the one that happened to ask");
        assert_eq!(story.load.asked.len(), 11);
        assert!(story.record.units.iter().all(|unit| unit.attempts.len() == 1), "the batch was nobody's attempt");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_leaves_out_is_asked_for() {
    let story = carry_out(plan(10, vec![log()]), Given::default(), |ask| Script {
        passes_on: ask.worktree() == 4,
        ..Script::passes(ms(10))
    })
    .await;
    assert_eq!(story.outcomes(), [Passed; 10]);
    assert_eq!(story.load.asked_of(0), [worktrees(0..10), vec![4]]);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_join_is_asked_for_by_itself() {
    let mut plan = plan(4, vec![log()]);
    plan.worktrees.raw[1].head = None;
    plan.worktrees.raw[2].foreign = true;
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(10))).await;
    let mut asked = story.load.asked_of(0);
    asked.sort();
    assert_eq!((story.outcomes(), asked), (vec![Passed; 4], vec![vec![0, 3], vec![1], vec![2]]));
}

#[tokio::test(start_paused = true)]
async fn a_batch_without_a_place_is_asked_again() {
    let refused = std::sync::atomic::AtomicBool::new(false);
    let story = carry_out(plan(10, vec![check("a"), log()]), Given::default(), move |ask| {
        let is_batch = ask.source == SourceId::Batch && ask.worktree() == 0;
        let has_place = !is_batch || refused.swap(true, std::sync::atomic::Ordering::SeqCst);
        Script { has_place, ..Script::passes(ms(10)) }
    })
    .await;
    assert_eq!(story.outcomes(), [Passed; 20]);
    assert_eq!(story.load.asked_of(1).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_place_for_a_batch_alone_each_unit_is_told_so() {
    let story = carry_out(plan(3, vec![Check { retries: 0, ..log() }]), Given::default(), |_| Script {
        has_place: false,
        ..Script::passes(ms(10))
    })
    .await;
    assert_eq!(story.outcomes(), [Errored; 3]);
    assert!(story.reason(2, 0).contains("no place"), "{}", story.reason(2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_all_wait_for_one_answer_ends_them_all() {
    let story = carry_out(plan(10, vec![log()]), orders(&[(50, Order::End(SIGINT))]), |_| Script::hangs()).await;
    assert_eq!((story.outcomes(), story.took()), (vec![Cancelled; 10], 50));
    assert_eq!(story.attempts(3, 0), [], "it never started");
}

#[tokio::test(start_paused = true)]
async fn a_worktree_that_cannot_be_checked_keeps_its_reason_when_the_run_is_cancelled() {
    let mut plan = Plan { batch_size: Some(1), ..plan(3, vec![check("a")]) };
    plan.worktrees.raw[2].obstacle = Some(Obstacle::skipped("bare"));
    let story = carry_out(plan, orders(&[(50, Order::End(SIGINT))]), |_| Script::hangs()).await;
    assert_eq!(story.outcomes(), [Cancelled, Cancelled, Skipped]);
    assert_eq!(story.reason(2, 0), "bare");
}

#[tokio::test(start_paused = true)]
async fn a_broken_worktree_counts_as_a_failure() {
    let mut plan = Plan { max_fail: Some(1), ..plan(2, vec![check("a"), check("b")]) };
    plan.worktrees.raw[0].obstacle = Some(Obstacle::errored("unreadable"));
    let story = carry_out(plan, Given::default(), |_| Script::passes(ms(10))).await;
    let outcomes: Vec<Outcome> = story.outcomes();
    assert_eq!(outcomes[0], Errored);
    assert!(outcomes[2..].iter().all(|outcome| *outcome == Cancelled), "{outcomes:?}");
    assert!(story.load.asked.is_empty());
}

/// On real time: being stopped is not something that virtual time can do.
#[tokio::test]
async fn time_in_which_the_run_is_stopped_counts_against_no_timeout() {
    let a = Check { timeout: Some(ms(500)), ..check("a") };
    let plan = Plan { global_timeout: Some(ms(550)), ..plan(1, vec![a]) };
    let given = Given { stopped_for: ms(600), ..orders(&[(0, Order::Suspend)]) };
    // Its end comes when the run goes on: after either limit by the wall's clock, before them by the run's.
    let story = carry_out(plan, given, |_| Script::passes(ms(650))).await;
    assert!(story.events.iter().any(|event| matches!(event.kind, EventKind::Suspending)));
    assert_eq!((story.outcome(0, 0), story.cancelled()), (Passed, vec![]));
    assert!(story.took() < 500, "{} ms", story.took());
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_nothing_is_over_at_once() {
    let story = carry_out(
        Plan { worktrees: TiVec::new(), units: Units::default(), ..plan(1, vec![check("a")]) },
        Given::default(),
        |_| Script::hangs(),
    )
    .await;
    assert_eq!((story.took(), story.events.len(), story.record.exit_code()), (0, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_attempts_without_a_delay_do_not_spin() {
    let backoff = Backoff { delay: ms(0), max_delay: ms(0), ..check("a").backoff };
    let a = Check { retries: 999, backoff, fail_if: Some("true".to_owned()), ..check("a") };
    let story = carry_out(plan(1, vec![a]), Given::default(), |_| Script::passes(ms(0))).await;
    assert_eq!((story.attempts(0, 0).len(), story.outcome(0, 0)), (1000, Failed));
    assert_eq!(story.took(), 9990, "ten milliseconds between each two");
}
