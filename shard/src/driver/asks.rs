//! The driver's answers to operators.

use std::collections::HashSet;

use game_core::{BySeat, MatchId, PlayerId};
use protocol::CloseCode;
use shard_core::{Inspection, PeerLink};
use tokio::time::Instant;

use super::{Driver, Peer};
use crate::inspection::Ask;
use shard_core::{Now, PeerKey};

impl Driver {
    /// Sends an answer; that its operator no longer waits is not an error.
    pub(super) fn answer(&mut self, ask: Ask, now: Now) {
        match ask {
            Ask::List(query, reply) => {
                let _ = reply.send(self.shard.list(&query, now));
            }
            Ask::Held(reply) => {
                let _ = reply.send(self.shard.held());
            }
            Ask::Load(id) => self.shard.assigned(vec![id], now),
            Ask::Inspect(id, reply) => {
                let _ = reply.send(self.inspect(id, now).map(Box::new));
            }
            Ask::Follow(id, reply) => {
                if self.shard.follow(id) {
                    let followers = self.followers.entry(id).or_default();
                    // Whoever waits for a match in which nothing happens asks again now and then.
                    followers.retain(|follower| !follower.is_closed());
                    followers.push(reply);
                }
            }
            Ask::Watch(wanted, reply) => {
                let public = wanted.into_iter().filter_map(|(id, known)| {
                    let public = self.shard.as_public(id, known, now)?;
                    Some((id, public))
                });
                let _ = reply.send(public.collect());
            }
            Ask::Status(reply) => {
                let registry = self.shard.registry();
                let registry = registry.map(|(record, dead)| (record.clone(), dead));
                let mut status = self.shard.status();
                let shared = self.address_shared.filter(|shared| shared.is_ours_to_yield);
                status.address_taken_by = shared.map(|shared| shared.with);
                let _ = reply.send((status, registry.collect()));
            }
            Ask::Adjudicate(id, outcome, reply) => {
                let _ = reply.send(self.shard.adjudicate(id, outcome, now));
            }
            Ask::Arbitrate(id, order, expected, reply) => {
                let _ = reply.send(self.shard.arbitrate(id, order, expected, now));
            }
            Ask::HandOver(id, to, reply) => {
                let _ = reply.send(self.shard.hand_over(id, to, now));
            }
            Ask::Expel(player, reply) => {
                let closed = self.expel(|theirs| *theirs == player);
                self.expelled.insert(player, 0);
                let _ = reply.send(closed);
            }
            Ask::Certificate(pins, reply) => {
                self.record.certificate_sha256 = Some(pins.shown);
                // Pages know a certificate of a public authority by its name.
                if let Some(door) = &mut self.record.web.web_transport
                    && !door.certificate_hashes.is_empty()
                {
                    door.certificate_hashes = pins.all();
                }
                self.heartbeat();
                let _ = reply.send(());
            }
        }
    }

    /// A match may look different to those who follow it.
    pub(super) fn changed(&mut self, id: MatchId) {
        for follower in self.followers.remove(&id).into_iter().flatten() {
            let _ = follower.send(());
        }
    }

    fn inspect(&self, id: MatchId, now: Now) -> Option<Inspection> {
        let (mut inspection, seated) = self.shard.inspect(id, now)?;
        inspection.links = BySeat::new_with(|seat| self.link(seated[seat]?));
        Some(inspection)
    }

    fn link(&self, peer: PeerKey) -> Option<PeerLink> {
        let peer = self.peers.get(peer)?;
        Some(PeerLink {
            rtt: peer.link.rtt(),
            silent_for: Instant::now().saturating_duration_since(peer.heard_at),
        })
    }

    /// Closes the streams of revoked players, and refuses their joins until the next list.
    pub(super) fn deny(&mut self, players: Vec<PlayerId>) {
        let revoked: HashSet<PlayerId> = players.into_iter().collect();
        if !revoked.is_empty() {
            self.expel(|player| revoked.contains(player));
        }
        self.expelled.retain(|player, lists| {
            *lists += 1;
            *lists < 2 && !revoked.contains(player)
        });
        self.revoked = revoked;
        self.knows_revoked = true;
    }

    fn expel(&mut self, is_meant: impl Fn(&PlayerId) -> bool) -> usize {
        let meant = |peer: &Peer| is_meant(&peer.player);
        let theirs = self.peers.iter().filter(|(_, peer)| meant(peer));
        let theirs: Vec<PeerKey> = theirs.map(|(key, _)| key).collect();
        for &peer in &theirs {
            self.shard.close(peer, CloseCode::TokenInvalid);
        }
        theirs.len()
    }
}
