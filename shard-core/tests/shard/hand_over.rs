//! A planned hand-over keeps both clocks; no player is charged for the time in between.

use game_core::{ClockStart, MatchId, Outcome, Seat, Termination};
use protocol::{ClockView, Role, ServerBody};
use shard_core::PeerKey;
use store::HandOver;

use crate::room::Room;

/// Puts `other` into the registry, and has the match handed over to it.
fn give_away(room: &mut Room, id: MatchId, n: u128) -> HandOver {
    let other = game_core::ShardId::from_random(n);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    room.shard.hand_over(id, Some(other), room.now()).unwrap();
    room.advance();
    room.hand_over().expect("it is handed over")
}

fn last_clock(room: &mut Room, peer: PeerKey) -> ClockView {
    let bodies = room.bodies(peer);
    let mut clocks = bodies.iter().rev().filter_map(|body| match body {
        ServerBody::Event(event) => Some(event.clock),
        ServerBody::Clock(clock) => Some(*clock),
        ServerBody::Joined(joined) => Some(joined.clock),
        _ => None,
    });
    clocks.next().expect("a clock was sent")
}

#[test]
fn a_hand_over_keeps_the_thinking_time_of_the_move_to_the_millisecond() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.pass(3_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(41_234);
    room.take(black);
    give_away(&mut room, id, 2);
    let mut room = room.next_owner(2);
    let white = room.join(id, Role::White, Some(1));
    // Before Black is back, and while Black is not, nothing counts.
    room.pass(9_000);
    let clock = last_clock(&mut room, white);
    assert_eq!((clock.white_ms, clock.black_ms), (57_000, 18_766));
    assert_eq!(clock.running, None);
    let black = room.join(id, Role::Black, Some(1));
    let clock = last_clock(&mut room, black);
    assert_eq!((clock.white_ms, clock.black_ms), (57_000, 18_766));
    assert_eq!(clock.running, Some(Seat::Black));
    room.pass(766);
    room.play(black, 1, "e7e5");
    room.store_all();
    assert_eq!(last_clock(&mut room, black).black_ms, 18_000);
}

#[test]
fn a_flag_falls_when_it_would_have_without_the_hand_over() {
    let (mut room, id, _, _) = Room::begun(ClockStart::AtOnce);
    room.pass(59_000);
    give_away(&mut room, id, 2);
    let mut room = room.next_owner(2);
    let white = room.join(id, Role::White, None);
    room.pass(999);
    assert!(room.in_flight.is_none());
    room.pass(1);
    room.store_all();
    let ended = room.bodies(white).into_iter().find_map(|body| match body {
        ServerBody::Event(event) => event.kind,
        _ => None,
    });
    let expected = game_core::EventKind::Ended {
        outcome: Outcome::BlackWins,
        termination: Termination::TimeForfeit,
    };
    assert_eq!(ended, Some(expected));
}

#[test]
fn the_wait_for_an_untimed_first_move_goes_on_where_it_was() {
    let (mut room, id, _, _) = Room::begun(ClockStart::AfterFirstMoves);
    // A bullet game is aborted after 20 s without a first move.
    room.pass(14_000);
    assert_eq!(give_away(&mut room, id, 2).move_time.as_millis(), 14_000);
    let mut room = room.next_owner(2);
    room.join(id, Role::White, None);
    room.pass(5_999);
    assert!(room.in_flight.is_none());
    room.pass(1);
    assert!(room.in_flight.is_some(), "it is aborted");
}

#[test]
fn what_was_thought_is_kept_over_two_hand_overs_and_a_death() {
    let (mut room, id, _, _) = Room::begun(ClockStart::AtOnce);
    room.pass(10_000);
    give_away(&mut room, id, 2);
    let mut room = room.next_owner(2);
    let white = room.join(id, Role::White, None);
    room.pass(10_000);
    room.shard.leave(white);
    assert_eq!(give_away(&mut room, id, 3).move_time.as_millis(), 20_000);
    let mut room = room.next_owner(3);
    // No player has come back yet.
    room.join(id, Role::Black, None);
    room.pass(5_000);
    assert_eq!(give_away(&mut room, id, 4).move_time.as_millis(), 20_000);
    // That owner dies before another record: the recorded time is still the minimum that was thought.
    let mut room = room.next_owner(5);
    let white = room.join(id, Role::White, None);
    assert_eq!(last_clock(&mut room, white).white_ms, 40_000);
    room.pass(1_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    assert_eq!(last_clock(&mut room, white).white_ms, 39_000);
    // It does not apply to the moves after that one.
    let mut room = room.next_owner(6);
    let black = room.join(id, Role::Black, None);
    assert_eq!(last_clock(&mut room, black).black_ms, 60_000);
}

#[test]
fn the_store_time_before_a_hand_over_is_charged_to_nobody() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(2_000);
    room.play(white, 0, "e2e4");
    let other = game_core::ShardId::from_random(2);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    room.shard.hand_over(id, Some(other), room.now()).unwrap();
    room.pass(900);
    room.store_all();
    room.pass(100);
    let given = room.hand_over().expect("it is handed over");
    assert_eq!((given.seq, given.move_time.as_millis()), (1, 0));
}

#[test]
fn a_hand_over_that_began_in_an_outage_not_yet_noticed_charges_nothing_of_it() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(2_000);
    room.play(white, 0, "e2e4");
    let other = game_core::ShardId::from_random(2);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    // The store is silent from now on, which is noticed after a second: play stands still from where the silence began.
    room.pass(900);
    room.shard.hand_over(id, Some(other), room.now()).unwrap();
    room.pass(300);
    room.store_all();
    room.pass(100);
    let given = room.hand_over().expect("it is handed over");
    assert_eq!((given.seq, given.move_time.as_millis()), (1, 0));
}
