//! Settings written out again: as JSON, as TOML, and the shape of a whole file as a JSON Schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::model::check::{CommandLine, MOST_RETRIES};
use crate::settings::schema::{CheckKeys, TopKeys};
use crate::settings::values::{Classes, Count, Flag, Names, OneOf, Retries, Size, Span, Text, Variables, Word, Words};
use crate::text::name::PATTERN;
use crate::text::{duration, quote, size};

/// A value of a setting, as it would be written into a file.
pub trait Written {
    /// As JSON, which has the same types as TOML as far as settings go.
    fn written(&self) -> Value;
}

/// JSON as TOML would write it.
pub fn toml(value: &Value) -> String {
    match value {
        Value::String(text) => quote::toml(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{} = {}", quote::toml_key(key), toml(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

macro_rules! written {
    ($($type:ty: $name:literal, |$value:ident| $json:expr, $schema:tt;)+) => {
        $(
            impl Written for $type {
                fn written(&self) -> Value {
                    let $value = self;
                    $json
                }
            }

            impl JsonSchema for $type {
                fn schema_name() -> Cow<'static, str> {
                    $name.into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        )+
    };
}

written! {
    Count: "count", |value| json!(value.0), { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 };
    Retries: "retries", |value| json!(value.0), { "type": "integer", "minimum": 0, "maximum": MOST_RETRIES };
    Flag: "flag", |value| json!(value.0), { "type": "boolean" };
    Span: "duration", |value| json!(duration::write(value.0)), {
        "description": "A duration like 500ms, 10s, 1m30s or 2h; a bare number counts seconds.",
        "oneOf": [{ "type": "string", "pattern": "^\\s*([0-9.]+\\s*[a-z]*\\s*)+$" }, { "type": "number", "minimum": 0 }]
    };
    Size: "size", |value| json!(size::write(value.0 as u64)), {
        "description": "A number of bytes like 65536, 64k or 1MiB.",
        "oneOf": [{ "type": "string", "pattern": "^\\s*[0-9][0-9a-fA-FxX]*\\s*([kmgKMG]([iI]?[bB])?|[bB])?\\s*$" }, { "type": "integer", "minimum": 0 }]
    };
    Text: "text", |value| json!(value.0), { "type": "string", "pattern": "\\S" };
    Names: "names", |value| json!(value.0), {
        "oneOf": [{ "type": "array", "items": { "type": "string", "pattern": PATTERN } }, { "type": "string" }]
    };
    Words: "arguments", |value| json!(value.0), {
        "oneOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "string" }]
    };
    CommandLine: "command", |value| match value {
        CommandLine::Shell(script) => json!(script),
        CommandLine::Direct(words) => json!(words),
    }, {
        "oneOf": [{ "type": "string", "pattern": "\\S" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
    };
    Variables: "variables", |value| Value::Object(value.0.iter().map(|(name, value)| (name.clone(), json!(value))).collect()), {
        "type": "object", "additionalProperties": { "type": "string" }
    };
    Classes: "retry-classes", |value| Value::Array(value.0.iter().map(|class| json!(class.name())).collect()), {
        "type": "array", "items": { "enum": ["timeout", "lock", "error", "failure"] }, "uniqueItems": true
    };
}

impl<T: Word + PartialEq> Written for OneOf<T> {
    fn written(&self) -> Value {
        T::WORDS.iter().find(|(_, value)| *value == self.0).map_or(Value::Null, |(word, _)| json!(word))
    }
}

impl<T: Word> JsonSchema for OneOf<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        json_schema!({ "enum": words })
    }
}

/// A whole settings file.
struct File;

impl JsonSchema for File {
    fn schema_name() -> Cow<'static, str> {
        "git-wtcheck settings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut top = TopKeys::properties(generator);
        let check = object(&CheckKeys::properties(generator));
        top.insert("check".to_owned(), table("The checks, by name.", PATTERN, &check));
        let mut profile = top.clone();
        profile.insert(
            "inherits".to_owned(),
            json!({ "type": "string", "pattern": PATTERN, "description": "Another profile that this one stands on." }),
        );
        top.insert(
            "profile".to_owned(),
            table("Overlays, chosen with --profile or GIT_WTCHECK_PROFILE.", PATTERN, &object(&profile)),
        );
        object(&top).try_into().unwrap_or_default()
    }
}

fn object(properties: &serde_json::Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn table(description: &str, names: &str, of: &Value) -> Value {
    json!({ "type": "object", "description": description, "patternProperties": { names: of }, "additionalProperties": false })
}

/// The JSON Schema of a settings file.
pub fn json_schema_of_file() -> Value {
    serde_json::to_value(SchemaGenerator::default().into_root_schema_for::<File>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_toml_reads_back_the_same() {
        let text = "a\"b\\c\nd\te\u{7f}f\u{9b}\u{202e}g\u{1f600}";
        let line = format!("key = {}", toml(&json!([text, 3, true, { "K a": text }])));
        assert!(!line.contains('\u{9b}'));
        let read: Value = ::toml::from_str(&line).expect("TOML");
        assert_eq!(read["key"], json!([text, 3, true, { "K a": text }]));
    }
}
