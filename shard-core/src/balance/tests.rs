//! Many shards that announce their loads late and averaged, and move matches by the plans under test.

use std::collections::{HashMap, VecDeque};

use game_core::{MatchId, MatchTime, UnixMillis};
use proptest::prelude::*;

use super::*;
use crate::live::Disturbance;

fn record(n: u128, load: u32, live: u32) -> ShardRecord {
    ShardRecord {
        id: ShardId::from_random(n),
        heartbeat: 1,
        address: "127.0.0.1:7100".parse().unwrap(),
        certificate_sha256: None,
        capacity: 1_000,
        live,
        load,
        cpu_share: 1_000,
        draining: false,
        admin: None,
        clock: MatchTime::default(),
        liveness: None,
        connections: Vec::new(),
        web: store::WebDoors::default(),
    }
}

fn given(shards: &[ShardRecord]) -> Vec<u32> {
    let lent: Vec<_> = shards.iter().collect();
    let gifts = gifts(shards[0].id, &lent, u32::MAX);
    let to = |record: &ShardRecord| gifts.iter().find(|(id, _)| *id == record.id);
    let given = shards
        .iter()
        .map(|record| to(record).map_or(0, |gift| gift.1));
    given.collect()
}

#[test]
fn two_thirds_of_what_is_above_the_mean_go_to_those_below_it() {
    // The mean is 500, and a match weighs 3: 400 are above it.
    let shards = [
        record(1, 900, 300),
        record(2, 100, 30),
        record(3, 300, 90),
        record(4, 700, 200),
    ];
    let given = given(&shards);
    // 88 matches, as 420 to 220.
    assert_eq!(given.iter().sum::<u32>(), 88, "{given:?}");
    assert!((57..=59).contains(&given[1]) && given[3] == 0, "{given:?}");
}

#[test]
fn a_share_of_another_size_counts_as_such() {
    let small = ShardRecord {
        cpu_share: 100,
        ..record(2, 0, 0)
    };
    // One core at 990 permille and a tenth of one at 0: the mean is 900, and a match weighs 9.9. A tenth of a core
    // at 900 permille is 9 of them, and two thirds of what is above the mean 6.
    assert_eq!(given(&[record(1, 990, 100), small]), [0, 6]);
}

#[test]
fn nothing_goes_to_who_has_no_room_and_nothing_where_a_match_is_too_heavy() {
    let full = ShardRecord {
        capacity: 0,
        ..record(2, 0, 0)
    };
    assert_eq!(given(&[record(1, 900, 300), full]), [0, 0]);
    assert_eq!(given(&[record(1, 900, 2), record(2, 0, 0)]), [0, 0]);
    assert_eq!(given(&[record(1, 900, 0), record(2, 0, 0)]), [0, 0]);
}

#[test]
fn single_matches_of_one_giver_find_one_of_many_receivers() {
    let mut shards = vec![record(1, 900, 200)];
    shards.extend((2..1_000).map(|n| record(n, 400, 100)));
    // A match weighs 4.5, and 500 are above the mean.
    assert_eq!(given(&shards).iter().sum::<u32>(), 74);
}

fn at(ms: u64) -> Uptime {
    Uptime::from_start(Duration::from_millis(ms))
}

#[test]
fn giving_begins_far_above_the_mean_for_a_while_and_ends_near_it() {
    let mut balance = Balance::default();
    let me = ShardId::from_random(1);
    let mut begins = |load: u32, s: u64| {
        let shards = [record(1, load, 100), record(2, 500, 100)];
        balance.observe(me, &shards.each_ref(), at(1_000 * s))
    };
    assert!(!begins(690, 0), "95 above the mean");
    assert!(!begins(720, 1));
    assert!(!begins(690, 2), "it was a burst");
    assert!(!begins(720, 3));
    assert!(!begins(720, 5));
    assert!(begins(720, 6), "110 above the mean for three seconds");
    balance.gifts.clear();
    balance.end_of_round(at(7_000));
    let mut begins = |load: u32, s: u64| {
        let shards = [record(1, load, 100), record(2, 500, 100)];
        balance.observe(me, &shards.each_ref(), at(1_000 * s))
    };
    assert!(!begins(720, 13), "its effect is not visible yet");
    assert!(begins(600, 14), "50 above the mean");
    balance.gifts.clear();
    balance.end_of_round(at(15_000));
    let shards = [record(1, 570, 100), record(2, 500, 100)];
    assert!(!balance.observe(me, &shards.each_ref(), at(22_000)), "35");
    assert_eq!(balance.stage, Stage::Even);
}

#[test]
fn a_shard_with_little_load_gives_nothing_away() {
    let mut balance = Balance::default();
    let shards = [record(1, 490, 100), record(2, 0, 0)];
    for s in 0..100 {
        let me = shards[0].id;
        assert!(!balance.observe(me, &shards.each_ref(), at(1_000 * s)));
    }
}

