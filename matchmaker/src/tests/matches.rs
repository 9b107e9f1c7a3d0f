//! Matches as the store has them.

use std::time::{Duration, Instant};

use game_core::{Match, MatchId, Outcome, Rule, Termination, UnixMillis, Variant};
use protocol::http::{MatchReply, Start, TicketReply};
use reqwest::Method;
use serde_json::{Value, json};

use super::archive::finished;
use super::world::{Answer, World, blitz, new_key, play, send};
use crate::clock::now;
use crate::config::Config;
use crate::endings::Endings;

/// Reading a match takes no token.
async fn read(world: &World, id: MatchId, more: &str) -> Answer {
    send(world.request(Method::GET, &format!("/v1/matches/{id}{more}"))).await
}

#[tokio::test]
async fn a_match_is_shown_from_its_beginning_to_its_end() {
    let world = World::new().await;
    let id = world
        .make_match(&world.player("ann"), &world.player("bob"))
        .await;
    let fresh: MatchReply = read(&world, id, "").await.ok(200);
    assert_eq!(
        (fresh.match_id, fresh.seq, fresh.terms.controls.white),
        (id, 0, blitz())
    );
    assert_eq!(
        fresh.fen,
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
    );
    assert_eq!(
        (
            fresh.players.white.id.as_str(),
            fresh.players.black.id.as_str()
        ),
        ("ann", "bob")
    );
    assert_eq!(fresh.players.white.name, "Name of ann");
    assert_eq!(
        (fresh.moves.len(), fresh.outcome, fresh.termination),
        (0, None, None)
    );

    play(&*world.store, id, &["e2e4", "e7e5", "g1f3"], true).await;
    let ended: MatchReply = read(&world, id, "").await.ok(200);
    assert_eq!(ended.seq, 4);
    assert_eq!(
        ended
            .moves
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["e2e4", "e7e5", "g1f3"]
    );
    assert!(
        ended
            .fen
            .starts_with("rnbqkbnr/pppp1ppp/8/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R b ")
    );
    assert_eq!(ended.outcome, Some(Outcome::BlackWins));
    assert_eq!(ended.termination, Some(Termination::Resignation));
}

#[tokio::test]
async fn a_match_in_play_is_shown_up_to_its_newest_record() {
    let world = World::new().await;
    let id = world
        .make_match(&world.player("ann"), &world.player("bob"))
        .await;
    play(&*world.store, id, &["d2d4"], false).await;
    let reply: MatchReply = read(&world, id, "").await.ok(200);
    assert_eq!((reply.seq, reply.moves.len(), reply.outcome), (1, 1, None));
}

#[tokio::test]
async fn a_match_is_exported_as_pgn_with_the_site() {
    let config = Config {
        site: "https://rookery.example".into(),
        ..Config::default()
    };
    let store = store::MemoryStore::default();
    let world = World::on(std::sync::Arc::new(store), new_key(), config).await;
    let id = world
        .make_match(&world.player("ann"), &world.player("bob"))
        .await;
    play(&*world.store, id, &["e2e4", "e7e5"], true).await;
    let answer = read(&world, id, "/pgn").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers["content-type"],
        "application/x-chess-pgn; charset=utf-8"
    );
    for part in [
        "[Site \"https://rookery.example\"]",
        "[White \"Name of ann\"]",
        "[Black \"Name of bob\"]",
        "[Result \"0-1\"]",
        "1. e4",
    ] {
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
    assert!(answer.text.trim_end().ends_with("0-1"));
}

#[tokio::test]
async fn a_match_that_is_not_there_is_not_found() {
    let world = World::new().await;
    let id: MatchId = "000000000000".parse().unwrap();
    read(&world, id, "").await.problem(404, "match_not_found");
    read(&world, id, "/pgn")
        .await
        .problem(404, "match_not_found");
}

/// Starts a match of ann against bob on these terms.
async fn match_on(world: &World, terms: Value) -> MatchId {
    let id = world.challenge(&world.player("ann"), terms).await;
    let path = format!("/v1/challenges/{id}/accept");
    let accepted = world.post(&world.player("bob"), &path, json!({})).await;
    accepted.ok::<TicketReply>(200).match_id.unwrap()
}

