//! Threads for what may wait on a drive. One that does not come back is missed by nobody: another is begun in its place.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::git::why::Why;

type Work = Box<dyn FnOnce() + Send>;

/// Threads, each of which waits for more once it has done something.
#[derive(Clone, Default)]
pub(super) struct Workers {
    /// Where those are reached that wait.
    idle: Arc<Mutex<Vec<Sender<Work>>>>,
}

impl Workers {
    /// Has something done in another thread, for which nobody waits but who asks.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Why> + Send + 'static,
    ) -> Result<T, Why> {
        let (sender, receiver) = oneshot::channel();
        // Where nobody waits any more, nobody has to be told.
        let work = move || _ = sender.send(work());
        self.begin(work).map_err(|_| Why::Unreadable)?;
        receiver.await.map_err(|_| Why::Stopped)?
    }

    /// Has something done, by one that waits or by a new one.
    pub(super) fn begin(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut work: Work = Box::new(work);
        if let Some(worker) = waiting {
            match worker.send(work) {
                Ok(()) => return Ok(()),
                Err(unsent) => work = unsent.0,
            }
        }
        let idle = Arc::downgrade(&self.idle);
        let worker = move || {
            loop {
                work();
                // Without these threads' owner there is nothing to wait for.
                let Some(idle) = idle.upgrade() else { return };
                let (reach, more) = channel();
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(reach);
                drop(idle);
                match more.recv() {
                    Ok(next) => work = next,
                    Err(_) => return,
                }
            }
        };
        thread::Builder::new().name("proof".to_owned()).spawn(worker).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_that_is_done_does_the_next_and_one_that_is_not_is_passed_over() {
        let workers = Workers::default();
        let (told, heard) = mpsc::channel();
        let tell = || {
            let told = told.clone();
            workers.begin(move || told.send(thread::current().id()).expect("somebody hears")).expect("a thread");
            heard.recv_timeout(Duration::from_mins(1)).expect("it is done")
        };
        let (_never, waits) = mpsc::channel::<()>();
        let first = tell();
        workers.begin(move || _ = waits.recv()).expect("a thread");
        let mut all: HashSet<_> = (0..50).map(|_| tell()).collect();
        all.insert(first);
        assert!(all.len() <= 51, "never more threads than pieces of work");
        while workers.idle.lock().expect("a list").is_empty() {
            thread::yield_now();
        }
        assert!(all.contains(&tell()), "one that waited has done it");
    }
}
