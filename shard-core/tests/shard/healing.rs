//! The store lost what it had confirmed, or it is not certain whether it did, or whose a match is.

use std::time::Duration;

use game_core::{
    ClockStart, CommandId, CommandKind, Epoch, EventKind, MatchId, MatchTime, Outcome, RoundTrip,
    Seat, ShardId, Termination,
};
use protocol::{CloseCode, Role};
use shard_core::{Output, PeerKey, ShardLimits};
use store::testing::Model;
use store::{Status, StoreError};

use crate::room::Room;
use crate::room::timeless;

const MOVES: [&str; 4] = ["e2e4", "e7e5", "g1f3", "b8c6"];

/// A match of four moves, confirmed.
fn played() -> (Room, MatchId, PeerKey, PeerKey) {
    played_on(ShardLimits::default())
}

/// The same on a shard of these limits.
fn played_on(limits: ShardLimits) -> (Room, MatchId, PeerKey, PeerKey) {
    let (mut room, id, white, black) = Room::begun_with(ClockStart::AtOnce, limits);
    for (ply, uci) in (0..).zip(MOVES) {
        let mover = if ply % 2 == 0 { white } else { black };
        room.play(mover, ply, uci);
        room.store_all();
    }
    (room, id, white, black)
}

/// The store takes back the last records and all that followed from them.
fn roll_back(room: &mut Room, id: MatchId, len: usize) {
    let stored = room.store.stored_mut(id).unwrap();
    stored.truncate(len);
    stored.ownership.status = Status::Live;
}

/// Redis is killed and comes back at once: one question fails, the next is answered.
fn restart_of_the_store(room: &mut Room) {
    room.heartbeat(Err(StoreError::Unavailable("connection reset".to_owned())));
    room.uptime += Duration::from_millis(100);
    room.heartbeat(Ok(vec![room.record(room.me, 9)]));
}

/// Lets the store answer every request.
fn settle(room: &mut Room) {
    room.verify();
    while room.in_flight.is_some() {
        room.store_all();
    }
}

#[test]
fn the_end_of_a_match_that_the_store_lost_is_written_again() {
    let (mut room, id, white, black) = played();
    room.command(white, 1, CommandKind::Resign);
    room.store_all();
    let log = room.store[&id].log();
    assert_eq!(room.store[&id].ownership.status, Status::Finished);
    room.take(black);
    roll_back(&mut room, id, 3);
    restart_of_the_store(&mut room);
    settle(&mut room);
    assert_eq!(room.store[&id].log(), log, "both were told how it ended");
    assert_eq!(room.store[&id].ownership.status, Status::Finished);
    assert_eq!(room.store[&id].ownership.epoch, Epoch(2));
    assert_eq!(room.shard.counters().healed, 1);
    assert_eq!(room.bodies(black), [], "what was seen is not shown again");
    // It stays as long as any other that has just ended and whose players are still there, and leaves then.
    room.pass(299_000);
    assert_eq!(room.shard.status().in_memory, 1);
    room.pass(2_000);
    assert_eq!(room.shard.status().in_memory, 0);
}

#[test]
fn a_quiet_match_that_the_store_lost_is_written_again() {
    let (mut room, id, _, _) = played();
    let log = room.store[&id].log();
    roll_back(&mut room, id, 1);
    restart_of_the_store(&mut room);
    settle(&mut room);
    assert_eq!(room.store[&id].log(), log);
    assert_eq!(room.shard.counters().healed, 1);
}

#[test]
fn one_match_that_went_back_makes_the_shard_look_at_all_others() {
    let (mut room, first, white, _) = played();
    let others: Vec<_> = (100..700)
        .map(|n| {
            let id = room.create(n, room.me, ClockStart::AtOnce);
            let player = room.join(id, Role::White, None);
            room.play(player, 0, "e2e4");
            room.store_all();
            id
        })
        .collect();
    for &id in others.iter().chain([&first]) {
        roll_back(&mut room, id, 0);
    }
    room.play(white, 4, "f1b5");
    room.store_all();
    room.store_all();
    assert_eq!(room.store[&first].log().len(), 5);
    assert!(room.store[&others[0]].log().is_empty());
    room.heartbeat(Ok(vec![room.record(room.me, 9)]));
    let Some(Output::Verify(some)) = room.asked.last() else {
        panic!("{:?}", room.asked);
    };
    assert!(some.len() <= 256, "a bounded batch, not {}", some.len());
    assert_eq!(room.verify(), 601);
    settle(&mut room);
    for id in &others {
        assert_eq!(room.store[id].log().len(), 1);
    }
    assert_eq!(room.shard.counters().healed, 601);
}

