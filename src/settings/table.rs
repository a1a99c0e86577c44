//! What is made of a table of keys: what the layers say of each, what is in effect, and what is known of it.
//!
//! A row is a key with its documentation: `"timeout" timeout: Span = OfKind(...)`, its name, its field, its type and
//! its default. What a default is decides on the type of what is in effect: there may be no value, or one for each kind
//! of check.

macro_rules! keys {
    (
        $(#[$about:meta])* $said:ident, $(#[$in_effect:meta])* $values:ident,
        $fallback:ident($above:ty)
        { $($(#[doc = $doc:literal])+ $key:literal $field:ident: $type:ty = $rule:ident $default:tt;)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default)]
        pub struct $said {
            $($(#[doc = $doc])+ pub $field: Option<Sourced<$type>>,)+
        }

        $(#[$in_effect])*
        #[derive(Clone, Debug)]
        pub struct $values {
            $($(#[doc = $doc])+ pub $field: Resolved<<$rule<$type> as $fallback<$type>>::InEffect>,)+
        }

        impl $said {
            /// Every key, in the order in which the documentation lists them.
            pub const KEYS: &'static [Key] = &[$(Key {
                name: $key,
                shape: <$type as Setting>::SHAPE,
                doc: concat!($($doc),+),
                accepted: <$type as Setting>::accepted,
                default: || ($rule::<$type> $default).words(),
                schema: schemars::SchemaGenerator::subschema_for::<$type>,
            },)+];

            /// Reads the value of one key, unless a stronger layer has said it already. A name that no key has is
            /// passed over.
            pub(super) fn read(&mut self, key: &str, value: &figment::value::Value, origin: &Origin) -> figment::error::Result<()> {
                match key {
                    $($key if self.$field.is_none() => {
                        let value = value.deserialize::<$type>()?;
                        self.$field = Some(Sourced { value, origin: origin.clone() });
                    })+
                    _ => {}
                }
                Ok(())
            }

            /// Any place where one of the keys is set.
            pub fn some_origin(&self) -> Option<&Origin> {
                None$(.or(self.$field.as_ref().map(|sourced| &sourced.origin)))+
            }

            /// What is in effect, where the layers say this.
            pub(super) fn resolve(self, above: $above) -> $values {
                $values { $($field: $fallback::resolve($rule::<$type> $default, self.$field, above),)+ }
            }
        }

        impl $values {
            /// Every key with its value as JSON (null where there is none, or one for each kind of check), and who has
            /// set it.
            pub fn listed(&self) -> impl Iterator<Item = (&'static Key, serde_json::Value, &SetBy)> {
                let values = [$((serde_json::to_value(&self.$field.value), &self.$field.set_by),)+];
                $said::KEYS.iter().zip(values).map(|(key, (value, set_by))| (key, value.unwrap_or_default(), set_by))
            }
        }
    };
}

pub(super) use keys;
