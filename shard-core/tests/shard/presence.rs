//! Players who connect and disconnect: how often they may, and what the others receive.

use game_core::{ClockStart, CommandKind, Seat};
use protocol::{CloseCode, Role, ServerBody};

use crate::room::Room;

/// The frames about a seat's presence.
fn presence(bodies: &[ServerBody], of: Seat) -> Vec<bool> {
    let said = |body: &ServerBody| match body {
        ServerBody::Presence { seat, connected } if *seat == of => Some(*connected),
        _ => None,
    };
    bodies.iter().filter_map(said).collect()
}

#[test]
fn leaving_and_joining_again_and_again_is_told_once_a_second_and_the_end_of_it_always() {
    for ends_in_seat in [true, false] {
        let (mut room, id, white, mut black) = Room::begun(ClockStart::AtOnce);
        room.pass(5_000);
        room.take(white);
        let mut told = Vec::new();
        for _ in 0..20 {
            room.shard.leave(black);
            room.advance();
            black = room.join(id, Role::Black, None);
            assert_eq!(room.closed(black), None);
            room.pass(100);
            told.extend(presence(&room.bodies(white), Seat::Black));
        }
        if !ends_in_seat {
            room.shard.leave(black);
            room.advance();
        }
        room.pass(1_000);
        told.extend(presence(&room.bodies(white), Seat::Black));
        assert!(told.len() <= 4, "in three seconds: {told:?}");
        assert_eq!(told.last(), Some(&ends_in_seat));
        assert_eq!(room.closed(white), None);
        room.pass(10_000);
        assert!(presence(&room.bodies(white), Seat::Black).is_empty());
    }
}

#[test]
fn the_first_change_of_presence_is_told_at_once() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.pass(5_000);
    room.take(white);
    room.shard.leave(black);
    room.advance();
    assert_eq!(presence(&room.bodies(white), Seat::Black), [false]);
    room.pass(5_000);
    room.join(id, Role::Black, None);
    assert_eq!(presence(&room.bodies(white), Seat::Black), [true]);
}

#[test]
fn who_joins_between_two_words_on_presence_learns_the_end_of_it_too() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.pass(5_000);
    // White learns that Black is gone; a spectator joins while Black is back, which was not sent yet.
    room.shard.leave(black);
    room.advance();
    let black = room.join(id, Role::Black, None);
    let spectator = room.join(id, Role::Spectator, None);
    let bodies = room.bodies(spectator);
    assert!(
        matches!(&bodies[0], ServerBody::Joined(joined) if joined.connected[Seat::Black]),
        "{bodies:?}"
    );
    room.shard.leave(black);
    room.advance();
    room.pass(1_000);
    for peer in [white, spectator] {
        let told = presence(&room.bodies(peer), Seat::Black);
        assert_eq!(told.last(), Some(&false), "{told:?}");
    }
}

#[test]
fn joins_of_a_player_to_a_match_have_an_allowance_that_outlives_the_stream() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    // A burst of 30, one of which Black has had; then one each half second.
    let mut refused = Vec::new();
    for n in 0..40 {
        let black = room.join(id, Role::Black, None);
        if let Some(code) = room.closed(black) {
            assert!(room.bodies(black).is_empty(), "no state");
            assert!(!room.shard.has(black));
            refused.push((n, code));
        }
        room.shard.leave(black);
        room.advance();
    }
    let expected: Vec<_> = (29..40).map(|n| (n, CloseCode::RateLimited)).collect();
    assert_eq!(refused, expected);
    assert!(
        CloseCode::RateLimited.is_retryable(),
        "an honest player comes back by itself"
    );

    // Others may join, and Black to another match.
    let again = room.join(id, Role::White, None);
    assert_eq!(
        (room.closed(white), room.closed(again)),
        (Some(CloseCode::Superseded), None)
    );
    let other = room.create(8, room.me, ClockStart::AtOnce);
    let black = room.join(other, Role::Black, None);
    assert_eq!(room.closed(black), None);

    // A player is meant, and not a seat.
    let spectator = room.join_as("bob", id, Role::Spectator, None);
    assert_eq!(room.closed(spectator), Some(CloseCode::RateLimited));
    let spectator = room.join_as("eve", id, Role::Spectator, None);
    assert_eq!(room.closed(spectator), None);

    room.pass(500);
    let black = room.join(id, Role::Black, None);
    assert_eq!(room.closed(black), None);
    room.command(black, 1, CommandKind::Resign);
    room.store_all();
}

#[test]
fn joins_to_a_match_that_is_nowhere_have_the_allowance_too() {
    let mut room = Room::new();
    let nowhere = game_core::MatchId::from_random(404);
    let codes = (0..31).map(|_| {
        let peer = room.join(nowhere, Role::White, None);
        room.closed(peer)
    });
    let codes: Vec<_> = codes.collect();
    assert_eq!(codes[..30], [Some(CloseCode::MatchNotFound); 30]);
    assert_eq!(
        codes[30],
        Some(CloseCode::RateLimited),
        "the store is not asked"
    );
}
