//! Nothing is kept for ever: when what goes, on every store, and how much room there is.

use std::time::{Duration, Instant};

use game_core::{Epoch, MatchId, UnixMillis};
use store::testing::{ReadLog, RedisServer};
use store::{
    ANY_EPOCH, Accounts, Archive, Begun, Claim, Created, ENDED_IDS_KEEP, EmbeddedStore, Feed,
    HOLDING_KEPT, Holding, Holdings, Idempotency, LIVE_KEEP, MatchLog, Matches, MemoryStore,
    Outbox, Presence, REVOCATION_KEPT, Ratings, RedisConfig, RedisStore, Registry, Retention,
    Revocations, Room, Status, Store, Swept, Tickets, Tournaments, Transfers, Waves,
};

use crate::accounts;
use crate::samples::{
    Line, WORKER, all_done, assignment, match_id, on_all, player, pool, rated, redis_store,
    runtime, shard_id, shard_record, ticket, ticket_id,
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
fn a_match_goes_after_its_entry_is_done_and_its_time_is_over() {
    let keep = Duration::from_secs(60 * 60);
    let check = async |store: &dyn Store| {
        let ids = [finished(store, 1).await, finished(store, 2).await];
        let live = live(store, 3).await.id;
        let never = UnixMillis(NOW.0 - 10 * keep.as_millis() as u64);
        for now in [never, NOW] {
            assert_eq!(sweep(store, now).await, 0, "nobody has archived it");
        }
        all_done(store, NOW).await;
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
        check(&MemoryStore::new().keeping_live(keep)).await;
        check(&EmbeddedStore::in_memory().unwrap().keeping_live(keep)).await;
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
        all_done(store, NOW).await;
        assert_eq!(sweep(store, NOW).await, 0);
        let first = store.sweep(after(keep)).await.unwrap();
        assert!(first.more && first.matches < stored, "{first:?}");
        assert_eq!(first.matches + sweep(store, after(keep)).await, stored);
        assert!(store.matches(None, 10).await.unwrap().matches.is_empty());
    };
    runtime().block_on(async {
        check(&MemoryStore::new().keeping_live(keep)).await;
        check(&EmbeddedStore::in_memory().unwrap().keeping_live(keep)).await;
    });
}

#[test]
fn nothing_is_written_when_nothing_is_due() {
    let disk = crate::disk::Disk::default();
    runtime().block_on(async {
        let store = disk.open().unwrap();
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
fn a_match_that_has_gone_is_not_made_again_while_its_ticket_is_there() {
    on_all(|store| async move {
        let ticket = ticket(1, None);
        store.put_ticket(&ticket).await.unwrap();
        let given = store.assign_tickets(&[ticket.id], &assignment(9)).await;
        assert!(given.unwrap());
        let id = finished(&*store, 9).await;
        let first = Line::new(id, 1, 1).snapshots[0].clone();
        let ms = |time: Duration| UnixMillis(ticket.created_at.0 + time.as_millis() as u64);
        all_done(&*store, ms(Duration::ZERO)).await;
        for minutes in 1..=100 {
            sweep(&*store, ms(Duration::from_secs(minutes * 60))).await;
            if store.ticket(ticket.id).await.unwrap().is_some() {
                let created = store.create(shard_id(1), &first).await.unwrap();
                let Created::Exists(ownership) = created else {
                    panic!("it was made again after {minutes} minutes");
                };
                assert_eq!(ownership.status, Status::Finished);
            }
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
        let begin = async |at| store.begin_request("key", &[7; 32], match_id(1), at).await;
        assert_eq!(begin(NOW).await.unwrap(), Begun::New(match_id(1)));
        sweep(store, after(HOLDING_KEPT)).await;
        store.end_request("key", Some(b"never")).await.unwrap();
        let again = begin(after(HOLDING_KEPT)).await.unwrap();
        assert_eq!(again, Begun::New(match_id(1)), "the entry was gone");
        assert_eq!(store.held(&ada, Holding::Match).await.unwrap().len(), 1);
        sweep(store, after(HOLDING_KEPT + Duration::from_millis(1))).await;
        assert!(store.held(&ada, Holding::Match).await.unwrap().is_empty());
        assert_eq!(store.waiting(&pool("3+2"), 200).await.unwrap(), []);
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

async fn keeping(server: &RedisServer, live_keep: Duration) -> RedisStore {
    let config = RedisConfig {
        live_keep,
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
fn on_redis_a_match_leaves_only_what_goes_by_itself_after_it_had_its_time() {
    runtime().block_on(async {
        let server = server();
        let store = keeping(&server, Duration::from_millis(300)).await;
        let before: Vec<String> = ask(&server, &["KEYS", "*"]).await;
        let id = finished(&store, 1).await;
        all_done(&store, NOW).await;
        assert!(!is_gone(&store, id).await, "not before its time");
        store.disown(shard_id(1), &[(id, ANY_EPOCH)]).await.unwrap();
        assert!(store.deregister(shard_id(1), None).await.unwrap());
        let until = Instant::now() + SOON;
        while store.ownership(id).await.unwrap().is_some() {
            assert!(Instant::now() < until, "a finished match never goes");
        }
        assert!(is_gone(&store, id).await);
        let mut left: Vec<String> = ask(&server, &["KEYS", "*"]).await;
        left.retain(|key| !before.contains(key));
        left.sort();
        let tags = "rk:{outbox}:tags".to_owned();
        let lease = format!("rk:{{{}}}:lease", id.tag());
        let mut expected = [key(id, "ended"), lease, tags.clone()];
        expected.sort();
        assert_eq!(left, expected);
        for key in left.iter().filter(|key| **key != tags) {
            let left_ms: u64 = ask(&server, &["PTTL", key]).await;
            let most = ENDED_IDS_KEEP.max(Duration::from_secs(60 * 60));
            assert!(left_ms <= most.as_millis() as u64, "{key}: {left_ms} ms");
        }
        // A week later.
        sweep_redis(
            &server,
            &store,
            after(Duration::from_secs(7 * 24 * 60 * 60)),
        )
        .await;
        assert!(!ask::<bool>(&server, &["EXISTS", &tags]).await);
    });
}

#[test]
fn on_redis_a_tag_with_an_entry_is_not_forgotten() {
    runtime().block_on(async {
        let server = server();
        let store = redis_store(&server).await;
        let id = finished(&store, 1).await;
        sweep_redis(
            &server,
            &store,
            after(Duration::from_secs(7 * 24 * 60 * 60)),
        )
        .await;
        let tags = store.outbox_tags().await.unwrap();
        let named: Vec<_> = tags.iter().map(|tag| (tag.tag, tag.waiting)).collect();
        assert_eq!(named, [(id.tag(), 1)]);
    });
}

#[test]
fn on_redis_head_and_log_go_at_one_moment_that_nothing_moves() {
    runtime().block_on(async {
        let server = server();
        let store = redis_store(&server).await;
        let line = live(&store, 1).await;
        let (head, log) = (key(line.id, "head"), key(line.id, "log"));
        let goes_at = async |key: &str| ask::<i64>(&server, &["PEXPIRETIME", key]).await;
        let end = line.end(Epoch(1), 4);
        store.append(std::slice::from_ref(&end)).await.unwrap();
        sweep_redis(&server, &store, NOW).await;
        let both = (goes_at(&head).await, goes_at(&log).await);
        assert_eq!(both, (-1, -1), "nobody has archived it");
        let tag = line.id.tag();
        let entries = store.outbox_after(tag, None, 10).await.unwrap();
        all_done(&store, NOW).await;
        let first = goes_at(&head).await;
        assert_eq!(goes_at(&log).await, first);
        let left: u64 = ask(&server, &["PTTL", &head]).await;
        let keep_ms = LIVE_KEEP.as_millis() as u64;
        assert!((keep_ms - 60_000..=keep_ms).contains(&left), "{left} ms");
        store.append(&[end]).await.unwrap();
        let lease = Duration::from_secs(10);
        let epoch = store.take_outbox(tag, WORKER, lease, NOW).await.unwrap();
        let again = store.outbox_done(WORKER, epoch.unwrap(), &entries[0], NOW);
        assert!(again.await.unwrap());
        server.command(&["DEL", "rk:{sweep}:turn"]);
        sweep_redis(&server, &store, NOW).await;
        assert_eq!((goes_at(&head).await, goes_at(&log).await), (first, first));
    });
}

/// As after a part of the data was restored by hand, or when a former version of the program has written it.
#[test]
fn on_redis_what_is_finished_without_an_entry_is_given_one() {
    runtime().block_on(async {
        let server = server();
        let store = redis_store(&server).await;
        let lost = finished(&store, 1).await;
        let former = finished(&store, 2).await;
        let done = finished(&store, 3).await;
        all_done(&store, NOW).await;
        for (id, field) in [(lost, "1-1"), (former, "")] {
            let head = key(id, "head");
            match field {
                "" => server.command(&["HDEL", &head, "entry"]),
                entry => server.command(&["HSET", &head, "entry", entry]),
            };
        }
        server.command(&["PERSIST", &key(lost, "head")]);
        server.command(&["DEL", "rk:{outbox}:tags"]);
        assert_eq!(sweep_redis(&server, &store, NOW).await, 2);
        for id in [lost, former] {
            let tags = store.outbox_tags().await.unwrap();
            assert!(
                tags.iter()
                    .any(|tag| tag.tag == id.tag() && tag.waiting == 1)
            );
            let entries = store.outbox_after(id.tag(), None, 10).await.unwrap();
            assert_eq!(
                entries
                    .iter()
                    .map(|entry| entry.match_id)
                    .collect::<Vec<_>>(),
                [id]
            );
            for kind in ["head", "log"] {
                let left: i64 = ask(&server, &["PTTL", &key(id, kind)]).await;
                assert_eq!(left, -1, "until it is archived");
            }
        }
        assert!(
            store
                .outbox_after(done.tag(), None, 10)
                .await
                .unwrap()
                .is_empty()
        );
        server.command(&["DEL", "rk:{sweep}:turn"]);
        assert_eq!(sweep_redis(&server, &store, NOW).await, 0, "once");
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
            keys.extend(["head", "log"].map(|kind| key(id, kind)));
        }
        all_done(&store, NOW).await;
        for key in &keys {
            server.command(&["PERSIST", key]);
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
        all_done(&store, NOW).await;
        let waits = finished(&store, 3).await;
        let category = "standard-blitz".parse().unwrap();
        let rated = rated(waits, category, 1, 1);
        store.apply_rating(&rated).await.unwrap();
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
        let transfer = crate::transfers::transfer(3, "ada");
        store.put_transfer(&transfer).await.unwrap();
        store.use_transfer(&transfer.digest, 1, NOW).await.unwrap();
        let change = crate::tournaments::change("open", 0, &[match_id(1)]);
        store.change_tournament(&change).await.unwrap();
        store
            .put_result(&change.id, match_id(1), "1-0")
            .await
            .unwrap();
        for kind in Holding::ALL {
            let holds = store.hold(&player("ada").id, kind, "it", 1, NOW).await;
            assert!(holds.unwrap());
        }
        let online = |is_bot| store::Online {
            player: player("ada").id,
            is_bot,
            until: after(Duration::from_secs(15)),
        };
        store
            .put_online(&[online(false), online(true)], NOW)
            .await
            .unwrap();
        let open = store::Ticket {
            is_open: true,
            opponent: Some(player("bob").id),
            ..ticket(6, None)
        };
        store.put_ticket(&open).await.unwrap();
        let lease = Duration::from_secs(60);
        let wave = store.hold_wave("3+2", 7, lease).await.unwrap().unwrap();
        let pair = [ticket_id(1), ticket_id(2)];
        store
            .assign_pair(&wave, pair, &assignment(9))
            .await
            .unwrap();
        store.note_waits("3+2", &[1]).await.unwrap();
        store
            .begin_request("key", &[7; 32], match_id(1), NOW)
            .await
            .unwrap();
        store.end_request("key", Some(b"done")).await.unwrap();
        store.end_request("none", Some(b"done")).await.unwrap();
        assert!(store.put(&crate::archive::archived(1)).await.unwrap());
        store.publish_match(&crate::feed::entry(1)).await.unwrap();
        let taken = store.take_hook("hook", "one", NOW, after(Duration::from_secs(9)));
        assert!(taken.await.unwrap().is_some());
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
            // One number for the whole installation.
            "rk:{tickets}:epoch".to_owned(),
            "rk:{feed}:stream".to_owned(),
            key(live, "head"),
            key(live, "log"),
            key(waits, "head"),
            key(waits, "log"),
            format!("rk:{{{}}}:outbox", waits.tag()),
            "rk:{outbox}:tags".to_owned(),
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
        assert_eq!(
            left,
            [&*used_up, "invitations"],
            "an account goes when it is removed"
        );
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
