//! Nothing is kept for ever: when what goes, on every store, and how much room there is.

use std::time::{Duration, Instant};

use game_core::{Epoch, MatchId, UnixMillis};
use store::testing::{ReadLog, RedisServer};
use store::{
    ANY_EPOCH, Accounts, Claim, EmbeddedStore, FINISHED_KEEP, FINISHED_KEEP_MIN, HOLDING_KEPT, Holding,
    Holdings, MatchLog, MemoryStore, REVOCATION_KEPT, RedisConfig, RedisStore, Registry, Retention,
    Revocations, Room, Store, Swept, Tickets,
};

use crate::accounts;
use crate::samples::{
    Line, assignment, match_id, on_all, player, redis_store, runtime, shard_id, shard_record,
    ticket, ticket_id,
};

/// Generous upper bound on the wait for an event that must happen.
const SOON: Duration = Duration::from_secs(20);
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn after(time: Duration) -> UnixMillis {
    UnixMillis(NOW.0 + time.as_millis() as u64)
}

/// A match that shard 1 plays.
async fn live(store: &dyn Store, n: u8) -> Line {
    let line = Line::new(match_id(n), 1, 6);
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    let claim = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
    store.append(&[line.append(Epoch(1), 0, 4)]).await.unwrap();
    line
}

async fn finished(store: &dyn Store, n: u8) -> MatchId {
    let line = live(store, n).await;
    store.append(&[line.end(Epoch(1), 4)]).await.unwrap();
    line.id
}

/// Sweeps until nothing more is due; returns the number of matches.
async fn sweep(store: &dyn Store, now: UnixMillis) -> usize {
    let mut matches = 0;
    for _ in 0..1_000 {
        let swept = store.sweep(now).await.unwrap();
        matches += swept.matches;
        if !swept.more {
            return matches;
        }
    }
    panic!("a sweep has no end");
}

