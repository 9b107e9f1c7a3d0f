//! The stored forms of single values: enumerations by their numbers, identities by their characters.
//!
//! The order of the variants here is the stored format. A new variant of the domain does not compile until it
//! is added here, at the end.

use std::fmt::Display;
use std::str::FromStr;

use game_core::{
    ClockStart, ColorChoice, MatchId, Outcome, Player, Seat, Termination, TimeControl,
};
use serde::{Deserialize, Serialize};

/// Declares the stored form of an enumeration without fields, and the conversions both ways.
macro_rules! stored_enum {
    ($(#[$doc:meta])* $stored:ident of $domain:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
        pub(super) enum $stored {
            $($variant),+
        }

        impl From<$domain> for $stored {
            fn from(value: $domain) -> Self {
                match value {
                    $($domain::$variant => Self::$variant),+
                }
            }
        }

        impl From<$stored> for $domain {
            fn from(stored: $stored) -> Self {
                match stored {
                    $($stored::$variant => Self::$variant),+
                }
            }
        }
    };
}
pub(super) use stored_enum;

stored_enum!(
    /// A [`Seat`].
    StoredSeat of Seat { White, Black }
);

stored_enum!(
    /// An [`Outcome`].
    StoredOutcome of Outcome { WhiteWins, BlackWins, Draw, Aborted }
);

stored_enum!(
    /// A [`Termination`].
    StoredTermination of Termination {
        Checkmate,
        Stalemate,
        DeadPosition,
        FivefoldRepetition,
        SeventyFiveMoves,
        MaxLength,
        Resignation,
        DrawAgreement,
        TimeForfeit,
        Aborted,
        WhiteNoStart,
        BlackNoStart,
        Adjudicated,
    }
);

stored_enum!(
    /// A [`ClockStart`].
    StoredClockStart of ClockStart { AfterFirstMoves, AtOnce }
);

stored_enum!(
    /// A [`ColorChoice`].
    StoredColor of ColorChoice { White, Black, Random }
);

/// The characters of a match, shard or ticket id.
pub(super) type StoredId = [u8; MatchId::LEN];

/// The stored form of an id.
pub(super) fn id_to_stored(id: impl Display) -> StoredId {
    let text = id.to_string();
    text.as_bytes()
        .try_into()
        .expect("every id has the length of a match id")
}

/// The id of a stored form, or why it is none.
pub(super) fn id_from_stored<T: FromStr<Err: Display>>(stored: StoredId) -> Result<T, String> {
    parse(std::str::from_utf8(&stored).map_err(|error| error.to_string())?)
}

/// Reads a value that is stored as text.
pub(super) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// A [`Player`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredPlayer {
    id: String,
    name: String,
}

impl From<&Player> for StoredPlayer {
    fn from(player: &Player) -> Self {
        let Player { id, name } = player;
        Self {
            id: id.to_string(),
            name: name.to_string(),
        }
    }
}

impl TryFrom<StoredPlayer> for Player {
    type Error = String;

    fn try_from(stored: StoredPlayer) -> Result<Self, String> {
        Ok(Self {
            id: parse(&stored.id)?,
            name: stored.name.into(),
        })
    }
}

/// A [`TimeControl`], in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredControl {
    initial_ms: u64,
    increment_ms: u64,
}

impl From<TimeControl> for StoredControl {
    fn from(control: TimeControl) -> Self {
        // The bounds of a control keep both far below 2⁶⁴ ms.
        Self {
            initial_ms: control.initial().as_millis() as u64,
            increment_ms: control.increment().as_millis() as u64,
        }
    }
}

impl TryFrom<StoredControl> for TimeControl {
    type Error = String;

    fn try_from(stored: StoredControl) -> Result<Self, String> {
        Self::from_millis(stored.initial_ms, stored.increment_ms).map_err(|error| error.to_string())
    }
}