#[test]
fn who_vanishes_or_fills_up_is_given_nothing_more() {
    let mut balance = Balance::default();
    let all = [
        record(1, 900, 300),
        record(2, 0, 0),
        record(3, 0, 0),
        record(4, 0, 0),
    ];
    let me = all[0].id;
    for s in 0..=3 {
        balance.observe(me, &all.each_ref(), at(1_000 * s));
    }
    assert_eq!(balance.gifts.len(), 3);
    let full = ShardRecord {
        capacity: 0,
        ..all[2].clone()
    };
    balance.observe(me, &[&all[0], &full, &all[3]], at(4_000));
    let left: Vec<_> = balance.gifts.iter().map(|(id, _)| *id).collect();
    assert_eq!(left, [all[3].id]);
}

// ---- many shards ----------------------------------------------------------------------------------

/// Between two looks at the time.
const TICK_MS: u64 = 50;
/// Between two heartbeats.
const BEAT_MS: u64 = 500;
/// Heartbeats over which loads are averaged.
const AVERAGED: usize = 10;

struct SimMatch {
    id: MatchId,
    /// CPU time a second, in millionths of a core.
    weight: u64,
    arrived_at: u64,
    moves: u32,
}

struct SimShard {
    record: ShardRecord,
    balance: Balance,
    matches: Vec<SimMatch>,
    /// Millionths of a core used at each of the last heartbeats.
    used: VecDeque<u64>,
    is_suspect: bool,
}

impl SimShard {
    fn new(n: u128, cpu_share: u32, weights: &[u64]) -> Self {
        let matches = weights.iter().enumerate().map(|(index, &weight)| SimMatch {
            id: MatchId::from_random(n << 32 | index as u128),
            weight,
            arrived_at: 0,
            moves: 0,
        });
        let mut shard = Self {
            record: ShardRecord {
                cpu_share,
                capacity: 100_000,
                ..record(n, 0, 0)
            },
            balance: Balance::default(),
            matches: matches.collect(),
            used: VecDeque::new(),
            is_suspect: false,
        };
        shard.beat(0);
        shard
    }

    fn weight(&self) -> u64 {
        self.matches.iter().map(|each| each.weight).sum()
    }

    /// What it uses, in permille of its share.
    fn load(&self) -> u64 {
        self.weight() / u64::from(self.record.cpu_share)
    }

    /// Announces its load, which a measurement gets wrong by some percent.
    fn beat(&mut self, noise_percent: i64) {
        let used = self.weight() as i64 * (100 + noise_percent) / 100;
        self.used.push_back(used as u64);
        if self.used.len() > AVERAGED {
            self.used.pop_front();
        }
        let mean = self.used.iter().sum::<u64>() / self.used.len() as u64;
        self.record.load = (mean / u64::from(self.record.cpu_share)) as u32;
        self.record.live = self.matches.len() as u32;
    }

    fn takes(&self) -> bool {
        !self.record.draining && !self.is_suspect
    }
}

/// A cluster on simulated time.
struct Sim {
    shards: Vec<SimShard>,
    now_ms: u64,
    last_move_ms: u64,
    noise: u64,
}

impl Sim {
    fn new(shards: Vec<SimShard>) -> Self {
        Self {
            shards,
            // All matches have been here for long.
            now_ms: 1_000_000,
            last_move_ms: 0,
            noise: 1,
        }
    }

    /// From -3 to 3.
    fn noise(&mut self) -> i64 {
        self.noise = self
            .noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.noise >> 33) as i64 % 7 - 3
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now_ms + 1_000 * seconds;
        while self.now_ms < end {
            self.now_ms += TICK_MS;
            for index in 0..self.shards.len() {
                // Heartbeats are at different times.
                if (self.now_ms + TICK_MS * index as u64).is_multiple_of(BEAT_MS) {
                    self.observe(index);
                }
                self.give(index);
            }
        }
    }

    fn observe(&mut self, index: usize) {
        let (noise, now) = (self.noise(), at(self.now_ms));
        let shard = &mut self.shards[index];
        shard.beat(noise);
        let mut balance = std::mem::take(&mut shard.balance);
        let takers = self.shards.iter().filter(|shard| shard.takes());
        let records: Vec<_> = takers.map(|shard| &shard.record).collect();
        let begins = balance.observe(self.shards[index].record.id, &records, now);
        if begins {
            let stayed = |each: &&SimMatch| {
                self.now_ms - each.arrived_at >= Balance::STAYS.as_millis() as u64
            };
            let queue = self.shards[index].matches.iter().filter(stayed);
            let queue = queue.map(|each| each.id).collect();
            balance.begin(HandOffs::new(queue, self.at()));
        }
        self.shards[index].balance = balance;
    }

    fn give(&mut self, index: usize) {
        let now = self.at();
        let due =
            |balance: &mut Balance| balance.due(now, |_| false, |_| Some(Disturbance::Nobody));
        while let Some((id, to)) = due(&mut self.shards[index].balance) {
            let from = &mut self.shards[index];
            from.balance.given();
            let place = from.matches.iter().position(|each| each.id == id).unwrap();
            let mut moved = from.matches.swap_remove(place);
            moved.arrived_at = self.now_ms;
            moved.moves += 1;
            self.last_move_ms = self.now_ms;
            let to = self.shards.iter_mut().find(|shard| shard.record.id == to);
            let to = to.unwrap();
            assert!(to.takes() && to.record.has_room(), "{}", to.record.id);
            to.matches.push(moved);
        }
        self.shards[index].balance.end_of_round(now.uptime);
    }

    fn at(&self) -> Now {
        Now {
            uptime: at(self.now_ms),
            calendar: UnixMillis(0),
        }
    }

    fn loads(&self) -> Vec<u64> {
        self.shards.iter().map(SimShard::load).collect()
    }

    fn moves_max(&self) -> u32 {
        let matches = self.shards.iter().flat_map(|shard| &shard.matches);
        matches.map(|each| each.moves).max().unwrap_or(0)
    }

    /// The mean of those that take matches.
    fn mean(&self) -> u64 {
        let takers = || self.shards.iter().filter(|shard| shard.takes());
        let share: u64 = takers()
            .map(|shard| u64::from(shard.record.cpu_share))
            .sum();
        takers().map(SimShard::weight).sum::<u64>() / share.max(1)
    }
}

