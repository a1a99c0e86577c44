//! The typed reading of merged values: each is taken over, or said to be wrong, with its place.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use figment::value::{Dict, Tag, Value};
use figment::{Figment, Profile, Provider};

use crate::settings::diagnostic::{Diagnostic, Faults, nearest};
use crate::settings::document::DATE;
use crate::settings::layers::Merged;
use crate::settings::origin::{Layer, Origin};
use crate::settings::schema::{CODE_KEYS, CheckKeys, Key, TopKeys, folded};
use crate::text::name::is_valid;
use crate::text::quote;

/// A key that nothing reads: offers the nearest that something does. `table`: whether a table stands below it.
pub(super) fn unknown(origin: &Origin, path: &[&str], keys: &'static [Key], table: bool) -> Diagnostic {
    let diagnostic = Diagnostic { at_key: true, ..Diagnostic::of(origin, path, "unknown key") };
    let name = path.last().copied().unwrap_or_default();
    if table && matches!(path, [_] | ["profile", _, _]) && is_valid(name) {
        return diagnostic.remedy(format!("a check is defined by a table [{}]", quote::toml_path(&["check", name])));
    }
    if let Some(known) = nearest(name, keys.iter().map(|key| key.name)) {
        let mut path = path.to_vec();
        if let Some(last) = path.last_mut() {
            *last = known;
        }
        return diagnostic.remedy(format!("did you mean {}?", origin.layer.write_key(&path)));
    }
    if let ([_], Some(key)) = (path, folded(CheckKeys::KEYS, name)) {
        let example = origin.layer.write_key(&["check", "NAME", key.name]);
        return diagnostic.remedy(format!("it is a key of a check: {example}"));
    }
    if let (["check", check, _], Some(key)) = (path, folded(TopKeys::KEYS, name)) {
        let example = origin.layer.write_key(&[key.name]);
        return diagnostic.remedy(format!("it is a key of the whole run, not of check '{check}': {example}"));
    }
    diagnostic
}

/// Merged layers: what they are merged to, and where each value of it came from.
pub(super) struct Marked {
    data: Dict,
    origins: HashMap<Tag, Origin>,
}

impl Marked {
    /// What layers were merged to; what could not be read of it is said.
    pub(super) fn of(figment: &Figment, errors: &mut Faults) -> Self {
        let data = match figment.data() {
            Ok(mut data) => data.remove(&Profile::Default).unwrap_or_default(),
            Err(fault) => {
                fault.into_iter().for_each(|error| errors.add(|| Diagnostic::new(error.to_string())));
                Dict::new()
            }
        };
        let mut marked = Self { data: Dict::new(), origins: HashMap::new() };
        for value in data.values() {
            marked.mark(figment, value);
        }
        marked.data = data;
        marked
    }

    /// There are as many marks as layers, and very many values.
    fn mark(&mut self, figment: &Figment, value: &Value) {
        if let Entry::Vacant(slot) = self.origins.entry(value.tag())
            && let Some(origin) = figment.get_metadata(value.tag()).and_then(Origin::from_metadata)
        {
            slot.insert(origin);
        }
        match value {
            Value::Dict(_, entries) => entries.values().for_each(|value| self.mark(figment, value)),
            Value::Array(_, items) => items.iter().for_each(|value| self.mark(figment, value)),
            _ => {}
        }
    }

    /// What the layers say.
    pub(super) fn data(&self) -> &Dict {
        &self.data
    }

    /// Where a value came from. Every value has been given its layer's mark; one without would be the command line's.
    pub(super) fn origin(&self, value: &Value) -> Origin {
        let marked = self.origins.get(&value.tag()).cloned();
        marked.unwrap_or_else(|| match value {
            // A table that several layers put together has no mark of its own.
            Value::Dict(_, entries) => {
                entries.values().next().map_or(Origin::of(Layer::CommandLine), |value| self.origin(value))
            }
            _ => Origin::of(Layer::CommandLine),
        })
    }

    /// Takes the keys over, but for profiles: each is typed, or said to be wrong.
    pub(super) fn take(&self, merged: &mut Merged) {
        self.take_table(&self.data, &[], merged);
    }

