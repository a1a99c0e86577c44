//! Settings made visible: what is in effect and where it comes from, and what every layer says of one key.

use figment::value::{Dict, Value as Raw};
use serde_json::{Value, json};

use crate::checks::Check;
use crate::settings::diagnostic::{Diagnostic, nearest};
use crate::settings::layers::Merged;
use crate::settings::origin::{Layer, Origin};
use crate::settings::resolve::Settings;
use crate::settings::schema::{CODE_KEYS, CheckKeys, Key, TopKeys, folded};
use crate::text::name::shown;
use crate::text::{duration, size};

/// Where a value that is in effect comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// A layer says it of this key.
    Layer(Origin),
    /// A layer says it of the whole run.
    Run(Origin),
    /// Nobody says anything.
    Default,
}

/// A key with the value that is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// `timeout`, or `check`, name, `timeout`.
    pub path: Vec<String>,
    /// The value; none: there is none, or the default depends on the check.
    pub value: Option<Value>,
    /// Where it comes from.
    pub from: From,
    /// What the default is, in words.
    pub default: &'static str,
    /// Whether it would run code that nobody has approved.
    pub unapproved: bool,
}

/// Every key with the value in effect: those of the run, then those of each check.
pub fn effective(settings: &Settings) -> Vec<Effective> {
    let mut all = Vec::new();
    let set = settings.top.set();
    let said = |name: &str| {
        set.iter().find(|(key, _, _)| *key == name).map(|(_, value, origin)| (value.clone(), (*origin).clone()))
    };
    for key in TopKeys::KEYS {
        let (value, from) = match said(key.name) {
            Some((value, origin)) => (Some(value), From::Layer(origin)),
            None => (run_default(key.name, settings), From::Default),
        };
        all.push(Effective { path: vec![key.name.to_owned()], value, from, default: key.default, unapproved: false });
    }
    for (name, check) in &settings.checks {
        let own = settings.keys.get(name).map(CheckKeys::set).unwrap_or_default();
        for key in CheckKeys::KEYS {
            let own = own
                .iter()
                .find(|(known, _, _)| *known == key.name)
                .map(|(_, value, origin)| (value.clone(), (*origin).clone()));
            let run = said(key.name).filter(|_| key.name != "max-concurrency");
            // What the command line says of the run holds for every check.
            let (value, from) = match (own, run) {
                (_, Some((value, origin))) if origin.layer == Layer::CommandLine => (Some(value), From::Run(origin)),
                (Some((value, origin)), _) => (Some(value), From::Layer(origin)),
                (None, Some((value, origin))) => (Some(value), From::Run(origin)),
                (None, None) => (check_default(key.name, check), From::Default),
            };
            let unapproved = CODE_KEYS.contains(&key.name)
                && settings.unapproved.get(name).is_some_and(|keys| keys.iter().any(|(known, _)| *known == key.name));
            all.push(Effective {
                path: vec!["check".to_owned(), name.clone(), key.name.to_owned()],
                value,
                from,
                default: key.default,
                unapproved,
            });
        }
    }
    all
}

fn run_default(key: &str, settings: &Settings) -> Option<Value> {
    match key {
        "checks" => Some(json!(settings.pipeline)),
        "max-concurrency" | "batch-size" | "max-fail" => Some(json!(0)),
        "global-timeout" => Some(json!("0")),
        "grace-period" => Some(json!("2s")),
        "slow-after" => Some(json!("1m")),
        "backoff" => Some(json!("exponential")),
        "retry-delay" => Some(json!("200ms")),
        "retry-max-delay" => Some(json!("10s")),
        "retry-jitter" | "refresh-index" => Some(json!(true)),
        "fail-fast" => Some(json!(false)),
        "max-output" => Some(json!("256KiB")),
        // They depend on the kind of the check.
        _ => None,
    }
}

