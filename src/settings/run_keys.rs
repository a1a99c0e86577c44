//! The keys of the whole run: name, type, default and meaning of each, once.
//!
//! The reading of all layers, the messages, the man page and the completion take what they know of the keys from here.

use std::time::Duration;

use serde::Serialize;

use crate::checks::{CheckKind, built_in};
use crate::model::check::{BackoffKind, Prove};
use crate::settings::defaults::{Always, InWords, of_each_kind};
use crate::settings::key::Key;
use crate::settings::origin::Origin;
use crate::settings::precedence::{PerKind, Resolved, SetBy, Sourced};
use crate::settings::table::keys;
use crate::settings::types::{Classes, Count, Flag, Names, OneOf, Proof, Retries, Setting, Shape, Size, Span, Words};
use crate::text::name::PATTERN;

keys! {
    /// The keys of the whole run: `timeout = "10s"` at the top of a file, `wtcheck.timeout` in gitconfig.
    TopKeys,
    /// The values in effect for the whole run.
    RunValues,
    OfTheRun(&[String]) {
        /// The pipeline: the checks that run on each worktree, in this order.
        "checks" checks: Names = OfChecks(|pipeline| Names(pipeline.to_vec()));
        /// How many units may run at a time, in all.
        "max-concurrency" max_concurrency: Count = Always(Count(0), "the number of CPUs");
        /// Worktrees in waves of this many: the next wave starts when the last one has ended.
        "batch-size" batch_size: Count = Always(Count(0), "no waves");
        /// How long one attempt may take. 0: for ever.
        "timeout" timeout: Span = OfKind(|kind| Span(kind.defaults().timeout));
        /// How long the whole run may take; what has not ended by then is cancelled. 0: for ever.
        "global-timeout" global_timeout: Span = Always(Span(Duration::ZERO), "none");
        /// How long a process that was asked to end (SIGTERM) has before it is killed (SIGKILL).
        "grace-period" grace_period: Span = OfKind(|_| Span(Duration::from_secs(2)));
        /// How long an attempt may run before the progress display says that it is slow. 0: it never does.
        "slow-after" slow_after: Span = OfKind(|_| Span(Duration::from_mins(1)));
        /// Attempts after the first, at most 999.
        "retries" retries: Retries = OfKind(|kind| Retries(kind.defaults().retries));
        /// How the wait between attempts grows: fixed, linear (delay x attempt), or exponential (delay x
        /// 2^(attempt-1)).
        "backoff" backoff: OneOf<BackoffKind> = OfKind(|_| OneOf(BackoffKind::Exponential));
        /// The wait after the first attempt. No wait is shorter than 10ms, whatever is set.
        "retry-delay" retry_delay: Span = OfKind(|_| Span(Duration::from_millis(200)));
        /// No wait between attempts is longer than this.
        "retry-max-delay" retry_max_delay: Span = OfKind(|_| Span(Duration::from_secs(10)));
        /// Whether each wait is multiplied by a factor drawn from 0.5 to 1, so that many retries do not come at one
        /// moment.
        "retry-jitter" retry_jitter: Flag = OfKind(|_| Flag(true));
        /// What is worth another attempt: timeout, lock (another git process held one), error (it could not be carried
        /// out), failure.
        "retry-on" retry_on: Classes = OfKind(|kind| Classes(kind.defaults().retry_on.to_vec()));
        /// Cancel everything else at the first unit that does not pass.
        "fail-fast" fail_fast: Flag = Always(Flag(false), "");
        /// Cancel everything else at this many units that do not pass. 0: never.
        "max-fail" max_fail: Count = Always(Count(0), "never");
        /// Bytes of each output stream that are kept, the last ones.
        "max-output" max_output: Size = OfKind(|_| Size(256 * 1024));
        /// Whether the index of a worktree that rests may be refreshed after the report, so that git need not read
        /// files again at every look.
        "refresh-index" refresh_index: Flag = Always(Flag(true), "");
        /// Whether a worktree's state is told without git where that is certain. `check`: git is asked as well, and a difference is an error.
        "prove" prove: Proof = Always(Proof(Prove::Yes), "");
        /// Whether the repository and its worktrees are found without git where its files say it plainly. `prove` says
        /// the same for both: where it is false git finds them, where it is `check` git finds them as well.
        "discover-from-files" discover_from_files: Flag = Always(Flag(true), "");
        /// Whether it is kept, in the repository's own folder, how many names each folder of a worktree has, so that one that is
        /// unchanged need not be listed again where a state is told without git.
        "listing-cache" listing_cache: Flag = Always(Flag(true), "");
        /// The branches that work is to land in, by their names: `risk` holds commits against them. One that is not there is
        /// passed over; that none is there is an error.
        "base" base: Words = Always(Words(Vec::new()), "what the branch tracks, where that is another branch; the default branch of the remote; main, master or trunk");
    }
}

/// The default of the pipeline, which follows from the checks that are defined.
pub struct OfChecks<T>(fn(&[String]) -> T);

impl<T> InWords for OfChecks<T> {
    fn words(&self) -> String {
        let names: Vec<_> = built_in().filter(|kind| kind.is_in_default_pipeline()).map(|kind| kind.name()).collect();
        format!("{}, then every other check that is defined and enabled", names.join(" "))
    }
}

/// The default of a key of the run's that each check takes over: that of the check's kind.
pub struct OfKind<T>(fn(CheckKind) -> T);

impl<T: Serialize> InWords for OfKind<T> {
    fn words(&self) -> String {
        of_each_kind(self.0)
    }
}

/// How a key of the run's comes to what is in effect.
pub trait OfTheRun<T> {
    /// What is in effect.
    type InEffect;

    /// Given what the layers say of the key, and the pipeline that follows from the checks.
    fn resolve(self, own: Option<Sourced<T>>, pipeline: &[String]) -> Resolved<Self::InEffect>;
}

impl<T> OfTheRun<T> for Always<T> {
    type InEffect = T;

    fn resolve(self, own: Option<Sourced<T>>, _: &[String]) -> Resolved<T> {
        Resolved::of(own, || self.0)
    }
}

impl<T> OfTheRun<T> for OfChecks<T> {
    type InEffect = T;

    fn resolve(self, own: Option<Sourced<T>>, pipeline: &[String]) -> Resolved<T> {
        Resolved::of(own, || (self.0)(pipeline))
    }
}

impl<T> OfTheRun<T> for OfKind<T> {
    type InEffect = PerKind<T>;

    fn resolve(self, own: Option<Sourced<T>>, _: &[String]) -> Resolved<PerKind<T>> {
        Resolved::of_run(own, self.0)
    }
}

/// The one key that only a profile has.
pub(super) const INHERITS: Key = Key {
    name: "inherits",
    shape: Shape::Text,
    doc: "Another profile that this one stands on.",
    accepted: || "the name of a profile".into(),
    default: || "none".to_owned(),
    schema: |_| schemars::json_schema!({ "type": "string", "pattern": PATTERN }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::key::folded;

    #[test]
    fn spellings_of_one_key() {
        for name in ["maxConcurrency", "max-concurrency", "maxconcurrency", "MAXCONCURRENCY"] {
            assert_eq!(folded(TopKeys::KEYS, name).map(|key| key.name), Some("max-concurrency"));
        }
        let key = folded(TopKeys::KEYS, "retrymaxdelay").expect("a key");
        assert_eq!(key.camel(), "retryMaxDelay");
        assert_eq!(key.variable(), "GIT_WTCHECK_RETRY_MAX_DELAY");
    }
}
