//! Installations that share a Redis, each under a prefix of its own (`--store-prefix`).

use tests::installation::{Installation, PlayedMatch};

const CLUB: [(&str, &str); 1] = [("ROOKERY_STORE_PREFIX", "club")];
const SCHOOL: [(&str, &str); 1] = [("ROOKERY_STORE_PREFIX", "school")];

async fn play_two_moves(installation: &Installation) -> PlayedMatch {
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    game.play(1, "e7e5").await;
    game
}

/// The ids of the shards that operators of an installation see.
async fn shards(installation: &Installation) -> Vec<String> {
    let list = installation.admin.get("/v1/shards").await;
    let shards = list["shards"].as_array().unwrap().iter();
    shards
        .map(|shard| shard["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_and_a_matchmaker_with_the_same_prefix_play_a_match() {
    let club = Installation::start_with(1, &CLUB).await;
    play_two_moves(&club).await;
    assert_eq!(shards(&club).await, [club.shards[0].id.clone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_prefixes_on_one_redis_do_not_see_each_other() {
    let club = Installation::start_with(1, &CLUB).await;
    let school = Installation::launch_beside(&club, 1, &SCHOOL).await;
    school.wait_for_shards(1).await;
    let games = [play_two_moves(&club).await, play_two_moves(&school).await];
    let both = [&club, &school];
    for (own, other) in [(0, 1), (1, 0)] {
        let (installation, game, foreign) = (both[own], &games[own], &games[other]);
        let seen = shards(installation).await;
        assert_eq!(seen, [installation.shards[0].id.clone()]);
        let path = format!("/v1/matches/{}", game.id);
        assert_eq!(installation.admin.get(&path).await["ply"], 2);
        let path = format!("/v1/matches/{}", foreign.id);
        let (status, _) = installation.admin.try_get(&path).await.unwrap();
        assert_eq!(status, 404, "a match of the other installation");
    }
}
