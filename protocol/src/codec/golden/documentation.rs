//! What `docs/protocol.md` says of the bytes is so: its examples, its numbers and its limits.

use std::fmt::Debug;

use game_core::{CommandKind, EventKind, Outcome, Refusal, Rule, Variant};
use serde::Serialize;

use super::super::{
    CATCH_UP_EVENTS_MAX, CLIENT_FRAME_LEN_MAX, CLIENT_MESSAGE_LEN_MAX, HEADER_LEN,
    SERVER_FRAME_LEN_MAX, TOKEN_LEN_MAX, encode,
};
use super::{client_tables, server_tables, without_blanks};
use crate::{ChatRefusal, ClientFrame, CloseCode, ServerBody, WireRefusal};

const PAGE: &str = include_str!("../../../../docs/protocol.md");

#[test]
fn the_examples_are_bytes_that_are_sent() {
    let known: Vec<String> = client_tables()
        .iter()
        .map(|(bytes, _)| without_blanks(bytes))
        .chain(
            server_tables()
                .iter()
                .map(|(bytes, _)| without_blanks(bytes)),
        )
        .collect();
    let blocks: Vec<&str> = PAGE
        .split("```bytes\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 15, "{} examples", blocks.len());
    for block in blocks {
        let bytes = |line: &str| without_blanks(line.split('|').next().unwrap());
        let bytes: String = block.lines().map(bytes).collect();
        assert!(known.contains(&bytes), "no frame has these bytes:\n{block}");
    }
}

/// The page between a heading and the next one.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no {heading}"));
    rest.split("\n#").next().unwrap()
}

/// The numbered rows of the tables of a section: the number, and the name in the second column.
fn rows(heading: &str) -> Vec<(u32, String)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let number = cells.next()?.parse().ok()?;
        let name = cells.next()?.strip_prefix('`')?.split('`').next()?;
        Some((number, name.to_owned()))
    };
    section(heading).lines().filter_map(row).collect()
}

/// The number of a kind: the first byte that is written of it.
fn number(kind: &impl Serialize) -> u32 {
    encode(kind, 0, 0)[HEADER_LEN].into()
}