#[test]
fn a_look_that_the_store_does_not_answer_is_repeated() {
    let (mut room, id, _, _) = played();
    let log = room.store[&id].log();
    roll_back(&mut room, id, 2);
    restart_of_the_store(&mut room);
    room.asked.clear();
    let unavailable = StoreError::Unavailable("again".to_owned());
    room.shard.verified(Err(unavailable));
    room.heartbeat(Ok(vec![room.record(room.me, 10)]));
    settle(&mut room);
    assert_eq!(room.store[&id].log(), log);
}

#[test]
fn a_store_that_lost_nothing_is_left_alone() {
    let (mut room, id, white, _) = played();
    restart_of_the_store(&mut room);
    assert_eq!(room.verify(), 1);
    assert!(room.in_flight.is_none());
    assert_eq!(room.store[&id].ownership.epoch, Epoch(1));
    assert_eq!(room.closed(white), None);
    room.heartbeat(Ok(vec![room.record(room.me, 10)]));
    assert_eq!(room.verify(), 0, "once is enough");
}

/// A shard that was just upgraded plays on what one of the version before wrote.
#[test]
fn records_of_the_version_before_are_not_taken_for_lost() {
    let (mut room, id, _, _) = played();
    room.store.stored_mut(id).unwrap().become_former();
    let log = room.store[&id].log();
    assert!(log.iter().all(|event| event.round_trip.is_none()));
    let mut heir = room.heir(77, MatchTime::from_micros(1_000_000));
    let white = heir.join(id, Role::White, None);
    assert_eq!(heir.store[&id].ownership.epoch, Epoch(2));
    restart_of_the_store(&mut heir);
    assert_eq!(heir.verify(), 1);
    assert!(heir.in_flight.is_none());
    assert_eq!(heir.store[&id].ownership.epoch, Epoch(2));
    heir.play(white, 4, "f1b5");
    heir.store_all();
    let round_trips: Vec<_> = heir.store[&id].log()[3..]
        .iter()
        .map(|event| event.round_trip)
        .collect();
    assert_eq!(round_trips, [None, Some(RoundTrip::from_millis(7 * 1_004))]);
}

#[test]
fn another_end_in_the_store_is_said_and_not_played_on() {
    let (mut room, id, white, black) = played();
    room.command(white, 1, CommandKind::Resign);
    room.store_all();
    let stored = room.store.stored_mut(id).unwrap();
    let mut end = stored.log().pop().unwrap();
    end.kind = EventKind::Ended {
        outcome: Outcome::Draw,
        termination: Termination::Adjudicated,
    };
    stored.truncate(stored.log().len() - 1);
    stored.push(&end);
    restart_of_the_store(&mut room);
    room.verify();
    assert_eq!(room.shard.counters().lost, 1);
    assert_eq!(room.closed(black), Some(CloseCode::Internal));
    room.pass(3_600_000);
    let again = room.join(id, Role::White, None);
    assert_eq!(room.closed(again), Some(CloseCode::Internal));
}

#[test]
fn a_log_that_forked_after_it_went_back_is_said_to_be_lost() {
    let (mut room, id, white, _) = played();
    roll_back(&mut room, id, 2);
    // It was played on from there by another process, which is gone again.
    let stored = room.store.stored_mut(id).unwrap();
    let mut other = stored.log()[0].clone();
    other.seq = 3;
    stored.push(&other);
    stored.ownership.owner = ShardId::from_random(9);
    restart_of_the_store(&mut room);
    room.others_left();
    room.verify();
    assert_eq!(room.shard.counters().lost, 1);
    assert_eq!(room.closed(white), Some(CloseCode::Internal));
}

