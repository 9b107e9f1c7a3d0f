//! What a store's answer guarantees.

use std::fmt;
use std::str::FromStr;

/// What an answer of the store promises against a crash of the store or of its machine.
///
/// In every mode a confirmed event survives the end of any shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// No append-only file: a crash of Redis loses minutes of confirmed events, or all of them.
    Unlogged,
    /// A log that is flushed later than it is answered: a crash of Redis loses up to some seconds
    /// of confirmed events.
    Relaxed,
    /// The server's settings are unknown: assume nothing.
    Unknown,
    /// The server does not tell its settings, and the operator states that it flushes to disk, or writes to several
    /// machines, before it answers.
    StatedAlways,
    /// Flushed to disk before it is answered: nothing confirmed is lost, on a disk that honours a
    /// flush.
    Always,
}

impl Durability {
    /// Whether the store keeps the whole contract.
    #[must_use]
    pub const fn is_full(self) -> bool {
        matches!(self, Self::Always | Self::StatedAlways)
    }

    /// As it is shown if nothing but the operator's statement is known.
    #[must_use]
    pub const fn stated(self) -> Self {
        match self {
            Self::Always => Self::StatedAlways,
            other => other,
        }
    }
}

/// A text that names no durability, with those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is always (flushed before it is answered), everysec (flushed within a second) or none (no append-only file)"
)]
pub struct UnknownDurability;

/// As Redis names it: the values of `appendfsync`, and `none` for no append-only file.
impl FromStr for Durability {
    type Err = UnknownDurability;

    fn from_str(text: &str) -> Result<Self, UnknownDurability> {
        match text {
            "always" => Ok(Self::Always),
            "everysec" | "no" => Ok(Self::Relaxed),
            "none" => Ok(Self::Unlogged),
            _ => Err(UnknownDurability),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlogged => "unlogged",
            Self::Relaxed => "relaxed",
            Self::Unknown => "unknown",
            Self::StatedAlways => "always, as the operator states",
            Self::Always => "always",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_from_what_the_server_says() {
        let stated = "always".parse::<Durability>().map(Durability::stated);
        assert_eq!(stated, Ok(Durability::StatedAlways));
        assert!(Durability::StatedAlways.is_full());
        assert!(Durability::StatedAlways < Durability::Always);
        assert!(Durability::StatedAlways.to_string().contains("operator"));
        let relaxed = "everysec".parse::<Durability>().map(Durability::stated);
        assert_eq!(relaxed, Ok(Durability::Relaxed));
        assert_eq!("sometimes".parse::<Durability>(), Err(UnknownDurability));
    }
}
