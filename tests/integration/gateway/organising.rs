//! What clubs' programs do: pair others, begin at a time, give time, follow games and read them afterwards.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::Matchmaker;
use protocol::http::ApiScope;
use reqwest::StatusCode;
use tests::installation::eventually;

use super::hall::{Bot, Hall, PATIENCE, account};

/// How long before play the games of a round are made.
const LEAD: Duration = Duration::from_millis(2_500);

async fn organiser(hall: &Hall) -> Bot {
    let matchmaker = Matchmaker::new(&hall.installation.matchmaker, PATIENCE).unwrap();
    let scopes = [ApiScope::ChallengeBulk];
    let token = account(&matchmaker, "Arbiter", false, &scopes).await;
    Bot::new(&hall.gateway.url, "Arbiter", token)
}

/// A pairing of bots, by their tokens.
fn pair(white: &Bot, black: &Bot) -> String {
    format!("{}:{}", white.token, black.token)
}

async fn playing(bot: &Bot) -> usize {
    let playing = bot.get("/api/account/playing").await.is(StatusCode::OK);
    playing["nowPlaying"].as_array().unwrap().len()
}

/// All games of a request are made, or none; players hear of a game that begins later when it begins, and may not move before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_is_paired_at_once_and_begins_at_its_time() {
    let hall = Hall::open(1, 4, &[]).await;
    let arbiter = organiser(&hall).await;
    let [ann, bob, cyd, dan] = [0, 1, 2, 3].map(|number| &hall.bots[number]);
    let nobody = Bot::new(&hall.gateway.url, "nobody", "nonsense".to_owned());
    let terms = [("clock.limit", "180"), ("clock.increment", "2")];

    let some = [pair(ann, bob), pair(cyd, &nobody)].join(",");
    let form = [&terms[..], &[("players", &some)]].concat();
    let refused = arbiter.post_form("/api/bulk-pairing", &form).await;
    let said = refused.is(StatusCode::BAD_REQUEST);
    assert!(said["error"].as_str().unwrap().contains("pair 2"), "{said}");
    for bot in [ann, bob, cyd] {
        assert_eq!(playing(bot).await, 0, "{}", bot.name);
    }
    // Who may not pair others is told so.
    let all = [pair(ann, bob), pair(cyd, dan)].join(",");
    let form = [&terms[..], &[("players", &all)]].concat();
    let refused = ann.post_form("/api/bulk-pairing", &form).await;
    refused.is(StatusCode::FORBIDDEN);

    let mut events = ann.events().await;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let pair_at = (since + LEAD).as_millis().to_string();
    let form = [&form[..], &[("pairAt", &pair_at)]].concat();
    let made = arbiter.post_form("/api/bulk-pairing", &form).await;
    let made = made.is(StatusCode::OK);
    let games = made["games"].as_array().unwrap();
    assert_eq!(games.len(), 2, "{made}");
    let game = games[0]["id"].as_str().unwrap();
    let early = ann.make_move(game, "e2e4").await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE, "{early:?}");
    let told = events.kind("gameStart").await;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert_eq!(told["game"]["gameId"], game);
    assert!(
        since.as_millis() + 500 >= pair_at.parse().unwrap(),
        "told too early"
    );
    ann.insist(game, "e2e4").await.is(StatusCode::OK);
    assert_eq!(playing(dan).await, 1);
}

/// Time that is given is on the opponent's clock; a challenge that is followed says what became of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_followed_and_time_is_given() {
    let hall = Hall::open(1, 2, &[]).await;
    let [white, black] = [&hall.bots[0], &hall.bots[1]];
    let terms = [
        ("clock.limit", "60"),
        ("clock.increment", "0"),
        ("color", "white"),
        ("keepAliveStream", "true"),
    ];
    let path = format!("/api/challenge/{}", black.name.replace(' ', "%20"));
    let mut followed = white.open_form(&path, &terms).await;
    let challenge = followed.next().await.unwrap();
    let game = challenge["id"].as_str().unwrap().to_owned();
    let url = challenge["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/challenge/{game}")), "{url}");
    black
        .post(&format!("/api/challenge/{game}/accept"))
        .await
        .is(StatusCode::OK);
    assert_eq!(followed.next().await.unwrap()["done"], "accepted");
    assert_eq!(followed.next().await, None);

    let (mut of_black, full) = black.game(&game).await;
    assert_eq!(full["state"]["btime"], 60_000);
    let give = format!("/api/round/{game}/add-time/15");
    white.post(&give).await.is(StatusCode::OK);
    assert_eq!(of_black.kind("gameState").await["btime"], 75_000);
    white
        .post(&format!("/api/round/{game}/add-time/90"))
        .await
        .is(StatusCode::BAD_REQUEST);
    let clocks = format!("/api/challenge/{game}/start-clocks");
    white.post(&clocks).await.is(StatusCode::OK);
    let stranger = Bot::new(&hall.gateway.url, "stranger", "nonsense".to_owned());
    stranger.post(&clocks).await.is(StatusCode::UNAUTHORIZED);
}

/// A game is followed by its id while it is played, and is among its player's games afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_is_followed_and_read_afterwards() {
    let hall = Hall::open(1, 2, &[]).await;
    let [white, black] = [&hall.bots[0], &hall.bots[1]];
    let game = hall.game(&[]).await;
    let mut followed = white.open(&format!("/api/stream/game/{game}")).await;
    assert_eq!(followed.next().await.unwrap()["id"], game);
    followed.next().await.unwrap();
    white.make_move(&game, "e2e4").await.is(StatusCode::OK);
    assert_eq!(followed.next().await.unwrap()["lm"], "e2e4");
    black.insist(&game, "e7e5").await.is(StatusCode::OK);
    assert_eq!(followed.next().await.unwrap()["lm"], "e7e5");
    black
        .post(&format!("/api/bot/game/{game}/resign"))
        .await
        .is(StatusCode::OK);
    let mut last = None;
    while let Some(line) = followed.next().await {
        last = Some(line);
    }
    assert_eq!(last.unwrap()["status"]["name"], "resign");
    let path = format!("/api/games/user/{}", white.name.replace(' ', "%20"));
    let read = eventually("the game is in the archive", || async {
        let mut games = white.open_as(&path, "application/x-ndjson").await;
        games.next().await
    })
    .await;
    assert_eq!(
        (&read["id"], &read["winner"]),
        (&game.into(), &"white".into())
    );
}
