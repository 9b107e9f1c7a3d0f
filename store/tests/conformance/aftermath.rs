//! What comes after the end of a match: the agreement on a rematch, and the match that follows, on every store.

use game_core::{Epoch, Match, MatchSetup, UnixMillis};
use store::testing::{ReadLog, RedisServer};
use store::{
    ANY_EPOCH, Appended, Claim, Claiming, Created, HandOver, HandedOver, Ownership, RedisConfig,
    RedisStore, Status, Store,
};

use crate::answers::{STORED, append, claimed, owned_by};
use crate::samples::{Line, all_done, by, match_id, on_all, rematch_id, runtime, shard_id};

const DUPLICATE: Appended = Appended::Stored { duplicate: true };

fn line() -> Line {
    Line::new(match_id(1), 1, 10)
}

fn finished(owner: u8, epoch: u64) -> Ownership {
    Ownership {
        status: Status::Finished,
        ..owned_by(owner, epoch)
    }
}

/// Shard 1 plays four moves, and the match ends.
async fn ended(store: &dyn Store, line: &Line) {
    claimed(store, line).await;
    assert_eq!(append(store, line.append(Epoch(1), 0, 4)).await, STORED);
    assert_eq!(append(store, line.end(Epoch(1), 4)).await, STORED);
    store
        .disown(shard_id(1), &[(line.id, ANY_EPOCH)])
        .await
        .unwrap();
}

#[test]
fn the_owner_of_a_finished_match_adds_what_follows_the_end() {
    on_all(|store| async move {
        let line = line();
        ended(&*store, &line).await;
        let (offer, answer) = (
            line.aftermath(Epoch(1), 4, 0, 1),
            line.aftermath(Epoch(1), 4, 1, 1),
        );
        assert_eq!(append(&*store, offer.clone()).await, STORED);
        assert_eq!(append(&*store, offer).await, DUPLICATE);
        assert_eq!(append(&*store, answer).await, STORED);

        let (events, snapshots) = line.ended(4);
        let log = store.log(line.id).await.unwrap();
        assert_eq!((&log[..4], &log[4..]), (&line.events[..4], &events[..]));
        let found = store.load(line.id).await.unwrap().unwrap();
        assert_eq!(found.ownership, finished(1, 1));
        // The newest snapshot is that of the end.
        assert_eq!(found.snapshot, snapshots[0]);
        assert_eq!(found.tail, events[1..]);
        let restored = Match::restore(found.snapshot, &found.tail).unwrap();
        assert_eq!(restored.snapshot(), snapshots[2]);
        assert_eq!(restored.snapshot().rematch, Some(rematch_id(line.id)));
        // The set of the shard does not have it any more.
        assert!(store.owned(shard_id(1)).await.unwrap().is_empty());
    });
}

#[test]
fn a_snapshot_with_what_followed_the_end_is_read_as_it_was() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 4)).await;
        let (events, snapshots) = line.ended(4);
        // The end and what follows it in one write, as when a store that was down is back.
        let write =
            store::Append::new(line.id, shard_id(1), Epoch(1), &events, Some(&snapshots[2]));
        assert!(write.ends && !write.is_aftermath);
        assert_eq!(append(&*store, write.clone()).await, STORED);
        assert_eq!(append(&*store, write).await, DUPLICATE);
        let found = store.load(line.id).await.unwrap().unwrap();
        assert_eq!((found.ownership, found.tail.len()), (finished(1, 1), 0));
        assert_eq!(found.snapshot, snapshots[2]);
        let restored = Match::restore(found.snapshot, &[]).unwrap();
        assert_eq!(restored.snapshot(), snapshots[2]);
    });
}

