//! A shard with more load than others gives matches away, the quiet ones, and stops.

use std::collections::BTreeSet;

use game_core::testing::SetupBuilder;
use game_core::{Match, MatchId, ShardId};
use protocol::{CloseCode, Role};
use shard_core::Output;
use store::ShardRecord;

use crate::room::Room;

const MATCHES: u32 = 60;

/// Reads a registry in which this shard and another have these loads, in permille, for so many seconds. Answers
/// every hand-over, and returns the matches that went.
fn watch(
    room: &mut Room,
    loads: [u32; 2],
    seconds: u64,
    change: impl Fn(&mut ShardRecord),
) -> BTreeSet<MatchId> {
    let other = ShardId::from_random(2);
    let mut given = BTreeSet::new();
    for n in 0..2 * seconds {
        let beat = 100 + room.uptime.since_start().as_millis() as u64;
        let mut me = room.record(room.me, beat);
        (me.load, me.live) = (loads[0], room.shard.live());
        let mut receiver = room.record(other, beat);
        receiver.load = loads[1];
        change(&mut receiver);
        room.heartbeat(Ok(vec![me, receiver]));
        for _ in 0..50 {
            room.pass(10);
            while let Some(hand_over) = room.hand_over() {
                assert_eq!(hand_over.to, other, "at {n}");
                given.insert(hand_over.match_id);
            }
        }
    }
    given
}

/// A shard whose matches have been there for a while.
fn settled() -> (Room, Vec<MatchId>) {
    let mut room = Room::new();
    let all: Vec<_> = (0..MATCHES)
        .map(|n| MatchId::from_random(n.into()))
        .collect();
    for &id in &all {
        let setup = SetupBuilder::new().id(id).timed("3600+0").at_once();
        let snapshot = Match::new(setup.build()).snapshot();
        room.store.create(room.me, &snapshot);
        room.join(id, Role::Black, None);
    }
    (room, all)
}

#[test]
fn a_shard_far_above_the_mean_gives_what_it_has_too_much_and_stops() {
    let (mut room, _) = settled();
    let nothing = |_: &mut ShardRecord| {};
    assert!(watch(&mut room, [550, 550], 61, nothing).is_empty());
    let live = room.shard.live();
    // The mean is 500, and two thirds of what is above it are 0.29 of its load.
    let given = watch(&mut room, [900, 100], 8, nothing);
    assert_eq!(given.len() as u32, live * 400 * 2 / 3 / 900);
    assert_eq!(room.shard.counters().given_for_load, given.len() as u64);
    let rested = watch(&mut room, [620, 380], 60, nothing);
    // A second round, as it is not near the mean yet; then it comes to rest.
    let rested = rested.len() + watch(&mut room, [530, 470], 60, nothing).len();
    assert!(rested > 0);
    assert!(watch(&mut room, [590, 500], 60, nothing).is_empty());
}

#[test]
fn who_drains_is_full_or_silent_is_given_nothing() {
    let (mut room, _) = settled();
    watch(&mut room, [550, 550], 61, |_| {});
    let drains = |record: &mut ShardRecord| record.draining = true;
    assert!(watch(&mut room, [900, 0], 20, drains).is_empty());
    let is_full = |record: &mut ShardRecord| record.live = record.capacity;
    assert!(watch(&mut room, [900, 0], 20, is_full).is_empty());
    let is_silent = |record: &mut ShardRecord| record.heartbeat = 7;
    // Until it is suspect, nothing is judged; then it counts no more.
    assert!(watch(&mut room, [900, 0], 20, is_silent).is_empty());
}

#[test]
fn what_has_just_arrived_stays_and_players_are_sent_on() {
    let (mut room, all) = settled();
    assert!(watch(&mut room, [900, 100], 30, |_| {}).is_empty());
    let players: Vec<_> = all
        .iter()
        .map(|&id| (id, room.join(id, Role::White, None)))
        .collect();
    let given = watch(&mut room, [900, 100], 40, |_| {});
    assert!(!given.is_empty());
    for (id, player) in players {
        let sent_on = room.closed(player) == Some(CloseCode::ShuttingDown);
        assert_eq!(sent_on, given.contains(&id));
    }
}

#[test]
fn a_drain_ends_what_was_given_for_load() {
    let (mut room, _) = settled();
    watch(&mut room, [550, 550], 61, |_| {});
    let live = room.shard.live() as usize;
    room.shard
        .drain(std::time::Duration::from_secs(1), room.now());
    let given = watch(&mut room, [900, 100], 5, |_| {});
    assert_eq!(given.len(), live);
    assert!(room.shard.is_drained());
    assert!(
        !room
            .asked
            .iter()
            .any(|asked| matches!(asked, Output::HandOver(_)))
    );
}
