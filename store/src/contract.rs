//! The contract that every store keeps.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Epoch, Event, MatchId, PlayerId, ShardId, Snapshot, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::holding::Holding;
use crate::ticket::{Assignment, TICKET_LIFE_MAX, Ticket, TicketId};

/// Why a store did not answer an operation.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or cannot write now. The operation happened or did not: repeat
    /// it, unchanged, until there is an answer; meanwhile nothing that depends on it may be shown.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// What is stored is not what this program writes; repeating does not help.
    #[error("the store holds data that cannot be read: {0}")]
    Corrupt(String),
    /// The store is set up in a way that cannot keep the contract; the text says what to change.
    #[error("the store cannot be used: {0}")]
    Unfit(String),
}

/// The life of a stored match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being played, or waiting for its players.
    Live,
    /// Ended; its log is complete and never written again.
    Finished,
}

/// Who may write a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// The fencing number; 0 until the first claim.
    pub epoch: Epoch,
    /// The shard that holds it; at epoch 0 the one that the matchmaker chose.
    pub owner: ShardId,
    /// Whether the match is still to be played.
    pub status: Status,
}

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

/// One fenced write: the next records of one match, all or none.
///
/// It holds encoded bytes, so that a repetition after an ambiguous time-out is the same to the bit.
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
    /// An encoded snapshot of the state after the last record, now and then and at the end.
    pub snapshot: Option<Bytes>,
    /// Whether the last record ends the match; the status then becomes [`Status::Finished`].
    pub ends: bool,
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
            records: events.iter().map(crate::codec::encode_record).collect(),
            snapshot: snapshot.map(crate::codec::encode_snapshot),
            ends: events
                .last()
                .is_some_and(|event| matches!(event.kind, game_core::EventKind::Ended { .. })),
        }
    }

    /// Bytes of records and snapshot: what a batch is bounded by.
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
    /// The records stand in the log under the writer's epoch, now or since an earlier try.
    Stored {
        /// They stood there already: this was a repetition.
        duplicate: bool,
    },
    /// Epoch or owner are not the current ones: the writer does not own the match any more, or the
    /// store lost the claim that it owned it by (then the epoch here is lower than its own, or
    /// another shard's). Names the writer itself where a claim of its own arrived later. Judged
    /// before the position: records that stand there already are fenced too, as they are not for a
    /// former owner to confirm.
    Fenced(Ownership),
    /// Other records stand where these belong, or the match is finished: the log has forked from
    /// the writer's view.
    Conflict {
        /// Length of the stored log.
        len: u32,
    },
    /// The log is shorter than the writer knows it to be: the store lost confirmed records.
    Rollback {
        /// Length of the stored log.
        len: u32,
    },
    /// There is no such match: the store lost all of it.
    Missing,
    /// What is stored for this match cannot be read; the text says what is wrong. Repeating does not
    /// help. The other elements of the batch are not affected.
    Unreadable(String),
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

/// Upper bound on what one page of [`Store::matches`] looks at, so that no scan holds up a move for
/// more than about a millisecond.
pub const SCAN_LIMIT_MAX: usize = 1_000;

/// What a shard tells the others, and the matchmaker, about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Which process.
    pub id: ShardId,
    /// Raised at each heartbeat: that it moves is the sign of life.
    pub heartbeat: u64,
    /// Where players reach it over QUIC.
    pub address: SocketAddr,
    /// SHA-256 of its certificate where clients are to pin it; `None` under a public authority.
    pub certificate_sha256: Option<[u8; 32]>,
    /// The matches it is willing to hold.
    pub capacity: u32,
    /// The matches it holds.
    pub live: u32,
    /// It takes no new matches.
    pub draining: bool,
    /// Where its admin endpoint listens (TCP), if it has one that the matchmakers may use.
    pub admin: Option<SocketAddr>,
}

impl ShardRecord {
    /// Whether it holds fewer matches than it is willing to.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.live < self.capacity
    }
}

