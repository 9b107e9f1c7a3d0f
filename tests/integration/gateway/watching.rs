//! What programs see that do not play.

use reqwest::StatusCode;

use super::hall::Hall;

/// One game after the other is shown, and one whose shard dies goes on on the same screen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_shows_the_best_live_game_and_then_the_next_one() {
    let mut hall = Hall::open(2, 2, &[]).await;
    let [white, black] = [hall.bots[0].clone(), hall.bots[1].clone()];
    // A screen that is turned on before anybody plays.
    let mut early = white.open("/api/tv/feed").await;
    let first = hall.game(&[]).await;
    let featured = early.next().await.unwrap();
    assert_eq!(featured["t"], "featured");
    assert_eq!(featured["d"]["id"], first);
    let players = &featured["d"]["players"];
    assert_eq!(players[0]["user"]["name"], white.name);
    assert_eq!(players[1]["color"], "black");
    assert_eq!(players[1]["seconds"], 180);
    white.make_move(&first, "e2e4").await.is(StatusCode::OK);
    assert_eq!(early.next().await.unwrap()["d"]["lm"], "e2e4");
    hall.kill_owner(&first).await;
    black.insist(&first, "c7c5").await.is(StatusCode::OK);
    let shown = early.next().await.unwrap();
    assert_eq!(
        (&shown["t"], &shown["d"]["lm"]),
        (&"fen".into(), &"c7c5".into())
    );
    // One that is turned on in the middle begins with the present position.
    let mut late = black.open("/api/tv/feed").await;
    let featured = late.next().await.unwrap();
    assert_eq!(featured["d"]["id"], first);
    assert_eq!(featured["d"]["fen"], shown["d"]["fen"]);
    white
        .post(&format!("/api/bot/game/{first}/resign"))
        .await
        .is(StatusCode::OK);
    let second = hall.game(&[]).await;
    for mut screen in [early, late] {
        loop {
            let line = screen.next().await.unwrap();
            if line["t"] == "featured" {
                assert_eq!(line["d"]["id"], second);
                break;
            }
        }
    }
}
