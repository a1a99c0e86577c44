//! The signals that steer a run, as a stream.

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

/// Starts to listen. From now on these signals no longer end the program by themselves. (A SIGHUP that was ignored
/// before stays so: `nohup git wtcheck`.)
///
/// # Errors
/// Where the system has no place for another handler.
pub fn listen() -> std::io::Result<mpsc::UnboundedReceiver<Order>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let numbered = |signal: Signal| signal as i32;
    let orders = [
        (Signal::SIGINT, Order::End(numbered(Signal::SIGINT))),
        (Signal::SIGTERM, Order::End(numbered(Signal::SIGTERM))),
        (Signal::SIGHUP, Order::End(numbered(Signal::SIGHUP))),
        (Signal::SIGQUIT, Order::EndNow(numbered(Signal::SIGQUIT))),
        (Signal::SIGTSTP, Order::Suspend),
    ];
    for (which, order) in orders {
        if which == Signal::SIGHUP && is_ignored(which) {
            continue;
        }
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
    Ok(receiver)
}

/// Whether this program was started with a signal ignored, as `nohup` does with SIGHUP: then it is to go on.
fn is_ignored(signal: Signal) -> bool {
    // The standard library has no safe way to ask; elsewhere than on Linux the answer is not known.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
}

/// Stops this process, and comes back when it is continued.
pub fn stop_self() {
    // Nothing can be done about a refusal: the run then simply goes on.
    let _ = raise(Signal::SIGSTOP);
}