/// What the registry says of one shard.
///
/// Whoever decides whether a shard lives must tell these apart: a record that cannot be read is not a
/// record that is missing, and neither is the word of a shard that has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It has said this about itself.
    Recorded(ShardRecord),
    /// It has a record that this program cannot read, perhaps of a newer version: it lives, at an
    /// unknown address, for as long as the sign of life changes.
    Unreadable {
        /// Which process.
        id: ShardId,
        /// Changes with every heartbeat; its value means nothing.
        sign: u64,
    },
    /// It left for good, or is known to have ended, and its set of matches is not empty: they are for
    /// the others to take.
    Left(ShardId),
    /// Its set of matches is not empty, and it has no record: it has not registered yet, or its record
    /// was lost.
    Absent(ShardId),
}

impl Registered {
    /// Which process.
    #[must_use]
    pub const fn id(&self) -> ShardId {
        match self {
            Self::Recorded(record) => record.id,
            Self::Unreadable { id, .. } | Self::Left(id) | Self::Absent(id) => *id,
        }
    }

    /// What it has said about itself, if that can be read.
    #[must_use]
    pub const fn record(&self) -> Option<&ShardRecord> {
        match self {
            Self::Recorded(record) => Some(record),
            _ => None,
        }
    }
}

impl From<ShardRecord> for Registered {
    fn from(record: ShardRecord) -> Self {
        Self::Recorded(record)
    }
}

/// Above every epoch that a claim can give: see [`Store::disown`].
pub const SETTLED: Epoch = Epoch(u64::MAX);

/// How long a revocation is kept: a day longer than the longest life of a player token, 365 days.
pub const REVOCATION_KEPT: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How long a finished match is kept unless a store is told otherwise.
pub const FINISHED_KEEP: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// The shortest time for which an installation may keep finished matches: as long as any ticket lives.
/// Whoever reads a ticket creates its match if it is missing, so a match that goes before its ticket
/// would begin anew.
pub const FINISHED_KEEP_MIN: Duration = TICKET_LIFE_MAX;

/// What one step of [`Store::sweep`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Matches that were removed, or were given the time at which they go by themselves.
    pub matches: usize,
    /// Whether more waits to be looked at now.
    pub more: bool,
}

/// How full a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Bytes that count against the limit.
    pub used_bytes: u64,
    /// From so many on the store refuses writes; `None` if it knows no such limit.
    pub limit_bytes: Option<u64>,
}

impl Room {
    /// Up to this share of the limit, in percent, matches, challenges and tickets are made. The rest is
    /// for the matches in play to go on to their ends.
    pub const NEW_UP_TO_PERCENT: u64 = 80;

    /// Whether matches, challenges and tickets may be made.
    #[must_use]
    pub fn is_for_new(&self) -> bool {
        self.limit_bytes.is_none_or(|limit| {
            let used = u128::from(self.used_bytes) * 100;
            used <= u128::from(limit) * u128::from(Self::NEW_UP_TO_PERCENT)
        })
    }
}

