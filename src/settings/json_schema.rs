//! The JSON Schema of a settings file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::model::check::{CommandLine, MOST_RETRIES, RetryClass};
use crate::settings::check_keys::CheckKeys;
use crate::settings::key::Key;
use crate::settings::run_keys::{INHERITS, TopKeys};
use crate::settings::types::{
    Classes, Count, Flag, Names, OneOf, Proof, Retries, Size, Span, Text, Variables, Word, Words,
};
use crate::text::name::PATTERN;

macro_rules! schemas {
    ($($type:ty: $name:literal, $schema:tt;)+) => {
        $(
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

schemas! {
    Count: "count", { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 };
    Retries: "retries", { "type": "integer", "minimum": 0, "maximum": MOST_RETRIES };
    Flag: "flag", { "type": "boolean" };
    Proof: "proof", { "enum": [true, false, "check"] };
    Span: "duration", {
        "description": "A duration like 500ms, 10s, 1m30s or 2h; a bare number counts seconds.",
        "oneOf": [{ "type": "string", "pattern": "^\\s*([0-9.]+\\s*[a-z]*\\s*)+$" }, { "type": "number", "minimum": 0 }]
    };
    Size: "size", {
        "description": "A number of bytes like 65536, 64k or 1MiB.",
        "oneOf": [{ "type": "string", "pattern": "^\\s*[0-9][0-9a-fA-FxX]*\\s*([kmgKMG]([iI]?[bB])?|[bB])?\\s*$" }, { "type": "integer", "minimum": 0 }]
    };
    Text: "text", { "type": "string", "pattern": "\\S" };
    Names: "names", {
        "oneOf": [{ "type": "array", "items": { "type": "string", "pattern": PATTERN } }, { "type": "string" }]
    };
    Words: "arguments", {
        "oneOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "string" }]
    };
    CommandLine: "command", {
        "oneOf": [{ "type": "string", "pattern": "\\S" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
    };
    Variables: "variables", {
        "type": "object", "additionalProperties": { "type": "string" }
    };
    Classes: "retry-classes", {
        "type": "array", "items": { "enum": words::<RetryClass>() }, "uniqueItems": true
    };
}

impl<T: Word> JsonSchema for OneOf<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": words::<T>() })
    }
}

fn words<T: Word>() -> Vec<&'static str> {
    T::words().map(|(word, _)| word).collect()
}

/// A whole settings file.
struct File;

impl JsonSchema for File {
    fn schema_name() -> Cow<'static, str> {
        "git-wtcheck settings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut top = properties(TopKeys::KEYS, generator);
        let check = object(&properties(CheckKeys::KEYS, generator));
        top.insert("check".to_owned(), table("The checks, by name.", PATTERN, &check));
        let mut profile = top.clone();
        let mut inherits = (INHERITS.schema)(generator);
        inherits.insert("description".to_owned(), INHERITS.doc.into());
        profile.insert(INHERITS.name.to_owned(), inherits.into());
        top.insert(
            "profile".to_owned(),
            table("Overlays, chosen with --profile or GIT_WTCHECK_PROFILE.", PATTERN, &object(&profile)),
        );
        object(&top).try_into().unwrap_or_default()
    }
}

fn properties(keys: &[Key], generator: &mut SchemaGenerator) -> Map<String, Value> {
    let property = |key: &Key| {
        let mut schema = (key.schema)(generator);
        schema.insert("description".to_owned(), format!("{} Default: {}.", key.doc.trim(), key.default()).into());
        (key.name.to_owned(), schema.into())
    };
    keys.iter().map(property).collect()
}

fn object(properties: &Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn table(description: &str, names: &str, of: &Value) -> Value {
    json!({ "type": "object", "description": description, "patternProperties": { names: of }, "additionalProperties": false })
}

/// The JSON Schema of a settings file.
pub fn of_settings_file() -> Value {
    serde_json::to_value(SchemaGenerator::default().into_root_schema_for::<File>()).unwrap_or_default()
}
