//! Which processes belong to a child's session, and how to signal all of them.
//!
//! Invariants:
//! - Every child leads a session of its own, so its process id names the session.
//! - On Linux this process is a child subreaper: an orphan of any descendant becomes a child of ours. So when all our
//!   children are known leaders, no ended session has a process left, and nothing else needs to be looked at. Only where
//!   there is an unknown child is `/proc` read, once, for the session's members.
//! - A process that has made itself a new session is not a member any more: it is left alone and not waited for.
//! - Elsewhere the process group stands in for the session.

use std::collections::HashSet;
use std::sync::Mutex;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// The sessions that this run has started and not yet seen the end of.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Leaders that are not waited for yet. Held only for a look or a change, never across a system call that waits.
    leaders: Mutex<HashSet<i32>>,
}

impl Sessions {
    /// None yet. Makes this process the one that orphans come back to.
    pub fn new() -> Self {
        #[cfg(target_os = "linux")]
        // Where the kernel will not, every look at a session reads /proc instead.
        let _ = nix::sys::prctl::set_child_subreaper(true);
        Self::default()
    }

    fn leaders(&self) -> std::sync::MutexGuard<'_, HashSet<i32>> {
        self.leaders.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A child was started. Must be told before anything else can wait.
    pub fn started(&self, leader: Pid) {
        self.leaders().insert(leader.as_raw());
    }

    /// A leader was waited for: its id may name another process from now on.
    pub fn reaped(&self, leader: Pid) {
        self.leaders().remove(&leader.as_raw());
    }

    /// Signals every process of every session whose leader still runs.
    pub fn signal_all(&self, signal: Signal) {
        let leaders = self.leaders();
        for leader in leaders.iter() {
            signal_group(Pid::from_raw(*leader), signal);
        }
        Self::signal_outside(|session| leaders.contains(&session.as_raw()), &[signal]);
    }

    /// Stops every process of every session, then this program by `stop`, until it is continued; then the others too.
    pub fn suspended(&self, stop: impl FnOnce()) {
        self.signal_all(Signal::SIGSTOP);
        stop();
        self.signal_all(Signal::SIGCONT);
    }

    /// Sends signals, in this order, to every process of a session: once to each, for many programs take a second
    /// SIGTERM for impatience.
    pub fn signal(&self, session: Pid, signals: &[Signal]) {
        let leaders = self.leaders();
        if leaders.contains(&session.as_raw()) {
            for signal in signals {
                signal_group(session, *signal);
            }
            Self::signal_outside(|of| of == session, signals);
        } else {
            // The group's id may name another by now: each member by itself.
            for member in Self::members(session) {
                send(member, signals);
            }
        }
    }

    /// Signals the processes of sessions that are in another group than the session's leader.
    #[cfg(target_os = "linux")]
    fn signal_outside(is_meant: impl Fn(Pid) -> bool, signals: &[Signal]) {
        let outside = |id: Pid, session: Pid| {
            is_meant(session) && nix::unistd::getpgid(Some(id)).is_ok_and(|group| group != session)
        };
        for member in Self::processes(outside) {
            send(member, signals);
        }
    }

    #[cfg(not(target_os = "linux"))]
    const fn signal_outside(_: impl Fn(Pid) -> bool, _: &[Signal]) {}

    /// Whether a session whose leader was waited for has processes left.
    pub fn is_empty(&self, session: Pid) -> bool {
        !self.may_have_orphans() || Self::members(session).is_empty()
    }

    /// Whether some child of this process is not a known leader. Ended orphans are waited for on the way.
    #[cfg(target_os = "linux")]
    fn may_have_orphans(&self) -> bool {
        use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
        // Orphans come back to the main thread, whichever thread their parent was started from.
        let Ok(children) = std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id())) else {
            // A kernel without that file.
            return true;
        };
        let leaders = self.leaders();
        children.split_ascii_whitespace().filter_map(|id| id.parse().ok()).any(|id: i32| {
            !leaders.contains(&id)
                && matches!(waitpid(Pid::from_raw(id), Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn may_have_orphans(&self) -> bool {
        true
    }

    /// The processes that still run and are meant, by their id and their session's.
    #[cfg(target_os = "linux")]
    fn processes(is_meant: impl Fn(Pid, Pid) -> bool) -> Vec<Pid> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).map(Pid::from_raw);
        ids.filter(|id| nix::unistd::getsid(Some(*id)).is_ok_and(|session| is_meant(*id, session)) && !has_ended(*id))
            .collect()
    }

    #[cfg(target_os = "linux")]
    fn members(session: Pid) -> Vec<Pid> {
        Self::processes(|_, of| of == session)
    }

    /// The processes of a session that still run.
    #[cfg(not(target_os = "linux"))]
    fn members(session: Pid) -> Vec<Pid> {
        // A negative id names the group.
        if killpg(session, None).is_ok() { vec![Pid::from_raw(-session.as_raw())] } else { Vec::new() }
    }
}

/// Whether a process has ended and only waits to be waited for.
#[cfg(target_os = "linux")]
fn has_ended(id: Pid) -> bool {
    state(id).is_none_or(|state| matches!(state, 'Z' | 'X'))
}

/// The state of a process, as proc(5) names it: `D` where it waits in the kernel and no signal reaches it. None where
/// there is no such process, or the system does not tell.
pub(super) fn state(id: Pid) -> Option<char> {
    let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
    // The state follows the name, which stands in parentheses and may hold any byte.
    let after = stat.windows(2).rposition(|pair| pair == b") ")? + 2;
    stat.get(after).map(|state| char::from(*state))
}

fn send(process: Pid, signals: &[Signal]) {
    for signal in signals {
        // It may have ended since.
        let _ = kill(process, *signal);
    }
}

fn signal_group(group: Pid, signal: Signal) {
    // It may have ended since; a leader that is not waited for keeps its id from naming anything else.
    let _ = killpg(group, signal);
}
