//! Progress on standard error while a run goes on. The only user of indicatif.
//!
//! Nothing is drawn in the first [`DELAY`]: most runs are over by then. After that an overall bar and a line for each
//! unit that runs or waits to be tried again, as many as fit; what fails scrolls past above them. At the end all of it
//! but the failures is taken away again. A terminal that is behind (Ctrl-S) is drawn on again when it has caught up.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use typed_index_collections::TiVec;
use unicode_width::UnicodeWidthStr;

use crate::event::{Event, EventKind, UnitEnd};
use crate::model::id::{UnitId, WorktreeId};
use crate::plan::Plan;
use crate::record::Record;
use crate::report::cells::{Cell, shorten};
use crate::report::estimate::Estimate;
use crate::report::screen::Screen;
use crate::report::style::{Look, Role};
use crate::report::{Reporter, came_to, repeats_its_worktree, taskbar};
use crate::terminal::Size;
use crate::text::duration;
use crate::text::sanitize::line;

/// How long a run goes on before anything is drawn.
pub const DELAY: Duration = Duration::from_millis(200);
/// How often it is drawn again.
pub const REDRAW: Duration = Duration::from_millis(100);
/// How long a slow terminal has for the last drawing before the program ends.
pub const LAST_DRAWING: Duration = Duration::from_millis(100);
/// Lines for units, at the most.
const LINES: usize = 8;
/// Columns of the bar, at the most.
const BAR: usize = 30;
/// Where there are fewer columns, there is no bar, just how many are done.
const NARROW: usize = 24;

/// What the report draws on.
pub struct Terminal<'a> {
    /// Writes to it.
    pub out: Box<dyn Write + 'a>,
    /// How large it is now.
    pub size: Box<dyn Fn() -> Size + 'a>,
    /// Whether it is this program's to draw on now. A shell can take it back at any time.
    pub is_ours: Box<dyn Fn() -> bool + 'a>,
    /// Whether it still has to take what was drawn before.
    pub is_behind: Box<dyn Fn() -> bool + 'a>,
    /// Whether it shows progress on its tab or in the taskbar.
    pub taskbar: bool,
}

/// The report.
pub struct Live<'a> {
    look: Look,
    size: Box<dyn Fn() -> Size + 'a>,
    is_ours: Box<dyn Fn() -> bool + 'a>,
    is_behind: Box<dyn Fn() -> bool + 'a>,
    taskbar: bool,
    screen: Screen<'a>,
    bar: Bar,
    /// In the order in which they began.
    open: Vec<Open>,
    /// Lines that are to scroll past.
    above: Vec<String>,
    estimate: Estimate,
    /// Units that did not pass and count.
    faults: usize,
    names: Names,
}

/// A unit that is on its way.
struct Open {
    unit: UnitId,
    attempt: u32,
    now: Now,
}

enum Now {
    RunsSince(Duration),
    WaitsUntil(Duration),
}

/// What units are called, and how wide the widest of each is.
#[derive(Default)]
struct Names {
    worktrees: TiVec<WorktreeId, String>,
    worktree: usize,
    check: usize,
}

impl<'a> Live<'a> {
    /// A report that draws on a terminal.
    pub fn new(look: Look, terminal: Terminal<'a>) -> Self {
        let Terminal { out, size, is_ours, is_behind, taskbar } = terminal;
        let (screen, bar) = (Screen::new(out), Bar::new(look));
        Self {
            look,
            size,
            is_ours,
            is_behind,
            taskbar,
            screen,
            bar,
            open: Vec::new(),
            above: Vec::new(),
            estimate: Estimate::default(),
            faults: 0,
            names: Names::default(),
        }
    }

    fn began(&mut self, unit: UnitId, attempt: u32, now: Now) {
        self.open.retain(|open| open.unit != unit);
        self.open.push(Open { unit, attempt, now });
    }

    fn ended(&mut self, record: &Record, unit: UnitId, end: &UnitEnd) {
        self.open.retain(|open| open.unit != unit);
        let Some(plan) = record.plan.as_deref() else { return };
        self.estimate.ended(plan.units[unit].check, end.duration);
        let counts = end.outcome.is_fault() && !plan.check(unit).allow_failure;
        self.faults += usize::from(counts);
        if end.outcome.is_fault() && !repeats_its_worktree(plan, unit) {
            let name = &self.names.worktrees[plan.units[unit].worktree];
            self.above.push(fault(plan, record, unit, end, name, self.look));
        }
    }