/// All that the contract can tell of a match.
async fn is_gone(store: &dyn Store, id: MatchId) -> bool {
    let ownership = store.ownership(id).await.unwrap();
    let (mut named, mut after) = (false, None);
    loop {
        let page = store.matches(after, 1_000).await.unwrap();
        named |= page.matches.iter().any(|(named, _)| *named == id);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(store.load(id).await.unwrap().is_some(), ownership.is_some());
    assert_eq!(store.log(id).await.unwrap().is_empty(), ownership.is_none());
    assert_eq!(named, ownership.is_some());
    ownership.is_none()
}

#[test]
fn a_finished_match_goes_after_its_time_and_a_live_one_never() {
    let keep = Duration::from_secs(60 * 60);
    let check = async |store: &dyn Store| {
        let ids = [finished(store, 1).await, finished(store, 2).await];
        let live = live(store, 3).await.id;
        assert_eq!(sweep(store, NOW).await, 0);
        assert_eq!(
            sweep(store, after(keep - Duration::from_millis(1))).await,
            0
        );
        for id in ids {
            assert!(!is_gone(store, id).await);
        }
        assert_eq!(sweep(store, after(keep)).await, 2);
        for id in ids {
            assert!(is_gone(store, id).await);
        }
        // Hints that shards no longer see to go too.
        assert_eq!(store.owned(shard_id(1)).await.unwrap(), [live]);
        assert_eq!(sweep(store, after(10 * keep)).await, 0);
        assert!(!is_gone(store, live).await);
    };
    runtime().block_on(async {
        check(&MemoryStore::new().keeping_finished(keep)).await;
        check(&EmbeddedStore::in_memory().unwrap().keeping_finished(keep)).await;
    });
}

/// Many more than one transaction takes, with more records than one takes.
#[test]
fn a_sweep_is_done_in_parts() {
    let keep = Duration::from_secs(60);
    let check = async |store: &dyn Store| {
        for n in 0..=u8::MAX {
            for more in 0..3 {
                let id = MatchId::from_random(u128::from(n) << (20 * more));
                let line = Line::new(id, 1, 20);
                store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
                if let Claim::Claimed(_) = store.claim(id, shard_id(1), Epoch(0)).await.unwrap() {
                    let appends = [line.append(Epoch(1), 0, 20), line.end(Epoch(1), 20)];
                    store.append(&appends).await.unwrap();
                }
            }
        }
        let stored = 3 * 255 + 1;
        assert!(store.sweep(NOW).await.unwrap().more, "not all at once");
        assert_eq!(sweep(store, NOW).await, 0);
        let first = store.sweep(after(keep)).await.unwrap();
        assert!(first.more && first.matches < stored, "{first:?}");
        assert_eq!(first.matches + sweep(store, after(keep)).await, stored);
        assert!(store.matches(None, 10).await.unwrap().matches.is_empty());
    };
    runtime().block_on(async {
        check(&MemoryStore::new().keeping_finished(keep)).await;
        check(&EmbeddedStore::in_memory().unwrap().keeping_finished(keep)).await;
    });
}

#[test]
fn nothing_is_written_when_nothing_is_due() {
    let disk = crate::disk::Disk::default();
    runtime().block_on(async {
        let store = EmbeddedStore::on_storage(disk.opener()).unwrap();
        finished(&store, 1).await;
        store.put_ticket(&ticket(1, Some("3+2"))).await.unwrap();
        sweep(&store, NOW).await;
        let before = disk.syncs();
        assert_eq!(store.sweep(NOW).await.unwrap(), Swept::default());
        assert_eq!(disk.syncs(), before);
    });
}

/// Whoever reads a ticket creates its match if it is missing.
#[test]
fn a_match_is_kept_at_least_as_long_as_its_ticket() {
    assert!(FINISHED_KEEP >= FINISHED_KEEP_MIN);
    on_all(|store| async move {
        let ticket = ticket(1, None);
        store.put_ticket(&ticket).await.unwrap();
        assert!(
            store
                .assign_tickets(&[ticket.id], &assignment(9))
                .await
                .unwrap()
        );
        finished(&*store, 9).await;
        let ms = |time: Duration| UnixMillis(ticket.created_at.0 + time.as_millis() as u64);
        sweep(&*store, ms(Duration::from_millis(1))).await;
        for hour in 1..=100 {
            sweep(&*store, ms(Duration::from_secs(hour * 60 * 60))).await;
            let has_ticket = store.ticket(ticket.id).await.unwrap().is_some();
            assert!(
                !has_ticket || !is_gone(&*store, match_id(9)).await,
                "{hour} h"
            );
        }
    });
}

#[test]
fn tickets_holdings_and_revocations_go_without_anybody_making_new_ones() {
    let check = async |store: &dyn Store| {
        for n in 0..40 {
            store.put_ticket(&ticket(n, Some("3+2"))).await.unwrap();
        }
        store.cancel_ticket(ticket_id(1)).await.unwrap();
        store.revoke(&player("ada").id, NOW).await.unwrap();
        let ada = player("ada").id;
        let holds = store.hold(&ada, Holding::Match, "a match", 3, NOW).await;
        assert!(holds.unwrap());
        sweep(store, after(HOLDING_KEPT)).await;
        assert_eq!(store.held(&ada, Holding::Match).await.unwrap().len(), 1);
        sweep(store, after(HOLDING_KEPT + Duration::from_millis(1))).await;
        assert!(store.held(&ada, Holding::Match).await.unwrap().is_empty());
        assert_eq!(store.waiting("3+2").await.unwrap(), []);
        assert_eq!(store.ticket(ticket_id(0)).await.unwrap(), None);
        assert_eq!(store.ticket(ticket_id(1)).await.unwrap(), None);
        assert_eq!(store.revoked_since(UnixMillis(0)).await.unwrap().len(), 1);
        sweep(store, after(REVOCATION_KEPT + Duration::from_secs(1))).await;
        assert!(store.revoked_since(UnixMillis(0)).await.unwrap().is_empty());
    };
    runtime().block_on(async {
        check(&MemoryStore::new()).await;
        check(&EmbeddedStore::in_memory().unwrap()).await;
    });
}

// ---- Redis -----------------------------------------------------------------------------------------

/// A server that waits for no disk: nothing here is about what a crash leaves.
fn server() -> RedisServer {
    RedisServer::start_with(&["--appendonly", "no"])
}

async fn keeping(server: &RedisServer, finished_keep: Duration) -> RedisStore {
    let config = RedisConfig {
        finished_keep,
        ..RedisConfig::new(server.url())
    };
    RedisStore::connect(config).await.unwrap()
}

/// Sweeps until all keys were read; returns the number of matches.
async fn sweep_redis(server: &RedisServer, store: &RedisStore, now: UnixMillis) -> usize {
    let (mut matches, until) = (0, Instant::now() + SOON);
    loop {
        matches += store.sweep(now).await.unwrap().matches;
        if !ask::<bool>(server, &["EXISTS", "rk:{sweep}:at"]).await {
            return matches;
        }
        assert!(Instant::now() < until, "a sweep has no end");
    }
}

/// The name of a key of a match.
fn key(id: MatchId, kind: &str) -> String {
    format!("rk:{{{}}}:{id}:{kind}", id.tag())
}

/// Sends a command to a server, like any client.
async fn ask<T: redis::FromRedisValue>(server: &RedisServer, words: &[&str]) -> T {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut ask = redis::cmd(words[0]);
    for word in &words[1..] {
        ask.arg(word);
    }
    ask.query_async(&mut connection).await.unwrap()
}

#[test]
fn on_redis_the_key_space_is_where_it_began_after_a_finished_match_had_its_time() {
    runtime().block_on(async {
        let server = server();
        let store = keeping(&server, Duration::from_millis(300)).await;
        let before: usize = ask(&server, &["DBSIZE"]).await;
        let id = finished(&store, 1).await;
        assert!(!is_gone(&store, id).await, "not before its time");
        store.disown(shard_id(1), &[(id, ANY_EPOCH)]).await.unwrap();
        assert!(store.deregister(shard_id(1), None).await.unwrap());
        let until = Instant::now() + SOON;
        while ask::<usize>(&server, &["DBSIZE"]).await > before {
            assert!(Instant::now() < until, "a finished match never goes");
        }
        assert!(is_gone(&store, id).await);
    });
}

#[test]
fn on_redis_head_and_log_go_at_one_moment_that_a_repeated_end_does_not_move() {
    runtime().block_on(async {
        let server = server();
        let store = redis_store(&server).await;
        let line = live(&store, 1).await;
        let (head, log) = (key(line.id, "head"), key(line.id, "log"));
        let goes_at = async |key: &str| ask::<i64>(&server, &["PEXPIRETIME", key]).await;
        assert_eq!((goes_at(&head).await, goes_at(&log).await), (-1, -1));
        let end = line.end(Epoch(1), 4);
        store.append(std::slice::from_ref(&end)).await.unwrap();
        let first = goes_at(&head).await;
        assert_eq!(goes_at(&log).await, first);
        let left: u64 = ask(&server, &["PTTL", &head]).await;
        let keep_ms = FINISHED_KEEP.as_millis() as u64;
        assert!((keep_ms - 60_000..=keep_ms).contains(&left), "{left} ms");
        store.append(&[end]).await.unwrap();
        sweep_redis(&server, &store, NOW).await;
        assert_eq!((goes_at(&head).await, goes_at(&log).await), (first, first));
    });
}

#[test]
fn on_redis_what_is_finished_without_an_age_is_given_one() {
    runtime().block_on(async {
        let server = server();
        let store = redis_store(&server).await;
        let mut keys = Vec::new();
        for n in 0..100 {
            let id = finished(&store, n).await;
            for kind in ["head", "log"] {
                keys.push(key(id, kind));
                server.command(&["PERSIST", keys.last().unwrap()]);
            }
        }
        let live = live(&store, 200).await.id;
        assert_eq!(sweep_redis(&server, &store, NOW).await, 100);
        for key in &keys {
            let left: i64 = ask(&server, &["PTTL", key]).await;
            assert!(left > 0, "{key}: {left}");
        }
        let left: i64 = ask(&server, &["PTTL", &key(live, "head")]).await;
        assert_eq!(left, -1, "a live match never goes");
        // The next pass is an hour later, whichever process starts it.
        server.command(&["PERSIST", &keys[0]]);
        let other = redis_store(&server).await;
        assert_eq!(other.sweep(NOW).await.unwrap(), Swept::default());
        let rests_ms: u64 = ask(&server, &["PTTL", "rk:{sweep}:turn"]).await;
        assert!((3_000_000..=3_600_000).contains(&rests_ms), "{rests_ms} ms");
        server.command(&["DEL", "rk:{sweep}:turn"]);
        assert_eq!(sweep_redis(&server, &other, NOW).await, 1);
    });
}

/// Each key either has an expiry, or is one of those that are removed as ARCHITECTURE.md describes.
#[test]
fn every_key_on_redis_has_an_age_or_someone_who_removes_it() {
    runtime().block_on(async {
        let server = server();
        let store = redis_store(&server).await;
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        finished(&store, 1).await;
        let live = live(&store, 2).await.id;
        for (n, pool) in [
            (1, Some("3+2")),
            (2, Some("3+2")),
            (3, None),
            (4, None),
            (5, None),
        ] {
            store.put_ticket(&ticket(n, pool)).await.unwrap();
            store.touch_ticket(ticket_id(n), NOW).await.unwrap();
        }
        store.cancel_ticket(ticket_id(3)).await.unwrap();
        store
            .assign_tickets(&[ticket_id(4)], &assignment(1))
            .await
            .unwrap();
        store.revoke(&player("ada").id, NOW).await.unwrap();
        store.void_tokens(&player("ada").id, NOW).await.unwrap();
        let hour = Duration::from_secs(60 * 60);
        let invitation = accounts::invitation(3, 1, hour);
        store.put_invitation(&invitation).await.unwrap();
        store
            .create_account(&accounts::account("ada", "ada"), Some(&invitation.digest))
            .await
            .unwrap();
        let token = accounts::token(1, "ada");
        assert!(store.put_api_token(&token, 1).await.unwrap());
        store.touch_api_token(&token, NOW).await.unwrap();
        let code = accounts::code(2, "ada", hour);
        store.put_login_code(&code).await.unwrap();
        store.use_login_code(&code.digest, 1, NOW).await.unwrap();
        for kind in Holding::ALL {
            let holds = store.hold(&player("ada").id, kind, "it", 1, NOW).await;
            assert!(holds.unwrap());
        }
        let mut ageless = Vec::new();
        for key in ask::<Vec<String>>(&server, &["KEYS", "*"]).await {
            if ask::<i64>(&server, &["PTTL", &key]).await == -1 {
                ageless.push(key);
            }
        }
        ageless.sort();
        let shard = shard_id(1);
        let mut expected = vec![
            format!("rk:{{shards}}:owned:{shard}"),
            "rk:revoked".to_owned(),
            "rk:void".to_owned(),
            "rk:{accounts}:all".to_owned(),
            "rk:{accounts}:named:ada".to_owned(),
            "rk:{accounts}:of:ada".to_owned(),
            format!("rk:{{shards}}:shard:{shard}"),
            "rk:{shards}:all".to_owned(),
            "rk:layout".to_owned(),
            key(live, "head"),
            key(live, "log"),
        ];
        expected.sort();
        assert_eq!(ageless, expected);
        sweep_redis(
            &server,
            &store,
            after(REVOCATION_KEPT + Duration::from_secs(1)),
        )
        .await;
        for key in ["rk:revoked", "rk:void"] {
            assert!(!ask::<bool>(&server, &["EXISTS", key]).await, "{key}");
        }
        assert!(store.remove_account(&player("ada").id).await.unwrap());
        let left: Vec<String> = ask(&server, &["KEYS", "rk:{accounts}:*"]).await;
        let mut left: Vec<_> = left.iter().map(|key| &key[14..]).collect();
        left.sort_unstable();
        let used_up = format!("invitation:{}", invitation.digest);
        assert_eq!(left, [&*used_up, "invitations"], "an account goes when it is removed");
    });
}

#[test]
fn a_store_says_how_much_room_it_has() {
    runtime().block_on(async {
        for store in [
            &MemoryStore::new() as &dyn Store,
            &EmbeddedStore::in_memory().unwrap(),
        ] {
            assert_eq!(store.room().await.unwrap(), Room::default());
        }
        let server = RedisServer::start_with(&["--appendonly", "no", "--maxmemory", "40mb"]);
        let store = redis_store(&server).await;
        let limit_bytes = Some(40 * 1024 * 1024);
        let room = store.room().await.unwrap();
        assert_eq!(room.limit_bytes, limit_bytes);
        assert!(room.used_bytes > 0 && room.is_for_new(), "{room:?}");
        server.command(&["SETRANGE", "filler", "32000000", "x"]);
        let room = store.room().await.unwrap();
        assert!(!room.is_for_new(), "{room:?}");
        server.command(&["DEL", "filler"]);
        assert!(store.room().await.unwrap().is_for_new());
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        let room = store.room().await.unwrap();
        assert_eq!(room.limit_bytes, None);
        server.command(&["ACL", "SETUSER", "default", "-info"]);
        assert_eq!(store.room().await.unwrap(), Room::default());
    });
}
