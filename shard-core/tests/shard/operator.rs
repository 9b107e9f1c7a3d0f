//! What operators see of a shard, and what they may do to its matches.

use game_core::{ClockStart, Match, MatchId, Outcome, Seat, ShardId, Termination, UnixMillis};
use protocol::{CloseCode, Role, ServerBody};
use shard_core::{MatchQuery, PageSelection, Sort};
use shard_core::{NotDone, Output};

use crate::room::Room;

/// A query that every match passes.
pub(crate) fn everything() -> MatchQuery {
    MatchQuery {
        variant: None,
        player: None,
        live: None,
        from_initial: None,
        speed: None,
        created_from: None,
        created_to: None,
        sort: Sort::Created,
        descending: false,
        after: None,
        limit: 10,
        public: false,
        counted: Vec::new(),
    }
}

#[test]
fn what_is_not_confirmed_is_told_as_a_number_only() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(1_000);
    room.play(black, 1, "e7e5");
    let (seen, seats) = room.shard.inspect(id, room.now()).unwrap();
    assert_eq!(seats.white, Some(white));
    assert_eq!((seen.row.confirmed_seq, seen.row.unconfirmed), (1, 1));
    assert_eq!((seen.row.ply, seen.row.turn), (1, Seat::Black));
    assert_eq!(seen.row.clocks.black.as_millis(), 60_000);
    assert_eq!(seen.row.running, None);
    let game = Match::restore(seen.snapshot, &[]).unwrap();
    assert_eq!(game.moves().count(), 1);
    let list = room.shard.list(&everything(), room.now());
    assert_eq!(list.entries[0].1.ply, 1);

    room.store_all();
    let (seen, _) = room.shard.inspect(id, room.now()).unwrap();
    assert_eq!((seen.row.confirmed_seq, seen.row.unconfirmed), (2, 0));
    assert_eq!(seen.row.clocks.black.as_millis(), 59_000);
    assert_eq!(seen.row.running, Some(Seat::White));
}

#[test]
fn a_result_is_not_told_before_it_is_confirmed() {
    let (mut room, id, _, _) = Room::begun(ClockStart::AtOnce);
    let seq = room.shard.adjudicate(id, Outcome::WhiteWins, room.now());
    assert_eq!(seq, Ok(1));
    room.advance();
    let (seen, _) = room.shard.inspect(id, room.now()).unwrap();
    assert_eq!((seen.row.result, seen.row.unconfirmed), (None, 1));
    assert!(
        Match::restore(seen.snapshot, &[])
            .unwrap()
            .outcome()
            .is_none()
    );
    let live = MatchQuery {
        live: Some(true),
        ..everything()
    };
    assert_eq!(room.shard.list(&live, room.now()).total, 1);
    room.store_all();
    let (seen, _) = room.shard.inspect(id, room.now()).unwrap();
    let result = Some((Outcome::WhiteWins, Termination::Adjudicated));
    assert_eq!((seen.row.result, seen.row.unconfirmed), (result, 0));
    assert_eq!(room.shard.list(&live, room.now()).total, 0);
}

#[test]
fn players_hear_of_a_decision_once_it_is_stored() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AfterFirstMoves);
    room.take(white);
    room.shard
        .adjudicate(id, Outcome::Aborted, room.now())
        .unwrap();
    room.advance();
    assert!(room.bodies(white).is_empty());
    room.store_all();
    assert!(matches!(room.bodies(white)[..], [ServerBody::Event(_)]));
    let again = room.shard.adjudicate(id, Outcome::Draw, room.now());
    assert_eq!(again, Err(NotDone::Over));
}

#[test]
fn lists_are_cut_into_pages_that_miss_nothing() {
    let mut room = Room::new();
    for n in 0..25 {
        let id = room.create(100 + n, room.me, ClockStart::AtOnce);
        room.join(id, Role::Spectator, None);
    }
    for descending in [false, true] {
        let mut query = MatchQuery {
            descending,
            ..everything()
        };
        let mut seen = Vec::new();
        loop {
            let page = room.shard.list(&query, room.now());
            assert_eq!(page.total, 25);
            assert!(page.entries.len() <= query.limit);
            seen.extend(page.entries.iter().map(|(_, row)| row.id));
            query.after = page.entries.last().map(|(position, _)| *position);
            if !page.has_more {
                break;
            }
        }
        let all: std::collections::BTreeSet<_> = seen.iter().copied().collect();
        assert_eq!((seen.len(), all.len()), (25, 25));
    }
}

