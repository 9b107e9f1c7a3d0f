//! Enumerations to which a later version may add kinds: an unknown one is read as none, and what follows it
//! up to the end of its frame or [part](super::grows) is skipped.
//!
//! For serde's attributes `with` (of an `Option`) and `deserialize_with`.

use std::cell::Cell;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer, forward_to_deserialize_any};

/// Writes a kind; none, which nobody sends, has a number that no kind has.
pub(crate) fn serialize<T: Serialize, S: Serializer>(
    kind: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match kind {
        Some(kind) => kind.serialize(to),
        None => to.serialize_unit_variant("Unknown", u32::MAX, "Unknown"),
    }
}

/// Reads a kind; `None` if it is unknown.
pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let is_unknown = Cell::new(false);
    let kind = T::deserialize(Probe {
        inner: from,
        is_unknown: &is_unknown,
    });
    match kind {
        Err(_) if is_unknown.get() => Ok(None),
        kind => kind.map(Some),
    }
}

/// Reads a kind; the default if it is unknown.
pub(crate) fn or_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    deserialize(from).map(Option::unwrap_or_default)
}

/// Notices that the number of a kind is above those that the enumeration has.
struct Probe<'a, T> {
    inner: T,
    is_unknown: &'a Cell<bool>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Probe<'_, D> {
    type Error = D::Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        kinds: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Counted {
            visitor,
            kinds: kinds.len(),
            is_unknown: self.is_unknown,
        };
        self.inner.deserialize_enum(name, kinds, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
        Err(D::Error::custom("only an enumeration has kinds"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The visitor of an enumeration, then the access to its kind, with the number of kinds that it has.
struct Counted<'a, T> {
    visitor: T,
    kinds: usize,
    is_unknown: &'a Cell<bool>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Counted<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Counted {
            visitor: access,
            kinds: self.kinds,
            is_unknown: self.is_unknown,
        })
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Counted<'_, A> {
    type Error = A::Error;
    type Variant = A::Variant;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, A::Variant), A::Error> {
        let (number, content): (u32, _) = self.visitor.variant()?;
        if number as usize >= self.kinds {
            self.is_unknown.set(true);
            return Err(A::Error::custom("an unknown kind"));
        }
        let kind = seed.deserialize(number.into_deserializer())?;
        Ok((kind, content))
    }
}
