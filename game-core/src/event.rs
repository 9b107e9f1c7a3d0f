//! The events of a match, which make up its log.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BySeat, CommandId, Seat, Uci};

/// One change of a match, with everything that a replay needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the match, from 1, without gaps.
    pub seq: u32,
    /// The seat that caused it; `None` if time, the rules or an arbiter did.
    pub seat: Option<Seat>,
    /// The command that caused it. Each command id of a seat is in one event at most.
    pub command_id: Option<CommandId>,
    /// What both clocks show after it.
    pub clocks: BySeat<Duration>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A move was made. It also declines a draw offer of the opponent; an offer of the mover stands
    /// (FIDE 9.1.2.1).
    Moved {
        /// The move in its canonical form (castling as the king's two-square step).
        uci: Uci,
        /// A draw was offered with it.
        offers_draw: bool,
    },
    /// A draw was offered.
    DrawOffered,
    /// The standing offer was declined.
    DrawDeclined,
    /// The match ended.
    Ended {
        /// Who won.
        outcome: Outcome,
        /// Why.
        termination: Termination,
    },
}

/// The result of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 1-0.
    WhiteWins,
    /// 0-1.
    BlackWins,
    /// 1/2-1/2.
    Draw,
    /// No result: the match was aborted.
    Aborted,
}

impl Outcome {
    /// The outcome in which `seat` wins.
    #[must_use]
    pub const fn win_of(seat: Seat) -> Self {
        match seat {
            Seat::White => Self::WhiteWins,
            Seat::Black => Self::BlackWins,
        }
    }

    /// The seat that won, if one did.
    #[must_use]
    pub const fn winner(self) -> Option<Seat> {
        match self {
            Self::WhiteWins => Some(Seat::White),
            Self::BlackWins => Some(Seat::Black),
            Self::Draw | Self::Aborted => None,
        }
    }

    /// As PGN's `Result` tag writes it; `*` for none.
    #[must_use]
    pub const fn as_pgn(self) -> &'static str {
        match self {
            Self::WhiteWins => "1-0",
            Self::BlackWins => "0-1",
            Self::Draw => "1/2-1/2",
            Self::Aborted => "*",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_pgn())
    }
}

/// Why a match ended. The names are stable: clients may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Termination {
    /// FIDE 5.1.1.
    Checkmate,
    /// FIDE 5.2.1.
    Stalemate,
    /// Neither side has the material to mate (FIDE 5.2.2).
    DeadPosition,
    /// The variant's own rules ended the match: by a king in the center, the third check, and so on.
    VariantEnd,
    /// The same position for the fifth time (FIDE 9.6.1).
    FivefoldRepetition,
    /// Seventy-five moves a side without a capture or a pawn move (FIDE 9.6.2).
    SeventyFiveMoves,
    /// 600 moves a side were made.
    MaxLength,
    /// A side resigned; a draw if the opponent lacked the material to mate (FIDE 5.1.2).
    Resignation,
    /// Both agreed to a draw (FIDE 5.2.3).
    DrawAgreement,
    /// A flag fell; a draw if the opponent lacked the material to mate (FIDE 6.9), or if its draw offer
    /// stood.
    TimeForfeit,
    /// A seat aborted before both first moves were made.
    Aborted,
    /// White did not make its first move in time, or no player joined and it was White's turn; the match
    /// is aborted.
    WhiteNoStart,
    /// The same for Black.
    BlackNoStart,
    /// An arbiter ended the match, with or without a result.
    Adjudicated,
}

impl Termination {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Checkmate => "checkmate",
            Self::Stalemate => "stalemate",
            Self::DeadPosition => "dead_position",
            Self::VariantEnd => "variant_end",
            Self::FivefoldRepetition => "fivefold_repetition",
            Self::SeventyFiveMoves => "seventy_five_moves",
            Self::MaxLength => "max_length",
            Self::Resignation => "resignation",
            Self::DrawAgreement => "draw_agreement",
            Self::TimeForfeit => "time_forfeit",
            Self::Aborted => "aborted",
            Self::WhiteNoStart => "white_no_start",
            Self::BlackNoStart => "black_no_start",
            Self::Adjudicated => "adjudicated",
        }
    }
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
