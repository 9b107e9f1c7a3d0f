//! A client of Rookery: the matchmaker over HTTP, and seats in matches over QUIC that outlive lost
//! connections and servers that are killed.
//!
//! 1. **Connect.** A [`Matchmaker`] speaks to the matchmaker's address; [`Matchmaker::new_player`] makes a
//!    guest, whose token is all that a player needs. A [`Connector`] opens QUIC connections to shards, and
//!    pins the certificate that the matchmaker names.
//! 2. **Join.** A ticket ([`Matchmaker::create_ticket`]) or a challenge
//!    ([`Matchmaker::create_challenge`]) leads to a match; [`SeatSession`] takes the player's seat in it.
//! 3. **Play.** [`SeatSession`] tells of each [`Update`]; [`MatchView`] is the match as it was confirmed:
//!    position, clocks, offers, result. A command gets the number of its event, or a refusal.
//! 4. **Survive.** When the connection is lost, the shard restarts or the match moves to another one, the
//!    session asks the matchmaker where the match lives, takes the seat again, and sends again what was not
//!    answered under the same command id, which happens once at most. Only what cannot be mended is an
//!    error ([`SeatError`]).
//!
//! `examples/random_bot.rs` plays a match to its end; `examples/spectator.rs` watches one.

pub mod certificate;
mod close;
pub mod connection;
pub mod matchmaker;
pub mod pairing;
mod printable;
pub mod retry;
pub mod seat;
pub mod sockets;
mod start_slots;
mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod view;
mod violation;

pub use connection::Connector;
pub use matchmaker::{Matchmaker, MatchmakerError};
pub use printable::{printable, printable_json, printable_lines};
pub use seat::{SeatError, SeatSession, SessionConfig, Update};
pub use stream::{BrokenBy, Exchanged, ShardStream, Transport};
pub use view::{MatchView, Standstill};
pub use violation::Violation;
