//! Nothing leaves before the store has confirmed it.

use game_core::{ClockStart, CommandKind, EventKind, Refusal};
use protocol::{CatchUp, Role, ServerBody, WireRefusal};

use crate::room::Room;

#[test]
fn a_move_is_seen_by_nobody_until_it_is_stored() {
    let (mut room, _, white, black) = Room::begun(ClockStart::AfterFirstMoves);
    room.take(white);
    room.take(black);

    room.play(white, 0, "e2e4");
    room.pass(60_000);
    assert!(room.in_flight.is_some());
    let told = |bodies: Vec<ServerBody>| {
        bodies
            .into_iter()
            .filter(|b| *b != ServerBody::Paused)
            .count()
    };
    assert_eq!(told(room.bodies(white)), 0, "no ack before the store");
    assert_eq!(told(room.bodies(black)), 0, "no event before the store");

    room.store_all();
    let is_move = |body: &ServerBody| matches!(body, ServerBody::Event(event) if matches!(event.kind, Some(EventKind::Moved { .. })));
    let to_white = room.bodies(white);
    assert!(to_white.iter().any(is_move));
    assert!(
        to_white
            .iter()
            .any(|body| matches!(body, ServerBody::Ack { event: 1, .. }))
    );
    assert!(room.bodies(black).iter().any(is_move));
}

#[test]
fn a_refusal_that_depends_on_an_unstored_event_waits_for_it() {
    let (mut room, _, white, black) = Room::begun(ClockStart::AtOnce);
    room.command(white, 1, CommandKind::Resign);
    room.take(black);
    // The end of the match is not confirmed, so Black must not see it yet.
    room.play(black, 0, "e7e5");
    assert_eq!(room.bodies(black), []);
    room.store_all();
    let refused = ServerBody::Refused {
        command_id: game_core::CommandId(1000),
        reason: WireRefusal::Match(Refusal::MatchOver),
    };
    assert_eq!(room.bodies(black).last(), Some(&refused));
}

#[test]
fn a_peer_that_joins_is_shown_nothing_unstored() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AfterFirstMoves);
    room.play(white, 0, "e2e4");
    let spectator = room.join(id, Role::Spectator, None);
    assert_eq!(room.bodies(spectator), []);
    room.store_all();
    let bodies = room.bodies(spectator);
    let [ServerBody::Joined(joined), ..] = &*bodies else {
        panic!("{bodies:?}")
    };
    let CatchUp::State(state) = &joined.catch_up else {
        panic!("{joined:?}")
    };
    assert_eq!(state.moves.len(), 1);
    assert_eq!(
        bodies.len(),
        1,
        "the event is in the state, and not sent a second time"
    );
}

#[test]
fn a_flag_fall_is_seen_only_when_it_is_stored() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.pass(59_000);
    room.take(white);
    room.pass(1_000);
    assert!(room.in_flight.is_some(), "the flag has fallen");
    assert_eq!(room.bodies(white), []);
    room.store_all();
    let ended = |body: &ServerBody| matches!(body, ServerBody::Event(event) if matches!(event.kind, Some(EventKind::Ended { .. })));
    assert!(room.bodies(white).iter().any(ended));
    assert!(room.bodies(black).iter().any(ended));
    assert_eq!(room.store[&id].log().len(), 1);
}

#[test]
fn a_premature_move_on_an_unstored_one_is_stored_after_it() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AfterFirstMoves);
    room.play(white, 0, "e2e4");
    room.play(black, 1, "e7e5");
    assert_eq!(room.in_flight.as_ref().unwrap()[0].records.len(), 1);
    room.store_all();
    assert_eq!(room.store[&id].log().len(), 1);
    assert!(
        !room
            .bodies(black)
            .iter()
            .any(|body| matches!(body, ServerBody::Ack { .. }))
    );
    room.store_all();
    assert!(
        room.bodies(black)
            .iter()
            .any(|body| matches!(body, ServerBody::Ack { .. }))
    );
    assert_eq!(room.store[&id].log().len(), 2);
}
