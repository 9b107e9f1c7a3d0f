//! Finished matches: exports, a player's games, the feed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Match, MatchId, MatchTime, Receipt, RoundTrip, Seat,
    UnixMillis, WithMove,
};
use protocol::http::{FeedLine, FinishedMatch, GamesReply, MatchReply};
use reqwest::Method;
use store::{ArchivedMatch, MemoryStore, Store};

use super::world::{Answer, World, new_key, send};
use crate::clock::now;
use crate::config::Config;
use crate::finished::feed_entry;
use crate::limits::FEED_READERS_MAX;

/// When the first match of a test ended.
const NOON: u64 = 1_763_000_000_000;

fn id(n: u32) -> MatchId {
    MatchId::from_random(u128::from(n))
}

/// The round trips of its moves, one of which came over no connection.
const RTTS_MS: [Option<u16>; 3] = [Some(38), None, Some(0)];

/// Match `n`, of `white` against `black`, which White resigns after three moves; a second after the one before it.
pub(super) fn finished(
    n: u32,
    white: &str,
    black: &str,
    delay_s: u8,
    ended_at: u64,
) -> ArchivedMatch {
    let mut setup = SetupBuilder::new().id(id(n)).named(white, black).build();
    setup.spectator_delay_s = delay_s;
    setup.created_at = UnixMillis(ended_at - 60_000);
    let mut game = Match::new(setup);
    let line = ["e2e4", "e7e5", "g1f3"].into_iter().zip(RTTS_MS);
    for (command, (text, rtt_ms)) in (0..).zip(line) {
        let kind = CommandKind::Move {
            position_seq: game.position_seq(),
            uci: text.parse().unwrap(),
            with: WithMove::Nothing,
        };
        let id = CommandId(command);
        let command = Command { id, kind };
        let receipt = Receipt {
            round_trip: rtt_ms.map(RoundTrip::from_millis),
            ..Receipt::default()
        };
        game.apply(game.turn(), &command, receipt, &mut Vec::new())
            .unwrap();
    }
    let (id, kind) = (CommandId(9), CommandKind::Resign);
    game.apply(
        Seat::White,
        &Command { id, kind },
        MatchTime::default(),
        &mut Vec::new(),
    )
    .unwrap();
    ArchivedMatch::of(&game, UnixMillis(ended_at)).unwrap()
}

/// Archives and publishes a match, as whoever finishes it does.
pub(super) async fn finish(store: &dyn Store, archived: &ArchivedMatch) {
    store.put(archived).await.unwrap();
    let entry = feed_entry(archived, Default::default()).unwrap();
    store.publish_match(&entry).await.unwrap();
}

async fn with_games(count: u32) -> World {
    let world = World::new().await;
    for n in 0..count {
        let white = if n % 2 == 0 { "ann" } else { "cid" };
        let archived = finished(n, white, "bob", 0, NOON + 1_000 * u64::from(n));
        finish(&*world.store, &archived).await;
    }
    world
}

async fn get(world: &World, path: &str) -> Answer {
    send(world.request(Method::GET, path)).await
}

fn lines<T: serde::de::DeserializeOwned>(answer: &Answer) -> Vec<T> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let lines = answer.text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn an_export_holds_every_match_that_fits_the_newest_first() {
    let world = with_games(250).await;
    let all: Vec<FinishedMatch> = lines(&get(&world, "/v1/archive?format=ndjson").await);
    let ids: Vec<_> = all.iter().map(|found| found.match_id).collect();
    let expected: Vec<_> = (0..250).rev().map(id).collect();
    assert_eq!(ids, expected);
    let first = &all[0];
    assert_eq!(first.seq, 4);
    assert_eq!(first.moves.len(), 3);
    assert_eq!((first.clocks_ms.len(), first.times_ms.len()), (3, 3));
    assert_eq!((first.times_ms[0], first.times_ms[2]), (None, Some(0)));
    assert_eq!(first.rtts_ms, RTTS_MS);
    assert_eq!(first.ended_at, UnixMillis(NOON + 249_000));
    for (query, count) in [
        ("player=ann", 125),
        ("player=bob", 250),
        ("player=eve", 0),
        ("player=bob&max=7", 7),
        ("result=0-1", 250),
        ("result=1-0", 0),
        ("result=*", 0),
        ("variant=atomic", 0),
        ("event=Open", 0),
        (
            &format!("since={}&until={}", NOON + 10_000, NOON + 20_000),
            10,
        ),
        ("max=0", 0),
    ] {
        let path = format!("/v1/archive?format=ndjson&{query}");
        let found: Vec<FinishedMatch> = lines(&get(&world, &path).await);
        assert_eq!(found.len(), count, "{query}");
    }
}

