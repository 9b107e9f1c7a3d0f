//! Players, pools, challenges and finished matches, as operators see them and act on them.

use std::time::Duration;

use client::Matchmaker;
use game_core::ColorChoice;
use protocol::http::{NewChallenge, NewTicket, PlayerReply, Terms, TicketReply};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::installation::{Endpoint, Installation, PlayedMatch, eventually};

/// Whatever a matchmaker is asked must come within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Players who wait at a matchmaker.
pub(super) struct Waiting {
    pub(super) matchmaker: Matchmaker,
}

impl Waiting {
    pub(super) fn at(url: &str) -> Self {
        Self {
            matchmaker: Matchmaker::new(url, PATIENCE).unwrap(),
        }
    }

    /// A guest with a ticket of a pool.
    pub(super) async fn ticket(&self, name: &str, control: &str) -> (PlayerReply, TicketReply) {
        let player = self.matchmaker.new_player(Some(name)).await.unwrap();
        let ticket = NewTicket::new(Terms::usual(control.parse().unwrap()));
        let made = self.matchmaker.create_ticket(&player.token, &ticket).await;
        (player, made.unwrap())
    }

    /// Reads a ticket, as a client does that waits.
    pub(super) async fn is_there(&self, (player, ticket): &(PlayerReply, TicketReply)) {
        let read = self
            .matchmaker
            .ticket(&player.token, &ticket.id, Duration::ZERO);
        read.await.unwrap();
    }

