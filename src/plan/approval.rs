//! What a repository's own file may not bring about before it is approved: that a check runs what the file says, and
//! that a command of another layer runs that would not without the file.
//!
//! The second is found out by going, in the settings as they are without the file, from what is asked for to all that
//! it waits for. A command that is selected and not met on the way is selected because of the file.

use std::collections::HashSet;

use crate::checks::Check;
use crate::plan::condition::Reader;
use crate::plan::pipeline::Pipeline;
use crate::settings::{CheckKeys, Diagnostic, Faults, Layer, Origin, Resolved, Settings, Sourced, Trusted};

const REMEDY: &str = "'git wtcheck trust' shows what it would run, and approves it; until then it is not run";

/// Every selected check that nobody has approved, with what is to be said of each. `asked`: the checks that the command
/// line asks for.
pub(super) fn unapproved(pipeline: &Pipeline, settings: &Settings, asked: &[String]) -> (HashSet<String>, Faults) {
    let (mut names, mut faults) = (HashSet::new(), Faults::default());
    let reached = settings.without.as_ref().map(|trusted| reached(pipeline, settings, trusted, asked));
    for name in &pipeline.names {
        let own = of_file(name, settings);
        let fault = match (own, &settings.without, &reached) {
            (Some(fault), _, _) => Some(fault),
            (None, Some(trusted), Some(reached)) if runs_code(settings.checks.get(name)) => {
                if reached.contains(name.as_str()) {
                    changed(name, settings, trusted)
                } else {
                    Some(pulled_in(name, pipeline, settings, trusted, reached))
                }
            }
            _ => None,
        };
        if let Some(fault) = fault {
            names.insert(name.clone());
            faults.add(|| fault);
        }
    }
    (names, faults)
}

fn runs_code(check: Option<&Check>) -> bool {
    check.is_some_and(|check| !check.kind.is_built_in() || !check.args.is_empty() || !check.env.is_empty())
}

/// A check that would run what the file says.
fn of_file(name: &str, settings: &Settings) -> Option<Diagnostic> {
    let keys = settings.unapproved.get(name)?;
    let (key, origin) = keys.first()?;
    let listed = keys.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
    let problem = format!(
        "check '{name}' takes what it runs ({listed}) from a file that the repository brings along, and nobody has approved that"
    );
    Some(Diagnostic::of(origin, &["check", name, key], problem).remedy(REMEDY))
}

/// The checks that would be selected without the file.
fn reached(pipeline: &Pipeline, settings: &Settings, trusted: &Trusted, named: &[String]) -> HashSet<String> {
    let mut open = if named.is_empty() { trusted.pipeline.clone() } else { named.to_vec() };
    let mut reached = HashSet::new();
    let mut reader = Reader::new(&settings.checks);
    while let Some(name) = open.pop() {
        let Some(keys) = trusted.checks.get(&name) else { continue };
        if reached.insert(name.clone()) {
            open.extend(prerequisites(&name, keys, pipeline, settings, &mut reader));
        }
    }
    reached
}

/// What a check waits for by the other layers' words.
fn prerequisites(
    name: &str,
    keys: &CheckKeys,
    pipeline: &Pipeline,
    settings: &Settings,
    reader: &mut Reader<'_>,
) -> Vec<String> {
    let mut names = keys.needs.as_ref().map(|needs| needs.value.0.clone()).unwrap_or_default();
    let effective = settings.keys.get(name);
    let parts = pipeline.parts(name);
    let said = [
        (&keys.when, effective.map(|keys| &keys.when), parts.and_then(|parts| parts.when.as_ref()), None),
        (
            &keys.fail_if,
            effective.map(|keys| &keys.fail_if),
            parts.and_then(|parts| parts.fail_if.as_ref()),
            Some(name),
        ),
    ];
    for (said, effective, compiled, own) in said {
        let Some(said) = said else { continue };
        if let Some(condition) =
            compiled.filter(|_| effective.is_some_and(|other| other.value.as_ref() == Some(&said.value)))
        {
            names.extend(condition.names().iter().cloned());
            continue;
        }
        // What cannot be read leads nowhere.
        if let Ok(condition) = reader.compile(&said.value.0, own) {
            names.extend(condition.names().iter().cloned());
        }
    }
    names
}

