//! What a store's answer guarantees.

use std::fmt;

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
    /// Flushed to disk before it is answered: nothing confirmed is lost, on a disk that honours a
    /// flush.
    Always,
}

impl Durability {
    /// Whether the store keeps the whole contract.
    #[must_use]
    pub const fn is_full(self) -> bool {
        matches!(self, Self::Always)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlogged => "unlogged",
            Self::Relaxed => "relaxed",
            Self::Unknown => "unknown",
            Self::Always => "always",
        })
    }
}
