//! Matches change their owner: taken from the dead, given away, lost while away, healed.

use std::time::Duration;

use game_core::{ClockStart, Epoch, EventKind, Outcome, ShardId, Termination};
use protocol::{CloseCode, Role, ServerBody};
use shard_core::Output;
use store::{Appended, Ownership, Status, StoreError};

use crate::room::Room;
use crate::room::timeless;

/// Time for a drain.
const DRAIN_WITHIN: Duration = Duration::from_secs(1);

/// A room in whose registry `other` has stood still until it counted as dead.
fn room_beside_a_dead_shard(other: ShardId) -> Room {
    let mut room = Room::new();
    for beat in 2..10 {
        room.uptime += Duration::from_millis(500);
        let registry = vec![room.record(room.me, beat), room.record(other, 7)];
        room.heartbeat(Ok(registry));
    }
    room
}

pub(crate) fn orphans_asked(room: &mut Room) -> Vec<ShardId> {
    room.asked
        .drain(..)
        .filter_map(|asked| match asked {
            Output::Orphans(shard) => Some(shard),
            _ => None,
        })
        .collect()
}

#[test]
fn the_matches_of_a_dead_shard_are_claimed_without_a_player() {
    let other = ShardId::from_random(2);
    let mut room = room_beside_a_dead_shard(other);
    assert_eq!(
        orphans_asked(&mut room),
        [other],
        "asked once while the answer is out"
    );
    let id = room.create(7, other, ClockStart::AtOnce);
    room.shard.orphans(other, Ok(vec![id]), room.now());
    room.advance();
    assert_eq!(room.store[&id].ownership.owner, room.me);
    assert_eq!(room.shard.counters().takeovers, 1);
    // No player has ever come: the clock waits, but not for ever.
    room.pass(36_000);
    room.store_all();
    assert_eq!(
        room.store[&id].ownership.status,
        Status::Finished,
        "it is aborted"
    );
}

/// MATCH.md: a match whose seats were never taken ends as aborted after the first-move time, in match
/// time, whichever shard has it by then.
#[test]
fn a_match_that_nobody_joins_is_aborted_on_its_shard_and_after_a_takeover() {
    let other = ShardId::from_random(2);
    for clock_start in [ClockStart::AtOnce, ClockStart::AfterFirstMoves] {
        for owner in [ShardId::from_random(1), other] {
            let mut room = room_beside_a_dead_shard(other);
            let id = room.create(7, owner, clock_start);
            if owner == other {
                room.shard.orphans(other, Ok(vec![id]), room.now());
            } else {
                room.shard.assigned(vec![id], room.now());
            }
            room.advance();
            assert_eq!(room.store[&id].ownership.owner, room.me);
            // The wait for players after a load, and the first-move time of 1+0: 15 s and 20 s. Time in
            // which the store does not answer is no match time.
            room.pass(30_000);
            room.heartbeat(Err(StoreError::Unavailable("cut".to_owned())));
            room.pass(60_000);
            assert!(
                room.in_flight.is_none(),
                "{clock_start:?}: time stands still"
            );
            room.steady();
            room.pass(4_999);
            assert!(
                room.in_flight.is_none(),
                "{clock_start:?}: a player may still come"
            );
            room.pass(1);
            room.store_all();
            let end = room.store[&id].log().last().expect("an event").kind;
            let aborted = EventKind::Ended {
                outcome: Outcome::Aborted,
                termination: Termination::WhiteNoStart,
            };
            assert_eq!(end, aborted, "{clock_start:?}");
        }
    }
}

#[test]
fn a_spectator_is_no_player_who_came_and_one_player_is_enough() {
    for (role, ends) in [(Role::Spectator, true), (Role::Black, false)] {
        let mut room = Room::new();
        let id = room.create(7, room.me, ClockStart::AtOnce);
        room.join(id, role, None);
        room.pass(36_000);
        assert_eq!(room.in_flight.is_some(), ends, "{role:?}");
    }
}

