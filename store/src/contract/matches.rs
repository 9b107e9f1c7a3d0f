//! Stored matches and their owners.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Epoch, Event, MatchId, MatchTime, ShardId, Snapshot};

use crate::error::StoreError;
use crate::ownership::{Ownership, Status};

/// The stored state from which any shard resumes a match.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Who may write.
    pub ownership: Ownership,
    /// The newest snapshot.
    pub snapshot: Snapshot,
    /// The records after the snapshot, gapless.
    pub tail: Vec<Event>,
    /// The time used on the current move under former owners, in whole microseconds, as the last hand-over or
    /// claim recorded it: on the clock of the side to move, or of the wait for its untimed first move. Zero if
    /// a record was written since.
    pub move_time: Duration,
}

/// Since when a shard owns a match, on its own play clock. Stored with its claim, it shows the next claimant
/// which records carry that clock's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    /// Number of records that this owner did not write, or knows from a former owner only.
    pub seq: u32,
    /// The owner's play clock when it claimed.
    pub clock: MatchTime,
}

/// A claim of one match, among several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claiming {
    /// Which match.
    pub match_id: MatchId,
    /// Its epoch, as far as the claimant knows.
    pub expected: Epoch,
    /// Its status, as far as the claimant knows. A claim of a live match that has ended is lost, and so that whoever
    /// lost it reads how it ended.
    pub status: Status,
    /// Since when the claimant will own it; `None` leaves the stored time of the move as it is.
    pub tenure: Option<Tenure>,
    /// The time used on the current move under former owners, see [`Checkpoint::move_time`]. It counts if the
    /// log has as many records as [`Tenure::seq`].
    pub move_time: Duration,
}

impl Claiming {
    /// A claim that leaves the stored time of the move as it is.
    #[must_use]
    pub const fn new(match_id: MatchId, expected: Epoch) -> Self {
        Self {
            match_id,
            expected,
            status: Status::Live,
            tenure: None,
            move_time: Duration::ZERO,
        }
    }
}

/// What a claimant reads of a match before it claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchHead {
    /// Who may write.
    pub ownership: Ownership,
    /// Length of the log.
    pub seq: u32,
    /// When the last record happened, on the play clock of its writer; `None` if there is no record.
    pub last_at: Option<MatchTime>,
    /// Since when the owner has the match; `None` if it has not claimed it.
    pub tenure: Option<Tenure>,
    /// See [`Checkpoint::move_time`].
    pub move_time: Duration,
}

impl MatchHead {
    /// The time used on the current move, if the owner was last heard at `heard` on its play clock and waits for
    /// up to `wait` after a claim until it starts a clock. Never more than was used: what the owner counted
    /// before its first record, and within `wait` of its claim, is the player's.
    #[must_use]
    pub fn counted(&self, heard: Option<MatchTime>, wait: Duration) -> Duration {
        let (Some(tenure), Some(heard)) = (self.tenure, heard) else {
            return self.move_time;
        };
        let began = tenure.clock + wait;
        let own = self.last_at.filter(|_| self.seq > tenure.seq);
        let from = own.map_or(began, |at| at.max(began));
        self.move_time.saturating_add(heard.since(from))
    }
}

/// Upper bound on the matches in one request of [`Matches::heads`] and [`Matches::claim_many`]: some
/// milliseconds for the store, so that a takeover does not delay moves.
pub const MANY_MAX: usize = 256;

/// A planned change of owner. It is fenced like a write, and stores the time used on the current move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    /// Which match.
    pub match_id: MatchId,
    /// The shard that owns the match and hands it over.
    pub from: ShardId,
    /// The epoch under which it owns it.
    pub epoch: Epoch,
    /// The next owner, under the epoch after that.
    pub to: ShardId,
    /// Length of the log in the owner's view; all of it is confirmed.
    pub seq: u32,
    /// The time used on the current move, see [`Checkpoint::move_time`].
    pub move_time: Duration,
}

/// The answer to a [`HandOver`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandedOver {
    /// The other shard owns the match.
    Done,
    /// The sender does not own the match under that epoch, or the match has ended. A retransmission after an
    /// unknown outcome gets this answer too, with the next owner and epoch.
    Fenced(Ownership),
    /// The log does not have the expected length; nothing was changed.
    OtherLength {
        /// Length of the stored log.
        len: u32,
    },
    /// There is no such match.
    Missing,
}

/// The stored state of a match that a shard compares with its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The match is stored.
    Stored {
        /// Who may write it.
        ownership: Ownership,
        /// The encoded record at the requested seq; `None` if the log is shorter, or the seq is 0.
        record: Option<Bytes>,
    },
    /// There is no such match.
    Missing,
    /// The stored data of this match cannot be read, for the reason in the text.
    Unreadable(String),
}

