//! An opponent who is gone: the countdown, and the claim at its end.

use game_core::{ClockStart, CommandKind, Outcome, Seat, Termination};
use protocol::{Role, ServerBody};
use shard_core::PeerKey;

use crate::room::Room;

/// What the frames of a countdown say: milliseconds until a claim, or that there is none.
fn countdown(bodies: &[ServerBody]) -> Vec<Option<u32>> {
    let left = |body: &ServerBody| match body {
        ServerBody::Gone { claim_in_ms, .. } => Some(*claim_in_ms),
        _ => None,
    };
    bodies.iter().filter_map(left).collect()
}

/// A match of a minute (bullet) in which both have moved and White is to move.
fn begun() -> (Room, game_core::MatchId, Seats) {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.play(black, 1, "e7e5");
    room.store_all();
    room.take(white);
    room.take(black);
    (room, id, Seats { white, black })
}

/// The peers in both seats.
struct Seats {
    white: PeerKey,
    black: PeerKey,
}

#[test]
fn opponent_gone_is_counted_down_every_five_seconds_and_may_then_be_claimed() {
    let (mut room, id, seats) = begun();
    room.shard.leave(seats.white);
    room.advance();
    assert_eq!(countdown(&room.bodies(seats.black)), [Some(40_000)]);
    room.command(seats.black, 90, CommandKind::ClaimWin);
    assert!(matches!(
        room.bodies(seats.black)[..],
        [ServerBody::Refused { .. }]
    ));
    room.pass(39_999);
    let told = countdown(&room.bodies(seats.black));
    let every_five: Vec<_> = (1..8).map(|n| Some(40_000 - 5_000 * n)).collect();
    assert_eq!(told, every_five);
    room.pass(1);
    assert_eq!(countdown(&room.bodies(seats.black)), [Some(0)]);
    room.command(seats.black, 91, CommandKind::ClaimWin);
    room.store_all();
    let (seen, _) = room.shard.inspect(id, room.now()).unwrap();
    let won = (Outcome::BlackWins, Termination::Abandoned);
    assert_eq!(seen.row.result, Some(won));
}

#[test]
fn who_says_goodbye_may_be_claimed_after_ten_seconds() {
    let (mut room, _, seats) = begun();
    room.shard.say_goodbye(seats.white);
    room.advance();
    assert_eq!(countdown(&room.bodies(seats.black)), [Some(10_000)]);
    room.pass(10_000);
    room.command(seats.black, 91, CommandKind::ClaimAbandonedDraw);
    room.store_all();
    let ended = room.bodies(seats.black).into_iter().any(|body| {
        matches!(body, ServerBody::Event(event)
            if matches!(event.kind, Some(game_core::EventKind::Ended { outcome: Outcome::Draw, .. })))
    });
    assert!(ended);
}

#[test]
fn who_comes_back_ends_the_countdown_and_starts_the_next_anew() {
    let (mut room, id, seats) = begun();
    room.shard.leave(seats.white);
    room.pass(20_000);
    room.take(seats.black);
    let white = room.join(id, Role::White, None);
    assert_eq!(countdown(&room.bodies(seats.black)), [None]);
    room.shard.leave(white);
    room.advance();
    assert_eq!(countdown(&room.bodies(seats.black)), [Some(40_000)]);
}

#[test]
fn an_absentee_who_is_not_to_move_is_not_counted_down() {
    let (mut room, id, seats) = begun();
    room.shard.leave(seats.black);
    room.pass(10_000);
    assert_eq!(countdown(&room.bodies(seats.white)), []);
    // From the move on, and not from when it left.
    room.play(seats.white, 2, "g1f3");
    room.store_all();
    assert_eq!(countdown(&room.bodies(seats.white)), [Some(40_000)]);
    let (seen, _) = room.shard.inspect(id, room.now()).unwrap();
    assert_eq!(seen.row.turn, Seat::Black);
}

#[test]
fn nobody_can_claim_while_the_match_had_no_owner_and_the_count_restarts_at_a_resume() {
    let (mut room, id, seats) = begun();
    room.shard.leave(seats.white);
    room.pass(39_000);
    let mut room = room.next_owner(2);
    let black = room.join(id, Role::Black, None);
    // The clock of the absentee waits for 15 s after a resume, and then the count begins.
    room.pass(16_000);
    let told = countdown(&room.bodies(black));
    assert_eq!(told.first(), Some(&Some(40_000)), "{told:?}");
}
