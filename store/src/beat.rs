//! Signs of life that cost no flush, and what one process has heard of the others'.

use std::collections::HashMap;

use game_core::{MatchTime, ShardId};

/// A sign of life. Nothing of it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Which process: a shard, or an observer with an id of its own, that proves to itself that it hears.
    pub shard: ShardId,
    /// Incremented at each beat. A shard's record has the count of the beat that was sent with it.
    pub count: u64,
    /// The clock that its matches go by, at this beat.
    pub clock: MatchTime,
}

/// A connection of a shard to the store's server, by which others recognise that its process has ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreConnection {
    /// Which start of which server; numbers of connections begin anew at each start.
    pub run_id: String,
    /// The server's number of the connection.
    pub client: i64,
}

/// What this process has heard so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// The newest beat of each sender, this process's own among them, in no order.
    pub beats: Vec<Beat>,
    /// Incremented with each notice that the registry has changed: read it.
    pub notices: u64,
    /// The store does not let this user publish or subscribe: only stored heartbeats count as signs of life.
    pub is_refused: bool,
}

/// The newest beat of each sender. Bounded: the sender that was silent for longest is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// With the number of the beat among all.
    beats: HashMap<ShardId, (Beat, u64)>,
    received: u64,
    notices: u64,
    is_refused: bool,
}

impl Board {
    /// Upper bound on the senders that are remembered: more than an installation has shards and matchmakers.
    pub(crate) const SENDERS_MAX: usize = 4_096;

    /// A beat was received. Of two beats of one sender the one with the higher count stays.
    pub(crate) fn hear(&mut self, beat: Beat) {
        self.received += 1;
        if let Some((known, at)) = self.beats.get_mut(&beat.shard) {
            if known.count < beat.count {
                (*known, *at) = (beat, self.received);
            }
            return;
        }
        if self.beats.len() >= Self::SENDERS_MAX {
            let oldest = self.beats.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.beats.remove(&id);
            }
        }
        self.beats.insert(beat.shard, (beat, self.received));
    }

    /// The registry has changed.
    pub(crate) fn notice(&mut self) {
        self.notices += 1;
    }

    /// Whether the store refuses to publish or subscribe.
    pub(crate) fn set_refused(&mut self, is_refused: bool) {
        self.is_refused = is_refused;
    }

    pub(crate) fn heard(&self) -> Heard {
        Heard {
            beats: self.beats.values().map(|(beat, _)| *beat).collect(),
            notices: self.notices,
            is_refused: self.is_refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(shard: u128, count: u64) -> Beat {
        Beat {
            shard: ShardId::from_random(shard),
            count,
            clock: MatchTime::from_micros(count * 100_000),
        }
    }

    #[test]
    fn the_newest_beat_of_each_sender_is_known() {
        let mut board = Board::default();
        for (shard, count) in [(1, 4), (2, 9), (1, 5), (1, 3)] {
            board.hear(beat(shard, count));
        }
        let mut heard = board.heard().beats;
        heard.sort_by_key(|beat| beat.count);
        assert_eq!(heard, [beat(1, 5), beat(2, 9)]);
    }

    #[test]
    fn the_longest_silent_sender_is_forgotten_when_there_are_too_many() {
        let mut board = Board::default();
        for n in 0..Board::SENDERS_MAX as u128 {
            board.hear(beat(n, 1));
        }
        board.hear(beat(0, 2));
        board.hear(beat(Board::SENDERS_MAX as u128, 1));
        let heard = board.heard().beats;
        assert_eq!(heard.len(), Board::SENDERS_MAX);
        assert!(heard.contains(&beat(0, 2)) && !heard.contains(&beat(1, 1)));
    }

    #[test]
    fn a_notice_is_seen_by_who_looks_later() {
        let mut board = Board::default();
        let before = board.heard().notices;
        board.notice();
        assert_ne!(board.heard().notices, before);
    }
}
