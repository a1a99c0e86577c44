//! Every key there is: its name, type, default and documentation, once.
//!
//! The reading of all layers, the messages, the man page and the completion take what they know of the keys from here.

use figment::value::Value;

use crate::checks::CheckKind;
use crate::model::check::{BackoffKind, CommandLine};
use crate::settings::origin::Origin;
use crate::settings::values::{
    Classes, Count, Flag, Names, OneOf, Retries, Setting, Shape, Size, Span, Text, Variables, Words,
};
use crate::settings::written::Written;

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in TOML.
    pub name: &'static str,
    /// How it is made from text.
    pub shape: Shape,
    /// What it accepts.
    pub accepted: &'static str,
    /// Its default, in words.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
}

impl Key {
    /// Its name in gitconfig: `maxConcurrency`.
    pub fn camel(&self) -> String {
        let mut parts = self.name.split('-');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |name, part| {
            let (initial, rest) = part.split_at(part.len().min(1));
            name + &initial.to_uppercase() + rest
        })
    }

    /// Its name in the environment: `GIT_WTCHECK_MAX_CONCURRENCY`.
    pub fn variable(&self) -> String {
        format!("GIT_WTCHECK_{}", self.name.replace('-', "_").to_uppercase())
    }
}

/// Finds a key by a name in any of gitconfig's spellings, which git has lower-cased.
pub fn folded(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    let fold = |name: &str| name.replace('-', "").to_lowercase();
    let name = fold(name);
    keys.iter().find(|key| fold(key.name) == name)
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

macro_rules! keys {
    ($(#[$about:meta])* $name:ident { $($(#[doc = $doc:literal])+ $key:literal $field:ident: $type:ty, $default:literal;)+ }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: Option<Sourced<$type>>,)+
        }

        impl $name {
            /// Every key, in the order in which the documentation lists them.
            pub const KEYS: &'static [Key] = &[$(Key {
                name: $key,
                shape: <$type as Setting>::SHAPE,
                accepted: <$type as Setting>::ACCEPTED,
                default: $default,
                doc: concat!($($doc),+),
            },)+];

            /// Takes one value over; `false` where no key has this name.
            pub fn take(&mut self, key: &str, value: &Value, origin: &Origin) -> figment::error::Result<bool> {
                match key {
                    $($key => {
                        let value = value.deserialize::<$type>()?;
                        self.$field = Some(Sourced { value, origin: origin.clone() });
                    })+
                    _ => return Ok(false),
                }
                Ok(true)
            }

            /// What is set, in the order of the keys: each with its value and where that came from.
            pub fn set(&self) -> Vec<(&'static str, serde_json::Value, &Origin)> {
                let mut set = Vec::new();
                $(if let Some(sourced) = &self.$field {
                    set.push(($key, sourced.value.written(), &sourced.origin));
                })+
                set
            }

            /// The keys as properties of a JSON Schema.
            pub(super) fn properties(generator: &mut schemars::SchemaGenerator) -> serde_json::Map<String, serde_json::Value> {
                let mut properties = serde_json::Map::new();
                $(
                    let mut schema = generator.subschema_for::<$type>();
                    let doc = concat!($($doc),+).trim();
                    schema.insert("description".to_owned(), format!("{doc} Default: {}.", $default).into());
                    properties.insert($key.to_owned(), schema.into());
                )+
                properties
            }

            /// Any place where one of the keys is set.
            pub fn some_origin(&self) -> Option<&Origin> {
                None$(.or(self.$field.as_ref().map(|sourced| &sourced.origin)))+
            }
        }
    };
}

