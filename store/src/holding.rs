//! What players may have only so many of at once, counted over all matchmakers.

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

    /// What the kind is called in keys.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Match => "matches",
            Self::Ticket => "tickets",
            Self::Challenge => "challenges",
        }
    }
}

/// How long an entry is kept at least. Longer than the longest match, which takes three days: 600 moves a
/// side with three hours and three minutes a move. A player's list that nothing is added to goes then.
pub const HOLDING_KEPT: Duration = Duration::from_secs(4 * 24 * 60 * 60);
