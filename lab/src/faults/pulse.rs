//! How long the players of a match wait when its owner goes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use game_core::{BySeat, Epoch, MatchId, Seat};

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
    /// Its owner went, and no other has acknowledged anything yet.
    hit: Option<(Going, Instant, Epoch)>,
    seats: BySeat<SeatPulse>,
}

/// When a seat last did something, or something befell it.
#[derive(Debug, Default)]
struct SeatPulse {
    /// The connection was lost, and has not been made again.
    lost: Option<Instant>,
    /// The seat was taken.
    joined: Option<Instant>,
    /// A command was given.
    asked: Option<Instant>,
    /// The connection was lost before it was last made.
    lost_before: Option<Instant>,
}

impl SeatPulse {
    /// How long this seat could not play, at the acknowledgement at `now` of its first command after
    /// its owner went: what it thought after play was possible again is not counted.
    fn pause(&self, going: Going, gone: Instant, now: Instant) -> Duration {
        let joined = self.joined.unwrap_or(gone).max(gone);
        let asked = self.asked.unwrap_or(now);
        let from = match going {
            Going::Killed => gone,
            // Until it closes the connection, the old owner plays on.
            Going::Drained => self.lost_before.unwrap_or(joined).min(asked),
        };
        let thought = asked.saturating_duration_since(joined);
        (now - from).saturating_sub(thought)
    }
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
    pub fn located(&self, id: MatchId, address: SocketAddr) {
        let mut inner = self.inner();
        let pulse = inner.live.entry(id).or_insert(Pulse {
            address,
            epoch: Epoch(0),
            hit: None,
            seats: BySeat::default(),
        });
        pulse.address = address;
    }

    /// A player heard of the match under `epoch`.
    pub fn heard(&self, id: MatchId, epoch: Epoch) {
        if let Some(pulse) = self.inner().live.get_mut(&id) {
            pulse.epoch = pulse.epoch.max(epoch);
        }
    }

    /// A seat was taken.
    pub fn joined(&self, id: MatchId, seat: Seat, now: Instant) {
        self.with_seat(id, seat, |pulse| {
            pulse.joined = Some(now);
            pulse.lost_before = pulse.lost.take();
        });
    }

    /// The connection of a seat was lost.
    pub fn lost(&self, id: MatchId, seat: Seat, now: Instant) {
        self.with_seat(id, seat, |pulse| {
            pulse.lost.get_or_insert(now);
        });
    }

    /// A seat gave a command.
    pub fn asked(&self, id: MatchId, seat: Seat, now: Instant) {
        self.with_seat(id, seat, |pulse| pulse.asked = Some(now));
    }

    /// A command of a seat was acknowledged.
    pub fn acked(&self, id: MatchId, seat: Seat, epoch: Epoch, now: Instant) {
        let mut inner = self.inner();
        let Some(pulse) = inner.live.get_mut(&id) else {
            return;
        };
        pulse.epoch = pulse.epoch.max(epoch);
        if let Some((going, gone, _)) = pulse.hit.take_if(|(_, _, old)| epoch > *old) {
            let pause = pulse.seats[seat].pause(going, gone, now);
            match going {
                Going::Killed => inner.takeovers.push(pause),
                Going::Drained => inner.drains.push(pause),
            }
        }
    }

    fn with_seat(&self, id: MatchId, seat: Seat, note: impl FnOnce(&mut SeatPulse)) {
        if let Some(pulse) = self.inner().live.get_mut(&id) {
            note(&mut pulse.seats[seat]);
        }
    }

    /// The matches in play, from when a player was first sent to a shard.
    #[must_use]
    pub fn live(&self) -> usize {
        self.inner().live.len()
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

    /// From `kill -9` of an owner to the next acknowledgement by another one, what the player thought
    /// once it could play again not counted.
    #[must_use]
    pub fn takeovers(&self) -> Vec<Duration> {
        self.inner().takeovers.clone()
    }

    /// From when the side to move lost an owner that was drained, or from its unanswered command, to
    /// the next acknowledgement, counted as for takeovers.
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
        let acked = |epoch, ms| pulses.acked(id, Seat::White, Epoch(epoch), at(ms));
        pulses.located(id, address);
        acked(1, 10);
        pulses.hit("127.0.0.1:2".parse().unwrap(), Going::Killed, at(15));
        acked(2, 16);
        assert!(pulses.takeovers().is_empty(), "another shard was killed");
        pulses.asked(id, Seat::White, at(19));
        pulses.hit(address, Going::Killed, at(20));
        acked(2, 25);
        assert!(pulses.takeovers().is_empty(), "it was under way");
        acked(3, 3_020);
        acked(3, 3_050);
        assert_eq!(pulses.takeovers(), [Duration::from_millis(3_000)]);
    }

    #[test]
    fn thinking_when_play_is_possible_is_no_part_of_the_pause() {
        let (pulses, start) = (Pulses::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let (id, address) = (MatchId::from_random(1), "127.0.0.1:1".parse().unwrap());
        pulses.located(id, address);
        pulses.acked(id, Seat::Black, Epoch(1), at(10));
        pulses.hit(address, Going::Drained, at(100));
        pulses.lost(id, Seat::White, at(150));
        pulses.joined(id, Seat::White, at(250));
        pulses.asked(id, Seat::White, at(900));
        pulses.acked(id, Seat::White, Epoch(2), at(905));
        assert_eq!(pulses.drains(), [Duration::from_millis(105)]);
        pulses.asked(id, Seat::Black, at(990));
        pulses.hit(address, Going::Drained, at(1_000));
        pulses.lost(id, Seat::Black, at(1_010));
        pulses.joined(id, Seat::Black, at(1_100));
        pulses.acked(id, Seat::Black, Epoch(3), at(1_110));
        assert_eq!(pulses.drains()[1], Duration::from_millis(120));
    }
}
