//! The types of settings: what each accepts, in words and in code.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::checks::{COMMAND, CheckKind, DIFF, LOG, STATUS};
use crate::model::check::{BackoffKind, CommandLine, MOST_RETRIES, RetryClass};
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
pub(super) trait Setting: for<'de> Deserialize<'de> {
    /// How it is made from text.
    const SHAPE: Shape;
    /// What is accepted, for messages: "a whole number from 0, like 4".
    const ACCEPTED: &'static str;
}

macro_rules! visited {
    ($type:ty, $shape:ident, $accepted:expr, $($visit:tt)+) => {
        impl Setting for $type {
            const SHAPE: Shape = Shape::$shape;
            const ACCEPTED: &'static str = $accepted;
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visit;
                impl<'de> Visitor<'de> for Visit {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(<$type as Setting>::ACCEPTED)
                    }

                    $($visit)+
                }
                deserializer.deserialize_any(Visit)
            }
        }
    };
}

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries(pub u32);

const RETRIES: &str = "a whole number from 0 to 999 (1000 attempts at the most)";

visited! {Retries, Count, RETRIES,
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Retries, E> {
        let retries = u32::try_from(value).ok().filter(|retries| *retries <= MOST_RETRIES);
        retries.map(Retries).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Retries, E> {
        u64::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self)).and_then(|value| self.visit_u64(value))
    }
}

/// True or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub bool);

visited! {Flag, Flag, "true or false",
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl Setting for Names {
    const SHAPE: Shape = Shape::Names;
    const ACCEPTED: &'static str = Listed::ACCEPTED;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed(pub Vec<String>);

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain(pub String);

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

/// One of a few words.
pub trait Word: Copy + 'static {
    /// Every word, with what it stands for.
    const WORDS: &'static [(&'static str, Self)];
    /// The words, for messages.
    const ACCEPTED: &'static str;
}

/// A setting that is one of a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneOf<T>(pub T);

impl<T: Word> Setting for OneOf<T> {
    const SHAPE: Shape = Shape::Text;
    const ACCEPTED: &'static str = T::ACCEPTED;
}

impl<'de, T: Word> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);
        impl<T: Word> Visitor<'_> for Visit<T> {
            type Value = OneOf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::ACCEPTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOf<T>, E> {
                let word = T::WORDS.iter().find(|(word, _)| *word == text);
                word.map(|(_, value)| OneOf(*value)).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visit(PhantomData))
    }
}

impl Word for BackoffKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("fixed", Self::Fixed), ("linear", Self::Linear), ("exponential", Self::Exponential)];
    const ACCEPTED: &'static str = "one of fixed, linear, exponential";
}

impl Word for CheckKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("status", STATUS), ("diff", DIFF), ("log", LOG), ("command", COMMAND)];
    const ACCEPTED: &'static str = "one of status, diff, log, command";
}

/// What is worth another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes(pub Vec<RetryClass>);

impl Setting for Classes {
    const SHAPE: Shape = Shape::Names;
    const ACCEPTED: &'static str = "a list of timeout, lock, error, failure";
}

impl<'de> Deserialize<'de> for Classes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Listed(names) = Listed::deserialize(deserializer)?;
        let class = |name: &String| {
            let found = RetryClass::ALL.into_iter().find(|class| class.name() == name);
            found.ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(name), &Self::ACCEPTED))
        };
        names.iter().map(class).collect::<Result<_, _>>().map(Classes)
    }
}
