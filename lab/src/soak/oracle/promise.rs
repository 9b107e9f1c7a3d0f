//! The promises of the server that are checked, and how one is broken.

use std::fmt;

use client::Violation;
use serde::Serialize;

/// A promise of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// Legal events only, numbered without gaps, and answers that do not change.
    Protocol,
    /// Clocks lose no more than the time thought.
    ClockCharged,
    /// Clocks gain no more than their increments.
    ClockRose,
    /// What was acknowledged stands in the records, where it was said to stand.
    AckKept,
    /// Both sides, spectators and the records have the same moves.
    SameMoves,
    /// Both sides, spectators and the records have the same result.
    SameResult,
    /// The PGN is the game that was played.
    Pgn,
    /// A legal move of the side to move is taken.
    MoveTaken,
    /// A draw offer that stands for a player stands at the shard.
    OfferStands,
    /// What somebody was told is stored.
    Lost,
    /// A command takes effect once, and a place in the log has one record.
    Duplicated,
    /// Everything stands in the place that it was said to.
    Reordered,
    /// Two that should say the same do.
    #[serde(rename = "disagreements")]
    Disagreement,
    /// A match has an end, and its players learn it.
    Unfinished,
    /// A match that nobody attends ends by itself, and no match is without an owner that knows of it.
    Forgotten,
    /// No player's clock runs out over a fault of the server.
    Overcharged,
    /// Every match can be played to its end once faults stop.
    Finishes,
    /// A server runs until it is told to stop, and then stops in good order.
    Runs,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Protocol,
        Self::ClockCharged,
        Self::ClockRose,
        Self::AckKept,
        Self::SameMoves,
        Self::SameResult,
        Self::Pgn,
        Self::MoveTaken,
        Self::OfferStands,
        Self::Lost,
        Self::Duplicated,
        Self::Reordered,
        Self::Disagreement,
        Self::Unfinished,
        Self::Forgotten,
        Self::Overcharged,
        Self::Finishes,
        Self::Runs,
    ];

    /// What the stored log should have shown of it.
    const fn in_the_log(self) -> &'static str {
        match self {
            Self::Lost => "whatever a player was told is stored",
            Self::Duplicated => {
                "a command takes effect once, and a place in the log has one record"
            }
            Self::Reordered => "everything stands where it was said to",
            Self::Unfinished => "the match has an end that its players learn",
            Self::Forgotten => "whatever is stored has an owner that knows of it",
            Self::Overcharged => "no clock runs out of players who think for a part of their time",
            _ => "all that is said of the match agrees",
        }
    }
}

/// How a promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which promise.
    pub promise: Promise,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub got: String,
}

impl Breach {
    /// One that what is stored shows.
    #[must_use]
    pub fn stored(promise: Promise, got: String) -> Self {
        Self {
            promise,
            expected: promise.in_the_log().to_owned(),
            got,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.got)
    }
}

impl From<Violation> for Breach {
    fn from(violation: Violation) -> Self {
        Self {
            promise: Promise::Protocol,
            expected: "legal events without gaps, and answers that do not change".to_owned(),
            got: violation.to_string(),
        }
    }
}