#[test]
fn filters_leave_out_what_they_say() {
    let (room, id, _, _) = Room::begun(ClockStart::AtOnce);
    let shows = |change: &dyn Fn(&mut MatchQuery)| {
        let mut query = everything();
        change(&mut query);
        let list = room.shard.list(&query, room.now());
        list.entries.iter().any(|(_, row)| row.id == id)
    };
    assert!(shows(&|_| ()));
    assert!(shows(&|q| q.player = Some("AN".to_owned())));
    assert!(!shows(&|q| q.player = Some("nn".to_owned())));
    assert!(shows(&|q| q.live = Some(true)));
    assert!(!shows(&|q| q.live = Some(false)));
    assert!(!shows(&|q| q.from_initial = Some(false)));
    assert!(shows(&|q| q.speed = Some(game_core::Speed::Bullet)));
    assert!(!shows(&|q| q.speed = Some(game_core::Speed::Blitz)));
    assert!(!shows(&|q| q.created_from = Some(UnixMillis(1))));
    assert!(shows(&|q| q.created_to = Some(UnixMillis(0))));
}

/// The matches that have changed since the last call, of those that are followed.
fn changed(room: &mut Room) -> Vec<MatchId> {
    let asked = std::mem::take(&mut room.asked).into_iter();
    let changed = asked.filter_map(|output| match output {
        Output::Changed(id) => Some(id),
        _ => None,
    });
    changed.collect()
}

#[test]
fn who_follows_a_match_hears_once_of_its_next_change() {
    let (mut room, id, white, black) = Room::begun(ClockStart::AtOnce);
    room.play(white, 0, "e2e4");
    room.store_all();
    assert_eq!(changed(&mut room), [], "nobody follows it");
    assert!(room.shard.follow(id));
    room.advance();
    assert_eq!(changed(&mut room), [], "nothing has happened");
    room.play(black, 1, "e7e5");
    assert_eq!(changed(&mut room), [id], "it waits for the store");
    room.store_all();
    assert_eq!(changed(&mut room), [], "once is enough");
    assert!(room.shard.follow(id));
    room.shard.leave(white);
    room.advance();
    assert_eq!(changed(&mut room), [id], "a player has gone");
    assert!(!room.shard.follow(MatchId::from_random(1)));
}

#[test]
fn who_follows_a_match_hears_of_its_leaving() {
    let (mut room, other) = with_a_second_shard();
    let id = room.create(7, room.me, ClockStart::AtOnce);
    room.join(id, Role::White, None);
    assert!(room.shard.follow(id));
    assert_eq!(room.shard.hand_over(id, Some(other), room.now()), Ok(other));
    room.advance();
    room.hand_over();
    assert_eq!(changed(&mut room), [id]);
    assert!(!room.shard.follow(id));
}

fn with_a_second_shard() -> (Room, ShardId) {
    let mut room = Room::new();
    let other = ShardId::from_random(2);
    room.heartbeat(Ok(vec![room.record(room.me, 2), room.record(other, 1)]));
    (room, other)
}

#[test]
fn a_match_is_given_away_once_its_events_are_stored() {
    let (mut room, other) = with_a_second_shard();
    let id = room.create(7, room.me, ClockStart::AtOnce);
    let white = room.join(id, Role::White, None);
    let black = room.join(id, Role::Black, None);
    room.play(white, 0, "e2e4");
    assert_eq!(room.shard.hand_over(id, Some(other), room.now()), Ok(other));
    room.advance();
    assert!(room.asked.is_empty(), "not while an event is unconfirmed");
    // A command sent now is for the next owner.
    room.play(black, 1, "e7e5");
    room.store_all();
    assert!(room.in_flight.is_none(), "the second move was left alone");
    assert!(
        matches!(room.asked[..], [Output::HandOver(given)] if given.match_id == id && given.to == other)
    );
    room.pass(120_000);
    assert_eq!(
        room.asked.len(),
        1,
        "it is asked for once, and no flag falls here"
    );
    assert_eq!(room.hand_over().map(|given| given.to), Some(other));
    assert_eq!(room.closed(white), Some(CloseCode::ShuttingDown));
    assert!(room.shard.inspect(id, room.now()).is_none());
}

#[test]
fn a_match_without_an_heir_stays() {
    let (mut room, id, _, _) = Room::begun(ClockStart::AtOnce);
    for to in [None, Some(room.me), Some(ShardId::from_random(9))] {
        let answer = room.shard.hand_over(id, to, room.now());
        assert_eq!(answer, Err(NotDone::NoHeir));
    }
    let unknown = game_core::MatchId::from_random(1);
    let answer = room.shard.hand_over(unknown, None, room.now());
    assert_eq!(answer, Err(NotDone::NotHere));
}

/// A list of several shards, of which one has all matches and the other none: it must be cut as if each had its
/// share.
#[test]
fn pages_of_unequal_parts_miss_nothing() {
    let mut room = Room::new();
    for n in 1..=7 {
        let id = room.create(n, room.me, ClockStart::AtOnce);
        room.join(id, Role::White, None);
    }
    let mut query = MatchQuery {
        limit: 3,
        ..everything()
    };
    let mut seen = Vec::new();
    loop {
        let mut whole = PageSelection::new(&query);
        whole.merge(room.shard.list(&query, room.now()));
        let page = whole.into_page();
        assert_eq!(page.total, 7);
        seen.extend(page.entries.iter().map(|(_, row)| row.id));
        if !page.has_more {
            break;
        }
        query.after = page.entries.last().map(|&(position, _)| position);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}
