//! Progress on standard error while a run goes on. The only user of indicatif.
//!
//! Nothing is drawn in the first [`DELAY`]: most runs are over by then. After that an overall bar and a line for each
//! running unit, as many as fit; at the end all of it is taken away again.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, EventKind};
use crate::model::duration;
use crate::plan::{Plan, UnitIndex};
use crate::report::style::{Look, Role};
use crate::report::{Reporter, sanitize};
use crate::summary::Record;

/// How long a run goes on before anything is drawn.
pub const DELAY: Duration = Duration::from_millis(200);
/// How often it is drawn again.
pub const REDRAW: Duration = Duration::from_millis(100);
/// Characters of a worktree's name.
const NAME: usize = 40;
/// Lines for running units.
const LINES: usize = 8;

/// The report.
pub struct Live {
    look: Look,
    bars: Option<(MultiProgress, ProgressBar)>,
    lines: BTreeMap<UnitIndex, ProgressBar>,
    running: BTreeMap<UnitIndex, (u32, std::time::Instant)>,
    started: std::time::Instant,
}

impl Live {
    /// A report that draws on standard error, which must be a terminal.
    pub fn new(look: Look) -> Self {
        Self { look, bars: None, lines: BTreeMap::new(), running: BTreeMap::new(), started: std::time::Instant::now() }
    }

    fn clear(&mut self) -> io::Result<()> {
        self.lines.clear();
        if let Some((all, _overall)) = self.bars.take() {
            all.clear()?;
            // Bars that are dropped would draw themselves once more.
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        Ok(())
    }

    fn describe(&self, plan: &Plan, unit: UnitIndex, number: u32, since: std::time::Instant) -> String {
        let worktree: String =
            sanitize::line(&plan.worktrees[plan.worktree_of(unit)].name).chars().take(NAME).collect();
        let check = &plan.checks[plan.check_of(unit)].check;
        let mut text = format!(
            "{} {} {}",
            self.look.paint(Role::Worktree, &worktree),
            check.name,
            self.look.paint(Role::Faint, &duration::show(since.elapsed()))
        );
        if number > 1 {
            text.push_str(&self.look.paint(Role::Changed, &format!(" attempt {number} of {}", check.retries + 1)));
        }
        text
    }
}

impl Reporter for Live {
    fn event(&mut self, event: &Event, _: &Record) -> io::Result<()> {
        match &event.kind {
            EventKind::AttemptStarted { unit, number } => {
                self.running.insert(*unit, (*number, std::time::Instant::now()));
            }
            EventKind::AttemptFinished { unit, .. } | EventKind::UnitFinished { unit, .. } => {
                self.running.remove(unit);
            }
            EventKind::Suspending | EventKind::RunFinished => self.clear()?,
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self, record: &Record) -> io::Result<()> {
        let Some(plan) = record.plan.clone() else { return Ok(()) };
        if self.started.elapsed() < DELAY {
            return Ok(());
        }
        let (all, overall) = self.bars.get_or_insert_with(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let overall = all.add(ProgressBar::new(plan.units() as u64));
            overall.set_style(style("[{elapsed}] {bar:30} {pos}/{len}{wide_msg}"));
            (all, overall)
        });
        let (all, overall) = (all.clone(), overall.clone());
        let told = match record.cause {
            _ if record.signal.is_some() => " (ending what runs; Ctrl-C again kills it)",
            Some(_) => " (ending what runs)",
            None if record.exit_code() != 0 => " (some did not pass)",
            None => "",
        };
        overall.set_message(if told.is_empty() { String::new() } else { self.look.paint(Role::Bad, told) });
        overall.set_position(record.ended() as u64);
        let shown: Vec<UnitIndex> = self.running.keys().copied().take(LINES).collect();
        self.lines.retain(|unit, line| {
            let keep = shown.contains(unit);
            if !keep {
                all.remove(line);
            }
            keep
        });
        for unit in shown {
            let (number, since) = self.running[&unit];
            let text = self.describe(&plan, unit, number, since);
            let line = self.lines.entry(unit).or_insert_with(|| {
                let line = all.add(ProgressBar::new_spinner());
                line.set_style(style("  {wide_msg}"));
                line
            });
            line.set_message(text);
            line.tick();
        }
        overall.tick();
        // indicatif leaves the cursor at the right edge, where the `^C` that a terminal echoes would wrap: then a line too
        // little would be taken away.
        io::stderr().write_all(b"\r")
    }

    fn is_relied_on(&self) -> bool {
        false
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are this file's own; a test draws each.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    #[test]
    fn the_templates_are_templates() {
        for template in ["[{elapsed}] {bar:30} {pos}/{len}{wide_msg}", "  {wide_msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
