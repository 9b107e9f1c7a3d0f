//! What subscribers are told of finished matches, on every store.

use std::time::Duration;

use game_core::UnixMillis;
use store::testing::RedisServer;
use store::{
    EmbeddedStore, FEED_PAGE_MAX, Feed, FeedCursor, FeedEntry, MemoryStore, RedisConfig,
    RedisStore, Retention, Store, StoreError,
};

use crate::samples::{match_id, on_all, runtime};

const NOON: u64 = 1_800_000_000_000;

pub(crate) fn entry(n: u8) -> FeedEntry {
    FeedEntry {
        match_id: match_id(n),
        seq: 10 + u32::from(n),
        public_at: UnixMillis(NOON + 1_000 * u64::from(n)),
        body: format!("{{\"match\":\"{}\",\"name\":\"Böb {n}\"}}", match_id(n)).into(),
    }
}

/// Everything after a place, read in pages of `limit`.
async fn all(feed: &dyn Feed, mut after: FeedCursor, limit: usize) -> Vec<FeedEntry> {
    let mut entries = Vec::new();
    loop {
        let page = feed.feed_after(after, limit).await.unwrap();
        assert!(!page.missed);
        assert!(page.entries.len() <= limit);
        if let Some((last, _)) = page.entries.last() {
            assert_eq!(page.next, *last);
        } else {
            assert_eq!(page.next, after);
            return entries;
        }
        after = page.next;
        entries.extend(page.entries.into_iter().map(|(_, entry)| entry));
    }
}

#[test]
fn every_match_is_in_the_feed_once_and_in_one_order() {
    on_all(|store| async move {
        assert_eq!(store.feed_end().await.unwrap(), FeedCursor::START);
        assert_eq!(all(&*store, FeedCursor::START, 10).await, []);
        // Not in the order of anything that they contain.
        let order = [3, 1, 2, 9, 5];
        let mut places = Vec::new();
        for n in order {
            places.push(store.publish_match(&entry(n)).await.unwrap());
        }
        assert!(places.is_sorted(), "{places:?}");
        for (n, place) in order.into_iter().zip(&places) {
            assert_eq!(
                store.publish_match(&entry(n)).await.unwrap(),
                *place,
                "again"
            );
        }
        let expected = order.map(entry);
        for limit in [1, 2, FEED_PAGE_MAX] {
            assert_eq!(all(&*store, FeedCursor::START, limit).await, expected);
            assert_eq!(all(&*store, places[1], limit).await, expected[2..]);
        }
        assert_eq!(store.feed_end().await.unwrap(), places[4]);
        let nothing = all(&*store, places[4], 10).await;
        assert_eq!(nothing, []);
        let beyond = format!("{}-{}", u64::MAX, u64::MAX).parse().unwrap();
        assert_eq!(all(&*store, beyond, 10).await, []);
    });
}

#[test]
fn a_document_that_readers_could_not_split_is_refused() {
    on_all(|store| async move {
        for body in ["{\n}".to_owned(), "x".repeat(FeedEntry::BODY_LEN_MAX + 1)] {
            let odd = FeedEntry {
                body: body.into(),
                ..entry(1)
            };
            let refused = store.publish_match(&odd).await.unwrap_err();
            assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
        }
        let longest = FeedEntry {
            body: "x".repeat(FeedEntry::BODY_LEN_MAX).into(),
            ..entry(1)
        };
        store.publish_match(&longest).await.unwrap();
        assert_eq!(all(&*store, FeedCursor::START, 1).await, [longest]);
    });
}

/// A subscriber that was away for longer than entries are kept must learn that it has missed some.
#[test]
fn entries_go_after_their_time_and_a_reader_that_missed_some_is_told() {
    let keep = Duration::from_secs(60);
    let check = async |store: &dyn Store| {
        let mut places = Vec::new();
        for n in 0..10 {
            places.push(store.publish_match(&entry(n)).await.unwrap());
        }
        let sweep = async |seconds: u64| {
            let now = UnixMillis(NOON + 1_000 * seconds);
            while store.sweep(now).await.unwrap().more {}
        };
        sweep(59).await;
        assert_eq!(all(store, FeedCursor::START, 20).await.len(), 10);
        sweep(63).await;
        let page = store.feed_after(FeedCursor::START, 20).await.unwrap();
        assert_eq!(
            (page.entries.len(), page.missed),
            (6, false),
            "from the oldest that is kept"
        );
        for (after, missed) in [(0, true), (2, true), (3, false), (5, false)] {
            let page = store.feed_after(places[after], 20).await.unwrap();
            assert_eq!(page.missed, missed, "after {after}");
        }
        sweep(1_000).await;
        assert_eq!(
            store.feed_end().await.unwrap(),
            places[9],
            "it does not go back"
        );
        let next = store.publish_match(&entry(20)).await.unwrap();
        assert!(next > places[9]);
    };
    runtime().block_on(async {
        check(&MemoryStore::new().keeping_finished(keep)).await;
        check(&EmbeddedStore::in_memory().unwrap().keeping_finished(keep)).await;
    });
}