    /// A guest with a challenge that everyone may accept.
    pub(super) async fn challenge(&self, name: &str, control: &str) -> (PlayerReply, TicketReply) {
        let player = self.matchmaker.new_player(Some(name)).await.unwrap();
        let challenge = NewChallenge {
            terms: Terms::usual(control.parse().unwrap()),
            color: ColorChoice::Random,
            opponent: None,
            opponent_name: None,
            open: true,
            expires_in_s: Some(3_600),
        };
        let made = self
            .matchmaker
            .create_challenge(&player.token, &challenge)
            .await;
        (player, made.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_and_what_is_finished_is_told() {
    let installation = Installation::start(1).await;
    let admin = &installation.admin;
    let nobody = admin.get("/v1/pools").await;
    assert_eq!(nobody, json!({ "pools": [], "total": 0 }));
    let there = Waiting::at(&installation.matchmaker);
    let ann = there.ticket("Ann", "600+5").await;
    // A pool is told in which one player waits alone.
    let pool = eventually("the pool is told", || async {
        there.is_there(&ann).await;
        let pools = admin.get("/v1/pools").await;
        let pool = pools["pools"].as_array()?.first()?.clone();
        (pools["total"] == 1).then_some(pool)
    })
    .await;
    assert_eq!(
        (&pool["pool"], &pool["waiting"]),
        (&json!("600+5"), &json!(1))
    );
    let terms = (&pool["time_control"], &pool["variant"], &pool["rated"]);
    assert_eq!(terms, (&json!("600+5"), &json!("standard"), &json!(false)));
    assert!(pool["longest_ms"].as_u64() < Some(60_000), "{pool}");
    let tickets = admin.get("/v1/tickets?pool=600%2B5").await;
    let ticket = &tickets["tickets"][0];
    assert_eq!(ticket["id"], ann.1.id.as_str());
    assert_eq!(ticket["player"], ann.0.player.as_str());
    assert_eq!(
        (&ticket["name"], &ticket["is_bot"]),
        (&json!("Ann"), &json!(false))
    );
    assert_eq!(
        admin.get("/v1/tickets?pool=none").await,
        json!({ "tickets": [] })
    );
    eventually("the metric counts her", || async {
        there.is_there(&ann).await;
        let (_, text) = admin.text("/metrics").await;
        let line = r#"rookery_pool_waiting{control="600+5"} 1"#;
        text.lines().any(|found| found == line).then_some(())
    })
    .await;

    let (bob, challenge) = there.challenge("Bob", "180+2").await;
    let open = admin.get("/v1/challenges").await;
    let open = open["challenges"].as_array().unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["id"], challenge.id.as_str());
    assert_eq!(open[0]["player"], bob.player.as_str());
    let terms = (
        &open[0]["time_control"],
        &open[0]["variant"],
        &open[0]["rated"],
    );
    assert_eq!(terms, (&json!("180+2"), &json!("standard"), &json!(false)));
    assert!(open[0]["expires_at"].as_u64() > open[0]["created_at"].as_u64());
    let token = &ann.0.token;
    there
        .matchmaker
        .cancel_ticket(token, &ann.1.id)
        .await
        .unwrap();
    there
        .matchmaker
        .cancel_challenge(&bob.token, &challenge.id)
        .await
        .unwrap();
    assert_eq!(admin.get("/v1/pools").await["pools"], json!([]));
    assert_eq!(
        admin.get("/v1/challenges").await,
        json!({ "challenges": [] })
    );

    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    for (ply, uci) in ["e2e4", "e7e5"].into_iter().enumerate() {
        game.play(ply as u16, uci).await;
    }
    let path = format!("/v1/matches/{}/adjudicate", game.id);
    let (status, _) = admin.post(&path, &json!({ "outcome": "draw" })).await;
    assert_eq!(status, StatusCode::OK);
    let path = format!("/v1/finished?player={}", game.white_player);
    let finished = eventually("the match is archived", || async {
        let page = admin.get(&path).await;
        page["matches"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(finished["match_id"], game.id.as_str());
    assert_eq!(
        (&finished["outcome"], &finished["ply"]),
        (&json!("draw"), &json!(2))
    );
    eventually("nothing waits to be archived", || async {
        (admin.get("/v1/backlog").await["waiting"] == 0).then_some(())
    })
    .await;
    let shard = &installation.shards[0].admin;
    for path in [
        "/v1/pools",
        "/v1/tickets?pool=a",
        "/v1/challenges",
        "/v1/backlog",
    ] {
        let (status, problem) = shard.try_get(path).await.unwrap();
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (409, &json!("not_possible"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_counted() {
    let installation = Installation::start(1).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    let counted = async |matches: u32, streams: u32| {
        let lines = [
            format!("rookery_watched_matches {matches}"),
            format!("rookery_watchers {streams}"),
        ];
        eventually(&lines.join(", "), || async {
            let (_, text) = installation.admin.text("/metrics").await;
            let is_there = |line: &String| text.lines().any(|found| found == line);
            lines.iter().all(is_there).then_some(())
        })
        .await;
    };
    counted(0, 0).await;
    let url = format!("{}/v1/matches/{}/events", installation.matchmaker, game.id);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = reqwest::get(&url).await.unwrap();
        assert!(stream.chunk().await.unwrap().is_some());
        streams.push(stream);
    }
    counted(1, 3).await;
    streams.clear();
    counted(0, 0).await;
}

/// What an account is answered that logs in by a code.
async fn log_in(installation: &Installation, code: &Value) -> (StatusCode, Value) {
    let url = format!("{}/v1/login", installation.matchmaker);
    let answer = Client::new().post(url).json(&json!({ "code": code }));
    let answer = answer.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// The names of the listed players, and whether each is shut out.
async fn listed(admin: &Endpoint, query: &str) -> Vec<(String, bool)> {
    let list = admin.get(&format!("/v1/players{query}")).await;
    let players = list["players"].as_array().unwrap().iter();
    let listed = players.map(|player| {
        let name = player["account"]["name"].as_str().unwrap_or("guest");
        (name.to_owned(), !player["revoked_at"].is_null())
    });
    listed.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn players_are_made_listed_shut_out_and_restored_and_each_action_is_in_the_audit_log() {
    let installation = Installation::start(1).await;
    let admin = &installation.admin;
    let names = json!({ "names": ["Ann", "ann", "Bob"] });
    let (status, made) = admin.post("/v1/players", &names).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let made = made["players"].as_array().unwrap();
    assert_eq!(made[1]["problem"], "name_taken");
    let ann = made[0]["player"].as_str().unwrap();
    let named = |name: &str, is_shut_out| (name.to_owned(), is_shut_out);
    let both = [named("Ann", false), named("Bob", false)];
    assert_eq!(listed(admin, "").await, both);
    assert_eq!(listed(admin, "?name=AN").await, both[..1]);
    let first = admin.get("/v1/players?limit=1").await;
    let next = first["next"].as_str().unwrap();
    assert_eq!(
        listed(admin, &format!("?limit=1&after={next}")).await,
        both[1..]
    );
    let (status, session) = log_in(&installation, &made[0]["code"]).await;
    assert_eq!(status, StatusCode::OK, "{session}");

    let (status, _) = admin
        .post(&format!("/v1/players/{ann}/revoke"), &json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(listed(admin, "?revoked=true").await, [named("Ann", true)]);
    let (_, code) = admin
        .post(&format!("/v1/players/{ann}/code"), &json!({}))
        .await;
    let (status, problem) = log_in(&installation, &code["code"]).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (401, &json!("token_revoked"))
    );

    let (status, answer) = admin
        .post(&format!("/v1/players/{ann}/restore"), &json!({}))
        .await;
    assert_eq!(
        (status, &answer["was_revoked"]),
        (StatusCode::OK, &json!(true))
    );
    assert!(listed(admin, "?revoked=true").await.is_empty());
    let (_, code) = admin
        .post(&format!("/v1/players/{ann}/code"), &json!({}))
        .await;
    let (status, session) = log_in(&installation, &code["code"]).await;
    assert_eq!((status, &session["player"]), (StatusCode::OK, &json!(ann)));

    let (status, _) = admin
        .post(&format!("/v1/players/{ann}/remove"), &json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(listed(admin, "").await, both[1..]);
    let (status, _) = admin
        .post(&format!("/v1/players/{ann}/remove"), &json!({}))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let recent = admin.get("/v1/actions").await;
    let recent = recent["actions"].as_array().unwrap();
    let subject =
        |action: &Value| (action["subject"] == json!(ann)).then(|| action["action"].clone());
    let of_ann: Vec<Value> = recent.iter().filter_map(subject).collect();
    let newest = [
        "remove_player",
        "remove_player",
        "login_code",
        "restore",
        "login_code",
        "revoke",
    ];
    assert_eq!(of_ann, newest);
    assert_eq!(recent[0]["outcome"], "player_not_found");
    assert!(recent.iter().all(|action| action["who"] == "tester"));
    let log = installation.log();
    for what in [
        "create_players",
        "revoke",
        "login_code",
        "restore",
        "remove_player",
    ] {
        let noted = |line: &str| {
            line.contains("audit") && line.contains(what) && line.contains("who=tester")
        };
        assert!(log.lines().any(noted), "{what} in\n{log}");
    }
}
