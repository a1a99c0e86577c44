//! gitconfig as a layer of settings: `[wtcheck]` and `[wtcheck "NAME"]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bstr::ByteSlice;
use figment::value::{Dict, Tag, Value};

use crate::git::config::{Entry, Scope, boolean};
use crate::settings::diagnostic::Diagnostic;
use crate::settings::layers::Merged;
use crate::settings::origin::{Layer, Origin, Placed};
use crate::settings::profile;
use crate::settings::schema::{CheckKeys, Key, TopKeys, folded};
use crate::settings::take::unknown;
use crate::settings::values::Shape;
use crate::text::size;

/// A key of one scope, with all its values in their order.
struct Gathered<'a> {
    key: &'static Key,
    origin: Origin,
    values: Vec<Option<&'a str>>,
}

/// The tables above a key; a profile's name ends at its first dot, as the name of a check may hold dots too. Of
/// `wtcheck.test.timeout`, `check` and `test`; of `wtcheck.profile.ci.test.timeout`, those below `profile` and `ci`.
fn tables(subsection: Option<&str>) -> Vec<&str> {
    let Some(subsection) = subsection else { return Vec::new() };
    let Some(rest) = subsection.strip_prefix("profile.") else { return vec!["check", subsection] };
    match rest.split_once('.') {
        None => vec!["profile", rest],
        Some((profile, check)) => vec!["profile", profile, "check", check],
    }
}

/// Whether the tables of a subsection are let in; what is wrong with their names is said.
fn admits(tables: &[&str], origin: &Origin, merged: &mut Merged) -> bool {
    let admitted = &mut merged.admitted;
    let above = match *tables {
        ["profile", profile, ..] => admitted.profile(profile).map_err(|refusal| (refusal, &tables[..2])),
        _ => Ok(()),
    };
    let let_in = above.and_then(|()| {
        match *tables {
            ["check", name] => admitted.check(None, name),
            ["profile", profile, "check", name] => admitted.check(Some(profile), name),
            _ => Ok(()),
        }
        .map_err(|refusal| (refusal, tables))
    });
    let Err((refusal, path)) = let_in else { return true };
    if let Some(fault) = refusal.told(origin, path) {
        merged.errors.add(|| fault);
    }
    false
}

/// One layer for each scope and file: within a scope repeated keys add up over its files, and the file of the last value is the value's.
pub(super) fn layers(entries: &[Entry], layer: impl Fn(Scope) -> Layer, merged: &mut Merged) -> Vec<Placed> {
    let mut gathered: BTreeMap<(Scope, Vec<&str>), Gathered<'_>> = BTreeMap::new();
    let mut last: Option<(&str, bool)> = None;
    for entry in entries {
        let Some(path) = entry.key.strip_prefix("wtcheck.") else { continue };
        let origin = Origin { layer: layer(entry.scope), file: Some(Arc::clone(&entry.origin)) };
        let (mut path, name) = match path.rsplit_once('.') {
            Some((subsection, name)) => {
                // The keys of a subsection stand together: its names are looked at once.
                let admitted = match last {
                    Some((known, admitted)) if known == subsection => admitted,
                    _ => admits(&tables(Some(subsection)), &origin, merged),
                };
                last = Some((subsection, admitted));
                if !admitted {
                    continue;
                }
                (tables(Some(subsection)), name)
            }
            None => (tables(None), path),
        };
        let keys = match path.as_slice() {
            [.., "check", _] => CheckKeys::KEYS,
            ["profile", _] if name == profile::INHERITS.name => std::slice::from_ref(&profile::INHERITS),
            _ => TopKeys::KEYS,
        };
        let Some(key) = folded(keys, name) else {
            path.push(name);
            merged.warnings.add(|| unknown(&origin, &path, keys, false));
            continue;
        };
        path.push(key.name);
        let Ok(value) = entry.value.as_ref().map(|value| value.to_str()).transpose() else {
            merged.errors.add(|| Diagnostic::of(&origin, &path, "not UTF-8"));
            continue;
        };
        let slot = gathered.entry((entry.scope, path)).or_insert_with(|| Gathered {
            key,
            origin: origin.clone(),
            values: Vec::new(),
        });
        slot.origin = origin;
        slot.values.push(value);
    }

    let mut placed: BTreeMap<Origin, Dict> = BTreeMap::new();
    for ((_, path), slot) in gathered {
        let value = value(slot.key.shape, &slot.values);
        let mut dict = placed.entry(slot.origin).or_default();
        for name in &path[..path.len() - 1] {
            dict = table(dict, name);
        }
        dict.insert(slot.key.name.to_owned(), value);
    }
    placed.into_iter().map(|(origin, data)| Placed { origin, data }).collect()
}

fn table<'a>(dict: &'a mut Dict, name: &str) -> &'a mut Dict {
    let value = dict.entry(name.to_owned()).or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
    match value {
        Value::Dict(_, table) => table,
        // Only tables are ever put under these names.
        _ => unreachable!("a table that is none"),
    }
}

/// Makes a value of texts, the way git would read a key of this shape. What cannot be read stays text, for the typed reading to refuse by name.
pub(super) fn value(shape: Shape, values: &[Option<&str>]) -> Value {
    let last = values.last().copied().flatten();
    let text = || last.map_or(Value::Bool(Tag::Default, true), Value::from);
    match shape {
        Shape::Flag => boolean(last.map(str::as_bytes)).map_or_else(text, Value::from),
        Shape::Count => last.and_then(size::count).map_or_else(text, Value::from),
        Shape::Text => text(),
        Shape::Names => list(values, |text| Some(text.split_whitespace().map(str::to_owned).collect())),
        Shape::Words => list(values, shlex::split),
        Shape::Table => variables(values),
    }
}

/// Repeated keys add up; an empty value starts afresh.
fn list(values: &[Option<&str>], split: impl Fn(&str) -> Option<Vec<String>>) -> Value {
    let mut items: Vec<Value> = Vec::new();
    for value in values {
        match value {
            None => return Value::Bool(Tag::Default, true),
            Some("") => items.clear(),
            Some(text) => match split(text) {
                Some(words) => items.extend(words.into_iter().map(Value::from)),
                None => return Value::from(*text),
            },
        }
    }
    Value::Array(Tag::Default, items)
}

fn variables(values: &[Option<&str>]) -> Value {
    let mut entries = Dict::new();
    for value in values {
        match value.map(|text| (text, text.split_once('='))) {
            None => return Value::Bool(Tag::Default, true),
            Some(("", _)) => entries.clear(),
            Some((_, Some((name, value)))) => {
                entries.insert(name.to_owned(), Value::from(value));
            }
            Some((text, None)) => return Value::from(text),
        }
    }
    Value::Dict(Tag::Default, entries)
}
