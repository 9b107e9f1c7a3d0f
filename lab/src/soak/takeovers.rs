//! How long players wait when the shard of their match goes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game_core::{BySeat, Epoch, MatchId, Seat};

use super::figures::{Percentiles, Times};
use crate::faults::Going;

/// A match in play.
#[derive(Debug)]
struct Live {
    shard: SocketAddr,
    epoch: Epoch,
    seats: BySeat<SeatPulse>,
    /// Its shard went.
    hit: Option<Hit>,
    was_killed: bool,
}

/// The owner went, and not all is well again.
#[derive(Debug)]
struct Hit {
    going: Going,
    at: Duration,
    epoch: Epoch,
    /// Players who have not come back.
    away: BySeat<bool>,
    /// Nothing was acknowledged under the next owner.
    silent: bool,
}

/// When a seat last did something, or something befell it.
#[derive(Debug, Default)]
struct SeatPulse {
    /// It was taken at some time.
    seated: bool,
    /// The connection was lost, and has not been made again.
    lost: Option<Duration>,
    /// The seat was taken.
    joined: Option<Duration>,
    /// A move or a resignation was given.
    asked: Option<Duration>,
    /// The connection was lost before it was last made.
    lost_before: Option<Duration>,
}

impl SeatPulse {
    /// How long this seat could not play, at the acknowledgement at `now` of its first command after
    /// its owner went: what it thought after play was possible again is not counted.
    fn pause(&self, hit: &Hit, now: Duration) -> Duration {
        let joined = self.joined.unwrap_or(hit.at).max(hit.at);
        let asked = self.asked.unwrap_or(now);
        let from = match hit.going {
            Going::Killed => hit.at,
            // Until it closes the connection, the old owner plays on.
            Going::Drained => self.lost_before.unwrap_or(joined).min(asked),
        };
        let thought = asked.saturating_sub(joined);
        now.saturating_sub(from).saturating_sub(thought)
    }
}

