//! What each guard of the detector does.

use super::*;

fn record(id: u128, heartbeat: u64) -> Registered {
    shard(id, heartbeat).into()
}

fn shard(id: u128, heartbeat: u64) -> ShardRecord {
    ShardRecord {
        id: ShardId::from_random(id),
        heartbeat,
        address: "127.0.0.1:1".parse().unwrap(),
        certificate_sha256: None,
        capacity: 10,
        live: 0,
        load: 0,
        cpu_share: 1_000,
        draining: false,
        admin: None,
        clock: game_core::MatchTime::default(),
        liveness: None,
        connections: Vec::new(),
        web: crate::WebDoors::default(),
    }
}

/// A shard that the registry does not name.
fn gone() -> ShardId {
    ShardId::from_random(1_000)
}

fn half_seconds(n: u32) -> Duration {
    Duration::from_millis(500) * n
}

#[test]
fn a_counter_that_stands_still_for_three_seconds_is_death() {
    let mut liveness = Liveness::default();
    let (alive, dead) = (ShardId::from_random(1), ShardId::from_random(2));
    for n in 0..=6 {
        assert!(!liveness.is_dead(dead), "at {n}");
        liveness.observe(&[record(1, u64::from(n)), record(2, 7)], half_seconds(n));
    }
    assert!(liveness.is_dead(dead) && !liveness.is_dead(alive));
    assert_eq!(liveness.suspects().count(), 0, "that one is certain");
    assert_eq!(liveness.dead().collect::<Vec<_>>(), [(dead, Some(7))]);
    assert_eq!(liveness.lives().count(), 1);
}

#[test]
fn a_counter_that_has_missed_three_beats_is_suspicious() {
    let mut liveness = Liveness::default();
    for n in 0..=3 {
        assert_eq!(liveness.suspects().count(), 0, "at {n}");
        liveness.observe(&[record(1, u64::from(n)), record(2, 7)], half_seconds(n));
    }
    let suspects: Vec<_> = liveness.suspects().collect();
    assert_eq!(suspects, [ShardId::from_random(2)]);
}

#[test]
fn a_store_that_does_not_answer_kills_nobody() {
    let mut liveness = Liveness::default();
    liveness.observe(&[record(1, 7)], half_seconds(0));
    liveness.store_was_down();
    liveness.observe(&[record(1, 7)], half_seconds(100));
    assert!(!liveness.is_dead(ShardId::from_random(1)));
}

#[test]
fn an_observer_that_was_paused_kills_nobody() {
    let mut liveness = Liveness::default();
    liveness.observe(&[record(1, 7)], half_seconds(0));
    liveness.observe(&[record(1, 7)], half_seconds(100));
    assert!(!liveness.is_dead(ShardId::from_random(1)));
}

#[test]
fn who_has_left_is_dead_at_once() {
    let mut liveness = Liveness::default();
    let left = ShardId::from_random(1);
    assert!(!liveness.is_dead(left), "nothing is known yet");
    liveness.observe(&[Registered::Left(left)], half_seconds(0));
    assert!(liveness.is_dead(left));
    assert_eq!(liveness.dead().collect::<Vec<_>>(), [(left, None)]);
    assert_eq!(liveness.suspects().count(), 0, "that one is certain");
}

#[test]
fn who_has_no_record_is_dead_once_it_had_none_for_three_seconds() {
    let mut liveness = Liveness::default();
    let absent = ShardId::from_random(1);
    for n in 0..6 {
        liveness.observe(&[Registered::Absent(absent)], half_seconds(n));
        assert!(!liveness.is_dead(absent), "at {n}");
        assert_eq!(liveness.suspects().collect::<Vec<_>>(), [absent]);
        assert_eq!(liveness.heir(MatchId::from_random(1), gone()), None);
    }
    let mut registers = Liveness::default();
    registers.observe(&[Registered::Absent(absent)], half_seconds(0));
    for n in 1..20 {
        registers.observe(&[record(1, u64::from(n))], half_seconds(n));
        assert!(!registers.is_dead(absent), "it has registered");
    }
    liveness.observe(&[Registered::Absent(absent)], half_seconds(6));
    assert!(liveness.is_dead(absent));
}

