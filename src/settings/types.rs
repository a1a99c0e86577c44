//! The types of settings: what each accepts, in words and in code, and how a file would write its values.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::checks::{CheckKind, KINDS};
use crate::model::check::{BackoffKind, CommandLine, MOST_RETRIES, Prove, RetryClass};
use crate::text::name::{RULE, is_valid, shown};
use crate::text::{duration, size};

/// How a value is made from the text that gitconfig and the environment hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As git reads a boolean.
    Flag,
    /// As git reads an integer.
    Count,
    /// As it stands.
    Text,
    /// Words divided by white space; repeated keys add up.
    Names,
    /// Words as a shell would divide them; repeated keys add up.
    Words,
    /// `NAME=VALUE`, repeated.
    Table,
}

/// A type that a setting can have.
pub(super) trait Setting: for<'de> Deserialize<'de> + Serialize {
    /// How it is made from text.
    const SHAPE: Shape;
    /// What is accepted, for messages: "a whole number from 0, like 4".
    fn accepted() -> Cow<'static, str>;
}

macro_rules! visited {
    ($type:ty, $shape:ident, $accepted:expr, $($visit:tt)+) => {
        impl Setting for $type {
            const SHAPE: Shape = Shape::$shape;

            fn accepted() -> Cow<'static, str> {
                $accepted.into()
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visit;
                impl<'de> Visitor<'de> for Visit {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(&<$type as Setting>::accepted())
                    }

                    $($visit)+
                }
                deserializer.deserialize_any(Visit)
            }
        }
    };
}

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count(pub u32);

visited! {Count, Count, "a whole number from 0, like 4",
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Count, E> {
        u32::try_from(value).map(Count).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &"a whole number up to 4294967295"))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Count, E> {
        u64::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self)).and_then(|value| self.visit_u64(value))
    }
}

/// A number of attempts after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retries(pub u32);

visited! {Retries, Count, format!("a whole number from 0 to {MOST_RETRIES} ({} attempts at the most)", MOST_RETRIES + 1),
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Retries, E> {
        let retries = u32::try_from(value).ok().filter(|retries| *retries <= MOST_RETRIES);
        retries.map(Retries).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Retries, E> {
        u64::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self)).and_then(|value| self.visit_u64(value))
    }
}

/// True or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Flag(pub bool);

visited! {Flag, Flag, "true or false",
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }
}

/// True, false, or the word `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(pub Prove);

const CHECK: &str = "check";

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Prove::No => serializer.serialize_bool(false),
            Prove::Yes => serializer.serialize_bool(true),
            Prove::Check => serializer.serialize_str(CHECK),
        }
    }
}

visited! {Proof, Flag, "true, false or check",
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Proof, E> {
        Ok(Proof(if value { Prove::Yes } else { Prove::No }))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Proof, E> {
        let is_known = text == CHECK;
        is_known.then_some(Proof(Prove::Check)).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&duration::write(self.0))
    }
}

visited! {Span, Text, duration::ACCEPTED,
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        duration::parse(text).map(Span).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
        duration::parse(&seconds.to_string()).map(Span).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(seconds), &self))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
        u64::try_from(seconds).map_err(|_| E::invalid_value(de::Unexpected::Signed(seconds), &self)).and_then(|seconds| self.visit_u64(seconds))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Span, E> {
        duration::parse(&seconds.to_string()).map(Span).ok_or_else(|| E::invalid_value(de::Unexpected::Float(seconds), &self))
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&size::write(self.0 as u64))
    }
}

visited! {Size, Text, size::ACCEPTED,
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        let bytes = size::parse(text).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Size).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
        usize::try_from(bytes).map(Size).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(bytes), &self))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
        u64::try_from(bytes).map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self)).and_then(|bytes| self.visit_u64(bytes))
    }
}

/// A text that is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text(pub String);

visited! {Text, Text, "a text that is not empty",
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        if text.trim().is_empty() {
            return Err(E::invalid_value(de::Unexpected::Str(text), &self));
        }
        Plain::deserialize(de::value::StrDeserializer::new(text)).map(|Plain(text)| Text(text))
    }
}

/// A list of names of checks; in one text, divided by white space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names(pub Vec<String>);

impl Setting for Names {
    const SHAPE: Shape = Shape::Names;

    fn accepted() -> Cow<'static, str> {
        Listed::accepted()
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Listed(names) = Listed::deserialize(deserializer)?;
        match names.iter().find(|name| !is_valid(name)) {
            Some(name) => Err(de::Error::custom(format!("'{}' is no name: {}", shown(name), RULE))),
            None => Ok(Self(names)),
        }
    }
}

