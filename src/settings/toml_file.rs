//! TOML files as a layer of settings: each is parsed once, and only what some key reads is kept of it, with its place.

use std::borrow::Cow;
use std::ops::Range;

use figment::value::{Dict, Num, Tag, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::settings::check_keys::CheckKeys;
use crate::settings::diagnostic::{Diagnostic, Excerpt, Findings};
use crate::settings::files::{File, Place};
use crate::settings::key::Key;
use crate::settings::literal;
use crate::settings::names::{Admitted, Refusal};
use crate::settings::origin::Origin;
use crate::settings::provenance::Placed;
use crate::settings::run_keys::{INHERITS, TopKeys};
use crate::settings::unknown_key::unknown;

/// More commas than these are no settings, and would take more memory than settings may.
const MOST_COMMAS: usize = 100_000;

/// A file as it was read.
pub(super) struct Document {
    /// What it says.
    pub(super) placed: Placed,
    /// Its text.
    pub(super) file: File,
    /// Where each key stands in it.
    pub(super) places: Place,
    /// Names that are none, and keys that nothing reads.
    pub(super) findings: Findings,
}

/// Reads a file. What is wrong with its form is told in place of a layer.
pub(super) fn read(content: String, origin: Origin, admitted: &mut Admitted) -> Result<Document, Diagnostic> {
    let file = File::new(content);
    let refused = |problem: String| Diagnostic { origin: Some(origin.clone()), ..Diagnostic::new(problem) };
    if file.content().bytes().filter(|byte| *byte == b',').count() > MOST_COMMAS {
        return Err(refused("its lists have more entries than settings can have".to_owned()));
    }
    let parsed = DeTable::parse(file.content()).map_err(|error| Diagnostic {
        excerpt: error.span().and_then(|span| file.excerpt(span)),
        ..refused(format!("this is no TOML: {}", error.message()))
    })?;
    let mut reader = Reader { file: &file, origin: &origin, admitted, findings: Findings::default() };
    let (data, below) = reader.settings(parsed.into_inner(), None);
    let findings = reader.findings;
    Ok(Document { placed: Placed { origin, data }, file, places: Place { below, ..Place::default() }, findings })
}

type Below = Vec<(Box<str>, Place)>;
type Name<'a> = Spanned<Cow<'a, str>>;

struct Reader<'a> {
    file: &'a File,
    origin: &'a Origin,
    admitted: &'a mut Admitted,
    findings: Findings,
}

impl Reader<'_> {
    /// The keys of the run, and the tables of checks and profiles; those of a profile, where there is one.
    fn settings(&mut self, table: DeTable<'_>, profile: Option<&str>) -> (Dict, Below) {
        let prefix: Vec<&str> = profile.iter().flat_map(|name| ["profile", name]).collect();
        let (mut data, mut places) = (Dict::new(), Below::new());
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let read = match (name, value.get_ref()) {
                ("check", DeValue::Table(_)) => {
                    self.tables(value, |reader, check, keys| reader.check(profile, check, keys))
                }
                ("profile", DeValue::Table(_)) if profile.is_none() => self.tables(value, Self::profile),
                ("check", _) => plain(value),
                ("profile", _) if profile.is_none() => plain(value),
                _ if is_known(TopKeys::KEYS, name) || (profile.is_some() && name == INHERITS.name) => plain(value),
                _ => {
                    self.unknown(&prefix, &key, value.get_ref(), TopKeys::KEYS);
                    continue;
                }
            };
            keep(&key, read, &mut data, &mut places);
        }
        places.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        (data, places)
    }

    /// A table of tables, each of which is let in or not.
    fn tables(
        &mut self,
        table: Spanned<DeValue<'_>>,
        read: impl Fn(&mut Self, &Name<'_>, Spanned<DeValue<'_>>) -> Option<(Value, Place)>,
    ) -> (Value, Place) {
        let (mut data, mut below) = (Dict::new(), Below::new());
        if let DeValue::Table(tables) = table.into_inner() {
            for (name, keys) in tables {
                if let Some(read) = read(self, &name, keys) {
                    keep(&name, read, &mut data, &mut below);
                }
            }
        }
        below.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        (Value::Dict(Tag::Default, data), Place { below, ..Place::default() })
    }

    fn profile(&mut self, name: &Name<'_>, keys: Spanned<DeValue<'_>>) -> Option<(Value, Place)> {
        if let Err(refusal) = self.admitted.profile(name.get_ref()) {
            return self.refused(refusal, &["profile", name.get_ref()], name.span());
        }
        if !keys.get_ref().is_table() {
            return Some(plain(keys));
        }
        let DeValue::Table(keys) = keys.into_inner() else { return None };
        let (data, below) = self.settings(keys, Some(name.get_ref()));
        Some((Value::Dict(Tag::Default, data), Place { below, ..Place::default() }))
    }

    fn check(&mut self, profile: Option<&str>, name: &Name<'_>, keys: Spanned<DeValue<'_>>) -> Option<(Value, Place)> {
        let prefix = profile.iter().flat_map(|profile| ["profile", profile]);
        let path: Vec<&str> = prefix.chain(["check", name.get_ref()]).collect();
        if let Err(refusal) = self.admitted.check(profile, name.get_ref()) {
            return self.refused(refusal, &path, name.span());
        }
        if !keys.get_ref().is_table() {
            return Some(plain(keys));
        }
        let DeValue::Table(keys) = keys.into_inner() else { return None };
        let (mut data, mut below) = (Dict::new(), Below::new());
        for (key, value) in keys {
            if is_known(CheckKeys::KEYS, key.get_ref()) {
                keep(&key, plain(value), &mut data, &mut below);
            } else {
                self.unknown(&path, &key, value.get_ref(), CheckKeys::KEYS);
            }
        }
        below.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Some((Value::Dict(Tag::Default, data), Place { below, ..Place::default() }))
    }

    fn refused(&mut self, refusal: Refusal, path: &[&str], span: Range<usize>) -> Option<(Value, Place)> {
        let (file, origin) = (self.file, self.origin);
        if let Some(fault) = refusal.diagnostic(origin, path) {
            self.findings.errors.add(|| Diagnostic { excerpt: file.excerpt(span), ..fault });
        }
        None
    }

    fn unknown(&mut self, above: &[&str], key: &Name<'_>, value: &DeValue<'_>, keys: &'static [Key]) {
        let (file, origin) = (self.file, self.origin);
        self.findings.warnings.add(|| {
            let path: Vec<&str> = above.iter().copied().chain([key.get_ref().as_ref()]).collect();
            let excerpt: Option<Excerpt> = file.excerpt(key.span());
            Diagnostic { excerpt, ..unknown(origin, &path, keys, value.is_table()) }
        });
    }
}

