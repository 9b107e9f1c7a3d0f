//! Joins: which are accepted, what peers receive, and how matches are loaded.

use game_core::{ClockStart, CommandKind, Epoch, MatchId, ShardId};
use protocol::{CatchUp, CloseCode, Role, ServerBody};
use shard_core::ShardLimits;

use store::Registered;

use crate::room::Room;

#[test]
fn a_new_match_is_claimed_when_the_first_player_comes() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AfterFirstMoves);
    assert_eq!(room.store[&id].ownership.epoch, Epoch(1));
    for peer in [white, black] {
        assert!(matches!(room.bodies(peer)[0], ServerBody::Joined(_)));
    }
}

#[test]
fn an_assigned_match_is_loaded_without_a_player_and_aborted_if_none_comes() {
    let mut room = Room::new();
    let id = room.create(7, room.me, ClockStart::AfterFirstMoves);
    room.shard.assigned(vec![id], room.now());
    room.advance();
    assert_eq!(room.shard.live(), 1);
    room.pass(60_000);
    room.store_all();
    assert_eq!(room.store[&id].log().len(), 1, "the match was aborted");
    room.pass(60_000);
    assert_eq!(room.shard.live(), 0);
}

#[test]
fn a_match_of_another_live_shard_is_left_to_it() {
    let mut room = Room::new();
    let other = ShardId::from_random(2);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    let id = room.create(7, other, ClockStart::AtOnce);
    let white = room.join(id, Role::White, None);
    assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
    assert_eq!(room.store[&id].ownership.epoch, Epoch(0));
}

#[test]
fn a_match_of_a_dead_shard_is_claimed() {
    let mut room = Room::new();
    let other = ShardId::from_random(2);
    let me = room.record(room.me, 2).into();
    room.registry(Ok(vec![me, Registered::Left(other)]));
    let id = room.create(7, other, ClockStart::AtOnce);
    let white = room.join(id, Role::White, None);
    assert!(matches!(room.bodies(white)[0], ServerBody::Joined(_)));
    assert_eq!(room.store[&id].ownership.owner, room.me);
}

#[test]
fn a_match_that_does_not_exist_is_not_found() {
    let mut room = Room::new();
    let peer = room.join(MatchId::from_random(404), Role::White, None);
    assert_eq!(room.closed(peer), Some(CloseCode::MatchNotFound));
}

#[test]
fn a_finished_match_is_shown_from_the_store_and_never_claimed() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.command(white, 1, CommandKind::Resign);
    room.store_all();
    let epoch = room.store[&id].ownership.epoch;
    room.pass(301_000);
    assert_eq!(
        room.closed(white),
        Some(CloseCode::Done),
        "it has left the memory"
    );

    let again = room.join(id, Role::White, None);
    let bodies = room.bodies(again);
    let ServerBody::Joined(joined) = &bodies[0] else {
        panic!("{bodies:?}")
    };
    let CatchUp::State(state) = &joined.catch_up else {
        panic!("{joined:?}")
    };
    assert!(state.result.is_some());
    // The same command still has the same answer.
    room.command(again, 1, CommandKind::Resign);
    assert!(matches!(
        room.bodies(again)[0],
        ServerBody::Ack { event: 1, .. }
    ));
    assert_eq!(room.store[&id].ownership.epoch, epoch);
}

