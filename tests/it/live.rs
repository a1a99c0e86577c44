//! What is seen while a run goes on: first on a terminal to which events are played, at times of the test's choosing, then
//! with the real program on a terminal of its own.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use git_wtcheck::checks::Check;
use git_wtcheck::event::{Attempt, Cause, Event, EventKind, UnitEnd};
use git_wtcheck::model::answer::SourceId;
use git_wtcheck::model::facts::Facts;
use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::plan::Plan;
use git_wtcheck::report::live::{Live, Terminal as Drawn};
use git_wtcheck::report::style::Look;
use git_wtcheck::report::{Reporter, Reports};
use git_wtcheck::terminal::Size;
use vt100::Parser;

use crate::support::plans::{check, ms, plan};
use crate::support::terminal::{Terminal, parser};
use crate::support::{BINARY, TestRepo, has};

/// A run of which the test says what happens when, and the terminal on which it is shown.
struct Stage {
    reports: Reports<'static>,
    terminal: Rc<RefCell<Parser>>,
    /// All that was written.
    written: Rc<RefCell<Vec<u8>>>,
    size: Rc<Cell<Size>>,
    is_ours: Rc<Cell<bool>>,
    is_behind: Rc<Cell<bool>>,
    now: Duration,
    plan: Arc<Plan>,
}

struct Wire(Rc<RefCell<Parser>>, Rc<RefCell<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().process(bytes);
        self.1.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PROMPT: &str = "$ git wtcheck";

impl Stage {
    fn new(plan: Plan, columns: usize, rows: usize, taskbar: bool) -> Self {
        let plan = Arc::new(plan);
        let size = Rc::new(Cell::new(Size { columns, rows }));
        let terminal = Rc::new(RefCell::new(emulated(size.get())));
        terminal.borrow_mut().process(format!("{PROMPT}\r\n").as_bytes());
        let (written, is_ours) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(true)));
        let is_behind = Rc::new(Cell::new(false));
        let (asked, ours, behind) = (Rc::clone(&size), Rc::clone(&is_ours), Rc::clone(&is_behind));
        let drawn = Drawn {
            out: Box::new(Wire(Rc::clone(&terminal), Rc::clone(&written))),
            size: Box::new(move || asked.get()),
            is_ours: Box::new(move || ours.get()),
            is_behind: Box::new(move || behind.get()),
            taskbar,
        };
        let live: Box<dyn Reporter> = Box::new(Live::new(Look::PLAIN, drawn));
        let reports = Reports::new(vec![live], false);
        let mut stage = Self { reports, terminal, written, size, is_ours, is_behind, now: Duration::ZERO, plan };
        stage.tell(EventKind::RunStarted(Arc::clone(&stage.plan)));
        stage
    }

    fn tell(&mut self, kind: EventKind) {
        self.reports.event(&Event { at: self.now, kind });
    }

    /// Time passes, and it is drawn.
    fn at(&mut self, now: Duration) -> String {
        self.now = now;
        self.reports.tick(now);
        self.screen()
    }

    fn screen(&self) -> String {
        self.terminal.borrow().screen().contents()
    }

    fn starts(&mut self, unit: usize, number: u32) {
        self.tell(EventKind::AttemptStarted { unit: unit.into(), number });
    }

    fn attempted(&mut self, unit: usize, number: u32, outcome: Outcome, retry_in: Option<Duration>) {
        let attempt = Attempt {
            number,
            started: self.now,
            duration: ms(1),
            outcome,
            reason: None,
            source: SourceId::Process,
            asked: None,
            process: None,
        };
        self.tell(EventKind::AttemptFinished { unit: unit.into(), attempt: Arc::new(attempt), retry_in });
    }

    fn ends(&mut self, unit: usize, outcome: Outcome, took: Duration) {
        self.attempted(unit, 1, outcome, None);
        let reason = (outcome == Outcome::Failed).then(|| "exit status 3".to_owned());
        let end = UnitEnd { outcome, reason, started: Some(self.now), duration: took, facts: Facts::default() };
        self.tell(EventKind::UnitFinished { unit: unit.into(), end: Arc::new(end) });
    }

    fn resize(&mut self, size: Size) {
        self.size.set(size);
        let (columns, rows) = numbers(size);
        let number = |count| std::num::NonZeroU16::new(count).expect("a size");
        self.terminal.borrow_mut().set_size(number(rows), number(columns));
    }
}

