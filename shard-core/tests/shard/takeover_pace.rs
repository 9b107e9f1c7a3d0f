//! A takeover of many matches: in few requests, players first, and clocks as the dead shard was last heard.

use std::time::Duration;

use game_core::{ClockStart, Epoch, MatchId, MatchTime, ShardId};
use protocol::{CloseCode, Role};
use shard_core::Output;
use store::MANY_MAX;

use crate::room::Room;

/// A room that knows that `other` has left, and the matches in its set.
fn beside_orphans(other: ShardId, count: u128) -> (Room, Vec<MatchId>) {
    let mut room = Room::new();
    let ids: Vec<_> = (0..count)
        .map(|n| room.create(n, other, ClockStart::AtOnce))
        .collect();
    room.uptime += Duration::from_secs(2);
    let me = room.record(room.me, 2);
    room.heartbeat(Ok(vec![me]));
    room.others_left();
    room.asked.clear();
    (room, ids)
}

/// The outputs of the shard, which nobody answers.
fn outputs(room: &mut Room) -> Vec<Output> {
    room.shard.advance(room.now());
    std::iter::from_fn(|| room.shard.next_output()).collect()
}

fn heads(outputs: &[Output]) -> Vec<&Vec<MatchId>> {
    let heads = outputs.iter().filter_map(|output| match output {
        Output::ReadHeads(ids) => Some(ids),
        _ => None,
    });
    heads.collect()
}

#[test]
fn a_thousand_matches_are_taken_over_in_a_few_requests() {
    let other = ShardId::from_random(2);
    let (mut room, ids) = beside_orphans(other, 1_000);
    room.shard.orphans(other, Ok(ids.clone()), room.now());
    let (mut requests, mut claims, mut disowned) = (0, 0, 0);
    loop {
        let outputs = outputs(&mut room);
        if outputs.is_empty() {
            break;
        }
        requests += outputs.len();
        for output in outputs {
            match output {
                Output::ReadHeads(ids) => {
                    assert!(ids.len() <= MANY_MAX);
                    let heads = ids.iter().map(|id| room.store.head(*id)).collect();
                    room.shard.heads_read(&ids, heads, room.now());
                }
                Output::Claim(all) => {
                    assert!(all.len() <= MANY_MAX);
                    claims += all.len();
                    for claim in all {
                        let answer = room.store.claim_with(room.me, &claim);
                        room.shard.claimed(claim.match_id, answer, room.now());
                    }
                }
                Output::Disown(shard, matches) => {
                    assert_eq!(shard, other);
                    disowned += matches.len();
                }
                output => panic!("{output:?}"),
            }
        }
    }
    assert_eq!((claims, disowned), (1_000, 1_000));
    assert!(requests <= 16, "{requests} requests");
    assert_eq!(room.shard.live(), 1_000);
}

#[test]
fn the_set_of_a_dead_shard_is_read_once_while_its_matches_are_loaded() {
    let other = ShardId::from_random(2);
    let (mut room, ids) = beside_orphans(other, 10);
    room.shard.orphans(other, Ok(ids.clone()), room.now());
    let first = outputs(&mut room);
    assert_eq!(heads(&first), [&ids]);
    room.others_left();
    assert!(room.asked.is_empty(), "{:?}", room.asked);
}

#[test]
fn only_a_part_of_many_is_under_way_and_a_player_does_not_wait_behind_them() {
    let other = ShardId::from_random(2);
    let (mut room, ids) = beside_orphans(other, 3_000);
    room.shard.orphans(other, Ok(ids.clone()), room.now());
    let begun = outputs(&mut room);
    let under_way: usize = heads(&begun).iter().map(|ids| ids.len()).sum();
    assert_eq!(under_way, 4 * MANY_MAX);
    // The last of them has a player.
    let last = ids[2_999];
    let player = "ann".parse().unwrap();
    room.shard
        .join(last, Role::White, &player, None, room.now());
    assert_eq!(heads(&outputs(&mut room)), [&vec![last]]);
    // And it is not read again when its turn comes.
    let mut read = vec![last];
    let mut under_way: Vec<_> = begun.into_iter().collect();
    while let Some(output) = under_way.pop() {
        let Output::ReadHeads(ids) = output else {
            continue;
        };
        let gone = ids.iter().map(|_| Ok(None)).collect();
        room.shard.heads_read(&ids, gone, room.now());
        read.extend(ids);
        under_way.extend(outputs(&mut room));
    }
    read.sort_unstable();
    let mut all = ids;
    all.sort_unstable();
    assert_eq!(read, all);
}

/// The matchmaker may know of a death before this shard does.
#[test]
fn a_player_whose_matchs_owner_is_suspected_waits_for_the_proof() {
    let other = ShardId::from_random(2);
    for dies in [true, false] {
        let mut room = Room::new();
        let id = room.create(7, other, ClockStart::AtOnce);
        let mut beat = 1;
        let mut registry = |room: &mut Room, other_beat| {
            beat += 1;
            room.uptime += Duration::from_millis(500);
            let records = [room.record(room.me, beat), room.record(other, other_beat)];
            room.heartbeat(Ok(records.to_vec()));
        };
        for _ in 0..4 {
            registry(&mut room, 7);
        }
        let white = room.join(id, Role::White, None);
        assert_eq!(
            room.closed(white),
            None,
            "not sent away while it is not known"
        );
        assert_eq!(room.store[&id].ownership.epoch, Epoch(0));
        for n in 0..8 {
            registry(&mut room, if dies { 7 } else { 8 + n });
        }
        if dies {
            assert_eq!(room.store[&id].ownership.owner, room.me);
            assert_eq!(room.closed(white), None);
        } else {
            assert_eq!(room.store[&id].ownership.owner, other);
            assert_eq!(room.closed(white), Some(CloseCode::NotOwner));
        }
    }
}

