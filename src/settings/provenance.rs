//! Values that know their place while figment merges them: each layer goes in with its origin, and each merged value
//! comes out with that of the layer it came from.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};

use crate::settings::diagnostic::{Diagnostic, Faults};
use crate::settings::origin::{Layer, Origin};

/// What one place says.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The place.
    pub origin: Origin,
    pub(super) data: Dict,
}

impl Provider for Placed {
    fn metadata(&self) -> Metadata {
        let metadata = Metadata::named(self.origin.layer.name());
        match &self.origin.file {
            Some(file) => metadata.source(Source::Custom(file.to_string())),
            None => metadata,
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.data.clone()))
    }
}

fn origin_of(metadata: &Metadata) -> Option<Origin> {
    let layer = Layer::ALL.into_iter().find(|layer| layer.name() == metadata.name)?;
    let file = match &metadata.source {
        Some(Source::Custom(file)) => Some(file.as_str().into()),
        _ => None,
    };
    Some(Origin { layer, file })
}

/// Merged layers: what they are merged to, and where each value of it came from.
#[derive(Default)]
pub(super) struct Marked {
    data: Dict,
    origins: HashMap<Tag, Origin>,
}

impl Marked {
    /// What layers were merged to.
    pub(super) fn of(figment: &Figment) -> Result<Self, Faults> {
        let mut data = figment.data().map_err(|fault| {
            let mut faults = Faults::default();
            fault.into_iter().for_each(|error| faults.add(|| Diagnostic::new(error.to_string())));
            faults
        })?;
        let mut marked = Self { data: data.remove(&Profile::Default).unwrap_or_default(), origins: HashMap::new() };
        for value in marked.data.values() {
            mark(figment, value, &mut marked.origins);
        }
        Ok(marked)
    }

    /// What the layers say.
    pub(super) fn data(&self) -> &Dict {
        &self.data
    }

    /// Where a value came from. Every value has been given its layer's mark; one without would be the command line's.
    pub(super) fn origin(&self, value: &Value) -> Origin {
        let marked = self.origins.get(&value.tag()).cloned();
        marked.unwrap_or_else(|| match value {
            // A table that several layers put together has no mark of its own.
            Value::Dict(_, entries) => {
                entries.values().next().map_or(Origin::of(Layer::CommandLine), |value| self.origin(value))
            }
            _ => Origin::of(Layer::CommandLine),
        })
    }
}

/// There are as many marks as layers, and very many values.
fn mark(figment: &Figment, value: &Value, origins: &mut HashMap<Tag, Origin>) {
    if let Entry::Vacant(slot) = origins.entry(value.tag())
        && let Some(origin) = figment.get_metadata(value.tag()).and_then(origin_of)
    {
        slot.insert(origin);
    }
    match value {
        Value::Dict(_, entries) => entries.values().for_each(|value| mark(figment, value, origins)),
        Value::Array(_, items) => items.iter().for_each(|value| mark(figment, value, origins)),
        _ => {}
    }
}