fn numbers(size: Size) -> (u16, u16) {
    let number = |count: usize| u16::try_from(count).expect("a size");
    (number(size.columns), number(size.rows))
}

fn emulated(size: Size) -> Parser {
    let (columns, rows) = numbers(size);
    parser(columns, rows)
}

#[test]
fn the_screen_in_the_course_of_a_run() {
    let slow = Check { slow_after: Some(ms(60_000)), retries: 2, ..check("test") };
    let mut stage = Stage::new(plan(6, vec![check("lint"), slow]), 72, 12, false);
    for worktree in 0..6 {
        stage.starts(2 * worktree, 1);
    }
    assert_eq!(stage.at(ms(199)), PROMPT, "nothing is drawn so soon");
    let mut seen = vec![stage.at(ms(200))];
    for worktree in 0..6 {
        stage.ends(2 * worktree, if worktree == 1 { Outcome::Failed } else { Outcome::Passed }, ms(500));
        stage.starts(2 * worktree + 1, 1);
    }
    seen.push(stage.at(ms(10_500)));
    // One has told how long the check takes; one waits to be tried again.
    stage.ends(1, Outcome::Passed, ms(20_000));
    stage.attempted(3, 1, Outcome::Failed, Some(ms(5_000)));
    stage.tell(EventKind::AttemptStarted { unit: 5.into(), number: 2 });
    seen.push(stage.at(ms(11_500)));
    seen.push(stage.at(ms(75_000)));
    stage.tell(EventKind::Cancelling(Cause::Signal(2)));
    seen.push(stage.at(ms(75_100)));
    stage.tell(EventKind::RunFinished);
    seen.push(stage.screen());
    insta::assert_snapshot!(seen.join("\n----\n"));
}

#[test]
fn no_terminal_is_too_small_nor_any_name_too_long() {
    let mut many = plan(30, vec![check("a-check-with-quite-a-long-name")]);
    for (index, worktree) in many.worktrees.iter_mut().enumerate() {
        worktree.name = format!("\u{4e16}\u{754c}-\u{1b}[31m\u{202e}{}-{index}", "long-".repeat(index));
    }
    for (columns, rows) in [(1, 1), (2, 2), (5, 3), (20, 2), (40, 4), (79, 10), (80, 24), (300, 100)] {
        let mut stage = Stage::new(many_like(&many), columns, rows, false);
        for unit in 0..30 {
            stage.starts(unit, 1);
        }
        stage.at(ms(1_000));
        stage.at(ms(1_100));
        let after = stage.terminal.borrow().screen().cursor_position();
        let shown = stage.screen();
        let lines = shown.lines().skip(usize::from(after.0)).count();
        assert!(lines < rows.max(2) && lines <= 9, "{lines} lines of {rows}:\n{shown}");
        for row in after.0..numbers(Size { columns, rows }).1 {
            assert!(!stage.terminal.borrow().screen().row_wrapped(row), "{columns}x{rows}:\n{shown}");
        }
        assert!(!shown.contains('\u{202e}'), "{shown:?}");
        stage.tell(EventKind::RunFinished);
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        assert!(letters(PROMPT).ends_with(&letters(&stage.screen())), "{columns}x{rows}:\n{}", stage.screen());
        let left = stage.terminal.borrow().screen().contents_between(
            after.0,
            after.1,
            numbers(Size { columns, rows }).1 - 1,
            0,
        );
        assert_eq!(left.trim(), "", "{columns}x{rows}");
    }
}

fn many_like(plan: &Plan) -> Plan {
    let mut copy = crate::support::plans::plan(plan.worktrees.len(), vec![plan.checks.raw[0].check.clone()]);
    copy.worktrees.clone_from(&plan.worktrees);
    copy
}