#[test]
fn nobody_else_adds_to_a_finished_match_and_nothing_else_is_added() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 4)).await;
        // The match is in play: only its end can come next.
        let early = line.aftermath(Epoch(1), 3, 0, 1);
        let conflict = Appended::Conflict { len: 4 };
        assert_eq!(append(&*store, early).await, conflict);
        append(&*store, line.end(Epoch(1), 4)).await;

        let offer = line.aftermath(Epoch(1), 4, 0, 1);
        let fenced = Appended::Fenced(finished(1, 1));
        assert_eq!(append(&*store, by(2, offer.clone())).await, fenced);
        assert_eq!(
            append(&*store, line.aftermath(Epoch(2), 4, 0, 1)).await,
            fenced
        );
        assert_eq!(
            append(&*store, line.aftermath(Epoch(0), 4, 0, 1)).await,
            fenced
        );
        let conflict = Appended::Conflict { len: 5 };
        assert_eq!(
            append(&*store, line.append(Epoch(1), 5, 1)).await,
            conflict,
            "a move"
        );
        assert_eq!(
            append(&*store, line.end(Epoch(1), 5)).await,
            conflict,
            "a second end"
        );
        let beyond = line.aftermath(Epoch(1), 4, 1, 1);
        assert_eq!(append(&*store, beyond).await, Appended::Rollback { len: 5 });
        assert_eq!(append(&*store, offer).await, STORED);

        // And it does not change hands as a live match does.
        let claim = store.claim(line.id, shard_id(2), Epoch(1)).await.unwrap();
        assert_eq!(claim, Claim::Lost(finished(1, 1)));
        let hand_over = HandOver {
            match_id: line.id,
            from: shard_id(1),
            epoch: Epoch(1),
            to: shard_id(2),
            seq: 6,
            move_time: std::time::Duration::ZERO,
        };
        assert_eq!(
            store.hand_over(&hand_over).await.unwrap(),
            HandedOver::Fenced(finished(1, 1))
        );
        assert_eq!(store.log(line.id).await.unwrap().len(), 6);

        // Who knows that it has ended may take it over, and the former owner is fenced.
        let ended = |epoch| Claiming {
            status: Status::Finished,
            ..Claiming::new(line.id, Epoch(epoch))
        };
        let claims = [ended(0), ended(1)];
        let mut answers = store.claim_many(shard_id(2), &claims).await;
        let Claim::Claimed(checkpoint) = answers.remove(1).unwrap() else {
            panic!("it was to be claimed");
        };
        assert_eq!(checkpoint.ownership, finished(2, 2));
        assert_eq!(answers.remove(0).unwrap(), Claim::Lost(finished(1, 1)));
        assert_eq!(
            append(&*store, line.aftermath(Epoch(1), 6, 0, 1)).await,
            Appended::Fenced(finished(2, 2))
        );
        let owned = store.owned(shard_id(2)).await.unwrap();
        assert_eq!(owned, [line.id], "until the claimant removes the hint");
    });
}

/// What follows the end is kept as long as the end is, and does not keep the match for longer.
#[test]
fn on_redis_what_follows_the_end_goes_with_the_match() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let config = RedisConfig {
            live_keep: std::time::Duration::from_millis(400),
            ..RedisConfig::new(server.url())
        };
        let store = RedisStore::connect(config).await.unwrap();
        let line = line();
        ended(&store, &line).await;
        all_done(&store, UnixMillis(0)).await;
        append(&store, line.aftermath(Epoch(1), 4, 0, 2)).await;
        let key = |kind: &str| format!("rk:{{{}}}:{}:{kind}", line.id.tag(), line.id);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while server.command(&["EXISTS", &key("head"), &key("log")]) != ":0" {
            assert!(std::time::Instant::now() < until, "it never goes");
        }
        assert_eq!(
            append(&store, line.aftermath(Epoch(1), 4, 1, 1)).await,
            Appended::Missing
        );
    });
}

#[test]
fn a_rematch_is_created_once_and_says_whose_it_is() {
    on_all(|store| async move {
        let line = line();
        ended(&*store, &line).await;
        append(&*store, line.aftermath(Epoch(1), 4, 0, 2)).await;
        let setup: MatchSetup = line.snapshots[0].setup().clone();
        let next = setup.rematch(rematch_id(line.id), UnixMillis(1_800_000_600_000));
        let first = Match::new(next).snapshot();
        let id = first.setup().id;
        assert_eq!(
            store.create(shard_id(1), &first).await.unwrap(),
            Created::New
        );
        // Again after a lost answer, and by another shard that read the agreement.
        for shard in [1, 2] {
            assert_eq!(
                store.create(shard_id(shard), &first).await.unwrap(),
                Created::Exists(owned_by(1, 0))
            );
        }
        store.claim(id, shard_id(2), Epoch(0)).await.unwrap();
        assert_eq!(
            store.create(shard_id(1), &first).await.unwrap(),
            Created::Exists(owned_by(2, 1))
        );
        let found = store.load(id).await.unwrap().unwrap();
        assert_eq!(found.snapshot, first);
        let colours = |setup: &MatchSetup| {
            let players = &setup.players;
            (players.white.id.clone(), players.black.id.clone())
        };
        let (white, black) = colours(&setup);
        assert_eq!(colours(found.snapshot.setup()), (black, white));
        assert!(store.owned(shard_id(1)).await.unwrap().contains(&id));
    });
}
