//! Chat: two rooms beside a match, each line shown once it is stored.

use game_core::{ClockStart, MatchId};
use protocol::{ChatRefusal, Role, ServerBody};
use shard_core::PeerKey;

use crate::room::Room;

/// The texts of the lines that a peer was sent.
fn heard(bodies: &[ServerBody]) -> Vec<String> {
    let lines = bodies.iter().filter_map(|body| match body {
        ServerBody::Chat(lines) => Some(lines),
        _ => None,
    });
    lines.flatten().map(|line| line.text.clone()).collect()
}

fn say(room: &mut Room, peer: PeerKey, id: u64, text: &str) {
    let now = room.now();
    room.shard.say(peer, id, text, now);
    room.advance();
}

fn begun() -> (Room, MatchId, PeerKey, PeerKey, PeerKey) {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    let eve = room.join(id, Role::Spectator, None);
    for peer in [white, black, eve] {
        room.take(peer);
    }
    (room, id, white, black, eve)
}

#[test]
fn seats_hear_seats_and_spectators_hear_spectators() {
    let (mut room, _, white, black, eve) = begun();
    say(&mut room, white, 1, "good luck");
    say(&mut room, eve, 1, "1. e4!");
    assert!(room.bodies(white).contains(&ServerBody::Said { id: 1 }));
    assert_eq!(heard(&room.bodies(black)), ["good luck"]);
    assert_eq!(heard(&room.bodies(eve)), ["1. e4!"]);
}

#[test]
fn a_takeover_keeps_the_chat() {
    let (mut room, id, white, _, eve) = begun();
    say(&mut room, white, 1, "one");
    say(&mut room, eve, 1, "other room");
    room.pass(1_000);
    say(&mut room, white, 2, "two");
    let mut room = room.next_owner(2);
    let black = room.join(id, Role::Black, None);
    assert_eq!(heard(&room.bodies(black)), ["one", "two"]);
    // Who heard it once does not hear it again.
    let white = room.join(id, Role::White, None);
    assert_eq!(heard(&room.bodies(white)), ["one", "two"]);
    assert_eq!(heard(&room.bodies(black)), [] as [&str; 0]);
}

#[test]
fn a_line_a_second_of_at_most_140_characters() {
    let (mut room, _, white, black, _) = begun();
    let refused = |room: &mut Room| match room.bodies(white)[..] {
        [ServerBody::NotSaid { reason, .. }] => Some(reason),
        _ => None,
    };
    say(&mut room, white, 1, &"é".repeat(140));
    room.take(white);
    say(&mut room, white, 2, "again");
    assert_eq!(refused(&mut room), Some(ChatRefusal::RateLimited));
    room.pass(1_000);
    room.take(white);
    say(&mut room, white, 3, &"é".repeat(141));
    assert_eq!(refused(&mut room), Some(ChatRefusal::TooLong));
    say(&mut room, white, 4, " \u{7}\n ");
    assert_eq!(refused(&mut room), Some(ChatRefusal::Empty));
    say(&mut room, white, 5, "two\nlines");
    assert_eq!(
        heard(&room.bodies(black)),
        ["é".repeat(140).as_str(), "two lines"]
    );
}

#[test]
fn a_room_of_many_is_not_flooded() {
    let (mut room, id, ..) = begun();
    let many: Vec<_> = (0..50)
        .map(|n| room.join_as(&format!("eve{n}"), id, Role::Spectator, None))
        .collect();
    room.take(many[49]);
    for &eve in &many {
        say(&mut room, eve, 1, "me too");
    }
    assert_eq!(heard(&room.bodies(many[49])).len(), 10);
    room.pass(1_000);
    for &eve in &many {
        say(&mut room, eve, 2, "and now");
    }
    assert_eq!(heard(&room.bodies(many[49])).len(), 5);
}

#[test]
fn who_does_not_listen_to_refusals_is_sent_away() {
    let (mut room, _, white, ..) = begun();
    for n in 0..200 {
        say(&mut room, white, n, "again and again");
    }
    assert_eq!(room.closed(white), Some(protocol::CloseCode::RateLimited));
}

#[test]
fn a_finished_match_that_is_read_by_another_shard_has_its_chat() {
    let (mut room, id, white, ..) = begun();
    say(&mut room, white, 1, "good game");
    room.command(white, 2, game_core::CommandKind::Resign);
    room.store_all();
    let mut room = room.next_owner(2);
    let black = room.join(id, Role::Black, None);
    assert_eq!(heard(&room.bodies(black)), ["good game"]);
}

#[test]
fn who_joins_while_the_store_is_away_hears_what_was_said_once_it_answers() {
    let (mut room, id, white, ..) = begun();
    say(&mut room, white, 1, "are you there?");
    let mut room = room.next_owner(2);
    room.chat_is_away = true;
    let black = room.join(id, Role::Black, None);
    assert_eq!(heard(&room.bodies(black)), [] as [&str; 0]);
    room.chat_is_away = false;
    let white = room.join(id, Role::White, None);
    assert_eq!(heard(&room.bodies(black)), ["are you there?"]);
    assert_eq!(heard(&room.bodies(white)), ["are you there?"]);
}
