//! How long players wait when the shard of their match goes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game_core::{BySeat, Epoch, MatchId, Seat};

use super::figures::{Percentiles, Times};

/// A match in play.
#[derive(Debug)]
struct Live {
    shard: SocketAddr,
    epoch: Epoch,
    seated: BySeat<bool>,
    /// Its shard went.
    hit: Option<Hit>,
    was_hit: bool,
}

/// The owner went, and not all is well again.
#[derive(Debug)]
struct Hit {
    at: Duration,
    epoch: Epoch,
    /// Players who have not come back.
    away: BySeat<bool>,
    /// Nothing was acknowledged under the next owner.
    silent: bool,
}

#[derive(Debug, Default)]
struct Inner {
    live: HashMap<MatchId, Live>,
    next_ack: Times,
    back: Times,
}

/// The matches in play: where they live, and how they fare when that shard goes. All times are since
/// the start of the soak.
#[derive(Debug, Default)]
pub(super) struct Takeovers(Mutex<Inner>);

impl Takeovers {
    /// A match begins.
    pub(super) fn begun(&self, id: MatchId) {
        let live = Live {
            shard: SocketAddr::from(([0, 0, 0, 0], 0)),
            epoch: Epoch(0),
            seated: BySeat::default(),
            hit: None,
            was_hit: false,
        };
        self.inner().live.insert(id, live);
    }

    /// A player was sent to the shard at `address`.
    pub(super) fn located(&self, id: MatchId, address: SocketAddr) {
        if let Some(live) = self.inner().live.get_mut(&id) {
            live.shard = address;
        }
    }

    /// A player sits in its seat, under `epoch`.
    pub(super) fn seated(&self, id: MatchId, seat: Seat, epoch: Epoch, at: Duration) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let Some(live) = inner.live.get_mut(&id) else {
            return;
        };
        live.epoch = live.epoch.max(epoch);
        live.seated[seat] = true;
        if let Some(hit) = &mut live.hit
            && epoch > hit.epoch
            && std::mem::take(&mut hit.away[seat])
        {
            inner.back.record(at.saturating_sub(hit.at));
        }
        live.forget_what_is_over();
    }

    /// A command was acknowledged under `epoch`; says whether the match was ever hit.
    pub(super) fn acked(&self, id: MatchId, epoch: Epoch, at: Duration) -> bool {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let Some(live) = inner.live.get_mut(&id) else {
            return false;
        };
        live.epoch = live.epoch.max(epoch);
        if let Some(hit) = &mut live.hit
            && epoch > hit.epoch
            && std::mem::take(&mut hit.silent)
        {
            inner.next_ack.record(at.saturating_sub(hit.at));
        }
        live.forget_what_is_over();
        live.was_hit
    }

    /// The shard at `address` goes now; how many players it held. A match that has not recovered
    /// from an earlier hit counts from that one.
    pub(super) fn hit(&self, address: SocketAddr, at: Duration) -> usize {
        let mut players = 0;
        for live in self.inner().live.values_mut() {
            if live.shard != address {
                continue;
            }
            players += Seat::BOTH.iter().filter(|&&seat| live.seated[seat]).count();
            live.was_hit = true;
            live.hit.get_or_insert(Hit {
                at,
                epoch: live.epoch,
                away: live.seated,
                silent: true,
            });
        }
        players
    }

    /// A match is over, or given up.
    pub(super) fn ended(&self, id: MatchId) {
        self.inner().live.remove(&id);
    }

    /// How many players the shard at `address` holds.
    pub(super) fn players_of(&self, address: SocketAddr) -> usize {
        let inner = self.inner();
        let live = inner.live.values().filter(|live| live.shard == address);
        live.map(|live| Seat::BOTH.iter().filter(|&&seat| live.seated[seat]).count())
            .sum()
    }

    /// Players whose shard went and who have not come back.
    pub(super) fn away(&self) -> usize {
        let inner = self.inner();
        let hits = inner.live.values().filter_map(|live| live.hit.as_ref());
        hits.map(|hit| Seat::BOTH.iter().filter(|&&seat| hit.away[seat]).count())
            .sum()
    }

    /// From the loss of a shard to the next acknowledgement in each of its matches, the players'
    /// thinking included.
    pub(super) fn next_ack_ms(&self) -> Percentiles {
        self.inner().next_ack.percentiles()
    }

    /// From the loss of a shard until each of its players sits again.
    pub(super) fn back_ms(&self) -> Percentiles {
        self.inner().back.percentiles()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn forget_what_is_over(&mut self) {
        self.hit
            .take_if(|hit| !hit.silent && hit.away == BySeat::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_owner_ends_the_wait() {
        let takeovers = Takeovers::default();
        let at = Duration::from_millis;
        let id = MatchId::from_random(1);
        let address = "127.0.0.1:1".parse().unwrap();
        takeovers.begun(id);
        takeovers.located(id, address);
        for seat in Seat::BOTH {
            takeovers.seated(id, seat, Epoch(1), at(0));
        }
        assert_eq!(takeovers.hit("127.0.0.1:2".parse().unwrap(), at(5)), 0);
        assert!(!takeovers.acked(id, Epoch(1), at(9)), "another was killed");
        assert_eq!(takeovers.players_of(address), 2);
        assert_eq!(takeovers.hit(address, at(10)), 2);
        assert!(takeovers.acked(id, Epoch(1), at(11)), "it was under way");
        assert_eq!((takeovers.away(), takeovers.next_ack_ms().n), (2, 0));
        takeovers.seated(id, Seat::White, Epoch(2), at(3_010));
        takeovers.seated(id, Seat::White, Epoch(2), at(3_500));
        assert_eq!(takeovers.away(), 1);
        takeovers.seated(id, Seat::Black, Epoch(2), at(4_010));
        takeovers.acked(id, Epoch(2), at(5_010));
        takeovers.acked(id, Epoch(2), at(9_010));
        assert_eq!((takeovers.away(), takeovers.next_ack_ms().n), (0, 1));
        let back = takeovers.back_ms();
        assert_eq!(back.n, 2);
        assert!((2_990.0..3_010.0).contains(&back.p50), "{back:?}");
        takeovers.ended(id);
        assert_eq!(takeovers.hit(address, at(9_999)), 0);
    }
}
