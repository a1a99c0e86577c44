//! What checks may do as processes: anything. Nothing of it hangs a run, or outlives it.

use serde_json::Value;

use crate::support::leftovers::{left, nothing_left, until};
use crate::support::{BINARY, Run, TestRepo, unit};

/// A repository whose pipeline is one check, `probe`, with this command for the shell.
fn repo(command: &str) -> TestRepo {
    let repo = TestRepo::new();
    repo.config("wtcheck.checks", "probe");
    repo.config("wtcheck.probe.command", command);
    repo
}

/// Runs it, sees that nothing is left, and gives the one unit.
#[track_caller]
fn outcome(repo: &TestRepo, code: i32) -> Value {
    let json = repo.wtcheck(&["--format", "json"]).exits(code).json();
    nothing_left(&repo.root());
    unit(&json, "repo", "probe").clone()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value:#}"))
}

fn defined_directly(command: &str) -> TestRepo {
    let repo = TestRepo::new();
    let file = format!("checks = [\"probe\"]\n[check.probe]\ncommand = {command}\n");
    repo.write("../home/.config/git-wtcheck/config.toml", file);
    repo
}

#[test]
fn a_program_that_does_not_exist_is_an_error() {
    let unit = outcome(&defined_directly("[\"no-such-program\", \"x\"]"), 1);
    assert_eq!(unit["outcome"], "errored");
    assert!(text(&unit, "reason").contains("no-such-program"), "{unit:#}");
    let unit = outcome(&repo("no-such-program x"), 1);
    assert_eq!((&unit["outcome"], &unit["attempts"][0]["exit_code"]), (&"errored".into(), &127.into()));
}

#[test]
fn a_file_that_is_no_program_is_an_error() {
    let unit = outcome(&defined_directly("[\"./file.txt\"]"), 1);
    assert_eq!(unit["outcome"], "errored");
    assert!(text(&unit, "reason").contains("./file.txt"), "{unit:#}");
    let unit = outcome(&repo("./file.txt"), 1);
    assert_eq!((&unit["outcome"], &unit["attempts"][0]["exit_code"]), (&"errored".into(), &126.into()));
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let repo = repo("true");
    repo.config("wtcheck.probe.dir", "no/such/folder");
    let unit = outcome(&repo, 1);
    assert_eq!(unit["outcome"], "errored");
    assert!(text(&unit, "reason").contains("no/such/folder"), "{unit:#}");
}

#[test]
fn a_death_by_signal_is_a_failure_that_names_it() {
    let unit = outcome(&repo("kill -KILL $$"), 1);
    assert_eq!((&unit["outcome"], &unit["attempts"][0]["signal"]), (&"failed".into(), &9.into()));
    assert!(unit["attempts"][0].get("exit_code").is_none());
    assert!(text(&unit, "reason").contains("SIGKILL"), "{unit:#}");
}

#[test]
fn of_endless_output_the_end_is_kept_in_little_memory() {
    // The check tells how much its parent, the program, has come to need.
    let repo =
        repo("yes | head -c 200000000; yes | head -c 3000000 >&2; grep -s VmHWM /proc/$PPID/status; echo END; exit 3");
    let unit = outcome(&repo, 1);
    let attempt = &unit["attempts"][0];
    assert_eq!((&attempt["exit_code"], &attempt["truncated"]), (&3.into(), &true.into()));
    let stdout = text(attempt, "stdout");
    assert_eq!((stdout.len(), text(attempt, "stderr").len()), (256 * 1024, 256 * 1024));
    let mut last = stdout.lines().rev();
    assert_eq!(last.next(), Some("END"));
    if cfg!(target_os = "linux") {
        let peak =
            last.next().and_then(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse::<u64>().ok());
        assert!(peak.expect("a peak") < 40 * 1024, "{peak:?} KiB");
    }
}

