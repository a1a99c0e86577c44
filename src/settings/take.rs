//! The typed reading of merged values: each is taken over, or said to be wrong, with its place.

use figment::Figment;
use figment::value::{Dict, Value};

use crate::settings::diagnostic::{Diagnostic, nearest};
use crate::settings::layers::Merged;
use crate::settings::origin::{Layer, Origin};
use crate::settings::schema::{CODE_KEYS, CheckKeys, Key, TopKeys, folded};
use crate::text::quote;

/// Warns of a key that nothing reads, and offers the nearest that something does.
pub(super) fn unknown(origin: &Origin, path: &[&str], keys: &'static [Key], warnings: &mut Vec<Diagnostic>) {
    let mut diagnostic = Diagnostic { at_key: true, ..Diagnostic::of(origin, path, "unknown key") };
    let name = path.last().copied().unwrap_or_default();
    if let Some(known) = nearest(name, keys.iter().map(|key| key.name)) {
        let mut path = path.to_vec();
        if let Some(last) = path.last_mut() {
            *last = known;
        }
        diagnostic = diagnostic.remedy(format!("did you mean {}?", origin.layer.write_key(&path)));
    } else if let ([_], Some(key)) = (path, folded(CheckKeys::KEYS, name)) {
        let example = origin.layer.write_key(&["check", "NAME", key.name]);
        diagnostic = diagnostic.remedy(format!("it is a key of a check: {example}"));
    } else if let (["check", check, _], Some(key)) = (path, folded(TopKeys::KEYS, name)) {
        let example = origin.layer.write_key(&[key.name]);
        diagnostic = diagnostic.remedy(format!("it is a key of the whole run, not of check '{check}': {example}"));
    }
    warnings.push(diagnostic);
}

/// Takes merged keys over; `prefix` is where they stand (`profile`, name), if not at the top.
pub(super) fn take(figment: &Figment, data: &Dict, prefix: &[&str], merged: &mut Merged) {
    let path = |rest: &[&'_ str]| prefix.iter().chain(rest).map(|part| (*part).to_owned()).collect::<Vec<String>>();
    for (key, value) in data {
        let from = origin(figment, value);
        if key == "check" {
            let Value::Dict(_, checks) = value else {
                let diagnostic = at(&from, &path(&[key]), "expected a table for each check, [check.NAME]");
                merged.errors.push(diagnostic.value(shown(value)).remedy("the list of checks to run is 'checks'"));
                continue;
            };
            for (name, keys) in checks {
                take_check(figment, name, keys, &path(&["check", name]), merged);
            }
            continue;
        }
        match merged.top.take(key, value, &from) {
            Ok(true) => {}
            Ok(false) => {
                unknown(&from, &strs(&path(&[key])), TopKeys::KEYS, &mut merged.warnings);
                if let (Value::Dict(..), Some(warning)) = (value, merged.warnings.last_mut()) {
                    warning.remedy = Some(format!("a check is defined by a table [check.{key}]"));
                }
            }
            Err(error) => merged.errors.push(wrong(&from, &path(&[key]), TopKeys::KEYS, value, &error)),
        }
    }
}

/// Where a value came from. Every value has been given its layer's mark; one without would be the command line's.
pub(super) fn origin(figment: &Figment, value: &Value) -> Origin {
    let marked = figment.get_metadata(value.tag()).and_then(Origin::from_metadata);
    marked.unwrap_or_else(|| match value {
        // A table that several layers put together has no mark of its own.
        Value::Dict(_, entries) => {
            entries.values().next().map_or(Origin::of(Layer::CommandLine), |value| origin(figment, value))
        }
        _ => Origin::of(Layer::CommandLine),
    })
}

fn strs(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn at(origin: &Origin, path: &[String], problem: &str) -> Diagnostic {
    Diagnostic::of(origin, &strs(path), problem)
}

fn take_check(figment: &Figment, name: &str, keys: &Value, path: &[String], merged: &mut Merged) {
    merged.places.insert(name.to_owned(), origin(figment, keys));
    let Value::Dict(_, keys) = keys else {
        let diagnostic = at(&origin(figment, keys), path, "expected a table of the check's settings");
        merged.errors.push(diagnostic.value(shown(keys)));
        merged.broken.insert(name.to_owned());
        return;
    };
    let mut check = CheckKeys::default();
    for (key, value) in keys {
        let from = origin(figment, value);
        let path: Vec<String> = path.iter().cloned().chain([key.clone()]).collect();
        match check.take(key, value, &from) {
            Ok(true) => {}
            Ok(false) => unknown(&from, &strs(&path), CheckKeys::KEYS, &mut merged.warnings),
            Err(error) => {
                merged.errors.push(wrong(&from, &path, CheckKeys::KEYS, value, &error));
                if matches!(key.as_str(), "kind" | "command") {
                    merged.broken.insert(name.to_owned());
                }
            }
        }
        if let Some(key) = CODE_KEYS.into_iter().find(|code| code == key) {
            // Of a table, each entry may come from another layer.
            let values = match value {
                Value::Dict(_, entries) => entries.values().map(|value| origin(figment, value)).collect(),
                _ => vec![from],
            };
            if let Some(from) = values.into_iter().find(|from| from.layer == Layer::RepositoryFile) {
                merged.unapproved.entry(name.to_owned()).or_default().push((key, from));
            }
        }
    }
    merged.checks.insert(name.to_owned(), check);
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
            .or_else(|| number.to_f64().map(|n| n.to_string()))
            .unwrap_or_default(),
        Value::Empty(..) => "nothing".to_owned(),
        // How figment holds a date, which no setting is.
        Value::Dict(_, entries) if entries.contains_key("$__toml_private_datetime") => {
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