#[test]
fn a_terminal_that_wraps_its_lines_anew_keeps_nothing_of_what_was_drawn() {
    let mut stage = Stage::new(plan(4, vec![check("test")]), 100, 12, false);
    for unit in 0..4 {
        stage.starts(unit, 1);
    }
    stage.ends(3, Outcome::Failed, ms(1));
    let before = stage.at(ms(5_000));
    assert_eq!(before.lines().count(), 6, "{before}");
    // The same logical lines on a narrower terminal, the cursor on the letter where it was.
    let size = Size { columns: 20, rows: 12 };
    let mut narrow = emulated(size);
    for (index, line) in before.lines().enumerate() {
        narrow.process(if index > 0 { b"\r\n" } else { b"" });
        if index == 2 {
            narrow.process(b"\x1b7");
        }
        narrow.process(line.as_bytes());
    }
    narrow.process(b"\x1b8");
    *stage.terminal.borrow_mut() = narrow;
    stage.size.set(size);
    let after = stage.at(ms(5_100));
    assert_eq!(after.lines().filter(|line| line.contains("3/4") || line.contains("1/4")).count(), 1, "{after}");
    stage.tell(EventKind::RunFinished);
    let left = stage.screen();
    assert_eq!(left.replace('\n', ""), format!("{PROMPT}\u{2717} w3: test failed: exit status 3"), "{left}");
}

#[test]
fn the_tab_is_told_and_told_that_it_is_over() {
    for taskbar in [true, false] {
        let mut stage = Stage::new(plan(4, vec![check("test")]), 80, 12, taskbar);
        stage.ends(0, Outcome::Passed, ms(1));
        stage.at(ms(100));
        assert!(stage.written.borrow().is_empty(), "nothing is told so soon");
        stage.at(ms(300));
        stage.ends(1, Outcome::Failed, ms(1));
        stage.at(ms(400));
        stage.tell(EventKind::Suspending);
        stage.at(ms(500));
        stage.tell(EventKind::RunFinished);
        let written = String::from_utf8_lossy(&stage.written.borrow()).into_owned();
        let told: Vec<_> =
            written.split("\u{1b}]9;4;").skip(1).filter_map(|rest| rest.split('\u{1b}').next()).collect();
        let expected: &[&str] = if taskbar { &["1;25", "2;50", "0;", "2;50", "0;"] } else { &[] };
        assert_eq!(told, expected);
    }
}

#[test]
fn nothing_is_drawn_on_a_terminal_that_is_another_s() {
    let mut stage = Stage::new(plan(2, vec![check("test")]), 80, 12, false);
    stage.starts(0, 1);
    stage.is_ours.set(false);
    stage.ends(1, Outcome::Failed, ms(1));
    assert_eq!(stage.at(ms(300)), PROMPT);
    stage.is_ours.set(true);
    assert!(stage.at(ms(400)).contains("w1: test failed"), "what failed meanwhile is told");
    stage.tell(EventKind::Suspending);
    stage.is_ours.set(false);
    let stopped = stage.screen();
    assert!(!stopped.contains("1/2"), "{stopped}");
    stage.tell(EventKind::RunFinished);
    assert_eq!(stage.screen(), stopped);
}

#[test]
fn drawings_do_not_pile_up_before_a_terminal_that_stands_still() {
    let mut stage = Stage::new(plan(3, vec![check("test")]), 80, 12, false);
    stage.starts(0, 1);
    let before = stage.at(ms(300));
    let written = stage.written.borrow().len();
    stage.is_behind.set(true);
    stage.ends(1, Outcome::Failed, ms(1));
    assert_eq!((stage.at(ms(400)), stage.written.borrow().len()), (before, written));
    stage.is_behind.set(false);
    assert!(stage.at(ms(500)).contains("w1: test failed"), "what failed meanwhile is told");
    stage.is_behind.set(true);
    stage.tell(EventKind::RunFinished);
    assert_eq!(stage.screen(), format!("{PROMPT}\n\u{2717} w1: test failed: exit status 3"), "all is erased, in turn");
}