#[tokio::test]
async fn a_match_shows_its_terms_its_start_and_its_offers() {
    let world = World::new().await;
    let fen = "4k3/8/8/8/8/8/8/4K2R[Q] w K - 0 31";
    let terms = json!({
        "variant": "crazyhouse",
        "start_fen": fen,
        "color": "white",
        "rules": ["no_abort"],
        "tags": {"event": "Open", "round": "3", "board": "7"},
    });
    let id = match_on(&world, terms).await;
    play(&*world.store, id, &["Q@d1", "e8f8"], false).await;
    let shown: MatchReply = read(&world, id, "").await.ok(200);
    assert_eq!(shown.terms.variant, Variant::Crazyhouse);
    assert_eq!(shown.terms.start, Start::Fen(fen.into()));
    assert!(shown.terms.rules.has(Rule::NoAbort));
    assert_eq!((shown.seq, shown.position_seq), (2, 2));
    let offers = (shown.draw_offer, shown.takeback_offer, shown.rematch_offer);
    assert_eq!(offers, (None, None, None));
    assert!(!shown.withheld);
    let pgn = read(&world, id, "/pgn").await.text;
    for tag in [
        "[Variant \"Crazyhouse\"]",
        "[Event \"Open\"]",
        "[Round \"3\"]",
        "[Board \"7\"]",
        "[SetUp \"1\"]",
        &format!("[FEN \"{fen}\"]"),
        "[TimeControl \"180+2\"]",
        "31. Q@d1",
    ] {
        assert!(pgn.contains(tag), "{tag}: {pgn}");
    }
}

/// What the public reads of a match.
async fn seen(world: &World, id: MatchId) -> (bool, usize, Option<Outcome>, bool) {
    let shown: MatchReply = read(world, id, "").await.ok(200);
    let pgn = read(world, id, "/pgn").await.text;
    let (withheld, moves) = (shown.withheld, shown.moves.len());
    assert_eq!(withheld, shown.fen.ends_with("w KQkq - 0 1"), "{shown:?}");
    (withheld, moves, shown.outcome, pgn.contains("1. e4"))
}

#[tokio::test]
async fn the_delay_of_spectators_holds_for_every_public_read() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let id = match_on(&world, json!({"spectator_delay_s": 3, "color": "white"})).await;
    play(&*world.store, id, &["e2e4", "e7e5"], true).await;
    let hidden = (true, 0, None, false);
    assert_eq!(seen(&world, id).await, hidden);
    let path = format!("/v1/matches/{id}");
    for who in [&ann, &bob] {
        let own: MatchReply = world.get(who, &path).await.ok(200);
        assert_eq!((own.withheld, own.moves.len()), (false, 2));
        let pgn = world.get(who, &format!("{path}/pgn")).await.text;
        assert!(pgn.contains("1. e4"), "its players see all of it");
    }
    let other: MatchReply = world.get(&cid, &path).await.ok(200);
    assert_eq!((other.withheld, other.seq), (true, 0));
    let begin = Instant::now();
    while seen(&world, id).await == hidden {
        assert!(begin.elapsed() < Duration::from_secs(30), "hidden for ever");
        // Each look is a few requests, and an address has so many a second.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(begin.elapsed() > Duration::from_secs(2), "the delay");
    let all = (false, 2, Some(Outcome::BlackWins), true);
    assert_eq!(seen(&world, id).await, all);
}

#[tokio::test]
async fn a_match_in_play_is_hidden_for_as_long_as_it_lasts_if_it_has_a_delay() {
    let world = World::new().await;
    let id = match_on(&world, json!({"spectator_delay_s": 60, "color": "white"})).await;
    play(&*world.store, id, &["e2e4"], false).await;
    assert_eq!(seen(&world, id).await, (true, 0, None, false));
    let undelayed = match_on(&world, json!({"color": "white"})).await;
    play(&*world.store, undelayed, &["e2e4"], false).await;
    assert_eq!(seen(&world, undelayed).await, (false, 1, None, true));
}

#[test]
fn an_ended_match_of_the_archive_is_public_once_the_delay_has_passed_by_the_calendar() {
    let game = finished(1, "ann", "bob", 60, now().0).restore().unwrap();
    let endings = Endings::default();
    assert!(endings.withhold(&game, None), "seen for the first time");
    let before = |s: u64| Some(UnixMillis(now().0 - s * 1_000));
    assert!(endings.withhold(&game, before(30)));
    assert!(!endings.withhold(&game, before(61)));
    let live = Match::new(game.setup().clone());
    assert!(endings.withhold(&live, before(61)), "it has not ended");
}
