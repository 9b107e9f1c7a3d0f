//! The store refuses, loses answers, or has another owner.

use game_core::{ClockStart, CommandId, CommandKind, Epoch, EventKind, ShardId};
use protocol::{CloseCode, Role, ServerBody};
use shard_core::ShardLimits;
use store::{Appended, Ownership, Status, StoreError};

use crate::room::Room;

fn acks(bodies: &[ServerBody]) -> usize {
    bodies
        .iter()
        .filter(|body| matches!(body, ServerBody::Ack { .. }))
        .count()
}

fn moves(bodies: &[ServerBody]) -> usize {
    let is_move = |body: &&ServerBody| matches!(body, ServerBody::Event(event) if matches!(event.kind, Some(EventKind::Moved { .. })));
    bodies.iter().filter(is_move).count()
}

#[test]
fn a_refused_write_is_sent_again_to_the_bit_and_shown_once_stored() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    let first = room.in_flight.clone().unwrap();
    room.answer(Err(StoreError::Unavailable("LOADING".to_owned())));
    assert!(room.in_flight.is_none());
    assert_eq!(acks(&room.bodies(white)), 0);
    room.pass(5_000);
    assert_eq!(room.in_flight.clone().unwrap(), first);
    room.store_all();
    assert_eq!(
        (acks(&room.bodies(white)), moves(&room.bodies(black))),
        (1, 1)
    );
    assert_eq!(room.store[&id].log().len(), 1);
}

/// One server of several is down: its matches wait, and those of the others play on.
#[test]
fn a_write_that_one_server_does_not_answer_is_repeated_to_the_bit_and_delays_no_other_match() {
    let mut room = Room::with(ShardLimits::default());
    let [waits, plays] = [7, 8].map(|n| room.create(n, room.me, ClockStart::AtOnce));
    let late = room.join(waits, Role::White, None);
    let [white, black] = [Role::White, Role::Black].map(|role| room.join(plays, role, None));
    let silent = || Appended::Unanswered("the connection broke".to_owned());
    room.play(late, 0, "e2e4");
    let first = room.in_flight.clone().unwrap();
    room.play(white, 0, "d2d4");
    // Both are in the batches now, and only one of the servers answers.
    room.answer(Ok(vec![silent()]));
    let moves = [
        (white, "d2d4"),
        (black, "d7d5"),
        (white, "c2c4"),
        (black, "e7e6"),
    ];
    for (ply, (peer, uci)) in (0..).zip(moves) {
        if ply > 0 {
            room.play(peer, ply, uci);
        }
        let batch = room.in_flight.clone().unwrap();
        assert_eq!(batch.len(), 1, "what is late is not due yet");
        assert_eq!(batch[0].match_id, plays);
        room.store_all();
    }
    assert_eq!(acks(&room.bodies(white)), 2);
    assert_eq!(acks(&room.bodies(late)), 0, "nothing unconfirmed is shown");
    assert!(room.shard.is_writing(), "it is not forgotten");
    for _ in 0..5 {
        room.pass(1_000);
        assert_eq!(
            room.in_flight.clone().unwrap(),
            first,
            "sent again as it was"
        );
        room.answer(Ok(vec![silent()]));
    }
    assert!(!room.shard.status().paused, "the store answers");
    room.pass(1_000);
    room.play(white, 4, "b1c3");
    room.store_all();
    while room.in_flight.is_some() {
        room.store_all();
    }
    assert_eq!(acks(&room.bodies(late)), 1);
    assert_eq!(room.store[&waits].log().len(), 1);
    assert_eq!(room.store[&plays].log().len(), 5);
    assert!(!room.shard.is_writing());
}

/// The match goes to another shard meanwhile: what is late is not sent for nothing.
#[test]
fn a_write_that_is_late_is_dropped_with_its_match() {
    let (mut room, _, white, _) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.answer(Ok(vec![Appended::Unanswered("away".to_owned())]));
    room.pass(1_000);
    room.answer(Ok(vec![Appended::Conflict { len: 4 }]));
    assert_eq!(room.shard.live(), 0);
    room.pass(1_000);
    assert!(room.in_flight.is_none());
    assert!(!room.shard.is_writing());
}

#[test]
fn a_lost_answer_neither_doubles_nor_loses_the_move() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.store_and_lose_the_answer();
    assert_eq!(
        (acks(&room.bodies(white)), moves(&room.bodies(black))),
        (0, 0)
    );
    room.pass(1_000);
    room.store_all();
    assert_eq!(
        (acks(&room.bodies(white)), moves(&room.bodies(black))),
        (1, 1)
    );
    assert_eq!(room.store[&id].log().len(), 1);
    assert_eq!(room.shard.counters().duplicates, 1);
}

