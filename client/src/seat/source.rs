//! Where a session requests its seat, each time it connects.

use std::future::Future;
use std::pin::Pin;

use game_core::MatchId;
use protocol::http::SeatReply;

use crate::matchmaker::{Matchmaker, MatchmakerError};

/// A seat on its way.
pub type SeatFuture<'a> =
    Pin<Box<dyn Future<Output = Result<SeatReply, MatchmakerError>> + Send + 'a>>;

/// Knows where a match lives, and has the right to a seat in it.
pub trait SeatSource: Send + Sync {
    /// Where the match lives now, with a fresh seat token.
    fn seat(&self, match_id: MatchId) -> SeatFuture<'_>;
}

/// The seat of a player, from the matchmaker.
#[derive(Debug, Clone)]
pub struct PlayerSeat {
    /// The matchmaker.
    pub matchmaker: Matchmaker,
    /// The player token.
    pub token: String,
}

impl SeatSource for PlayerSeat {
    fn seat(&self, match_id: MatchId) -> SeatFuture<'_> {
        Box::pin(self.matchmaker.seat(&self.token, match_id))
    }
}

/// The right to watch, from the matchmaker.
#[derive(Debug, Clone)]
pub struct Watch {
    /// The matchmaker.
    pub matchmaker: Matchmaker,
    /// The player token of the one who watches.
    pub token: String,
}

impl SeatSource for Watch {
    fn seat(&self, match_id: MatchId) -> SeatFuture<'_> {
        Box::pin(self.matchmaker.watch(&self.token, match_id))
    }
}
