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

/// Starts to listen. From now on these signals no longer end the program by themselves.
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

/// Stops this process, and comes back when it is continued.
pub fn stop_self() {
    // Nothing can be done about a refusal: the run then simply goes on.
    let _ = raise(Signal::SIGSTOP);
}
