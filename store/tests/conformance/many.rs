//! Many matches at once: what a claimant reads of them, and their claims.

use std::time::Duration;

use game_core::{Epoch, MatchId, MatchTime};
use store::{Claim, Claiming, MANY_MAX, MatchHead, Status, Store, Tenure};

use crate::answers::{STORED, append, claimed, owned_by};
use crate::samples::{Line, by, match_id, on_all, shard_id};

const fn micros(micros: u64) -> MatchTime {
    MatchTime::from_micros(micros)
}

/// A claim by a shard that knows `seq` records, at `clock` microseconds of its own.
fn claiming(id: MatchId, expected: u64, seq: u32, clock: u64, counted: u64) -> Claiming {
    Claiming {
        match_id: id,
        expected: Epoch(expected),
        status: Status::Live,
        tenure: Some(Tenure {
            seq,
            clock: micros(clock),
        }),
        move_time: Duration::from_micros(counted),
    }
}

async fn head(store: &dyn Store, id: MatchId) -> MatchHead {
    store.heads(&[id]).await.remove(0).unwrap().unwrap()
}

#[test]
fn each_of_many_claims_has_an_answer_of_its_own() {
    on_all(|store| async move {
        let lines: Vec<_> = (1..=3)
            .map(|n| Line::new(match_id(n), n.into(), 4))
            .collect();
        for line in &lines {
            store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        }
        let claims = [
            Claiming::new(lines[0].id, Epoch(0)),
            Claiming::new(match_id(9), Epoch(0)),
            Claiming::new(lines[1].id, Epoch(5)),
            Claiming::new(lines[2].id, Epoch(0)),
        ];
        let answers = store.claim_many(shard_id(2), &claims).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        let claimed = |answer: &Claim, line: &Line| {
            let Claim::Claimed(checkpoint) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(checkpoint.ownership, owned_by(2, 1));
            assert_eq!(checkpoint.snapshot, line.snapshots[0]);
        };
        assert_eq!(answers.len(), 4);
        claimed(&answers[0], &lines[0]);
        assert_eq!(answers[1], Claim::Missing);
        assert_eq!(answers[2], Claim::Lost(owned_by(1, 0)));
        claimed(&answers[3], &lines[2]);
        // The set has all that may have been claimed, before it is.
        let owned = store.owned(shard_id(2)).await.unwrap();
        assert!(owned.contains(&lines[0].id) && owned.contains(&lines[2].id));
        assert!(store.claim_many(shard_id(2), &[]).await.is_empty());
        assert!(store.heads(&[]).await.is_empty());
    });
}

#[test]
fn as_many_as_are_allowed_are_claimed_in_one_request() {
    on_all(|store| async move {
        let line = |n: usize| Line::new(MatchId::from_random(n as u128), 1, 0);
        let lines: Vec<_> = (0..MANY_MAX).map(line).collect();
        for line in &lines {
            store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        }
        let ids: Vec<_> = lines.iter().map(|line| line.id).collect();
        let heads = store.heads(&ids).await;
        assert_eq!(heads.len(), MANY_MAX);
        let claims: Vec<_> = ids.iter().map(|&id| claiming(id, 0, 0, 1, 0)).collect();
        let answers = store.claim_many(shard_id(2), &claims).await;
        assert_eq!(answers.len(), MANY_MAX);
        for (id, answer) in ids.iter().zip(answers) {
            let Claim::Claimed(checkpoint) = answer.unwrap() else {
                panic!("match {id} is not claimed");
            };
            assert_eq!(
                checkpoint.snapshot.setup().id,
                *id,
                "in the order of the claims"
            );
        }
        assert_eq!(store.owned(shard_id(2)).await.unwrap().len(), MANY_MAX);
    });
}

