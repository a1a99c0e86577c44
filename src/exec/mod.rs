//! Carrying a plan out: bounded, in order, and with nothing left behind.
//!
//! - [`dispatcher`] is one task that owns the state of the run and alone emits events.
//! - [`schedule`] says which unit may start next: a pure state machine. `ledger` is what is known of the units so far,
//!   `running` what runs now.
//! - [`executor`] is the seam between the two and those who answer; [`source`] is who does.
//! - [`supervise`] watches over what runs until nothing of it is left, within its time.
//! - [`readers`] is the wait for who reads the reports, once all units have ended.
//! - [`refresh`] is what may be done once the report is out.
//! - [`process`], [`session`] and [`signal`] are what is particular to Unix.
//! - [`watch`] holds the three together: over a run, and over what finds the repository before it.

pub mod capture;
pub mod clock;
pub mod control;
pub mod dispatcher;
pub mod errand;
pub mod executor;
pub mod helper;
mod ledger;
pub mod looks;
pub mod process;
pub mod readers;
pub mod refresh;
pub mod retry;
mod running;
pub mod schedule;
pub mod session;
pub mod signal;
pub mod source;
pub mod supervise;
pub mod watch;
