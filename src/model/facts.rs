//! Typed values that a unit found out, and what is known of them beforehand.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// The type of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactType {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A whole number from 0.
    Count,
    /// A text.
    Text,
    /// Texts, in an order that means nothing by itself.
    Texts,
    /// An object id of git's.
    Id,
}

/// When a fact is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Whenever its check has found anything.
    Always,
    /// Where another fact is.
    With(&'static str),
    /// Where it applies.
    Sometimes,
}

/// What is known of a fact before it is found: expressions, the manual and the schema of reports are made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: FactType,
    /// When it is there.
    pub presence: Presence,
    /// Whether it may be asked for and not be known ([`Fact::Unknown`]).
    pub may_be_unknown: bool,
    /// What it means, in a sentence.
    pub doc: &'static str,
}

impl FactDef {
    /// A fact that is always there, and known.
    pub const fn new(name: &'static str, kind: FactType, doc: &'static str) -> Self {
        Self { name, kind, presence: Presence::Always, may_be_unknown: false, doc }
    }

    /// The same, there only with another fact.
    #[must_use]
    pub const fn with(self, other: &'static str) -> Self {
        Self { presence: Presence::With(other), ..self }
    }

    /// The same, there only where it applies.
    #[must_use]
    pub const fn sometimes(self) -> Self {
        Self { presence: Presence::Sometimes, ..self }
    }

    /// The same, which may be asked for and not be known.
    #[must_use]
    pub const fn or_unknown(self) -> Self {
        Self { may_be_unknown: true, ..self }
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// True or false.
    Bool(bool),
    /// A count, an exit status, seconds.
    Int(i64),
    /// A name, a subject, an object id. Bytes that are not UTF-8 are shown as U+FFFD.
    Text(String),
    /// Texts; none of them is a list without an entry, and known.
    Texts(Vec<String>),
    /// It was asked for and git could not say (`null` in JSON).
    Unknown,
}

impl From<bool> for Fact {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Fact {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Fact {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<String> for Fact {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Fact {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Vec<String>> for Fact {
    fn from(value: Vec<String>) -> Self {
        Self::Texts(value)
    }
}

impl<T: Into<Fact>> From<Option<T>> for Fact {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Text(value) => write!(f, "'{value}'"),
            Self::Texts(values) => {
                let quoted: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
                write!(f, "[{}]", quoted.join(", "))
            }
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Texts(values) => values.serialize(serializer),
            Self::Unknown => serializer.serialize_unit(),
        }
    }
}

/// The facts of one unit, in the order in which its check lists them. A fact that is not applicable is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Vec<(&'static str, Fact)>);

impl Facts {
    /// No facts.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a fact; a later value of one name replaces the earlier.
    pub fn set(&mut self, name: &'static str, value: impl Into<Fact>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of one fact.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A count, where the fact is one.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Fact::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// A flag, where the fact is one.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Fact::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A text, where the fact is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Fact::Text(value)) => Some(value),
            _ => None,
        }
    }

    /// The texts of a list, where the fact is one.
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match self.get(name) {
            Some(Fact::Texts(values)) => Some(values),
            _ => None,
        }
    }

    /// Whether nothing was found out.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every fact, in its order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Fact)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
