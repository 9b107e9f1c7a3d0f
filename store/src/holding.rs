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
    /// A seat in a match that is not over and that no limit counts: of a client to whom limits do not apply, of a rematch, of
    /// an event. So each match of a player is in this list or in that of [`Match`](Self::Match).
    Uncounted,
}

impl Holding {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Match, Self::Ticket, Self::Challenge, Self::Uncounted];

    /// The name of the kind in keys.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Match => "matches",
            Self::Ticket => "tickets",
            Self::Challenge => "challenges",
            Self::Uncounted => "uncounted",
        }
    }
}

/// Minimum time for which an entry is kept. Longer than the longest match, which takes three days: 600 moves
/// a side with three hours and three minutes a move. A player's list without additions is removed after it.
pub const HOLDING_KEPT: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// Upper bound on a player's entries of [`Holding::Uncounted`]. Further matches are played like others and are only missing
/// from the list of the player's matches.
pub const UNCOUNTED_MAX: u32 = 1_000;
