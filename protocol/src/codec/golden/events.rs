//! The events of a match.

use game_core::{EventKind, Outcome, Seat, Termination, WithMove};

use super::{Table, clock, server};
use crate::{ClockView, ServerBody, ServerFrame, WireEvent};

pub(super) fn event(seat: Option<Seat>, kind: EventKind, clock: ClockView) -> ServerFrame {
    server(ServerBody::Event(WireEvent {
        seat,
        clock,
        kind: Some(kind),
    }))
}

pub(super) fn table() -> Table<ServerFrame> {
    let moved = |uci: &str, with| EventKind::Moved {
        uci: uci.parse().unwrap(),
        with,
    };
    let by = |seat, kind| event(Some(seat), kind, clock(Some(Seat::White)));
    let delayed = ClockView {
        delay_ms: 5_000,
        ..clock(Some(Seat::Black))
    };
    let match_id = "0AZaz9876543".parse().unwrap();
    vec![
        (
            "0000001f 0006474846204000 03fb0104010100fc0002bf20fa0101fb138800fb018401",
            event(
                Some(Seat::White),
                moved("e1g1", WithMove::DrawOffer),
                delayed,
            ),
        ),
        (
            "0000001d 0006474846204000 03fb0104010101fc0002bf20fa01000000fb093400",
            by(Seat::Black, moved("e7e5", WithMove::Nothing)),
        ),
        (
            "0000001d 0006474846204000 03fb0104010101fc0002bf20fa01000000fb171c02",
            by(Seat::Black, moved("P@e4", WithMove::DrawClaim)),
        ),
        (
            "00000019 0006474846204000 03fb0104010101fc0002bf20fa01000001",
            by(Seat::Black, EventKind::DrawOffered),
        ),
        (
            "00000019 0006474846204000 03fb0104010100fc0002bf20fa01000002",
            by(Seat::White, EventKind::DrawDeclined),
        ),
        (
            "00000019 0006474846204000 03fb0104010101fc0002bf20fa01000003",
            by(Seat::Black, EventKind::TakebackOffered),
        ),
        (
            "00000019 0006474846204000 03fb0104010100fc0002bf20fa01000004",
            by(Seat::White, EventKind::TakebackDeclined),
        ),
        (
            "0000001a 0006474846204000 03fb0104010100fc0002bf20fa0100000502",
            by(Seat::White, EventKind::TakenBack { plies: 2 }),
        ),
        (
            "0000001a 0006474846204000 03fb0104010101fc0002bf20fa010000060f",
            by(Seat::Black, EventKind::TimeGiven { seconds: 15 }),
        ),
        (
            "00000018 0006474846204000 03fb0104010101fc0002bf20fa000008",
            event(Some(Seat::Black), EventKind::RematchOffered, clock(None)),
        ),
        (
            "00000018 0006474846204000 03fb0104010100fc0002bf20fa000009",
            event(Some(Seat::White), EventKind::RematchDeclined, clock(None)),
        ),
        (
            "00000024 0006474846204000 03fb0104010100fc0002bf20fa00000a30415a617a39383736 \
             353433",
            event(
                Some(Seat::White),
                EventKind::RematchAgreed { match_id },
                clock(None),
            ),
        ),
    ]
}

/// Each outcome, and each termination.
pub(super) fn endings() -> Table<ServerFrame> {
    let ended = |outcome, termination| {
        let kind = EventKind::Ended {
            outcome,
            termination,
        };
        event(None, kind, clock(None))
    };
    vec![
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070000",
            ended(Outcome::WhiteWins, Termination::Checkmate),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070201",
            ended(Outcome::Draw, Termination::Stalemate),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070202",
            ended(Outcome::Draw, Termination::DeadPosition),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070103",
            ended(Outcome::BlackWins, Termination::VariantEnd),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070204",
            ended(Outcome::Draw, Termination::FivefoldRepetition),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070205",
            ended(Outcome::Draw, Termination::SeventyFiveMoves),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070206",
            ended(Outcome::Draw, Termination::MaxLength),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070207",
            ended(Outcome::Draw, Termination::ThreefoldRepetition),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070208",
            ended(Outcome::Draw, Termination::FiftyMoves),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070009",
            ended(Outcome::WhiteWins, Termination::Abandoned),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa000007010a",
            ended(Outcome::BlackWins, Termination::Resignation),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa000007020b",
            ended(Outcome::Draw, Termination::DrawAgreement),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa000007010c",
            ended(Outcome::BlackWins, Termination::TimeForfeit),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa000007030d",
            ended(Outcome::Aborted, Termination::Aborted),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa000007030e",
            ended(Outcome::Aborted, Termination::WhiteNoStart),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa000007030f",
            ended(Outcome::Aborted, Termination::BlackNoStart),
        ),
        (
            "00000019 0006474846204000 03fb01040100fc0002bf20fa0000070310",
            ended(Outcome::Aborted, Termination::Adjudicated),
        ),
    ]
}
