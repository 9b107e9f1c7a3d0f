//! Who is online, and hints, on every store.

use std::time::Duration;

use game_core::{MatchId, PlayerId, ShardId, UnixMillis};
use store::testing::RedisServer;
use store::{Beat, Beats, Hint, Online, Presence};

use crate::samples::{on_all, player, redis_store, runtime};

const NOW: UnixMillis = UnixMillis(1_763_712_000_000);

fn later(s: u64) -> UnixMillis {
    UnixMillis(NOW.0 + s * 1_000)
}

fn id(name: &str) -> PlayerId {
    player(name).id
}

fn online(name: &str, is_bot: bool, until: UnixMillis) -> Online {
    Online {
        player: id(name),
        is_bot,
        until,
    }
}

#[test]
fn players_are_online_until_their_time_is_over() {
    on_all(|store| async move {
        let list = async |bots, now, limit| {
            let mut ids = store.online(bots, now, limit).await.unwrap();
            ids.sort();
            ids
        };
        store.put_online(&[], NOW).await.unwrap();
        assert_eq!(store.are_online(&[], NOW).await.unwrap(), [false; 0]);
        assert_eq!(list(true, NOW, 9).await, []);
        let first = [
            online("deep", true, later(15)),
            online("auth0|b.o-b@x", true, later(5)),
            online("ann", false, later(15)),
        ];
        store.put_online(&first, NOW).await.unwrap();
        let both = [id("auth0|b.o-b@x"), id("deep")];
        assert_eq!(list(true, NOW, 9).await, both);
        assert_eq!(list(true, NOW, 1).await.len(), 1);
        assert_eq!(list(false, NOW, 9).await, [id("ann")]);
        let asked = ["ann", "nobody", "auth0|b.o-b@x"].map(id);
        let are = store.are_online(&asked, NOW).await.unwrap();
        assert_eq!(are, [true, false, true]);
        let are = store.are_online(&asked, later(5)).await.unwrap();
        assert_eq!(are, [true, false, false], "its time is over");
        assert_eq!(list(true, later(5), 9).await, [id("deep")]);
        // Who is put again stays; of two times the last one counts.
        let again = [
            online("deep", true, later(40)),
            online("ann", false, later(12)),
        ];
        store.put_online(&again, later(10)).await.unwrap();
        let asked = ["deep", "ann"].map(id);
        let are = store.are_online(&asked, later(14)).await.unwrap();
        assert_eq!(are, [true, false]);
        assert_eq!(list(true, later(10), 9).await, [id("deep")]);
    });
}

fn hint(n: u128, players: &[&str]) -> Hint {
    Hint {
        about: MatchId::from_random(n),
        players: players.iter().map(|name| id(name)).collect(),
    }
}

#[test]
fn a_hint_is_heard_by_the_process_that_gives_it() {
    on_all(|store| async move {
        let mut place = store.hints_after(0).next;
        let given = hint(7, &["ann", "auth0|b.o-b@x"]);
        // A subscription may be young: until it is heard, it is given again.
        let heard = loop {
            let _ = store.hint(&given).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let heard = store.hints_after(place);
            place = heard.next;
            if !heard.hints.is_empty() {
                break heard;
            }
        };
        assert!(heard.hints.iter().all(|one| *one == given));
    });
}

#[test]
fn processes_on_one_redis_hear_each_others_hints_beside_beats() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let (one, other) = (redis_store(&server).await, redis_store(&server).await);
        let beat = Beat {
            shard: ShardId::from_random(1),
            count: 1,
            clock: Default::default(),
        };
        let given = hint(9, &["bob"]);
        let told = loop {
            other.hints_after(0);
            let _ = one.publish(&beat).await;
            let _ = one.hint(&given).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let heard = other.hints_after(0);
            if !heard.hints.is_empty() && !other.heard().beats.is_empty() {
                break heard.hints;
            }
        };
        assert_eq!(told[0], given);
        assert_eq!(other.heard().beats, [beat]);
    });
}
