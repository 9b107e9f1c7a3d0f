//! One structure for every deadline of every match.

use std::collections::BTreeSet;

use game_core::MatchTime;

use super::MatchKey;

/// When each match next has a deadline, soonest first. Each match has at most one entry: the soonest of its
/// own deadlines.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(MatchTime, MatchKey)>);

impl Deadlines {
    /// Moves the entry of `key` from `old` to `new`.
    pub(crate) fn reschedule(
        &mut self,
        key: MatchKey,
        old: Option<MatchTime>,
        new: Option<MatchTime>,
    ) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.0.remove(&(old, key));
        }
        if let Some(new) = new {
            self.0.insert((new, key));
        }
    }

    /// The soonest deadline.
    pub(crate) fn next(&self) -> Option<MatchTime> {
        self.0.first().map(|&(time, _)| time)
    }

    /// The first `limit` matches whose deadlines are due at `now`; they keep their entries until they are
    /// rescheduled.
    pub(crate) fn due(&self, now: MatchTime, limit: usize) -> Vec<MatchKey> {
        self.0
            .iter()
            .take(limit)
            .take_while(|&&(time, _)| time <= now)
            .map(|&(_, key)| key)
            .collect()
    }
}