/// What the overall bar says is left.
fn left(screen: &str) -> Option<&str> {
    screen.split_once("about ")?.1.split_once(" left").map(|(left, _)| left)
}

#[test]
fn what_is_left_is_told_once_something_tells_it() {
    // Eight units of each check at two places; of `lone`, one at a time.
    let lone = Check { max_concurrency: Some(1), ..check("lone") };
    let mut plan = plan(8, vec![check("quick"), lone]);
    plan.max_concurrency = 2;
    let mut stage = Stage::new(plan, 80, 12, false);
    let (quick, lone) = (|worktree: usize| 2 * worktree, |worktree: usize| 2 * worktree + 1);
    for worktree in 0..8 {
        stage.ends(quick(worktree), Outcome::Passed, ms(100));
    }
    assert_eq!(left(&stage.at(ms(1_000))), None, "no unit of the other check has ended");
    stage.ends(lone(0), Outcome::Passed, ms(10_000));
    assert_eq!(left(&stage.at(ms(11_000))), Some("1m10s"), "seven more, one after the other");
    stage.starts(lone(1), 1);
    assert_eq!(left(&stage.at(ms(15_000))), Some("1m6s"), "one of them has run for four seconds");
    // What takes longer than the others counts for nothing more.
    assert_eq!(left(&stage.at(ms(61_000))), Some("1m"));
    for worktree in 1..8 {
        stage.ends(lone(worktree), Outcome::Skipped, ms(0));
    }
    assert_eq!(left(&stage.at(ms(61_000))), None);
}

#[test]
fn places_share_what_is_left() {
    let mut plan = plan(10, vec![check("test")]);
    plan.max_concurrency = 4;
    let mut stage = Stage::new(plan, 80, 12, false);
    stage.ends(0, Outcome::Passed, ms(8_000));
    stage.ends(1, Outcome::Failed, ms(16_000));
    assert_eq!(left(&stage.at(ms(17_000))), Some("24s"), "eight at 12 s each, at four places");
    for unit in 2..9 {
        stage.ends(unit, Outcome::Passed, ms(12_000));
    }
    stage.starts(9, 1);
    assert_eq!(left(&stage.at(ms(20_000))), Some("9s"), "the last one is not shared");
}

proptest::proptest! {
    /// Whatever happens, on a terminal of whatever size: at the end the failures stand below the prompt, and nothing else.
    #[test]
    fn nothing_but_the_failures_is_left(steps in proptest::collection::vec((0..6_u8, 0..12_usize, 1..120_usize, 1..40_usize), 1..60)) {
        let mut stage = Stage::new(plan(12, vec![check("test")]), 80, 24, false);
        let (mut failed, mut ended, mut told) = (Vec::new(), [false; 12], Vec::new());
        for (index, (what, unit, columns, rows)) in steps.into_iter().enumerate() {
            let now = ms(150 * index as u64);
            match what {
                _ if ended[unit] => {}
                0 | 1 => stage.starts(unit, 1),
                2 => {
                    stage.ends(unit, Outcome::Failed, ms(1));
                    ended[unit] = true;
                    failed.push(format!("\u{2717} w{unit}: test failed: exit status 3"));
                }
                3 => {
                    stage.ends(unit, Outcome::Passed, ms(1));
                    ended[unit] = true;
                }
                // Wide enough for a failure's line: terminals differ in how they cut those that are there.
                4 => stage.resize(Size { columns: columns + 40, rows: rows + 1 }),
                _ => {}
            }
            if what == 5 {
                stage.at(now);
                if now >= ms(200) {
                    told.append(&mut failed);
                }
            }
        }
        stage.tell(EventKind::RunFinished);
        let size = stage.size.get();
        stage.terminal.borrow_mut().screen_mut().set_scrollback(0);
        let left = stage.screen();
        let expected: Vec<_> = std::iter::once(PROMPT.to_owned()).chain(told).collect();
        let left: Vec<_> = left.lines().map(str::to_owned).collect();
        // What has scrolled away is the oldest.
        proptest::prop_assert!(left.len() <= size.rows);
        proptest::prop_assert!(expected.ends_with(&left), "{:#?}\n{:#?}", left, expected);
    }
}