#[test]
fn a_live_shard_is_not_robbed() {
    let other = ShardId::from_random(2);
    let mut room = Room::new();
    for beat in 2..20 {
        room.uptime += Duration::from_millis(500);
        let registry = vec![room.record(room.me, beat), room.record(other, beat)];
        room.heartbeat(Ok(registry));
    }
    assert_eq!(orphans_asked(&mut room), []);
    let id = room.create(7, other, ClockStart::AtOnce);
    room.shard.orphans(other, Ok(vec![id]), room.now());
    room.advance();
    assert_eq!(room.store[&id].ownership.epoch, Epoch(0));
}

#[test]
fn survivors_share_the_orphans() {
    let (dead, ally) = (ShardId::from_random(2), ShardId::from_random(3));
    let mut room = Room::new();
    for beat in 2..10 {
        room.uptime += Duration::from_millis(500);
        let records = [(room.me, beat), (dead, 7), (ally, beat)];
        room.heartbeat(Ok(records.map(|(id, beat)| room.record(id, beat)).to_vec()));
    }
    let all: Vec<_> = (0..100)
        .map(|n| room.create(n, dead, ClockStart::AtOnce))
        .collect();
    room.shard.orphans(dead, Ok(all), room.now());
    room.advance();
    assert!(
        (25..75).contains(&room.shard.live()),
        "{}",
        room.shard.live()
    );
}

#[test]
fn a_shard_that_was_away_asks_what_it_still_owns() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.shard.skipped(Duration::from_secs(10));
    room.heartbeat(Ok(vec![room.record(room.me, 2)]));
    assert_eq!(room.verify(), 1);
    assert_eq!(room.closed(white), None, "it is still the owner");
    room.store.stored_mut(id).unwrap().ownership = Ownership {
        epoch: Epoch(2),
        owner: ShardId::from_random(2),
        status: Status::Live,
    };
    room.shard.skipped(Duration::from_secs(10));
    room.heartbeat(Ok(vec![room.record(room.me, 3)]));
    assert_eq!(room.verify(), 1);
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
}

#[test]
fn a_shard_cut_off_from_the_store_asks_too() {
    let (mut room, id, _, _) = Room::begun(ClockStart::AtOnce);
    room.heartbeat(Err(StoreError::Unavailable("cut".to_owned())));
    room.pass(5_000);
    room.heartbeat(Ok(vec![room.record(room.me, 2)]));
    assert!(matches!(&*room.asked, [Output::Verify(asked)] if *asked == [(id, 0)]));
}

#[test]
fn a_drained_shard_gives_its_matches_away_and_lets_nobody_in() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    let other = ShardId::from_random(2);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    room.shard.drain(DRAIN_WITHIN, room.now());
    room.advance();
    assert!(
        matches!(&*room.asked, [Output::HandOver(given)]
            if (given.match_id, given.to, given.epoch) == (id, other, Epoch(1))),
        "{:?}",
        room.asked
    );
    assert!(!room.shard.is_drained());
    assert_eq!(
        room.closed(white),
        None,
        "not before the match is the other's"
    );
    assert_eq!(room.hand_over().map(|given| given.to), Some(other));
    assert!(room.shard.is_drained());
    assert_eq!(room.closed(white), Some(CloseCode::ShuttingDown));
    assert_eq!(room.closed(black), Some(CloseCode::ShuttingDown));
    let late = room.join(id, Role::White, None);
    assert_eq!(room.closed(late), Some(CloseCode::ShuttingDown));
}

#[test]
fn the_last_shard_leaves_its_matches_in_the_store() {
    let (mut room, _, white, _) = Room::begun(ClockStart::AtOnce);
    room.shard.drain(DRAIN_WITHIN, room.now());
    room.advance();
    assert!(room.asked.is_empty());
    assert!(room.shard.is_drained(), "there is nobody to give it to");
    assert_eq!(room.closed(white), None, "play goes on to the last moment");
}

