//! Times in claims: seconds since 1970, which may have a fraction (RFC 7519 section 2). A claim that is there must be a
//! number: one that cannot be read must not count as absent.

use game_core::UnixMillis;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn seconds<'de, D: Deserializer<'de>>(claim: D) -> Result<Option<f64>, D::Error> {
    f64::deserialize(claim).map(Some)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    claim: D,
) -> Result<Option<UnixMillis>, D::Error> {
    let seconds = f64::deserialize(claim)?;
    if seconds >= 0.0 {
        Ok(Some(UnixMillis((seconds * 1_000.0).round() as u64)))
    } else {
        Err(D::Error::custom("a time before 1970"))
    }
}

pub(crate) fn serialize<S: Serializer>(
    at: &Option<UnixMillis>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // Exact to the millisecond: those of this millennium are far below 2⁵³.
    at.map(|at| at.0 as f64 / 1_000.0).serialize(serializer)
}
