//! What a shard asks of its driver.

use std::sync::Arc;

use bytes::Bytes;
use game_core::{Epoch, MatchId, ShardId, Snapshot};
use protocol::CloseCode;
use store::{Append, ChatRoom, Claiming, HandOver, Suspicion};

use crate::keys::PeerKey;

/// What the driver has to do for the shard.
#[derive(Debug)]
pub enum Output {
    /// Send a frame to a peer.
    Send {
        /// Whom.
        peer: PeerKey,
        /// What.
        frame: Bytes,
    },
    /// Send a frame to spectators, after all that seats are sent in this round.
    Show {
        /// Whom.
        spectators: Vec<PeerKey>,
        /// What.
        frame: Bytes,
    },
    /// Close a peer's stream after everything that was sent to it; the shard has already removed the peer.
    Close {
        /// Whom.
        peer: PeerKey,
        /// The last frame, which says why.
        frame: Bytes,
        /// Why.
        code: CloseCode,
    },
    /// Read the heads of these matches, [`MANY_MAX`](store::MANY_MAX) at most, and answer with
    /// [`Shard::heads_read`](crate::Shard::heads_read).
    ReadHeads(Vec<MatchId>),
    /// Read a finished match from the store, and answer with [`Shard::loaded`](crate::Shard::loaded).
    Load(MatchId),
    /// Create a match, which follows another or which the store has lost, and answer with [`Shard::created`](crate::Shard::created).
    Create(Box<Snapshot>),
    /// Store a line of chat, and answer with [`Shard::chat_stored`](crate::Shard::chat_stored).
    Say(Saying),
    /// Read the chat of a match, and answer with [`Shard::chat_loaded`](crate::Shard::chat_loaded).
    LoadChat(MatchId),
    /// Claim these matches, [`MANY_MAX`](store::MANY_MAX) at most, and answer each with
    /// [`Shard::claimed`](crate::Shard::claimed).
    Claim(Vec<Claiming>),
    /// A followed match ([`Shard::follow`](crate::Shard::follow)) may look different to operators now.
    Changed(MatchId),
    /// Write a batch, and answer with [`Shard::appended`](crate::Shard::appended). At most one is in flight.
    Append(Arc<[Append]>),
    /// Remove matches from a shard's set in the store, each up to an epoch; it need not succeed.
    Disown(ShardId, Vec<(MatchId, Epoch)>),
    /// Read the set of a dead shard, and answer with [`Shard::orphans`](crate::Shard::orphans).
    Orphans(ShardId),
    /// Remove a dead shard that left no match from the registry; it need not succeed.
    Deregister {
        /// Which shard.
        shard: ShardId,
        /// Its last known heartbeat; `None` if it has no record.
        heartbeat: Option<u64>,
    },
    /// Read who owns these matches, and their records at these seqs; answer with [`Shard::verified`](crate::Shard::verified). At most
    /// one is in flight.
    Verify(Vec<(MatchId, u32)>),
    /// Read the registry now, and answer with [`Shard::registry_read`](crate::Shard::registry_read). At most one is in
    /// flight.
    ReadRegistry,
    /// Ask for evidence about shards of which a beat is missing, and answer each with
    /// [`Shard::proved`](crate::Shard::proved).
    Prove(Vec<Suspicion>),
    /// Read who owns these matches, which were handed over, and answer with
    /// [`Shard::arrivals`](crate::Shard::arrivals). At most one is in flight.
    Arrivals(Vec<MatchId>),
    /// Hand a match over to another shard, and answer with [`Shard::handed_over`](crate::Shard::handed_over).
    HandOver(HandOver),
}

/// A line of chat on its way to the store.
#[derive(Debug, Clone)]
pub struct Saying {
    /// The peer that says it.
    pub peer: PeerKey,
    /// The peer's number for it.
    pub id: u64,
    /// In which match.
    pub match_id: MatchId,
    /// To whom.
    pub room: ChatRoom,
    /// What.
    pub line: store::ChatLine,
}