/// `matches` of one weight that together are a load of so many permille of one core.
fn loaded(matches: usize, permille: u64) -> Vec<u64> {
    vec![1_000 * permille / matches as u64; matches]
}

#[test]
fn two_shards_that_join_three_full_ones_take_their_share_within_a_minute() {
    let mut shards: Vec<_> = (1..=3)
        .map(|n| SimShard::new(n, 1_000, &loaded(300, 900)))
        .collect();
    shards.extend((4..=5).map(|n| SimShard::new(n, 1_000, &[])));
    let mut sim = Sim::new(shards);
    sim.run(50);
    assert!(
        sim.loads().iter().all(|load| *load < 650),
        "{:?}",
        sim.loads()
    );
    assert_eq!(sim.moves_max(), 1);
    sim.run(300);
    assert!(sim.now_ms - sim.last_move_ms > 240_000, "it comes to rest");
}

#[test]
fn nothing_moves_in_an_even_cluster() {
    let shards = (1..=8).map(|n| SimShard::new(n, 1_000, &loaded(200, 800 + 10 * n as u64)));
    let mut sim = Sim::new(shards.collect());
    sim.run(600);
    assert_eq!(sim.last_move_ms, 0);
}

#[test]
fn one_of_many_shards_is_relieved() {
    let mut shards = vec![SimShard::new(1, 1_000, &loaded(1_000, 950))];
    shards.extend((2..=200).map(|n| SimShard::new(n, 1_000, &loaded(10, 600))));
    let mut sim = Sim::new(shards);
    sim.run(60);
    assert!(sim.loads()[0] < 700, "{}", sim.loads()[0]);
    assert_eq!(sim.moves_max(), 1);
    let most = sim.loads().into_iter().max();
    assert!(most < Some(700), "{most:?}");
}

#[derive(Debug, Clone)]
struct Plan {
    cpu_share: u32,
    weights: Vec<u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let weights = prop::collection::vec(1_000_u64..10_000, 0..250);
    (250_u32..2_000, weights).prop_map(|(cpu_share, weights)| Plan { cpu_share, weights })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the loads, shares and weights are: loads get even, moves come to an end, and no match moves to
    /// and fro.
    #[test]
    fn loads_get_even_and_stay_so(
        plans in prop::collection::vec(plan(), 2..12),
        (draining, suspect) in (0_usize..24, 0_usize..24),
    ) {
        let shards = plans.iter().enumerate().map(|(n, plan)| {
            SimShard::new(n as u128 + 1, plan.cpu_share, &plan.weights)
        });
        let mut sim = Sim::new(shards.collect());
        if let Some(shard) = sim.shards.get_mut(draining) {
            shard.record.draining = true;
        }
        if let Some(shard) = sim.shards.get_mut(suspect) {
            shard.is_suspect = true;
        }
        let places: HashMap<_, _> = sim.shards.iter().map(|s| (s.record.id, s.matches.len())).collect();
        sim.run(300);
        let rested_ms = sim.now_ms - sim.last_move_ms;
        prop_assert!(rested_ms >= 60_000, "still moving {rested_ms} ms ago: {:?}", sim.loads());
        prop_assert!(sim.moves_max() <= 2, "{}", sim.moves_max());
        let mean = sim.mean();
        for shard in sim.shards.iter().filter(|shard| shard.takes()) {
            // The lightest unit that moves, and what the measurement gets wrong.
            let unit = 2 * 10_000 / u64::from(shard.record.cpu_share);
            let most = u64::from(Balance::LOAD_MIN).max(mean + u64::from(Balance::BEGIN_ABOVE));
            let load = shard.load();
            let is_even = load <= most + unit + load * 3 / 100;
            prop_assert!(is_even, "{load} of {mean}: {:?}", sim.loads());
        }
        for shard in sim.shards.iter().filter(|shard| !shard.takes()) {
            prop_assert!(shard.matches.len() <= places[&shard.record.id]);
        }
    }
}
