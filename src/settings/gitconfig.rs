//! gitconfig as a layer of settings: `[wtcheck]` and `[wtcheck "NAME"]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bstr::ByteSlice;
use figment::value::{Dict, Tag, Value};

use crate::git::config::{Entry, Scope, boolean};
use crate::settings::check_keys::CheckKeys;
use crate::settings::diagnostic::{Diagnostic, Findings};
use crate::settings::key::{Key, folded};
use crate::settings::names::Admitted;
use crate::settings::origin::{Layer, Origin};
use crate::settings::provenance::Placed;
use crate::settings::run_keys::{INHERITS, TopKeys};
use crate::settings::types::Shape;
use crate::settings::unknown_key::unknown;
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

/// Lets the tables of a subsection in; where one is not, says what is wrong with its name, if that is new.
fn admit(tables: &[&str], origin: &Origin, admitted: &mut Admitted) -> Result<(), Option<Diagnostic>> {
    if let ["profile", profile, ..] = *tables {
        admitted.profile(profile).map_err(|refusal| refusal.diagnostic(origin, &tables[..2]))?;
    }
    match *tables {
        ["check", name] => admitted.check(None, name),
        ["profile", profile, "check", name] => admitted.check(Some(profile), name),
        _ => Ok(()),
    }
    .map_err(|refusal| refusal.diagnostic(origin, tables))
}

/// One layer for each scope and file: within a scope repeated keys add up over its files, and the file of the last
/// value is the value's.
pub(super) fn layers(entries: &[Entry], admitted: &mut Admitted) -> (Vec<Placed>, Findings) {
    let (gathered, findings) = gather(entries, admitted);
    let mut placed: BTreeMap<Origin, Dict> = BTreeMap::new();
    for ((_, path), slot) in gathered {
        let value = value(slot.key.shape, &slot.values);
        let mut dict = placed.entry(slot.origin).or_default();
        for name in &path[..path.len() - 1] {
            dict = table(dict, name);
        }
        dict.insert(slot.key.name.to_owned(), value);
    }
    (placed.into_iter().map(|(origin, data)| Placed { origin, data }).collect(), findings)
}

/// The keys of each scope, by the tables above them and their names.
type ByPath<'a> = BTreeMap<(Scope, Vec<&'a str>), Gathered<'a>>;

/// Gathers the values of each key. What no key reads, and whose name is none, is left out.
fn gather<'a>(entries: &'a [Entry], admitted: &mut Admitted) -> (ByPath<'a>, Findings) {
    let (mut gathered, mut findings) = (ByPath::new(), Findings::default());
    // The keys of a subsection stand together: its names are looked at once.
    let mut last: Option<(&str, bool)> = None;
    for entry in entries {
        let Some(path) = entry.key.strip_prefix("wtcheck.") else { continue };
        let (subsection, name) =
            path.rsplit_once('.').map_or((None, path), |(subsection, name)| (Some(subsection), name));
        let origin = Origin { layer: Layer::of_scope(entry.scope), file: Some(Arc::clone(&entry.origin)) };
        let mut path = tables(subsection);
        let is_in = match (subsection, last) {
            (None, _) => true,
            (Some(subsection), Some((known, is_in))) if known == subsection => is_in,
            (Some(subsection), _) => {
                let refused = admit(&path, &origin, admitted).err();
                let is_in = refused.is_none();
                findings.errors.extend(refused.flatten());
                last = Some((subsection, is_in));
                is_in
            }
        };
        if !is_in {
            continue;
        }
        let keys = match path.as_slice() {
            [.., "check", _] => CheckKeys::KEYS,
            ["profile", _] if name == INHERITS.name => std::slice::from_ref(&INHERITS),
            _ => TopKeys::KEYS,
        };
        let Some(key) = folded(keys, name) else {
            path.push(name);
            let fault = || Diagnostic { key: Some(entry.key.clone()), ..unknown(&origin, &path, keys, false) };
            findings.warnings.add(fault);
            continue;
        };
        path.push(key.name);
        let Ok(value) = entry.value.as_ref().map(|value| value.to_str()).transpose() else {
            findings.errors.add(|| Diagnostic::of(&origin, &path, "not UTF-8"));
            continue;
        };
        let slot = gathered.entry((entry.scope, path));
        let slot = slot.or_insert_with(|| Gathered { key, origin: origin.clone(), values: Vec::new() });
        slot.origin = origin;
        slot.values.push(value);
    }
    (gathered, findings)
}

fn table<'a>(dict: &'a mut Dict, name: &str) -> &'a mut Dict {
    let value = dict.entry(name.to_owned()).or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
    match value {
        Value::Dict(_, table) => table,
        // Only tables are ever put under these names.
        _ => unreachable!("a table that is none"),
    }
}

/// Makes a value of texts, the way git would read a key of this shape. What cannot be read stays text, for the typed
/// reading to refuse by name.
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