/// A repository of three worktrees, in one of which a check waits for a file, and in another fails.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.worktree("patient");
    repo.worktree("broken");
    let script = "case $WTCHECK_WORKTREE in
        *patient) until [ -e ../go ]; do sleep 0.02; done;;
        *broken) echo 'it is broken'; exit 3;;
    esac";
    repo.config("wtcheck.test.command", script);
    repo
}

fn wtcheck(repo: &TestRepo, args: &[&str]) -> Command {
    let mut command = repo.command(BINARY);
    command.args(args).env("TERM", "xterm");
    command
}

#[test]
fn a_run_on_a_terminal_of_its_own() {
    if !has("setsid") {
        return;
    }
    let repo = repo();
    let terminal = Terminal::start(&wtcheck(&repo, &["-j", "3"]), 80, 24, |_| ());
    let screen = terminal.until("what runs, and what failed", |screen| {
        screen.contains("patient  test") && screen.contains("11/12") && screen.contains("broken: test failed")
    });
    let lines: Vec<_> = screen.lines().collect();
    assert_eq!(lines.len(), 3, "{screen}");
    assert_eq!(lines[0], "\u{2717} broken: test failed: exit status 3");
    assert!(lines[1].ends_with("1 did not pass"), "{screen}");
    repo.write("../go", "");
    let left = terminal.end();
    assert_eq!(left.status.code(), Some(1), "{}", left.screen);
    let lines: Vec<_> = left.screen.lines().collect();
    assert_eq!(lines[0], "\u{2717} broken: test failed: exit status 3", "{}", left.screen);
    assert!(lines[1].starts_with("  WORKTREE"), "{}", left.screen);
    assert!(!left.screen.contains("11/12"), "{}", left.screen);
    assert!(lines.last().is_some_and(|line| line.contains("1 failed")), "{}", left.screen);
}

#[test]
fn what_runs_for_long_is_called_slow() {
    if !has("setsid") {
        return;
    }
    let repo = repo();
    repo.config("wtcheck.slowAfter", "1ms");
    let run = |more: &[&str]| {
        let args = [more, &["wtcheck", "-j3", "test"]].concat();
        let mut git = repo.command("git");
        git.args(args).env("TERM", "xterm");
        let terminal = Terminal::start(&git, 80, 24, |_| ());
        let screen = terminal.until("what runs", |screen| screen.contains("patient  test"));
        repo.write("../go", "");
        terminal.end();
        std::fs::remove_file(repo.at("../go")).expect("the file");
        screen
    };
    assert!(run(&[]).contains(" slow"));
    for kept in [&["-c", "wtcheck.test.slowAfter=1h"], &["-c", "wtcheck.slowAfter=0"]] {
        let screen = run(kept);
        assert!(!screen.contains(" slow"), "{kept:?}:\n{screen}");
    }
}

#[test]
fn the_table_fits_the_terminal_as_it_is_at_the_end() {
    if !has("setsid") {
        return;
    }
    let repo = repo();
    let name = "a-worktree-of-a-name-that-is-rather-long";
    repo.worktree(name);
    let terminal = Terminal::start(&wtcheck(&repo, &["-j", "4"]), 60, 24, |_| ());
    terminal.until("what runs", |screen| screen.contains("  patient "));
    terminal.resize(160, 24);
    repo.write("../go", "");
    let left = terminal.end();
    let row = left.screen.lines().find(|line| line.contains(name));
    assert!(row.is_some_and(|row| row.matches(name).count() == 2), "the name and the branch, whole:\n{}", left.screen);
}

