//! From merged keys to settings: every value that is in effect, and the checks and the run that are made of them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::checks::{COMMAND, Check, CheckKind, built_in, built_in_named};
use crate::model::check::{Backoff, Prove};
use crate::settings::check_keys::{Above, CheckKeys, CheckValues, ENABLED};
use crate::settings::definitions::{Definition, Definitions};
use crate::settings::diagnostic::{Diagnostic, Faults, listed, nearest};
use crate::settings::files::Files;
use crate::settings::merged::Merged;
use crate::settings::origin::Origin;
use crate::settings::precedence::Sourced;
use crate::settings::run_keys::RunValues;
use crate::settings::types::{Count, Names, Span, Text};
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
    /// Whether the state of worktrees is proven without git.
    pub prove: Prove,
    /// Whether the listings of worktrees are kept.
    pub listing_cache: bool,
    /// The branches that work is to land in, where that is said.
    pub bases: Vec<String>,
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
    fn of(mut definitions: Definitions) -> Self {
        add_built_in(&mut definitions.checks);
        let Definitions { top, checks } = definitions;
        let (pipeline, _) = pipeline(top.checks.as_ref(), &checks);
        Self { pipeline, checks: checks.into_iter().map(|(name, check)| (name, check.keys)).collect() }
    }
}

fn add_built_in(checks: &mut BTreeMap<String, Definition>) {
    for kind in built_in() {
        checks.entry(kind.name().to_owned()).or_default();
    }
}

/// Everything that is asked for.
#[derive(Debug)]
pub struct Settings {
    /// The settings of the run.
    pub run: RunSettings,
    /// What is in effect for the run, and where it comes from.
    pub top: RunValues,
    /// The pipeline: names of checks, each of which is defined.
    pub pipeline: Vec<String>,
    /// Every check there is, built-in ones among them.
    pub checks: BTreeMap<String, Check>,
    /// What is in effect for each check, and where it comes from.
    pub keys: BTreeMap<String, CheckValues>,
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
        let Merged { definitions, without, mut errors, files, .. } = merged;
        let Definitions { top, checks: mut definitions } = definitions;
        add_built_in(&mut definitions);
        let (pipeline, of_pipeline) = pipeline(top.checks.as_ref(), &definitions);
        let of_names = alike(&definitions);

        let top = top.resolve(&pipeline);
        let (mut checks, mut keys, mut unapproved) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (name, definition) in definitions {
            match kind_of(&name, &definition) {
                Ok(kind) => {
                    let values = definition.keys.resolve(Above { run: &top, kind });
                    checks.insert(name.clone(), check(&name, kind, &values));
                    keys.insert(name.clone(), values);
                }
                Err(_) if definition.is_broken => {}
                Err(diagnostic) => errors.add(|| diagnostic),
            }
            if !definition.code.is_empty() {
                unapproved.insert(name, definition.code);
            }
        }
        errors.append(of_names);
        errors.append(of_pipeline);
        if !errors.is_empty() {
            files.annotate(&mut errors);
            return Err(errors);
        }
        let without = without.map(|without| Trusted::of(*without));
        Ok(Self { run: run_settings(&top), top, pipeline, checks, keys, unapproved, without, files })
    }
}

/// The pipeline, and the names in it that no check has.
fn pipeline(said: Option<&Sourced<Names>>, checks: &BTreeMap<String, Definition>) -> (Vec<String>, Faults) {
    let (mut names, mut faults): (Vec<String>, Faults) = Default::default();
    match said {
        Some(sourced) => {
            let mut seen = HashSet::new();
            for name in &sourced.value.0 {
                if !checks.contains_key(name) {
                    faults.add(|| no_such_check(&sourced.origin, name, checks));
                } else if seen.insert(name) {
                    names.push(name.clone());
                }
            }
        }
        None => {
            names.extend(built_in().filter(|kind| kind.is_in_default_pipeline()).map(|kind| kind.name().to_owned()));
            names.extend(checks.keys().filter(|name| built_in_named(name).is_none()).cloned());
        }
    }
    let is_enabled = |check: &Definition| check.keys.enabled.as_ref().map_or(ENABLED, |flag| flag.value).0;
    names.retain(|name| checks.get(name).is_none_or(is_enabled));
    (names, faults)
}