/// What outlives a process.
///
/// A finished match goes when it has been finished for as long as the store was told to keep it;
/// [`sweep`](Self::sweep) sees to what does not go by itself.
///
/// Every operation may be repeated without harm after [`StoreError::Unavailable`]. An answer means
/// that the effect is as durable as the store's mode promises.
#[async_trait]
pub trait Store: Send + Sync + 'static {
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

    /// Reads all records of a match from seq 1; empty if there is no such match.
    async fn log(&self, id: MatchId) -> Result<Vec<Event>, StoreError>;

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

    /// Writes a batch, one answer for each element in order. Elements are independent of each
    /// other; each is all or none, and one that cannot be read stops no other.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: any subset of the batch may have been stored. Repeat the whole.
    ///
    /// # Panics
    ///
    /// If an element has no records.
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError>;

    /// Removes what has reached its age at `now`: finished matches, tickets, revocations. A bounded
    /// part at a time; call it every few seconds, and at once if it says that more waits. Does nothing
    /// durable when nothing is due.
    ///
    /// It also finds the finished matches that have no age yet, because a program stored them that
    /// knew of none; their age counts from then on.
    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError>;

    /// How full the store is.
    async fn room(&self) -> Result<Room, StoreError>;

    /// Puts a shard's record into the registry and returns the whole registry, by id.
    ///
    /// A shard that has [left](Self::leave) is not registered again: a heartbeat that was under way
    /// when it left changes nothing.
    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError>;

    /// The same as [`heartbeat`](Self::heartbeat), and calls `answered` at every answer on the way to the
    /// last. A store that asks its server several times for one heartbeat overrides this, so that its
    /// caller can tell a slow server from one that does not answer.
    async fn heartbeat_in_steps(
        &self,
        shard: &ShardRecord,
        _answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        self.heartbeat(shard).await
    }

    /// Reads the registry, by id: every shard that has a record, and every one whose set of matches is
    /// not empty. No set exists under an id that the registry does not name.
    async fn shards(&self) -> Result<Vec<Registered>, StoreError>;

    /// A shard leaves for good: its record goes. If its set of matches is empty, the registry does not
    /// name it any more; else it says [`Registered::Left`] of it until the others have taken its
    /// matches. Returns the size of the set.
    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError>;

    /// Takes a dead shard out of the registry, if its set of matches is empty and it has not been heard
    /// of since: its record still has this `heartbeat` or, for `None`, it still has none. Says whether
    /// it did. A shard that was not dead after all registers again with its next heartbeat.
    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError>;

    /// The matches that a shard may own: a hint that misses none and may name too many.
    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError>;

    /// Takes matches out of a shard's set, each unless it was added for a claim to a higher epoch than
    /// the one given with it.
    ///
    /// A match is added to a set *before* the claim that makes its shard the owner, and that claim may
    /// be on its way for any length of time. So that no removal can undo an addition that is still
    /// needed, the addition bears the epoch that its claim is to give (0 for a creation). Who has read
    /// that the match is another's under epoch `e` gives `e`: claims to `e` and below are decided, and
    /// can make nobody the owner any more; those above are not touched. For a match that is finished,
    /// or was never created, no claim can come: [`SETTLED`] removes any addition.
    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError>;

    /// Every shard of which anything is stored, whether the registry names it or not, by id. It reads
    /// all names in the store: for checks.
    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError>;

    /// Stores a new ticket, waiting. A ticket of the same id is left as it is. It is removed once it was
    /// not asked for during [`TICKET_WAITS`](crate::TICKET_WAITS); one that has a match by then, or was
    /// cancelled, an hour later.
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError>;

    /// Reads a ticket.
    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError>;

    /// The waiting tickets of a pool, in no order: of very many, the 200 last asked for. A ticket
    /// that was not asked for in the minute before another one was put there or asked for is not
    /// among them, until it is asked for again.
    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError>;

    /// Notes that a waiting ticket's player asked for it at `now`; nothing if it does not wait.
    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError>;

    /// Withdraws a ticket if it is waiting; says whether it was.
    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError>;

    /// Gives a match to all of these tickets, if every one of them is waiting; else changes
    /// nothing. Says whether it did; a repetition with the same match says so too.
    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError>;

    /// Notes that a player has one thing more of a kind, `id`, unless there are `max` of them already.
    /// Says whether it is noted now, which it also is when it was before. An entry is kept for
    /// [`HOLDING_KEPT`](crate::HOLDING_KEPT) at least, be it over or not: who finds a list full looks
    /// which of them are over, and takes them out.
    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// What is noted of a player, with when, in no order.
    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError>;

    /// Takes entries out of a player's list.
    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError>;

    /// Denies a player everything from `at` on, for [`REVOCATION_KEPT`]. Of several times, the latest
    /// counts. Removes revocations that are older than that at `at`.
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError>;

    /// When a player was revoked; `None` if never, or so long ago that no token of then is valid.
    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError>;

    /// The players that were revoked at `since` or later, in no order.
    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError>;
}