#[test]
fn whose_record_vanishes_is_not_dead_at_once() {
    let mut liveness = Liveness::default();
    let id = ShardId::from_random(1);
    liveness.observe(&[record(1, 7)], half_seconds(0));
    for n in 1..7 {
        liveness.observe(&[Registered::Absent(id)], half_seconds(n));
        assert!(!liveness.is_dead(id), "at {n}");
    }
    liveness.observe(&[Registered::Absent(id)], half_seconds(7));
    assert!(liveness.is_dead(id));
}

#[test]
fn who_is_not_named_is_dead_once_it_was_not_for_three_seconds_since_it_was_asked_about() {
    let mut liveness = Liveness::default();
    let id = ShardId::from_random(1);
    liveness.observe(&[], half_seconds(0));
    liveness.observe(&[], half_seconds(20));
    for n in 20..26 {
        liveness.observe(&[], half_seconds(n));
        assert!(!liveness.is_dead(id), "at {n}");
    }
    liveness.observe(&[], half_seconds(26));
    assert!(liveness.is_dead(id));
    liveness.observe(&[record(1, 1)], half_seconds(27));
    assert!(!liveness.is_dead(id));
    liveness.observe(&[], half_seconds(28));
    assert!(!liveness.is_dead(id), "the wait begins anew");
}

#[test]
fn a_record_that_cannot_be_read_is_alive_as_long_as_it_changes() {
    let mut liveness = Liveness::default();
    let id = ShardId::from_random(1);
    let mut beat = 0;
    let mut unreadable = |sign| {
        beat += 1;
        [Registered::Unreadable { id, sign }, record(2, beat)]
    };
    for n in 0..20 {
        liveness.observe(&unreadable(n.into()), half_seconds(n));
        assert!(!liveness.is_dead(id), "at {n}");
        assert_eq!(liveness.lives().count(), 1, "its address is not known");
    }
    for n in 20..26 {
        liveness.observe(&unreadable(20), half_seconds(n));
        assert!(!liveness.is_dead(id), "at {n}");
    }
    liveness.observe(&unreadable(20), half_seconds(26));
    assert!(liveness.is_dead(id));
}

#[test]
fn a_full_shard_is_no_heir_while_another_has_room() {
    let full = |id| {
        Registered::from(ShardRecord {
            live: 10,
            ..shard(id, 1)
        })
    };
    let of = |registry: &[Registered]| {
        let mut liveness = Liveness::default();
        liveness.observe(registry, Duration::ZERO);
        let ids = (0..200).map(MatchId::from_random);
        let heirs = ids.map(|id| liveness.heir(id, gone()).unwrap());
        heirs.collect::<std::collections::HashSet<_>>()
    };
    let [one, two, three] = [1, 2, 3].map(ShardId::from_random);
    assert_eq!(
        of(&[full(1), record(2, 1), record(3, 1)]),
        [two, three].into()
    );
    assert_eq!(of(&[full(1), full(2), record(3, 1)]), [three].into());
    assert_eq!(
        of(&[full(1), full(2), full(3)]),
        [one, two, three].into(),
        "where nobody has room, all share the burden"
    );
}

#[test]
fn matches_of_the_dead_spread_over_those_that_live_and_do_not_drain() {
    let mut liveness = Liveness::default();
    let draining = ShardRecord {
        draining: true,
        ..shard(4, 1)
    };
    liveness.observe(
        &[record(1, 1), record(2, 1), record(3, 1), draining.into()],
        Duration::ZERO,
    );
    let mut heirs: HashMap<ShardId, u32> = HashMap::new();
    for n in 0..3_000_u128 {
        let id = MatchId::from_random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        *heirs.entry(liveness.heir(id, gone()).unwrap()).or_default() += 1;
        let heir = liveness.heir(id, gone()).unwrap();
        assert_ne!(liveness.heir(id, heir), Some(heir));
    }
    assert_eq!(heirs.len(), 3);
    assert!(
        heirs.values().all(|&n| (850..1_150).contains(&n)),
        "{heirs:?}"
    );
}

#[test]
fn a_sign_of_life_brings_a_shard_back() {
    let mut liveness = Liveness::default();
    for n in 0..10 {
        liveness.observe(&[record(1, 7)], half_seconds(n));
    }
    liveness.observe(&[record(1, 8)], half_seconds(10));
    assert!(!liveness.is_dead(ShardId::from_random(1)));
}

/// The observer's own id.
const ME: u128 = 100;