#[tokio::test]
async fn an_export_as_pgn_is_one_file_of_games() {
    let world = with_games(3).await;
    let answer = get(&world, "/v1/archive").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers["content-type"],
        "application/x-chess-pgn; charset=utf-8"
    );
    assert!(
        answer.headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains("games.pgn")
    );
    assert_eq!(answer.text.matches("[Event ").count(), 3);
    assert_eq!(answer.text.matches("0-1\n\n").count(), 3, "{}", answer.text);
}

#[tokio::test]
async fn what_is_not_looked_for_like_that_is_refused() {
    let world = with_games(1).await;
    for query in [
        "result=won",
        "variant=draughts",
        "since=yesterday",
        "format=xml",
        "name=ann",
        "player=%20",
    ] {
        let answer = get(&world, &format!("/v1/archive?{query}")).await;
        answer.problem(400, "invalid_request");
    }
    for query in ["limit=0", "limit=101", "after=here"] {
        let answer = get(&world, &format!("/v1/players/ann/games?{query}")).await;
        answer.problem(400, "invalid_request");
    }
    for query in [
        "limit=0",
        "limit=101",
        "after=here",
        "wait_ms=x",
        "wait_ms=20001",
    ] {
        let answer = get(&world, &format!("/v1/feed?{query}")).await;
        answer.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn the_games_of_a_player_come_by_page() {
    let world = with_games(25).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/players/bob/games?limit=10{after}");
        let page: GamesReply = get(&world, &path).await.ok(200);
        assert!(page.games.len() <= 10);
        seen.extend(page.games.iter().map(|game| game.match_id));
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..25).rev().map(id).collect();
    assert_eq!(seen, expected);
    let theirs: GamesReply = get(&world, "/v1/players/ann/games").await.ok(200);
    assert_eq!((theirs.games.len(), theirs.next), (13, None));
    assert_eq!(theirs.games[0].players.white.player.id.as_str(), "ann");
    let none: GamesReply = get(&world, "/v1/players/nobody/games").await.ok(200);
    assert!(none.games.is_empty());
}

#[tokio::test]
async fn a_match_that_has_left_the_live_ones_is_shown_from_the_archive() {
    let world = with_games(1).await;
    let path = format!("/v1/matches/{}", id(0));
    let shown: MatchReply = get(&world, &path).await.ok(200);
    assert_eq!((shown.seq, shown.moves.len(), shown.rematch), (4, 3, None));
    let pgn = get(&world, &format!("{path}/pgn")).await.text;
    assert!(pgn.contains("1. e4"), "{pgn}");
}

#[tokio::test]
async fn the_feed_tells_of_every_match_once_and_goes_on_from_any_cursor() {
    let world = with_games(5).await;
    let all: Vec<FeedLine> = lines(&get(&world, "/v1/feed").await);
    let ids: Vec<_> = all.iter().map(|line| line.finished.match_id).collect();
    assert_eq!(ids, (0..5).map(id).collect::<Vec<_>>());
    assert_eq!(all[2].id, format!("{}:4", id(2)));
    let rest: Vec<FeedLine> =
        lines(&get(&world, &format!("/v1/feed?after={}", all[2].cursor)).await);
    assert_eq!(rest, all[3..]);
    let two: Vec<FeedLine> = lines(&get(&world, "/v1/feed?limit=2").await);
    assert_eq!(two, all[..2]);
    let path = format!("/v1/feed?after={}", all[4].cursor);
    assert_eq!(lines::<FeedLine>(&get(&world, &path).await), []);
    assert_eq!(
        lines::<FeedLine>(&get(&world, "/v1/feed?after=end").await),
        []
    );
}

#[tokio::test]
async fn the_feed_tells_the_round_trip_of_each_move() {
    let world = with_games(1).await;
    let answer = get(&world, "/v1/feed").await;
    assert!(
        answer.text.contains(r#""rtts_ms":[38,null,0]"#),
        "{}",
        answer.text
    );
    let told: Vec<FeedLine> = lines(&answer);
    assert_eq!(told[0].finished.rtts_ms, RTTS_MS);
    // What a matchmaker of the version before has published stays as it is, and is read.
    let mut before = feed_entry(&finished(7, "ann", "bob", 0, NOON), Default::default()).unwrap();
    before.body = before.body.replace(r#","rtts_ms":[38,null,0]"#, "").into();
    world.store.publish_match(&before).await.unwrap();
    let told: Vec<FeedLine> = lines(&get(&world, "/v1/feed").await);
    assert_eq!(told[1].finished.rtts_ms, []);
    assert_eq!(told[1].finished.moves, told[0].finished.moves);
}

#[tokio::test]
async fn a_reader_of_the_feed_may_wait_for_what_ends_next() {
    let world = with_games(1).await;
    let known: Vec<FeedLine> = lines(&get(&world, "/v1/feed").await);
    let path = format!("/v1/feed?after={}&wait_ms=20000", known[0].cursor);
    let waiting = tokio::spawn(send(world.request(Method::GET, &path)));
    while world.service.feed_readers.available_permits() == FEED_READERS_MAX {
        tokio::task::yield_now().await;
    }
    finish(&*world.store, &finished(7, "ann", "bob", 0, NOON)).await;
    let told: Vec<FeedLine> = lines(&waiting.await.unwrap());
    assert_eq!(told[0].finished.match_id, id(7));
}

#[tokio::test]
async fn the_feed_is_followed_as_events_and_goes_on_after_the_last_one_seen() {
    let world = with_games(2).await;
    let events = |last: Option<&str>| {
        let request = world.request(Method::GET, "/v1/feed");
        let request = request.header("accept", "text/event-stream");
        match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        }
    };
    let mut response = events(None).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while text.matches("\n\n").count() < 2 {
        let chunk = response.chunk().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    finish(&*world.store, &finished(2, "ann", "bob", 0, NOON)).await;
    while text.matches("\n\n").count() < 3 {
        let chunk = response.chunk().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let events_seen: Vec<&str> = text
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .collect();
    let field = |event: &str, name: &str| {
        let found = event.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().trim().to_owned()
    };
    for (n, event) in (0..).zip(&events_seen) {
        assert_eq!(field(event, "event:"), "match");
        let line: FeedLine = serde_json::from_str(&field(event, "data:")).unwrap();
        assert_eq!(line.finished.match_id, id(n));
        assert_eq!(line.cursor, field(event, "id:"));
    }
    drop(response);
    let last = field(events_seen[1], "id:");
    let mut again = events(Some(&last)).send().await.unwrap();
    let chunk = again.chunk().await.unwrap().unwrap();
    let text = std::str::from_utf8(&chunk).unwrap().to_owned();
    assert!(text.contains(&id(2).to_string()), "{text}");
    assert!(!text.contains(&id(1).to_string()), "{text}");
}

/// MATCH.md: the delay holds for every public read.
#[tokio::test]
async fn a_match_with_a_delay_is_in_no_public_read_before_it_has_passed() {
    let world = World::new().await;
    let ended_at = now().0;
    finish(&*world.store, &finished(1, "ann", "bob", 3, ended_at)).await;
    finish(&*world.store, &finished(2, "ann", "bob", 0, ended_at)).await;
    let begin = Instant::now();
    let export = "/v1/archive?format=ndjson";
    let hidden: Vec<FinishedMatch> = lines(&get(&world, export).await);
    assert_eq!(hidden.len(), 1);
    let games: GamesReply = get(&world, "/v1/players/bob/games").await.ok(200);
    assert_eq!(games.games.len(), 1);
    let feed: Vec<FeedLine> = lines(&get(&world, "/v1/feed").await);
    assert_eq!(feed, [], "the order is kept");
    // Its players see it.
    let ann = world.player("ann");
    let own: GamesReply = world.get(&ann, "/v1/players/bob/games").await.ok(200);
    assert_eq!(own.games.len(), 2);
    while lines::<FeedLine>(&get(&world, "/v1/feed?wait_ms=5000").await).len() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(30), "hidden for ever");
    }
    assert!(now().0 >= ended_at + 3_000, "the delay");
    let shown: Vec<FinishedMatch> = lines(&get(&world, export).await);
    assert_eq!(shown.len(), 2);
}

#[tokio::test]
async fn a_reader_whose_cursor_is_too_old_is_told_and_may_begin_again() {
    let store = MemoryStore::new().keeping_finished(Duration::from_secs(60));
    let store: Arc<dyn Store> = Arc::new(store);
    let world = World::on(store, new_key(), Config::default()).await;
    for n in 0..3 {
        let archived = finished(n, "ann", "bob", 0, NOON + 100_000 * u64::from(n));
        finish(&*world.store, &archived).await;
    }
    let all: Vec<FeedLine> = lines(&get(&world, "/v1/feed").await);
    world.store.sweep(UnixMillis(NOON + 200_000)).await.unwrap();
    let path = format!("/v1/feed?after={}", all[0].cursor);
    let detail = get(&world, &path).await.problem(410, "feed_gone");
    assert!(detail.contains("without a cursor"), "{detail}");
    let request = world.request(Method::GET, &path);
    let request = request.header("accept", "text/event-stream");
    send(request).await.problem(410, "feed_gone");
    let kept: Vec<FeedLine> = lines(&get(&world, "/v1/feed").await);
    assert_eq!(kept, all[2..]);
}

#[tokio::test]
async fn an_address_reads_so_much_and_then_waits() {
    let mut config = Config::default();
    config.limits.archive_reads_per_address_max = 3;
    let world = World::on(Arc::new(MemoryStore::new()), new_key(), config).await;
    for path in ["/v1/archive", "/v1/feed", "/v1/players/ann/games"] {
        assert_eq!(get(&world, path).await.status, 200);
    }
    for path in ["/v1/archive", "/v1/feed", "/v1/players/ann/games"] {
        let answer = get(&world, path).await;
        answer.problem(429, "rate_limited");
        assert!(answer.headers.contains_key("retry-after"));
    }
}
