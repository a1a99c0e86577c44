//! `git wtcheck plan`: what would run where, and why not. Runs nothing.

use crate::cli::{Format, Plan};
use crate::commands::{Context, Execute, Io};
use crate::error::Error;
use crate::report::plan;
use crate::session::{Planned, Session};
use crate::text::message::tell;

impl Execute for Plan {
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let Planned { plan, ui } = planned(&mut context.session()?, &self.checks, false, context, io)?;
        match context.options.format() {
            Format::Human => io.put(&plan::text(&plan, ui.look))?,
            _ => io.put_json(&plan::document(&plan), false, "write the plan")?,
        }
        Ok(0)
    }
}

/// The plan for these checks, and what there is to tell of it. `to_run`: whether it will be carried out.
pub(super) fn planned(
    session: &mut Session<'_>,
    checks: &[String],
    to_run: bool,
    context: &Context,
    io: &mut Io<'_>,
) -> Result<Planned, Error> {
    let configured = session.configured()?;
    let hints = configured.ui.hints;
    io.tell_of("warning", configured.merged.warnings.clone(), hints);
    let planned = session.plan(configured, checks.to_vec(), to_run);
    let planned = planned.map_err(|faults| Error::from(faults).with_hints(hints))?;
    // Who has asked for checks by name is told of more; what the settings say is no news on every run.
    if !context.options.quiet && !checks.is_empty() {
        tell(io.err, &planned.plan.brought_along(), hints);
    }
    Ok(planned)
}
