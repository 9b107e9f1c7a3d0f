//! No player is charged for the server's faults.

use game_core::{ClockStart, Seat, WithMove};
use protocol::{ClockView, ServerBody};
use store::StoreError;

use crate::room::Room;

fn last_clock(bodies: &[ServerBody]) -> ClockView {
    let mut clocks = bodies.iter().rev().filter_map(|body| match body {
        ServerBody::Event(event) => Some(event.clock),
        ServerBody::Clock(clock) => Some(*clock),
        _ => None,
    });
    clocks.next().expect("a clock was sent")
}

#[test]
fn the_wait_for_the_store_is_charged_to_nobody() {
    let (mut room, _, white, black) = Room::begun(ClockStart::AtOnce);
    room.pass(5_000);
    room.play(white, 0, "e2e4");
    // Short of a stall, so play is not paused.
    room.pass(900);
    room.store_all();
    room.pass(3_000);
    room.play(black, 1, "e7e5");
    room.store_all();
    let clock = last_clock(&room.bodies(white));
    assert_eq!((clock.white_ms, clock.black_ms), (55_000, 57_000));
    assert_eq!(clock.running, Some(Seat::White));
}

#[test]
fn a_store_that_does_not_answer_a_write_stops_every_clock() {
    let (mut room, other, white, black) = Room::begun(ClockStart::AtOnce);
    let second = room.create(8, room.me, ClockStart::AtOnce);
    assert_ne!(second, other);
    let thinker = room.join(second, protocol::Role::White, None);
    room.pass(1_000);
    room.play(white, 0, "e2e4");
    room.take(thinker);
    room.pass(30_000);
    let said = room.bodies(thinker);
    assert_eq!(said, vec![ServerBody::Paused; 10], "again and again");
    room.store_all();
    assert_eq!(room.bodies(thinker), [], "one answer is no stretch");
    room.steady();
    // The clock of the other match went back to when the store's answer became due.
    let clock = last_clock(&room.bodies(thinker));
    assert_eq!((clock.white_ms, clock.running), (59_000, Some(Seat::White)));
    room.pass(2_000);
    room.play(thinker, 0, "d2d4");
    room.store_all();
    assert_eq!(last_clock(&room.bodies(thinker)).white_ms, 57_000);
    room.play(black, 1, "e7e5");
    room.store_all();
    assert_eq!(last_clock(&room.bodies(black)).black_ms, 58_000);
}

