//! Requests and replies with their JSON: a change of the API fails here.

use std::fmt::Debug;

use game_core::{Outcome, Termination, TimeControl, UnixMillis};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

pub(super) fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    message: T,
    expected: Value,
) {
    assert_eq!(serde_json::to_value(&message).unwrap(), expected);
    assert_eq!(serde_json::from_value::<T>(expected).unwrap(), message);
}

pub(super) fn terms() -> Terms {
    Terms::usual(TimeControl::from_millis(180_000, 2_000).unwrap())
}

/// `json` and the usual terms.
pub(super) fn with_terms(json: Value) -> Value {
    let mut all = json!({
        "variant": "standard",
        "control": {"initial_ms": 180_000, "increment_ms": 2_000},
        "clock_start": "after_first_moves",
        "rated": false,
        "spectator_delay_s": 0,
        "chat": true,
        "rules": [],
    });
    let Value::Object(more) = json else {
        panic!("{json}");
    };
    all.as_object_mut().unwrap().extend(more);
    all
}

fn match_id() -> MatchId {
    "0AZaz9876543".parse().unwrap()
}

#[test]
fn requests() {
    check(
        NewPlayer {
            name: Some("Ann".into()),
            bot: true,
        },
        json!({"name": "Ann", "bot": true}),
    );
    check(NewTicket::new(terms()), with_terms(json!({})));
    check(
        NewTicket {
            terms: terms(),
            color: ColorChoice::White,
            rating_range: Some(RatingRange {
                min: 1_400,
                max: 1_700,
            }),
        },
        with_terms(json!({"color": "white", "rating_range": {"min": 1_400, "max": 1_700}})),
    );
    check(
        Decline {
            reason: DeclineReason::TooFast,
        },
        json!({"reason": "too_fast"}),
    );
    check(
        NewChallenge {
            terms: terms(),
            color: ColorChoice::Black,
            opponent: Some("bob".parse().unwrap()),
            opponent_name: None,
            open: true,
            expires_in_s: Some(60),
        },
        with_terms(json!({"color": "black", "opponent": "bob", "open": true, "expires_in_s": 60})),
    );
}

#[test]
fn what_is_left_out_of_a_request_has_its_default() {
    assert_eq!(
        serde_json::from_value::<NewPlayer>(json!({})).unwrap(),
        NewPlayer::default()
    );
    let only_control = json!({"control": {"initial_ms": 180_000, "increment_ms": 2_000}});
    assert_eq!(
        serde_json::from_value::<NewChallenge>(only_control.clone()).unwrap(),
        NewChallenge::new(terms())
    );
    assert_eq!(
        serde_json::from_value::<NewTicket>(only_control).unwrap(),
        NewTicket::new(terms())
    );
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
        declined: None,
        challenger: None,
        color: None,
        opponent: None,
        expires_at: None,
        terms: terms(),
    };
    let ticket_json = |status, match_id: Option<&str>| {
        with_terms(json!({"id": "t00000000000", "status": status, "match_id": match_id}))
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
        TicketReply {
            declined: Some(DeclineReason::NoBot),
            ..ticket(TicketStatus::Declined, None)
        },
        with_terms(
            json!({"id": "t00000000000", "status": "declined", "match_id": null, "declined": "no_bot"}),
        ),
    );
    check(
        TicketReply {
            challenger: Some(SeatView {
                id: "ann".parse().unwrap(),
                name: "Ann".into(),
                rating: None,
                is_bot: false,
            }),
            color: Some(ColorChoice::Black),
            opponent: Some("bob".parse().unwrap()),
            expires_at: Some(UnixMillis(5)),
            ..ticket(TicketStatus::Waiting, None)
        },
        with_terms(
            json!({"id": "t00000000000", "status": "waiting", "match_id": null, "color": "black", "opponent": "bob",
                "challenger": {"id": "ann", "name": "Ann", "rating": null, "is_bot": false}, "expires_at": 5}),
        ),
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
            web_transport: None,
            web_socket: None,
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
    let mut with_doors = seat(Role::White, "127.0.0.1:4433", Some("00ff".into()));
    with_doors.shard.web_transport = Some(WebTransportAddress {
        url: "https://127.0.0.1:4433/".into(),
        certificate_hashes: vec!["00ff".into(), "11ee".into()],
    });
    with_doors.shard.web_socket = Some("ws://127.0.0.1:4434/".into());
    let mut expected = json("white", "127.0.0.1:4433", Some("00ff"));
    expected["shard"]["web_transport"] =
        json!({"url": "https://127.0.0.1:4433/", "certificate_hashes": ["00ff", "11ee"]});
    expected["shard"]["web_socket"] = json!("ws://127.0.0.1:4434/");
    check(with_doors, expected);
}

#[test]
fn a_match() {
    let player = |id: &str, name: &str, rating, is_bot| SeatView {
        id: id.parse().unwrap(),
        name: name.into(),
        rating,
        is_bot,
    };
    check(
        MatchReply {
            match_id: match_id(),
            players: BySeat {
                white: player("w", "Ann", Some(1_500), false),
                black: player("b", "Bob", None, true),
            },
            terms: Terms {
                start: Start::Fen("1k6".into()),
                ..terms()
            },
            withheld: false,
            seq: 3,
            position_seq: 2,
            fen: "k7".into(),
            start_fullmove: 12,
            moves: vec!["e2e4".parse().unwrap(), "a7a8q".parse().unwrap()],
            clock: Some(ClockView {
                white_ms: 1_000,
                black_ms: 2_000,
                running: Some(Seat::White),
                delay_ms: 0,
            }),
            draw_offer: Some(Seat::White),
            takeback_offer: Some(Seat::Black),
            rematch_offer: None,
            rematch: Some(match_id()),
            outcome: Some(Outcome::WhiteWins),
            termination: Some(Termination::TimeForfeit),
            rating_changes: None,
        },
        with_terms(json!({
            "match_id": "0AZaz9876543",
            "players": {
                "white": {"id": "w", "name": "Ann", "rating": 1500, "is_bot": false},
                "black": {"id": "b", "name": "Bob", "rating": null, "is_bot": true},
            },
            "start_fen": "1k6",
            "withheld": false,
            "seq": 3,
            "position_seq": 2,
            "fen": "k7",
            "start_fullmove": 12,
            "moves": ["e2e4", "a7a8q"],
            "clock": {"white_ms": 1_000, "black_ms": 2_000, "running": "white", "delay_ms": 0},
            "draw_offer": "white",
            "takeback_offer": "black",
            "rematch_offer": null,
            "rematch": "0AZaz9876543",
            "outcome": "white_wins",
            "termination": "time_forfeit",
        })),
    );
}
