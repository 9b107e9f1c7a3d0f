//! Tournaments: a Swiss one that an outside program pairs, while the matchmaker is killed in every round, and those that the
//! server pairs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::process::Command;

use client::Matchmaker;
use game_core::{CommandKind, MatchId};
use protocol::http::{BoardResult, PairingView, RoundView, StandingView, TournamentReply};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

use store::{RedisStore, Tournaments};
use tests::installation::{Installation, eventually};
use tests::wire::RawClient;

const ROUNDS: u16 = 5;
const PLAYERS: u16 = 20;

/// Accounts of programs with their tokens, by name.
async fn accounts(installation: &Installation, count: u16) -> BTreeMap<String, String> {
    let names: Vec<String> = (1..=count)
        .map(|number| format!("Bot-{number:02}"))
        .collect();
    let request = json!({ "names": names, "bot": true });
    let (status, made) = installation.admin.post("/v1/players", &request).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let mut tokens = BTreeMap::new();
    for player in made["players"].as_array().unwrap() {
        let login = json!({ "code": player["code"] });
        let url = format!("{}/v1/login", installation.matchmaker);
        let answer = reqwest::Client::new().post(url).json(&login).send().await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        let name = player["name"].as_str().unwrap().to_owned();
        tokens.insert(name, answer["token"].as_str().unwrap().to_owned());
    }
    tokens
}

async fn read(installation: &Installation, id: &str) -> TournamentReply {
    let url = format!("{}/v1/tournaments/{id}", installation.matchmaker);
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

async fn text(installation: &Installation, path: &str) -> String {
    let url = format!("{}/v1/tournaments/{path}", installation.matchmaker);
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.text().await.unwrap()
}

/// The pairings that py4swiss makes of a report, as it writes them.
fn swiss(report: &str, directory: &Path) -> Vec<(u16, u16)> {
    let [trf, pairings] = ["report.trf", "pairings.txt"].map(|name| directory.join(name));
    std::fs::write(&trf, report).unwrap();
    let output = Command::new(tests::python())
        .args(["-c", "from py4swiss.main import main; main()", "--strict"])
        .arg("--trf")
        .arg(&trf)
        .arg("--pairings")
        .arg(&pairings)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{report}");
    let text = std::fs::read_to_string(pairings).unwrap();
    let pair = |line: &str| {
        let numbers: Vec<u16> = line
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        (numbers[0], numbers[1])
    };
    text.lines().skip(1).map(pair).collect()
}

/// How the match of these players ends: the better one wins, near neighbours draw.
const fn result(white: u16, black: u16) -> BoardResult {
    if white.abs_diff(black) <= 2 {
        BoardResult::Draw
    } else if white < black {
        BoardResult::WhiteWins
    } else {
        BoardResult::BlackWins
    }
}

/// The players of a tournament, who end their matches at once.
struct Field<'a> {
    matchmaker: Matchmaker,
    tokens: &'a BTreeMap<String, String>,
    names: HashMap<u16, String>,
}

impl Field<'_> {
    async fn sit(&self, number: u16, id: MatchId) -> RawClient {
        let token = &self.tokens[&self.names[&number]];
        let seat = self.matchmaker.seat(token, id).await.unwrap();
        RawClient::join(&seat.shard, id, seat.token, None).await.0
    }

    async fn play(&self, pairing: &PairingView) {
        let id = pairing.match_id;
        let (first, second) = match result(pairing.white, pairing.black) {
            BoardResult::Draw => (pairing.white, Some(pairing.black)),
            BoardResult::WhiteWins => (pairing.black, None),
            _ => (pairing.white, None),
        };
        let mut one = self.sit(first, id).await;
        let acknowledged =
            |body: &protocol::ServerBody| matches!(body, protocol::ServerBody::Ack { .. });
        let Some(second) = second else {
            one.command(1, CommandKind::Resign).await;
            one.until(acknowledged).await;
            return;
        };
        let mut other = self.sit(second, id).await;
        one.command(1, CommandKind::OfferDraw).await;
        one.until(acknowledged).await;
        other.command(2, CommandKind::AcceptDraw).await;
        other.until(acknowledged).await;
    }
}

