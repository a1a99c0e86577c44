//! What merged layers define: the keys of the run and of each check, typed.

use std::collections::BTreeMap;

use figment::value::{Dict, Value};

use crate::settings::check_keys::{CODE_KEYS, CheckKeys};
use crate::settings::diagnostic::{Diagnostic, Faults};
use crate::settings::key::Key;
use crate::settings::literal::excerpt;
use crate::settings::origin::{Layer, Origin};
use crate::settings::provenance::Marked;
use crate::settings::run_keys::TopKeys;

/// The keys of the run, and every check that some layer speaks of.
#[derive(Debug, Default)]
pub struct Definitions {
    /// The keys of the run.
    pub top: TopKeys,
    /// The checks, by name.
    pub checks: BTreeMap<String, Definition>,
}

/// What the layers say of a check.
#[derive(Debug, Default)]
pub struct Definition {
    /// Its keys.
    pub keys: CheckKeys,
    /// Where it is spoken of, also where no key is set there.
    pub place: Option<Origin>,
    /// Whether what makes it a check (`kind`, `command`) is wrong: enough is said of it by that.
    pub is_broken: bool,
    /// What the repository's own file would make it run: key and origin.
    pub code: Vec<(&'static str, Origin)>,
}

impl Definitions {
    /// Reads what layers were merged to, but for profiles. What the command line says is typed already, and hides the
    /// others'.
    pub(super) fn read(marked: &Marked, command_line: TopKeys) -> (Self, Faults) {
        let mut reader = Reader { marked, prefix: &[], faults: Faults::default() };
        let definitions = reader.table(marked.data(), command_line);
        (definitions, reader.faults)
    }
}

/// Finds what is wrong with the keys of a profile; `prefix` is where they stand.
pub(super) fn faults_of_profile(marked: &Marked, keys: &Dict, prefix: &[&str]) -> Faults {
    let mut reader = Reader { marked, prefix, faults: Faults::default() };
    reader.table(keys, TopKeys::default());
    reader.faults
}

struct Reader<'a> {
    marked: &'a Marked,
    prefix: &'a [&'a str],
    faults: Faults,
}

impl Reader<'_> {
    fn table(&mut self, data: &Dict, command_line: TopKeys) -> Definitions {
        let mut definitions = Definitions { top: command_line, checks: BTreeMap::new() };
        for (key, value) in data {
            match (key.as_str(), value) {
                ("profile", _) if self.prefix.is_empty() => {}
                ("check", Value::Dict(_, checks)) => {
                    let checks = checks.iter().filter_map(|(name, keys)| Some((name.clone(), self.check(name, keys)?)));
                    definitions.checks = checks.collect();
                }
                ("check", _) => {
                    let origin = self.marked.origin(value);
                    self.fault(&[key], |path| {
                        let problem = "expected a table for each check, [check.NAME]";
                        let remedy = "the list of checks to run is 'checks'";
                        Diagnostic::of(&origin, path, problem).value(excerpt(value)).remedy(remedy)
                    });
                }
                _ => {
                    let origin = self.marked.origin(value);
                    if let Err(error) = definitions.top.read(key, value, &origin) {
                        self.fault(&[key], |path| wrong(&origin, path, TopKeys::KEYS, value, &error));
                    }
                }
            }
        }
        definitions
    }

    fn check(&mut self, name: &str, keys: &Value) -> Option<Definition> {
        let place = self.marked.origin(keys);
        let Value::Dict(_, keys) = keys else {
            self.fault(&["check", name], |path| {
                Diagnostic::of(&place, path, "expected a table of the check's settings").value(excerpt(keys))
            });
            return None;
        };
        let mut check = Definition { place: Some(place), ..Definition::default() };
        for (key, value) in keys {
            let origin = self.marked.origin(value);
            if let Err(error) = check.keys.read(key, value, &origin) {
                self.fault(&["check", name, key], |path| wrong(&origin, path, CheckKeys::KEYS, value, &error));
                check.is_broken |= matches!(key.as_str(), "kind" | "command");
            }
            if let Some(key) = CODE_KEYS.into_iter().find(|code| code == key) {
                // Of a table, each entry may come from another layer.
                let origins = match value {
                    Value::Dict(_, entries) => entries.values().map(|value| self.marked.origin(value)).collect(),
                    _ => vec![origin],
                };
                let of_file = origins.into_iter().find(|origin| origin.layer == Layer::RepositoryFile);
                check.code.extend(of_file.map(|origin| (key, origin)));
            }
        }
        Some(check)
    }

    fn fault(&mut self, path: &[&str], fault: impl FnOnce(&[&str]) -> Diagnostic) {
        let prefix = self.prefix;
        self.faults.add(|| fault(&[prefix, path].concat()));
    }
}

/// A value of the wrong type or form: says what stands there, and what is accepted.
fn wrong(origin: &Origin, path: &[&str], keys: &'static [Key], value: &Value, error: &figment::Error) -> Diagnostic {
    use figment::error::Kind;
    let key = path.last().and_then(|name| keys.iter().find(|key| key.name == *name));
    let problem = match &error.kind {
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            format!("expected {expected}")
        }
        other => match key {
            Some(key) => format!("expected {} ({other})", key.accepted()),
            None => other.to_string(),
        },
    };
    Diagnostic::of(origin, path, problem).value(excerpt(value))
}
