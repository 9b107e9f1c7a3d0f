//! A match of chess as a pure state machine: rules, clocks, endings, history, snapshot, PGN.
//!
//! Nothing here reads a clock, draws a random number, performs I/O or knows a runtime: `now` is an
//! argument, identities are handed in. Rules come from [`shakmaty`].
//!
//! [`Match`] is the whole of it: commands and time go in, events come out, and a [`Snapshot`] with
//! the events after it makes the same match again somewhere else.

// Vocabulary.
mod id;
mod owner;
mod seat;
mod time;
mod uci;

// What is agreed, asked for and done.
mod fen;
mod setup;

mod command;
mod event;

// The parts of a live match, each with one concern.
mod board;
mod clock;
mod history;
mod offers;
mod refusals;

// The live match.
mod state;

mod decide;

// What outlives it.
mod snapshot;

mod date;
mod pgn;

pub use command::{Command, CommandKind, Refusal};
pub use event::{Event, EventKind, Outcome, Termination};
pub use id::{CommandId, InvalidId, MatchId, PlayerId};
pub use owner::{Epoch, ShardId};
pub use seat::{BySeat, ColorChoice, Seat};
pub use setup::{InvalidSetup, MatchSetup, Player, StartPosition};
pub use snapshot::{RestoreError, Snapshot};
pub use state::Match;
pub use time::{ClockStart, InvalidTimeControl, MatchTime, Speed, TimeControl, UnixMillis};
pub use uci::{InvalidUci, Uci};
