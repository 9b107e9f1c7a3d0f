//! Finished matches, on every store and on PostgreSQL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Match, MatchId, MatchSetup, MatchTags, MatchTime, Outcome,
    Receipt, Seat, UnixMillis, Variant, WithMove,
};
use store::testing::RedisServer;
use store::{
    ARCHIVE_PAGE_MAX, Archive, ArchiveCursor, ArchiveFilter, ArchivedMatch, EmbeddedStore,
    MemoryStore, RedisConfig, RedisStore, Retention, StoreError,
};

use crate::postgres::fresh_archive;
use crate::samples::{match_id, on_all, player, redis_store, runtime};

const NOON: u64 = 1_800_000_000_000;

/// Runs one check on every archive, each new.
fn on_all_archives<F: Future<Output = ()>>(check: impl Fn(Arc<dyn Archive>) -> F) {
    on_all(|store| {
        let archive: Arc<dyn Archive> = store;
        check(archive)
    });
    runtime().block_on(async { check(Arc::new(fresh_archive().await)).await });
}

pub(crate) fn setup(id: MatchId, white: &str, black: &str) -> MatchSetup {
    SetupBuilder::new().id(id).named(white, black).build()
}

/// The match after some moves and the resignation of a seat.
pub(crate) fn resigned(setup: MatchSetup, by: Seat) -> Match {
    let mut game = Match::new(setup);
    let mut events = Vec::new();
    for id in 0..4 {
        let kind = CommandKind::Move {
            position_seq: game.position_seq(),
            uci: game.legal_moves()[0],
            with: WithMove::Nothing,
        };
        let id = CommandId(id);
        game.apply(
            game.turn(),
            &Command { id, kind },
            MatchTime::default(),
            &mut events,
        )
        .unwrap();
    }
    let (id, kind) = (CommandId(9), CommandKind::Resign);
    game.apply(by, &Command { id, kind }, MatchTime::default(), &mut events)
        .unwrap();
    game
}

/// Match `n`, which Black wins, ended a second after the one before it.
pub(crate) fn archived(n: u8) -> ArchivedMatch {
    let game = resigned(setup(match_id(n), "ada", "bob"), Seat::White);
    ArchivedMatch::of(&game, UnixMillis(NOON + 1_000 * u64::from(n))).unwrap()
}

