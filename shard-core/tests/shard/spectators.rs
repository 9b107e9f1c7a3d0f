//! Spectators who are some seconds behind, and a thousand of them.

use game_core::testing::SetupBuilder;
use game_core::{ClockStart, EventKind, Match, MatchId, Seat};
use protocol::{CatchUp, Role, ServerBody, ServerFrame};
use shard_core::{MatchQuery, PeerKey};

use crate::operator::everything;
use crate::room::Room;

/// A match whose spectators are ten seconds behind, with both players in it.
fn delayed() -> (Room, MatchId, PeerKey, PeerKey) {
    let mut room = Room::new();
    let id = MatchId::from_random(7);
    let mut setup = SetupBuilder::new().id(id).timed("60+0").at_once().build();
    setup.spectator_delay_s = 10;
    let snapshot = Match::new(setup).snapshot();
    let me = room.me;
    room.store.create(me, &snapshot);
    let white = room.join(id, Role::White, None);
    let black = room.join(id, Role::Black, None);
    (room, id, white, black)
}

fn moves(frames: &[ServerFrame]) -> Vec<u32> {
    let is_move = |frame: &&ServerFrame| {
        matches!(&frame.body, ServerBody::Event(event)
            if matches!(event.kind, Some(EventKind::Moved { .. })))
    };
    frames
        .iter()
        .filter(is_move)
        .map(|frame| frame.seq)
        .collect()
}

/// How many moves the state has that a peer was sent at its join.
fn moves_at_join(frames: &[ServerFrame]) -> usize {
    let joined = frames.iter().find_map(|frame| match &frame.body {
        ServerBody::Joined(joined) => Some(joined),
        _ => None,
    });
    match &joined.expect("the join was answered").catch_up {
        CatchUp::State(state) => state.moves.len(),
        CatchUp::Events(events) => events.len(),
    }
}

#[test]
fn delayed_spectators_see_the_match_as_it_was() {
    let (mut room, id, white, black) = delayed();
    let eve = room.join(id, Role::Spectator, None);
    room.take(eve);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(6_000);
    room.play(black, 1, "e7e5");
    room.store_all();
    assert_eq!(moves(&room.take(black)), [1, 2], "seats see it at once");
    room.pass(3_000);
    assert!(moves(&room.take(eve)).is_empty());
    room.pass(1_001);
    assert_eq!(moves(&room.take(eve)), [1]);
    // Who joins now sees what is public, and then each event once.
    let late = room.join_as("dan", id, Role::Spectator, None);
    let frames = room.take(late);
    assert_eq!(moves_at_join(&frames), 1);
    room.pass(6_000);
    assert_eq!(moves(&room.take(late)), [2]);
    assert_eq!(moves(&room.take(eve)), [2]);
}

/// Number of moves that the public sees of a match.
fn public_moves(room: &Room, id: MatchId) -> usize {
    let public = room.shard.as_public(id, None, room.now()).unwrap();
    let game = Match::restore(public.snapshot.unwrap(), &[]).unwrap();
    assert_eq!(game.seq(), public.seq);
    game.moves().count()
}

#[test]
fn the_public_sees_a_match_with_the_delay_of_its_spectators() {
    let (mut room, id, white, black) = delayed();
    let live = MatchQuery {
        live: Some(true),
        public: true,
        ..everything()
    };
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(6_000);
    room.play(black, 1, "e7e5");
    room.store_all();
    room.command(white, 9, game_core::CommandKind::Resign);
    room.store_all();
    assert_eq!(public_moves(&room, id), 0);
    room.pass(4_001);
    assert_eq!(public_moves(&room, id), 1);
    let known = room.shard.as_public(id, Some(1), room.now()).unwrap();
    assert_eq!(known.snapshot, None, "it is known already");
    assert_eq!(known.clock.running, None);
    let page = room.shard.list(&live, room.now());
    let row = &page.entries[0].1;
    assert_eq!((row.ply, row.turn, row.result), (1, Seat::Black, None));
    assert_eq!((row.confirmed_seq, row.unconfirmed), (1, 0));
    room.pass(6_000);
    assert_eq!(public_moves(&room, id), 2);
    assert_eq!(
        room.shard.list(&live, room.now()).total,
        0,
        "its end is public"
    );
}

#[test]
fn without_a_delay_the_public_sees_what_is_confirmed() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    assert_eq!(public_moves(&room, id), 0, "the store has not confirmed it");
    room.store_all();
    assert_eq!(public_moves(&room, id), 1);
    room.pass(1_000);
    let seen = room.shard.as_public(id, Some(1), room.now()).unwrap();
    assert_eq!(
        (seen.snapshot, seen.clock.running),
        (None, Some(Seat::Black))
    );
    assert_eq!(seen.clock.black_ms, 59_000);
    room.play(black, 1, "e7e5");
    let seen = room.shard.as_public(id, None, room.now()).unwrap();
    assert_eq!((seen.seq, seen.clock.running), (1, None));
    let nowhere = MatchId::from_random(99);
    assert_eq!(room.shard.as_public(nowhere, None, room.now()), None);
}

#[test]
fn a_takeover_shows_delayed_spectators_nothing_early_and_nothing_twice() {
    let (mut room, id, white, black) = delayed();
    room.play(white, 0, "e2e4");
    room.store_all();
    room.play(black, 1, "e7e5");
    room.store_all();
    let mut room = room.next_owner(2);
    room.join(id, Role::White, None);
    let new = room.join(id, Role::Spectator, None);
    assert_eq!(moves_at_join(&room.take(new)), 0, "its age is not known");
    let knows_one = room.join_as("dan", id, Role::Spectator, Some(1));
    assert_eq!(moves_at_join(&room.take(knows_one)), 0);
    room.pass(9_900);
    assert!(moves(&room.take(new)).is_empty());
    room.pass(200);
    assert_eq!(moves(&room.take(new)), [1, 2]);
    assert_eq!(moves(&room.take(knows_one)), [2]);
}

#[test]
fn delayed_spectators_see_the_end_before_the_match_leaves_memory() {
    let mut room = Room::new();
    let id = MatchId::from_random(7);
    let mut setup = SetupBuilder::new().id(id).timed("60+0").at_once().build();
    setup.spectator_delay_s = 60;
    let me = room.me;
    room.store.create(me, &Match::new(setup).snapshot());
    let white = room.join(id, Role::White, None);
    let eve = room.join(id, Role::Spectator, None);
    room.command(white, 1, game_core::CommandKind::Resign);
    room.store_all();
    room.shard.leave(white);
    room.pass(59_999);
    let ended = |frames: &[ServerFrame]| frames.iter().any(|frame| frame.seq == 1);
    assert!(!ended(&room.take(eve)));
    room.pass(1);
    assert!(ended(&room.take(eve)));
    assert_eq!(room.closed(eve), None);
    room.pass(30_000);
    assert!(room.closed(eve).is_some());
}

#[test]
fn a_thousand_spectators_see_each_event_once_and_in_order() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    let many: Vec<_> = (0..1_000)
        .map(|n| room.join_as(&format!("eve{n}"), id, Role::Spectator, None))
        .collect();
    for (ply, uci) in (0..).zip(["e2e4", "e7e5", "g1f3", "b8c6"]) {
        let mover = if ply % 2 == 0 { white } else { black };
        room.play(mover, ply, uci);
        room.store_all();
    }
    for eve in many {
        assert_eq!(room.closed(eve), None);
        assert_eq!(moves(&room.take(eve)), [1, 2, 3, 4]);
    }
}