#[test]
fn a_fenced_write_is_shown_to_nobody_and_the_seats_are_sent_on() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.take(black);
    let other = ShardId::from_random(2);
    room.play(white, 0, "e2e4");
    let stored = room.store.stored_mut(id).unwrap();
    stored.ownership = Ownership {
        epoch: Epoch(2),
        owner: other,
        status: Status::Live,
    };
    room.store_all();
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
    assert_eq!(room.closed(black), Some(CloseCode::NotOwner));
    assert_eq!(
        (acks(&room.bodies(white)), moves(&room.bodies(black))),
        (0, 0)
    );
    assert_eq!(room.shard.live(), 0);
}

#[test]
fn a_forked_log_stops_the_match_here() {
    let (mut room, _, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.answer(Ok(vec![Appended::Conflict { len: 4 }]));
    assert_eq!(room.closed(white), Some(CloseCode::Internal));
    assert_eq!(moves(&room.bodies(black)), 0);
}

#[test]
fn a_repeated_command_is_acknowledged_and_not_repeated() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    // Once while the first is under way, once after it.
    room.play(white, 0, "e2e4");
    room.store_all();
    room.play(white, 0, "e2e4");
    assert_eq!(acks(&room.bodies(white)), 3);
    assert!(room.in_flight.is_none());
    assert_eq!(room.store[&id].log().len(), 1);
}

#[test]
fn a_store_that_is_down_bounds_what_waits() {
    let limits = ShardLimits {
        pending_events_max: 2,
        ..ShardLimits::default()
    };
    let mut room = Room::with(limits);
    let id = room.create(7, room.me, ClockStart::AtOnce);
    let white = room.join(id, Role::White, None);
    let black = room.join(id, Role::Black, None);
    room.play(white, 0, "e2e4");
    room.play(black, 1, "e7e5");
    room.play(white, 2, "g1f3");
    room.take(white);
    room.store_all();
    room.store_all();
    let refused = ServerBody::Refused {
        command_id: CommandId(1002),
        reason: protocol::WireRefusal::Paused,
    };
    assert!(room.bodies(white).contains(&refused));
    assert_eq!(room.store[&id].log().len(), 2);
}

#[test]
fn a_peer_that_only_sends_what_is_refused_is_sent_away() {
    let (mut room, _, white, black) = Room::begun(ClockStart::AtOnce);
    for n in 0..200 {
        room.command(black, n, CommandKind::AcceptDraw);
    }
    assert_eq!(room.closed(black), Some(CloseCode::RateLimited));
    assert_eq!(room.closed(white), None);
}

#[test]
fn batches_hold_many_matches_but_are_bounded() {
    let limits = ShardLimits {
        batch_bytes_max: 200,
        ..ShardLimits::default()
    };
    let mut room = Room::with(limits);
    let players: Vec<_> = (0..50)
        .map(|n| {
            let id = room.create(100 + n, room.me, ClockStart::AtOnce);
            room.join(id, Role::White, None)
        })
        .collect();
    for &white in &players {
        room.play(white, 0, "e2e4");
    }
    let mut batches = 0;
    while room.in_flight.is_some() {
        let bytes: usize = room
            .in_flight
            .as_ref()
            .unwrap()
            .iter()
            .map(store::Append::len_bytes)
            .sum();
        assert!(bytes < 300, "{bytes}");
        room.store_all();
        batches += 1;
    }
    assert!((5..50).contains(&batches), "{batches}");
    for &white in &players {
        assert_eq!(acks(&room.bodies(white)), 1);
    }
}

#[test]
fn repeats_and_comings_and_goings_do_not_pile_up_behind_a_closed_gate() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.take(white);
    room.take(black);
    for _ in 0..10_000 {
        room.play(white, 0, "e2e4");
    }
    assert_eq!(room.closed(white), Some(CloseCode::RateLimited));
    for _ in 0..1_000 {
        let visitor = room.join(id, Role::White, None);
        room.shard.leave(visitor);
    }
    room.advance();
    room.store_all();
    let told = room.bodies(black);
    assert!(told.len() < 10, "{} frames at once", told.len());
}

#[test]
fn who_does_not_heed_refusals_is_warned_and_then_sent_away() {
    let (mut room, _, _, black) = Room::begun(ClockStart::AtOnce);
    for n in 0..200 {
        room.command(black, n, CommandKind::AcceptDraw);
    }
    let limited = |body: &&ServerBody| {
        matches!(
            body,
            ServerBody::Refused {
                reason: protocol::WireRefusal::RateLimited,
                ..
            }
        )
    };
    let bodies = room.bodies(black);
    assert_eq!(bodies.iter().filter(limited).count(), 40);
    assert_eq!(room.closed(black), Some(CloseCode::RateLimited));
}
