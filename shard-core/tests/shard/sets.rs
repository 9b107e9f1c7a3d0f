//! The contents of the sets of matches that shards may own, and when a match is removed from one.

use std::time::Duration;

use game_core::{ClockStart, Epoch, MatchId, ShardId};
use protocol::{CloseCode, Role};
use shard_core::{Output, PeerKey};
use store::{ANY_EPOCH, HandedOver, Ownership, Registered, ShardRecord, Status, StoreError};

use crate::room::Room;
use crate::takeover::orphans_asked;

/// What the shard took out of the set of `of`, as (match, up to which epoch).
fn taken_out(room: &mut Room, of: ShardId) -> Vec<(MatchId, Epoch)> {
    let taken = room.disowned.drain(..);
    taken
        .filter(|(shard, ..)| *shard == of)
        .map(|(_, id, up_to)| (id, up_to))
        .collect()
}

fn taken_from_own(room: &mut Room) -> Vec<(MatchId, Epoch)> {
    let me = room.me;
    taken_out(room, me)
}

/// A room whose registry names `other` as one that has left, watched for long enough.
fn room_after_one_has_left(other: ShardId) -> Room {
    let mut room = Room::new();
    for beat in 2..6 {
        room.uptime += Duration::from_millis(500);
        let me = room.record(room.me, beat).into();
        room.registry(Ok(vec![me, Registered::Left(other)]));
    }
    room
}

#[test]
fn the_set_of_a_shard_that_has_left_is_read_without_waiting_for_its_death() {
    let other = ShardId::from_random(2);
    let mut room = room_after_one_has_left(other);
    assert_eq!(orphans_asked(&mut room), [other]);
    let id = room.create(7, other, ClockStart::AtOnce);
    room.shard.orphans(other, Ok(vec![id]), room.now());
    room.advance();
    assert_eq!(room.store[&id].ownership.owner, room.me);
    assert_eq!(taken_out(&mut room, other), [(id, Epoch(1))]);
    room.registry(Ok(vec![Registered::Left(other)]));
    assert_eq!(orphans_asked(&mut room), [other], "asked until it is empty");
    room.shard.orphans(other, Ok(Vec::new()), room.now());
    room.advance();
    assert!(
        matches!(room.asked[..], [Output::Deregister { shard, heartbeat: None }] if shard == other),
        "{:?}",
        room.asked
    );
}

/// Those that start together share what their predecessors left.
#[test]
fn a_shard_that_has_just_started_lets_the_others_register_before_it_takes_over() {
    let other = ShardId::from_random(2);
    let mut room = Room::new();
    for beat in 2..5 {
        let me = room.record(room.me, beat).into();
        room.registry(Ok(vec![me, Registered::Left(other)]));
        assert_eq!(orphans_asked(&mut room), []);
        room.uptime += Duration::from_millis(500);
    }
    room.registry(Ok(vec![Registered::Left(other)]));
    assert_eq!(orphans_asked(&mut room), [other]);
}

/// The hint of a hand-over is stored before its claim: the next owner reads the match in between.
#[test]
fn a_match_on_its_way_here_is_looked_at_again_until_it_is_this_shards() {
    let (mut room, giver) = (Room::new(), ShardId::from_random(2));
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(giver, 1)]));
    let id = room.create(7, giver, ClockStart::AtOnce);
    room.shard.assigned(vec![id], room.now());
    room.advance();
    assert_eq!(room.shard.live(), 0);
    assert_eq!(
        taken_from_own(&mut room),
        [(id, Epoch(0))],
        "not up to the epoch that the claim is to give"
    );
    // The claim lands, and the set names the match still.
    let stored = &mut room.store.stored_mut(id).unwrap().ownership;
    *stored = Ownership {
        epoch: Epoch(1),
        owner: room.me,
        status: Status::Live,
    };
    room.uptime += Duration::from_secs(1);
    room.shard.assigned(vec![id], room.now());
    room.advance();
    assert_eq!(room.shard.live(), 1);
    assert_eq!(taken_from_own(&mut room), []);
}

