//! Requests and replies with their JSON: a change of the API fails here.

use std::fmt::Debug;

use game_core::{BySeat, ClockStart, ColorChoice, Outcome, Termination, UnixMillis};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: T, expected: Value) {
    assert_eq!(serde_json::to_value(&message).unwrap(), expected);
    assert_eq!(serde_json::from_value::<T>(expected).unwrap(), message);
}

fn time_control() -> TimeControl {
    TimeControl::from_millis(180_000, 2_000).unwrap()
}

fn match_id() -> MatchId {
    "0AZaz9876543".parse().unwrap()
}

#[test]
fn requests() {
    check(
        NewPlayer {
            name: Some("Ann".into()),
        },
        json!({"name": "Ann"}),
    );
    check(
        NewTicket {
            time_control: time_control(),
        },
        json!({"time_control": {"initial_ms": 180_000, "increment_ms": 2_000}}),
    );
    check(
        NewChallenge {
            time_control: time_control(),
            color: ColorChoice::Black,
            fen: Some("8/8/8/8/8/k7/p7/K7 w - - 0 1".into()),
            clock_start: ClockStart::AtOnce,
            opponent: Some("bob".parse().unwrap()),
        },
        json!({
            "time_control": {"initial_ms": 180_000, "increment_ms": 2_000},
            "color": "black",
            "fen": "8/8/8/8/8/k7/p7/K7 w - - 0 1",
            "clock_start": "at_once",
            "opponent": "bob",
        }),
    );
}

#[test]
fn what_is_left_out_of_a_request_has_its_default() {
    assert_eq!(
        serde_json::from_value::<NewPlayer>(json!({})).unwrap(),
        NewPlayer::default()
    );
    let challenge = json!({"time_control": {"initial_ms": 180_000, "increment_ms": 2_000}});
    assert_eq!(
        serde_json::from_value::<NewChallenge>(challenge).unwrap(),
        NewChallenge {
            time_control: time_control(),
            color: ColorChoice::Random,
            fen: None,
            clock_start: ClockStart::AfterFirstMoves,
            opponent: None,
        }
    );
}

#[test]
fn requests_with_unknown_or_impossible_fields_are_refused_by_name() {
    let refusal = |body: Value| {
        serde_json::from_value::<NewTicket>(body)
            .unwrap_err()
            .to_string()
    };
    let ok = json!({"initial_ms": 180_000, "increment_ms": 2_000});
    let cases = [
        (
            json!({"time_control": ok, "rated": true}),
            "unknown field `rated`",
        ),
        (json!({}), "missing field `time_control`"),
        (
            json!({"time_control": {"initial_ms": 10_800_001, "increment_ms": 0}}),
            "the initial time must be 0 to 3 hours",
        ),
        (
            json!({"time_control": {"initial_ms": 0, "increment_ms": 0}}),
            "cannot both be zero",
        ),
        (
            json!({"time_control": {"initial_ms": 60_000, "increment_ms": 0, "byoyomi_ms": 5_000}}),
            "unknown field `byoyomi_ms`",
        ),
        (
            json!({"time_control": {"initial_ms": -1, "increment_ms": 0}}),
            "invalid value: integer `-1`",
        ),
    ];
    for (body, expected) in cases {
        let refusal = refusal(body.clone());
        assert!(refusal.contains(expected), "{body}: {refusal}");
    }
}

#[test]
fn replies() {
    check(
        PlayerReply {
            player: "0AZaz9876543".parse().unwrap(),
            name: "Ann".into(),
            token: "a.b.c".into(),
            expires_at: UnixMillis(1_767_225_600_000),
        },
        json!({
            "player": "0AZaz9876543",
            "name": "Ann",
            "token": "a.b.c",
            "expires_at": 1_767_225_600_000_u64,
        }),
    );
    let ticket = |status, match_id| TicketReply {
        id: "t00000000000".into(),
        status,
        match_id,
        time_control: time_control(),
    };
    let ticket_json = |status, match_id: Option<&str>| {
        json!({
            "id": "t00000000000",
            "status": status,
            "match_id": match_id,
            "time_control": {"initial_ms": 180_000, "increment_ms": 2_000},
        })
    };
    check(
        ticket(TicketStatus::Waiting, None),
        ticket_json("waiting", None),
    );
    check(
        ticket(TicketStatus::Cancelled, None),
        ticket_json("cancelled", None),
    );
    check(
        ticket(TicketStatus::Matched, Some(match_id())),
        ticket_json("matched", Some("0AZaz9876543")),
    );
    check(
        Problem {
            code: "no_shard".into(),
            title: "No shard".into(),
            detail: "Try again.".into(),
            status: 503,
        },
        json!({"code": "no_shard", "title": "No shard", "detail": "Try again.", "status": 503}),
    );
}

#[test]
fn a_seat() {
    let seat = |role, address: &str, certificate_sha256: Option<String>| SeatReply {
        match_id: match_id(),
        role,
        token: "a.b.c".into(),
        expires_at: UnixMillis(5),
        shard: ShardAddress {
            id: "s00000000000".parse().unwrap(),
            address: address.parse().unwrap(),
            certificate_sha256,
        },
    };
    let json = |role, address, certificate: Option<&str>| {
        json!({
            "match_id": "0AZaz9876543",
            "role": role,
            "token": "a.b.c",
            "expires_at": 5,
            "shard": {
                "id": "s00000000000",
                "address": address,
                "certificate_sha256": certificate,
            },
        })
    };
    check(
        seat(Role::White, "127.0.0.1:4433", Some("00ff".into())),
        json("white", "127.0.0.1:4433", Some("00ff")),
    );
    check(
        seat(Role::Black, "[::1]:4433", None),
        json("black", "[::1]:4433", None),
    );
    check(
        seat(Role::Spectator, "[::1]:4433", None),
        json("spectator", "[::1]:4433", None),
    );
}

#[test]
fn a_match() {
    let player = |id: &str, name: &str| SeatView {
        id: id.parse().unwrap(),
        name: name.into(),
    };
    check(
        MatchReply {
            match_id: match_id(),
            players: BySeat {
                white: player("w", "Ann"),
                black: player("b", "Bob"),
            },
            time_control: time_control(),
            seq: 3,
            fen: "k7".into(),
            start_fen: "1k6".into(),
            start_fullmove: 12,
            moves: vec!["e2e4".parse().unwrap(), "a7a8q".parse().unwrap()],
            outcome: Some(Outcome::WhiteWins),
            termination: Some(Termination::TimeForfeit),
        },
        json!({
            "match_id": "0AZaz9876543",
            "players": {
                "white": {"id": "w", "name": "Ann"},
                "black": {"id": "b", "name": "Bob"},
            },
            "time_control": {"initial_ms": 180_000, "increment_ms": 2_000},
            "seq": 3,
            "fen": "k7",
            "start_fen": "1k6",
            "start_fullmove": 12,
            "moves": ["e2e4", "a7a8q"],
            "outcome": "white_wins",
            "termination": "time_forfeit",
        }),
    );
}
