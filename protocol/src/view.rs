//! A match as it is shown to those who join it, or read of it.

use std::fmt;
use std::time::Duration;

use game_core::{
    BySeat, ClockStart, MatchId, MatchTags, Outcome, Player, PlayerId, Rules, Seat, Termination,
    TimeControl, Uci, UnixMillis, Variant,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a peer may do in a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Plays White.
    White,
    /// Plays Black.
    Black,
    /// Watches.
    Spectator,
}

impl Role {
    /// The seat of a player; `None` for a spectator.
    #[must_use]
    pub const fn seat(self) -> Option<Seat> {
        match self {
            Self::White => Some(Seat::White),
            Self::Black => Some(Seat::Black),
            Self::Spectator => None,
        }
    }
}

impl From<Seat> for Role {
    fn from(seat: Seat) -> Self {
        match seat {
            Seat::White => Self::White,
            Seat::Black => Self::Black,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::White => "white",
            Self::Black => "black",
            Self::Spectator => "spectator",
        })
    }
}

/// The full state of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchState {
    /// Who plays.
    pub players: BySeat<SeatView>,
    /// The rules of the game.
    pub variant: Variant,
    /// How much time each side has.
    pub controls: BySeat<TimeControl>,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// When play begins, if not as soon as the match is made.
    pub start_at: Option<UnixMillis>,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind.
    pub spectator_delay_s: u8,
    /// Whether players and spectators can chat.
    pub chat: bool,
    /// The rules that differ from the usual ones. A client ignores those that it does not know, as the
    /// shard enforces them.
    #[serde(with = "rule_bits")]
    pub rules: Rules,
    /// Where the match belongs.
    pub tags: Option<TagsView>,
    /// The position at ply 0 as FEN, unless it is the initial position of the variant.
    pub start_fen: Option<String>,
    /// The position now, as FEN.
    pub fen: String,
    /// The moves that stand, from ply 0.
    pub moves: Vec<Uci>,
    /// The seq of the last event that changed the line of moves, by which the next move is named; 0
    /// before the first.
    pub position_seq: u32,
    /// The seat whose draw offer stands.
    pub draw_offer: Option<Seat>,
    /// The seat whose request for a takeback stands.
    pub takeback_offer: Option<Seat>,
    /// The seat whose offer of a rematch stands.
    pub rematch_offer: Option<Seat>,
    /// The match that both agreed on after this one.
    pub rematch: Option<MatchId>,
    /// How it ended, if it has.
    pub result: Option<(Outcome, Termination)>,
    /// The plies right after whose move a draw offer of the mover stood, in order: a takeback to one of
    /// them brings the offer back.
    pub offered_plies: Vec<u16>,
}

/// The bits of rules, of which unknown ones are dropped.
mod rule_bits {
    use game_core::{Rule, Rules};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(rules: &Rules, to: S) -> Result<S::Ok, S::Error> {
        rules.to_bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rules, D::Error> {
        let bits = u16::deserialize(from)?;
        let is_set = |rule: &Rule| bits & *rule as u16 != 0;
        Ok(Rule::ALL.into_iter().filter(is_set).collect())
    }
}

/// A player as shown to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatView {
    /// The id of the player.
    #[schema(value_type = String)]
    pub id: PlayerId,
    /// The name in records.
    pub name: String,
    /// The rating before the match, if the player has one.
    pub rating: Option<u16>,
    /// Whether a program plays.
    pub is_bot: bool,
}

impl From<&Player> for SeatView {
    fn from(player: &Player) -> Self {
        Self {
            id: player.id.clone(),
            name: player.name.as_ref().into(),
            rating: player.rating,
            is_bot: player.is_bot,
        }
    }
}

/// Where a match belongs, for records. Each has at most [`MatchTags::LEN_MAX`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagsView {
    /// The event that it is part of.
    #[serde(default)]
    pub event: Option<String>,
    /// The round of the event.
    #[serde(default)]
    pub round: Option<String>,
    /// The board in the round.
    #[serde(default)]
    pub board: Option<String>,
    /// Where it is played.
    #[serde(default)]
    pub site: Option<String>,
}

impl TagsView {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether each tag has 1 to [`MatchTags::LEN_MAX`] bytes, and no control character.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let is_valid = |tag: &String| {
            (1..=MatchTags::LEN_MAX).contains(&tag.len()) && !tag.contains(char::is_control)
        };
        let tags = [&self.event, &self.round, &self.board, &self.site];
        tags.into_iter().flatten().all(is_valid)
    }
}

impl From<&MatchTags> for TagsView {
    fn from(tags: &MatchTags) -> Self {
        let text = |tag: &Option<Box<str>>| tag.as_deref().map(String::from);
        Self {
            event: text(&tags.event),
            round: text(&tags.round),
            board: text(&tags.board),
            site: text(&tags.site),
        }
    }
}

impl From<TagsView> for MatchTags {
    fn from(tags: TagsView) -> Self {
        let text = |tag: Option<String>| tag.map(String::into_boxed_str);
        Self {
            event: text(tags.event),
            round: text(tags.round),
            board: text(tags.board),
            site: text(tags.site),
        }
    }
}

/// Both clocks at one moment, in milliseconds, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct ClockView {
    /// What White has left.
    pub white_ms: u32,
    /// What Black has left.
    pub black_ms: u32,
    /// The seat whose clock counts down from this moment.
    #[schema(value_type = Option<String>)]
    pub running: Option<Seat>,
    /// For how long the running clock still stands, as its side has a simple delay.
    pub delay_ms: u32,
}

impl ClockView {
    /// The view of exact clocks, of which the running one still stands for `delay`.
    #[must_use]
    pub fn new(clocks: BySeat<Duration>, running: Option<Seat>, delay: Duration) -> Self {
        let ms = |clock: Duration| u32::try_from(clock.as_millis()).unwrap_or(u32::MAX);
        Self {
            white_ms: ms(clocks.white),
            black_ms: ms(clocks.black),
            running,
            delay_ms: ms(delay),
        }
    }

    /// What `seat` has left.
    #[must_use]
    pub fn of(&self, seat: Seat) -> Duration {
        Duration::from_millis(u64::from(match seat {
            Seat::White => self.white_ms,
            Seat::Black => self.black_ms,
        }))
    }
}
