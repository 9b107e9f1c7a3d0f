//! Planned changes of owner, and the comparisons that they and the writes are held to.

use std::time::Duration;

use game_core::Epoch;
use store::codec::encode_record;
use store::testing::ReadLog;
use store::{Appended, Claim, HandOver, HandedOver, Ownership, Standing, Status};

use crate::answers::{STORED, append, claimed, owned_by};
use crate::samples::{Line, by, match_id, on_all, shard_id};

const THOUGHT: Duration = Duration::from_micros(2_400_123_456);

fn line() -> Line {
    Line::new(match_id(1), 1, 10)
}

/// Shard 1, owner under epoch 1, gives a match of `seq` events to shard 2.
fn given(line: &Line, seq: u32) -> HandOver {
    HandOver {
        match_id: line.id,
        from: shard_id(1),
        epoch: Epoch(1),
        to: shard_id(2),
        seq,
        move_time: THOUGHT,
    }
}

#[test]
fn a_hand_over_keeps_the_time_of_the_move_under_way() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 3)).await;
        let answer = store.hand_over(&given(&line, 3)).await.unwrap();
        assert_eq!(answer, HandedOver::Done);
        assert_eq!(store.owned(shard_id(2)).await.unwrap(), [line.id]);
        let checkpoint = store.load(line.id).await.unwrap().unwrap();
        assert_eq!(checkpoint.ownership, owned_by(2, 2));
        assert_eq!(checkpoint.move_time, THOUGHT);
        // It applies to later owners too, if the next one dies before another record.
        let claim = store.claim(line.id, shard_id(3), Epoch(2)).await.unwrap();
        let Claim::Claimed(checkpoint) = claim else {
            panic!("{claim:?}");
        };
        assert_eq!(checkpoint.move_time, THOUGHT);
        // And it does not apply to later moves.
        let next = by(3, line.append(Epoch(3), 3, 1));
        assert_eq!(append(&*store, next).await, STORED);
        let checkpoint = store.load(line.id).await.unwrap().unwrap();
        assert_eq!(checkpoint.move_time, Duration::ZERO);
    });
}

#[test]
fn a_hand_over_is_the_owners_alone_and_of_the_whole_log() {
    on_all(|store| async move {
        let line = line();
        let missing = store.hand_over(&given(&line, 0)).await.unwrap();
        assert_eq!(missing, HandedOver::Missing);
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 3)).await;
        for len in [2, 4] {
            let answer = store.hand_over(&given(&line, len)).await.unwrap();
            assert_eq!(answer, HandedOver::OtherLength { len: 3 });
        }
        let fenced = HandedOver::Fenced(owned_by(1, 1));
        for (from, epoch) in [(3, 1), (1, 0), (1, 2)] {
            let foreign = HandOver {
                from: shard_id(from),
                epoch: Epoch(epoch),
                ..given(&line, 3)
            };
            assert_eq!(store.hand_over(&foreign).await.unwrap(), fenced);
        }
        store.hand_over(&given(&line, 3)).await.unwrap();
        // The same again: its answer had been lost.
        let repeated = store.hand_over(&given(&line, 3)).await.unwrap();
        assert_eq!(repeated, HandedOver::Fenced(owned_by(2, 2)));
        let end = by(2, line.end(Epoch(2), 3));
        assert_eq!(append(&*store, end).await, STORED);
        let late = HandOver {
            from: shard_id(2),
            epoch: Epoch(2),
            ..given(&line, 4)
        };
        let finished = Ownership {
            status: Status::Finished,
            ..owned_by(2, 2)
        };
        let answer = store.hand_over(&late).await.unwrap();
        assert_eq!(answer, HandedOver::Fenced(finished));
    });
}

/// After a rollback of the store two shards may hold one epoch number.
#[test]
fn an_append_of_another_owner_of_the_same_epoch_is_fenced() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 2)).await;
        let fenced = Appended::Fenced(owned_by(1, 1));
        for (after, count) in [(2, 1), (0, 2), (5, 1)] {
            let foreign = by(2, line.append(Epoch(1), after, count));
            assert_eq!(append(&*store, foreign).await, fenced);
        }
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..2]);
    });
}

#[test]
fn what_stands_of_a_match_is_told_with_the_record_that_was_asked_for() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 3)).await;
        let asked = [0, 1, 3, 4].map(|seq| (line.id, seq));
        let unknown = [(match_id(9), 1)];
        let ownership = owned_by(1, 1);
        let stored = |record| Standing::Stored { ownership, record };
        let expected = [
            stored(None),
            stored(Some(encode_record(&line.events[0]))),
            stored(Some(encode_record(&line.events[2]))),
            stored(None),
            Standing::Missing,
        ];
        let asked = [&asked[..], &unknown].concat();
        assert_eq!(store.standing(&asked).await.unwrap(), expected);
        assert_eq!(store.standing(&[]).await.unwrap(), []);
    });
}