#[test]
fn a_drained_shard_plays_on_with_the_matches_whose_turn_has_not_come() {
    let mut room = Room::new();
    let other = ShardId::from_random(2);
    let all: Vec<_> = (0..100)
        .map(|n| room.create(n, room.me, ClockStart::AtOnce))
        .collect();
    let whites: Vec<_> = all
        .iter()
        .map(|&id| room.join(id, Role::White, None))
        .collect();
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    room.asked.clear();
    room.shard.drain(DRAIN_WITHIN, room.now());
    room.pass(95);
    let leaving: Vec<_> = room
        .asked
        .iter()
        .filter_map(|asked| match asked {
            Output::HandOver(given) => Some(given.match_id),
            _ => None,
        })
        .collect();
    assert_eq!(
        leaving.len(),
        10,
        "one every 10 ms: the time over the matches"
    );
    for (&id, &white) in all.iter().zip(&whites) {
        room.take(white);
        room.play(white, 0, "e2e4");
        if !leaving.contains(&id) {
            room.store_all();
        }
        let acked = room
            .bodies(white)
            .iter()
            .any(|body| matches!(body, ServerBody::Ack { .. }));
        assert_eq!(acked, !leaving.contains(&id));
    }
    let id = *all.iter().find(|id| !leaving.contains(id)).unwrap();
    let back = room.join(id, Role::White, Some(1));
    assert_eq!(room.closed(back), None, "its player may come back to it");
    // The store is slow, and answers again: all are gone in time, and few are frozen at any moment.
    room.pass(500);
    let asked = room.asked.len();
    // 0.4 s for 90 matches are 4.5 ms for each: 22 of them take 100 ms.
    assert!((11..=22).contains(&asked), "few are frozen: {asked}");
    for _ in 0..60 {
        while room.hand_over().is_some() {}
        room.pass(10);
    }
    assert!(room.shard.is_drained());
    assert_eq!(room.shard.live(), 0);
}

#[test]
fn confirmed_events_that_the_store_lost_are_written_again() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    for (ply, uci) in ["e2e4", "e7e5", "g1f3"].iter().enumerate() {
        let mover = if ply % 2 == 0 { white } else { black };
        room.play(mover, ply as u16, uci);
        room.store_all();
    }
    let whole = room.store[&id].log();
    room.store.stored_mut(id).unwrap().truncate(1);
    room.take(white);
    room.play(black, 3, "b8c6");
    room.answer(Ok(vec![Appended::Rollback { len: 1 }]));
    room.store_all();
    assert_eq!(room.store[&id].log()[..3], whole);
    assert_eq!(room.store[&id].log().len(), 4);
    let seen = room.bodies(white);
    assert_eq!(seen.len(), 1, "what was seen is not shown again: {seen:?}");
    assert_eq!(room.shard.counters().healed, 1);
}

#[test]
fn a_store_that_went_back_before_the_claim_is_claimed_above_it() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.store_all();
    let stored = room.store.stored_mut(id).unwrap();
    stored.truncate(0);
    stored.ownership.epoch = Epoch(0);
    room.play(black, 1, "e7e5");
    room.store_all();
    room.advance();
    room.store_all();
    assert_eq!(
        room.store[&id].ownership.epoch,
        Epoch(2),
        "above every epoch that was seen"
    );
    assert_eq!(room.store[&id].log().len(), 2);
    assert!(
        room.bodies(black)
            .iter()
            .any(|body| matches!(body, ServerBody::Ack { event: 2, .. }))
    );
}

#[test]
fn a_loss_beyond_the_last_events_is_written_again_from_the_history() {
    let limits = shard_core::ShardLimits {
        recent_events: 2,
        ..Default::default()
    };
    let mut room = Room::with(limits);
    let id = room.create(7, room.me, ClockStart::AtOnce);
    let white = room.join(id, Role::White, None);
    let black = room.join(id, Role::Black, None);
    for (ply, uci) in ["e2e4", "e7e5", "g1f3", "b8c6"].iter().enumerate() {
        let mover = if ply % 2 == 0 { white } else { black };
        room.play(mover, ply as u16, uci);
        room.store_all();
    }
    room.play(white, 4, "f1b5");
    let log = room.store[&id].log();
    room.store.stored_mut(id).unwrap().truncate(1);
    room.store_all();
    room.store_all();
    let stored = room.store[&id].log();
    assert_eq!(stored.len(), 5);
    assert_eq!(timeless(&stored[..4]), timeless(&log));
    assert_eq!(room.closed(white), None);
}