/// The table as counted from the pairings alone, in another way than the server does.
fn table(tournament: &TournamentReply) -> Vec<(u16, f64, f64, f64, f64)> {
    let mut games: HashMap<u16, Vec<(u16, f64)>> = HashMap::new();
    for pairing in tournament.rounds.iter().flat_map(|round| &round.pairings) {
        let white = match result(pairing.white, pairing.black) {
            BoardResult::WhiteWins => 1.0,
            BoardResult::Draw => 0.5,
            _ => 0.0,
        };
        games
            .entry(pairing.white)
            .or_default()
            .push((pairing.black, white));
        games
            .entry(pairing.black)
            .or_default()
            .push((pairing.white, 1.0 - white));
    }
    let points = |number: u16| games[&number].iter().map(|(_, point)| point).sum::<f64>();
    let mut rows: Vec<_> = games
        .iter()
        .map(|(&number, own)| {
            let opponents: Vec<f64> = own.iter().map(|(opponent, _)| points(*opponent)).collect();
            let all: f64 = opponents.iter().sum();
            let least = opponents.iter().copied().fold(f64::INFINITY, f64::min);
            let beaten = own
                .iter()
                .map(|(opponent, point)| points(*opponent) * point);
            (number, points(number), all - least, all, beaten.sum())
        })
        .collect();
    let wins = |number: u16| {
        games[&number]
            .iter()
            .filter(|(_, point)| *point == 1.0)
            .count()
    };
    rows.sort_by(|one, other| {
        let key = |row: &(u16, f64, f64, f64, f64)| [row.1, row.2, row.3, row.4];
        key(other)
            .partial_cmp(&key(one))
            .unwrap()
            .then(wins(other.0).cmp(&wins(one.0)))
            .then(one.0.cmp(&other.0))
    });
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swiss_of_an_outside_program_survives_the_death_of_the_matchmaker_in_each_round() {
    let _turn = tests::turns::turn().await;
    let environment = [("ROOKERY_LIMIT_EXEMPT", "127.0.0.0/8")];
    let installation = Installation::start_with(1, &environment).await;
    let store = RedisStore::connect(installation.redis.config()).await;
    let store = store.unwrap();
    let tokens = accounts(&installation, PLAYERS).await;
    let players: Vec<Value> = (1_u16..)
        .zip(tokens.keys())
        .map(|(number, name)| json!({ "player": name, "rating": 2_000 - 10 * number }))
        .collect();
    let request = json!({
        "name": "Swiss of the house", "rounds": ROUNDS, "players": players,
        "terms": { "control": { "initial_ms": 3_600_000, "increment_ms": 0 }, "clock_start": "at_once" },
    });
    for _ in 0..2 {
        let made = installation
            .admin
            .try_put("/v1/tournaments/swiss", &request)
            .await;
        let (status, made) = made.unwrap();
        assert_eq!(status, StatusCode::OK, "{made}");
    }
    let id = "swiss".parse().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let field = Field {
        matchmaker: Matchmaker::new(&installation.matchmaker, Duration::from_secs(60)).unwrap(),
        tokens: &tokens,
        names: (1..).zip(tokens.keys().cloned()).collect(),
    };
    let mut met = HashSet::new();
    for number in 1..=ROUNDS {
        let report = text(&installation, "swiss/trf").await;
        let pairs = swiss(&report, directory.path());
        assert_eq!(pairs.len(), usize::from(PLAYERS / 2));
        let pairings: Vec<Value> = pairs
            .iter()
            .map(|(white, black)| json!({ "white": white, "black": black }))
            .collect();
        let round = json!({ "pairings": pairings });
        let path = format!("/v1/tournaments/swiss/rounds/{number}");

        // It dies as soon as the round is durable: before, while or after the matches are created.
        let is_stored = async || {
            let stored = store.tournament(&id).await.unwrap().unwrap();
            let document: Value = serde_json::from_str(&stored.body).unwrap();
            let rounds = document["rounds"].as_array().unwrap().len();
            (rounds == usize::from(number)).then_some(())
        };
        tokio::join!(
            async {
                // Whoever gets no answer does not know.
                let _ = installation.admin.try_put(&path, &round).await;
            },
            async {
                eventually("the round is stored", is_stored).await;
                installation.kill_matchmaker();
            },
        );
        installation.restart_matchmaker().await;
        let (status, answer) = installation.admin.try_put(&path, &round).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        let begun: RoundView = eventually("all matches of the round exist", || async {
            let tournament = read(&installation, "swiss").await;
            assert_eq!(
                tournament.rounds.len(),
                usize::from(number),
                "each round once"
            );
            let round = tournament.rounds.last().unwrap().clone();
            round.is_created.then_some(round)
        })
        .await;
        let begun_pairs = begun.pairings.iter().map(|one| (one.white, one.black));
        assert_eq!(begun_pairs.collect::<Vec<_>>(), pairs);
        for (white, black) in pairs {
            assert!(
                met.insert((white.min(black), white.max(black))),
                "they met before"
            );
        }
        let pgn = text(&installation, &format!("swiss/rounds/{number}/pgn")).await;
        assert_eq!(
            pgn.matches("[Result \"*\"]").count(),
            begun.pairings.len(),
            "{pgn}"
        );
        assert_eq!(
            pgn.matches(&format!("[Round \"{number}\"]")).count(),
            begun.pairings.len()
        );

        // And once more in the middle of the games.
        let (first, second) = begun.pairings.split_at(begun.pairings.len() / 2);
        for pairing in first {
            field.play(pairing).await;
        }
        installation.kill_matchmaker();
        installation.restart_matchmaker().await;
        for pairing in second {
            field.play(pairing).await;
        }
        eventually("all matches of the round have results", || async {
            let tournament = read(&installation, "swiss").await;
            let round = tournament.rounds.last()?;
            let results = round.pairings.iter().filter_map(|one| one.result);
            (results.count() == round.pairings.len()).then_some(())
        })
        .await;
    }
    let tournament = read(&installation, "swiss").await;
    assert!(tournament.is_over);
    for pairing in tournament.rounds.iter().flat_map(|round| &round.pairings) {
        assert_eq!(
            pairing.result,
            Some(result(pairing.white, pairing.black)),
            "{pairing:?}"
        );
    }
    let row = |row: &StandingView| {
        let breaks = (row.buchholz_cut1, row.buchholz, row.sonneborn_berger);
        (row.number, row.points, breaks.0, breaks.1, breaks.2)
    };
    let standings: Vec<_> = tournament.standings.iter().map(row).collect();
    assert_eq!(standings, table(&tournament));
    // The matches are those that the rounds name, and no others.
    let live = store::Matches::matches(&store, None, 1_000).await.unwrap();
    assert_eq!(live.matches.len(), usize::from(ROUNDS * PLAYERS / 2));
    let report = text(&installation, "swiss/trf").await;
    assert_eq!(
        report
            .lines()
            .filter(|line| line.starts_with("001"))
            .count(),
        usize::from(PLAYERS)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_is_made_whole_or_not_at_all_and_results_are_ruled() {
    let environment = [("ROOKERY_LIMIT_EXEMPT", "127.0.0.0/8")];
    let installation = Installation::start_with(1, &environment).await;
    let tokens = accounts(&installation, 3).await;
    let names: Vec<Value> = tokens
        .keys()
        .map(|name| json!({ "player": name }))
        .collect();
    let terms =
        json!({ "control": { "initial_ms": 60_000, "increment_ms": 0 }, "clock_start": "at_once" });
    let put = async |path: &str, body: Value| {
        let path = format!("/v1/tournaments/{path}");
        installation.admin.try_put(&path, &body).await.unwrap()
    };
    let tournament = |system: &str| json!({ "name": "Open", "system": system, "players": names, "terms": terms });

    // Nothing is made of what is wrong in one place.
    let unknown =
        json!({ "name": "Open", "players": [names[0], { "player": "nobody" }], "terms": terms });
    let (status, answer) = put("open", unknown).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let (status, _) = put("open/rounds/1", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, answer) = put("open", tournament("free")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    for (pairings, expected) in [
        (json!([]), StatusCode::BAD_REQUEST),
        (json!([{ "white": 1, "black": 4 }]), StatusCode::BAD_REQUEST),
        (json!([{ "white": 1, "black": 1 }]), StatusCode::BAD_REQUEST),
        (
            json!([{ "white": 1, "black": 2 }, { "white": 2, "black": 0 }]),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (status, answer) = put("open/rounds/1", json!({ "pairings": pairings })).await;
        assert_eq!(status, expected, "{answer}");
    }
    let (status, answer) = put(
        "open/rounds/2",
        json!({ "pairings": [{ "white": 1, "black": 2 }] }),
    )
    .await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(read(&installation, "open").await.rounds, []);

    let pairings = json!([{ "white": 3, "black": 1, "board": "A" }, { "white": 2, "black": 0 }]);
    let round = json!({ "pairings": pairings });
    let (status, answer) = put("open/rounds/1", round.clone()).await;
    assert_eq!(
        (status, &answer["rounds"][0]["is_created"]),
        (StatusCode::OK, &json!(true)),
        "{answer}"
    );
    let (_, again) = put("open/rounds/1", round).await;
    assert_eq!(again["rounds"], answer["rounds"], "a repetition");
    let other = json!({ "pairings": [{ "white": 1, "black": 3 }] });
    let (status, answer) = put("open/rounds/1", other).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    let (status, answer) = put("open", tournament("round_robin")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");

    let begun = read(&installation, "open").await;
    let id = begun.rounds[0].pairings[0].match_id;
    let points = |tournament: &TournamentReply| {
        let rows = tournament.standings.iter();
        let mut points: Vec<_> = rows.map(|row| (row.number, row.points)).collect();
        points.sort_by_key(|(number, _)| *number);
        points
            .into_iter()
            .map(|(_, points)| points)
            .collect::<Vec<_>>()
    };
    assert_eq!(points(&begun), [0.0, 1.0, 0.0]);
    let (status, answer) = installation
        .admin
        .post(
            &format!("/v1/matches/{id}/adjudicate"),
            &json!({ "outcome": "white_wins" }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    eventually("the decision is in the table", || async {
        let now = read(&installation, "open").await;
        (points(&now) == [0.0, 1.0, 1.0]).then_some(())
    })
    .await;
    for (result, expected) in [
        (json!("1/2-1/2"), [0.5, 1.0, 0.5]),
        (json!("-/+"), [1.0, 1.0, 0.0]),
        (Value::Null, [0.0, 1.0, 1.0]),
    ] {
        let ruling = json!({ "match_id": id, "result": result });
        let (status, answer) = installation
            .admin
            .post("/v1/tournaments/open/rulings", &ruling)
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(
            points(&read(&installation, "open").await),
            expected,
            "{ruling}"
        );
    }
    let report = text(&installation, "open/trf").await;
    assert!(
        report.contains("   3 b 0") && report.contains("  0000 - U"),
        "{report}"
    );

    // The server pairs the other systems.
    let (status, answer) = put("all", tournament("round_robin")).await;
    assert_eq!(
        (status, &answer["rounds_planned"]),
        (StatusCode::OK, &json!(3)),
        "{answer}"
    );
    for number in 1..=3 {
        let (status, answer) = put(&format!("all/rounds/{number}"), json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let all = read(&installation, "all").await;
    let pairs: HashSet<_> = all
        .rounds
        .iter()
        .flat_map(|round| &round.pairings)
        .map(|one| (one.white.min(one.black), one.white.max(one.black)))
        .collect();
    assert_eq!(pairs, HashSet::from([(1, 2), (1, 3), (2, 3)]));
    let list = format!("{}/v1/tournaments", installation.matchmaker);
    let list: Value = reqwest::get(list).await.unwrap().json().await.unwrap();
    let ids: Vec<_> = list["tournaments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["all", "open"]);
}