#[test]
fn what_a_terminal_would_obey_does_not_reach_it() {
    let bytes = r"printf 'bad \377 \033[31mred\033]0;title\007 \302\2332J \342\200\256end\n'";
    let repo = repo(&format!("{bytes}; {bytes} >&2; exit 1"));
    for format in ["human", "json", "jsonl"] {
        let run = repo.wtcheck(&["--format", format]);
        run.exits(1).shows("end");
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!run.stdout.contains(obeyed) && !run.stderr.contains(obeyed), "{format}: {:?}", run.stdout);
    }
    let unit = outcome(&repo, 1);
    let said = "bad \u{fffd} \u{1b}[31mred\u{1b}]0;title\u{7} \u{9b}2J \u{202e}end\n";
    assert_eq!((text(&unit["attempts"][0], "stdout"), text(&unit["attempts"][0], "stderr")), (said, said));
}

#[test]
fn nothing_can_be_asked_on_standard_input() {
    let unit = outcome(&repo("test \"$(cat; echo $?)\" = 0"), 0);
    assert_eq!(unit["outcome"], "passed");
}

#[test]
fn nothing_can_be_asked_on_the_terminal() {
    assert_eq!(outcome(&repo("! (: </dev/tty) 2>/dev/null"), 0)["outcome"], "passed");
    if cfg!(target_os = "linux") {
        let leads_a_session = repo("test \"$(cut -d ' ' -f 6 /proc/$$/stat)\" = $$");
        assert_eq!(outcome(&leads_a_session, 0)["outcome"], "passed");
    }
}

#[test]
fn what_takes_too_long_is_asked_to_end() {
    let repo = repo("sleep 1000");
    repo.config("wtcheck.probe.timeout", "200ms");
    let unit = outcome(&repo, 1);
    assert_eq!((&unit["outcome"], &unit["attempts"][0]["signal"]), (&"timed_out".into(), &15.into()));
    assert_eq!(unit["attempts"][0]["outcome"], "timed_out");
}

#[test]
fn what_will_not_end_is_killed() {
    let repo = repo("trap '' TERM; while :; do sleep 0.05; done");
    repo.config("wtcheck.probe.timeout", "300ms");
    repo.config("wtcheck.probe.gracePeriod", "50ms");
    let unit = outcome(&repo, 1);
    assert_eq!((&unit["outcome"], &unit["attempts"][0]["signal"]), (&"timed_out".into(), &9.into()));
}

#[test]
fn it_is_asked_to_end_once() {
    let script =
        "n=0; trap 'n=$((n + 1))' TERM; while [ $n = 0 ]; do sleep 0.02; done; sleep 0.1; sleep 0.1; echo n=$n";
    let repo = repo(script);
    repo.config("wtcheck.probe.timeout", "500ms");
    repo.config("wtcheck.probe.gracePeriod", "1m");
    let unit = outcome(&repo, 1);
    assert_eq!(text(&unit["attempts"][0], "stdout"), "n=1\n", "many take a second request for impatience");
}

#[test]
fn output_without_end_keeps_no_timeout_waiting() {
    let repo = repo("yes & yes >&2");
    repo.config("wtcheck.probe.timeout", "200ms");
    assert_eq!(outcome(&repo, 1)["outcome"], "timed_out");
}

#[track_caller]
fn leaves_nothing(command: &str) {
    let unit = outcome(&repo(command), 0);
    let attempt = &unit["attempts"][0];
    assert_eq!((&unit["outcome"], &attempt["leaked"]), (&"passed".into(), &true.into()), "{unit:#}");
    // Some 180 ms on a machine that is not busy.
    assert!(attempt["duration_ms"].as_f64().is_some_and(|length| length < 2000.0), "{attempt}");
}

#[test]
fn a_grandchild_that_holds_the_output_ends_with_its_check() {
    leaves_nothing("sleep 1000 & echo started");
}

#[test]
fn a_grandchild_that_holds_nothing_ends_with_its_check() {
    leaves_nothing("sleep 1000 >/dev/null 2>&1 &");
}

#[test]
fn a_grandchild_that_will_not_end_is_killed_with_its_check() {
    leaves_nothing("(trap '' TERM; while :; do sleep 0.05; done) & sleep 0.05");
}

