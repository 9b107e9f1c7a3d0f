//! The simulated store, without faults, gives the answers of the embedded one.

use std::time::Duration;

use game_core::{
    BySeat, ClockState, CommandId, Epoch, Event, EventKind, MatchId, MatchTime, Outcome, Seat,
    ShardId,
};
use game_core::{Snapshot, Termination};
use store::testing::ReadLog;
use store::{Append, Claiming, EmbeddedStore, HandOver, MatchLog, Matches, Registry};

use super::cluster::new_match;
use super::dice::Dice;
use super::world::World;

const SEQUENCES: u64 = 40;
const OPERATIONS: u64 = 60;

/// Answers that the comparison must come across to mean anything.
const KINDS: [&str; 13] = [
    "New",
    "Exists",
    "Claimed",
    "Lost",
    "Missing",
    "duplicate: false",
    "duplicate: true",
    "Fenced",
    "Conflict",
    "Rollback",
    "Done",
    "OtherLength",
    "record: Some",
];

/// One random operation, done to both stores.
struct Step<'a> {
    dice: Dice,
    matches: &'a [Snapshot],
}

impl Step<'_> {
    fn pick(&self, n: u64, below: usize) -> usize {
        self.dice.roll(n) as usize % below
    }

    fn shard(&self) -> ShardId {
        ShardId::from_random(self.dice.between(1, 1, 3).into())
    }

    fn snapshot(&self) -> &Snapshot {
        &self.matches[self.pick(2, self.matches.len())]
    }

    fn id(&self) -> MatchId {
        self.snapshot().setup().id
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.dice.between(3, 0, 3))
    }

    /// The owner, most of the time.
    fn writer(&self, world: &World) -> ShardId {
        let owner = world.model.ownership(self.id()).map(|stored| stored.owner);
        let owner = owner.filter(|_| !self.dice.happens(9, 100));
        owner.unwrap_or_else(|| self.shard())
    }

    fn hand_over(&self, world: &World) -> HandOver {
        let len = world.model.log(self.id()).len() as u64;
        HandOver {
            match_id: self.id(),
            from: self.writer(world),
            epoch: self.epoch(),
            to: self.shard(),
            seq: (len + self.dice.between(10, 0, 1)) as u32,
            move_time: Duration::from_micros(self.dice.between(11, 0, 9)),
        }
    }

    /// A write near the end of the log, in one of few wordings so that it repeats what stands there.
    fn append(&self, world: &World) -> Append {
        let len = world.model.log(self.id()).len();
        let after = (len as u64 + 1).saturating_sub(self.dice.between(4, 0, 3)) as u32;
        let count = self.dice.between(5, 1, 2) as u32;
        let wording = self.dice.between(6, 0, 1);
        let ends = self.dice.happens(7, 60);
        let event = |seq: u32| Event {
            seq,
            seat: Some(Seat::White),
            command_id: Some(CommandId(u64::from(seq) + 1_000 * wording)),
            clocks: ClockState {
                remaining: BySeat {
                    white: Duration::from_secs(seq.into()),
                    black: Duration::from_secs(wording),
                },
                ..ClockState::default()
            },
            at: MatchTime::default(),
            round_trip: None,
            kind: if ends && seq == after + count {
                EventKind::Ended {
                    outcome: Outcome::BlackWins,
                    termination: Termination::Resignation,
                }
            } else {
                EventKind::DrawOffered
            },
        };
        let events: Vec<_> = (after + 1..=after + count).map(event).collect();
        Append::new(self.id(), self.writer(world), self.epoch(), &events, None)
    }

    /// Does it to both; returns both answers.
    async fn take(&self, world: &mut World, other: &EmbeddedStore) -> (String, String) {
        const WORKS: &str = "a store in memory works";
        let (id, shard) = (self.id(), self.shard());
        match self.pick(0, 10) {
            0 => {
                let snapshot = self.snapshot();
                let ours = world.create(shard, snapshot);
                both(ours, other.create(shard, snapshot).await.expect(WORKS))
            }
            1 => both(
                world.model.load(id).expect(WORKS),
                other.load(id).await.expect(WORKS),
            ),
            2 => both(world.model.log(id), other.log(id).await.expect(WORKS)),
            3 => {
                let ours = world
                    .claim_with(shard, &Claiming::new(id, self.epoch()))
                    .expect(WORKS);
                let theirs = other.claim(id, shard, self.epoch()).await;
                both(ours, theirs.expect(WORKS))
            }
            4 => {
                let mut theirs = other.owned(shard).await.expect(WORKS);
                theirs.sort_unstable();
                both(world.model.owned(shard), theirs)
            }
            5 => {
                let given = self.hand_over(world);
                let ours = world.hand_over(&given);
                both(ours, other.hand_over(&given).await.expect(WORKS))
            }
            6 => {
                let seq = self.dice.between(12, 0, 6) as u32;
                let theirs = other.standing(&[(id, seq)]).await.expect(WORKS);
                both(vec![world.model.standing(id, seq)], theirs)
            }
            7 if self.dice.happens(8, 300) => {
                let settled = [(id, self.epoch())];
                world.model.disown(shard, &settled);
                other.disown(shard, &settled).await.expect(WORKS);
                both(world.model.shards(), other.shards().await.expect(WORKS))
            }
            _ => {
                let append = self.append(world);
                let theirs = other.append(std::slice::from_ref(&append)).await;
                both(vec![world.append(&append)], theirs.expect(WORKS))
            }
        }
    }
}

fn both<T: std::fmt::Debug>(ours: T, theirs: T) -> (String, String) {
    (format!("{ours:?}"), format!("{theirs:?}"))
}

#[tokio::test]
async fn the_simulated_store_keeps_the_contract() {
    let matches: Vec<_> = (1..=2)
        .map(|n| new_match(MatchId::from_random(n)))
        .collect();
    let mut answers = String::new();
    for sequence in 0..SEQUENCES {
        let mut world = World::default();
        let other = EmbeddedStore::in_memory().expect("a store in memory");
        for n in 0..OPERATIONS {
            let dice = Dice::new(sequence).of(n);
            let matches = &matches;
            let (ours, theirs) = Step { dice, matches }.take(&mut world, &other).await;
            assert_eq!(ours, theirs, "sequence {sequence}, operation {n}");
            answers += &ours;
        }
    }
    for kind in KINDS {
        assert!(answers.contains(kind), "no operation was answered {kind}");
    }
}
