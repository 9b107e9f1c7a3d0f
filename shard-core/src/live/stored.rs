//! Comparison of a stored match with memory: after a failure, the store may have less.

use game_core::{Epoch, Event, Match, MatchTime, Snapshot};
use store::{Checkpoint, Claiming, Status, Tenure, codec};

use super::{LiveMatch, ShardLimits};

impl LiveMatch {
    /// Whether the record at `seq` is the event that is in memory there. Events older than those in memory
    /// cannot be compared, and are assumed to be equal.
    pub(crate) fn holds(&self, seq: u32, record: &[u8]) -> bool {
        let ours = self.recent.iter().find(|event| event.seq == seq);
        // Not by their bytes: a program of the version before may have written it.
        ours.is_none_or(|event| codec::decode_record(record).as_ref() == Ok(event))
    }

    /// The last event that the store has confirmed, if it is in memory.
    pub(crate) fn last_confirmed(&self) -> Option<&Event> {
        let seq = self.confirmed_seq();
        self.recent.iter().find(|event| event.seq == seq)
    }

    /// Whether what is stored is the beginning of what is in memory, or all of it.
    pub(crate) fn begins_with(&self, stored: &Checkpoint) -> bool {
        let same = |event: &Event| {
            let ours = self.recent.iter().find(|ours| ours.seq == event.seq);
            ours.is_none_or(|ours| ours == event)
        };
        len_of(stored) <= self.game.seq() && stored.tail.iter().all(same)
    }

    /// It was over when it was read: the store keeps it for a while yet, and then it is past.
    pub(crate) fn had_ended(&self) -> bool {
        self.had_ended
    }

    /// Whether the batch in flight contains events of this match: its answer reveals what is stored.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// The match before its first event, from which it can be created again.
    pub(crate) fn beginning(&self) -> Snapshot {
        Match::new(self.game.setup().clone()).snapshot()
    }

    /// Begins to claim the match above an earlier epoch; returns whether no such claim was in flight.
    pub(crate) fn begin_reclaim(&mut self) -> bool {
        !std::mem::replace(&mut self.reclaiming, true)
    }

    /// The claim of this match above an earlier epoch. The records that it was loaded with have another owner's
    /// time, also when they are written again.
    pub(crate) fn claiming(&self, above: Epoch) -> Claiming {
        Claiming {
            match_id: self.id(),
            expected: above,
            status: Status::Live,
            tenure: Some(Tenure {
                seq: self.loaded.0,
                clock: self.arrived_at,
            }),
            move_time: self.carried,
        }
    }

    /// The store holds the last confirmed event, as a comparison has shown.
    pub(crate) fn note_kept(&mut self) {
        self.is_kept = true;
    }

    /// That claim has been answered. Returns whether the store was seen to hold the last confirmed event before it was made,
    /// which says nothing of later ones.
    pub(crate) fn end_reclaim(&mut self) -> bool {
        self.reclaiming = false;
        std::mem::take(&mut self.is_kept)
    }

    /// Whether what is stored has all that was confirmed here and goes on from there in its own way: the match was played on by
    /// another owner. What is in memory beyond was shown to nobody.
    pub(crate) fn goes_on_in(&self, stored: &Checkpoint, is_kept: bool) -> bool {
        let confirmed = self.confirmed_seq();
        let same =
            |event: &Event| event.seq == confirmed && self.recent.iter().any(|ours| ours == event);
        let is_kept = is_kept || confirmed == 0 || stored.tail.iter().any(same);
        is_kept && len_of(stored) >= confirmed
    }

    /// The match has been claimed again, under a higher epoch.
    pub(crate) fn renew(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// Everything after the first `len` events is to be written (again). Of the last events every
    /// microsecond is kept; see [`Match::events_after`] for the older ones.
    pub(crate) fn write_again(&mut self, len: u32) {
        self.in_flight = None;
        self.waits_since = self.flight_since.take().or(self.waits_since);
        self.pending = if self.remembers(len) {
            Vec::new()
        } else {
            self.game.events_after(len)
        };
        let oldest = self.recent.front().map_or(u32::MAX, |event| event.seq);
        self.pending.retain(|event| event.seq < oldest);
        let recent = self.recent.iter().filter(|event| event.seq > len);
        self.pending.extend(recent.cloned());
        // The snapshots that the store has may be gone too.
        self.snapshot_seq = self.snapshot_seq.min(len);
        // A match whose end is not stored stays in memory.
        self.leaves_at = self.leaves_at.filter(|_| self.pending.is_empty());
    }

    /// The first `seq` events are stored under an epoch of this shard: the gate opens, and the clock of the
    /// side to move may start.
    pub(crate) fn stands_up_to(&mut self, seq: u32, now: MatchTime, limits: &ShardLimits) {
        self.pending.retain(|event| event.seq > seq);
        self.gate.confirm(seq);
        self.release_clock(now);
        if self.is_over() && self.pending.is_empty() {
            self.begin_to_linger(now, limits);
        }
    }
}

/// Length of the log that a checkpoint was made of.
pub(crate) fn len_of(stored: &Checkpoint) -> u32 {
    let last = stored.tail.last();
    last.map_or_else(|| stored.snapshot.seq(), |event| event.seq)
}