const fn secs(seconds: u64) -> MatchTime {
    MatchTime::from_micros(seconds * 1_000_000)
}

/// RELIABILITY.md: the running side resumes with what the last confirmed record gave it less what it had used up to
/// the dead shard's last beat, by the dead shard's clock.
#[test]
fn the_side_to_move_is_charged_up_to_the_last_beat_of_its_dead_shard() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(20_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(10_000);
    let heard = room.shard.counted_up_to();
    room.pass(3_000);
    let mut heir = room.heir(2, heard);
    let black = heir.join(id, Role::Black, None);
    heir.play(black, 1, "e7e5");
    heir.store_all();
    let clocks = heir.store[&id].log()[1].clocks;
    assert_eq!(clocks.remaining.black, Duration::from_secs(60 - 10));
}

/// A record of an earlier owner has the time of another clock.
#[test]
fn nothing_is_charged_by_the_clock_of_another_owner_than_the_last_writer() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(20_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(10_000);
    let heard = room.shard.counted_up_to();
    // The second owner writes nothing, its clock says an hour, and its players come back late.
    let mut second = room.heir(2, heard);
    second.join(id, Role::Black, None);
    second.pass(5_000);
    let mut third = second.heir(3, secs(5));
    let black = third.join(id, Role::Black, None);
    third.play(black, 1, "e7e5");
    third.store_all();
    let clocks = third.store[&id].log()[1].clocks;
    assert_eq!(
        clocks.remaining.black,
        Duration::from_secs(60 - 10),
        "as before"
    );
}

/// Two deaths on one move: the time under both owners counts, without the wait after the load.
#[test]
fn the_time_of_a_move_is_kept_over_several_deaths() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(20_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(10_000);
    let heard = room.shard.counted_up_to();
    let mut second = room.heir(2, heard);
    second.join(id, Role::Black, None);
    second.pass(20_000);
    let heard = second.shard.counted_up_to();
    let mut third = second.heir(3, heard);
    let black = third.join(id, Role::Black, None);
    third.play(black, 1, "e7e5");
    third.store_all();
    let clocks = third.store[&id].log()[1].clocks;
    // 10 s under the first, and at least 20 - 15 s under the second.
    assert_eq!(clocks.remaining.black, Duration::from_secs(60 - 10 - 5));
}

/// A pause is charged to nobody, though beats were heard before it was noticed.
#[test]
fn a_store_that_stopped_answering_is_not_charged_at_a_takeover() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(20_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(10_000);
    let now = room.now();
    let since_boot = room.since_boot();
    room.shard.heartbeat_sent(now, since_boot);
    room.pass(900);
    let heard = room.shard.counted_up_to();
    room.pass(5_000);
    assert!(room.shard.status().paused);
    assert!(room.shard.counted_up_to() <= heard);
    let mut heir = room.heir(2, heard);
    let black = heir.join(id, Role::Black, None);
    heir.play(black, 1, "e7e5");
    heir.store_all();
    let clocks = heir.store[&id].log()[1].clocks;
    assert_eq!(clocks.remaining.black, Duration::from_secs(60 - 10));
}

/// The store went back, and the records of the former owner are written again by the next: they still have the
/// former one's time.
#[test]
fn records_that_were_written_again_are_not_taken_for_the_writers() {
    let (mut room, id, white, _) = Room::begun(ClockStart::AtOnce);
    room.pass(20_000);
    room.play(white, 0, "e2e4");
    room.store_all();
    room.pass(10_000);
    let before = room.store.clone();
    let heard = room.shard.counted_up_to();
    let mut second = room.heir(2, heard);
    second.join(id, Role::White, None);
    // It goes back to before the claim and the move.
    second.store = before;
    second.store.stored_mut(id).unwrap().truncate(0);
    second.shard.store_may_have_lost();
    second.advance();
    second.verify();
    if second.in_flight.is_some() {
        second.store_all();
    }
    assert_eq!(second.store[&id].log().len(), 1, "healed");
    let head = second.store.head(id).unwrap().unwrap();
    assert_eq!(head.ownership.owner, second.me);
    assert_eq!(head.tenure.unwrap().seq, 1, "the record is not its own");
    assert_eq!(head.move_time, Duration::from_secs(10));
}

#[test]
fn a_claim_says_since_when_it_is() {
    let other = ShardId::from_random(2);
    let (mut room, ids) = beside_orphans(other, 1);
    room.shard.orphans(other, Ok(ids.clone()), room.now());
    room.advance();
    let head = room.store.head(ids[0]).unwrap().unwrap();
    let tenure = head.tenure.unwrap();
    assert_eq!(tenure.seq, 0);
    assert!(tenure.clock > MatchTime::default());
}