/// Everything that a filter accepts, read in pages of `limit`.
async fn all(archive: &dyn Archive, filter: &ArchiveFilter, limit: usize) -> Vec<MatchId> {
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..1_000 {
        let page = archive.list(filter, after, limit).await.unwrap();
        assert!(
            page.matches.len() <= limit,
            "{} matches",
            page.matches.len()
        );
        found.extend(page.matches.iter().map(ArchivedMatch::id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
    panic!("an archive has no end");
}

#[test]
fn a_match_is_archived_once_and_comes_back_whole() {
    on_all_archives(|archive| async move {
        let finished = archived(1);
        assert_eq!(archive.get(finished.id()).await.unwrap(), None);
        assert!(archive.put(&finished).await.unwrap(), "it is new");
        assert!(!archive.put(&finished).await.unwrap(), "it was there");
        let found = archive.get(finished.id()).await.unwrap().unwrap();
        assert_eq!(found, finished);
        let game = found.restore().unwrap();
        assert_eq!(
            game.outcome(),
            resigned(setup(match_id(1), "ada", "bob"), Seat::White).outcome()
        );
        assert_eq!(
            all(&*archive, &ArchiveFilter::default(), 10).await,
            [finished.id()]
        );
    });
}

/// Whoever archives a match again may read another clock, and may read the match after a rematch was offered.
#[test]
fn a_repetition_is_the_same_match_whenever_it_is_read() {
    on_all_archives(|archive| async move {
        let mut game = resigned(setup(match_id(1), "ada", "bob"), Seat::White);
        let first = ArchivedMatch::of(&game, UnixMillis(NOON)).unwrap();
        assert!(archive.put(&first).await.unwrap());
        let (id, kind) = (CommandId(10), CommandKind::OfferRematch);
        let later = Receipt::from(MatchTime::from_micros(5_000_000));
        game.apply(Seat::Black, &Command { id, kind }, later, &mut Vec::new())
            .unwrap();
        let second = ArchivedMatch::of(&game, UnixMillis(NOON + 5_000)).unwrap();
        assert!(!archive.put(&second).await.unwrap());
        let found = archive.get(first.id()).await.unwrap().unwrap();
        assert_eq!(found, first, "the first stays");
        assert_eq!(
            all(&*archive, &ArchiveFilter::default(), 10).await,
            [first.id()]
        );
    });
}

#[test]
fn another_match_under_the_same_id_is_refused_loudly_and_changes_nothing() {
    on_all_archives(|archive| async move {
        let kept = archived(1);
        assert!(archive.put(&kept).await.unwrap());
        let other = resigned(setup(match_id(1), "ada", "bob"), Seat::Black);
        let other = ArchivedMatch::of(&other, kept.ended_at()).unwrap();
        let refused = archive.put(&other).await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::Corrupt(text) if text.contains(kept.id().as_str())),
            "{refused}"
        );
        assert_eq!(archive.get(kept.id()).await.unwrap(), Some(kept));
    });
}

#[test]
fn only_a_match_that_has_ended_can_be_archived() {
    let game = Match::new(setup(match_id(1), "ada", "bob"));
    assert_eq!(ArchivedMatch::of(&game, UnixMillis(NOON)), None);
}

/// Matches that differ in all that can be looked for, with what each is.
fn varied() -> Vec<ArchivedMatch> {
    let players = ["ada", "bob", "eve"];
    let mut matches = Vec::new();
    for n in 0..36_usize {
        let (white, black) = (players[n % 3], players[(n / 3 + 1) % 3]);
        let mut setup = setup(match_id(n as u8), white, black);
        if n % 4 == 0 {
            setup.start = game_core::StartPosition::initial(Variant::Atomic);
        }
        let event = ["Club cup", "Öffentlich {x}"].get(n % 5);
        setup.tags = event.map(|event| {
            Box::new(MatchTags {
                event: Some((*event).into()),
                ..MatchTags::default()
            })
        });
        let game = resigned(setup, Seat::BOTH[n % 2]);
        // Several end in one millisecond.
        let ended_at = UnixMillis(NOON + 1_000 * (n as u64 / 4));
        matches.push(ArchivedMatch::of(&game, ended_at).unwrap());
    }
    matches
}

/// Each filter by itself, and all pairs of them: what is found is what a search through all finds.
#[test]
fn a_filter_finds_what_a_search_through_everything_finds_in_pages_of_any_size() {
    let time = |seconds: u64| Some(UnixMillis(NOON + 1_000 * seconds));
    let mut filters = vec![ArchiveFilter::default()];
    for player in [None, Some("ada"), Some("nobody")] {
        for event in [None, Some("Club cup"), Some("Öffentlich {x}")] {
            for variant in [None, Some(Variant::Atomic)] {
                for outcome in [None, Some(Outcome::WhiteWins)] {
                    for (since, until) in [(None, None), (time(2), time(6)), (time(3), time(3))] {
                        filters.push(ArchiveFilter {
                            player: player.map(|id| id.parse().unwrap()),
                            event: event.map(Into::into),
                            variant,
                            outcome,
                            since,
                            until,
                        });
                    }
                }
            }
        }
    }
    on_all_archives(|archive| {
        let filters = filters.clone();
        async move {
            let mut matches = varied();
            for finished in &matches {
                assert!(archive.put(finished).await.unwrap());
            }
            matches.sort_by_key(|finished| std::cmp::Reverse(finished.cursor()));
            for filter in &filters {
                let wanted = matches.iter().filter(|finished| filter.accepts(finished));
                let wanted: Vec<_> = wanted.map(ArchivedMatch::id).collect();
                for limit in [3, ARCHIVE_PAGE_MAX] {
                    let found = all(&*archive, filter, limit).await;
                    assert_eq!(found, wanted, "{filter:?} by {limit}");
                }
            }
        }
    });
}

#[test]
fn a_cursor_from_anywhere_is_a_place() {
    on_all_archives(|archive| async move {
        for n in 0..3 {
            assert!(archive.put(&archived(n)).await.unwrap());
        }
        let filter = ArchiveFilter::default();
        for (cursor, expected) in [
            (format!("{}-000000000000", u64::MAX), 3),
            (format!("{}-zzzzzzzzzzzz", NOON + 1_000), 2),
            ("0-000000000000".to_owned(), 0),
        ] {
            let cursor: ArchiveCursor = cursor.parse().unwrap();
            let page = archive.list(&filter, Some(cursor), 10).await.unwrap();
            assert_eq!(page.matches.len(), expected, "{cursor}");
            assert_eq!(page.next, None);
        }
    });
}

#[test]
fn the_archive_keeps_a_match_for_its_time_and_then_forgets_it_whole() {
    let keep = Duration::from_secs(60 * 60);
    let check = async |archive: &dyn Archive, retention: &dyn Retention| {
        let now = |s: u64| UnixMillis(NOON + 1_000 * s);
        for n in 0..200 {
            assert!(archive.put(&archived(n)).await.unwrap());
        }
        let sweep = async |now| {
            for _ in 0..100 {
                if !retention.sweep(now).await.unwrap().more {
                    return;
                }
            }
            panic!("a sweep has no end");
        };
        // Its age counts from when it was archived, which was before this.
        sweep(now(1_000)).await;
        sweep(now(1_000 + 3_599)).await;
        assert_eq!(
            all(archive, &ArchiveFilter::default(), 100).await.len(),
            200
        );
        assert!(archive.put(&archived(250)).await.unwrap());
        sweep(now(1_000 + 3_600)).await;
        assert_eq!(
            all(archive, &ArchiveFilter::default(), 100).await,
            [match_id(250)]
        );
        assert_eq!(archive.get(match_id(1)).await.unwrap(), None);
        // It may come again.
        assert!(archive.put(&archived(1)).await.unwrap());
    };
    runtime().block_on(async {
        let store = MemoryStore::new().keeping_finished(keep);
        check(&store, &store).await;
        let store = EmbeddedStore::in_memory().unwrap().keeping_finished(keep);
        check(&store, &store).await;
    });
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
fn on_redis_a_sweep_takes_what_is_due_out_of_every_list() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--appendonly", "no"]);
        let config = RedisConfig {
            finished_keep: Duration::from_millis(1),
            ..RedisConfig::new(server.url())
        };
        let store = RedisStore::connect(config).await.unwrap();
        let before: usize = ask(&server, &["DBSIZE"]).await;
        for n in 0..100 {
            assert!(store.put(&archived(n)).await.unwrap());
        }
        let due: Vec<String> = ask(&server, &["ZRANGE", "rk:archive:due", "0", "0"]).await;
        assert_eq!(due.len(), 1);
        let until = Instant::now() + Duration::from_secs(20);
        while store
            .sweep(UnixMillis(4_000_000_000_000))
            .await
            .unwrap()
            .more
        {
            assert!(Instant::now() < until, "a sweep has no end");
        }
        let left: Vec<String> = ask(&server, &["KEYS", "rk:*archive*"]).await;
        assert_eq!(left, Vec::<String>::new());
        let turn_and_place = 2;
        let after: usize = ask(&server, &["DBSIZE"]).await;
        assert!(
            after <= before + turn_and_place,
            "{before} keys, then {after}"
        );
        assert_eq!(store.get(match_id(1)).await.unwrap(), None);
    });
}