    fn erase(&mut self) -> io::Result<()> {
        self.screen.erase(if self.taskbar { taskbar::NONE } else { "" })
    }

    /// What follows the bar: the time that has passed, what is left of it, and what is wrong.
    fn told(&self, record: &Record, plan: &Plan, now: Duration) -> String {
        let told = format!("  {}", whole(now));
        let ending = match record.cause {
            _ if record.signal.is_some() => "ending what runs; Ctrl-C again kills it",
            Some(_) => "ending what runs",
            None => return self.told_of_all(told, plan, now),
        };
        format!("{told}  {}", self.look.paint(Role::Changed, ending))
    }

    fn told_of_all(&self, mut told: String, plan: &Plan, now: Duration) -> String {
        let running: Vec<_> = self.open.iter().map(|open| (plan.units[open.unit].check, open.since(now))).collect();
        let left = self.estimate.left(plan, &running).filter(|left| left.as_secs() > 0);
        if let Some(left) = left {
            told.push_str(&format!(", about {} left", whole(left)));
        }
        if self.faults > 0 {
            told.push_str(&self.look.paint(Role::Bad, &format!("  {} did not pass", self.faults)));
        }
        told
    }

    /// A line for each unit that runs, then for each that waits; where they are too many, the last says how many more.
    fn lines(&self, plan: &Plan, now: Duration, size: Size) -> Vec<String> {
        let most = size.height().saturating_sub(1).min(LINES);
        let runs = |open: &&Open| matches!(open.now, Now::RunsSince(_));
        let (running, waiting): (Vec<_>, Vec<_>) = self.open.iter().partition(runs);
        let open: Vec<_> = running.into_iter().chain(waiting).collect();
        let shown = if open.len() > most { most.saturating_sub(1) } else { open.len() };
        let mut lines: Vec<_> =
            open[..shown].iter().map(|open| self.names.line(plan, open, now, size.width(), self.look)).collect();
        if shown < open.len() && most > 0 {
            let more = Cell::of(Role::Faint, format!("  and {} more", open.len() - shown));
            lines.push(more.draw(size.width(), false, self.look));
        }
        lines
    }
}

impl Reporter for Live<'_> {
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()> {
        match &event.kind {
            EventKind::AttemptStarted { unit, number } => self.began(*unit, *number, Now::RunsSince(event.at)),
            EventKind::AttemptFinished { unit, attempt, retry_in: Some(wait) } => {
                self.began(*unit, attempt.number + 1, Now::WaitsUntil(event.at + *wait));
            }
            EventKind::UnitFinished { unit, end } => self.ended(record, *unit, end),
            EventKind::Suspending | EventKind::RunFinished => return self.erase(),
            EventKind::AttemptFinished { unit, .. } => self.open.retain(|open| open.unit != *unit),
            EventKind::RunStarted(plan) => self.names = Names::of(plan),
            EventKind::UnitStarted(_) | EventKind::Cancelling(_) => {}
        }
        Ok(())
    }

    fn tick(&mut self, record: &Record, now: Duration) -> io::Result<()> {
        let Some(plan) = record.plan.clone() else { return Ok(()) };
        if now < DELAY || !(self.is_ours)() || (self.is_behind)() {
            return Ok(());
        }
        let size = (self.size)();
        let mut lines = vec![self.bar.line(&self.told(record, &plan, now), record.ended(), plan.units.len(), size)];
        lines.extend(self.lines(&plan, now, size));
        let above: Vec<_> = self.above.drain(..).collect();
        let unseen = if self.taskbar {
            taskbar::shown(100 * record.ended() / plan.units.len().max(1), record.exit_code() != 0)
        } else {
            String::new()
        };
        self.screen.draw(&above, &lines, &unseen)
    }

    fn is_relied_on(&self) -> bool {
        false
    }
}

impl Open {
    fn since(&self, now: Duration) -> Duration {
        match self.now {
            Now::RunsSince(start) => now.saturating_sub(start),
            Now::WaitsUntil(_) => Duration::ZERO,
        }
    }
}

impl Names {
    fn of(plan: &Plan) -> Self {
        let worktrees = super::names(plan);
        let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
        let worktree = widest(&mut worktrees.iter().map(|name| name.width()));
        let check = widest(&mut plan.checks.iter().map(|planned| line(&planned.check.name).width()));
        Self { worktrees, worktree, check }
    }

