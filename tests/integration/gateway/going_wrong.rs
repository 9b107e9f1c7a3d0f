//! What each client does when something goes wrong, and what the gateway does so that nothing comes of it.

use std::time::Duration;

use reqwest::StatusCode;
use supervisor::Signal;
use tests::installation::eventually;
use tokio::time::Instant;

use super::hall::{Bot, HELD_MAX, Hall};

/// No stream may be silent for as long as the most impatient client waits.
const SILENCE_MAX: Duration = Duration::from_secs(9);
/// More than a client gets to come back to a game before it is told of it again.
const RETURN_MAX: Duration = Duration::from_secs(6);

/// Clients repeat a move whose answer they did not get, and know no ply: it is played once, whatever the shard does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_repeated_while_its_shard_dies_is_played_once() {
    let mut hall = Hall::open(2, 2, &[]).await;
    let [white, black] = [hall.bots[0].clone(), hall.bots[1].clone()];
    let game = hall.game(&[]).await;
    let (mut of_white, _) = white.game(&game).await;
    let (mut of_black, _) = black.game(&game).await;
    white.make_move(&game, "e2e4").await.is(StatusCode::OK);
    of_black.moves("e2e4").await;
    hall.kill_owner(&game).await;
    // The side that waits is told nothing wrong, and the other one repeats its move as often as it takes.
    black.insist(&game, "e7e5").await.is(StatusCode::OK);
    for lines in [&mut of_white, &mut of_black] {
        lines.moves("e2e4 e7e5").await;
    }
    // Each of them again: the answer of the last attempt was lost.
    black.make_move(&game, "e7e5").await.is(StatusCode::OK);
    white.make_move(&game, "g1f3").await.is(StatusCode::OK);
    black.make_move(&game, "e7e5").await.is(StatusCode::OK);
    of_black.moves("e2e4 e7e5 g1f3").await;
    for lines in [&of_white, &of_black] {
        assert!(lines.silence < SILENCE_MAX, "{:?}", lines.silence);
    }
}

/// A request is held for less than a second, then a client that would take any other answer as final is told to repeat it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_moves_are_held_and_then_told_to_be_repeated() {
    let hall = Hall::open(1, 2, &[]).await;
    let [white, black] = [&hall.bots[0], &hall.bots[1]];
    let game = hall.game(&[]).await;
    let (mut of_black, _) = black.game(&game).await;
    let (_of_white, _) = white.game(&game).await;
    let shard = &hall.installation.shards[0];
    shard.signal(Signal::STOP);
    let held = white.make_move(&game, "e2e4").await;
    assert!(held.took < HELD_MAX, "{held:?}");
    let said = held.is(StatusCode::SERVICE_UNAVAILABLE);
    assert!(said["error"].is_string(), "{said}");
    // A line of chat that is refused keeps clients from moving.
    let chat = format!("/api/bot/game/{game}/chat");
    let hello = [("room", "player"), ("text", "hello")];
    white.post_form(&chat, &hello).await.is(StatusCode::OK);
    shard.signal(Signal::CONT);
    white.insist(&game, "e2e4").await.is(StatusCode::OK);
    of_black.moves("e2e4").await;
    // It was made once: the next move of White is another one.
    black.make_move(&game, "c7c5").await.is(StatusCode::OK);
    of_black.moves("e2e4 c7c5").await;
}

/// A challenge that fails by a server error is not sent again for a day: clients are told when to ask again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_matchmaker_challenges_come_later_and_games_go_on() {
    let hall = Hall::open(1, 2, &[]).await;
    let [white, black] = [&hall.bots[0], &hall.bots[1]];
    let mut events = white.events().await;
    let game = hall.game(&[]).await;
    events.kind("gameStart").await;
    let (mut of_white, _) = white.game(&game).await;
    let (_of_black, _) = black.game(&game).await;
    hall.installation.signal_matchmaker(Signal::STOP);
    let terms = [("clock.limit", "60"), ("clock.increment", "0")];
    let path = format!("/api/challenge/{}", black.name.replace(' ', "%20"));
    let later = white.post_form(&path, &terms).await;
    assert!(later.took < HELD_MAX, "{later:?}");
    assert_eq!(later.status, StatusCode::TOO_MANY_REQUESTS, "{later:?}");
    let seconds: u64 = later.retry_after.unwrap().parse().unwrap();
    assert!((1..=10).contains(&seconds));
    let accept = white.post("/api/challenge/000000000000/accept").await;
    accept.is(StatusCode::SERVICE_UNAVAILABLE);
    // Seats need no matchmaker.
    white.make_move(&game, "e2e4").await.is(StatusCode::OK);
    of_white.moves("e2e4").await;
    hall.installation.signal_matchmaker(Signal::CONT);
    // The event stream has come through it, and tells of the end.
    black
        .post(&format!("/api/bot/game/{game}/abort"))
        .await
        .is(StatusCode::OK);
    let over = events.kind("gameFinish").await;
    assert_eq!(over["game"]["status"]["name"], "aborted");
    assert!(events.silence < SILENCE_MAX);
    // What was answered too late does not stay.
    eventually("no challenge is left", || async {
        let waiting = black.get("/api/challenge").await.is(StatusCode::OK);
        waiting["in"].as_array()?.is_empty().then_some(())
    })
    .await;
}

