//! A rematch: offered and agreed after the end, made by the shard, and made again by whoever finds it missing.

use game_core::{ClockStart, CommandKind, MatchId, Refusal, Seat};
use protocol::{CloseCode, Role, ServerBody, WireRefusal};
use shard_core::PeerKey;

use crate::room::Room;

/// A match that White has resigned, both players still there.
fn over() -> (Room, MatchId, PeerKey, PeerKey) {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.command(white, 1, CommandKind::Resign);
    room.store_all();
    room.take(white);
    room.take(black);
    (room, id, white, black)
}

/// The id of the rematch that a peer was told of.
fn agreed(bodies: &[ServerBody]) -> Option<MatchId> {
    bodies.iter().find_map(|body| match body {
        ServerBody::Event(event) => match event.kind {
            Some(game_core::EventKind::RematchAgreed { match_id }) => Some(match_id),
            _ => None,
        },
        _ => None,
    })
}

#[test]
fn a_rematch_is_made_once_it_is_agreed_and_confirmed_with_the_colours_exchanged() {
    let (mut room, id, white, black) = over();
    room.command(white, 2, CommandKind::OfferRematch);
    room.store_all();
    room.take(black);
    room.command(black, 2, CommandKind::AcceptRematch);
    assert_eq!(agreed(&room.bodies(white)), None, "it is not confirmed");
    assert_eq!(room.store.all().count(), 1);
    room.store_all();
    let new = agreed(&room.bodies(white)).expect("both want it");
    assert_eq!(agreed(&room.bodies(black)), Some(new));
    assert_eq!(new.tag(), id.tag(), "it is stored near the old one");
    let setup = room.store[&new].first_snapshot().setup.clone();
    assert_eq!(setup.players[Seat::White].name.as_ref(), "bob");
    // Its players find it here.
    let bob = room.join_as("bob", new, Role::White, None);
    assert!(matches!(room.bodies(bob)[0], ServerBody::Joined(_)));
}

#[test]
fn a_rematch_that_its_shard_had_no_time_to_make_is_made_by_the_next() {
    let (mut room, id, white, black) = over();
    room.command(white, 2, CommandKind::OfferRematch);
    room.store_all();
    room.command(black, 2, CommandKind::OfferRematch);
    // The store has it, and the shard dies before it hears so.
    room.store_and_lose_the_answer();
    let mut room = room.next_owner(2);
    assert_eq!(room.store.all().count(), 1);
    let back = room.join(id, Role::Black, None);
    let bodies = room.bodies(back);
    let ServerBody::Joined(joined) = &bodies[0] else {
        panic!("{bodies:?}")
    };
    let protocol::CatchUp::State(state) = &joined.catch_up else {
        panic!("{joined:?}")
    };
    let new = state.rematch.expect("it was agreed on");
    assert!(room.store.stored(new).is_some());
}

#[test]
fn a_rematch_is_agreed_on_at_the_shard_that_took_the_finished_match_over() {
    let (mut room, id, white, _) = over();
    room.command(white, 2, CommandKind::OfferRematch);
    room.store_all();
    let mut room = room.next_owner(2);
    let [white, black] = [Role::White, Role::Black].map(|role| room.join(id, role, None));
    room.take(white);
    room.take(black);
    // The same command again gets the first answer.
    room.command(white, 2, CommandKind::OfferRematch);
    let bodies = room.bodies(white);
    assert!(
        matches!(bodies[0], ServerBody::Ack { event: 2, .. }),
        "{bodies:?}"
    );
    room.command(black, 2, CommandKind::AcceptRematch);
    room.store_all();
    let new = agreed(&room.bodies(white)).expect("both want it");
    assert!(room.store.stored(new).is_some());
    assert_eq!(
        room.store[&id].ownership.epoch.0, 2,
        "the former owner is fenced"
    );
}

#[test]
fn what_only_the_living_owner_of_a_finished_match_knows_is_not_answered_by_another() {
    let (mut room, id, white, _) = over();
    room.command(white, 2, CommandKind::OfferRematch);
    let mut other = room.guest(2);
    let back = other.join(id, Role::White, None);
    other.take(back);
    other.command(back, 2, CommandKind::OfferRematch);
    assert_eq!(other.closed(back), Some(CloseCode::NotOwner));
}

#[test]
fn offers_die_with_the_memory_of_the_match() {
    let (mut room, id, white, black) = over();
    room.command(white, 2, CommandKind::OfferRematch);
    room.store_all();
    room.pass(299_000);
    assert_eq!(room.closed(black), None);
    room.pass(2_000);
    assert_eq!(room.closed(black), Some(CloseCode::Done));
    let again = room.join(id, Role::Black, None);
    room.take(again);
    room.command(again, 3, CommandKind::AcceptRematch);
    let refused = ServerBody::Refused {
        command_id: game_core::CommandId(3),
        reason: WireRefusal::Match(Refusal::MatchOver),
    };
    assert_eq!(room.bodies(again)[0], refused);
}

#[test]
fn a_finished_match_that_both_left_does_not_stay() {
    let (mut room, _, white, black) = over();
    room.shard.leave(white);
    room.shard.leave(black);
    room.pass(31_000);
    assert_eq!(room.shard.status().in_memory, 0);
}