/// An observer that is a shard, and what the others do, in simulated time.
struct World {
    liveness: Liveness,
    now: u64,
    /// Each shard with its count, which rises by one in 100 ms.
    counts: HashMap<u128, u64>,
    /// Those whose beats are not heard.
    unheard: Vec<u128>,
    /// Those that store nothing.
    unstored: Vec<u128>,
    stored: HashMap<u128, u64>,
    /// The store answers, and beats get through.
    is_up: bool,
    own_beats: u64,
    heard: HashMap<u128, u64>,
}

impl World {
    fn of(shards: &[u128]) -> Self {
        let counts: HashMap<_, _> = shards.iter().map(|id| (*id, 0)).collect();
        Self {
            liveness: Liveness::default(),
            now: 0,
            stored: counts.clone(),
            heard: counts.clone(),
            counts,
            unheard: Vec::new(),
            unstored: Vec::new(),
            is_up: true,
            own_beats: 0,
        }
    }

    fn registry(&self) -> Vec<Registered> {
        let with_port = |(id, count): (&u128, &u64)| ShardRecord {
            liveness: Some("127.0.0.1:9".parse().unwrap()),
            connections: vec![crate::StoreConnection {
                run_id: "one".to_owned(),
                client: 7,
            }],
            ..shard(*id, *count)
        };
        let mut registry: Vec<_> = self.stored.iter().map(with_port).collect();
        registry.push(shard(ME, self.own_beats));
        registry.into_iter().map(Registered::from).collect()
    }

    fn look(&mut self) {
        let beat = |id: u128, count| Beat {
            shard: ShardId::from_random(id),
            count,
            clock: MatchTime::from_micros(count),
        };
        let others = self.heard.iter().filter(|(_, count)| **count > 0);
        let mut beats: Vec<_> = others.map(|(id, count)| beat(*id, *count)).collect();
        beats.push(beat(ME, self.own_beats));
        let heard = Heard {
            beats,
            ..Heard::default()
        };
        let now = Duration::from_millis(self.now);
        self.liveness.heard(&heard, ShardId::from_random(ME), now);
    }

    fn read(&mut self) {
        if self.is_up {
            self.liveness.reading();
            let now = Duration::from_millis(self.now);
            self.liveness.observe(&self.registry(), now);
        } else {
            self.liveness.store_was_down();
        }
    }

    /// Passes time in steps of 50 ms; stops when it finds a shard dead, and returns when.
    fn pass(&mut self, ms: u64) -> Option<u64> {
        let begun = self.now;
        for _ in 0..ms / 50 {
            self.now += 50;
            if self.now.is_multiple_of(100) {
                self.counts.values_mut().for_each(|count| *count += 1);
                self.own_beats += u64::from(self.is_up);
            }
            for (id, count) in &self.counts {
                if self.is_up && !self.unheard.contains(id) {
                    self.heard.insert(*id, *count);
                }
                if self.is_up && self.now.is_multiple_of(1_000) && !self.unstored.contains(id) {
                    self.stored.insert(*id, *count);
                }
            }
            self.look();
            if self.now.is_multiple_of(1_000) || self.liveness.wants_registry() {
                self.read();
            }
            if self.liveness.dead().next().is_some() {
                return Some(self.now - begun);
            }
        }
        None
    }

    fn falls_silent(&mut self, id: u128) {
        self.unheard.push(id);
        self.unstored.push(id);
    }

    fn comes_back(&mut self) {
        self.unheard.clear();
        self.unstored.clear();
    }
}

#[test]
fn silence_of_beats_is_death_within_1_2_seconds() {
    for offset in (0..1_000).step_by(50) {
        let mut world = World::of(&[1, 2, 3]);
        assert_eq!(world.pass(5_000 + offset), None);
        world.falls_silent(2);
        let after = world.pass(5_000).unwrap();
        assert!((1_000..=1_200).contains(&after), "{after} ms at {offset}");
        assert!(world.liveness.is_dead(ShardId::from_random(2)));
        assert_eq!(world.liveness.figures().deaths_by_silence, 1);
        let clock = world.liveness.last_clock(ShardId::from_random(2));
        assert_eq!(clock, Some(MatchTime::from_micros(world.heard[&2])));
    }
}

#[test]
fn half_a_second_of_silence_is_suspicious_and_no_death() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.falls_silent(2);
    assert_eq!(world.pass(250), None);
    assert_eq!(world.liveness.suspects().count(), 0);
    assert_eq!(world.pass(200), None);
    let suspects: Vec<_> = world.liveness.suspects().collect();
    assert_eq!(suspects, [ShardId::from_random(2)]);
    assert_eq!(world.pass(150), None);
    world.comes_back();
    assert_eq!(world.pass(10_000), None);
    assert_eq!(world.liveness.suspects().count(), 0);
    assert_eq!(world.liveness.figures().needless_takeovers, 0);
}