#[test]
fn on_redis_entries_go_after_their_time_and_a_reader_that_missed_some_is_told() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--appendonly", "no"]);
        let config = RedisConfig {
            finished_keep: Duration::from_secs(3_600),
            ..RedisConfig::new(server.url())
        };
        let store = RedisStore::connect(config.clone()).await.unwrap();
        let mut places = Vec::new();
        for n in 0..5 {
            places.push(store.publish_match(&entry(n)).await.unwrap());
        }
        store.sweep(UnixMillis(NOON)).await.unwrap();
        assert_eq!(all(&store, FeedCursor::START, 20).await.len(), 5);
        let short = RedisConfig {
            finished_keep: Duration::ZERO,
            ..config
        };
        let short = RedisStore::connect(short).await.unwrap();
        // Redis counts in milliseconds: the newest is old in the next one.
        loop {
            short.sweep(UnixMillis(NOON)).await.unwrap();
            if all(&store, FeedCursor::START, 20).await.is_empty() {
                break;
            }
        }
        assert_eq!(
            store.feed_end().await.unwrap(),
            places[4],
            "it does not go back"
        );
        for (after, missed) in [(0, true), (3, true), (4, false)] {
            let page = store.feed_after(places[after], 20).await.unwrap();
            assert_eq!(page.missed, missed, "after {after}");
        }
        assert!(store.publish_match(&entry(20)).await.unwrap() > places[4]);
    });
}

#[test]
fn one_delivers_to_a_subscriber_and_what_it_delivered_is_remembered() {
    on_all(|store| async move {
        let at = |seconds: u64| UnixMillis(NOON + 1_000 * seconds);
        let before = store.publish_match(&entry(1)).await.unwrap();
        let take = async |holder: &str, now, until| {
            store
                .take_hook("hook", holder, at(now), at(until))
                .await
                .unwrap()
        };
        let first = take("one", 0, 10).await.unwrap();
        assert_eq!((first.epoch, first.position), (1, before), "from now on");
        assert_eq!(take("two", 5, 15).await, None, "another one has it");
        assert_eq!(take("one", 5, 15).await, Some(first), "prolonged");
        assert_eq!(take("two", 12, 20).await, None);
        let after = store.publish_match(&entry(2)).await.unwrap();
        assert!(store.hook_done("hook", 1, after).await.unwrap());
        let second = take("two", 15, 30).await.unwrap();
        assert_eq!((second.epoch, second.position), (2, after));
        assert!(!store.hook_done("hook", 1, before).await.unwrap(), "fenced");
        assert_eq!(take("one", 16, 30).await, None);
        assert_eq!(take("two", 16, 30).await, Some(second));
        // Others are apart.
        assert!(!store.hook_done("other", 1, before).await.unwrap());
        let other = store.take_hook("other", "one", at(0), at(1)).await.unwrap();
        assert_eq!(other.map(|lease| lease.position), Some(after));
    });
}

/// Other programs may read the stream: its fields are part of what is documented.
#[test]
fn on_redis_the_stream_has_the_fields_that_are_documented() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--appendonly", "no"]);
        let store = crate::samples::redis_store(&server).await;
        let place = store.publish_match(&entry(7)).await.unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let stream: Vec<(String, Vec<(String, String)>)> = redis::cmd("XRANGE")
            .arg("rk:{feed}:stream")
            .arg("-")
            .arg("+")
            .query_async(&mut connection)
            .await
            .unwrap();
        let expected = [
            ("match", match_id(7).to_string()),
            ("seq", "17".to_owned()),
            ("public_at", (NOON + 7_000).to_string()),
            ("json", entry(7).body.to_string()),
        ];
        let expected = expected
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        assert_eq!(stream, [(place.to_string(), expected)]);
        let of = format!("rk:{{feed}}:of:{}", match_id(7));
        let left: i64 = redis::cmd("PTTL")
            .arg(of)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert!(left > 0);
    });
}
