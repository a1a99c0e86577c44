//! `git wtcheck [run]`: carries the plan out.

use crate::cli::Run;
use crate::commands::plan::planned;
use crate::commands::{Context, Execute, Io};
use crate::error::Error;

impl Execute for Run {
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let mut session = context.session()?;
        let planned = planned(&mut session, &self.checks, true, context, io)?;
        session.run(planned, io.err)
    }
}