/// It stood still while another took the match over, played on, and handed it back before this shard ran again.
#[test]
fn a_match_that_others_played_on_and_gave_back_is_read_again() {
    let (mut room, id, white, _) = played();
    // Not confirmed, and so shown to nobody.
    room.play(white, 4, "f1b5");
    let stored = room.store.stored_mut(id).unwrap();
    let mut other = stored.log()[3].clone();
    other.seq = 5;
    let uci = "d2d4".parse().unwrap();
    if let EventKind::Moved { uci: played, .. } = &mut other.kind {
        *played = uci;
    }
    other.seat = Some(Seat::White);
    other.command_id = Some(CommandId(77));
    stored.push(&other);
    stored.ownership.epoch = Epoch(4);
    let log = stored.log();
    room.store_all();
    while room.in_flight.is_some() {
        room.store_all();
    }
    assert_eq!(room.shard.counters().lost, 0);
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
    let again = room.join(id, Role::White, None);
    assert_eq!(room.closed(again), None);
    assert_eq!(room.store[&id].log(), log);
}

/// What a comparison once found in the store says nothing of what the store holds at a later claim.
#[test]
fn a_fork_is_said_to_be_lost_though_the_store_was_seen_to_hold_all_before() {
    let (mut room, id, white, _) = played();
    room.store.stored_mut(id).unwrap().ownership.epoch = Epoch(4);
    restart_of_the_store(&mut room);
    settle(&mut room);
    assert_eq!(room.store[&id].ownership.epoch, Epoch(5));
    assert_eq!(room.shard.counters().lost, 0);
    roll_back(&mut room, id, 2);
    let stored = room.store.stored_mut(id).unwrap();
    for (seq, from) in [(3, 0), (4, 1)] {
        let mut other = stored.log()[from].clone();
        other.seq = seq;
        stored.push(&other);
    }
    stored.ownership.epoch = Epoch(9);
    room.play(white, 4, "f1b5");
    room.store_all();
    assert_eq!(room.shard.counters().lost, 1);
    assert_eq!(room.closed(white), Some(CloseCode::Internal));
}

/// It stood still while the store went back and another shard took the match over, and then writes.
#[test]
fn what_a_fenced_owner_alone_knows_to_be_lost_is_said() {
    for (len, lost) in [(2, 1), (4, 0)] {
        let (mut room, id, white, _) = played();
        room.play(white, 4, "f1b5");
        roll_back(&mut room, id, len);
        let stored = room.store.stored_mut(id).unwrap();
        stored.ownership.owner = ShardId::from_random(9);
        stored.ownership.epoch = Epoch(2);
        room.store_all();
        assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
        assert_eq!(room.shard.counters().fenced, 1);
        assert_eq!(room.verify(), 1, "it is not in memory, and compared");
        assert_eq!(room.shard.counters().lost, lost, "{len} of 4 are kept");
    }
}

#[test]
fn a_hand_over_gives_the_store_first_what_it_lost() {
    let (mut room, id, white, _) = played();
    let other = ShardId::from_random(2);
    let log = room.store[&id].log();
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    roll_back(&mut room, id, 2);
    room.shard.hand_over(id, Some(other), room.now()).unwrap();
    room.advance();
    assert!(room.hand_over().is_some());
    assert_eq!(room.closed(white), None, "it is not the other's yet");
    room.store_all();
    assert_eq!(room.store[&id].log(), log);
    assert!(room.hand_over().is_some());
    assert_eq!(room.store[&id].ownership.owner, other);
    assert_eq!(room.closed(white), Some(CloseCode::ShuttingDown));
}

#[test]
fn a_fence_by_oneself_is_claimed_again() {
    let (mut room, id, white, _) = played();
    // A claim of this shard's own arrived, and its answer was lost.
    room.store.stored_mut(id).unwrap().ownership.epoch = Epoch(4);
    room.play(white, 4, "f1b5");
    room.store_all();
    assert_eq!(room.closed(white), None);
    room.store_all();
    assert_eq!(room.store[&id].ownership.epoch, Epoch(5));
    assert_eq!(room.store[&id].log().len(), 5);
    let counters = room.shard.counters();
    assert_eq!((counters.fenced, counters.healed, counters.lost), (0, 0, 0));
}

