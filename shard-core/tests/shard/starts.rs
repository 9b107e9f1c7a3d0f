//! A match with an agreed starting time: until then nothing counts, also after a change of owner.

use game_core::testing::SetupBuilder;
use game_core::{Match, MatchId, Refusal, UnixMillis};
use protocol::{Role, ServerBody, WireRefusal};

use crate::room::Room;

fn refused(bodies: &[ServerBody]) -> Option<WireRefusal> {
    bodies.iter().find_map(|body| match body {
        ServerBody::Refused { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[test]
fn play_begins_at_the_agreed_time_and_the_wait_for_the_first_move_counts_from_it() {
    let mut room = Room::new();
    let id = MatchId::from_random(7);
    // The room's calendar stands at the beginning of 1970.
    let mut setup = SetupBuilder::new().id(id).timed("60+0").build();
    setup.start_at = Some(UnixMillis(60_000));
    let me = room.me;
    room.store.create(me, &Match::new(setup).snapshot());
    let white = room.join(id, Role::White, None);
    room.join(id, Role::Black, None);
    room.pass(30_000);
    room.take(white);
    room.play(white, 0, "e2e4");
    let not_started = WireRefusal::Match(Refusal::NotStarted);
    assert_eq!(refused(&room.bodies(white)), Some(not_started));
    // A bullet player has 20 s for the first move, from the agreed time on.
    room.pass(30_000 + 19_999);
    assert!(room.in_flight.is_none());
    room.pass(1);
    assert!(room.in_flight.is_some(), "the match is aborted");
    room.store_all();
    assert_eq!(room.store[&id].log().len(), 1);
}