#[derive(Debug, Default)]
struct Inner {
    live: HashMap<MatchId, Live>,
    next_ack: Times,
    back: Times,
    takeovers: Times,
    drains: Times,
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
            seats: BySeat::default(),
            hit: None,
            was_killed: false,
        };
        self.inner().live.insert(id, live);
    }

    /// A player was sent to the shard at `address`.
    pub(super) fn located(&self, id: MatchId, address: SocketAddr) {
        self.with(id, |live| live.shard = address);
    }

    /// A player heard of the match under `epoch`.
    pub(super) fn heard(&self, id: MatchId, epoch: Epoch) {
        self.with(id, |live| live.epoch = live.epoch.max(epoch));
    }

    /// A player sits in its seat, under `epoch`.
    pub(super) fn seated(&self, id: MatchId, seat: Seat, epoch: Epoch, at: Duration) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let Some(live) = inner.live.get_mut(&id) else {
            return;
        };
        live.epoch = live.epoch.max(epoch);
        let pulse = &mut live.seats[seat];
        pulse.seated = true;
        pulse.joined = Some(at);
        pulse.lost_before = pulse.lost.take();
        if let Some(hit) = &mut live.hit
            && epoch > hit.epoch
            && std::mem::take(&mut hit.away[seat])
        {
            inner.back.record(at.saturating_sub(hit.at));
        }
        live.forget_what_is_over();
    }

    /// The connection of a seat was lost.
    pub(super) fn lost(&self, id: MatchId, seat: Seat, at: Duration) {
        self.with(id, |live| {
            live.seats[seat].lost.get_or_insert(at);
        });
    }

    /// A seat gave its move, or resigned.
    pub(super) fn asked(&self, id: MatchId, seat: Seat, at: Duration) {
        self.with(id, |live| live.seats[seat].asked = Some(at));
    }

    /// A command of a seat was acknowledged under `epoch`; says whether the shard of the match was ever
    /// killed.
    pub(super) fn acked(&self, id: MatchId, seat: Seat, epoch: Epoch, at: Duration) -> bool {
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
            let pause = live.seats[seat].pause(hit, at);
            match hit.going {
                Going::Killed => {
                    inner.takeovers.record(pause);
                    inner.next_ack.record(at.saturating_sub(hit.at));
                }
                Going::Drained => inner.drains.record(pause),
            }
        }
        live.forget_what_is_over();
        live.was_killed
    }

    /// The shard at `address` goes now; how many players it held. A match that has not recovered
    /// from an earlier hit counts from that one.
    pub(super) fn hit(&self, address: SocketAddr, going: Going, at: Duration) -> usize {
        let mut players = 0;
        for live in self.inner().live.values_mut() {
            if live.shard != address {
                continue;
            }
            players += live.players();
            let is_killed = going == Going::Killed;
            live.was_killed |= is_killed;
            live.hit.get_or_insert(Hit {
                going,
                at,
                epoch: live.epoch,
                away: BySeat::new_with(|seat| is_killed && live.seats[seat].seated),
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
        live.map(Live::players).sum()
    }

    /// Players whose shard was killed and who have not come back.
    pub(super) fn away(&self) -> usize {
        let inner = self.inner();
        let hits = inner.live.values().filter_map(|live| live.hit.as_ref());
        hits.map(|hit| Seat::BOTH.iter().filter(|&&seat| hit.away[seat]).count())
            .sum()
    }

    /// From `kill -9` of a shard to the next acknowledgement in each of its matches, the players'
    /// thinking included.
    pub(super) fn next_ack_ms(&self) -> Percentiles {
        self.inner().next_ack.percentiles()
    }

    /// From `kill -9` of a shard until each of its players sits again.
    pub(super) fn back_ms(&self) -> Percentiles {
        self.inner().back.percentiles()
    }

    /// From `kill -9` of an owner to the next acknowledgement by another one, what the player thought
    /// once it could play again not counted.
    pub(super) fn takeover_ms(&self) -> Percentiles {
        self.inner().takeovers.percentiles()
    }

    /// From when the side to move lost an owner that was drained, or from its unanswered command, to
    /// the next acknowledgement, counted as for takeovers.
    pub(super) fn drain_ms(&self) -> Percentiles {
        self.inner().drains.percentiles()
    }

    fn with(&self, id: MatchId, note: impl FnOnce(&mut Live)) {
        if let Some(live) = self.inner().live.get_mut(&id) {
            note(live);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn players(&self) -> usize {
        let seated = Seat::BOTH.iter().filter(|&&seat| self.seats[seat].seated);
        seated.count()
    }

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
        let elsewhere = "127.0.0.1:2".parse().unwrap();
        let acked = |epoch, ms| takeovers.acked(id, Seat::White, Epoch(epoch), at(ms));
        assert_eq!(takeovers.hit(elsewhere, Going::Killed, at(5)), 0);
        assert!(!acked(1, 9), "another was killed");
        assert_eq!(takeovers.players_of(address), 2);
        assert_eq!(takeovers.hit(address, Going::Killed, at(10)), 2);
        assert!(acked(1, 11), "it was under way");
        assert_eq!((takeovers.away(), takeovers.next_ack_ms().n), (2, 0));
        takeovers.seated(id, Seat::White, Epoch(2), at(3_010));
        takeovers.seated(id, Seat::White, Epoch(2), at(3_500));
        assert_eq!(takeovers.away(), 1);
        takeovers.seated(id, Seat::Black, Epoch(2), at(4_010));
        acked(2, 5_010);
        acked(2, 9_010);
        assert_eq!((takeovers.away(), takeovers.next_ack_ms().n), (0, 1));
        let back = takeovers.back_ms();
        assert_eq!(back.n, 2);
        assert!((2_990.0..3_010.0).contains(&back.p50), "{back:?}");
        takeovers.ended(id);
        assert_eq!(takeovers.hit(address, Going::Killed, at(9_999)), 0);
    }

    /// A match in the seat of White, whose connection was made at 0.
    fn sitting(takeovers: &Takeovers) -> (MatchId, SocketAddr) {
        let (id, address) = (MatchId::from_random(1), "127.0.0.1:1".parse().unwrap());
        takeovers.begun(id);
        takeovers.located(id, address);
        (id, address)
    }

    fn is_ms(got: f64, expected: f64) -> bool {
        // To three digits.
        (got - expected).abs() <= expected / 500.0
    }

    #[test]
    fn only_an_ack_of_the_next_owner_ends_the_pause() {
        let takeovers = Takeovers::default();
        let at = Duration::from_millis;
        let (id, address) = sitting(&takeovers);
        let acked = |epoch, ms| takeovers.acked(id, Seat::White, Epoch(epoch), at(ms));
        let n = || takeovers.takeover_ms().n;
        acked(1, 10);
        takeovers.hit("127.0.0.1:2".parse().unwrap(), Going::Killed, at(15));
        acked(2, 16);
        assert_eq!(n(), 0, "another shard was killed");
        takeovers.asked(id, Seat::White, at(19));
        takeovers.hit(address, Going::Killed, at(20));
        acked(2, 25);
        assert_eq!(n(), 0, "it was under way");
        acked(3, 3_020);
        acked(3, 3_050);
        assert_eq!(n(), 1);
        let took = takeovers.takeover_ms().max;
        assert!(is_ms(took, 3_000.0), "{took}");
    }

    #[test]
    fn thinking_when_play_is_possible_is_no_part_of_the_pause() {
        let takeovers = Takeovers::default();
        let at = Duration::from_millis;
        let (id, address) = sitting(&takeovers);
        takeovers.acked(id, Seat::Black, Epoch(1), at(10));
        takeovers.hit(address, Going::Drained, at(100));
        takeovers.lost(id, Seat::White, at(150));
        takeovers.seated(id, Seat::White, Epoch(2), at(250));
        takeovers.asked(id, Seat::White, at(900));
        takeovers.acked(id, Seat::White, Epoch(2), at(905));
        let took = takeovers.drain_ms().max;
        assert!(is_ms(took, 105.0), "{took}");
        takeovers.asked(id, Seat::Black, at(990));
        takeovers.hit(address, Going::Drained, at(1_000));
        takeovers.lost(id, Seat::Black, at(1_010));
        takeovers.seated(id, Seat::Black, Epoch(3), at(1_100));
        takeovers.acked(id, Seat::Black, Epoch(3), at(1_110));
        let took = takeovers.drain_ms().max;
        assert!(is_ms(took, 120.0), "{took}");
    }
}
