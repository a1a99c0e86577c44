//! The keys of one check: name, type, default and meaning of each, once.

use crate::checks::CheckKind;
use crate::model::check::{BackoffKind, CommandLine};
use crate::settings::defaults::{Always, InWords, of_each_kind};
use crate::settings::key::Key;
use crate::settings::origin::Origin;
use crate::settings::precedence::{PerKind, Resolved, SetBy, Sourced};
use crate::settings::run_keys::RunValues;
use crate::settings::table::keys;
use crate::settings::types::{
    Classes, Count, Flag, Names, OneOf, Retries, Setting, Size, Span, Text, Variables, Words,
};

keys! {
    /// The keys of one check: `[check.NAME]` in TOML, `[wtcheck "NAME"]` in gitconfig.
    CheckKeys,
    /// The values in effect for one check.
    CheckValues,
    OfACheck(Above<'_>) {
        /// What kind of check it is.
        "kind" kind: OneOf<CheckKind> = Maybe(|kind| Some(OneOf(kind)), || "the check's name if it is a built-in, command if it has one".to_owned());
        /// What it runs: a string is given to `sh -c`, an array is executed directly.
        "command" command: CommandLine = Maybe(|_| None, none);
        /// Extra arguments to a built-in's git command.
        "args" args: Words = Maybe(|_| None, none);
        /// Variables for its processes.
        "env" env: Variables = Maybe(|_| None, none);
        /// The folder inside the worktree in which it runs.
        "dir" dir: Text = Maybe(|_| None, || "the top of the worktree".to_owned());
        /// A CEL expression; where it is false, the unit is skipped.
        "when" when: Text = Maybe(condition_of_kind, || of_each_kind(condition_of_kind));
        /// Checks that must have passed on the same worktree.
        "needs" needs: Names = Maybe(|_| None, none);
        /// A CEL expression over the facts; where it is true, the unit fails.
        "fail-if" fail_if: Text = Maybe(|_| None, none);
        /// Whether a unit that does not pass never counts against the run.
        "allow-failure" allow_failure: Flag = Always(Flag(false), "");
        /// Whether it runs without being asked for by name.
        "enabled" enabled: Flag = Always(ENABLED, "");
        /// A word for people.
        "description" description: Text = Maybe(|_| None, none);
        /// How many units of this check may run at a time. 0: no bound of its own.
        "max-concurrency" max_concurrency: Count = Always(Count(0), "no bound of its own");
        /// How long one attempt may take. 0: for ever.
        "timeout" timeout: Span = OfRun(|run| &run.timeout);
        /// How long a process that was asked to end has before it is killed.
        "grace-period" grace_period: Span = OfRun(|run| &run.grace_period);
        /// How long an attempt may run before the progress display says that it is slow. 0: it never does.
        "slow-after" slow_after: Span = OfRun(|run| &run.slow_after);
        /// Attempts after the first, at most 999.
        "retries" retries: Retries = OfRun(|run| &run.retries);
        /// How the wait between attempts grows: fixed, linear or exponential.
        "backoff" backoff: OneOf<BackoffKind> = OfRun(|run| &run.backoff);
        /// The wait after the first attempt. No wait is shorter than 10ms, whatever is set.
        "retry-delay" retry_delay: Span = OfRun(|run| &run.retry_delay);
        /// No wait between attempts is longer than this.
        "retry-max-delay" retry_max_delay: Span = OfRun(|run| &run.retry_max_delay);
        /// Whether each wait is multiplied by a factor drawn from 0.5 to 1.
        "retry-jitter" retry_jitter: Flag = OfRun(|run| &run.retry_jitter);
        /// What is worth another attempt: timeout, lock, error, failure.
        "retry-on" retry_on: Classes = OfRun(|run| &run.retry_on);
        /// Bytes of each output stream that are kept, the last ones.
        "max-output" max_output: Size = OfRun(|run| &run.max_output);
    }
}

/// The keys that can make a check run code, whatever their values: what a repository's own file may not set by itself.
pub(super) const CODE_KEYS: [&str; 5] = ["kind", "command", "args", "env", "dir"];

/// Whether a check runs without being asked for by name, where no layer says so.
pub(super) const ENABLED: Flag = Flag(true);

fn condition_of_kind(kind: CheckKind) -> Option<Text> {
    kind.defaults().when.map(|condition| Text(condition.to_owned()))
}

fn none() -> String {
    "none".to_owned()
}

/// What the values of a check follow from, besides its own keys.
#[derive(Clone, Copy)]
pub struct Above<'a> {
    /// What is in effect for the run.
    pub(super) run: &'a RunValues,
    /// The check's kind.
    pub(super) kind: CheckKind,
}

/// The default of a key that the run has too: what is in effect there.
pub struct OfRun<T>(fn(&RunValues) -> &Resolved<PerKind<T>>);

impl<T> InWords for OfRun<T> {
    fn words(&self) -> String {
        "the run's".to_owned()
    }
}

/// The default of a key that need not have a value: that of the check's kind, if it has one, and in words.
pub struct Maybe<T>(fn(CheckKind) -> Option<T>, fn() -> String);

impl<T> InWords for Maybe<T> {
    fn words(&self) -> String {
        (self.1)()
    }
}

/// How a key of a check comes to what is in effect.
pub trait OfACheck<T> {
    /// What is in effect.
    type InEffect;

    /// Given what the layers say of the key, and what its value follows from besides.
    fn resolve(self, own: Option<Sourced<T>>, above: Above<'_>) -> Resolved<Self::InEffect>;
}

impl<T> OfACheck<T> for Always<T> {
    type InEffect = T;

    fn resolve(self, own: Option<Sourced<T>>, _: Above<'_>) -> Resolved<T> {
        Resolved::of(own, || self.0)
    }
}

impl<T> OfACheck<T> for Maybe<T> {
    type InEffect = Option<T>;

    fn resolve(self, own: Option<Sourced<T>>, above: Above<'_>) -> Resolved<Option<T>> {
        Resolved::of(own.map(|own| own.map(Some)), || (self.0)(above.kind))
    }
}

impl<T: Clone> OfACheck<T> for OfRun<T> {
    type InEffect = T;

    fn resolve(self, own: Option<Sourced<T>>, above: Above<'_>) -> Resolved<T> {
        (self.0)(above.run).of_check(own, above.kind)
    }
}
