//! The fenced write, and its answer.

use bytes::Bytes;
use game_core::{Epoch, Event, EventKind, MatchId, ShardId, Snapshot};

use crate::codec;
use crate::ownership::Ownership;

/// One fenced write: the next records of one match, all or none. The owner of a match that is finished may add
/// records about a rematch, in the same way.
///
/// It holds encoded bytes, so that a retransmission after a timeout is identical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Which match.
    pub match_id: MatchId,
    /// The writer. After a rollback of the store two shards may hold the same epoch number.
    pub owner: ShardId,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// Length of the log that the records follow: the first has seq `after + 1`.
    pub after: u32,
    /// The encoded records, in order; at least one.
    pub records: Vec<Bytes>,
    /// An encoded snapshot of the state after the last record, now and then.
    pub snapshot: Option<Bytes>,
    /// Whether one of the records ends the match; the status then becomes
    /// [`Status::Finished`](crate::Status).
    pub ends: bool,
    /// Whether the first record comes after the end, so that the match must be finished: it is about a
    /// rematch.
    pub is_aftermath: bool,
}

impl Append {
    /// Encodes one write.
    ///
    /// `events` must be gapless and not empty; `snapshot`, if given, must be of the state after
    /// them.
    ///
    /// # Panics
    ///
    /// If `events` is empty or has a gap, which is a bug of the caller.
    #[must_use]
    pub fn new(
        match_id: MatchId,
        owner: ShardId,
        epoch: Epoch,
        events: &[Event],
        snapshot: Option<&Snapshot>,
    ) -> Self {
        let first = events.first().expect("an append has at least one record");
        let gapless = events
            .iter()
            .zip(first.seq..)
            .all(|(event, seq)| event.seq == seq);
        assert!(gapless, "the records of an append are gapless");
        Self {
            match_id,
            owner,
            epoch,
            after: first.seq - 1,
            records: events.iter().map(codec::encode_record).collect(),
            snapshot: snapshot.map(codec::encode_snapshot),
            ends: events
                .iter()
                .any(|event| matches!(event.kind, EventKind::Ended { .. })),
            is_aftermath: matches!(
                first.kind,
                EventKind::RematchOffered
                    | EventKind::RematchDeclined
                    | EventKind::RematchAgreed { .. }
            ),
        }
    }

    /// Bytes of records and snapshot, by which a batch is bounded.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        let records: usize = self.records.iter().map(Bytes::len).sum();
        records + self.snapshot.as_ref().map_or(0, Bytes::len)
    }

    /// Length of the log after this write.
    #[must_use]
    pub fn last_seq(&self) -> u32 {
        self.after + self.records.len() as u32
    }
}

/// The answer to one [`Append`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// The records are in the log under the writer's epoch, since now or since an earlier attempt.
    Stored {
        /// They were there already: this was a retransmission.
        duplicate: bool,
    },
    /// Epoch or owner are not the current ones: the writer does not own the match any more, or the store lost
    /// the claim by which it owned it (then the epoch here is lower than its own, or another shard's). Names
    /// the writer itself if a later claim of its own has arrived. Checked before the position: records that
    /// are stored already are fenced too, because a former owner must not confirm them.
    Fenced(Ownership),
    /// Other records have these positions, or the match is finished where the writer's is not, or the other
    /// way round: the log differs from the writer's view.
    Conflict {
        /// Length of the stored log.
        len: u32,
    },
    /// The log is shorter than the writer expects: the store lost confirmed records.
    Rollback {
        /// Length of the stored log.
        len: u32,
    },
    /// There is no such match: the store lost all of it.
    Missing,
    /// The stored data of this match cannot be read, for the reason in the text. A retry does not help. The
    /// other elements of the batch are not affected.
    Unreadable(String),
    /// The server that keeps this match does not answer, for the reason in the text, while others do: the write
    /// happened or did not. Repeat it, unchanged, until there is an answer.
    Unanswered(String),
}
