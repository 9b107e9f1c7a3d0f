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
    }
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
        assert_eq!(liveness.heir(MatchId::from_random(1), None), None);
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
    let unreadable = |sign| [Registered::Unreadable { id, sign }];
    for n in 0..20 {
        liveness.observe(&unreadable(n.into()), half_seconds(n));
        assert!(!liveness.is_dead(id), "at {n}");
        assert_eq!(liveness.lives().count(), 0, "its address is not known");
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
        let heirs = ids.map(|id| liveness.heir(id, None).unwrap());
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
        let id =
            MatchId::from_random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        *heirs.entry(liveness.heir(id, None).unwrap()).or_default() += 1;
        assert_ne!(
            liveness.heir(id, liveness.heir(id, None)),
            liveness.heir(id, None)
        );
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