/// A list of words; in one text, divided by white space.
#[derive(Serialize)]
struct Listed(Vec<String>);

visited! {Listed, Names, "a list of names, like status test",
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Listed, E> {
        Ok(Listed(text.split_whitespace().map(str::to_owned).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Listed, A::Error> {
        let mut names = Vec::new();
        while let Some(Text(name)) = items.next_element()? {
            names.push(name);
        }
        Ok(Listed(names))
    }
}

/// A list of arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Words(pub Vec<String>);

visited! {Words, Words, "a list of arguments",
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        shlex::split(text).map(Words).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &"a list of arguments, each quote closed"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(Plain(word)) = items.next_element()? {
            words.push(word);
        }
        Ok(Words(words))
    }
}

/// Any text that a process can be given.
#[derive(Serialize)]
struct Plain(String);

visited! {Plain, Text, "a text",
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Plain, E> {
        if text.contains('\0') {
            return Err(E::invalid_value(de::Unexpected::Str(text), &"a text without NUL bytes"));
        }
        Ok(Plain(text.to_owned()))
    }
}

visited! {CommandLine, Text, "a command: a string for the shell, or an array to execute directly",
    fn visit_str<E: de::Error>(self, text: &str) -> Result<CommandLine, E> {
        if text.trim().is_empty() {
            return Err(E::invalid_value(de::Unexpected::Str(text), &"a command that is not empty"));
        }
        Plain::deserialize(de::value::StrDeserializer::new(text)).map(|Plain(script)| CommandLine::Shell(script))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<CommandLine, A::Error> {
        let mut words = Vec::new();
        while let Some(Plain(word)) = items.next_element()? {
            words.push(word);
        }
        match words.first() {
            Some(program) if !program.is_empty() => Ok(CommandLine::Direct(words)),
            _ => Err(de::Error::invalid_length(words.len(), &"an array that begins with a program")),
        }
    }
}

/// Variables for a process, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(pub Vec<(String, String)>);

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

visited! {Variables, Table, "a table of variables (in gitconfig, NAME=VALUE)",
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Variables, A::Error> {
        let mut variables = Vec::new();
        while let Some((name, Plain(value))) = entries.next_entry::<String, Plain>()? {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(de::Error::invalid_value(de::Unexpected::Str(&name), &"a variable's name, without ="));
            }
            variables.push((name, value));
        }
        Ok(Variables(variables))
    }
}

/// A type whose values are a few words.
pub trait Word: Copy + PartialEq + 'static {
    /// Every word, with the value that it stands for.
    fn words() -> impl Iterator<Item = (&'static str, Self)>;

    /// The words, for messages.
    fn listed() -> String {
        Self::words().map(|(word, _)| word).collect::<Vec<_>>().join(", ")
    }

    /// The value that a word stands for.
    fn of(word: &str) -> Option<Self> {
        Self::words().find(|(known, _)| *known == word).map(|(_, value)| value)
    }
}

impl Word for BackoffKind {
    fn words() -> impl Iterator<Item = (&'static str, Self)> {
        [("fixed", Self::Fixed), ("linear", Self::Linear), ("exponential", Self::Exponential)].into_iter()
    }
}

impl Word for CheckKind {
    fn words() -> impl Iterator<Item = (&'static str, Self)> {
        KINDS.iter().map(|kind| (kind.name(), *kind))
    }
}

impl Word for RetryClass {
    fn words() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|class| (class.name(), class))
    }
}

/// A setting that is one of a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OneOf<T>(pub T);

impl<T: Word + Serialize> Setting for OneOf<T> {
    const SHAPE: Shape = Shape::Text;

    fn accepted() -> Cow<'static, str> {
        one_of::<T>().into()
    }
}

impl<'de, T: Word> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);
        impl<T: Word> Visitor<'_> for Visit<T> {
            type Value = OneOf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&one_of::<T>())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOf<T>, E> {
                T::of(text).map(OneOf).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visit(PhantomData))
    }
}

fn one_of<T: Word>() -> String {
    format!("one of {}", T::listed())
}

/// What is worth another attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Classes(pub Vec<RetryClass>);

impl Setting for Classes {
    const SHAPE: Shape = Shape::Names;

    fn accepted() -> Cow<'static, str> {
        format!("a list of {}", RetryClass::listed()).into()
    }
}

impl<'de> Deserialize<'de> for Classes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Listed(names) = Listed::deserialize(deserializer)?;
        let class = |name: &String| {
            let wrong = || de::Error::invalid_value(de::Unexpected::Str(name), &&*Self::accepted());
            RetryClass::of(name).ok_or_else(wrong)
        };
        names.iter().map(class).collect::<Result<_, _>>().map(Classes)
    }
}
