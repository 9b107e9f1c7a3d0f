//! A store that is slow and answers: it delays players, and stops nobody's clock but that of who waits
//! for it.

use std::time::Duration;

use game_core::{BySeat, ClockStart, MatchId, Seat};
use protocol::{Role, ServerBody};
use shard_core::PeerKey;

use crate::room::Room;

/// What every answer of the store takes.
const ANSWER_MS: u64 = 300;
const TICK_MS: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Knights out and back, for as long as it takes.
const SHUFFLE: [&str; 4] = ["g1f3", "g8f6", "f3g1", "f6g8"];

/// A match whose players answer each other as soon as they see a move.
struct Busy {
    id: MatchId,
    players: [PeerKey; 2],
    ply: u16,
}

impl Busy {
    fn begin(room: &mut Room, n: u128) -> Self {
        let id = room.create(n, room.me, ClockStart::AtOnce);
        let players = [Role::White, Role::Black].map(|role| room.join(id, role, None));
        Self {
            id,
            players,
            ply: 0,
        }
    }

    fn play(&mut self, room: &mut Room) {
        let mover = self.players[usize::from(self.ply % 2)];
        room.play(mover, self.ply, SHUFFLE[usize::from(self.ply % 4)]);
        self.ply += 1;
    }

    /// Whether the last move was confirmed.
    fn is_told(&self, room: &mut Room) -> bool {
        let moved = |body: &ServerBody| matches!(body, ServerBody::Event(_));
        let next = self.players[usize::from(self.ply % 2)];
        room.bodies(next).iter().any(moved)
    }
}

/// Heartbeats of two round trips, and batches, each of which the store answers after `ANSWER_MS`.
#[derive(Default)]
struct SlowStore {
    batch_at: Option<u64>,
    heartbeat: Option<(u64, bool)>,
}

impl SlowStore {
    fn answer(&mut self, room: &mut Room, ms: u64) {
        if room.in_flight.is_some() && self.batch_at.is_none() {
            self.batch_at = Some(ms + ANSWER_MS);
        }
        if self.batch_at.is_some_and(|at| at <= ms) {
            self.batch_at = None;
            room.store_all();
        }
        match self.heartbeat {
            None if ms.is_multiple_of(500) => {
                room.shard.heartbeat_sent(room.now(), room.since_boot());
                self.heartbeat = Some((ms + ANSWER_MS, false));
            }
            Some((at, false)) if at <= ms => {
                room.shard.heartbeat_reached(room.now(), room.since_boot());
                self.heartbeat = Some((ms + ANSWER_MS, true));
            }
            Some((at, true)) if at <= ms => {
                let registry = vec![room.record(room.me, ms)];
                room.beat_answered(registry);
                self.heartbeat = None;
            }
            _ => {}
        }
        room.advance();
    }
}

#[test]
fn a_store_at_300_ms_pauses_nobody_on_a_busy_shard() {
    let mut room = Room::new();
    let thinking = room.create(1, room.me, ClockStart::AtOnce);
    let thinker = room.join(thinking, Role::White, None);
    room.join(thinking, Role::Black, None);
    // More matches than wait for one batch, so that there is always one in flight.
    let mut busy: Vec<_> = (2..12).map(|n| Busy::begin(&mut room, n)).collect();
    let began = room.uptime;
    for each in &mut busy {
        each.play(&mut room);
    }
    let (mut store, mut said) = (SlowStore::default(), Vec::new());
    for ms in (0..50_000).step_by(TICK_MS as usize) {
        store.answer(&mut room, ms);
        for each in &mut busy {
            // A game of knights is over by repetition before long: its players stay.
            if each.ply < 16 && each.is_told(&mut room) {
                each.play(&mut room);
            }
        }
        if ms % 2_000 == 0 && ms > 0 {
            let n = 1_000 + u128::from(ms);
            let mut next = Busy::begin(&mut room, n);
            next.play(&mut room);
            busy.push(next);
        }
        said.extend(room.bodies(thinker));
        room.pass(TICK_MS);
    }
    let pauses = said.iter().filter(|body| **body == ServerBody::Paused);
    assert_eq!(pauses.count(), 0);
    assert!(room.shard.counters().batches > 100, "the shard was busy");
    // The thinker was charged for every moment of it.
    let thought = room.uptime.since(began);
    assert_eq!(thought, Duration::from_secs(50));
    let (seen, _) = room.shard.inspect(thinking, room.now()).unwrap();
    assert_eq!(seen.row.clocks[Seat::White], Duration::from_secs(10));
    // And who waited for the store was not: each of them moved at once when told.
    for each in &busy {
        let log = room.store[&each.id].log();
        let last = log.last().expect("a move");
        assert_eq!(
            last.clocks.remaining,
            BySeat {
                white: MINUTE,
                black: MINUTE
            }
        );
    }
}