/// The answer to a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The match is stored now.
    New,
    /// A match of this id exists already, and this is who may write it; nothing was changed. A creation that is
    /// retransmitted gets this answer too.
    Exists(Ownership),
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The claimant owns the match under the checkpoint's epoch, one above the expected one.
    Claimed(Box<Checkpoint>),
    /// The epoch or the status was not the expected one.
    Lost(Ownership),
    /// There is no such match.
    Missing,
}

/// The position of a scan over all matches; only the store that returned it understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanCursor {
    /// After this match, in the order of ids.
    After(MatchId),
    /// The cursor of Redis' own scan.
    Redis(u64),
    /// The cursor of the scan of one primary of a Redis Cluster.
    Cluster {
        /// Identifies the map of the Cluster that the scan was begun with.
        map: u32,
        /// Which primary of that map, by its place.
        node: u16,
        /// The cursor of its own scan.
        cursor: u64,
    },
}

impl ScanCursor {
    /// The match after which a scan in the order of ids continues.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when the cursor is of a store that scans otherwise.
    pub(crate) fn id(self) -> Result<MatchId, StoreError> {
        match self {
            Self::After(id) => Ok(id),
            Self::Redis(_) | Self::Cluster { .. } => Err(Self::foreign()),
        }
    }

    /// The error for a cursor of another kind of store.
    pub(crate) fn foreign() -> StoreError {
        StoreError::Unfit("a scan was begun in another store".to_owned())
    }
}

/// A part of a scan over all matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchPage {
    /// Matches, live and finished, in no order; none on this page does not mean that none follow.
    pub matches: Vec<(MatchId, Ownership)>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<ScanCursor>,
}

/// Upper bound on the keys that one page of [`Matches::matches`] reads, so that no scan delays a move by more
/// than about a millisecond.
pub const SCAN_LIMIT_MAX: usize = 1_000;

/// The stored matches and their owners.
#[async_trait]
pub trait Matches: Send + Sync + 'static {
    /// Stores a new match: the snapshot of ply 0, epoch 0, assigned to `owner`.
    ///
    /// The match is added to `owner`'s set first, so that a crash in between leaves a superfluous hint, never
    /// a missing one. A repeated creation may leave such a hint as well. It is added once more when the match
    /// exists, because a shard that found the hint without the match may have removed it meanwhile.
    ///
    /// # Panics
    ///
    /// If the snapshot is not of seq 0: the log that goes with it would be missing.
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError>;

    /// Reads a match without touching its ownership; `None` if there is none.
    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError>;

    /// The owner of a match; `None` if there is no such match.
    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError>;

    /// A page of all stored matches, live and finished. Begin with `None`, and continue with
    /// [`MatchPage::next`] until there is none.
    ///
    /// A page is made by reading about `limit` keys (clamped to 1 to [`SCAN_LIMIT_MAX`]), so it may contain
    /// fewer matches, none, or a few more. A match that is stored during the whole scan is named once or
    /// more; one that was created or removed meanwhile may be named or not. A match whose head cannot be read
    /// is omitted, with a warning. While a Redis Cluster moves slots between its nodes, a match that moves may be
    /// missed: the next scan names it.
    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError>;

    /// Takes a live match over: if its epoch is `expected`, the epoch becomes the next and the
    /// owner `claimant`. One that has ended is taken over by [`claim_many`](Self::claim_many), with its status: what
    /// follows an end has one writer too.
    ///
    /// A claim that is retransmitted after an unknown outcome returns [`Claim::Lost`] naming the claimant
    /// itself as owner under `expected.next()`; the caller then claims again from there.
    async fn claim(
        &self,
        id: MatchId,
        claimant: ShardId,
        expected: Epoch,
    ) -> Result<Claim, StoreError> {
        let claims = [Claiming::new(id, expected)];
        let mut answers = self.claim_many(claimant, &claims).await;
        let none = || StoreError::Unavailable("a claim without an answer".to_owned());
        answers.pop().unwrap_or_else(|| Err(none()))
    }

    /// Takes several matches over, as [`claim`](Self::claim) does, in a few round trips; one answer for each in
    /// order, independent of the others. Pass [`MANY_MAX`] at most.
    async fn claim_many(
        &self,
        claimant: ShardId,
        claims: &[Claiming],
    ) -> Vec<Result<Claim, StoreError>>;

    /// What a claimant has to know of these matches, `None` for one that does not exist; one answer for each
    /// in order, independent of the others. Pass [`MANY_MAX`] at most.
    async fn heads(&self, matches: &[MatchId]) -> Vec<Result<Option<MatchHead>, StoreError>>;

    /// Hands a live match over to another shard, if the sender owns it and knows the whole log. The match is
    /// added to the next owner's set first, as by a claim.
    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError>;

    /// The owners of these matches, and their records at the given seqs; one answer for each in order.
    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError>;

    /// Rises whenever a server of this store may hold less than was confirmed: it was restarted or replaced by
    /// another since it was last reached, or it went back. Whoever keeps matches in memory then compares them
    /// with [`standing`](Self::standing). Reading it costs nothing and asks no server.
    fn regressions(&self) -> u64 {
        0
    }
}