fn is_known(keys: &[Key], name: &str) -> bool {
    keys.iter().any(|key| key.name == name)
}

fn keep(name: &Name<'_>, (value, place): (Value, Place), data: &mut Dict, places: &mut Below) {
    data.insert(name.get_ref().clone().into_owned(), value);
    places.push((name.get_ref().as_ref().into(), Place { key: short(name.span()), ..place }));
}

/// A file is at most 1 MiB.
fn short(span: Range<usize>) -> Range<u32> {
    let short = |at| u32::try_from(at).unwrap_or(u32::MAX);
    short(span.start)..short(span.end)
}

/// A value as it stands, with the places of what is in it.
fn plain(value: Spanned<DeValue<'_>>) -> (Value, Place) {
    let span = short(value.span());
    let mut place = Place { value: (!value.get_ref().is_table()).then_some(span), ..Place::default() };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::from(text.into_owned()),
        DeValue::Boolean(flag) => Value::from(flag),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Num(Tag::Default, Num::from(number)),
            // Too large for any setting, which says so of a fraction too.
            Err(_) => fraction(number.as_str()),
        },
        DeValue::Float(number) => fraction(number.as_str()),
        DeValue::Datetime(date) => literal::date(date.to_string()),
        DeValue::Array(items) => Value::Array(Tag::Default, items.into_iter().map(|item| plain(item).0).collect()),
        DeValue::Table(entries) => {
            let mut data = Dict::new();
            for (key, value) in entries {
                keep(&key, plain(value), &mut data, &mut place.below);
            }
            place.below.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            Value::Dict(Tag::Default, data)
        }
    };
    (value, place)
}

fn fraction(text: &str) -> Value {
    Value::Num(Tag::Default, Num::from(text.parse().unwrap_or(f64::INFINITY)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::diagnostic::Faults;
    use crate::settings::files::Files;
    use crate::settings::origin::Layer;

    fn read_in(content: &str) -> Result<Document, Diagnostic> {
        let origin = Origin { layer: Layer::User, file: Some("f".into()) };
        read(content.to_owned(), origin, &mut Admitted::default())
    }

    fn place(content: &str, path: &[&str]) -> Option<(usize, usize, usize)> {
        let Document { placed, file, places, .. } = read_in(content).ok()?;
        let mut faults = Faults::from(Diagnostic::of(&placed.origin, path, "wrong"));
        let mut files = Files::default();
        files.add(&placed.origin, file, places);
        files.annotate(&mut faults);
        faults.each_mut()[0].excerpt.as_ref().map(|excerpt| (excerpt.line, excerpt.column, excerpt.width))
    }

    #[test]
    fn points_at_the_value() {
        let content = "timeout = \"soon\"\n\n[check.test]\ncommand = [\n  \"a\",\n]\nenv = { A = 1 }\n";
        assert_eq!(place(content, &["timeout"]), Some((1, 10, 6)));
        assert_eq!(place(content, &["check", "test", "command"]), Some((4, 10, 1)));
        assert_eq!(place(content, &["check", "test", "env", "A"]), Some((7, 12, 1)));
        assert_eq!(place(content, &["check", "test"]), Some((3, 7, 4)));
        assert_eq!(place(content, &["check", "none"]), None);
        assert_eq!(place("broken [", &["broken"]), None);
    }

    #[test]
    fn only_what_some_key_reads_is_kept() {
        let document = read_in("zebra = 1\nretries = 1\n[check.a]\nb = 1\n[profile.p]\nx = 1\n[check.'a b']\n");
        let Document { placed, findings, .. } = document.expect("a layer");
        let data = serde_json::to_value(placed.data).expect("JSON");
        assert_eq!(data, serde_json::json!({ "retries": 1, "check": { "a": {} }, "profile": { "p": {} } }));
        assert_eq!((findings.warnings.into_diagnostics().len(), findings.errors.into_diagnostics().len()), (3, 1));
    }

    #[test]
    fn every_type_of_value_is_read() {
        let content = "checks = [1, 0x0f, 1.5, true, \"a\", [], { a = 1 }, 100000000000000000000, 1979-05-27]";
        let data = serde_json::to_value(read_in(content).expect("a layer").placed.data).expect("JSON");
        let day = serde_json::to_value(literal::date("1979-05-27".to_owned())).expect("JSON");
        let expected = serde_json::json!([1, 15, 1.5, true, "a", [], { "a": 1 }, 1e20, day]);
        assert_eq!(data["checks"], expected);
    }
}