#[test]
fn a_store_that_refuses_heartbeats_stops_every_clock_too() {
    let (mut room, _, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(1_000);
    room.take(white);
    room.heartbeat(Err(StoreError::Unavailable(
        "connection refused".to_owned(),
    )));
    assert_eq!(room.bodies(white), [], "it may answer the next one");
    room.pass(1_000);
    assert_eq!(room.bodies(white), [ServerBody::Paused]);
    room.pass(120_000);
    assert!(
        room.in_flight.is_none(),
        "no flag falls while play is paused"
    );
    room.steady();
    assert_eq!(last_clock(&room.bodies(white)).white_ms, 59_000);
}

#[test]
fn a_heartbeat_that_gets_no_answer_is_a_stall_from_when_it_was_sent() {
    let (mut room, _, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(1_000);
    room.take(white);
    room.shard.heartbeat_sent(room.now(), room.since_boot());
    room.pass(2_000);
    assert_eq!(room.bodies(white), [ServerBody::Paused]);
    room.pass(8_000);
    room.beat_answered(vec![]);
    room.advance();
    room.steady();
    assert_eq!(last_clock(&room.bodies(white)).white_ms, 59_000);
}

#[test]
fn a_heartbeat_lost_among_answered_writes_is_no_stall() {
    let (mut room, _, white, black) = Room::begun(ClockStart::AtOnce);
    room.shard.heartbeat_sent(room.now(), room.since_boot());
    for (ply, uci) in ["g1f3", "g8f6", "f3g1", "f6g8", "g1f3", "g8f6"]
        .iter()
        .enumerate()
    {
        room.pass(200);
        let mover = if ply % 2 == 0 { white } else { black };
        room.play(mover, ply as u16, uci);
        room.store_all();
    }
    assert!(!room.bodies(white).contains(&ServerBody::Paused));
}

#[test]
fn a_pause_of_the_process_is_charged_to_nobody_and_blamed_on_no_store() {
    let (mut room, _, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(1_000);
    room.play(white, 0, "e2e4");
    let gap = std::time::Duration::from_secs(20);
    room.uptime += gap;
    room.shard.skipped(gap);
    room.advance();
    assert!(!room.bodies(white).contains(&ServerBody::Paused));
    room.store_all();
    let clock = last_clock(&room.bodies(white));
    assert_eq!((clock.white_ms, clock.black_ms), (59_000, 60_000));
}

#[test]
fn a_command_that_waited_is_applied_as_of_its_receipt() {
    let (mut room, _, white, _) = Room::begun(ClockStart::AtOnce);
    let kind = game_core::CommandKind::Move {
        position_seq: 0,
        uci: "e2e4".parse().unwrap(),
        with: WithMove::Nothing,
    };
    let command = game_core::Command {
        id: game_core::CommandId(1),
        kind,
    };
    let received_at = room.uptime + std::time::Duration::from_millis(59_999);
    room.uptime += std::time::Duration::from_millis(60_100);
    room.shard.command(white, &command, received_at, room.now());
    room.advance();
    room.store_all();
    assert_eq!(last_clock(&room.bodies(white)).white_ms, 1);
}

#[test]
fn a_resumed_match_waits_for_the_side_to_move_but_not_for_ever() {
    let mut room = Room::new();
    let id = room.create(9, room.me, ClockStart::AtOnce);
    let black = room.join(id, protocol::Role::Black, None);
    room.pass(14_000);
    room.take(black);
    let white = room.join(id, protocol::Role::White, None);
    assert_eq!(last_clock(&room.bodies(black)).running, Some(Seat::White));
    room.pass(1_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    assert_eq!(last_clock(&room.bodies(white)).white_ms, 59_000);

    let second = room.create(10, room.me, ClockStart::AtOnce);
    let alone = room.join(second, protocol::Role::Black, None);
    room.take(alone);
    room.pass(15_000);
    let clock = last_clock(&room.bodies(alone));
    assert_eq!((clock.white_ms, clock.running), (60_000, Some(Seat::White)));
}

#[test]
fn the_other_player_is_waited_for_too() {
    let mut room = Room::new();
    let id = room.create(9, room.me, ClockStart::AtOnce);
    let white = room.join(id, protocol::Role::White, None);
    room.pass(1_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    let clock = last_clock(&room.bodies(white));
    assert_eq!(
        (clock.white_ms, clock.running),
        (59_000, None),
        "Black has not noticed yet"
    );
    room.pass(8_000);
    let black = room.join(id, protocol::Role::Black, None);
    assert_eq!(last_clock(&room.bodies(white)).running, Some(Seat::Black));
    room.pass(2_000);
    room.play(black, 1, "e7e5");
    room.store_all();
    assert_eq!(last_clock(&room.bodies(white)).black_ms, 58_000);
    // Who came once and leaves by itself is charged.
    room.play(white, 2, "g1f3");
    room.store_all();
    room.shard.leave(black);
    room.pass(3_000);
    let black = room.join(id, protocol::Role::Black, None);
    room.play(black, 3, "b8c6");
    room.store_all();
    assert_eq!(last_clock(&room.bodies(white)).black_ms, 55_000);
}

#[test]
fn the_side_to_move_is_told_again_and_again_less_and_less_often() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.take(white);
    room.take(black);
    let mut told = Vec::new();
    for second in 1..=20 {
        room.pass(1_000);
        let clocks = room.bodies(black);
        assert!(clocks.len() <= 1, "{clocks:?}");
        if let Some(ServerBody::Clock(clock)) = clocks.first() {
            assert_eq!(clock.running, Some(Seat::Black));
            told.push((second, clock.black_ms));
        }
    }
    assert_eq!(told, [(2, 58_000), (6, 54_000), (14, 46_000)]);
    // No reminder while the move waits for the store, and then one for the other side.
    room.play(black, 1, "e7e5");
    room.pass(200);
    room.store_all();
    room.take(black);
    room.pass(3_000);
    assert_eq!(room.bodies(black), []);
    assert_eq!(last_clock(&room.bodies(white)).white_ms, 58_000);
    // A player who comes back has just received the clocks.
    let white = room.join(id, protocol::Role::White, None);
    room.pass(1_900);
    assert_eq!(room.bodies(white).len(), 1, "the answer to the join alone");
    room.pass(100);
    assert_eq!(last_clock(&room.bodies(white)).white_ms, 55_000);
}

#[test]
fn nobody_is_reminded_while_play_is_paused() {
    let (mut room, _, white, _) = Room::begun(ClockStart::AtOnce);
    room.take(white);
    room.pass(1_000);
    room.heartbeat(Err(StoreError::Unavailable(
        "connection refused".to_owned(),
    )));
    room.pass(60_000);
    let said = room.bodies(white);
    assert!(said.iter().all(|body| *body == ServerBody::Paused));
    room.steady();
    room.take(white);
    room.pass(999);
    assert_eq!(room.bodies(white), []);
    room.pass(1);
    assert_eq!(last_clock(&room.bodies(white)).white_ms, 58_000);
}
