//! A match on its way to another shard.

use game_core::ShardId;

use super::LiveMatch;

impl LiveMatch {
    /// From now on nothing happens here; what waits for the store is written still.
    pub(crate) fn depart(&mut self, to: ShardId) {
        self.departs_to = Some(to);
    }

    /// The match could not be given away and goes on here.
    pub(crate) fn stay(&mut self) {
        self.departs_to = None;
    }

    /// Whether the match is on its way to another shard.
    pub(crate) fn is_departing(&self) -> bool {
        self.departs_to.is_some()
    }

    /// Who is to be given the match, once all that happened to it is confirmed.
    pub(crate) fn ready_for(&self) -> Option<ShardId> {
        self.departs_to.filter(|_| self.pending.is_empty())
    }
}
