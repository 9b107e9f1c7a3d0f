//! The events of a match, which make up its log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ClockState, CommandId, MatchId, MatchTime, RoundTrip, Seat, Uci, WithMove};

/// One change of a match, with everything that a replay needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the match, from 1, without gaps.
    pub seq: u32,
    /// The seat that caused it; `None` if time, the rules or an arbiter did.
    pub seat: Option<Seat>,
    /// The command that caused it. Each command id of a seat is in one event at most.
    pub command_id: Option<CommandId>,
    /// The clocks after it.
    pub clocks: ClockState,
    /// When it happened, on the clock of the match's owner at that time. What the side to move had used
    /// when that owner was last heard is the difference.
    pub at: MatchTime,
    /// The round trip of the mover's connection, of a move that came over one. It is for the record only: no
    /// rule depends on it, and no peer is sent it.
    pub round_trip: Option<RoundTrip>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A move was made. It also declines a draw offer of the opponent; an offer of the mover stands
    /// (FIDE 9.1.2.1).
    Moved {
        /// The move in its canonical form.
        uci: Uci,
        /// What was said with it. A claim that held is followed by the end.
        with: WithMove,
    },
    /// A draw was offered.
    DrawOffered,
    /// The standing draw offer was declined.
    DrawDeclined,
    /// A seat asked to take back its last move.
    TakebackOffered,
    /// The standing request for a takeback was declined.
    TakebackDeclined,
    /// Moves were taken back, by the seat that granted it, or by an arbiter.
    TakenBack {
        /// How many half-moves: 1 or 2, or as many as an arbiter undid.
        plies: u8,
    },
    /// A seat added time to its opponent's clock.
    TimeGiven {
        /// How much.
        seconds: u8,
    },
    /// The match ended.
    Ended {
        /// Who won.
        outcome: Outcome,
        /// Why.
        termination: Termination,
    },
    /// A rematch was offered; after the end only.
    RematchOffered,
    /// The standing offer of a rematch was declined.
    RematchDeclined,
    /// Both want a rematch.
    RematchAgreed {
        /// The id of the new match.
        match_id: MatchId,
    },
    /// An arbiter stopped both clocks, and no move is accepted.
    Stopped,
    /// An arbiter let play go on.
    Resumed,
    /// An arbiter set the clock of a seat, or added time to it: the clocks after the event show it.
    ClockSet {
        /// Whose clock.
        seat: Seat,
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
    /// The same position for the third time, on a claim or by the terms (FIDE 9.2).
    ThreefoldRepetition,
    /// Fifty moves a side without a capture or a pawn move, on a claim or by the terms (FIDE 9.3).
    FiftyMoves,
    /// A side left the match and did not come back; a draw if its opponent wanted one or lacked the
    /// material to mate.
    Abandoned,
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
            Self::ThreefoldRepetition => "threefold_repetition",
            Self::FiftyMoves => "fifty_moves",
            Self::Abandoned => "abandoned",
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
