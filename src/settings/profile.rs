//! Profiles: `[profile.NAME]` lies over the rest where `--profile NAME` or `GIT_WTCHECK_PROFILE` asks for it.

use std::collections::{BTreeSet, HashSet};

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use crate::settings::diagnostic::{Diagnostic, around, listed, nearest};
use crate::settings::layers::Merged;
use crate::settings::names::fault_of_profile;
use crate::settings::schema::Key;
use crate::settings::take::Marked;
use crate::settings::values::Shape;

/// The one key that only a profile has.
pub(super) const INHERITS: Key = Key {
    name: "inherits",
    shape: Shape::Text,
    accepted: "the name of a profile",
    default: "none",
    doc: " Another profile that this one stands on.",
};

/// A profile's keys, whose values keep the marks of the layers that they came from.
pub(super) struct Overlay(Dict);

impl Provider for Overlay {
    fn metadata(&self) -> Metadata {
        Metadata::named("profile")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// The profiles among merged layers.
fn profiles(marked: &Marked) -> Option<&Dict> {
    marked.data().get("profile").and_then(Value::as_dict)
}

/// Finds what is wrong with the profiles, chosen or not.
pub(super) fn check_all(marked: &Marked, merged: &mut Merged) {
    let Some(profiles) = marked.data().get("profile") else { return };
    let Value::Dict(_, profiles) = profiles else {
        let from = marked.origin(profiles);
        merged.errors.add(|| Diagnostic::of(&from, &["profile"], "must be a table: [profile.NAME]"));
        return;
    };
    for (name, keys) in profiles {
        check(marked, name, keys, merged);
    }
}

/// The chosen profile with those that it inherits from, the weakest first.
pub(super) fn chain(marked: &Marked, chosen: Option<&str>, merged: &mut Merged) -> Vec<Overlay> {
    let none = Dict::new();
    let profiles = profiles(marked).unwrap_or(&none);
    let (mut names, mut seen): (Vec<String>, HashSet<String>) = Default::default();
    let mut overlays = Vec::new();
    let mut next = chosen.map(str::to_owned);
    while let Some(name) = next {
        if !seen.insert(name.clone()) {
            names.push(name);
            let circle = around(&names);
            merged.errors.add(|| Diagnostic::new(format!("profiles inherit from each other: {circle}")));
            return Vec::new();
        }
        let Some(Value::Dict(_, keys)) = profiles.get(&name) else {
            merged.errors.add(|| no_such(&name, profiles));
            return Vec::new();
        };
        let mut keys = keys.clone();
        next = keys.remove(INHERITS.name).and_then(Value::into_string);
        names.push(name);
        overlays.push(Overlay(keys));
    }
    overlays.reverse();
    names.reverse();
    merged.profiles = names;
    overlays
}

impl Merged {
    /// The names of all profiles that some layer defines, chosen or not.
    pub fn profile_names(&self) -> BTreeSet<String> {
        let tables = self.layers.iter().filter_map(|(_, data)| data.get("profile").and_then(Value::as_dict));
        tables.flat_map(|profiles| profiles.keys().cloned()).collect()
    }
}

/// Finds what is wrong with a profile, whether it is chosen or not.
fn check(marked: &Marked, name: &str, keys: &Value, merged: &mut Merged) {
    let Value::Dict(_, keys) = keys else {
        let from = marked.origin(keys);
        merged.errors.add(|| Diagnostic::of(&from, &["profile", name], "must be a table of settings"));
        return;
    };
    let mut keys = keys.clone();
    if let Some(value) = keys.remove(INHERITS.name) {
        let problem = match value.as_str() {
            None => Some(format!("expected {}", INHERITS.accepted)),
            Some(other) => fault_of_profile(other),
        };
        if let Some(problem) = problem {
            let from = marked.origin(&value);
            merged.errors.add(|| Diagnostic::of(&from, &["profile", name, INHERITS.name], problem));
        }
    }
    let mut alone = Merged::default();
    marked.take_table(&keys, &["profile", name], &mut alone);
    merged.errors.append(alone.errors);
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
