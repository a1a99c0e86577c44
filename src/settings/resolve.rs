//! From merged keys to settings: defaults filled in, names checked.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::checks::{COMMAND, Check, built_in, built_in_named};
use crate::model::check::{Backoff, BackoffKind};
use crate::settings::diagnostic::{Diagnostic, Faults, listed, nearest};
use crate::settings::files::Files;
use crate::settings::layers::{Merged, Without};
use crate::settings::origin::{Layer, Origin};
use crate::settings::schema::{CheckKeys, Sourced, TopKeys};
use crate::text::name::identifier;

/// The settings of the whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSettings {
    /// Units at a time; 0 where the machine's CPUs are to be counted.
    pub max_concurrency: usize,
    /// Worktrees in a wave; none: no waves.
    pub batch_size: Option<usize>,
    /// For the whole run.
    pub global_timeout: Option<Duration>,
    /// Cancel at this many faults.
    pub max_fail: Option<u32>,
    /// Whether stale indexes may be refreshed after the report.
    pub refresh_index: bool,
}

/// What all layers but an unapproved file of the repository's own say.
#[derive(Debug)]
pub struct Trusted {
    /// The pipeline.
    pub pipeline: Vec<String>,
    /// What they say of each check.
    pub checks: BTreeMap<String, CheckKeys>,
}

impl Trusted {
    fn of(without: Without) -> Self {
        let Without { top, mut checks } = without;
        add_built_in(&mut checks);
        Self { pipeline: pipeline(&top, &checks, &mut Faults::default()), checks }
    }
}

fn add_built_in(checks: &mut BTreeMap<String, CheckKeys>) {
    for kind in built_in() {
        checks.entry(kind.name().to_owned()).or_default();
    }
}