/// The number and the name of each kind, sorted by number.
fn kinds<T: Serialize + Debug>(all: impl IntoIterator<Item = T>) -> Vec<(u32, String)> {
    let kind = |kind: T| {
        let text = format!("{kind:?}");
        let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        (number(&kind), name.to_owned())
    };
    let mut kinds: Vec<_> = all.into_iter().map(kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn codes<T: Serialize>(
    all: impl IntoIterator<Item = T>,
    code: impl Fn(&T) -> &'static str,
) -> Vec<(u32, String)> {
    let row = |each: T| (number(&each), code(&each).to_owned());
    let mut codes: Vec<_> = all.into_iter().map(row).collect();
    codes.sort();
    codes.dedup();
    codes
}

#[test]
fn kinds_of_frame_have_their_numbers() {
    let sent = client_tables().into_iter().map(|(_, frame)| frame);
    assert_eq!(rows("### Frames of a client"), kinds(sent));
    let sent = server_tables().into_iter().map(|(_, frame)| frame.body);
    assert_eq!(rows("### Frames of a shard"), kinds(sent));
}

#[test]
fn commands_and_events_have_their_numbers() {
    let commands = client_tables()
        .into_iter()
        .filter_map(|(_, frame)| match frame {
            ClientFrame::Command { kind, .. } => Some(kind),
            _ => None,
        });
    assert_eq!(rows("### Commands"), kinds::<CommandKind>(commands));
    assert_eq!(rows("### Events"), kinds::<EventKind>(events()));
}

fn events() -> impl Iterator<Item = EventKind> {
    server_tables()
        .into_iter()
        .filter_map(|(_, frame)| match frame.body {
            ServerBody::Event(event) => event.kind,
            _ => None,
        })
}

#[test]
fn outcomes_and_terminations_have_their_numbers() {
    let endings = || {
        events().filter_map(|kind| match kind {
            EventKind::Ended {
                outcome,
                termination,
            } => Some((outcome, termination)),
            _ => None,
        })
    };
    let name = |outcome: &Outcome| match outcome {
        Outcome::WhiteWins => "white_wins",
        Outcome::BlackWins => "black_wins",
        Outcome::Draw => "draw",
        Outcome::Aborted => "aborted",
    };
    let outcomes = endings().map(|(outcome, _)| outcome);
    assert_eq!(rows("### Outcomes"), codes(outcomes, name));
    let terminations = endings().map(|(_, termination)| termination);
    let expected = codes(terminations, |termination| termination.code());
    assert_eq!(rows("### Terminations"), expected);
    assert_eq!(expected.len(), 17);
}

#[test]
fn variants_and_rules_have_their_numbers() {
    let variants = Variant::ALL.map(|variant| (variant.number().into(), variant.code().to_owned()));
    assert_eq!(rows("### Variants"), variants);
    let rules = Rule::ALL.map(|rule| (u32::from(rule as u16), rule.code().to_owned()));
    assert_eq!(rows("### Rules"), rules);
}

#[test]
fn refusals_and_close_codes_have_their_numbers() {
    let of_shard = [
        WireRefusal::NotAPlayer,
        WireRefusal::RateLimited,
        WireRefusal::Paused,
    ];
    let mut expected = codes(of_shard, |reason| reason.code());
    expected.extend(codes(Refusal::ALL, |reason| reason.code()));
    assert_eq!(rows("### Refusals"), expected);

    let of_chat = [
        ChatRefusal::TooLong,
        ChatRefusal::RateLimited,
        ChatRefusal::ChatOff,
        ChatRefusal::Unavailable,
        ChatRefusal::Empty,
    ];
    let expected = codes(of_chat, |reason| reason.code());
    assert_eq!(rows("### Chat refusals"), expected);

    let expected = CloseCode::ALL.map(|code| (code.number(), code.code().to_owned()));
    assert_eq!(rows("### Close codes"), expected);
    for code in CloseCode::ALL {
        let row = format!("| `{}` | ", code.code());
        let (_, rest) = section("### Close codes").split_once(&row).unwrap();
        assert_eq!(rest.starts_with("yes"), code.is_retryable(), "{code}");
    }
}

#[test]
fn the_limits_are_those_that_hold() {
    let limits = section("## Limits");
    for row in [
        format!("| token | {TOKEN_LEN_MAX} bytes |"),
        format!("| body of a client's frame | {CLIENT_FRAME_LEN_MAX} bytes |"),
        format!("| message of a client over WebSocket | {CLIENT_MESSAGE_LEN_MAX} bytes |"),
        format!("| body of a shard's frame | {SERVER_FRAME_LEN_MAX} bytes |"),
        format!("| events in one catch-up | {CATCH_UP_EVENTS_MAX} |"),
        format!("| line of chat | {} characters", crate::CHAT_LEN_MAX),
        format!(
            "| lines of chat that are kept | {} in",
            crate::CHAT_KEPT_MAX
        ),
    ] {
        assert!(limits.contains(&row), "{row}");
    }
    let version = format!("version u16 ({})", crate::VERSION);
    assert!(PAGE.contains(&version), "{version}");
    let prose = PAGE.split_whitespace().collect::<Vec<_>>().join(" ");
    for (text, every) in [
        ("nothing to send for 5 seconds", crate::HEARTBEAT_EVERY),
        ("the same as 2, after 1 second", crate::FAST_HEARTBEAT_EVERY),
        ("repeated every 3 seconds", crate::PAUSED_REPEATED_EVERY),
        ("repeated every 5 seconds", crate::GONE_REPEATED_EVERY),
    ] {
        assert!(prose.contains(text), "{text}");
        assert!(text.contains(&every.as_secs().to_string()), "{text}");
    }
}