fn check_default(key: &str, check: &Check) -> Option<Value> {
    let length = |length| Some(json!(duration::write(length)));
    match key {
        "kind" => Some(json!(check.kind.name())),
        "when" => check.when.as_ref().map(|text| json!(text)),
        "allow-failure" => Some(json!(check.allow_failure)),
        "enabled" => Some(json!(true)),
        "max-concurrency" => Some(json!(0)),
        "timeout" => length(check.timeout.unwrap_or_default()),
        "grace-period" => length(check.grace_period),
        "slow-after" => length(check.slow_after.unwrap_or_default()),
        "retries" => Some(json!(check.retries)),
        "backoff" => Some(json!(check.backoff.kind)),
        "retry-delay" => length(check.backoff.delay),
        "retry-max-delay" => length(check.backoff.max_delay),
        "retry-jitter" => Some(json!(check.backoff.jitter)),
        "retry-on" => Some(json!(check.retry_on)),
        "max-output" => Some(json!(size::write(check.max_output as u64))),
        _ => None,
    }
}

/// What every layer says of a key.
pub struct Explanation {
    /// The key.
    pub key: &'static Key,
    /// Its path: `timeout`, or `check`, name, `timeout`.
    pub path: Vec<String>,
    /// Each layer that says something, the weakest first: the profile, if it says it in one, where, and what.
    pub said: Vec<Said>,
    /// Whether the layers' values for this path are tables that are put together rather than replaced.
    pub merges: bool,
}

/// What one layer says.
pub struct Said {
    /// Where.
    pub origin: Origin,
    /// In which profile.
    pub profile: Option<String>,
    /// The path there.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
}

/// Looks a key up by any of its names: `timeout`, `check.test.timeout`, `wtcheck.test.timeout`, `maxConcurrency`.
pub fn explain(merged: &Merged, name: &str) -> Result<Explanation, Diagnostic> {
    let (key, path) = find(name)?;
    let mut said = Vec::new();
    let (lasting, passing): (Vec<_>, Vec<_>) =
        merged.layers.iter().partition(|(origin, _)| origin.layer < Layer::Environment);
    for (origin, data) in &lasting {
        said.extend(of_layer(origin, data, None, &path));
    }
    for profile in &merged.profiles {
        for (origin, data) in &lasting {
            if let Some(Raw::Dict(_, profiles)) = data.get("profile")
                && let Some(Raw::Dict(_, keys)) = profiles.get(profile)
            {
                said.extend(of_layer(origin, keys, Some(profile), &path));
            }
        }
    }
    for (origin, data) in &passing {
        said.extend(of_layer(origin, data, None, &path));
    }
    Ok(Explanation { merges: key.name == "env", key, path, said })
}

fn of_layer(origin: &Origin, data: &Dict, profile: Option<&String>, path: &[String]) -> Option<Said> {
    let (last, tables) = path.split_last()?;
    let mut table = data;
    for name in tables {
        let Some(Raw::Dict(_, inner)) = table.get(name) else { return None };
        table = inner;
    }
    let value = serde_json::to_value(table.get(last)?).ok()?;
    let prefix = profile.map(|name| vec!["profile".to_owned(), name.clone()]).unwrap_or_default();
    Some(Said {
        origin: origin.clone(),
        profile: profile.cloned(),
        path: prefix.into_iter().chain(path.iter().cloned()).collect(),
        value,
    })
}

fn find(name: &str) -> Result<(&'static Key, Vec<String>), Diagnostic> {
    let plain = name.strip_prefix("wtcheck.").unwrap_or(name);
    let in_check = plain.strip_prefix("check.").unwrap_or(plain);
    let lookup = |keys: &'static [Key], last: &str| {
        folded(keys, last).ok_or_else(|| {
            let diagnostic = Diagnostic::new(format!("no key is named '{}'", shown(name)));
            match nearest(last, keys.iter().map(|key| key.name)) {
                Some(near) => diagnostic.remedy(format!("did you mean '{}'?", shown(&name.replace(last, near)))),
                None => diagnostic
                    .remedy(format!("there are: {}", keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", "))),
            }
        })
    };
    match in_check.rsplit_once('.') {
        None => lookup(TopKeys::KEYS, in_check).map(|key| (key, vec![key.name.to_owned()])),
        Some((check, last)) => lookup(CheckKeys::KEYS, last)
            .map(|key| (key, vec!["check".to_owned(), check.to_owned(), key.name.to_owned()])),
    }
}
