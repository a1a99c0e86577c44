//! Signals with their names.

/// The short name of a signal: `SIGKILL`.
pub fn short_name(number: i32) -> &'static str {
    nix::sys::signal::Signal::try_from(number).map_or("a signal", nix::sys::signal::Signal::as_str)
}

/// A signal as people know it: `signal 9 (SIGKILL)`.
pub fn name(number: i32) -> String {
    match nix::sys::signal::Signal::try_from(number) {
        Ok(signal) => format!("signal {number} ({})", signal.as_str()),
        Err(_) => format!("signal {number}"),
    }
}
