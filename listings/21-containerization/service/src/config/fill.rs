//! From values that are text to the struct: a serde deserializer.
//!
//! serde tells it the names of the struct's fields, so that no second
//! list of settings exists. The type of a field says how its text is
//! read; an error carries the place where the text was found.

use std::cell::Cell;
use std::collections::btree_map::IntoIter;
use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer,
    MapAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::layers::{Found, Layers};
use super::refused::{Place, Refused};
use super::values::SECRET;

// ANCHOR: settings
/// All settings of a program. Nothing but a struct can be made of it.
pub(super) struct Settings<'a>(pub Layers<'a>);

impl<'de> Deserializer<'de> for Settings<'_> {
    type Error = Failed;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let values = self.0.values(fields).map_err(Failed::Refused)?;
        visitor.visit_map(Fields::new(values.into_iter()))
    }
    // ANCHOR_END: settings

    fn deserialize_any<V: Visitor<'de>>(
        self,
        _visitor: V,
    ) -> Result<V::Value, Failed> {
        Err(de::Error::custom("settings are the fields of a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str
        string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

/// The fields that have a value, one after another.
struct Fields {
    rest: IntoIter<&'static str, Found>,
    /// The value of the field that was asked for last.
    value: Option<Found>,
}

impl Fields {
    fn new(rest: IntoIter<&'static str, Found>) -> Fields {
        Fields { rest, value: None }
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failed> {
        let Some((field, found)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(found);
        let name: StrDeserializer<'_, Failed> =
            field.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    // ANCHOR: value
    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Failed> {
        let no_key = || de::Error::custom("a value without a key");
        let Found { place, text } =
            self.value.take().ok_or_else(no_key)?;
        let secret = Cell::new(matches!(place, Place::Content(..)));
        let value = Text { text: &text, secret: &secret };
        let filled = seed.deserialize(value);
        filled.map_err(|failed| failed.at(place, &text, secret.get()))
    }
    // ANCHOR_END: value
}

/// The text of one field.
struct Text<'a> {
    text: &'a str,
    /// Set when the field's type says that it is a secret.
    secret: &'a Cell<bool>,
}

/// Methods of a deserializer that parse the text.
macro_rules! parse {
    ($($method:ident $visit:ident $expected:literal)*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            visitor: V,
        ) -> Result<V::Value, Failed> {
            match self.text.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Failed::is_not($expected)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Failed;

    parse! {
        deserialize_bool visit_bool "true or false"
        deserialize_i8 visit_i8 "a whole number from -128 to 127"
        deserialize_i16 visit_i16 "a whole number of 16 bits"
        deserialize_i32 visit_i32 "a whole number of 32 bits"
        deserialize_i64 visit_i64 "a whole number"
        deserialize_u8 visit_u8 "a whole number from 0 to 255"
        deserialize_u16 visit_u16 "a whole number from 0 to 65535"
        deserialize_u32 visit_u32 "a whole number from 0 on"
        deserialize_u64 visit_u64 "a whole number from 0 on"
        deserialize_f32 visit_f32 "a number"
        deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_option<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        if name == SECRET {
            self.secret.set(true);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_enum(self.text.into_deserializer())
    }

    fn deserialize_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_str(self.text)
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

// ANCHOR: failed
/// An error on its way out: it gets its place when it passes the field.
#[derive(Debug)]
pub(super) enum Failed {
    /// The text is not what the field takes. What serde says of it may
    /// hold the text itself.
    Text { why: String, may_hold_text: bool },
    /// A field has no value.
    Missing(&'static str),
    /// All is known of it.
    Refused(Refused),
}
// ANCHOR_END: failed

impl Failed {
    fn is_not(expected: impl Display) -> Failed {
        let why = format!("is not {expected}");
        Failed::Text { why, may_hold_text: false }
    }

    /// The same error, of the value that was found there.
    fn at(self, place: Place, text: &str, secret: bool) -> Failed {
        let Failed::Text { why, may_hold_text } = self else {
            return self;
        };
        let why = match secret && may_hold_text {
            true => "is refused; why would tell of the secret".into(),
            false => why,
        };
        let value = (!secret).then(|| text.to_owned());
        Failed::Refused(Refused::Unusable { place, value, why })
    }

    /// What the operator is told.
    pub fn refused(
        self,
        variable: impl FnOnce(&str) -> String,
    ) -> Refused {
        match self {
            Failed::Refused(refused) => refused,
            Failed::Missing(field) => {
                Refused::Missing { variable: variable(field) }
            }
            Failed::Text { why, .. } => {
                let place = Place::Defaults("configuration".into());
                Refused::Unusable { place, value: None, why }
            }
        }
    }
}

impl de::Error for Failed {
    fn custom<T: Display>(message: T) -> Failed {
        let why = format!("is refused: {message}");
        Failed::Text { why, may_hold_text: true }
    }

    fn missing_field(field: &'static str) -> Failed {
        Failed::Missing(field)
    }

    fn invalid_type(_: Unexpected<'_>, what: &dyn Expected) -> Failed {
        Failed::is_not(what)
    }

    fn invalid_value(_: Unexpected<'_>, what: &dyn Expected) -> Failed {
        Failed::is_not(what)
    }

    fn unknown_variant(
        _: &str,
        variants: &'static [&'static str],
    ) -> Failed {
        let variants = variants.join(", ");
        Failed::is_not(format_args!("one of {variants}"))
    }
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Text { why, .. } => f.write_str(why),
            Failed::Missing(field) => write!(f, "{field} is not set"),
            Failed::Refused(refused) => write!(f, "{refused}"),
        }
    }
}

impl std::error::Error for Failed {}