#[test]
fn an_interrupt_leaves_the_report_and_no_more() {
    if !has("setsid") {
        return;
    }
    let repo = repo();
    let mut terminal = Terminal::start(&wtcheck(&repo, &["-j", "3", "test"]), 80, 24, |_| ());
    terminal.until("what runs", |screen| screen.contains("patient  test") && screen.contains("2/3"));
    terminal.press("\u{3}");
    let left = terminal.end();
    assert_eq!(left.status.code(), Some(130), "{}", left.screen);
    let lines: Vec<_> = left.screen.lines().collect();
    assert_eq!(lines[0], "\u{2717} broken: test failed: exit status 3", "{}", left.screen);
    assert!(lines[1].starts_with("  WORKTREE"), "{}", left.screen);
    assert!(!left.screen.contains("^C") && !left.screen.contains("2/3"), "{}", left.screen);
    assert!(left.screen.contains("(interrupted)"), "{}", left.screen);
}

#[test]
fn nothing_is_drawn_where_nobody_would_look_or_lines_come_anyway() {
    if !has("setsid") {
        return;
    }
    let repo = repo();
    repo.write("../go", "");
    // The check takes longer than the wait before anything is drawn.
    repo.config("wtcheck.test.command", "sleep 0.5");
    for args in [
        &["--no-progress", "-j3", "test"][..],
        &["--quiet", "-j3", "test"],
        &["--format=jsonl", "-j3", "test"],
        &["--format=jsonl", "--progress", "-j3", "test"],
    ] {
        let left = Terminal::start(&wtcheck(&repo, args), 80, 24, |_| ()).end();
        assert!(left.status.success(), "{}", left.screen);
        assert!(!left.written.contains("\u{1b}[J"), "{args:?}: {:?}", left.written);
    }
    let drawn = Terminal::start(&wtcheck(&repo, &["-j3", "test"]), 80, 24, |_| ()).end();
    assert!(drawn.written.contains("\u{1b}[J"), "{:?}", drawn.written);
    let dumb = Terminal::start(wtcheck(&repo, &["-j3", "test"]).env("TERM", "dumb"), 80, 24, |_| ()).end();
    assert!(!dumb.written.contains('\u{1b}'), "{:?}", dumb.written);
    // Into a pipe the report, on the terminal the progress, in its colours.
    let piped = Terminal::start(&wtcheck(&repo, &["-j3", "test"]), 80, 24, |command| {
        command.stdout(Stdio::null());
    })
    .end();
    assert!(piped.written.contains("\u{1b}[J") && piped.written.contains("\u{1b}[1m"), "{:?}", piped.written);
    assert_eq!(piped.screen, "");
}

#[test]
fn a_shell_s_background_draws_nothing_unless_told_to() {
    if !has("setsid") {
        return;
    }
    let repo = repo();
    repo.write("../go", "");
    repo.config("wtcheck.test.command", "sleep 0.5");
    for (args, draws) in [("-j3 test", false), ("-j3 --progress test", true)] {
        let script = format!("set -m; git wtcheck {args} >../out & wait");
        let mut shell = repo.command("bash");
        shell.args(["-c", &script]).env("TERM", "xterm");
        let left = Terminal::start(&shell, 80, 24, |_| ()).end();
        assert_eq!(left.written.contains("\u{1b}[J"), draws, "{args}: {:?}", left.written);
        assert!(left.screen.lines().all(|line| line.contains("Done")), "{}", left.screen);
    }
}

#[test]
fn a_quick_run_draws_nothing() {
    if !has("setsid") {
        return;
    }
    let repo = TestRepo::new();
    // On a busy machine it is not quick: then it is no witness, and another is called.
    let quick = (0..50).find_map(|_| {
        let report = repo.root().join("report");
        let output = format!("--output=json={}", report.display());
        let left = Terminal::start(&wtcheck(&repo, &[&output, "status"]), 80, 24, |_| ()).end();
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).expect("a report")).expect("JSON");
        (json["duration_ms"].as_f64()? < 150.0).then_some(left)
    });
    let quick = quick.expect("a run of less than 150 ms in fifty");
    assert!(!quick.written.contains("\u{1b}[J"), "{:?}", quick.written);
}
