//! Profiles: `[profile.NAME]` lies over the rest where `--profile NAME` or `GIT_WTCHECK_PROFILE` asks for it.

use std::collections::HashSet;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use crate::settings::definitions::faults_of_profile;
use crate::settings::diagnostic::{Diagnostic, Faults, around, listed, nearest};
use crate::settings::names::fault_of_profile;
use crate::settings::provenance::Marked;
use crate::settings::run_keys::INHERITS;

/// A profile's keys, whose values keep the marks of the layers that they came from.
#[derive(Clone)]
pub(super) struct Overlay(Dict);

impl Provider for Overlay {
    fn metadata(&self) -> Metadata {
        Metadata::named("profile")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// The chosen profile with those that it inherits from, the weakest first.
pub(super) struct Chosen {
    pub(super) names: Vec<String>,
    pub(super) overlays: Vec<Overlay>,
}

/// Chooses a profile among those of merged layers.
pub(super) fn choose(marked: &Marked, chosen: Option<&str>) -> Result<Chosen, Diagnostic> {
    let none = Dict::new();
    let profiles = marked.data().get("profile").and_then(Value::as_dict).unwrap_or(&none);
    let (mut names, mut seen): (Vec<String>, HashSet<String>) = Default::default();
    let mut overlays = Vec::new();
    let mut next = chosen.map(str::to_owned);
    while let Some(name) = next {
        if !seen.insert(name.clone()) {
            names.push(name);
            return Err(Diagnostic::new(format!("profiles inherit from each other: {}", around(&names))));
        }
        let Some(Value::Dict(_, keys)) = profiles.get(&name) else { return Err(no_such(&name, profiles)) };
        let mut keys = keys.clone();
        next = keys.remove(INHERITS.name).and_then(Value::into_string);
        names.push(name);
        overlays.push(Overlay(keys));
    }
    overlays.reverse();
    names.reverse();
    Ok(Chosen { names, overlays })
}

/// Finds what is wrong with the profiles, chosen or not.
pub(super) fn faults(marked: &Marked) -> Faults {
    let Some(profiles) = marked.data().get("profile") else { return Faults::default() };
    let Value::Dict(_, profiles) = profiles else {
        return Diagnostic::of(&marked.origin(profiles), &["profile"], "must be a table: [profile.NAME]").into();
    };
    let mut faults = Faults::default();
    for (name, keys) in profiles {
        faults.append(faults_of(marked, name, keys));
    }
    faults
}

fn faults_of(marked: &Marked, name: &str, keys: &Value) -> Faults {
    let Value::Dict(_, keys) = keys else {
        return Diagnostic::of(&marked.origin(keys), &["profile", name], "must be a table of settings").into();
    };
    let mut faults = Faults::default();
    let mut keys = keys.clone();
    if let Some(value) = keys.remove(INHERITS.name) {
        let problem = match value.as_str() {
            None => Some(format!("expected {}", INHERITS.accepted())),
            Some(other) => fault_of_profile(other),
        };
        if let Some(problem) = problem {
            faults.add(|| Diagnostic::of(&marked.origin(&value), &["profile", name, INHERITS.name], problem));
        }
    }
    faults.append(faults_of_profile(marked, &keys, &["profile", name]));
    faults
}

fn no_such(name: &str, profiles: &Dict) -> Diagnostic {
    if let Some(problem) = fault_of_profile(name) {
        return Diagnostic::new(problem);
    }
    let diagnostic = Diagnostic::new(format!("no profile is named '{name}'"));
    let known = || profiles.keys().map(String::as_str);
    match nearest(name, known()) {
        Some(near) => diagnostic.remedy(format!("did you mean '{near}'?")),
        None if profiles.is_empty() => diagnostic.remedy("none is defined: [profile.NAME]"),
        None => diagnostic.remedy(format!("there are: {}", listed(known()))),
    }
}
