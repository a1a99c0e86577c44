//! The three streams, and the ways in which commands write to them.

use std::io::{BufRead, ErrorKind, Write};

use serde::Serialize;

use crate::error::Error;
use crate::report::json;
use crate::settings::{Diagnostic, Faults};
use crate::text::door;
use crate::text::message::tell;

/// Where input comes from and output goes.
pub struct Io<'a> {
    /// Standard input: only ever asked for a yes or a no.
    pub input: &'a mut dyn BufRead,
    /// Standard output: the report and nothing else.
    pub out: &'a mut dyn Write,
    /// Standard error: warnings, hints, what went wrong.
    pub err: &'a mut dyn Write,
}

impl Io<'_> {
    /// Writes text for people to standard output.
    pub(super) fn put(&mut self, text: &str) -> Result<(), Error> {
        written(door::put(self.out, text))
    }

    /// Writes JSON to standard output.
    pub(super) fn put_json(&mut self, value: &impl Serialize, pretty: bool, doing: &'static str) -> Result<(), Error> {
        let mut text = Vec::new();
        json::write(&mut text, value, pretty).map_err(Error::cannot(doing))?;
        written(door::raw(self.out, &text))
    }

    /// Tells of faults at a level, and with `hints`, how to mend each.
    pub(super) fn tell_of(&mut self, level: &'static str, faults: Faults, hints: bool) {
        let messages: Vec<_> =
            faults.into_diagnostics().iter().flat_map(|fault| Diagnostic::messages(fault, level)).collect();
        tell(self.err, &messages, hints);
    }
}

/// A reader that has seen enough is no fault.
fn written(result: std::io::Result<()>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::cannot("write to standard output")(error)),
        _ => Ok(()),
    }
}