#[test]
fn output_without_end_of_a_grandchild_ends_with_its_check() {
    leaves_nothing("yes & echo started");
}

const OTHER_GROUP: &str = "perl -e 'setpgrp(0, 0); open(F, q(>), q(ready)); close(F); sleep 1000' >/dev/null 2>&1 & while [ ! -e ready ]; do sleep 0.01; done";

#[test]
fn a_grandchild_in_a_group_of_its_own_ends_with_its_check() {
    leaves_nothing(OTHER_GROUP);
    // A tool that makes itself a group.
    leaves_nothing("if command -v timeout >/dev/null; then timeout 1000 sleep 1000 & else sleep 1000 & fi; sleep 0.05");
}

#[test]
fn so_it_does_where_its_check_takes_too_long() {
    let repo = repo(&format!("{OTHER_GROUP}; sleep 1000"));
    repo.config("wtcheck.probe.timeout", "500ms");
    assert_eq!(outcome(&repo, 1)["outcome"], "timed_out");
}

#[test]
fn one_that_made_itself_a_session_is_left_alone_and_not_waited_for() {
    // It holds the output open, too.
    let daemon = "perl -MPOSIX -e 'fork and exit; POSIX::setsid(); open(F, q(>), q(ready)); close(F); sleep 1000' & \
                  while [ ! -e ready ]; do sleep 0.01; done";
    let repo = repo(daemon);
    let json = repo.wtcheck(&["--format", "json"]).exits(0).json();
    let unit = unit(&json, "repo", "probe");
    assert_eq!((&unit["outcome"], &unit["attempts"][0]["leaked"]), (&"passed".into(), &true.into()));
    if cfg!(target_os = "linux") {
        let left = left(&repo.root());
        assert_eq!(left.len(), 1, "{left:#?}");
        let daemon = nix::unistd::Pid::from_raw(left[0].0);
        nix::sys::signal::kill(daemon, nix::sys::signal::Signal::SIGKILL).expect("it was there");
    }
}

#[test]
fn few_open_files_make_fewer_at_a_time() {
    let repo = TestRepo::new();
    for name in ["a", "b", "c", "d", "e"] {
        repo.worktree(name);
    }
    let names: Vec<String> = (0..10).map(|index| format!("c{index}")).collect();
    repo.config("wtcheck.checks", &names.join(" "));
    for name in &names {
        repo.config(&format!("wtcheck.{name}.command"), "sleep 0.02");
    }
    let mut command = repo.command("sh");
    command.args(["-c", "ulimit -n 64 && exec \"$0\" -j 50 --format json", BINARY]);
    let run = Run::of(&mut command);
    run.exits(0).says("warning: ");
    assert_eq!(run.json()["summary"]["passed"], 60);
}

#[test]
fn a_check_knows_what_it_is_run_for() {
    let repo = repo(
        "echo \"$WTCHECK_CHECK|$WTCHECK_WORKTREE|$WTCHECK_BRANCH|$WTCHECK_COMMON_DIR|$WTCHECK_ATTEMPT|$PWD|${GIT_DIR-}|$(git config a.b)\"; exit 1",
    );
    repo.worktree("feature");
    repo.config("wtcheck.retries", "1");
    repo.config("wtcheck.retryDelay", "1ms");
    let mut command = repo.command("git");
    // As in a hook of a linked worktree.
    command.current_dir(repo.at("../feature")).env("GIT_DIR", repo.path().join(".git/worktrees/feature"));
    command.args(["-c", "a.b=c", "wtcheck", "--format", "json"]);
    let json = Run::of(&mut command).exits(1).json();
    let root = repo.root().display().to_string();
    for (worktree, branch) in [("repo", "main"), ("feature", "feature")] {
        for attempt in [1, 2] {
            let said = text(&unit(&json, worktree, "probe")["attempts"][attempt - 1], "stdout");
            let dir = format!("{root}/{worktree}");
            assert_eq!(said, format!("probe|{dir}|{branch}|{root}/repo/.git|{attempt}|{dir}||c\n"));
        }
    }
}

