//! Answers to a client, and what a shard says of itself.

use game_core::{Refusal, Seat, UnixMillis};

use super::{Table, clock, id, server};
use crate::{ChatLine, ChatRefusal, CloseCode, ServerBody, ServerFrame, WireRefusal};

pub(super) fn answers() -> Table<ServerFrame> {
    let ack = |command, event| {
        server(ServerBody::Ack {
            command_id: id(command),
            event,
        })
    };
    let not_said = |reason| server(ServerBody::NotSaid { id: 7, reason });
    vec![
        ("00000011 0006474846204000 03fb01040201fb0104", ack(1, 260)),
        (
            "00000019 0006474846204000 03fb010402fd0000010000000000fb0103",
            ack(1 << 40, 259),
        ),
        (
            "00000010 0006474846204000 03fb01040cfb00fb",
            server(ServerBody::Said { id: 251 }),
        ),
        (
            "0000000f 0006474846204000 03fb01040d0700",
            not_said(ChatRefusal::TooLong),
        ),
        (
            "0000000f 0006474846204000 03fb01040d0701",
            not_said(ChatRefusal::RateLimited),
        ),
        (
            "0000000f 0006474846204000 03fb01040d0702",
            not_said(ChatRefusal::ChatOff),
        ),
        (
            "0000000f 0006474846204000 03fb01040d0703",
            not_said(ChatRefusal::Unavailable),
        ),
        (
            "0000000f 0006474846204000 03fb01040d0704",
            not_said(ChatRefusal::Empty),
        ),
    ]
}

pub(super) fn refusals() -> Table<ServerFrame> {
    let refused = |reason| {
        server(ServerBody::Refused {
            command_id: id(9),
            reason,
        })
    };
    let rule = |refusal| refused(WireRefusal::Match(refusal));
    vec![
        (
            "00000010 0006474846204000 03fb010403090000",
            rule(Refusal::MatchOver),
        ),
        (
            "00000010 0006474846204000 03fb010403090001",
            rule(Refusal::NotYourTurn),
        ),
        (
            "00000010 0006474846204000 03fb010403090002",
            rule(Refusal::StalePosition),
        ),
        (
            "00000010 0006474846204000 03fb010403090003",
            rule(Refusal::IllegalMove),
        ),
        (
            "00000010 0006474846204000 03fb010403090004",
            rule(Refusal::TooEarly),
        ),
        (
            "00000010 0006474846204000 03fb010403090005",
            rule(Refusal::TooLate),
        ),
        (
            "00000010 0006474846204000 03fb010403090006",
            rule(Refusal::OfferTooSoon),
        ),
        (
            "00000010 0006474846204000 03fb010403090007",
            rule(Refusal::NoOffer),
        ),
        (
            "00000010 0006474846204000 03fb010403090008",
            rule(Refusal::CommandIdReused),
        ),
        (
            "00000010 0006474846204000 03fb010403090009",
            rule(Refusal::NotAllowed),
        ),
        (
            "00000010 0006474846204000 03fb01040309000a",
            rule(Refusal::NoClaim),
        ),
        (
            "00000010 0006474846204000 03fb01040309000b",
            rule(Refusal::OpponentNotGone),
        ),
        (
            "00000010 0006474846204000 03fb01040309000c",
            rule(Refusal::NotStarted),
        ),
        (
            "00000010 0006474846204000 03fb01040309000d",
            rule(Refusal::MatchInPlay),
        ),
        (
            "00000010 0006474846204000 03fb01040309000e",
            rule(Refusal::AmountOutOfBounds),
        ),
        (
            "00000010 0006474846204000 03fb01040309000f",
            rule(Refusal::TooManyEvents),
        ),
        (
            "0000000f 0006474846204000 03fb0104030901",
            refused(WireRefusal::NotAPlayer),
        ),
        (
            "0000000f 0006474846204000 03fb0104030902",
            refused(WireRefusal::RateLimited),
        ),
        (
            "0000000f 0006474846204000 03fb0104030903",
            refused(WireRefusal::Paused),
        ),
    ]
}

pub(super) fn others() -> Table<ServerFrame> {
    let presence = |seat, connected| server(ServerBody::Presence { seat, connected });
    let closed = |code| server(ServerBody::Closed(code));
    let gone = |seat, claim_in_ms| server(ServerBody::Gone { seat, claim_in_ms });
    let line = |seat, name: &str, text: &str| ChatLine {
        seat,
        name: name.into(),
        text: text.into(),
        at: UnixMillis(1_767_225_600_000),
    };
    let chat = |lines| server(ServerBody::Chat(lines));
    vec![
        (
            "0000000f 0006474846204000 03fb0104040001",
            presence(Seat::White, true),
        ),
        (
            "0000000f 0006474846204000 03fb0104040100",
            presence(Seat::Black, false),
        ),
        (
            "0000000d 0006474846204000 03fb010405",
            server(ServerBody::Paused),
        ),
        (
            "00000015 0006474846204000 03fb010406fc0002bf20fa0000",
            server(ServerBody::Clock(clock(None))),
        ),
        (
            "0000000e 0006474846204000 03fb01040700",
            closed(CloseCode::Done),
        ),
        (
            "0000000e 0006474846204000 03fb0104070e",
            closed(CloseCode::Internal),
        ),
        (
            "0000000e 0006474846204000 03fb0104070f",
            closed(CloseCode::Unsupported),
        ),
        (
            "00000011 0006474846204000 03fb01040802fb00fb",
            server(ServerBody::Unsupported { min: 2, max: 251 }),
        ),
        (
            "0000000d 0006474846204000 03fb010409",
            server(ServerBody::Heartbeat),
        ),
        (
            "00000012 0006474846204000 03fb01040a0101fb88b8",
            gone(Seat::Black, Some(35_000)),
        ),
        (
            "00000010 0006474846204000 03fb01040a000100",
            gone(Seat::White, Some(0)),
        ),
        (
            "0000000f 0006474846204000 03fb01040a0000",
            gone(Seat::White, None),
        ),
        ("0000000e 0006474846204000 03fb01040b00", chat(vec![])),
        (
            "00000038 0006474846204000 03fb01040b021501010342c3b605476c206866fd0000019b76 \
             daa80013010003416e6e03e2999ffd0000019b76daa800",
            chat(vec![
                line(Some(Seat::Black), "Bö", "Gl hf"),
                line(Some(Seat::White), "Ann", "♟"),
            ]),
        ),
        (
            "00000020 0006474846204000 03fb01040b01110003457665026869fd0000019b76daa800",
            chat(vec![line(None, "Eve", "hi")]),
        ),
    ]
}
