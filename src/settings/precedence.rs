//! Whose word counts, and what holds where nobody says anything.
//!
//! A check's own word comes before the run's, and the run's before the default. Only what the command line says of the
//! run comes before everything.

use serde::{Serialize, Serializer};

use crate::checks::{CheckKind, KINDS};
use crate::settings::origin::{Layer, Origin};

/// A value, and the layer that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    pub(super) fn map<U>(self, other: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: other(self.value), origin: self.origin }
    }
}

/// Who has set a value that is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// A layer says it of this key.
    Layer(Origin),
    /// A layer says it of the whole run.
    Run(Origin),
    /// Nobody says anything.
    Default,
}

/// A value in effect, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub set_by: SetBy,
}

impl<T> Resolved<T> {
    /// What a layer says of the key, or the default.
    pub(super) fn of(own: Option<Sourced<T>>, default: impl FnOnce() -> T) -> Self {
        match own {
            Some(Sourced { value, origin }) => Self { value, set_by: SetBy::Layer(origin) },
            None => Self { value: default(), set_by: SetBy::Default },
        }
    }

    /// The layer that says it of this key, if one does.
    pub const fn origin(&self) -> Option<&Origin> {
        match &self.set_by {
            SetBy::Layer(origin) => Some(origin),
            SetBy::Run(_) | SetBy::Default => None,
        }
    }
}

/// A value of the run's that holds for checks: for all of them the same, or for each that of its kind.
#[derive(Clone, Debug)]
pub enum PerKind<T> {
    /// What a layer says.
    Same(T),
    /// The default of each kind.
    Each(fn(CheckKind) -> T),
}

impl<T: Clone> PerKind<T> {
    fn of(&self, kind: CheckKind) -> T {
        match self {
            Self::Same(value) => value.clone(),
            Self::Each(of) => of(kind),
        }
    }
}

impl<T> Resolved<PerKind<T>> {
    /// What a layer says of the run, or the default of each kind.
    pub(super) fn of_run(own: Option<Sourced<T>>, default: fn(CheckKind) -> T) -> Self {
        Self::of(own.map(|own| own.map(PerKind::Same)), || PerKind::Each(default))
    }
}

impl<T: Clone> Resolved<PerKind<T>> {
    /// What is in effect for a check, whose own word is given.
    pub(super) fn of_check(&self, own: Option<Sourced<T>>, kind: CheckKind) -> Resolved<T> {
        match (own, &self.set_by) {
            (_, SetBy::Layer(origin)) if origin.layer == Layer::CommandLine => {
                Resolved { value: self.value.of(kind), set_by: SetBy::Run(origin.clone()) }
            }
            (Some(Sourced { value, origin }), _) => Resolved { value, set_by: SetBy::Layer(origin) },
            (None, SetBy::Layer(origin) | SetBy::Run(origin)) => {
                Resolved { value: self.value.of(kind), set_by: SetBy::Run(origin.clone()) }
            }
            (None, SetBy::Default) => Resolved { value: self.value.of(kind), set_by: SetBy::Default },
        }
    }
}

/// The value, where it is the same for every kind.
impl<T: Clone + PartialEq + Serialize> Serialize for PerKind<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut each = KINDS.iter().map(|kind| self.of(*kind));
        let first = each.next();
        let is_one = each.all(|other| first.as_ref() == Some(&other));
        first.filter(|_| is_one).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: u32, layer: Layer) -> Sourced<u32> {
        Sourced { value, origin: Origin::of(layer) }
    }

    #[test]
    fn the_checks_own_word_comes_before_the_runs_but_for_the_command_line() {
        let of_run = |own| Resolved::of_run(own, |kind| u32::from(kind.is_built_in()));
        let status = crate::checks::STATUS;
        let (local, typed) = (Origin::of(Layer::Local), Origin::of(Layer::CommandLine));
        for (run, own, value, set_by) in [
            (None, None, 1, SetBy::Default),
            (None, Some(said(7, Layer::Local)), 7, SetBy::Layer(local.clone())),
            (Some(said(8, Layer::Local)), None, 8, SetBy::Run(local.clone())),
            (Some(said(8, Layer::GitCommand)), Some(said(7, Layer::Local)), 7, SetBy::Layer(local)),
            (Some(said(9, Layer::CommandLine)), Some(said(7, Layer::Local)), 9, SetBy::Run(typed)),
        ] {
            assert_eq!(of_run(run).of_check(own, status), Resolved { value, set_by });
        }
        assert_eq!(of_run(None).of_check(None, crate::checks::COMMAND).value, 0);
    }
}
