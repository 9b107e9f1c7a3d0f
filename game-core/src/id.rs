//! Identities: of a match, a player, a command.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A match id is 12 characters of `0-9A-Za-z`.
    #[error("a match id is {len} characters of 0-9, A-Z and a-z", len = MatchId::LEN)]
    Match,
    /// A tag is 2 characters of `0-9A-Za-z`.
    #[error("a tag is {len} characters of 0-9, A-Z and a-z", len = Tag::LEN)]
    Tag,
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

/// Identifies one match for all time: 12 characters in base62, a [`Tag`] of 2 and 10 random ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchId([u8; Self::LEN]);

impl MatchId {
    /// Characters in an id. Of 62¹⁰ ids of a tag, two among a billion matches are equal with a probability
    /// of 0.6 if all have the same tag, and of 1.6·10⁻⁴ if the tags are spread evenly.
    pub const LEN: usize = 12;

    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// The id made of 128 random bits; the caller owns the source of randomness.
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

    /// The id made of a tag and 128 random bits.
    #[must_use]
    pub fn with_tag(tag: Tag, bits: u128) -> Self {
        let mut id = Self::from_random(bits);
        id.0[..Tag::LEN].copy_from_slice(&tag.0);
        id
    }

    /// The tag, which the match shares with others that are stored near it.
    #[must_use]
    pub fn tag(&self) -> Tag {
        let [first, second, ..] = self.0;
        Tag([first, second])
    }

    /// The twelve characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The bytes are always ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The first two characters of a match id. Everything that is stored of a match is stored by its tag, so
/// that a shard writes its matches, most of which have the shard's own tag, in one place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; Self::LEN]);

impl Tag {
    /// Characters in a tag: there are 3,844 of them.
    pub const LEN: usize = 2;

    /// The two characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The bytes are always ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Tag {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let tag: [u8; Self::LEN] = text.as_bytes().try_into().map_err(|_| InvalidId::Tag)?;
        if tag.iter().all(u8::is_ascii_alphanumeric) {
            Ok(Self(tag))
        } else {
            Err(InvalidId::Tag)
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
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

/// Identifies a player: the subject of the player token.
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

/// A number that the client chose for a command. Within a match, the same number of the same seat means
/// the same command, which takes effect at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub u64);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
