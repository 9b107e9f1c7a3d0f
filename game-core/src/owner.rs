//! Ownership: which shard may write a match. The store enforces it; the types are here because the
//! wire and the store both use them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{InvalidId, MatchId, Tag};

/// Identifies one shard process: random, new at each start, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(MatchId);

impl ShardId {
    /// The id made of 128 random bits.
    #[must_use]
    pub fn from_random(bits: u128) -> Self {
        Self(MatchId::from_random(bits))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The shard's home tag: matches that are made for it have this one.
    #[must_use]
    pub fn home(&self) -> Tag {
        self.0.tag()
    }
}

impl FromStr for ShardId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self).map_err(|_| InvalidId::Shard)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The fencing number of an ownership: a claim raises it, and a write under a lower one is refused.
///
/// A match that was never claimed has 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of the next claim.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
