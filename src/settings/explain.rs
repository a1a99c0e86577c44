//! Settings made visible: what is in effect and where it comes from, and what every layer says of one key.

use figment::value::Dict;
use serde_json::Value;

use crate::settings::check_keys::CheckKeys;
use crate::settings::diagnostic::{Diagnostic, nearest};
use crate::settings::key::{Key, folded};
use crate::settings::merged::Merged;
use crate::settings::origin::{Layer, Origin};
use crate::settings::precedence::SetBy;
use crate::settings::provenance::Placed;
use crate::settings::resolve::Settings;
use crate::settings::run_keys::TopKeys;
use crate::text::name::shown;

/// A key with the value that is in effect.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The key.
    pub key: &'static Key,
    /// `timeout`, or `check`, name, `timeout`.
    pub path: Vec<String>,
    /// The value; null: there is none, or the default depends on the check.
    pub value: Value,
    /// Where it comes from.
    pub set_by: SetBy,
    /// Whether it would run code that nobody has approved.
    pub unapproved: bool,
}

/// Every key with the value in effect: those of the run, then those of each check.
pub fn effective(settings: &Settings) -> Vec<Effective> {
    let of_run = settings.top.listed().map(|(key, value, set_by)| Effective {
        key,
        path: vec![key.name.to_owned()],
        value,
        set_by: set_by.clone(),
        unapproved: false,
    });
    let of_checks = settings.keys.iter().flat_map(|(name, values)| {
        let code = settings.unapproved.get(name).map_or(&[][..], Vec::as_slice);
        values.listed().map(move |(key, value, set_by)| Effective {
            key,
            path: vec!["check".to_owned(), name.clone(), key.name.to_owned()],
            value,
            set_by: set_by.clone(),
            unapproved: code.iter().any(|(known, _)| *known == key.name),
        })
    });
    of_run.chain(of_checks).collect()
}

/// What every layer says of a key.
pub struct Explanation {
    /// The key.
    pub key: &'static Key,
    /// Its path: `timeout`, or `check`, name, `timeout`.
    pub path: Vec<String>,
    /// Each layer that says something, the weakest first: the profile, if it says it in one, where, and what.
    pub layers: Vec<LayerValue>,
    /// Whether the layers' values for this path are tables that are put together rather than replaced.
    pub merges: bool,
}

impl Explanation {
    /// Whether what a layer says is in effect: the strongest's is, and of tables each.
    pub const fn wins(&self, index: usize) -> bool {
        self.merges || index + 1 == self.layers.len()
    }
}

/// What one layer says.
pub struct LayerValue {
    /// Where.
    pub origin: Origin,
    /// In which profile.
    pub profile: Option<String>,
    /// The path there.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
}

/// Looks a key up by any of its names: `timeout`, `check.test.timeout`, `wtcheck.test.timeout`, `maxConcurrency`.
pub fn explain(merged: &Merged, name: &str) -> Result<Explanation, Diagnostic> {
    let (key, path) = find(name)?;
    let (lasting, passing): (Vec<_>, Vec<_>) =
        merged.layers.iter().partition(|placed| placed.origin.layer < Layer::Environment);
    let in_profiles =
        merged.profiles.iter().flat_map(|name| lasting.iter().filter_map(|placed| in_profile(placed, name, &path)));
    let plain = |placed: &&Placed| in_layer(placed, &path);
    let layers = lasting.iter().filter_map(plain).chain(in_profiles).chain(passing.iter().filter_map(plain));
    let layers = layers.chain(on_command_line(merged, &path)).collect();
    Ok(Explanation { merges: key.name == "env", key, path, layers })
}

fn in_layer(placed: &Placed, path: &[String]) -> Option<LayerValue> {
    let value = value_at(&placed.data, path)?;
    Some(LayerValue { origin: placed.origin.clone(), profile: None, path: path.to_vec(), value })
}

fn in_profile(placed: &Placed, profile: &str, path: &[String]) -> Option<LayerValue> {
    let path = [&["profile".to_owned(), profile.to_owned()], path].concat();
    let value = value_at(&placed.data, &path)?;
    Some(LayerValue { origin: placed.origin.clone(), profile: Some(profile.to_owned()), path, value })
}

fn on_command_line(merged: &Merged, path: &[String]) -> Option<LayerValue> {
    let [name] = path else { return None };
    let values = merged.command_line.clone().resolve(&[]);
    let mut listed = values.listed();
    listed.find_map(|(key, value, set_by)| match set_by {
        SetBy::Layer(origin) if key.name == name => {
            Some(LayerValue { origin: origin.clone(), profile: None, path: path.to_vec(), value })
        }
        _ => None,
    })
}

fn value_at(data: &Dict, path: &[String]) -> Option<Value> {
    let (last, tables) = path.split_last()?;
    let table = tables.iter().try_fold(data, |table, name| table.get(name)?.as_dict())?;
    serde_json::to_value(table.get(last)?).ok()
}

fn find(name: &str) -> Result<(&'static Key, Vec<String>), Diagnostic> {
    let plain = name.strip_prefix("wtcheck.").unwrap_or(name);
    let in_check = plain.strip_prefix("check.").unwrap_or(plain);
    let lookup = |keys: &'static [Key], last: &str| {
        folded(keys, last).ok_or_else(|| {
            let diagnostic = Diagnostic::new(format!("no key is named '{}'", shown(name)));
            match nearest(last, keys.iter().map(|key| key.name)) {
                Some(near) => diagnostic.remedy(format!("did you mean '{}'?", shown(&name.replace(last, near)))),
                None => diagnostic
                    .remedy(format!("there are: {}", keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", "))),
            }
        })
    };
    match in_check.rsplit_once('.') {
        None => lookup(TopKeys::KEYS, in_check).map(|key| (key, vec![key.name.to_owned()])),
        Some((check, last)) => lookup(CheckKeys::KEYS, last)
            .map(|key| (key, vec!["check".to_owned(), check.to_owned(), key.name.to_owned()])),
    }
}
