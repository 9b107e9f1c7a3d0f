//! What players are shown, and what they do when it contradicts what they were shown before.

use protocol::ServerFrame;

use super::hall::{Due, Hall};
use super::time::At;

/// How long a player tries before it begins anew, where the store may have gone back to before its epoch.
const STUCK_AFTER: At = 20_000_000;

impl Hall {
    /// A frame reaches a player. What contradicts all that it was shown is an error, unless a failover of the store has lost
    /// something of that: then the player is told, and begins anew.
    pub(super) fn show(
        &mut self,
        number: usize,
        connection: u64,
        frame: &ServerFrame,
    ) -> Result<(), String> {
        let now = self.now;
        if self.replica.is_waited_for || !self.has_seen_a_loss(number) {
            return self.players[number].shown(connection, frame, now);
        }
        let before = self.players[number].clone();
        let shown = self.players[number].shown(connection, frame, now);
        if shown.is_err() {
            self.players[number] = before;
            self.begin_anew(number);
        }
        Ok(())
    }

    /// Whether a player was shown something that a failover took away.
    fn has_seen_a_loss(&self, number: usize) -> bool {
        let player = &self.players[number];
        let mut losses = self.replica.losses_of(player.match_id);
        losses.any(|loss| player.has_seen(loss))
    }

    /// A player who knows that something was lost begins anew, as over a new program.
    pub(super) fn begin_anew(&mut self, number: usize) {
        let connection = self.players[number].connection;
        self.broken(number, connection);
        self.players[number].begin_anew();
        self.at(self.now + 100_000, Due::Player(number));
    }

    /// Whether a player has heard of a later epoch than the store has, after a failover that lost it: it would take no owner's
    /// word.
    pub(super) fn is_stuck(&self, number: usize) -> bool {
        let player = &self.players[number];
        let has_gone_back = self.replica.failovers > 0 && !self.replica.is_waited_for;
        let stored = self.store[&player.match_id].ownership.epoch;
        has_gone_back
            && player.epoch > stored
            && !player.is_joined
            && self.now > player.joined_at + STUCK_AFTER
    }
}
