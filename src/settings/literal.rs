//! Values as TOML would write them.

use figment::value::{Dict, Tag, Value as Raw};
use serde_json::Value;

use crate::text::quote;

/// JSON as TOML would write it.
pub fn toml(value: &Value) -> String {
    match value {
        Value::String(text) => quote::toml(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => table(entries.iter().map(|(key, value)| (key, toml(value)))),
        other => other.to_string(),
    }
}

/// A value as it was read, shortened.
pub(super) fn excerpt(value: &Raw) -> String {
    const MOST: usize = 60;
    let text = whole(value);
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

fn whole(value: &Raw) -> String {
    match value {
        Raw::String(_, text) => quote::toml(text),
        Raw::Char(_, letter) => quote::toml(&letter.to_string()),
        Raw::Bool(_, flag) => flag.to_string(),
        Raw::Num(_, number) => number
            .to_i128()
            .map(|n| n.to_string())
            .or_else(|| number.to_u128().map(|n| n.to_string()))
            .or_else(|| number.to_f64().map(|n| n.to_string()))
            .unwrap_or_default(),
        Raw::Empty(..) => "nothing".to_owned(),
        Raw::Dict(_, entries) => match entries.get(DATE) {
            Some(date) => date.as_str().unwrap_or("a date").to_owned(),
            None => table(entries.iter().map(|(key, value)| (key, excerpt(value)))),
        },
        Raw::Array(_, items) => format!("[{}]", items.iter().map(excerpt).collect::<Vec<_>>().join(", ")),
    }
}

fn table<'a>(entries: impl Iterator<Item = (&'a String, String)>) -> String {
    let entries: Vec<_> = entries.map(|(key, value)| format!("{} = {value}", quote::toml_key(key))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// The one key of what stands for a date.
const DATE: &str = "$__toml_private_datetime";

/// A date, which no setting is and figment has no type for.
pub(super) fn date(text: String) -> Raw {
    Raw::Dict(Tag::Default, Dict::from([(DATE.to_owned(), Raw::from(text))]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_as_toml_reads_back_the_same() {
        let text = "a\"b\\c\nd\te\u{7f}f\u{9b}\u{202e}g\u{1f600}";
        let line = format!("key = {}", toml(&json!([text, 3, true, { "K a": text }])));
        assert!(!line.contains('\u{9b}'));
        let read: Value = ::toml::from_str(&line).expect("TOML");
        assert_eq!(read["key"], json!([text, 3, true, { "K a": text }]));
    }
}
