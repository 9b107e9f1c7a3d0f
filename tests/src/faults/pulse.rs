//! How long the players of a match wait when its owner goes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use game_core::{Epoch, MatchId};

/// How an owner goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// `kill -9`.
    Killed,
    /// SIGTERM.
    Drained,
}

/// What is known of a match in play.
#[derive(Debug)]
struct Pulse {
    address: SocketAddr,
    epoch: Epoch,
    acked_at: Instant,
    /// Its owner went, and no other has acknowledged anything yet.
    hit: Option<(Going, Instant, Epoch)>,
}

#[derive(Debug, Default)]
struct Inner {
    live: HashMap<MatchId, Pulse>,
    takeovers: Vec<Duration>,
    drains: Vec<Duration>,
}

/// The matches in play, and what was measured on them.
#[derive(Debug, Default)]
pub struct Pulses(Mutex<Inner>);

impl Pulses {
    /// A player was sent to the shard at `address`.
    pub fn located(&self, id: MatchId, address: SocketAddr, now: Instant) {
        let mut inner = self.inner();
        let pulse = inner.live.entry(id).or_insert(Pulse {
            address,
            epoch: Epoch(0),
            acked_at: now,
            hit: None,
        });
        pulse.address = address;
    }

    /// A player heard of the match under `epoch`.
    pub fn heard(&self, id: MatchId, epoch: Epoch) {
        if let Some(pulse) = self.inner().live.get_mut(&id) {
            pulse.epoch = pulse.epoch.max(epoch);
        }
    }

    /// A command was acknowledged.
    pub fn acked(&self, id: MatchId, epoch: Epoch, now: Instant) {
        let mut inner = self.inner();
        let Some(pulse) = inner.live.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut pulse.acked_at, now);
        pulse.epoch = pulse.epoch.max(epoch);
        if let Some((going, at, _)) = pulse.hit.take_if(|(_, _, old)| epoch > *old) {
            match going {
                Going::Killed => inner.takeovers.push(now - at),
                Going::Drained => inner.drains.push(now - before),
            }
        }
    }

    /// The shard at `address` goes now, and all its matches with it.
    pub fn hit(&self, address: SocketAddr, going: Going, now: Instant) {
        for pulse in self.inner().live.values_mut() {
            if pulse.address == address && pulse.hit.is_none() {
                pulse.hit = Some((going, now, pulse.epoch));
            }
        }
    }

    /// A match is over.
    pub fn ended(&self, id: MatchId) {
        self.inner().live.remove(&id);
    }

    /// From `kill -9` of an owner to the next acknowledgement by another one.
    #[must_use]
    pub fn takeovers(&self) -> Vec<Duration> {
        self.inner().takeovers.clone()
    }

    /// Between the last acknowledgement of an owner that was drained and the first of the next one,
    /// the players' thinking included.
    #[must_use]
    pub fn drains(&self) -> Vec<Duration> {
        self.inner().drains.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ack_of_the_next_owner_ends_the_wait() {
        let (pulses, start) = (Pulses::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let (id, address) = (MatchId::from_random(1), "127.0.0.1:1".parse().unwrap());
        pulses.located(id, address, start);
        pulses.acked(id, Epoch(1), at(10));
        pulses.hit("127.0.0.1:2".parse().unwrap(), Going::Killed, at(15));
        pulses.acked(id, Epoch(2), at(16));
        assert!(pulses.takeovers().is_empty(), "another shard was killed");
        pulses.hit(address, Going::Killed, at(20));
        pulses.acked(id, Epoch(2), at(25));
        assert!(pulses.takeovers().is_empty(), "it was under way");
        pulses.acked(id, Epoch(3), at(3_020));
        pulses.acked(id, Epoch(3), at(3_050));
        assert_eq!(pulses.takeovers(), [Duration::from_millis(3_000)]);
        pulses.hit(address, Going::Drained, at(4_000));
        pulses.acked(id, Epoch(3), at(4_010));
        pulses.acked(id, Epoch(4), at(4_110));
        assert_eq!(pulses.drains(), [Duration::from_millis(100)]);
    }
}
