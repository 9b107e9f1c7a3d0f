//! The stored forms of single values: enumerations by their numbers, identities by their characters.
//!
//! The order of the variants here is the stored format. A new variant of the domain does not compile until it
//! is added here, at the end.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use game_core::{
    ClockStart, ClockState, ColorChoice, DeclineReason, Delay, MatchId, Outcome, Player, RoundTrip,
    Seat, Stage, Termination, TimeControl, Variant, WithMove,
};
use serde::{Deserialize, Serialize};

use super::varint::Varint;

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
        VariantEnd,
        FivefoldRepetition,
        SeventyFiveMoves,
        MaxLength,
        ThreefoldRepetition,
        FiftyMoves,
        Abandoned,
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
    /// A [`WithMove`].
    StoredWithMove of WithMove { Nothing, DrawOffer, DrawClaim }
);

stored_enum!(
    /// A [`Variant`].
    StoredVariant of Variant {
        Standard,
        Chess960,
        Crazyhouse,
        Antichess,
        Atomic,
        KingOfTheHill,
        RacingKings,
        ThreeCheck,
        Horde,
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

stored_enum!(
    /// A [`DeclineReason`].
    StoredDeclineReason of DeclineReason {
        Generic,
        Later,
        TooFast,
        TooSlow,
        TimeControl,
        Rated,
        Casual,
        Standard,
        Variant,
        NoBot,
        OnlyBot,
    }
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

/// Why a stored value is refused.
pub(super) fn refused(error: impl Display) -> String {
    error.to_string()
}

/// A [`Player`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredPlayer {
    id: String,
    name: String,
    rating: Option<u16>,
    is_bot: bool,
}

impl From<&Player> for StoredPlayer {
    fn from(player: &Player) -> Self {
        let Player {
            id,
            name,
            rating,
            is_bot,
        } = player;
        Self {
            id: id.to_string(),
            name: name.to_string(),
            rating: *rating,
            is_bot: *is_bot,
        }
    }
}

impl TryFrom<StoredPlayer> for Player {
    type Error = String;

    fn try_from(stored: StoredPlayer) -> Result<Self, String> {
        Ok(Self {
            id: parse(&stored.id)?,
            name: stored.name.into(),
            rating: stored.rating,
            is_bot: stored.is_bot,
        })
    }
}

/// A [`TimeControl`]: its stages, in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredControl(Vec<StoredStage>);

/// A [`Stage`].
#[derive(Debug, Serialize, Deserialize)]
struct StoredStage {
    moves: Option<u16>,
    time_ms: Varint,
    increment_ms: Varint,
    delay: StoredDelay,
}

/// A [`Delay`].
#[derive(Debug, Serialize, Deserialize)]
enum StoredDelay {
    None,
    Simple(Varint),
    Bronstein(Varint),
}

impl From<TimeControl> for StoredControl {
    fn from(control: TimeControl) -> Self {
        Self(control.stages().map(StoredStage::from).collect())
    }
}

impl TryFrom<StoredControl> for TimeControl {
    type Error = String;

    fn try_from(StoredControl(stages): StoredControl) -> Result<Self, String> {
        let stages: Vec<Stage> = stages.into_iter().map(Stage::from).collect();
        Self::from_stages(&stages).map_err(refused)
    }
}

impl From<Stage> for StoredStage {
    fn from(stage: Stage) -> Self {
        let Stage {
            moves,
            time,
            increment,
            delay,
        } = stage;
        Self {
            moves,
            time_ms: millis(time),
            increment_ms: millis(increment),
            delay: match delay {
                Delay::None => StoredDelay::None,
                Delay::Simple(delay) => StoredDelay::Simple(millis(delay)),
                Delay::Bronstein(delay) => StoredDelay::Bronstein(millis(delay)),
            },
        }
    }
}

impl From<StoredStage> for Stage {
    fn from(stored: StoredStage) -> Self {
        Self {
            moves: stored.moves,
            time: from_millis(stored.time_ms),
            increment: from_millis(stored.increment_ms),
            delay: match stored.delay {
                StoredDelay::None => Delay::None,
                StoredDelay::Simple(delay) => Delay::Simple(from_millis(delay)),
                StoredDelay::Bronstein(delay) => Delay::Bronstein(from_millis(delay)),
            },
        }
    }
}

/// A [`ClockState`]: what is zero after most moves is left out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum StoredClocks {
    /// Nothing but what each side has left, in microseconds.
    Plain([Varint; 2]),
    /// The lag compensation of each side, in milliseconds, as well: after a move.
    Compensated([Varint; 2], [Varint; 2]),
    /// All, with the time spent and overrun, in microseconds: amid a move.
    Whole([Varint; 2], [Varint; 2], [Varint; 2]),
}

impl From<ClockState> for StoredClocks {
    fn from(clocks: ClockState) -> Self {
        let ClockState {
            remaining,
            quota,
            spent,
            overrun,
        } = clocks;
        let remaining = [remaining.white, remaining.black].map(micros);
        let quota = [quota.white, quota.black];
        if !spent.is_zero() || !overrun.is_zero() {
            Self::Whole(remaining, quota.map(millis), [spent, overrun].map(micros))
        } else if quota == [Duration::ZERO; 2] {
            Self::Plain(remaining)
        } else {
            Self::Compensated(remaining, quota.map(millis))
        }
    }
}

impl From<StoredClocks> for ClockState {
    fn from(stored: StoredClocks) -> Self {
        let none = [Varint(0); 2];
        let (remaining, quota, [spent, overrun]) = match stored {
            StoredClocks::Plain(remaining) => (remaining, none, none),
            StoredClocks::Compensated(remaining, quota) => (remaining, quota, none),
            StoredClocks::Whole(remaining, quota, spent) => (remaining, quota, spent),
        };
        let ([white, black], [of_white, of_black]) = (remaining, quota);
        Self {
            remaining: game_core::BySeat {
                white: from_micros(white),
                black: from_micros(black),
            },
            quota: game_core::BySeat {
                white: from_millis(of_white),
                black: from_millis(of_black),
            },
            spent: from_micros(spent),
            overrun: from_micros(overrun),
        }
    }
}

/// A [`RoundTrip`]: one more than its milliseconds, or 0 if it is not known. One below 127 ms takes a byte, and
/// one below 16 s two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StoredRoundTrip(Varint);

impl From<Option<RoundTrip>> for StoredRoundTrip {
    fn from(round_trip: Option<RoundTrip>) -> Self {
        let stored = round_trip.map_or(0, |known| 1 + u64::from(known.as_millis()));
        Self(Varint(stored))
    }
}

impl TryFrom<StoredRoundTrip> for Option<RoundTrip> {
    type Error = String;

    fn try_from(StoredRoundTrip(Varint(stored)): StoredRoundTrip) -> Result<Self, String> {
        let Some(ms) = stored.checked_sub(1) else {
            return Ok(None);
        };
        // One round trip has one form.
        let ms = u16::try_from(ms).ok().filter(|ms| *ms <= RoundTrip::MAX_MS);
        let ms = ms.ok_or_else(|| format!("a round trip of {stored} ms"))?;
        Ok(Some(RoundTrip::from_millis(ms)))
    }
}

/// Whole microseconds.
fn micros(time: Duration) -> Varint {
    debug_assert_eq!(
        time.subsec_nanos() % 1_000,
        0,
        "clocks are whole microseconds"
    );
    Varint(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

fn from_micros(Varint(micros): Varint) -> Duration {
    Duration::from_micros(micros)
}

/// Whole milliseconds.
fn millis(time: Duration) -> Varint {
    debug_assert_eq!(
        time.subsec_nanos() % 1_000_000,
        0,
        "quotas and controls are whole milliseconds"
    );
    Varint(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn from_millis(Varint(millis): Varint) -> Duration {
    Duration::from_millis(millis)
}
