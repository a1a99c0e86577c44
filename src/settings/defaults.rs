//! Defaults in words, made of the values themselves.

use serde::Serialize;
use serde_json::Value;

use crate::checks::{CheckKind, KINDS};

/// A default in words.
pub(super) trait InWords {
    fn words(&self) -> String;
}

/// The default of a key: a value, and what that stands for, where it does not say so itself.
#[derive(Clone, Copy)]
pub struct Always<T>(pub(super) T, pub(super) &'static str);

impl<T: Serialize> InWords for Always<T> {
    fn words(&self) -> String {
        let value = plain(&self.0);
        match (value.as_str(), self.1) {
            (_, "") => value,
            ("", words) => words.to_owned(),
            (value, words) => format!("{value}: {words}"),
        }
    }
}

/// A value as a reader of prose expects it: `30s`, `timeout lock`, `none`.
fn plain(value: &impl Serialize) -> String {
    fn of(value: &Value) -> String {
        match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().map(of).collect::<Vec<_>>().join(" "),
            other => other.to_string(),
        }
    }
    of(&serde_json::to_value(value).unwrap_or_default())
}

/// The defaults of all kinds in words: `30s for built-in checks, 10m for commands`, or `none; status.dirty for the kind
/// diff`.
pub(super) fn of_each_kind<T: Serialize>(default: fn(CheckKind) -> T) -> String {
    let mut groups: Vec<(String, Vec<CheckKind>)> = Vec::new();
    for kind in KINDS.iter().copied() {
        let words = plain(&default(kind));
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, kinds)) => kinds.push(kind),
            None => groups.push((words, vec![kind])),
        }
    }
    if let [(git, kinds), (command, _)] = groups.as_slice()
        && KINDS.iter().all(|kind| kind.is_built_in() == kinds.contains(kind))
    {
        return format!("{git} for built-in checks, {command} for commands");
    }
    // What holds for most stands first, and alone.
    groups.sort_by_key(|(_, kinds)| std::cmp::Reverse(kinds.len()));
    let each = groups.into_iter().enumerate().map(|(index, (words, kinds))| match (index, kinds.as_slice()) {
        (0, _) => words,
        (_, [kind]) => format!("{words} for the kind {}", kind.name()),
        (_, kinds) => {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            format!("{words} for the kinds {}", names.join(", "))
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_kinds_are_put_into_words() {
        assert_eq!(of_each_kind(|_| "2s"), "2s");
        assert_eq!(of_each_kind(|kind| kind.defaults().retries), "2 for built-in checks, 0 for commands");
        assert_eq!(of_each_kind(|kind| kind.name() == "diff"), "false; true for the kind diff");
        assert_eq!(of_each_kind(|kind| ["diff", "log"].contains(&kind.name())), "false; true for the kinds diff, log");
    }
}
