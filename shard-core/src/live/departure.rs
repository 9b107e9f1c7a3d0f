//! A match on its way to another shard.

use game_core::{MatchTime, ShardId};
use store::HandOver;

use super::LiveMatch;

/// Where a match goes, and since when nothing happens to it here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    to: ShardId,
    since: MatchTime,
}

impl LiveMatch {
    /// From `now` on nothing happens here, and no time counts; what waits for the store is written
    /// still.
    pub(crate) fn depart(&mut self, to: ShardId, now: MatchTime) {
        self.departure = Some(Departure { to, since: now });
    }

    /// The match could not be given away and goes on here.
    pub(crate) fn stay(&mut self) {
        self.departure = None;
    }

    /// Whether the match is on its way to another shard.
    pub(crate) fn is_departing(&self) -> bool {
        self.departure.is_some()
    }

    /// How `me` gives the match away, once all that happened to it is confirmed.
    pub(crate) fn ready_to_go(&self, me: ShardId) -> Option<HandOver> {
        let is_settled = self.pending.is_empty() && !self.reclaiming;
        let departure = self.departure.filter(|_| is_settled)?;
        Some(HandOver {
            match_id: self.id(),
            from: me,
            epoch: self.epoch,
            to: departure.to,
            seq: self.confirmed_seq(),
            move_time: self.game.move_time(departure.since),
        })
    }
}