/// Everything that is asked for.
#[derive(Debug)]
pub struct Settings {
    /// The settings of the run.
    pub run: RunSettings,
    /// What each layer says of the run.
    pub top: TopKeys,
    /// The pipeline: names of checks, each of which is defined.
    pub pipeline: Vec<String>,
    /// Every check there is, built-in ones among them.
    pub checks: BTreeMap<String, Check>,
    /// What each layer says of the checks, for messages that name a place.
    pub keys: BTreeMap<String, CheckKeys>,
    /// What the repository's own file would make run: never run unless it is approved.
    pub unapproved: BTreeMap<String, Vec<(&'static str, Origin)>>,
    /// What runs without that file, where nobody has approved it.
    pub without: Option<Trusted>,
    /// The files that were read, to show a fault in its line.
    pub files: Files,
}

impl Settings {
    /// Resolves merged layers. All faults are found, not only the first.
    pub fn resolve(merged: Merged) -> Result<Self, Faults> {
        let Merged { top, mut checks, places, broken, unapproved, without, mut errors, files, .. } = merged;
        add_built_in(&mut checks);
        let without = without.map(|without| Trusted::of(*without));
        let mut defined = BTreeMap::new();
        for (name, keys) in &checks {
            match define(name, keys, &top, places.get(name)) {
                Ok(check) => {
                    defined.insert(name.clone(), check);
                }
                Err(_) if broken.contains(name) => {}
                Err(diagnostic) => errors.add(|| diagnostic),
            }
        }
        alike(&checks, &mut errors);
        let pipeline = pipeline(&top, &checks, &mut errors);
        if !errors.is_empty() {
            files.annotate(errors.told_mut());
            return Err(errors);
        }
        Ok(Self { run: run_settings(&top), top, pipeline, checks: defined, keys: checks, unapproved, without, files })
    }
}

fn value<T: Clone>(sourced: Option<&Sourced<T>>) -> Option<T> {
    sourced.map(|sourced| sourced.value.clone())
}

fn run_settings(top: &TopKeys) -> RunSettings {
    let count = |sourced: Option<&Sourced<crate::settings::values::Count>>| value(sourced).map_or(0, |count| count.0);
    let fail_fast = value(top.fail_fast.as_ref()).is_some_and(|flag| flag.0);
    let max_fail = Some(count(top.max_fail.as_ref())).filter(|most| *most > 0);
    RunSettings {
        max_concurrency: count(top.max_concurrency.as_ref()) as usize,
        batch_size: Some(count(top.batch_size.as_ref()) as usize).filter(|size| *size > 0),
        global_timeout: value(top.global_timeout.as_ref()).map(|span| span.0).filter(|span| !span.is_zero()),
        max_fail: if fail_fast { Some(1) } else { max_fail },
        refresh_index: value(top.refresh_index.as_ref()).is_none_or(|flag| flag.0),
    }
}

fn pipeline(top: &TopKeys, checks: &BTreeMap<String, CheckKeys>, errors: &mut Faults) -> Vec<String> {
    let enabled = |name: &str| checks.get(name).and_then(|keys| value(keys.enabled.as_ref())).is_none_or(|flag| flag.0);
    let mut names: Vec<String> = Vec::new();
    match &top.checks {
        Some(sourced) => {
            let mut seen = HashSet::new();
            for name in &sourced.value.0 {
                if !checks.contains_key(name) {
                    errors.add(|| no_such_check(&sourced.origin, name, checks));
                } else if seen.insert(name) {
                    names.push(name.clone());
                }
            }
        }
        None => {
            names.extend(built_in().map(|kind| kind.name().to_owned()));
            names.extend(checks.keys().filter(|name| built_in_named(name).is_none()).cloned());
        }
    }
    names.retain(|name| enabled(name));
    names
}

fn no_such_check(origin: &Origin, name: &str, checks: &BTreeMap<String, CheckKeys>) -> Diagnostic {
    let diagnostic = Diagnostic::of(origin, &["checks"], format!("no check is named '{name}'"));
    let known = || checks.keys().map(String::as_str);
    match nearest(name, known()) {
        Some(near) => diagnostic.remedy(format!("did you mean '{near}'?")),
        None => diagnostic.remedy(format!("there are: {}", listed(known()))),
    }
}

fn define(name: &str, keys: &CheckKeys, top: &TopKeys, place: Option<&Origin>) -> Result<Check, Diagnostic> {
    let place = keys.some_origin().or(place);
    let fault = |problem: String| Diagnostic { origin: place.cloned(), ..Diagnostic::new(problem) };
    let kind = match (&keys.kind, built_in_named(name), &keys.command) {
        (Some(kind), _, _) => kind.value.0,
        (None, Some(kind), None) => kind,
        (None, Some(_), Some(command)) => {
            return Err(Diagnostic::of(
                &command.origin,
                &["check", name, "command"],
                format!("'{name}' is a built-in check and has no command"),
            )
            .remedy("give the check another name, or set its kind to command"));
        }
        (None, None, Some(_)) => COMMAND,
        (None, None, None) => {
            return Err(fault(format!("check '{name}' has neither a command nor a kind"))
                .remedy(format!("set one: git config wtcheck.{name}.command '...'")));
        }
    };
    let defaults = kind.defaults();
    let built_in = kind.is_built_in();
    if let (true, Some(command)) = (built_in, &keys.command) {
        return Err(Diagnostic::of(
            &command.origin,
            &["check", name, "command"],
            format!("a check of the kind {} has no command", kind.name()),
        ));
    }
    if !built_in && keys.command.is_none() {
        return Err(fault(format!("check '{name}' is of the kind command and has none")));
    }
    if let (false, Some(args)) = (built_in, &keys.args) {
        return Err(Diagnostic::of(
            &args.origin,
            &["check", name, "args"],
            "only built-in checks have args; write the arguments into the command",
        ));
    }
    if let Some(dir) = &keys.dir {
        let inside = std::path::Path::new(&dir.value.0)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir));
        if !inside {
            return Err(Diagnostic::of(&dir.origin, &["check", name, "dir"], "must be a folder inside the worktree")
                .value(format!("{:?}", dir.value.0)));
        }
    }

    // What the command line says of every attempt holds for every check; any other layer's word for the run gives way to the check's own.
    macro_rules! either {
        ($field:ident) => {
            match (&top.$field, &keys.$field) {
                (Some(run), _) if run.origin.layer == Layer::CommandLine => Some(run.value.clone()),
                (_, Some(own)) => Some(own.value.clone()),
                (Some(run), None) => Some(run.value.clone()),
                (None, None) => None,
            }
        };
    }
    Ok(Check {
        name: name.to_owned(),
        kind,
        command: value(keys.command.as_ref()),
        args: value(keys.args.as_ref()).unwrap_or_default().0,
        env: value(keys.env.as_ref()).unwrap_or_default().0,
        dir: value(keys.dir.as_ref()).map(|dir| dir.0),
        timeout: Some(either!(timeout).map_or(defaults.timeout, |span| span.0)).filter(|timeout| !timeout.is_zero()),
        grace_period: either!(grace_period).map_or(Duration::from_secs(2), |span| span.0),
        slow_after: Some(either!(slow_after).map_or(Duration::from_mins(1), |span| span.0))
            .filter(|span| !span.is_zero()),
        retries: either!(retries).map_or(defaults.retries, |count| count.0),
        backoff: Backoff {
            kind: either!(backoff).map_or(BackoffKind::Exponential, |kind| kind.0),
            delay: either!(retry_delay).map_or(Duration::from_millis(200), |span| span.0),
            max_delay: either!(retry_max_delay).map_or(Duration::from_secs(10), |span| span.0),
            jitter: either!(retry_jitter).is_none_or(|flag| flag.0),
        },
        retry_on: either!(retry_on).map_or_else(|| defaults.retry_on.to_vec(), |classes| classes.0),
        max_output: either!(max_output).map_or(256 * 1024, |size| size.0),
        max_concurrency: value(keys.max_concurrency.as_ref()).map(|count| count.0 as usize).filter(|most| *most > 0),
        when: value(keys.when.as_ref()).map(|text| text.0).or_else(|| defaults.when.map(str::to_owned)),
        needs: value(keys.needs.as_ref()).unwrap_or_default().0,
        fail_if: value(keys.fail_if.as_ref()).map(|text| text.0),
        allow_failure: value(keys.allow_failure.as_ref()).is_some_and(|flag| flag.0),
        description: value(keys.description.as_ref()).map(|text| text.0),
    })
}

/// Names that expressions could not tell apart: `-` and `.` are written `_` there.
fn alike(checks: &BTreeMap<String, CheckKeys>, errors: &mut Faults) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, keys) in checks {
        if let Some(other) = seen.insert(identifier(name), name) {
            errors.add(|| {
                let problem = format!(
                    "checks '{other}' and '{name}' have one name in expressions, {} (- and . are written _ there)",
                    identifier(name)
                );
                Diagnostic { origin: keys.some_origin().cloned(), ..Diagnostic::new(problem) }
                    .remedy("rename one of them")
            });
        }
    }
}
