//! `git wtcheck setup`: installs the manual page and the completions, or removes them, and says what it did.

use crate::cli::Setup;
use crate::commands::{Context, Execute, Io};
use crate::error::Error;
use crate::report::setup;
use crate::setup::{Action, Installation};
use crate::text::message::tell;

impl Execute for Setup {
    /// It needs no repository.
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let installation = Installation::of(self, &context.environment)?;
        let steps = installation.steps()?;
        for step in &steps {
            if !self.dry_run {
                step.carry_out()?;
            }
            let line = setup::step(step, self.dry_run);
            match step.action {
                Action::Leave => tell(io.err, &[("warning", line)], true),
                Action::Keep | Action::Write | Action::Remove => io.put(&(line + "\n"))?,
            }
        }
        if self.uninstall {
            if steps.is_empty() {
                io.put("There is nothing to remove.\n")?;
            }
            installation.left_over().iter().try_for_each(|line| io.put(&setup::left_over(line)))?;
        } else {
            installation.lacking().iter().try_for_each(|line| io.put(&setup::to_add(line)))?;
        }
        Ok(0)
    }
}