    /// Takes keys over; `prefix` is where they stand (`profile`, name), if not at the top.
    pub(super) fn take_table(&self, data: &Dict, prefix: &[&str], merged: &mut Merged) {
        for (key, value) in data.iter().filter(|(key, _)| !(prefix.is_empty() && *key == "profile")) {
            let path = |rest: &[&'_ str]| prefix.iter().chain(rest).map(|part| (*part).to_owned()).collect::<Vec<_>>();
            let from = self.origin(value);
            if key == "check" {
                let Value::Dict(_, checks) = value else {
                    merged.errors.add(|| {
                        let diagnostic = at(&from, &path(&[key]), "expected a table for each check, [check.NAME]");
                        diagnostic.value(shown(value)).remedy("the list of checks to run is 'checks'")
                    });
                    continue;
                };
                for (name, keys) in checks {
                    self.take_check(name, keys, &path(&["check", name]), merged);
                }
            } else if let Err(error) = merged.top.take(key, value, &from) {
                // A key that nothing reads has been left out before.
                merged.errors.add(|| wrong(&from, &path(&[key]), TopKeys::KEYS, value, &error));
            }
        }
    }

    fn take_check(&self, name: &str, keys: &Value, path: &[String], merged: &mut Merged) {
        merged.places.insert(name.to_owned(), self.origin(keys));
        let Value::Dict(_, keys) = keys else {
            merged
                .errors
                .add(|| at(&self.origin(keys), path, "expected a table of the check's settings").value(shown(keys)));
            merged.broken.insert(name.to_owned());
            return;
        };
        let mut check = CheckKeys::default();
        for (key, value) in keys {
            let from = self.origin(value);
            if let Err(error) = check.take(key, value, &from) {
                merged.errors.add(|| {
                    let path: Vec<String> = path.iter().cloned().chain([key.clone()]).collect();
                    wrong(&from, &path, CheckKeys::KEYS, value, &error)
                });
                if matches!(key.as_str(), "kind" | "command") {
                    merged.broken.insert(name.to_owned());
                }
            }
            if let Some(key) = CODE_KEYS.into_iter().find(|code| code == key) {
                // Of a table, each entry may come from another layer.
                let values = match value {
                    Value::Dict(_, entries) => entries.values().map(|value| self.origin(value)).collect(),
                    _ => vec![from],
                };
                if let Some(from) = values.into_iter().find(|from| from.layer == Layer::RepositoryFile) {
                    merged.unapproved.entry(name.to_owned()).or_default().push((key, from));
                }
            }
        }
        merged.checks.insert(name.to_owned(), check);
    }
}

fn strs(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn at(origin: &Origin, path: &[String], problem: &str) -> Diagnostic {
    Diagnostic::of(origin, &strs(path), problem)
}

/// A value of the wrong type or form: says what stands there, and what is accepted.
fn wrong(origin: &Origin, path: &[String], keys: &'static [Key], value: &Value, error: &figment::Error) -> Diagnostic {
    use figment::error::Kind;
    let key = path.last().and_then(|name| keys.iter().find(|key| key.name == name));
    let problem = match &error.kind {
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            format!("expected {expected}")
        }
        other => match key {
            Some(key) => format!("expected {} ({other})", key.accepted),
            None => other.to_string(),
        },
    };
    at(origin, path, &problem).value(shown(value))
}

/// A value as TOML would write it, shortened.
fn shown(value: &Value) -> String {
    let whole = match value {
        Value::String(_, text) => quote::toml(text),
        Value::Char(_, letter) => quote::toml(&letter.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|n| n.to_string())
            .or_else(|| number.to_u128().map(|n| n.to_string()))
            .or_else(|| number.to_f64().map(|n| n.to_string()))
            .unwrap_or_default(),
        Value::Empty(..) => "nothing".to_owned(),
        // How figment holds a date, which no setting is.
        Value::Dict(_, entries) if entries.contains_key(DATE) => {
            entries.values().next().and_then(Value::as_str).unwrap_or("a date").to_owned()
        }
        Value::Dict(_, entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{} = {}", quote::toml_key(key), shown(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(_, items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
    };
    shortened(&whole, 60)
}

pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
