use serde_json::{Value, json};

use super::*;

fn read(json: Value) -> Result<TimeControl, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn spoken(text: &str) -> TimeControl {
    TimeControl::from_spoken(text).unwrap()
}

#[test]
fn json_names_its_units_and_leaves_out_what_a_control_lacks() {
    let staged = json!({
        "initial_ms": 5_400_000, "increment_ms": 30_000,
        "stages": [
            {"moves": 40, "time_ms": 5_400_000, "increment_ms": 30_000},
            {"time_ms": 1_800_000, "increment_ms": 30_000, "delay": "simple", "delay_ms": 1_000},
        ],
    });
    for (text, json) in [
        ("3+2", json!({"initial_ms": 180_000, "increment_ms": 2_000})),
        (
            "5+3d2",
            json!({"initial_ms": 300_000, "increment_ms": 3_000, "delay": "simple", "delay_ms": 2_000}),
        ),
        (
            "5+0b2.5",
            json!({"initial_ms": 300_000, "increment_ms": 0, "delay": "bronstein", "delay_ms": 2_500}),
        ),
        ("40/90+30,30+30d1", staged),
    ] {
        let control = spoken(text);
        assert_eq!(serde_json::to_value(control).unwrap(), json);
        assert_eq!(read(json), Ok(control));
    }
}

#[test]
fn a_request_may_give_stages_alone() {
    let stages =
        json!([{"moves": 40, "time_ms": 5_400_000, "increment_ms": 30_000}, {"time_ms": 900_000}]);
    assert_eq!(read(json!({"stages": stages})), Ok(spoken("40/90+30,15+0")));
    let single = json!({"stages": [{"time_ms": 180_000, "increment_ms": 2_000}]});
    assert_eq!(read(single), Ok(spoken("3+2")));
}

#[test]
fn json_that_is_no_control_is_refused_with_the_reason() {
    let stage = json!({"time_ms": 60_000});
    for (json, why) in [
        (
            json!({"initial_ms": 60_000}),
            "initial_ms and increment_ms, or stages",
        ),
        (
            json!({"increment_ms": 60_000}),
            "initial_ms and increment_ms, or stages",
        ),
        (json!({}), "initial_ms and increment_ms, or stages"),
        (json!({"initial_ms": 0, "increment_ms": 0}), "both be zero"),
        (
            json!({"initial_ms": 10_800_001, "increment_ms": 0}),
            "0 to 3 hours",
        ),
        (
            json!({"initial_ms": -1, "increment_ms": 0}),
            "invalid value",
        ),
        (
            json!({"initial_ms": 1.5, "increment_ms": 0}),
            "invalid type",
        ),
        (
            json!({"initial_ms": 1, "increment_ms": 0, "delay_ms": 5}),
            "belong together",
        ),
        (
            json!({"initial_ms": 1, "increment_ms": 0, "delay": "simple"}),
            "belong together",
        ),
        (
            json!({"initial_ms": 1, "increment_ms": 0, "delay": "simple", "delay_ms": 0}),
            "belong together",
        ),
        (
            json!({"initial_ms": 1, "increment_ms": 0, "delay": "hourglass", "delay_ms": 5}),
            "unknown variant",
        ),
        (
            json!({"initial_ms": 1, "increment_ms": 0, "delay": "simple", "delay_ms": 180_001}),
            "the delay must be",
        ),
        (
            json!({"initial_ms": 1, "increment_ms": 0, "byoyomi": 3}),
            "unknown field",
        ),
        (json!({"stages": []}), "one to three stages"),
        (json!({"stages": [stage, stage]}), "2 to 600 moves"),
        (
            json!({"stages": [{"time_ms": 1, "periods": 3}]}),
            "unknown field",
        ),
        (
            json!({"stages": [{"moves": 40}]}),
            "missing field `time_ms`",
        ),
        (
            json!({"stages": [{"moves": 40, "time_ms": 1}]}),
            "rest of the match",
        ),
        (
            json!({"stages": [stage], "initial_ms": 60_001}),
            "as in the first stage",
        ),
        (
            json!({"stages": [stage], "increment_ms": 1}),
            "as in the first stage",
        ),
        (
            json!({"stages": [stage], "delay": "simple", "delay_ms": 1}),
            "as in the first stage",
        ),
    ] {
        let refused = read(json.clone()).unwrap_err();
        assert!(refused.contains(why), "{json}: {refused}");
    }
}

/// The binary form has every field, so that it needs no keys.
#[test]
fn binary_formats_have_the_stages_in_order() {
    let config = bincode::config::standard().with_big_endian();
    for (text, bytes) in [
        // One stage: no end, 180 s, 2 s, no delay.
        (
            "3+2",
            &[1, 0, 252, 0, 2, 0xbf, 0x20, 251, 0x07, 0xd0, 0, 0][..],
        ),
        // Bronstein is the second kind.
        ("0+0b0.2", &[1, 0, 0, 0, 1, 1, 200]),
        (
            "40/0.1s+0.1,0+0.1",
            &[2, 40, 100, 100, 0, 0, 0, 0, 100, 0, 0],
        ),
    ] {
        let control = spoken(text);
        let written = bincode::serde::encode_to_vec(control, config).unwrap();
        assert_eq!(written, bytes, "{text}");
        let read = bincode::serde::decode_from_slice(bytes, config).unwrap();
        assert_eq!(read, (control, bytes.len()), "{text}");
    }
    for bytes in [
        &[0][..],
        &[1, 0, 0, 0, 0, 0],
        // A stage with moves is not the last.
        &[1, 40, 100, 100, 0, 0],
        // A delay without a kind, and a kind without a delay.
        &[1, 0, 100, 100, 0, 1],
        &[1, 0, 100, 100, 1, 0, 0],
        &[
            4, 40, 1, 1, 0, 0, 40, 1, 1, 0, 0, 40, 1, 1, 0, 0, 0, 1, 1, 0, 0,
        ],
    ] {
        let read: Result<(TimeControl, usize), _> =
            bincode::serde::decode_from_slice(bytes, config);
        assert!(read.is_err(), "{bytes:?}");
    }
}