fn no_such_check(origin: &Origin, name: &str, checks: &BTreeMap<String, Definition>) -> Diagnostic {
    let diagnostic = Diagnostic::of(origin, &["checks"], format!("no check is named '{name}'"));
    let known = || checks.keys().map(String::as_str);
    match nearest(name, known()) {
        Some(near) => diagnostic.remedy(format!("did you mean '{near}'?")),
        None => diagnostic.remedy(format!("there are: {}", listed(known()))),
    }
}

/// The kind of a check, where its keys fit together.
fn kind_of(name: &str, definition: &Definition) -> Result<CheckKind, Diagnostic> {
    let Definition { keys, place, .. } = definition;
    let place = keys.some_origin().or(place.as_ref());
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
    let own = [
        ("args", keys.args.as_ref().map(|said| &said.origin)),
        ("env", keys.env.as_ref().map(|said| &said.origin)),
        ("dir", keys.dir.as_ref().map(|said| &said.origin)),
    ];
    for (key, origin) in own {
        if let (false, Some(origin)) = (kind.takes_arguments(), origin) {
            let problem = format!("a check of the kind {} looks at the whole worktree: it has no {key}", kind.name());
            return Err(Diagnostic::of(origin, &["check", name, key], problem));
        }
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
    Ok(kind)
}

/// A length of time in which 0 stands for none.
fn length(span: Span) -> Option<Duration> {
    Some(span.0).filter(|span| !span.is_zero())
}

/// A number in which 0 stands for none.
fn number(count: Count) -> Option<usize> {
    Some(count.0 as usize).filter(|count| *count > 0)
}

fn run_settings(values: &RunValues) -> RunSettings {
    let max_fail = Some(values.max_fail.value.0).filter(|most| *most > 0);
    RunSettings {
        max_concurrency: values.max_concurrency.value.0 as usize,
        batch_size: number(values.batch_size.value),
        global_timeout: length(values.global_timeout.value),
        max_fail: if values.fail_fast.value.0 { Some(1) } else { max_fail },
        refresh_index: values.refresh_index.value.0,
        prove: values.prove.value.0,
        listing_cache: values.listing_cache.value.0,
        bases: values.base.value.0.clone(),
    }
}

fn check(name: &str, kind: CheckKind, values: &CheckValues) -> Check {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
    Check {
        name: name.to_owned(),
        kind,
        command: values.command.value.clone(),
        args: values.args.value.clone().unwrap_or_default().0,
        env: values.env.value.clone().unwrap_or_default().0,
        dir: text(&values.dir.value),
        timeout: length(values.timeout.value),
        grace_period: values.grace_period.value.0,
        slow_after: length(values.slow_after.value),
        retries: values.retries.value.0,
        backoff: Backoff {
            kind: values.backoff.value.0,
            delay: values.retry_delay.value.0,
            max_delay: values.retry_max_delay.value.0,
            jitter: values.retry_jitter.value.0,
        },
        retry_on: values.retry_on.value.0.clone(),
        max_output: values.max_output.value.0,
        max_concurrency: number(values.max_concurrency.value),
        when: text(&values.when.value),
        needs: values.needs.value.clone().unwrap_or_default().0,
        fail_if: text(&values.fail_if.value),
        allow_failure: values.allow_failure.value.0,
        description: text(&values.description.value),
    }
}

/// Names that expressions could not tell apart: `-` and `.` are written `_` there.
fn alike(checks: &BTreeMap<String, Definition>) -> Faults {
    let mut faults = Faults::default();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, check) in checks {
        if let Some(other) = seen.insert(identifier(name), name) {
            faults.add(|| {
                let problem = format!(
                    "checks '{other}' and '{name}' have one name in expressions, {} (- and . are written _ there)",
                    identifier(name)
                );
                Diagnostic { origin: check.keys.some_origin().cloned(), ..Diagnostic::new(problem) }
                    .remedy("rename one of them")
            });
        }
    }
    faults
}
