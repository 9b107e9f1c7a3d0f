//! What clocks lose over takeovers, against an oracle that knows how long each player really thought.
//!
//! The stated error: a player is never charged more than was thought. At each death less is charged by no more than
//! the age of the last beat that was heard, the slowest answer of the store, and the wait for players after a load.

use std::time::Duration;

use game_core::{BySeat, ClockStart, MatchId, MatchTime, Seat};
use proptest::prelude::*;
use protocol::Role;
use shard_core::{PeerKey, ShardLimits};

use crate::room::Room;

/// The first moves of a Ruy Lopez.
const MOVES: [&str; 16] = [
    "e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6", "b5a4", "g8f6", "e1g1", "f8e7", "f1e1", "b7b5",
    "a4b3", "d7d6", "c2c3", "e8g8",
];
/// What each side has.
const INITIAL: Duration = Duration::from_secs(60);
/// How long a shard waits for players after a load.
const WAIT_MS: u64 = 500;

/// When the owner dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// How long the side to move has thought; it continues when it is back.
    WhileThinking { thought_ms: u64 },
    /// The move was received and is not stored: it is sent again.
    BeforeStoring,
    /// The move is stored, and no peer has seen it.
    AfterStoring,
}

/// How one move is made.
#[derive(Debug, Clone)]
struct Ply {
    thinks_ms: u64,
    /// The store answers after this; less than what counts as an outage.
    stores_ms: u64,
    death: Option<Death>,
    /// How long after its match the side to move is back.
    back_ms: u64,
    /// How long before its death the owner was heard last.
    beat_age_ms: u64,
}

fn ply() -> impl Strategy<Value = Ply> {
    let death = prop_oneof![
        (0..3_000_u64).prop_map(|thought_ms| Death::WhileThinking { thought_ms }),
        Just(Death::BeforeStoring),
        Just(Death::AfterStoring),
    ];
    let death = prop_oneof![3 => Just(None), 1 => death.prop_map(Some)];
    let back = 0..WAIT_MS;
    (0..3_000_u64, 0..900_u64, death, back, 0..300_u64).prop_map(
        |(thinks_ms, stores_ms, death, back_ms, beat_age_ms)| Ply {
            thinks_ms,
            stores_ms,
            death,
            back_ms,
            beat_age_ms,
        },
    )
}

/// A match over the lives of several owners.
struct Course {
    room: Room,
    id: MatchId,
    peers: BySeat<PeerKey>,
    /// What each player thought.
    thought: BySeat<Duration>,
    /// Of it, what may be given back.
    error: BySeat<Duration>,
    /// Owners so far.
    owners: u128,
    /// The longest that the store took so far.
    slowest_ms: u64,
}

impl Course {
    fn begin() -> Self {
        let limits = ShardLimits {
            rejoin_wait: Duration::from_millis(WAIT_MS),
            ..ShardLimits::default()
        };
        let (room, id, white, black) = Room::begun_with(ClockStart::AtOnce, limits);
        Self {
            room,
            id,
            peers: BySeat { white, black },
            thought: BySeat::default(),
            error: BySeat::default(),
            owners: 1,
            slowest_ms: 0,
        }
    }

    fn think(&mut self, seat: Seat, ms: u64) {
        self.room.pass(ms);
        self.thought[seat] += Duration::from_millis(ms);
    }

    /// The owner dies, `beat_age_ms` after it was heard with `clock`; the next one has the same store, and the side to
    /// move comes back last.
    fn die(&mut self, to_move: Seat, how: &Ply, clock: MatchTime) {
        self.owners += 1;
        let next = Room::with(ShardLimits::default());
        let dead = std::mem::replace(&mut self.room, next);
        self.room = dead.heir(self.owners, clock);
        let seen = Some(0);
        let waits = to_move.opponent();
        self.peers[waits] = self.room.join(self.id, Role::from(waits), seen);
        self.room.pass(how.back_ms);
        self.peers[to_move] = self.room.join(self.id, Role::from(to_move), seen);
        let error_ms = how.beat_age_ms + self.slowest_ms + WAIT_MS;
        self.error[to_move] += Duration::from_millis(error_ms);
    }

    /// What the owner says in a beat now.
    fn beat(&self) -> MatchTime {
        self.room.shard.counted_up_to()
    }

    fn play(&mut self, number: u16, how: &Ply) {
        let (uci, seat) = (MOVES[usize::from(number)], seat_of(number));
        if let Some(Death::WhileThinking { thought_ms }) = how.death {
            self.think(seat, thought_ms);
            let clock = self.beat();
            self.think(seat, how.beat_age_ms);
            self.die(seat, how, clock);
        }
        self.think(seat, how.thinks_ms);
        self.room.play(self.peers[seat], number, uci);
        self.room.pass(how.stores_ms);
        self.slowest_ms = self.slowest_ms.max(how.stores_ms);
        let clock = self.beat();
        match how.death {
            Some(Death::BeforeStoring) => {
                self.die(seat, how, clock);
                self.room.play(self.peers[seat], number, uci);
                self.room.store_all();
            }
            Some(Death::AfterStoring) => {
                self.room.store_and_lose_the_answer();
                self.die(seat.opponent(), how, clock);
            }
            Some(Death::WhileThinking { .. }) | None => self.room.store_all(),
        }
    }
}

const fn seat_of(ply: u16) -> Seat {
    if ply.is_multiple_of(2) {
        Seat::White
    } else {
        Seat::Black
    }
}

proptest! {
    #[test]
    fn nobody_is_charged_more_than_was_thought(plies in prop::collection::vec(ply(), MOVES.len())) {
        let mut course = Course::begin();
        for (number, how) in (0..).zip(&plies) {
            course.play(number, how);
        }
        let log = course.room.store[&course.id].log();
        prop_assert_eq!(log.len(), MOVES.len());
        for seat in Seat::BOTH {
            let charged = INITIAL - log.last().unwrap().clocks.remaining[seat];
            let (thought, error) = (course.thought[seat], course.error[seat]);
            prop_assert!(charged <= thought, "{seat:?}: {charged:?} of {thought:?}");
            prop_assert!(
                thought - charged <= error,
                "{seat:?}: {charged:?} of {thought:?}, of which {error:?} may be given back"
            );
        }
    }
}