/// Its record tells that it lives, however its beats are lost.
#[test]
fn a_shard_that_is_not_heard_and_stores_its_count_is_alive() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.unheard.push(2);
    assert_eq!(world.pass(30_000), None);
    world.unstored.push(2);
    let after = world.pass(10_000).unwrap();
    assert!((3_000..=5_000).contains(&after), "{after} ms by its record");
}

#[test]
fn a_shard_that_is_heard_and_cannot_store_is_alive() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.unstored.push(2);
    assert_eq!(world.pass(30_000), None);
}

#[test]
fn an_observer_whose_own_beats_do_not_come_back_judges_nobody() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.is_up = false;
    assert_eq!(world.pass(30_000), None);
    world.is_up = true;
    assert_eq!(world.pass(10_000), None);
}

#[test]
fn an_observer_that_was_late_itself_judges_nobody() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.now += 5_000;
    // What had come by then is all that it sees at first.
    world.own_beats += 1;
    world.look();
    world.read();
    assert_eq!(world.liveness.dead().count(), 0);
    assert_eq!(world.pass(5_000), None);
}

#[test]
fn a_silence_is_judged_by_a_read_that_begins_after_it() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.liveness.reading();
    let registry = world.registry();
    world.falls_silent(2);
    for _ in 0..30 {
        world.now += 50;
        world.own_beats += u64::from(world.now.is_multiple_of(100));
        for id in [1, 3] {
            *world.heard.get_mut(&id).unwrap() = world.now / 100;
        }
        world.look();
        assert!(!world.liveness.wants_registry(), "a read is under way");
    }
    let now = Duration::from_millis(world.now);
    world.liveness.observe(&registry, now);
    assert_eq!(world.liveness.dead().count(), 0, "that read is too old");
    assert!(world.liveness.wants_registry());
}

#[test]
fn more_than_half_are_not_dead_by_silence_until_ten_seconds_have_passed() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    for id in [1, 2, 3] {
        world.falls_silent(id);
    }
    let after = world.pass(20_000).unwrap();
    assert!((10_000..=11_100).contains(&after), "{after} ms");
    // Two of four are half.
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.falls_silent(1);
    world.falls_silent(2);
    assert!(world.pass(20_000).unwrap() <= 1_200);
}

#[test]
fn deaths_one_after_another_are_many_too() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.falls_silent(1);
    world.falls_silent(2);
    world.pass(2_000).unwrap();
    world.falls_silent(3);
    let third = ShardId::from_random(3);
    let mut after = 0;
    while !world.liveness.is_dead(third) {
        world.pass(50);
        after += 50;
        assert!(after < 20_000);
    }
    assert!(after >= 9_000, "{after} ms");
}

#[test]
fn one_takeover_by_silence_a_shard_in_thirty_seconds() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.falls_silent(2);
    world.pass(5_000).unwrap();
    world.comes_back();
    while world.liveness.is_dead(ShardId::from_random(2)) {
        world.pass(50);
    }
    assert_eq!(world.pass(5_000), None);
    assert_eq!(world.liveness.figures().needless_takeovers, 1);
    world.falls_silent(2);
    let after = world.pass(60_000).unwrap();
    assert!((20_000..=30_000).contains(&after), "{after} ms");
}

fn suspicion_of(world: &mut World, id: u128) -> Option<Suspicion> {
    let suspicions = world.liveness.suspicions();
    suspicions
        .into_iter()
        .find(|suspicion| suspicion.shard == ShardId::from_random(id))
}

fn proof(port: Port, connected: Option<bool>) -> Proof {
    Proof { port, connected }
}

/// Lets the observer see the liveness ports of all shards answer.
fn meet(world: &mut World) {
    world.pass(2_000);
    for suspicion in world.liveness.suspicions() {
        let proof = proof(Port::Answered, Some(true));
        assert!(!world.liveness.proved(&suspicion, proof));
    }
    world.pass(2_000);
}

