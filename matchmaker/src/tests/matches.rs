//! Matches as the store has them.

use game_core::{MatchId, Outcome, Termination};
use protocol::http::MatchReply;
use reqwest::Method;

use super::world::{Answer, World, blitz, new_key, play, send};
use crate::config::Config;

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
        (fresh.match_id, fresh.seq, fresh.time_control),
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