#[test]
fn a_match_of_another_live_shard_is_not_loaded_every_second() {
    let (mut room, other) = (Room::new(), ShardId::from_random(2));
    let id = room.create(7, other, ClockStart::AtOnce);
    let mut looks = 0;
    for beat in 2..122 {
        room.uptime += Duration::from_secs(1);
        let records = [(room.me, beat), (other, beat)].map(|(id, beat)| room.record(id, beat));
        room.heartbeat(Ok(records.to_vec()));
        room.shard.assigned(vec![id], room.now());
        room.advance();
        looks += taken_from_own(&mut room).len();
    }
    assert!((2..=20).contains(&looks), "{looks} looks in two minutes");
}

#[test]
fn a_finished_match_of_another_leaves_this_shards_set() {
    let (mut room, other) = (Room::new(), ShardId::from_random(2));
    let id = room.create(7, other, ClockStart::AtOnce);
    room.store.stored_mut(id).unwrap().ownership.status = Status::Finished;
    room.shard.assigned(vec![id], room.now());
    room.advance();
    assert_eq!(taken_from_own(&mut room), [(id, ANY_EPOCH)]);
    room.shard.assigned(vec![id], room.now());
    room.advance();
    assert_eq!(
        room.disowned,
        [],
        "while that is under way, it is left alone"
    );
}

#[test]
fn a_match_that_does_not_exist_leaves_a_set_once_nobody_is_about_to_create_it() {
    let mut room = Room::new();
    let id = MatchId::from_random(404);
    let mut waited = 0;
    while room.disowned.is_empty() {
        waited += 1;
        assert!(waited < 100);
        room.uptime += Duration::from_secs(1);
        room.shard.assigned(vec![id], room.now());
        room.advance();
    }
    assert!(waited >= 60, "its creator had {waited} s");
    assert_eq!(taken_from_own(&mut room), [(id, ANY_EPOCH)]);
    // One that is created late is played all the same.
    room.create(404, room.me, ClockStart::AtOnce);
    room.uptime += Duration::from_secs(10);
    room.shard.assigned(vec![id], room.now());
    room.advance();
    assert_eq!(room.shard.live(), 1);
}

/// A draining shard with a match and a shard to hand it over to.
fn handing_over() -> (Room, MatchId, PeerKey, ShardId) {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    let heir = ShardId::from_random(2);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(heir, 1)]));
    room.shard.drain(Duration::from_secs(1), room.now());
    room.advance();
    room.disowned.clear();
    (room, id, white, heir)
}

fn hand_overs(room: &mut Room) -> usize {
    let asked = room.asked.drain(..);
    let handed = asked.filter(|asked| matches!(asked, Output::HandOver { .. }));
    handed.count()
}

#[test]
fn a_match_that_was_handed_over_leaves_the_givers_set() {
    let (mut room, id, _, heir) = handing_over();
    assert_eq!(room.hand_over().map(|given| given.to), Some(heir));
    assert_eq!(taken_from_own(&mut room), [(id, Epoch(2))]);
    assert!(room.shard.is_drained());
}

#[test]
fn a_hand_over_without_an_answer_is_asked_for_again_and_leaves_no_set_before() {
    let (mut room, id, white, heir) = handing_over();
    assert_eq!(hand_overs(&mut room), 1);
    for _ in 0..3 {
        let lost = Err(StoreError::Unavailable("cut".to_owned()));
        room.shard.handed_over(id, lost, room.now());
        room.advance();
        assert_eq!(hand_overs(&mut room), 0, "not at once");
        room.pass(1_000);
        assert_eq!(hand_overs(&mut room), 1);
        assert!(!room.shard.is_drained());
        assert_eq!(room.closed(white), None);
    }
    assert_eq!(room.disowned, [], "wherever it is, a set names it");
    // The first claim had arrived.
    let owned = Ownership {
        epoch: Epoch(2),
        owner: heir,
        status: Status::Live,
    };
    room.shard
        .handed_over(id, Ok(HandedOver::Fenced(owned)), room.now());
    room.advance();
    assert_eq!(room.closed(white), Some(CloseCode::ShuttingDown));
    assert_eq!(taken_from_own(&mut room), [(id, Epoch(2))]);
    assert!(room.shard.is_drained());
}

