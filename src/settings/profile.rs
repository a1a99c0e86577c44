//! Profiles: `[profile.NAME]` lies over the rest where `--profile NAME` or `GIT_WTCHECK_PROFILE` asks for it.

use std::collections::BTreeSet;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use crate::settings::diagnostic::{Diagnostic, nearest};
use crate::settings::layers::Merged;
use crate::settings::schema::Key;
use crate::settings::take::{origin, take};
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

/// Checks every profile, and gives the chosen one with those that it inherits from, the weakest first.
pub(super) fn chain(figment: &Figment, data: &Dict, chosen: Option<&str>, merged: &mut Merged) -> Vec<Overlay> {
    let none = Dict::new();
    let profiles = match data.get("profile") {
        None => &none,
        Some(Value::Dict(_, profiles)) => profiles,
        Some(other) => {
            merged.errors.push(Diagnostic::of(
                &origin(figment, other),
                &["profile"],
                "must be a table: [profile.NAME]",
            ));
            return Vec::new();
        }
    };
    for (name, keys) in profiles {
        check(figment, name, keys, merged);
    }
    let mut names: Vec<String> = Vec::new();
    let mut overlays = Vec::new();
    let mut next = chosen.map(str::to_owned);
    while let Some(name) = next {
        if names.contains(&name) {
            names.push(name);
            merged.errors.push(Diagnostic::new(format!("profiles inherit from each other: {}", names.join(" -> "))));
            return Vec::new();
        }
        let Some(Value::Dict(_, keys)) = profiles.get(&name) else {
            merged.errors.push(no_such(&name, profiles));
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
fn check(figment: &Figment, name: &str, keys: &Value, merged: &mut Merged) {
    let Value::Dict(_, keys) = keys else {
        merged.errors.push(Diagnostic::of(&origin(figment, keys), &["profile", name], "must be a table of settings"));
        return;
    };
    let mut keys = keys.clone();
    if let Some(value) = keys.remove(INHERITS.name)
        && value.as_str().is_none()
    {
        let from = origin(figment, &value);
        merged.errors.push(Diagnostic::of(
            &from,
            &["profile", name, INHERITS.name],
            format!("expected {}", INHERITS.accepted),
        ));
    }
    let mut alone = Merged::default();
    take(figment, &keys, &["profile", name], &mut alone);
    merged.errors.append(&mut alone.errors);
    merged.warnings.append(&mut alone.warnings);
}

fn no_such(name: &str, profiles: &Dict) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("no profile is named '{name}'"));
    let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.remedy(format!("did you mean '{near}'?")),
        None if known.is_empty() => diagnostic.remedy("none is defined: [profile.NAME]"),
        None => diagnostic.remedy(format!("there are: {}", known.join(", "))),
    }
}
