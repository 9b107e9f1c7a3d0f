//! A match of chess as a pure state machine: rules, clocks, endings, history, snapshot, PGN.
//!
//! Nothing here reads a clock, draws a random number, performs I/O or knows a runtime: `now` is an
//! argument, identities are handed in. The rules come from the `shakmaty` crate, which only
//! [`Position`] uses.
//!
//! Start at [`Match`]: commands and time go in, [`Event`]s come out. A [`Snapshot`] and the events after
//! it restore the same match in another process.

// Vocabulary.
mod decline;
mod id;
mod owner;
mod round_trip;
mod rules;
mod seat;
mod time;

mod piece;
mod square;
mod uci;

// The rules of chess.
mod chess960;
mod fen;
mod limits;
mod position;
mod variant;

// What is agreed, asked for and done.
mod setup;
mod start;

mod command;
mod event;

// The parts of a live match, each with one concern.
mod absence;
mod board;
mod clock;
mod history;
mod line;
mod offers;
mod refusals;

// The live match: its state, what its rules allow, and what changes it.
mod state;

mod decide;

mod apply;
mod arbiter;

// What outlives it.
mod snapshot;

mod charged;
mod date;
mod pgn;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use apply::Receipt;
pub use arbiter::Order;
pub use clock::ClockState;
pub use command::{Command, CommandKind, Refusal, WithMove};
pub use decline::DeclineReason;
pub use event::{Event, EventKind, Outcome, Termination};
pub use history::{Deed, Entry};
pub use id::{CommandId, InvalidId, MatchId, PlayerId, Tag};
pub use limits::{
    GIVE_TIME_MAX, GIVE_TIME_MIN, PLIES_MAX, QUIET_PLIES_CLAIM, QUIET_PLIES_MAX, REPETITIONS_CLAIM,
    REPETITIONS_MAX, SIDE_EVENTS_MAX,
};
pub use owner::{Epoch, ShardId};
pub use piece::{CastlingSide, Piece, Role};
pub use position::{InvalidPosition, InvalidSan, Move, Position, San};
pub use round_trip::RoundTrip;
pub use rules::{Rule, Rules};
pub use seat::{BySeat, ColorChoice, Seat};
pub use setup::{MatchSetup, MatchTags, Player};
pub use snapshot::{RestoreError, Snapshot};
pub use square::{File, InvalidSquare, Rank, Square};
pub use start::{InvalidSetup, StartPosition};
pub use state::{End, Match};
pub use time::{
    ClockStart, Delay, InvalidTimeControl, MatchTime, Speed, Stage, TimeControl, UnixMillis,
};
pub use uci::{InvalidUci, Uci};
pub use variant::{InvalidVariant, Variant};