#[test]
fn a_head_tells_whose_clock_the_last_record_has() {
    on_all(|store| async move {
        let line = Line::new(match_id(1), 1, 10);
        let unknown = store.heads(&[line.id]).await.remove(0).unwrap();
        assert_eq!(unknown, None);
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        let new = MatchHead {
            ownership: owned_by(1, 0),
            seq: 0,
            last_at: None,
            tenure: None,
            move_time: Duration::ZERO,
        };
        assert_eq!(head(&*store, line.id).await, new);

        let first = claiming(line.id, 0, 0, 700, 0);
        store
            .claim_many(shard_id(1), &[first])
            .await
            .remove(0)
            .unwrap();
        append(&*store, line.append(Epoch(1), 0, 3)).await;
        let written = MatchHead {
            ownership: owned_by(1, 1),
            seq: 3,
            last_at: Some(line.events[2].at),
            tenure: first.tenure,
            move_time: Duration::ZERO,
        };
        assert_eq!(head(&*store, line.id).await, written);

        // The next owner claims what it read, at which 250 µs of the move had been used.
        let second = claiming(line.id, 1, 3, 90, 250);
        let answer = store.claim_many(shard_id(2), &[second]).await.remove(0);
        let Ok(Claim::Claimed(checkpoint)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(checkpoint.move_time, Duration::from_micros(250));
        let taken = MatchHead {
            ownership: owned_by(2, 2),
            tenure: second.tenure,
            move_time: Duration::from_micros(250),
            ..written
        };
        assert_eq!(head(&*store, line.id).await, taken);
        // Its own record ends the move.
        assert_eq!(
            append(&*store, by(2, line.append(Epoch(2), 3, 1))).await,
            STORED
        );
        let own = MatchHead {
            seq: 4,
            last_at: Some(line.events[3].at),
            move_time: Duration::ZERO,
            ..taken
        };
        assert_eq!(head(&*store, line.id).await, own);
    });
}

/// A former owner that is not dead writes between the read and the claim.
#[test]
fn records_written_between_read_and_claim_are_not_the_claimants() {
    on_all(|store| async move {
        let line = Line::new(match_id(1), 1, 10);
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 5)).await;
        let claim = claiming(line.id, 1, 3, 90, 250);
        let answer = store.claim_many(shard_id(2), &[claim]).await.remove(0);
        let Ok(Claim::Claimed(checkpoint)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(
            checkpoint.move_time,
            Duration::ZERO,
            "that was of another move"
        );
        let tenure = Some(Tenure {
            seq: 5,
            clock: micros(90),
        });
        assert_eq!(head(&*store, line.id).await.tenure, tenure);
    });
}

/// A shard that claims again what it holds in memory knows more records than the store has.
#[test]
fn records_that_are_written_again_are_not_the_claimants() {
    on_all(|store| async move {
        let line = Line::new(match_id(1), 1, 10);
        claimed(&*store, &line).await;
        let claim = claiming(line.id, 1, 3, 90, 0);
        store
            .claim_many(shard_id(1), &[claim])
            .await
            .remove(0)
            .unwrap();
        append(&*store, line.append(Epoch(2), 0, 3)).await;
        let found = head(&*store, line.id).await;
        assert_eq!(found.tenure.unwrap().seq, found.seq);
    });
}

/// The next owner has not claimed it: nothing of its clock is known.
#[test]
fn a_hand_over_ends_the_tenure() {
    on_all(|store| async move {
        let line = Line::new(match_id(1), 1, 10);
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        let claim = claiming(line.id, 0, 0, 700, 0);
        store
            .claim_many(shard_id(1), &[claim])
            .await
            .remove(0)
            .unwrap();
        append(&*store, line.append(Epoch(1), 0, 3)).await;
        let given = store::HandOver {
            match_id: line.id,
            from: shard_id(1),
            epoch: Epoch(1),
            to: shard_id(2),
            seq: 3,
            move_time: Duration::from_micros(40),
        };
        store.hand_over(&given).await.unwrap();
        let found = head(&*store, line.id).await;
        assert_eq!((found.tenure, found.ownership), (None, owned_by(2, 2)));
        assert_eq!(found.move_time, Duration::from_micros(40));
    });
}
