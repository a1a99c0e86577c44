//! What people and machines are shown of a run. Each report is one file behind [`Reporter`], fed by the event stream.

pub mod json;
pub mod live;
pub mod palette;
pub mod sanitize;
pub mod style;
pub mod table;

use std::io::{self, ErrorKind, Write};

use crate::event::Event;
use crate::summary::Record;

/// Shows a run. It is told of every event after the record has taken it in; it cannot touch the run.
pub trait Reporter {
    /// Something happened.
    fn event(&mut self, event: &Event, record: &Record) -> io::Result<()>;

    /// Some time has passed: what moves may be drawn again.
    fn tick(&mut self, _record: &Record) -> io::Result<()> {
        Ok(())
    }
}

/// All reports of a run, and the record that they look at.
pub struct Reports<'a> {
    /// What is known of the run.
    pub record: Record,
    reporters: Vec<Option<Box<dyn Reporter + 'a>>>,
    broken: Vec<io::Error>,
}

impl<'a> Reports<'a> {
    /// Reports over an empty record. `keep_output`: see [`Record::new`].
    pub fn new(reporters: Vec<Box<dyn Reporter + 'a>>, keep_output: bool) -> Self {
        Self {
            record: Record::new(keep_output),
            reporters: reporters.into_iter().map(Some).collect(),
            broken: Vec::new(),
        }
    }

    /// Takes an event in and passes it on.
    pub fn event(&mut self, event: &Event) {
        self.record.apply(event);
        self.each(|reporter, record| reporter.event(event, record));
    }

    /// Passes the time on.
    pub fn tick(&mut self) {
        self.each(|reporter, record| reporter.tick(record));
    }

    /// A report that cannot write is told of once and not asked again; the run goes on.
    fn each(&mut self, mut show: impl FnMut(&mut dyn Reporter, &Record) -> io::Result<()>) {
        for slot in &mut self.reporters {
            if let Some(reporter) = slot
                && let Err(error) = show(reporter.as_mut(), &self.record)
            {
                *slot = None;
                self.broken.push(error);
            }
        }
    }

    /// What kept reports from writing, less what is no fault: a reader that has seen enough (`| head`), a terminal that is gone.
    pub fn finish(self) -> (Record, Vec<io::Error>) {
        let gone = |error: &io::Error| {
            error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == Some(nix::errno::Errno::EIO as i32)
        };
        (self.record, self.broken.into_iter().filter(|error| !gone(error)).collect())
    }
}

/// Writes and flushes: a report that is buffered is not written.
fn put(out: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    out.write_all(text)?;
    out.flush()
}
