//! What is known of a key: its name in each spelling, what it accepts, its default, what it means.

use std::borrow::Cow;

use schemars::{Schema, SchemaGenerator};

use crate::settings::types::Shape;

/// What is known of a key. Its words are made where somebody reads them; a run reads none.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in TOML.
    pub name: &'static str,
    /// How it is made from text.
    pub shape: Shape,
    /// What it means.
    pub doc: &'static str,
    pub(super) accepted: fn() -> Cow<'static, str>,
    pub(super) default: fn() -> String,
    /// Its values, as a JSON Schema.
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Key {
    /// What it accepts, in words.
    pub fn accepted(&self) -> Cow<'static, str> {
        (self.accepted)()
    }

    /// Its default, in words.
    pub fn default(&self) -> String {
        (self.default)()
    }

    /// Its name in gitconfig: `maxConcurrency`.
    pub fn camel(&self) -> String {
        camel(self.name)
    }

    /// Its name in the environment: `GIT_WTCHECK_MAX_CONCURRENCY`.
    pub fn variable(&self) -> String {
        variable(self.name)
    }
}

/// The name of a key in gitconfig.
pub(super) fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (initial, rest) = part.split_at(part.len().min(1));
        name + &initial.to_uppercase() + rest
    })
}

/// The name of a key in the environment.
pub(super) fn variable(name: &str) -> String {
    format!("GIT_WTCHECK_{}", name.replace('-', "_").to_uppercase())
}

/// Finds a key by a name in any of gitconfig's spellings, which git has lower-cased.
pub(super) fn folded(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    let fold = |name: &str| name.replace('-', "").to_lowercase();
    let name = fold(name);
    keys.iter().find(|key| fold(key.name) == name)
}