#[test]
fn attempts_before_the_one_that_passed_stay_visible() {
    let repo = repo("echo try $WTCHECK_ATTEMPT; test $WTCHECK_ATTEMPT -ge 2");
    repo.config("wtcheck.probe.retries", "2");
    repo.config("wtcheck.probe.retryDelay", "1ms");
    let unit = outcome(&repo, 0);
    assert_eq!(unit["outcome"], "passed");
    let attempts: Vec<_> = unit["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .map(|attempt| (&attempt["number"], &attempt["outcome"]))
        .collect();
    assert_eq!(attempts, [(&1.into(), &"failed".into()), (&2.into(), &"passed".into())]);
    repo.wtcheck(&[]).exits(0).shows("2");
}

/// A check that does one of many things, by nothing but what it is run for: as the simulation has it, with processes.
const RANDOM: &str = r#"
case $(printf %s "$SEED$WTCHECK_CHECK$WTCHECK_BRANCH$WTCHECK_ATTEMPT" | cksum | cut -c 1-2) in
    1*) exit 1 ;;
    20|21|22) sleep 1000 ;;
    23|24|25) trap '' TERM; while :; do sleep 0.05; done ;;
    26|27|28) sleep 1000 & ;;
    29|30|31) (trap '' TERM; while :; do sleep 0.05; done) >/dev/null 2>&1 & ;;
    32|33|34) perl -e 'setpgrp(0, 0); sleep 1000' & ;;
    35|36|37) kill -SEGV $$ ;;
    38|39) yes | head -c 1000000 ;;
    40|41) no-such-program ;;
esac
"#;

#[test]
fn random_runs_leave_nothing_behind() {
    let repo = TestRepo::new();
    for index in 0..19 {
        repo.worktree(&format!("w{index}"));
    }
    repo.config("wtcheck.checks", "a b c");
    let script = repo.script("../check", &format!("#!/bin/sh\n{RANDOM}"));
    for name in ["a", "b", "c"] {
        repo.config(&format!("wtcheck.{name}.command"), &script.display().to_string());
    }
    repo.config("wtcheck.c.needs", "a");
    for (key, value) in [("timeout", "200ms"), ("gracePeriod", "50ms"), ("retries", "1"), ("retryDelay", "1ms")] {
        repo.config(&format!("wtcheck.{key}"), value);
    }
    let all = ["passed", "failed", "timed_out", "errored", "skipped", "cancelled"];
    for (seed, options) in [
        ("1", &["-j", "12"][..]),
        ("2", &["-j", "7"]),
        ("3", &["--batch-size", "5", "-j", "20"]),
        ("4", &["-j", "12", "--max-fail", "3"]),
    ] {
        let mut command = repo.command(BINARY);
        command.env("SEED", seed).args(["--format", "json"]).args(options);
        let run = Run::of(&mut command);
        let summary = &run.exits(1).json()["summary"];
        let ended: u64 = all.iter().map(|name| summary[name].as_u64().expect("a count")).sum();
        assert_eq!(ended, 60, "seed {seed}: {summary}");
        nothing_left(&repo.root());
    }
    until("nothing is left", || left(&repo.root()).is_empty());
}

/// What an attempt of the scripted check below can do, how often of 20, and what it comes to.
const DEEDS: [(&str, u32, &str); 7] = [
    ("pass", 12, "passed"),
    ("fail", 3, "failed"),
    ("crash", 1, "failed"),
    ("missing", 1, "errored"),
    ("hang", 1, "timed_out"),
    ("leak", 1, "passed"),
    ("loud", 1, "passed"),
];

const SCRIPTED: &str = r#"#!/bin/sh
read -r deed <"$DEEDS/$WTCHECK_CHECK-$WTCHECK_BRANCH-$WTCHECK_ATTEMPT"
case $deed in
    fail) exit 1 ;;
    crash) kill -SEGV $$ ;;
    missing) exec no-such-program 2>/dev/null ;;
    hang) sleep 1000 ;;
    leak) sleep 1000 & ;;
    loud) yes | head -c 1000000 ;;