    /// A unit's line: worktree, check, for how long, which attempt, and whether it is slow.
    fn line(&self, plan: &Plan, open: &Open, now: Duration, width: usize, look: Look) -> String {
        let check = plan.check(open.unit);
        // Two columns apart: one is the cell's.
        let column = |text: &str, widest: usize, most: usize| {
            let column = widest.min(most.max(8));
            let text = shorten(text, column, look);
            let rest = (column + 1).saturating_sub(text.width());
            text + &" ".repeat(rest)
        };
        let worktree = column(&self.worktrees[plan.units[open.unit].worktree], self.worktree, width * 2 / 5);
        let mut cell = Cell::of(Role::Plain, " ");
        cell.push(Role::Worktree, worktree);
        cell.push(Role::Plain, column(&line(&check.name), self.check, width / 4));
        let since = open.since(now);
        let slow = check.slow_after.is_some_and(|slow| since >= slow);
        let attempt = || format!("attempt {} of {}", open.attempt, check.retries + 1);
        match open.now {
            Now::RunsSince(_) => {
                cell.push(if slow { Role::Changed } else { Role::Faint }, format!("{:>6}", whole(since)));
                cell.push(Role::Changed, if slow { "slow" } else { "" });
                cell.push(Role::Faint, if open.attempt > 1 { attempt() } else { String::new() });
            }
            Now::WaitsUntil(due) => {
                cell.push(Role::Faint, format!("{:>6} again in {}, {}", "", whole(due.saturating_sub(now)), attempt()));
            }
        }
        cell.draw(width, false, look)
    }
}

/// The line that scrolls past for a unit that did not pass.
fn fault(plan: &Plan, record: &Record, unit: UnitId, end: &UnitEnd, name: &str, look: Look) -> String {
    let worktree = plan.worktree(unit);
    let check = if worktree.obstacle.is_some() { "" } else { &line(&plan.check(unit).name) };
    let (role, sign) = (Look::role(end.outcome), look.sign(end.outcome));
    let parts = [
        look.paint(role, sign),
        look.paint(Role::Worktree, &format!("{name}:")),
        check.to_owned(),
        came_to(plan, record, unit, end),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whole seconds: what is drawn ten times a second should not flicker.
fn whole(length: Duration) -> String {
    if length < Duration::from_secs(1) {
        "0s".to_owned()
    } else {
        duration::write(Duration::from_secs(length.as_secs()))
    }
}

/// The overall bar: indicatif's, as a line of text.
struct Bar {
    drawn: ProgressBar,
    canvas: Canvas,
    look: Look,
    columns: usize,
}

impl Bar {
    fn new(look: Look) -> Self {
        let canvas = Canvas::default();
        let target = ProgressDrawTarget::term_like(Box::new(canvas.clone()));
        Self { drawn: ProgressBar::with_draw_target(None, target), canvas, look, columns: 0 }
    }

    fn line(&mut self, told: &str, done: usize, all: usize, size: Size) -> String {
        if self.columns != size.width() {
            self.columns = size.width();
            self.canvas.lock().0 = size.width();
            self.drawn.set_style(style(&template(self.columns), self.look));
        }
        self.drawn.set_length(all as u64);
        self.drawn.set_position(done as u64);
        self.drawn.set_message(Cow::from(told.to_owned()));
        self.drawn.tick();
        let line = self.canvas.lock().1.trim_end().to_owned();
        if self.columns < NARROW { shorten(&line, self.columns, self.look) } else { line }
    }
}

fn template(columns: usize) -> String {
    if columns < NARROW {
        return "{pos}/{len}".to_owned();
    }
    format!("{{bar:{}}} {{pos}}/{{len}}{{wide_msg}}", (columns / 4).min(BAR))
}

fn style(template: &str, look: Look) -> ProgressStyle {
    // The template is this file's own; a test draws it.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars(if look.ascii { "=> " } else { "\u{2501}\u{2578}\u{2500}" })
}

/// What indicatif draws one bar on: a row of so many columns, and what stands in it. The [`Screen`] shows it.
#[derive(Clone, Debug, Default)]
struct Canvas(Arc<Mutex<(usize, String)>>);

impl Canvas {
    fn lock(&self) -> std::sync::MutexGuard<'_, (usize, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        u16::try_from(self.lock().0).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.lock().1.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.lock().1.clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