#[test]
fn a_hand_over_that_another_owner_was_faster_than_is_over() {
    let (mut room, id, white, _) = handing_over();
    let owned = Ownership {
        epoch: Epoch(2),
        owner: ShardId::from_random(3),
        status: Status::Live,
    };
    room.shard
        .handed_over(id, Ok(HandedOver::Fenced(owned)), room.now());
    room.advance();
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
    assert!(room.shard.is_drained());
}

#[test]
fn a_match_that_is_loaded_during_the_drain_is_given_away_too() {
    let (mut room, _, _, heir) = handing_over();
    assert_eq!(room.hand_over().map(|given| given.to), Some(heir));
    room.asked.clear();
    let late = room.create(8, room.me, ClockStart::AtOnce);
    room.shard.assigned(vec![late], room.now());
    room.advance();
    room.pass(1_000);
    assert!(
        matches!(room.asked[..], [Output::HandOver(given)]
            if given.match_id == late && given.to == heir),
        "{:?}",
        room.asked
    );
    assert!(!room.shard.is_drained());
}

#[test]
fn an_owner_whose_record_cannot_be_read_is_not_robbed() {
    let (mut room, other) = (Room::new(), ShardId::from_random(2));
    let id = room.create(7, other, ClockStart::AtOnce);
    for beat in 2..20 {
        room.uptime += Duration::from_millis(500);
        let me = room.record(room.me, beat).into();
        let unreadable = Registered::Unreadable {
            id: other,
            sign: beat,
        };
        room.registry(Ok(vec![me, unreadable]));
    }
    let white = room.join(id, Role::White, None);
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
    assert_eq!(orphans_asked(&mut room), []);
    assert_eq!(room.store[&id].ownership.epoch, Epoch(0));
}

#[test]
fn an_owner_that_the_registry_does_not_name_yet_is_not_robbed() {
    let (mut room, other) = (Room::new(), ShardId::from_random(2));
    let id = room.create(7, other, ClockStart::AtOnce);
    for beat in 2..8 {
        let white = room.join(id, Role::White, None);
        assert_eq!(room.closed(white), Some(CloseCode::NotOwner), "{beat}");
        room.uptime += Duration::from_millis(500);
        room.heartbeat(Ok(vec![room.record(room.me, beat)]));
    }
    let white = room.join(id, Role::White, None);
    assert_eq!(
        room.closed(white),
        None,
        "it was not named for three seconds"
    );
}

/// `n` orphans of a dead shard, of which this shard has room for `room_left` and another for `others_left`.
fn taken_of(n: u128, room_left: u32, others_left: u32) -> u32 {
    let (dead, ally) = (ShardId::from_random(2), ShardId::from_random(3));
    let mut room = Room::new();
    for beat in 2..10 {
        room.uptime += Duration::from_millis(500);
        let with_room = |id, left| ShardRecord {
            live: 100 - left,
            ..room.record(id, beat)
        };
        // What this shard holds it knows itself: nothing yet.
        let me = ShardRecord {
            capacity: room_left,
            ..room.record(room.me, beat)
        };
        let records = vec![me, with_room(ally, others_left), room.record(dead, 7)];
        room.heartbeat(Ok(records));
    }
    let all: Vec<_> = (0..n)
        .map(|n| room.create(n, dead, ClockStart::AtOnce))
        .collect();
    room.shard.orphans(dead, Ok(all), room.now());
    room.advance();
    room.shard.live()
}

#[test]
fn a_shard_takes_no_more_than_it_has_room_for_while_another_has_room() {
    assert_eq!(taken_of(100, 10, 50), 10);
    assert_eq!(taken_of(100, 0, 50), 0, "all of it is the other's");
    assert_eq!(taken_of(100, 100, 0), 100, "all of it is this shard's");
    let shared = taken_of(100, 0, 0);
    assert!((25..75).contains(&shared), "nobody has room: {shared}");
}

#[test]
fn memory_has_room_for_more_matches_than_a_shard_is_willing_to_hold() {
    for capacity in [1, 10_000, 20_400, 1_000_000] {
        let limits = shard_core::ShardLimits::for_capacity(capacity);
        assert!(limits.matches_max >= 2 * capacity as usize, "{capacity}");
    }
}
