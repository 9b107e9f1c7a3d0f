//! Terms with their JSON, and what is refused.

use std::time::Duration;

use game_core::{Delay, Stage};
use serde_json::{Value, json};

use super::super::tests::{check, terms, with_terms};
use super::*;
use crate::http::NewChallenge;

fn read(json: Value) -> Result<Terms, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn each_term_has_its_key() {
    let stage = |moves, minutes: u64, delay| Stage {
        moves,
        time: Duration::from_secs(60 * minutes),
        increment: Duration::from_secs(30),
        delay,
    };
    let staged = TimeControl::from_stages(&[
        stage(Some(40), 90, Delay::None),
        stage(None, 30, Delay::None),
    ])
    .unwrap();
    let delayed = TimeControl::from_millis(60_000, 0)
        .unwrap()
        .with_delay(Delay::Simple(Duration::from_secs(2)))
        .unwrap();
    check(
        Terms {
            variant: Variant::Chess960,
            start: Start::Number(518),
            controls: BySeat {
                white: staged,
                black: delayed,
            },
            clock_start: ClockStart::AtOnce,
            start_at: Some(UnixMillis(1_767_225_600_000)),
            rated: true,
            spectator_delay_s: 60,
            chat: false,
            rules: Rules::USUAL.with(Rule::NoAbort).with(Rule::AutoClaim),
            tags: TagsView {
                event: Some("Open".into()),
                round: Some("3".into()),
                board: None,
                site: Some("Ürzig".into()),
            },
        },
        json!({
            "variant": "chess960",
            "start_number": 518,
            "controls": {
                "white": {
                    "initial_ms": 5_400_000,
                    "increment_ms": 30_000,
                    "stages": [
                        {"moves": 40, "time_ms": 5_400_000, "increment_ms": 30_000},
                        {"time_ms": 1_800_000, "increment_ms": 30_000},
                    ],
                },
                "black": {
                    "initial_ms": 60_000, "increment_ms": 0, "delay": "simple", "delay_ms": 2_000,
                },
            },
            "clock_start": "at_once",
            "start_at": 1_767_225_600_000_u64,
            "rated": true,
            "spectator_delay_s": 60,
            "chat": false,
            "rules": ["no_abort", "auto_claim"],
            "tags": {"event": "Open", "round": "3", "board": null, "site": "Ürzig"},
        }),
    );
    let fen = "8/8/8/8/8/k7/p7/K7 w - - 0 1";
    check(
        Terms {
            start: Start::Fen(fen.into()),
            ..terms()
        },
        with_terms(json!({"start_fen": fen})),
    );
}

#[test]
fn impossible_terms_are_refused_with_the_reason() {
    let minute = json!({"initial_ms": 60_000, "increment_ms": 0});
    let long = "t".repeat(121);
    for (more, reason) in [
        (
            json!({"time_control": minute}),
            "unknown field `time_control`",
        ),
        (json!({"color": "white"}), "unknown field `color`"),
        (json!({"control": null}), "need either control, or controls"),
        (
            json!({"controls": {"white": minute, "black": minute}}),
            "need either control, or controls",
        ),
        (
            json!({"control": null, "controls": {"white": minute}}),
            "missing field `black`",
        ),
        (
            json!({"control": null, "controls": {"white": minute, "black": minute, "red": 1}}),
            "unknown field `red`",
        ),
        (
            json!({"control": {"initial_ms": 10_800_001, "increment_ms": 0}}),
            "the initial time must be 0 to 3 hours",
        ),
        (
            json!({"control": {"initial_ms": 0, "increment_ms": 0}}),
            "cannot both be zero",
        ),
        (
            json!({"control": {"initial_ms": 60_000, "increment_ms": 0, "byoyomi_ms": 5_000}}),
            "unknown field `byoyomi_ms`",
        ),
        (
            json!({"control": {"initial_ms": -1, "increment_ms": 0}}),
            "invalid value: integer `-1`",
        ),
        (json!({"variant": "chess"}), "a variant is one of"),
        (
            json!({"variant": "chess960", "start_number": 5, "start_fen": "k7"}),
            "exclude each other",
        ),
        (json!({"start_number": 5}), "0 to 959, in chess960 only"),
        (
            json!({"variant": "chess960", "start_number": 960}),
            "0 to 959, in chess960 only",
        ),
        (json!({"spectator_delay_s": 2}), "is 0, or 3 to 60"),
        (json!({"spectator_delay_s": 61}), "is 0, or 3 to 60"),
        (
            json!({"rules": ["no_abort", "no_castling"]}),
            "\"no_castling\"",
        ),
        (json!({"rules": "no_abort"}), "invalid type: string"),
        (json!({"tags": {"town": "Rome"}}), "unknown field `town`"),
        (json!({"tags": {"event": ""}}), "a tag is 1 to 120 bytes"),
        (json!({"tags": {"event": long}}), "a tag is 1 to 120 bytes"),
        (json!({"tags": {"site": "a\nb"}}), "a tag is 1 to 120 bytes"),
        (json!({"start_at": -1}), "invalid value: integer `-1`"),
    ] {
        let body = with_terms(more);
        let said = read(body.clone()).unwrap_err();
        assert!(said.contains(reason), "{body}: {said}");
        // Of these only the color is a field of tickets and challenges that terms do not have.
        let is_color = body.get("color").is_some();
        let ticket = serde_json::from_value::<NewTicket>(body.clone()).map(drop);
        let challenge = serde_json::from_value::<NewChallenge>(body.clone()).map(drop);
        for refused in [ticket, challenge] {
            let said = refused.map_err(|error| error.to_string());
            let is_as_expected = match &said {
                Ok(()) => is_color,
                Err(said) => !is_color && said.contains(reason),
            };
            assert!(is_as_expected, "{body}: {said:?}");
        }
    }
    assert!(read(json!({})).unwrap_err().contains("need either control"));
}

