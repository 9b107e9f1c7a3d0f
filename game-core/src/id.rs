//! Identities: of a match, a player, a command.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An identity that is not of the required form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A match id is 12 characters of `0-9A-Za-z`.
    #[error("a match id is {len} characters of 0-9, A-Z and a-z", len = MatchId::LEN)]
    Match,
    /// A shard id is 12 characters of `0-9A-Za-z`.
    #[error("a shard id is {len} characters of 0-9, A-Z and a-z", len = MatchId::LEN)]
    Shard,
    /// A player id is 1 to 64 characters of `0-9A-Za-z` and `_.:@|-`.
    #[error(
        "a player id is 1 to {max} characters of 0-9, A-Z, a-z and _ . : @ | -",
        max = PlayerId::LEN_MAX
    )]
    Player,
}

/// Names one match for all time: 12 characters, base62, random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchId([u8; Self::LEN]);

impl MatchId {
    /// Characters in an id. 62¹² ids: a billion matches collide with probability 1.6·10⁻⁴.
    pub const LEN: usize = 12;

    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// The id that 128 random bits spell; the caller owns the source of randomness.
    #[must_use]
    pub fn from_random(bits: u128) -> Self {
        let mut rest = bits;
        let mut id = [0; Self::LEN];
        for character in &mut id {
            *character = Self::ALPHABET[(rest % 62) as usize];
            rest /= 62;
        }
        Self(id)
    }

    /// The twelve characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for MatchId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let id: [u8; Self::LEN] = text.as_bytes().try_into().map_err(|_| InvalidId::Match)?;
        if id.iter().all(u8::is_ascii_alphanumeric) {
            Ok(Self(id))
        } else {
            Err(InvalidId::Match)
        }
    }
}

impl fmt::Display for MatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MatchId({self})")
    }
}

impl Serialize for MatchId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.as_str())
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for MatchId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(de::Error::custom)
        } else {
            let id = <[u8; Self::LEN]>::deserialize(deserializer)?;
            std::str::from_utf8(&id)
                .map_err(de::Error::custom)?
                .parse()
                .map_err(de::Error::custom)
        }
    }
}

/// Names a player: what the issuer of player tokens calls the subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PlayerId(Box<str>);

impl PlayerId {
    /// The longest accepted id, in bytes.
    pub const LEN_MAX: usize = 64;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlayerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=Self::LEN_MAX).contains(&text.len());
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"_.:@|-".contains(&c);
        if fits && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::Player)
        }
    }
}

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlayerId({self})")
    }
}

impl<'de> Deserialize<'de> for PlayerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// A number that the client chose for one command: the same seat sending the same number in the
/// same match means the same command, and it takes effect at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub u64);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