/// The usual client begins a second time with a game that it is told of twice; and leaves one whose stream ends until it is
/// told of it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_is_told_of_again_only_if_its_stream_was_lost() {
    let hall = Hall::open(1, 2, &[]).await;
    let white = &hall.bots[0];
    let game = hall.game(&[]).await;
    // It is replayed for who opens the stream late.
    let mut events = white.events().await;
    assert_eq!(events.kind("gameStart").await["game"]["gameId"], game);
    let (lines, _) = white.game(&game).await;
    let mut again = white.events().await;
    assert!(again.has_none("gameStart", RETURN_MAX).await);
    // A new event stream ends the one before.
    while events.raw().await.is_some() {}
    drop(lines);
    let began = Instant::now();
    assert_eq!(again.kind("gameStart").await["game"]["gameId"], game);
    assert!(
        began.elapsed() >= Duration::from_secs(3),
        "a client may come back by itself"
    );
    let (_lines, _) = white.game(&game).await;
    assert!(again.has_none("gameStart", RETURN_MAX).await);
}

/// Nobody's moves are refused for their number, as the usual client then stops the moves of all its games for a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_is_never_refused_for_the_number_of_requests() {
    let hall = Hall::open(1, 2, &["--requests-per-address-max", "20"]).await;
    let [white, black] = [&hall.bots[0], &hall.bots[1]];
    let game = hall.game(&[]).await;
    let mut of_white = white.game(&game).await.0;
    let mut of_black = black.game(&game).await.0;
    let limited = eventually("too many requests", || async {
        let answer = white.get("/api/account").await;
        (answer.status == StatusCode::TOO_MANY_REQUESTS).then_some(answer)
    })
    .await;
    assert!(limited.retry_after.is_some(), "{limited:?}");
    let mut played = String::new();
    for (player, uci) in ["g1f3", "g8f6", "f3g1", "f6g8"]
        .repeat(3)
        .into_iter()
        .enumerate()
    {
        let (mover, lines) = if player % 2 == 0 {
            (white, &mut of_white)
        } else {
            (black, &mut of_black)
        };
        // A client moves once it has seen the move before.
        if player > 0 {
            lines.moves(&played).await;
        }
        // Clients say something before they move, and some do not move if that is refused.
        let chat = format!("/api/bot/game/{game}/chat");
        let hello = [("room", "player"), ("text", "hello")];
        mover.post_form(&chat, &hello).await.is(StatusCode::OK);
        let moved = mover.make_move(&game, uci).await;
        if moved.status != StatusCode::OK {
            // The third repetition ends the game.
            assert_eq!(moved.status, StatusCode::BAD_REQUEST, "{moved:?}");
            assert!(player >= 8, "{player}: {moved:?}");
            break;
        }
        let space = if played.is_empty() { "" } else { " " };
        played += &format!("{space}{uci}");
    }
    // Who tries tokens is counted, and told to come back later.
    let stranger = Bot::new(&hall.gateway.url, "stranger", "nonsense".to_owned());
    eventually("no more tokens are tried", || async {
        let answer = stranger.make_move(&game, "e2e4").await;
        let status = answer.status;
        assert!(matches!(status.as_u16(), 401 | 503), "{answer:?}");
        (status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
}

/// After the flag a move is answered at once, and for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_after_the_flag_is_refused_at_once() {
    let hall = Hall::open(1, 2, &[]).await;
    let [white, black] = [&hall.bots[0], &hall.bots[1]];
    let game = hall
        .game(&[("clock.limit", "1"), ("clock.increment", "0")])
        .await;
    let (mut of_white, _) = white.game(&game).await;
    let (mut of_black, _) = black.game(&game).await;
    white.make_move(&game, "e2e4").await.is(StatusCode::OK);
    of_black.moves("e2e4").await;
    black.insist(&game, "e7e5").await.is(StatusCode::OK);
    loop {
        let state = of_white.kind("gameState").await;
        if state["status"] != "started" {
            assert_eq!(state["status"], "outoftime");
            assert_eq!(state["winner"], "black");
            break;
        }
    }
    assert_eq!(of_white.next().await, None, "the stream ends with the game");
    // What is held is told to be repeated; this is final.
    let late = white.make_move(&game, "g1f3").await;
    let said = late.is(StatusCode::BAD_REQUEST);
    assert_eq!(said["error"], "Not your turn, or game already over");
}

/// Another gateway takes the place of one that is killed, between a move and its repetition. A king castles where it stands:
/// the one move that is legal a second time, and another one then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_killed_has_nothing_to_lose() {
    let mut hall = Hall::open(1, 2, &[]).await;
    let [white, black] = [hall.bots[0].clone(), hall.bots[1].clone()];
    let fen = "4k3/8/8/8/8/8/8/6KR w K - 0 1";
    let game = hall.game(&[("variant", "chess960"), ("fen", fen)]).await;
    let (_of_white, full) = white.game(&game).await;
    assert_eq!(full["variant"]["name"], "Chess960");
    assert_eq!(full["initialFen"], fen);
    white.make_move(&game, "g1h1").await.is(StatusCode::OK);
    hall.gateway.kill();
    hall.gateway.restart().await;
    white.insist(&game, "g1h1").await.is(StatusCode::OK);
    black.insist(&game, "e8e7").await.is(StatusCode::OK);
    // White has seen nothing since: it still repeats its castling.
    white.insist(&game, "g1h1").await.is(StatusCode::OK);
    let (mut of_white, full) = white.game(&game).await;
    if full["state"]["moves"] != "g1h1 e8e7" {
        of_white.moves("g1h1 e8e7").await;
    }
    // Now it knows the position, and its king goes to the corner.
    white.insist(&game, "g1h1").await.is(StatusCode::OK);
    of_white.moves("g1h1 e8e7 g1h1").await;
}
