//! Where reports go. Writing to an [`Outlet`] never waits for a reader.
//!
//! Invariants:
//! - What a reader does not take at once is queued, for a thread that may wait. It is started when there is something for it:
//!   a process that has ever had a thread starts all its later children more slowly.
//! - All that waits counts in the [`Backlog`], from the write to the moment it is taken or given up.
//! - Bytes for one pipe or terminal keep the order in which they were written, by whichever descriptor.
//! - An error of writing comes back from the next write, or when the outlet is closed.

use std::cell::{OnceCell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::model::backlog::Backlog;
use crate::report::draft::Draft;
use crate::report::named_file::NamedFile;

/// A reader is given so much at a time: each piece that it takes shows that it goes on.
const PIECE: usize = 4096;
/// The writer's thread does nothing but write.
const STACK: usize = 64 * 1024;

/// Makes outlets.
pub struct Outlets {
    backlog: Backlog,
    /// One stream for each pipe and terminal, by device and inode.
    streams: Vec<((u64, u64), Rc<Stream>)>,
}

/// Where a report goes. A clone is the same outlet.
#[derive(Clone)]
pub struct Outlet(Way);

#[derive(Clone)]
enum Way {
    /// What somebody reads while it is written, or what is written on the spot.
    Stream(Rc<Stream>),
    /// A file that is to be replaced.
    Draft(Rc<RefCell<Draft>>),
}

impl Outlets {
    /// No outlets yet. What waits in any of them counts in `backlog`.
    pub const fn new(backlog: Backlog) -> Self {
        Self { backlog, streams: Vec::new() }
    }

    /// An outlet to what is open already. `path` names it in errors.
    pub fn to(&mut self, file: File, path: Option<&Path>) -> io::Result<Outlet> {
        let metadata = file.metadata()?;
        let named = |file| NamedFile { file, path: path.map(Path::to_owned) };
        if metadata.is_file() {
            // Nobody reads it while it is written, and a disk is not waited for like a reader.
            let stream = Stream::new(named(file), Quick::Always, self.backlog.clone());
            return Ok(Outlet(Way::Stream(Rc::new(stream))));
        }
        let identity = (metadata.dev(), metadata.ino());
        if let Some((_, known)) = self.streams.iter().find(|(known, _)| *known == identity) {
            return Ok(Outlet(Way::Stream(Rc::clone(known))));
        }
        let kind = metadata.file_type();
        let own = (kind.is_fifo() || kind.is_char_device()).then(|| opened_again(&file)).flatten();
        let quick = own.map_or(Quick::Never, |own| Quick::Unless(named(own)));
        let stream = Rc::new(Stream::new(named(file), quick, self.backlog.clone()));
        self.streams.push((identity, Rc::clone(&stream)));
        Ok(Outlet(Way::Stream(stream)))
    }
}

impl From<Draft> for Outlet {
    fn from(draft: Draft) -> Self {
        Self(Way::Draft(Rc::new(RefCell::new(draft))))
    }
}

impl Outlet {
    /// The report is whole: a file that was to be replaced is, now.
    pub fn finish(&self) -> io::Result<()> {
        match &self.0 {
            Way::Stream(_) => Ok(()),
            Way::Draft(draft) => draft.borrow_mut().publish(),
        }
    }

    /// Fails where something could not be written since the last write. Nothing is waited for.
    pub fn close(&self) -> io::Result<()> {
        match &self.0 {
            Way::Stream(stream) => stream.queue.check(),
            Way::Draft(_) => Ok(()),
        }
    }

    /// Whether something that was written has not been taken yet.
    pub fn is_behind(&self) -> bool {
        match &self.0 {
            Way::Stream(stream) => stream.queue.length() > 0,
            Way::Draft(_) => false,
        }
    }

    /// Waits until all of it is taken, but no longer than this.
    pub fn settle(&self, longest: Duration) {
        let began = Instant::now();
        while self.is_behind() && began.elapsed() < longest {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Way::Stream(stream) => stream.write(bytes),
            Way::Draft(draft) => draft.borrow_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.0 {
            // For the run, what is queued is written.
            Way::Stream(_) => Ok(()),
            Way::Draft(draft) => draft.borrow_mut().flush(),
        }
    }
}

/// Whether a write is tried at once, before it is left to the thread.
enum Quick {
    /// It cannot wait long.
    Always,
    /// Through a descriptor of its own that refuses to wait.
    Unless(NamedFile),
    /// It may wait.
    Never,
}

/// The same pipe or terminal once more, by a descriptor that refuses to wait. (Whether the first one does is not ours
/// to choose: it may be shared with other programs.)
#[cfg(target_os = "linux")]
fn opened_again(file: &File) -> Option<File> {
    use nix::fcntl::OFlag;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
    File::options().write(true).custom_flags(flags).open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

/// Elsewhere such a path gives the same descriptor, not one of its own.
#[cfg(not(target_os = "linux"))]
fn opened_again(_: &File) -> Option<File> {
    None
}

/// A pipe, a terminal, or a file that is written on the spot.
struct Stream {
    file: Arc<NamedFile>,
    quick: Quick,
    queue: Arc<Queue>,
    writer: OnceCell<mpsc::Sender<Vec<u8>>>,
}

impl Stream {
    fn new(file: NamedFile, quick: Quick, backlog: Backlog) -> Self {
        let queue = Queue { length: AtomicUsize::new(0), fault: Mutex::new(Fault::None), backlog };
        Self { file: Arc::new(file), quick, queue: Arc::new(queue), writer: OnceCell::new() }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.queue.check()?;
        let taken = if self.queue.length() > 0 { 0 } else { self.at_once(bytes)? };
        if taken < bytes.len() {
            self.later(bytes[taken..].to_vec())?;
        }
        Ok(bytes.len())
    }

    /// Writes what is taken without any waiting, and says how much that was.
    fn at_once(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &self.quick {
            Quick::Never => return Ok(0),
            Quick::Always => self.file.as_ref().write_all(bytes).map(|()| bytes.len()),
            Quick::Unless(file) => as_far_as_possible(file, bytes),
        };
        written.inspect_err(|_| *self.queue.fault() = Fault::Told)
    }

    fn later(&self, bytes: Vec<u8>) -> io::Result<()> {
        let sender = match self.writer.get() {
            Some(sender) => sender,
            None => {
                let (sender, receiver) = mpsc::channel();
                let (file, queue) = (Arc::clone(&self.file), Arc::clone(&self.queue));
                let thread = std::thread::Builder::new().name("report".to_owned()).stack_size(STACK);
                thread.spawn(move || queue.empty(&receiver, &file)).map_err(|error| self.file.blamed(error))?;
                self.writer.get_or_init(|| sender)
            }
        };
        let length = bytes.len();
        self.queue.add(length);
        if sender.send(bytes).is_err() {
            // The thread is gone: a fault of this program's own.
            self.queue.remove(length);
            return Err(self.file.blamed(ErrorKind::BrokenPipe.into()));
        }
        Ok(())
    }
}

fn as_far_as_possible(mut file: &NamedFile, bytes: &[u8]) -> io::Result<usize> {
    let mut taken = 0;
    while taken < bytes.len() {
        match file.write(&bytes[taken..]) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// What waits for the thread.
struct Queue {
    length: AtomicUsize,
    fault: Mutex<Fault>,
    backlog: Backlog,
}

/// Why it cannot be written.
enum Fault {
    None,
    /// The writer has not been given it yet.
    New(io::Error),
    Told,
}

impl Queue {
    fn length(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }

    fn add(&self, bytes: usize) {
        self.length.fetch_add(bytes, Ordering::AcqRel);
        self.backlog.add(bytes);
    }

    fn remove(&self, bytes: usize) {
        self.length.fetch_sub(bytes, Ordering::AcqRel);
        self.backlog.remove(bytes);
    }

    fn fault(&self) -> MutexGuard<'_, Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a fault once; who asks again learns only that there was one.
    fn check(&self) -> io::Result<()> {
        let mut fault = self.fault();
        match std::mem::replace(&mut *fault, Fault::Told) {
            Fault::None => {
                *fault = Fault::None;
                Ok(())
            }
            Fault::New(error) => Err(error),
            Fault::Told => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Writes what comes, and waits for its reader. After a fault, what comes is given up.
    fn empty(&self, pieces: &mpsc::Receiver<Vec<u8>>, mut file: &NamedFile) {
        for piece in pieces {
            for part in piece.chunks(PIECE) {
                let is_well = matches!(*self.fault(), Fault::None);
                let written = if is_well { file.write_all(part) } else { Ok(()) };
                if let Err(error) = written {
                    *self.fault() = Fault::New(error);
                }
                self.remove(part.len());
            }
        }
    }
}
