//! A match of chess as a pure state machine: rules, clocks, endings, history, snapshot, PGN.
//!
//! Nothing here reads a clock, draws a random number, performs I/O or knows a runtime: `now` is an
//! argument, identities are handed in. Rules come from [`shakmaty`].

mod event;
mod id;
mod owner;
mod seat;
mod setup;
mod time;
mod uci;

pub use command::{Command, CommandKind, Refusal};
pub use event::{Event, EventKind, Outcome, Termination};
pub use id::{CommandId, InvalidId, MatchId, PlayerId};
pub use owner::{Epoch, ShardId};
pub use seat::{BySeat, ColorChoice, Seat};
pub use setup::{InvalidSetup, MatchSetup, Player, StartPosition};
pub use time::{ClockStart, InvalidTimeControl, MatchTime, Speed, TimeControl, UnixMillis};
pub use uci::{InvalidUci, Uci};

mod command;
