//! A part of a message with its own length, so that a later version may add members at its end.
//!
//! For serde's attribute `with`: the length in bytes, then the part.

use std::io;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::{Error as _, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FORMAT, decode_part};

pub(crate) fn serialize<T: Serialize, S: Serializer>(part: &T, to: S) -> Result<S::Ok, S::Error> {
    Sized(part).serialize(to)
}

pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let bytes = <&[u8]>::deserialize(from)?;
    decode_part(bytes).map_err(D::Error::custom)
}

/// The same for each part of a list.
pub(crate) mod each {
    use super::{
        Deserialize, DeserializeOwned, Deserializer, Serialize, Serializer, Sized, decode_part,
    };
    use serde::de::Error as _;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        parts: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(parts.iter().map(Sized))
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: DeserializeOwned,
        D: Deserializer<'de>,
    {
        let parts: Vec<&[u8]> = Vec::deserialize(from)?;
        let decoded = parts.into_iter().map(decode_part);
        decoded.collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

/// A part that is written behind its length, in place.
struct Sized<'a, T>(&'a T);

impl<T: Serialize> Serialize for Sized<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut counter = io::sink();
        let len = bincode::serde::encode_into_std_write(self.0, &mut counter, FORMAT)
            .map_err(S::Error::custom)?;
        // A tuple has no bytes but those of its members.
        let mut tuple = to.serialize_tuple(2)?;
        tuple.serialize_element(&(len as u64))?;
        tuple.serialize_element(self.0)?;
        tuple.end()
    }
}
