//! The terms of a match: what is agreed before it begins.

use crate::{
    BySeat, ClockStart, MatchId, PlayerId, Rule, Rules, Seat, Speed, StartPosition, TimeControl,
    UnixMillis, Variant,
};

/// The player in a seat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Player {
    /// The id of the player, who holds the right to the seat.
    pub id: PlayerId,
    /// The player's name in records; the matchmaker limits its length.
    pub name: Box<str>,
    /// The rating before the match, if the player has one.
    pub rating: Option<u16>,
    /// Whether a program plays.
    pub is_bot: bool,
}

/// Where a match belongs, for records. Each has at most [`MatchTags::LEN_MAX`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MatchTags {
    /// The event that it is part of.
    pub event: Option<Box<str>>,
    /// The round of the event.
    pub round: Option<Box<str>>,
    /// The board in the round.
    pub board: Option<Box<str>>,
    /// Where it is played.
    pub site: Option<Box<str>>,
}

impl MatchTags {
    /// Upper bound on each tag, in bytes.
    pub const LEN_MAX: usize = 120;

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The terms of a match, which never change after it was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchSetup {
    /// The id of the match.
    pub id: MatchId,
    /// The players.
    pub players: BySeat<Player>,
    /// The position at ply 0, of the variant that is played.
    pub start: StartPosition,
    /// How much time each side has.
    pub controls: BySeat<TimeControl>,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// When play begins, if not as soon as the match is made.
    pub start_at: Option<UnixMillis>,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind: 0, or 3 to 60.
    pub spectator_delay_s: u8,
    /// Whether players and spectators can chat.
    pub chat: bool,
    /// The rules that differ from the usual ones.
    pub rules: Rules,
    /// Where the match belongs.
    pub tags: Option<Box<MatchTags>>,
    /// When the match was created, for records.
    pub created_at: UnixMillis,
}

impl MatchSetup {
    /// Longest delay of spectators, in seconds.
    pub const SPECTATOR_DELAY_MAX_S: u8 = 60;
    /// Shortest delay of spectators but none, in seconds.
    pub const SPECTATOR_DELAY_MIN_S: u8 = 3;

    /// The rules of the game.
    #[must_use]
    pub fn variant(&self) -> Variant {
        self.start.variant()
    }

    /// Whether a seat gets lag compensation: a bot only where the rules say so.
    #[must_use]
    pub fn compensates(&self, seat: Seat) -> bool {
        !self.players[seat].is_bot || self.rules.has(Rule::CompensateBots)
    }

    /// The speed of the match: that of its slower control.
    #[must_use]
    pub fn speed(&self) -> Speed {
        self.controls.white.speed().max(self.controls.black.speed())
    }

    /// The terms of a rematch: the same with the other colours.
    #[must_use]
    pub fn rematch(&self, id: MatchId, created_at: UnixMillis) -> Self {
        let swapped = |of: &BySeat<Player>| BySeat {
            white: of.black.clone(),
            black: of.white.clone(),
        };
        Self {
            id,
            players: swapped(&self.players),
            // A control that a player has for itself stays the player's.
            controls: BySeat {
                white: self.controls.black,
                black: self.controls.white,
            },
            start_at: None,
            created_at,
            ..self.clone()
        }
    }
}
