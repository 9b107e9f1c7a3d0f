//! Checks on a peer before it joins the shard.

use game_core::PlayerId;
use protocol::{CloseCode, JoinFlags};
use tokens::SeatClaims;
use tokio::sync::oneshot;

use super::peer::LagMeter;
use super::{Driver, Outlet, Peer};
use crate::transport::Link;
use shard_core::{Now, PeerKey};

/// A peer with a checked token that wants to join.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) claims: SeatClaims,
    /// What it wishes.
    pub(crate) flags: JoinFlags,
    /// The last event that it has seen.
    pub(crate) seen: Option<u32>,
    /// Its connection, from which its round-trip time is read.
    pub(crate) link: Link,
    /// Where its frames go.
    pub(crate) outlet: Outlet,
    /// Its key, for all that it sends from now on.
    pub(crate) reply: oneshot::Sender<Result<PeerKey, JoinRefused>>,
}

/// A join is refused; the last frame states the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JoinRefused;

impl Driver {
    pub(super) fn join(&mut self, joining: Joining, now: Now) {
        let Joining {
            claims,
            flags,
            seen,
            link,
            outlet,
            reply,
        } = joining;
        let player = claims.player;
        let refused = if self.is_revoked(&player) {
            Some(CloseCode::TokenInvalid)
        } else {
            let entered = self.players.enter(&player, link.stable_id());
            (!entered).then_some(CloseCode::Full)
        };
        if let Some(code) = refused {
            self.metrics.joins_refused.inc();
            outlet.refuse(code);
            let _ = reply.send(Err(JoinRefused));
            return;
        }
        let peer = self
            .shard
            .join(claims.match_id, claims.role, &player, seen, now);
        let joined = Peer {
            outlet,
            link,
            player,
            heard_at: self.last_look,
            sent_at: self.last_look,
            flags,
            lag: LagMeter::default(),
        };
        self.peers.insert(peer, joined);
        let answer = if self.shard.has(peer) {
            Ok(peer)
        } else {
            self.metrics.joins_refused.inc();
            Err(JoinRefused)
        };
        if reply.send(answer).is_err() {
            self.gone(peer);
        }
    }

    /// A stream is gone.
    pub(super) fn gone(&mut self, peer: PeerKey) {
        self.shard.leave(peer);
        self.forget(peer);
    }

    /// Removes the outlet of a peer.
    pub(super) fn forget(&mut self, peer: PeerKey) -> Option<Outlet> {
        let gone = self.peers.remove(peer)?;
        self.players.leave(&gone.player, gone.link.stable_id());
        Some(gone.outlet)
    }

    fn is_revoked(&self, player: &PlayerId) -> bool {
        self.revoked.contains(player) || self.expelled.contains_key(player)
    }
}
