//! What is shown where the command line asks for help, or cannot be read.

use std::io::ErrorKind;

use clap::error::ContextValue;

use crate::commands::Io;
use crate::environment::Environment;
use crate::error::status;
use crate::text::{door, sanitize};
use crate::ui::takes_colours;

/// Shows what clap has to say, and gives the exit status. Help and version go to standard output; what cannot be parsed
/// is a usage error, in git's number.
pub fn show(fault: clap::Error, environment: &Environment, io: &mut Io<'_>) -> u8 {
    let fault = quoting_safely(fault);
    let text = fault.render();
    let painted = |colour: bool| if colour { text.ansi().to_string() } else { text.to_string() };
    let colours = takes_colours(environment);
    if fault.use_stderr() {
        // `git wtcheck --help` is the manual; the short help is what one wants after a slip.
        let text = painted(environment.terminals.errors && colours).replace("--help", "-h");
        let _ = door::put(io.err, &text);
        return status::USAGE;
    }
    match door::put(io.out, &painted(environment.terminals.output && colours)) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => status::FATAL,
        _ => 0,
    }
}

/// A fault of the command line, with what it quotes of the arguments made safe.
fn quoting_safely(mut fault: clap::Error) -> clap::Error {
    let safe = |text: &String| sanitize::line(text).into_owned();
    let quoted = fault.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, ContextValue::String(safe(text)))),
        ContextValue::Strings(texts) => Some((kind, ContextValue::Strings(texts.iter().map(safe).collect()))),
        _ => None,
    });
    for (kind, value) in quoted.collect::<Vec<_>>() {
        fault.insert(kind, value);
    }
    fault
}
