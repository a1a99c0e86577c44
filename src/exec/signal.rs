//! The signals that steer this program, as a stream; and their own effect again where nobody listens to it.
//!
//! Invariants:
//! - While somebody [listens](Signals::listen), a signal is an [`Order`] and does nothing by itself.
//! - At any other time it does what it does to a program that has never heard of signals: it ends it, or stops it. So no
//!   write to a reader that is stuck, and no question to a person, is deaf to them.
//! - A signal that was ignored when the program was started stays so: `nohup`, or `&` in a script.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, raise};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// End, in order: SIGINT, SIGTERM or SIGHUP, by number. The second one kills.
    End(i32),
    /// End at once (SIGQUIT), by number.
    EndNow(i32),
    /// Stop until continued: SIGTSTP.
    Suspend,
}

/// What each signal that is heard asks for.
const ORDERS: [(Signal, Order); 5] = [
    (Signal::SIGINT, Order::End(Signal::SIGINT as i32)),
    (Signal::SIGTERM, Order::End(Signal::SIGTERM as i32)),
    (Signal::SIGHUP, Order::End(Signal::SIGHUP as i32)),
    (Signal::SIGQUIT, Order::EndNow(Signal::SIGQUIT as i32)),
    (Signal::SIGTSTP, Order::Suspend),
];

/// The signals of this process.
pub struct Signals {
    orders: mpsc::UnboundedReceiver<Order>,
    /// Whether nobody listens, so that a signal has its own effect.
    unheard: Arc<AtomicBool>,
}

/// Somebody who listens. When it is dropped, signals have their own effect again.
pub struct Listening<'a> {
    /// What the signals ask for, in the order in which they came.
    pub orders: &'a mut mpsc::UnboundedReceiver<Order>,
    unheard: &'a AtomicBool,
}

impl Signals {
    /// Takes the signals over, on the runtime in whose context this is called. Nobody listens yet.
    ///
    /// # Errors
    /// Where the system has no place for another handler.
    pub fn take_over() -> std::io::Result<Self> {
        let (sender, orders) = mpsc::unbounded_channel();
        let unheard = Arc::new(AtomicBool::new(true));
        let ignored = ignored();
        for (which, order) in ORDERS.into_iter().filter(|(which, _)| !is_in(ignored, *which)) {
            signal_hook::flag::register_conditional_default(which as i32, Arc::clone(&unheard))?;
            let mut arrivals = signal(SignalKind::from_raw(which as i32))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while arrivals.recv().await.is_some() {
                    if sender.send(order).is_err() {
                        return;
                    }
                }
            });
        }
        // A parent that ignores SIGCHLD hands that on; the kernel would then take every child's exit status away
        // unseen.
        signal_hook::flag::register(Signal::SIGCHLD as i32, Arc::default())?;
        // A write beyond the limit on the length of files (`ulimit -f`) is to fail, as on a full disk. Not to be
        // ignored: every child would inherit that.
        signal_hook::flag::register(Signal::SIGXFSZ as i32, Arc::default())?;
        Ok(Self { orders, unheard })
    }

    /// Listens, as long as what is given back lives.
    pub fn listen(&mut self) -> Listening<'_> {
        self.unheard.store(false, Ordering::SeqCst);
        Listening { orders: &mut self.orders, unheard: &self.unheard }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.unheard.store(true, Ordering::SeqCst);
    }
}

/// The signals that this program was started with ignored, as the kernel's mask of them.
fn ignored() -> u64 {
    // The standard library has no safe way to ask; elsewhere than on Linux the answer is not known.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok()).unwrap_or(0)
}

const fn is_in(mask: u64, signal: Signal) -> bool {
    mask >> (signal as i32 - 1) & 1 == 1
}

/// Stops this process, and comes back when it is continued.
pub fn stop_self() {
    // Nothing can be done about a refusal: the run then simply goes on.
    let _ = raise(Signal::SIGSTOP);
}
