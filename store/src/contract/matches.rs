//! Stored matches: what each is, and who may write it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Epoch, Event, MatchId, ShardId, Snapshot};

use crate::error::StoreError;
use crate::ownership::Ownership;

/// The stored state from which any shard resumes a match.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Who may write.
    pub ownership: Ownership,
    /// The newest snapshot.
    pub snapshot: Snapshot,
    /// The records after the snapshot, gapless.
    pub tail: Vec<Event>,
    /// What had counted of the move under way when the match was last handed over, in whole
    /// microseconds: on the clock of the side to move, or of the wait for its untimed first move. Zero
    /// if the match was never handed over, or a record was written since.
    pub move_time: Duration,
}

/// A planned change of owner. It is fenced like a write, and keeps the time of the move under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    /// Which match.
    pub match_id: MatchId,
    /// The shard that gives the match away, and owns it.
    pub from: ShardId,
    /// The epoch under which it does.
    pub epoch: Epoch,
    /// The next owner, under the epoch after that.
    pub to: ShardId,
    /// Length of the log as the giver knows it; all of it is confirmed.
    pub seq: u32,
    /// What has counted of the move under way, see [`Checkpoint::move_time`].
    pub move_time: Duration,
}

/// The answer to a [`HandOver`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandedOver {
    /// The match is the other shard's.
    Done,
    /// The giver does not own the match under that epoch, or the match has ended. A repetition after
    /// an ambiguous failure is answered so too, with the next owner and epoch.
    Fenced(Ownership),
    /// The log is not as long as the giver knows it to be; nothing was changed.
    OtherLength {
        /// Length of the stored log.
        len: u32,
    },
    /// There is no such match.
    Missing,
}

/// What the store holds of a match, as far as a shard compares it with its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The match is stored.
    Stored {
        /// Who may write it.
        ownership: Ownership,
        /// The encoded record at the seq that was asked for; `None` if the log is shorter, or the seq
        /// is 0.
        record: Option<Bytes>,
    },
    /// There is no such match.
    Missing,
    /// What is stored for this match cannot be read; the text says what is wrong.
    Unreadable(String),
}

/// The answer to a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The match is stored now.
    New,
    /// A match of this id stood there already; nothing was changed.
    Exists,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The claimant owns the match under the checkpoint's epoch, one above the expected one.
    Claimed(Box<Checkpoint>),
    /// The epoch was not the expected one, or the match has ended.
    Lost(Ownership),
    /// There is no such match.
    Missing,
}

/// Where a scan over all matches goes on; it means something to the store that gave it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanCursor {
    /// After this match, in the order of ids.
    After(MatchId),
    /// Where Redis' own scan goes on.
    Redis(u64),
}

impl ScanCursor {
    /// The match after which a scan in the order of ids goes on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when the cursor is of a store that scans otherwise.
    pub(crate) fn id(self) -> Result<MatchId, StoreError> {
        match self {
            Self::After(id) => Ok(id),
            Self::Redis(_) => Err(Self::foreign()),
        }
    }

    /// What is wrong with a cursor that another kind of store has given.
    pub(crate) fn foreign() -> StoreError {
        StoreError::Unfit("a scan was begun in another store".to_owned())
    }
}

/// A part of a scan over all matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchPage {
    /// Matches, live and finished, in no order; none on this page does not mean that none follow.
    pub matches: Vec<(MatchId, Ownership)>,
    /// Where the scan goes on; `None` at its end.
    pub next: Option<ScanCursor>,
}

/// Upper bound on what one page of [`Matches::matches`] looks at, so that no scan holds up a move for
/// more than about a millisecond.
pub const SCAN_LIMIT_MAX: usize = 1_000;

/// The stored matches and their owners.
#[async_trait]
pub trait Matches: Send + Sync + 'static {
    /// Stores a new match: the snapshot of ply 0, epoch 0, assigned to `owner`.
    ///
    /// The match is added to `owner`'s set first, so that a crash in between leaves a hint too
    /// many, never one too few. A repeated creation may leave such a hint as well. It is added once
    /// more when the match stands: whoever found the set naming a match that did not exist may have
    /// removed it meanwhile.
    ///
    /// # Panics
    ///
    /// If the snapshot is not of seq 0: the log that goes with it would be missing.
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError>;

    /// Reads a match without touching its ownership; `None` if there is none.
    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError>;

    /// Who may write a match; `None` if there is no such match.
    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError>;

    /// A page of all stored matches, live and finished. Begin with `None`, and go on with
    /// [`MatchPage::next`] until there is none.
    ///
    /// A page is made by looking at about `limit` places (1 to [`SCAN_LIMIT_MAX`]; what is outside is
    /// taken for the nearest), so it may hold fewer matches, none, or a few more. A match that is
    /// stored during the whole scan is named once or more; one that was created or removed meanwhile
    /// may be named or not. A match whose head cannot be read is left out, with a warning.
    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError>;

    /// Takes a live match over: if its epoch is `expected`, the epoch becomes the next and the
    /// owner `claimant`.
    ///
    /// A claim repeated after an ambiguous failure answers [`Claim::Lost`] naming the claimant
    /// itself as owner under `expected.next()`; the caller then claims again from there.
    async fn claim(
        &self,
        id: MatchId,
        claimant: ShardId,
        expected: Epoch,
    ) -> Result<Claim, StoreError>;

    /// Gives a live match to another shard, if the giver owns it and knows the whole log. The match is
    /// added to the next owner's set first, as by a claim.
    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError>;

    /// Who may write these matches, and their records at the given seqs; one answer for each in order.
    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError>;
}