esac
"#;

#[test]
fn a_hundred_worktrees_come_to_what_is_foretold() {
    const CHECKS: [&str; 5] = ["a", "b", "c", "d", "e"];
    const PLACES: i32 = 16;
    let repo = TestRepo::new();
    let branches: Vec<String> =
        std::iter::once("main".to_owned()).chain((1..100).map(|index| format!("w{index:02}"))).collect();
    for branch in &branches[1..] {
        repo.worktree(branch);
    }
    let script = repo.script("../check", SCRIPTED);
    repo.config("wtcheck.checks", &CHECKS.join(" "));
    for check in CHECKS {
        repo.config(&format!("wtcheck.{check}.command"), &script.display().to_string());
    }
    repo.config("wtcheck.c.needs", "a");
    repo.config("wtcheck.e.needs", "c");
    // Far longer than any attempt that ends by itself needs, also on a busy machine.
    for (key, value) in [("timeout", "2s"), ("gracePeriod", "1s"), ("retries", "1"), ("retryDelay", "1ms")] {
        repo.config(&format!("wtcheck.{key}"), value);
    }
    for seed in [1, 2] {
        let mut random = fastrand::Rng::with_seed(seed);
        let deeds = format!("../deeds{seed}");
        let mut foretold: Vec<Vec<&str>> = Vec::new();
        for branch in &branches {
            let mut row: Vec<&str> = Vec::new();
            for (index, check) in CHECKS.iter().enumerate() {
                let mut came_to = "";
                for attempt in [1, 2] {
                    let mut drawn = random.u32(0..20);
                    let (deed, _, outcome) = DEEDS
                        .into_iter()
                        .find(|(_, share, _)| {
                            let is_it = drawn < *share;
                            drawn = drawn.saturating_sub(*share);
                            is_it
                        })
                        .expect("a deed");
                    repo.write(format!("{deeds}/{check}-{branch}-{attempt}"), deed.to_owned() + "\n");
                    if matches!(came_to, "" | "failed" | "errored" | "timed_out") {
                        came_to = outcome;
                    }
                }
                let needed = [None, None, Some(0), None, Some(2)][index];
                row.push(if needed.is_some_and(|needed| row[needed] != "passed") { "skipped" } else { came_to });
            }
            foretold.push(row);
        }
        let mut command = repo.command(BINARY);
        command.env("DEEDS", repo.at(&deeds)).args(["--format", "json", "-j", &PLACES.to_string()]);
        let json = Run::of(&mut command).exits(1).json();
        let rows = json["worktrees"].as_array().expect("worktrees");
        let mut edges: Vec<(f64, i32)> = Vec::new();
        let told: Vec<Vec<&str>> = rows
            .iter()
            .map(|row| {
                let checks = row["checks"].as_array().expect("checks");
                for attempt in checks.iter().flat_map(|unit| unit["attempts"].as_array().expect("attempts")) {
                    let start = attempt["started_ms"].as_f64().expect("a time");
                    // Rounding to a microsecond must not make two that follow one another overlap.
                    edges.push((start + 0.002, 1));
                    edges.push((start + attempt["duration_ms"].as_f64().expect("a length"), -1));
                }
                checks.iter().map(|unit| unit["outcome"].as_str().expect("an outcome")).collect()
            })
            .collect();
        let order: Vec<_> = rows.iter().map(|row| row["branch"].as_str().expect("a branch")).collect();
        assert_eq!(order, branches, "seed {seed}: as git lists them");
        for (branch, (told, foretold)) in branches.iter().zip(told.iter().zip(&foretold)) {
            assert_eq!(told, foretold, "seed {seed}, {branch}");
        }
        edges.sort_by(|one, other| one.0.total_cmp(&other.0));
        let most = edges
            .iter()
            .scan(0, |running, (_, change)| {
                *running += change;
                Some(*running)
            })
            .max();
        assert!(most.is_some_and(|most| most <= PLACES), "seed {seed}: {most:?} at a time");
        nothing_left(&repo.root());
    }
}