#[test]
fn terms_name_a_start_position() {
    let start = |variant, start, drawn| {
        let terms = Terms {
            variant,
            start,
            ..terms()
        };
        terms.start_position(drawn).map(|start| start.fen())
    };
    let usual = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    // The numbers of the usual position and of the first one, after Scharnagl.
    let first = "bbqnnrkr/pppppppp/8/8/8/8/PPPPPPPP/BBQNNRKR w KQkq - 0 1";
    let standard = Variant::Standard;
    let chess960 = Variant::Chess960;
    assert_eq!(start(standard, Start::Usual, 0).as_deref(), Ok(usual));
    let number = |number| start(chess960, Start::Number(number), 7);
    assert_eq!(number(518).as_deref(), Ok(usual));
    assert_eq!(number(0).as_deref(), Ok(first));
    assert_eq!(start(chess960, Start::Usual, 518).as_deref(), Ok(usual));
    assert_eq!(start(chess960, Start::Usual, 960).as_deref(), Ok(first));
    let king_of_the_hill = start(Variant::KingOfTheHill, Start::Usual, 0);
    assert_eq!(king_of_the_hill.as_deref(), Ok(usual));
    let fen = "7k/5K2/6Q1/8/8/8/8/8 b - - 0 31";
    assert!(start(standard, Start::Fen(fen.into()), 0).is_err(), "over");
    let fen = "4k3/8/8/8/8/8/8/4K2R b K - 0 31";
    assert_eq!(
        start(standard, Start::Fen(fen.into()), 0).as_deref(),
        Ok(fen)
    );
}

#[test]
fn a_match_has_the_terms_that_it_was_made_from() {
    let player = |id: &str| Player {
        id: id.parse().unwrap(),
        name: id.into(),
        rating: None,
        is_bot: false,
    };
    let agreed = Terms {
        variant: Variant::ThreeCheck,
        rated: true,
        spectator_delay_s: 3,
        chat: false,
        rules: Rules::USUAL.with(Rule::NoTakeback),
        tags: TagsView {
            event: Some("Open".into()),
            ..TagsView::default()
        },
        ..terms()
    };
    let start = agreed.start_position(0).unwrap();
    let fen = start.fen();
    let players = BySeat {
        white: player("ann"),
        black: player("bob"),
    };
    let id = "0AZaz9876543".parse().unwrap();
    let setup = agreed.clone().into_setup(id, players, start, UnixMillis(5));
    assert_eq!((setup.id, setup.created_at), (id, UnixMillis(5)));
    let expected = Terms {
        start: Start::Fen(fen),
        ..agreed
    };
    assert_eq!(Terms::of(&setup), expected);
}