/// Where a key of a check comes from, if from the file.
fn from_file<T>(resolved: &Resolved<T>) -> Option<&Origin> {
    resolved.origin().filter(|origin| origin.layer == Layer::RepositoryFile)
}

/// A command of another layer that would run without the file, and otherwise: the file puts another condition over its
/// own, or inherits from a profile of another layer that does.
fn changed(name: &str, settings: &Settings, trusted: &Trusted) -> Option<Diagnostic> {
    let (own, effective) = (trusted.checks.get(name)?, settings.keys.get(name)?);
    // A condition where there was none only keeps it from running.
    let (key, origin) = differs("when", own.when.as_ref(), &effective.when)
        .filter(|_| own.when.is_some())
        .or_else(|| differs("needs", own.needs.as_ref(), &effective.needs).filter(|_| own.needs.is_some()))
        .or_else(|| differs("command", own.command.as_ref(), &effective.command))
        .or_else(|| differs("args", own.args.as_ref(), &effective.args))
        .or_else(|| differs("env", own.env.as_ref(), &effective.env))
        .or_else(|| differs("dir", own.dir.as_ref(), &effective.dir))
        .or_else(|| differs("kind", own.kind.as_ref(), &effective.kind))?;
    let problem = format!(
        "a file that the repository brings along would change how or when check '{name}' runs, which is not its own, and nobody has approved that"
    );
    Some(Diagnostic::of(origin, &["check", name, key], problem).remedy(REMEDY))
}

fn differs<'a, T: PartialEq>(
    key: &'static str,
    own: Option<&Sourced<T>>,
    effective: &'a Resolved<Option<T>>,
) -> Option<(&'static str, &'a Origin)> {
    let origin = effective.origin()?;
    (own.map(|own| &own.value) != effective.value.as_ref()).then_some((key, origin))
}

/// A command of another layer that is selected because of the file: names the key of the file that leads to it.
fn pulled_in(
    name: &str,
    pipeline: &Pipeline,
    settings: &Settings,
    trusted: &Trusted,
    reached: &HashSet<String>,
) -> Diagnostic {
    let problem = format!(
        "check '{name}' would run only because of a file that the repository brings along, and nobody has approved that"
    );
    let mut at = name;
    let mut seen = HashSet::new();
    // Up the checks that brought each other along, to the first of which the file speaks.
    while let Some(by) = pipeline.parts(at).and_then(|parts| parts.brought_by.as_deref()).filter(|_| seen.insert(at)) {
        if let Some((key, origin)) = leading(by, at, pipeline, settings) {
            return Diagnostic::of(origin, &["check", by, key], problem).remedy(REMEDY);
        }
        if reached.contains(by) {
            break;
        }
        at = by;
    }
    let enabled = settings.keys.get(at).and_then(|keys| from_file(&keys.enabled));
    let was_off = trusted.checks.get(at).and_then(|keys| keys.enabled.as_ref()).is_some_and(|flag| !flag.value.0);
    match (enabled.filter(|_| was_off), from_file(&settings.top.checks)) {
        (Some(origin), _) => Diagnostic::of(origin, &["check", at, "enabled"], problem),
        (None, Some(origin)) => Diagnostic::of(origin, &["checks"], problem),
        (None, None) => Diagnostic::new(problem),
    }
    .remedy(REMEDY)
}

/// The key of the file by which one check waits for another.
fn leading<'a>(
    by: &str,
    name: &str,
    pipeline: &Pipeline,
    settings: &'a Settings,
) -> Option<(&'static str, &'a Origin)> {
    let link = pipeline.parts(by)?.prerequisites.iter().find(|link| link.name == name)?;
    let keys = settings.keys.get(by)?;
    let origin = match link.key {
        "when" => from_file(&keys.when),
        "fail-if" => from_file(&keys.fail_if),
        _ => from_file(&keys.needs),
    };
    origin.map(|origin| (link.key, origin))
}