#[test]
fn who_comes_back_gets_the_missing_tail_or_the_whole() {
    let limits = ShardLimits {
        recent_events: 3,
        ..ShardLimits::default()
    };
    let mut room = Room::with(limits);
    let id = room.create(7, room.me, ClockStart::AtOnce);
    let white = room.join(id, Role::White, None);
    let black = room.join(id, Role::Black, None);
    for (ply, uci) in ["g1f3", "g8f6", "f3g1", "f6g8", "g1f3"].iter().enumerate() {
        let mover = if ply % 2 == 0 { white } else { black };
        room.play(mover, ply as u16, uci);
        room.store_all();
    }
    let mut catch_up = |seen| {
        let peer = room.join(id, Role::Spectator, seen);
        match room.bodies(peer).remove(0) {
            ServerBody::Joined(joined) => match joined.catch_up {
                CatchUp::State(state) => Err(state.moves.len()),
                CatchUp::Events(events) => {
                    Ok(events.iter().map(|&(seq, _)| seq).collect::<Vec<_>>())
                }
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(catch_up(Some(5)), Ok(vec![]));
    assert_eq!(catch_up(Some(4)), Ok(vec![5]));
    assert_eq!(catch_up(Some(2)), Ok(vec![3, 4, 5]));
    assert_eq!(catch_up(Some(1)), Err(5));
    assert_eq!(
        catch_up(Some(6)),
        Err(5),
        "it claims to have seen what never was"
    );
    assert_eq!(catch_up(Some(u32::MAX)), Err(5));
    assert_eq!(catch_up(None), Err(5));
}

#[test]
fn a_second_connection_takes_the_seat() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.take(black);
    let again = room.join(id, Role::White, Some(0));
    assert_eq!(room.closed(white), Some(CloseCode::Superseded));
    assert_eq!(room.bodies(black), [], "White was there all the time");
    room.play(again, 0, "e2e4");
    room.store_all();
    assert!(
        room.bodies(again)
            .iter()
            .any(|body| matches!(body, ServerBody::Ack { .. }))
    );
}

#[test]
fn a_spectator_sees_and_cannot_act() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    let spectator = room.join(id, Role::Spectator, None);
    room.take(spectator);
    room.play(spectator, 0, "e2e4");
    assert!(matches!(
        *room.bodies(spectator),
        [ServerBody::Refused {
            reason: protocol::WireRefusal::NotAPlayer,
            ..
        }]
    ));
    room.play(white, 0, "e2e4");
    room.store_all();
    assert!(matches!(*room.bodies(spectator), [ServerBody::Event(_)]));
}

#[test]
fn the_shard_holds_no_more_matches_than_it_may() {
    let limits = ShardLimits {
        matches_max: 2,
        ..ShardLimits::default()
    };
    let mut room = Room::with(limits);
    for n in 0..3 {
        let id = room.create(n, room.me, ClockStart::AtOnce);
        let peer = room.join(id, Role::White, None);
        assert_eq!(room.closed(peer), (n == 2).then_some(CloseCode::Full));
    }
}

#[test]
fn a_room_holds_no_more_spectators_than_it_may() {
    let limits = ShardLimits {
        peers_per_match_max: 3,
        ..ShardLimits::default()
    };
    let mut room = Room::with(limits);
    let id = room.create(7, room.me, ClockStart::AtOnce);
    let peers: Vec<_> = (0..4)
        .map(|_| room.join(id, Role::Spectator, None))
        .collect();
    assert_eq!(room.closed(peers[3]), Some(CloseCode::Full));
    let white = room.join(id, Role::White, None);
    assert_eq!(
        room.closed(white),
        None,
        "a seat is never taken by spectators"
    );
}

#[test]
fn nothing_is_said_to_a_peer_before_its_join_is_answered() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    // While the move waits for the store, one leaves, one comes, and play is paused.
    room.shard.leave(black);
    let spectator = room.join(id, Role::Spectator, None);
    room.pass(1_000);
    room.store_all();
    let bodies = room.bodies(spectator);
    assert!(matches!(bodies[0], ServerBody::Joined(_)), "{bodies:?}");
    assert!(room.bodies(white).contains(&ServerBody::Paused));
}

#[test]
fn who_joins_in_a_pause_is_told_of_it_at_once() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.pass(1_000);
    let spectator = room.join(id, Role::Spectator, None);
    assert_eq!(
        room.bodies(spectator),
        [ServerBody::Paused],
        "the state waits for the store"
    );
    room.store_all();
    assert!(matches!(room.bodies(spectator)[0], ServerBody::Joined(_)));
}

#[test]
fn a_match_that_does_not_replay_is_left_alone_for_a_while() {
    let mut room = Room::new();
    let id = room.create(7, room.me, ClockStart::AtOnce);
    room.spoil(id);
    for _ in 0..30 {
        room.pass(1_000);
        room.shard.assigned(vec![id], room.now());
        room.advance();
    }
    assert_eq!(
        room.store[&id].ownership.epoch,
        Epoch(1),
        "it was claimed once"
    );
    let white = room.join(id, Role::White, None);
    assert_eq!(room.closed(white), Some(CloseCode::Internal));
}
