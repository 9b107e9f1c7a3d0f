//! What a process hears of the others' beats, and how well.

use std::collections::BTreeMap;

use game_core::ShardId;
use store::Beat;

use super::time::At;

/// A subscription to all beats.
#[derive(Default)]
pub(super) struct Hearing {
    /// The newest beat of each, and when the last ones arrived.
    heard: BTreeMap<ShardId, (Beat, Vec<At>)>,
    /// Nothing arrives before.
    pub(super) deaf_until: At,
    /// What is sent before arrives late, by so much.
    late_until: At,
    late_by: At,
    /// When the last that is under way arrives: nothing overtakes it.
    last_at: At,
}

impl Hearing {
    /// How long the arrival of a beat is remembered: longer than what counts as silence.
    const REMEMBERED: At = 6_000_000;

    /// Beats arrive late for a while.
    pub(super) fn be_late(&mut self, by: At, until: At) {
        self.late_by = by;
        self.late_until = until;
    }

    /// A beat arrives.
    pub(super) fn arrive(&mut self, beat: Beat, now: At) {
        if now < self.deaf_until {
            return;
        }
        let (newest, arrivals) = self.heard.entry(beat.shard).or_insert((beat, Vec::new()));
        if beat.count < newest.count {
            return;
        }
        *newest = beat;
        if arrivals.len() > 200 {
            arrivals.retain(|at| *at + Self::REMEMBERED > now);
        }
        arrivals.push(now);
    }

    /// When what is sent now arrives.
    pub(super) fn arrival(&mut self, now: At) -> At {
        let late_by = if now < self.late_until {
            self.late_by
        } else {
            0
        };
        self.last_at = self.last_at.max(now + late_by);
        self.last_at
    }

    /// The newest beat of each.
    pub(super) fn beats(&self) -> Vec<Beat> {
        self.heard.values().map(|(beat, _)| *beat).collect()
    }

    /// Whether a beat of `shard` arrived after one moment and up to another.
    pub(super) fn has_heard(&self, shard: ShardId, after: At, until: At) -> bool {
        let arrivals = self.heard.get(&shard).map(|(_, arrivals)| arrivals);
        arrivals.is_some_and(|all| all.iter().any(|at| (after + 1..=until).contains(at)))
    }
}
