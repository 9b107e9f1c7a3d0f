//! What players may have a limited number of, counted over all matchmakers.

use std::time::Duration;

/// What is counted for a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holding {
    /// A seat in a match that is not over.
    Match,
    /// A waiting ticket of a pool.
    Ticket,
    /// An open challenge.
    Challenge,
}

impl Holding {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Match, Self::Ticket, Self::Challenge];

    /// The name of the kind in keys.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Match => "matches",
            Self::Ticket => "tickets",
            Self::Challenge => "challenges",
        }
    }
}

/// Minimum time for which an entry is kept. Longer than the longest match, which takes three days: 600 moves
/// a side with three hours and three minutes a move. A player's list without additions is removed after it.
pub const HOLDING_KEPT: Duration = Duration::from_secs(4 * 24 * 60 * 60);