#[test]
fn on_redis_every_key_of_the_archive_expires_and_a_lost_match_leaves_its_lists() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--appendonly", "no"]);
        let store = redis_store(&server).await;
        for n in 0..3 {
            assert!(store.put(&archived(n)).await.unwrap());
        }
        let keys: Vec<String> = ask(&server, &["KEYS", "rk:*archive*"]).await;
        // Three matches, the list of all, those of two players, and when each is due.
        assert_eq!(keys.len(), 3 + 1 + 2 + 1, "{keys:?}");
        for key in &keys {
            let left: i64 = ask(&server, &["PTTL", key]).await;
            assert!(left > 0, "{key}: {left}");
        }
        let id = match_id(1);
        server.command(&["DEL", &format!("rk:{{{}}}:{id}:archived", id.tag())]);
        let ada = ArchiveFilter {
            player: Some(player("ada").id),
            ..ArchiveFilter::default()
        };
        let left = [match_id(2), match_id(0)];
        assert_eq!(all(&store, &ada, 1).await, left);
        let listed: usize = ask(&server, &["ZCARD", "rk:archive:player:ada"]).await;
        assert_eq!(listed, 2, "nobody reads it again");
    });
}

/// Whoever archived a match may have died before it was in every list.
#[test]
fn on_redis_a_repetition_completes_what_was_left_half_done() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--appendonly", "no"]);
        let store = redis_store(&server).await;
        let finished = archived(1);
        assert!(store.put(&finished).await.unwrap());
        server.command(&[
            "DEL",
            "rk:archive:all",
            "rk:archive:player:bob",
            "rk:archive:due",
        ]);
        assert!(!store.put(&finished).await.unwrap());
        for name in ["ada", "bob"] {
            let theirs = ArchiveFilter {
                player: Some(player(name).id),
                ..ArchiveFilter::default()
            };
            assert_eq!(all(&store, &theirs, 10).await, [finished.id()]);
        }
        let due: usize = ask(&server, &["ZCARD", "rk:archive:due"]).await;
        assert_eq!(due, 1);
    });
}

#[test]
fn a_match_that_cannot_be_read_hides_no_other() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--appendonly", "no"]);
        let store = redis_store(&server).await;
        for n in 0..3 {
            assert!(store.put(&archived(n)).await.unwrap());
        }
        let id = match_id(1);
        server.command(&[
            "SET",
            &format!("rk:{{{}}}:{id}:archived", id.tag()),
            "no match",
        ]);
        let found = all(&store, &ArchiveFilter::default(), 10).await;
        assert_eq!(found, [match_id(2), match_id(0)]);
        let unreadable = store.get(id).await.unwrap_err();
        assert!(matches!(unreadable, StoreError::Corrupt(_)), "{unreadable}");
    });
}
