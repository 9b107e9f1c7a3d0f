//! What a client sends.

use game_core::{CommandKind, WithMove};

use super::{Table, id};
use crate::{ClientFrame, Join, JoinFlags};

pub(super) fn joins() -> Table<ClientFrame> {
    let join = |flags, seen| {
        ClientFrame::Join(Join {
            version: 2,
            flags,
            match_id: "0AZaz9876543".parse().unwrap(),
            token: "a.b.c".into(),
            seen,
        })
    };
    let all_flags = JoinFlags::NO_LAG_COMPENSATION
        .with(JoinFlags::HEARTBEATS)
        .with(JoinFlags::DELAYED)
        .with(JoinFlags::COMPACT);
    vec![
        (
            "00000016 00020030415a617a3938373635343305612e622e6300",
            join(JoinFlags::NONE, None),
        ),
        (
            "00000019 00020230415a617a3938373635343305612e622e6301fb012c",
            join(JoinFlags::HEARTBEATS, Some(300)),
        ),
        (
            "00000017 00020f30415a617a3938373635343305612e622e630100",
            join(all_flags, Some(0)),
        ),
    ]
}

pub(super) fn commands() -> Table<ClientFrame> {
    let command = |number, kind| ClientFrame::Command {
        id: id(number),
        kind,
    };
    let a_move = |position_seq, uci: &str, with| CommandKind::Move {
        position_seq,
        uci: uci.parse().unwrap(),
        with,
    };
    let say = |id, text: &str| ClientFrame::Say {
        id,
        text: text.into(),
    };
    vec![
        (
            "00000008 01010000fb070c00",
            command(1, a_move(0, "e2e4", WithMove::Nothing)),
        ),
        (
            "00000012 01fdffffffffffffffff00fb012dfb5e3001",
            command(u64::MAX, a_move(301, "a7a8q", WithMove::DrawOffer)),
        ),
        (
            "0000000c 010200fc00011170fb255502",
            command(2, a_move(70_000, "N@f3", WithMove::DrawClaim)),
        ),
        ("00000003 010201", command(2, CommandKind::Resign)),
        ("00000003 010302", command(3, CommandKind::Abort)),
        ("00000003 010403", command(4, CommandKind::OfferDraw)),
        ("00000003 010504", command(5, CommandKind::AcceptDraw)),
        ("00000003 010605", command(6, CommandKind::DeclineDraw)),
        ("00000003 010706", command(7, CommandKind::ClaimDraw)),
        ("00000003 010807", command(8, CommandKind::OfferTakeback)),
        ("00000003 010908", command(9, CommandKind::AcceptTakeback)),
        ("00000003 010a09", command(10, CommandKind::DeclineTakeback)),
        ("00000003 010b0a", command(11, CommandKind::ClaimWin)),
        (
            "00000003 010c0b",
            command(12, CommandKind::ClaimAbandonedDraw),
        ),
        (
            "00000004 010d0c0f",
            command(13, CommandKind::GiveTime { seconds: 15 }),
        ),
        ("00000003 010e0d", command(14, CommandKind::OfferRematch)),
        ("00000003 010f0e", command(15, CommandKind::AcceptRematch)),
        ("00000003 01100f", command(16, CommandKind::DeclineRematch)),
        ("00000001 02", ClientFrame::Leave),
        ("00000008 030105476c206866", say(1, "Gl hf")),
        (
            "0000000f 03fb00fb0ae2999f20736368c3b66e",
            say(251, "♟ schön"),
        ),
    ]
}
