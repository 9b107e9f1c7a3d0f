//! A match that is being handed over to another shard.

use std::time::Duration;

use game_core::{MatchTime, ShardId};
use store::HandOver;

use super::LiveMatch;

/// How much a hand-over would be noticed by the players of a match, in order.
///
/// A side that has just begun to think is the least likely to move in the next milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disturbance {
    /// Nobody is connected.
    Nobody,
    /// Everything is confirmed, and the last event was so long ago.
    Thinking(Duration),
    /// Somebody waits for the store's answer.
    Waiting,
}

/// The new owner of a match, and since when it is frozen here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    to: ShardId,
    since: MatchTime,
}

impl LiveMatch {
    /// Freezes the match from `now` on: no time counts, but waiting events are still written.
    pub(crate) fn depart(&mut self, to: ShardId, now: MatchTime) {
        self.departure = Some(Departure { to, since: now });
    }

    /// Play has stood still since `time`, as is noticed only now: a departure that was noted since then began at `time`, on a
    /// clock that steps back.
    pub(crate) fn stands_still_since(&mut self, time: MatchTime) {
        if let Some(departure) = &mut self.departure {
            departure.since = departure.since.min(time);
        }
    }

    /// The match could not be handed over and continues here.
    pub(crate) fn stay(&mut self) {
        self.departure = None;
    }

    /// How much its players would notice a hand-over at `now`.
    pub(crate) fn disturbance(&self, now: MatchTime) -> Disturbance {
        if self.members.is_empty() {
            return Disturbance::Nobody;
        }
        if !self.pending.is_empty() || self.reclaiming {
            return Disturbance::Waiting;
        }
        let (_, last_at) = self.game.last_event();
        Disturbance::Thinking(now.since(last_at))
    }

    /// When it came into memory.
    pub(crate) fn arrived_at(&self) -> MatchTime {
        self.arrived_at
    }

    /// Whether the match is being handed over.
    pub(crate) fn is_departing(&self) -> bool {
        self.departure.is_some()
    }

    /// The hand-over of the match by `me`, once all its events are confirmed.
    pub(crate) fn ready_to_go(&self, me: ShardId) -> Option<HandOver> {
        let is_confirmed = self.pending.is_empty() && !self.reclaiming;
        let departure = self.departure.filter(|_| is_confirmed)?;
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
