//! A match after its end: how long it stays in memory, and the match that follows it.

use std::time::Duration;

use game_core::{Match, MatchSetup, MatchTime, UnixMillis};

use super::LiveMatch;
use crate::ShardLimits;

/// Delay before a new match is made again whose creation failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A rematch that was agreed on, until the new match is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// The seq of the agreement, which has to be confirmed.
    pub(super) seq: u32,
    /// Not before this time.
    pub(super) not_before: MatchTime,
}

/// How long a finished match stays in memory at least: until spectators who are behind have seen its end.
pub(super) fn linger(game: &Match, limits: &ShardLimits) -> Duration {
    limits.finished_linger + Duration::from_secs(game.setup().spectator_delay_s.into())
}

impl LiveMatch {
    /// The end is stored: from `now` on the match stays as long as players may still agree on a rematch.
    pub(super) fn begin_to_linger(&mut self, now: MatchTime, limits: &ShardLimits) {
        self.leaves_at = Some(now + linger(&self.game, limits));
        self.stays_until.get_or_insert(now + limits.rematch_wait);
    }

    /// It had ended when this shard claimed it: its players may agree on a rematch here, as they might have at the
    /// owner before.
    pub(crate) fn reopen(&mut self, now: MatchTime, limits: &ShardLimits) {
        self.read_only = false;
        self.begin_to_linger(now, limits);
    }

    /// It had ended when it was read, and another shard owns it.
    pub(crate) fn belongs_elsewhere(&mut self) {
        self.is_anothers = true;
    }

    /// Whether a finished match has stayed long enough: while a player is there, as long as a rematch can be
    /// offered; else until those who were away can have read its end.
    pub(crate) fn has_left(&mut self, now: MatchTime, limits: &ShardLimits) -> bool {
        if self.leaves_at.is_none_or(|at| at > now) {
            return false;
        }
        let is_attended = self
            .members
            .first()
            .is_some_and(|m| m.role.seat().is_some());
        let may_stay = self.stays_until.is_some_and(|until| now < until);
        if !(is_attended && may_stay && self.game.rematch().is_none()) {
            return true;
        }
        let until = self.stays_until.unwrap_or(now);
        self.leaves_at = Some(until.min(now + limits.finished_linger));
        false
    }

    /// When the new match is to be made, if its making failed before.
    pub(super) fn rematch_retry(&self) -> Option<MatchTime> {
        let due = self.rematch_due?;
        (due.seq <= self.gate.confirmed()).then_some(due.not_before)
    }

    /// The terms of a rematch that is agreed on and confirmed, once: the new match has to be made.
    pub(crate) fn take_rematch(
        &mut self,
        now: MatchTime,
        created_at: UnixMillis,
    ) -> Option<MatchSetup> {
        let confirmed = self.gate.confirmed();
        self.rematch_due
            .take_if(|due| due.seq <= confirmed && due.not_before <= now)?;
        let id = self.game.rematch()?;
        Some(self.game.setup().rematch(id, created_at))
    }

    /// The new match could not be made at `now`.
    pub(crate) fn rematch_failed(&mut self, now: MatchTime) {
        self.rematch_due = Some(Due {
            seq: 0,
            not_before: now + RETRY_AFTER,
        });
        // It has to be here until then.
        self.leaves_at = self.leaves_at.map(|at| at.max(now + 2 * RETRY_AFTER));
    }
}
