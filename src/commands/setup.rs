//! `git wtcheck setup`: installs the manual page and the completions, or removes them, and says what it did.

use crate::cli::Setup;
use crate::commands::{Context, Execute, Io};
use crate::error::Error;
use crate::report::setup;
use crate::setup::{Installation, Step};
use crate::text::message::tell;

impl Execute for Setup {
    /// It needs no repository.
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let installation = Installation::of(self, &context.environment)?;
        if self.uninstall {
            self.uninstall(&installation, io)?;
        } else {
            self.install(&installation, io)?;
        }
        Ok(0)
    }
}

impl Setup {
    fn install(&self, installation: &Installation<'_>, io: &mut Io<'_>) -> Result<(), Error> {
        for step in installation.install()? {
            let (step, path) = step?;
            io.put(&(setup::step(step, path, self.dry_run) + "\n"))?;
        }
        installation.lacking().iter().try_for_each(|line| io.put(&setup::to_add(line)))
    }

    fn uninstall(&self, installation: &Installation<'_>, io: &mut Io<'_>) -> Result<(), Error> {
        let mut is_anything_there = false;
        for step in installation.uninstall() {
            let (step, path) = step?;
            let line = setup::step(step, path, self.dry_run);
            match step {
                Step::Leave => tell(io.err, &[("warning", line)], true),
                _ => io.put(&(line + "\n"))?,
            }
            is_anything_there = true;
        }
        if !is_anything_there {
            io.put("There is nothing to remove.\n")?;
        }
        installation.left_over().iter().try_for_each(|line| io.put(&setup::left_over(line)))
    }
}