keys! {
    /// The keys of the whole run: `timeout = "10s"` at the top of a file, `wtcheck.timeout` in gitconfig.
    TopKeys {
        /// The pipeline: the checks that run on each worktree, in this order.
        "checks" checks: Names, "status diff log, then every other check that is defined and enabled";
        /// How many units may run at a time, in all.
        "max-concurrency" max_concurrency: Count, "0: the number of CPUs";
        /// Worktrees in waves of this many: the next wave starts when the last one has ended.
        "batch-size" batch_size: Count, "0: no waves";
        /// How long one attempt may take. 0: for ever.
        "timeout" timeout: Span, "30s for built-in checks, 10m for commands";
        /// How long the whole run may take; what has not ended by then is cancelled. 0: for ever.
        "global-timeout" global_timeout: Span, "0: none";
        /// How long a process that was asked to end (SIGTERM) has before it is killed (SIGKILL).
        "grace-period" grace_period: Span, "2s";
        /// How long an attempt may run before the progress display says that it is slow. 0: it never does.
        "slow-after" slow_after: Span, "1m";
        /// Attempts after the first, at most 999.
        "retries" retries: Retries, "0 for commands, 2 for built-in checks";
        /// How the wait between attempts grows: fixed, linear (delay x attempt), or exponential (delay x 2^(attempt-1)).
        "backoff" backoff: OneOf<BackoffKind>, "exponential";
        /// The wait after the first attempt. No wait is shorter than 10ms, whatever is set.
        "retry-delay" retry_delay: Span, "200ms";
        /// No wait between attempts is longer than this.
        "retry-max-delay" retry_max_delay: Span, "10s";
        /// Whether each wait is multiplied by a factor drawn from 0.5 to 1, so that many retries do not come at one moment.
        "retry-jitter" retry_jitter: Flag, "true";
        /// What is worth another attempt: timeout, lock (another git process held one), error (it could not be carried out), failure.
        "retry-on" retry_on: Classes, "timeout lock error for built-in checks, all four for commands";
        /// Cancel everything else at the first unit that does not pass.
        "fail-fast" fail_fast: Flag, "false";
        /// Cancel everything else at this many units that do not pass. 0: never.
        "max-fail" max_fail: Count, "0: never";
        /// Bytes of each output stream that are kept, the last ones.
        "max-output" max_output: Size, "256KiB";
        /// Whether the index of a worktree that rests may be refreshed after the report, so that git need not read files again at every look.
        "refresh-index" refresh_index: Flag, "true";
    }
}

keys! {
    /// The keys of one check: `[check.NAME]` in TOML, `[wtcheck "NAME"]` in gitconfig.
    CheckKeys {
        /// What kind of check it is: status, diff, log or command.
        "kind" kind: OneOf<CheckKind>, "the check's name if it is a built-in, command if it has one";
        /// What it runs: a string is given to `sh -c`, an array is executed directly.
        "command" command: CommandLine, "none";
        /// Extra arguments to a built-in's git command.
        "args" args: Words, "none";
        /// Variables for its processes.
        "env" env: Variables, "none";
        /// The folder inside the worktree in which it runs.
        "dir" dir: Text, "the top of the worktree";
        /// A CEL expression; where it is false, the unit is skipped.
        "when" when: Text, "none; status.dirty for the kind diff";
        /// Checks that must have passed on the same worktree.
        "needs" needs: Names, "none";
        /// A CEL expression over the facts; where it is true, the unit fails.
        "fail-if" fail_if: Text, "none";
        /// Whether a unit that does not pass never counts against the run.
        "allow-failure" allow_failure: Flag, "false";
        /// Whether it runs without being asked for by name.
        "enabled" enabled: Flag, "true";
        /// A word for people.
        "description" description: Text, "none";
        /// How many units of this check may run at a time. 0: no bound of its own.
        "max-concurrency" max_concurrency: Count, "0: no bound of its own";
        /// How long one attempt may take. 0: for ever.
        "timeout" timeout: Span, "the run's";
        /// How long a process that was asked to end has before it is killed.
        "grace-period" grace_period: Span, "the run's";
        /// How long an attempt may run before the progress display says that it is slow. 0: it never does.
        "slow-after" slow_after: Span, "the run's";
        /// Attempts after the first, at most 999.
        "retries" retries: Retries, "the run's";
        /// How the wait between attempts grows: fixed, linear or exponential.
        "backoff" backoff: OneOf<BackoffKind>, "the run's";
        /// The wait after the first attempt. No wait is shorter than 10ms, whatever is set.
        "retry-delay" retry_delay: Span, "the run's";
        /// No wait between attempts is longer than this.
        "retry-max-delay" retry_max_delay: Span, "the run's";
        /// Whether each wait is multiplied by a factor drawn from 0.5 to 1.
        "retry-jitter" retry_jitter: Flag, "the run's";
        /// What is worth another attempt: timeout, lock, error, failure.
        "retry-on" retry_on: Classes, "the run's";
        /// Bytes of each output stream that are kept, the last ones.
        "max-output" max_output: Size, "the run's";
    }
}

/// The keys that can make a check run code, whatever their values: what a repository's own file may not set by itself.
pub const CODE_KEYS: [&str; 5] = ["kind", "command", "args", "env", "dir"];

#[cfg(test)]
mod tests {
    use super::*;

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