#[test]
fn evidence_is_asked_for_when_a_beat_is_missing_and_counts_at_once() {
    let mut world = World::of(&[1, 2, 3]);
    meet(&mut world);
    assert_eq!(suspicion_of(&mut world, 2), None, "its port is known");
    world.falls_silent(2);
    assert_eq!(world.pass(200), None);
    let suspicion = suspicion_of(&mut world, 2).unwrap();
    assert_eq!(suspicion_of(&mut world, 2), None, "not asked twice at once");
    let gone = proof(Port::Refused, Some(false));
    assert!(world.liveness.proved(&suspicion, gone));
    assert!(world.liveness.is_dead(ShardId::from_random(2)));
    assert_eq!(world.liveness.figures().deaths_by_evidence, 1);
}

#[test]
fn half_of_the_evidence_is_none() {
    let mut world = World::of(&[1, 2, 3]);
    meet(&mut world);
    world.falls_silent(2);
    for (port, connected) in [
        (Port::Refused, Some(true)),
        (Port::Refused, None),
        (Port::Answered, Some(false)),
        (Port::Unknown, Some(false)),
        (Port::Unknown, None),
        (Port::Another, Some(true)),
    ] {
        world.pass(200);
        let suspicion = suspicion_of(&mut world, 2).unwrap();
        let is_death = world.liveness.proved(&suspicion, proof(port, connected));
        assert!(!is_death, "{port:?} {connected:?}");
        if world.now > 4_800 {
            world.comes_back();
            world.pass(500);
            world.falls_silent(2);
        }
    }
}

#[test]
fn a_process_that_was_started_at_the_same_address_is_evidence() {
    let mut world = World::of(&[1, 2, 3]);
    meet(&mut world);
    world.falls_silent(2);
    world.pass(200);
    let suspicion = suspicion_of(&mut world, 2).unwrap();
    let another = proof(Port::Another, Some(false));
    assert!(world.liveness.proved(&suspicion, another));
}

/// A gateway that does not forward it refuses for ever.
#[test]
fn a_port_that_never_answered_proves_nothing() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.falls_silent(2);
    world.pass(200);
    let suspicion = suspicion_of(&mut world, 2).unwrap();
    let gone = proof(Port::Refused, Some(false));
    assert!(!world.liveness.proved(&suspicion, gone));
}

/// What was asked about a record that has changed since is no answer about it.
#[test]
fn evidence_about_former_connections_is_none() {
    let mut world = World::of(&[1, 2, 3]);
    meet(&mut world);
    world.falls_silent(2);
    world.pass(200);
    let suspicion = suspicion_of(&mut world, 2).unwrap();
    let former = Suspicion {
        connections: Vec::new(),
        ..suspicion
    };
    let gone = proof(Port::Refused, Some(false));
    assert!(!world.liveness.proved(&former, gone));
}

#[test]
fn who_proves_to_run_is_not_suspect() {
    let mut world = World::of(&[1, 2, 3]);
    meet(&mut world);
    world.falls_silent(2);
    world.pass(500);
    assert_eq!(world.liveness.suspects().count(), 1);
    let suspicion = suspicion_of(&mut world, 2).unwrap();
    let runs = proof(Port::Answered, Some(true));
    world.liveness.proved(&suspicion, runs);
    assert_eq!(world.liveness.suspects().count(), 0);
    world.pass(350);
    assert_eq!(world.liveness.suspects().count(), 1);
}

#[test]
fn a_notice_has_the_registry_read_at_once() {
    let mut liveness = Liveness::default();
    liveness.observe(&[record(1, 1)], Duration::ZERO);
    let heard = |notices| Heard {
        notices,
        ..Heard::default()
    };
    let me = ShardId::from_random(ME);
    liveness.heard(&heard(0), me, Duration::ZERO);
    assert!(!liveness.wants_registry());
    liveness.heard(&heard(1), me, Duration::from_millis(50));
    assert!(liveness.wants_registry());
    assert!(!liveness.wants_registry(), "once");
}

/// One without matches is removed from the registry when it is dead, and registers again.
#[test]
fn a_takeover_is_needless_though_the_shard_has_left_the_registry_meanwhile() {
    let mut world = World::of(&[1, 2, 3]);
    world.pass(5_000);
    world.falls_silent(2);
    world.pass(5_000).unwrap();
    let stored = world.stored.remove(&2).unwrap();
    world.read();
    assert_eq!(world.liveness.figures().needless_takeovers, 0);
    world.stored.insert(2, stored + 20);
    world.read();
    assert_eq!(world.liveness.figures().needless_takeovers, 1);
}