#[test]
fn another_owner_of_the_same_epoch_fences() {
    let (mut room, id, white, _) = played();
    let other = ShardId::from_random(2);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    room.store.stored_mut(id).unwrap().ownership.owner = other;
    room.play(white, 4, "f1b5");
    room.store_all();
    assert_eq!(room.store[&id].log().len(), 4);
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));

    let (mut room, id, white, _) = played();
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    room.store.stored_mut(id).unwrap().ownership.owner = other;
    room.shard.skipped(Duration::from_secs(10));
    room.heartbeat(Ok(vec![room.record(room.me, 3), room.record(other, 2)]));
    room.verify();
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
}

#[test]
fn a_shard_whose_heartbeats_went_unanswered_doubts_though_its_writes_got_through() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.heartbeat(Ok(vec![room.record(room.me, 2)]));
    room.shard.heartbeat_sent(room.now(), room.since_boot());
    for (ply, uci) in (0..).zip(MOVES) {
        room.pass(600);
        let mover = if ply % 2 == 0 { white } else { black };
        room.play(mover, ply, uci);
        room.store_all();
    }
    assert!(!room.shard.status().paused);
    let registry = vec![room.record(room.me, 3)];
    room.beat_answered(registry);
    room.advance();
    assert!(matches!(&*room.asked, [Output::Verify(asked)] if *asked == [(id, 4)]));
}

#[test]
fn a_machine_that_was_suspended_doubts() {
    let (mut room, id, _, _) = Room::begun(ClockStart::AtOnce);
    room.heartbeat(Ok(vec![room.record(room.me, 2)]));
    room.uptime += Duration::from_millis(500);
    room.suspended += Duration::from_secs(60);
    room.heartbeat(Ok(vec![room.record(room.me, 3)]));
    assert!(matches!(&*room.asked, [Output::Verify(asked)] if *asked == [(id, 0)]));
}

#[test]
fn a_match_that_the_store_lost_altogether_is_written_again_whole() {
    let (mut room, id, white, black) = played();
    let log = room.store[&id].log();
    room.store = Model::default();
    room.play(white, 4, "f1b5");
    room.take(black);
    while room.in_flight.is_some() {
        room.store_all();
    }
    let stored = &room.store[&id];
    assert_eq!(stored.log()[..4], log, "as it was acknowledged");
    assert_eq!(stored.log().len(), 5);
    assert!(
        stored.ownership.epoch > Epoch(1),
        "above the epoch of before"
    );
    assert_eq!(room.closed(white), None);
    let moved = room.bodies(black);
    assert_eq!(
        moved.len(),
        1,
        "what was seen is not shown again: {moved:?}"
    );
    let counters = room.shard.counters();
    assert_eq!(
        (counters.healed, counters.lost, counters.conflicts),
        (1, 0, 0)
    );
}

#[test]
fn a_quiet_match_and_an_ended_one_that_the_store_lost_altogether_are_written_again() {
    for ends in [false, true] {
        let (mut room, id, white, _) = played();
        if ends {
            room.command(white, 1, CommandKind::Resign);
            room.store_all();
        }
        let (log, status) = (room.store[&id].log(), room.store[&id].ownership.status);
        room.store = Model::default();
        restart_of_the_store(&mut room);
        settle(&mut room);
        assert_eq!(room.store[&id].log(), log);
        assert_eq!(room.store[&id].ownership.status, status);
        assert_eq!(room.shard.counters().healed, 1);
    }
}

#[test]
fn a_match_of_more_than_the_last_events_that_the_store_lost_is_written_again_whole() {
    let (mut room, id, white, _) = played_on(ShardLimits {
        recent_events: 2,
        ..Default::default()
    });
    let log = room.store[&id].log();
    room.store = Model::default();
    room.play(white, 4, "f1b5");
    while room.in_flight.is_some() {
        room.store_all();
    }
    assert_eq!(timeless(&room.store[&id].log()[..4]), timeless(&log));
    assert_eq!(room.closed(white), None);
    let counters = room.shard.counters();
    assert_eq!((counters.healed, counters.lost), (1, 0));
}
