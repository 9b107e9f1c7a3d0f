//! Every message with its bytes: a change of the wire format fails here, and needs a new [`ALPN`].
//!
//! [`ALPN`]: crate::ALPN

use std::fmt::{Debug, Write as _};

use bytes::BytesMut;
use game_core::{
    BySeat, ClockStart, CommandId, CommandKind, Epoch, EventKind, Outcome, Refusal, Seat,
    Termination, TimeControl, UnixMillis,
};

use super::{decode_client, decode_server, encode_client, encode_server};
use crate::{
    CatchUp, ClientFrame, ClockView, CloseCode, Join, Joined, MatchState, Role, SeatView,
    ServerBody, ServerFrame, WireEvent, WireRefusal,
};

/// Compares each message's bytes with the table, and reads the table's bytes back.
fn check<T: Debug + PartialEq>(
    table: Vec<(&str, T)>,
    encode: fn(&T) -> bytes::Bytes,
    decode: fn(&mut BytesMut) -> Result<Option<T>, super::FrameError>,
) {
    let mut differences = String::new();
    for (expected, message) in table {
        let actual = hex(&encode(&message));
        let expected: String = expected.split_whitespace().collect();
        if actual != expected {
            let _ = writeln!(differences, "{message:?}\n is now {actual}");
            continue;
        }
        let mut bytes = BytesMut::from(unhex(&expected).as_slice());
        assert_eq!(decode(&mut bytes), Ok(Some(message)));
    }
    assert!(
        differences.is_empty(),
        "the wire has changed:\n{differences}"
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn command(id: u64, kind: CommandKind) -> ClientFrame {
    ClientFrame::Command {
        id: CommandId(id),
        kind,
    }
}

#[test]
fn client_frames() {
    let join = |seen| {
        ClientFrame::Join(Join {
            match_id: "0AZaz9876543".parse().unwrap(),
            token: "a.b.c".into(),
            seen,
        })
    };
    let e2e4 = CommandKind::Move {
        ply: 0,
        uci: "e2e4".parse().unwrap(),
        offers_draw: false,
    };
    let promotion = CommandKind::Move {
        ply: 301,
        uci: "a7a8q".parse().unwrap(),
        offers_draw: true,
    };
    let table = vec![
        (
            "000000140030415a617a3938373635343305612e622e6300",
            join(None),
        ),
        (
            "000000170030415a617a3938373635343305612e622e6301fb012c",
            join(Some(300)),
        ),
        ("0000000801010000fb070c00", command(1, e2e4)),
        (
            "0000001201fdffffffffffffffff00fb012dfb5e3001",
            command(u64::MAX, promotion),
        ),
        ("00000003010201", command(2, CommandKind::Resign)),
        ("00000003010302", command(3, CommandKind::Abort)),
        ("00000003010403", command(4, CommandKind::OfferDraw)),
        ("00000003010504", command(5, CommandKind::AcceptDraw)),
        ("00000003010605", command(6, CommandKind::DeclineDraw)),
        ("0000000102", ClientFrame::Leave),
    ];
    check(table, encode_client, decode_client);
}

fn server(body: ServerBody) -> ServerFrame {
    ServerFrame {
        epoch: Epoch(3),
        seq: 260,
        body,
    }
}

fn clock(running: Option<Seat>) -> ClockView {
    ClockView {
        white_ms: 180_000,
        black_ms: 250,
        running,
    }
}

fn joined(role: Role, catch_up: CatchUp) -> ServerFrame {
    server(ServerBody::Joined(Box::new(Joined {
        role,
        catch_up,
        clock: clock(Some(Seat::White)),
        connected: BySeat {
            white: true,
            black: false,
        },
        paused: false,
        server_time: UnixMillis(1_767_225_600_000),
    })))
}

fn state() -> MatchState {
    let player = |id: &str, name: &str| SeatView {
        id: id.parse().unwrap(),
        name: name.into(),
    };
    MatchState {
        players: BySeat {
            white: player("w", "Ann"),
            black: player("b", "Bö"),
        },
        time_control: TimeControl::from_millis(180_000, 2_000).unwrap(),
        clock_start: ClockStart::AfterFirstMoves,
        rated: false,
        start_fen: None,
        fen: "k7".into(),
        moves: vec!["e2e4".parse().unwrap(), "e7e5".parse().unwrap()],
        draw_offer: None,
        result: None,
    }
}

#[test]
fn joins() {
    let ended = MatchState {
        clock_start: ClockStart::AtOnce,
        rated: true,
        start_fen: Some("K7".into()),
        draw_offer: Some(Seat::Black),
        result: Some((Outcome::WhiteWins, Termination::Checkmate)),
        ..state()
    };
    let offered = WireEvent {
        seat: Some(Seat::Black),
        kind: EventKind::DrawOffered,
        clock: clock(Some(Seat::White)),
    };
    let declined = WireEvent {
        kind: EventKind::DrawDeclined,
        ..offered.clone()
    };
    let missed = vec![(259, offered), (260, declined)];
    let table = vec![
        (
            "0000003e03fb0104000000017703416e6e01620342c3b6fc0002bf20fb07d0000000026b3702fb07 \
             0cfb09340000fc0002bf20fa0100010000fd0000019b76daa800",
            joined(Role::White, CatchUp::State(state())),
        ),
        (
            "0000004403fb0104000200017703416e6e01620342c3b6fc0002bf20fb07d0010101024b37026b37 \
             02fb070cfb09340101010000fc0002bf20fa0100010000fd0000019b76daa800",
            joined(Role::Spectator, CatchUp::State(ended)),
        ),
        (
            "0000001c03fb010400010100fc0002bf20fa0100010000fd0000019b76daa800",
            joined(Role::Black, CatchUp::Events(vec![])),
        ),
        (
            "0000003803fb010400010102fb0103010101fc0002bf20fa0100fb0104010102fc0002bf20fa0100 \
             fc0002bf20fa0100010000fd0000019b76daa800",
            joined(Role::Black, CatchUp::Events(missed)),
        ),
    ];
    check(table, encode_server, decode_server);
}

fn event(seat: Option<Seat>, kind: EventKind, running: Option<Seat>) -> ServerFrame {
    server(ServerBody::Event(WireEvent {
        seat,
        kind,
        clock: clock(running),
    }))
}

#[test]
fn events() {
    let moved = EventKind::Moved {
        uci: "e1g1".parse().unwrap(),
        offers_draw: true,
    };
    let table = vec![
        (
            "0000001403fb010401010000fb018401fc0002bf20fa0101",
            event(Some(Seat::White), moved, Some(Seat::Black)),
        ),
        (
            "0000001003fb010401010101fc0002bf20fa0100",
            event(Some(Seat::Black), EventKind::DrawOffered, Some(Seat::White)),
        ),
        (
            "0000001003fb010401010002fc0002bf20fa0100",
            event(
                Some(Seat::White),
                EventKind::DrawDeclined,
                Some(Seat::White),
            ),
        ),
    ];
    check(table, encode_server, decode_server);
}

#[test]
fn endings() {
    let ended = |outcome, termination| {
        let kind = EventKind::Ended {
            outcome,
            termination,
        };
        event(None, kind, None)
    };
    let table = vec![
        (
            "0000001003fb01040100030000fc0002bf20fa00",
            ended(Outcome::WhiteWins, Termination::Checkmate),
        ),
        (
            "0000001003fb01040100030201fc0002bf20fa00",
            ended(Outcome::Draw, Termination::Stalemate),
        ),
        (
            "0000001003fb01040100030202fc0002bf20fa00",
            ended(Outcome::Draw, Termination::DeadPosition),
        ),
        (
            "0000001003fb01040100030203fc0002bf20fa00",
            ended(Outcome::Draw, Termination::FivefoldRepetition),
        ),
        (
            "0000001003fb01040100030204fc0002bf20fa00",
            ended(Outcome::Draw, Termination::SeventyFiveMoves),
        ),
        (
            "0000001003fb01040100030205fc0002bf20fa00",
            ended(Outcome::Draw, Termination::MaxLength),
        ),
        (
            "0000001003fb01040100030106fc0002bf20fa00",
            ended(Outcome::BlackWins, Termination::Resignation),
        ),
        (
            "0000001003fb01040100030207fc0002bf20fa00",
            ended(Outcome::Draw, Termination::DrawAgreement),
        ),
        (
            "0000001003fb01040100030108fc0002bf20fa00",
            ended(Outcome::BlackWins, Termination::TimeForfeit),
        ),
        (
            "0000001003fb01040100030309fc0002bf20fa00",
            ended(Outcome::Aborted, Termination::Aborted),
        ),
        (
            "0000001003fb0104010003030afc0002bf20fa00",
            ended(Outcome::Aborted, Termination::WhiteNoStart),
        ),
        (
            "0000001003fb0104010003030bfc0002bf20fa00",
            ended(Outcome::Aborted, Termination::BlackNoStart),
        ),
        (
            "0000001003fb0104010003030cfc0002bf20fa00",
            ended(Outcome::Aborted, Termination::Adjudicated),
        ),
    ];
    check(table, encode_server, decode_server);
}

#[test]
fn answers_to_commands() {
    let refused = |reason| {
        server(ServerBody::Refused {
            command_id: CommandId(9),
            reason,
        })
    };
    let rule = |refusal| refused(WireRefusal::Match(refusal));
    let ack = server(ServerBody::Ack {
        command_id: CommandId(1 << 40),
        event: 260,
    });
    let table = vec![
        ("0000001103fb010402fd0000010000000000fb0104", ack),
        ("0000000803fb010403090000", rule(Refusal::MatchOver)),
        ("0000000803fb010403090001", rule(Refusal::NotYourTurn)),
        ("0000000803fb010403090002", rule(Refusal::StalePly)),
        ("0000000803fb010403090003", rule(Refusal::IllegalMove)),
        ("0000000803fb010403090004", rule(Refusal::TooEarly)),
        ("0000000803fb010403090005", rule(Refusal::TooLate)),
        ("0000000803fb010403090006", rule(Refusal::OfferTooSoon)),
        ("0000000803fb010403090007", rule(Refusal::NoOffer)),
        ("0000000803fb010403090008", rule(Refusal::CommandIdReused)),
        ("0000000703fb0104030901", refused(WireRefusal::NotAPlayer)),
        ("0000000703fb0104030902", refused(WireRefusal::RateLimited)),
        ("0000000703fb0104030903", refused(WireRefusal::Paused)),
    ];
    check(table, encode_server, decode_server);
}

#[test]
fn what_the_shard_says_of_itself() {
    let presence = |seat, connected| server(ServerBody::Presence { seat, connected });
    let closed = |code| server(ServerBody::Closed(code));
    let table = vec![
        ("0000000703fb0104040001", presence(Seat::White, true)),
        ("0000000703fb0104040100", presence(Seat::Black, false)),
        ("0000000503fb010405", server(ServerBody::Paused)),
        (
            "0000000c03fb010406fc0002bf20fa00",
            server(ServerBody::Clock(clock(None))),
        ),
        ("0000000603fb01040700", closed(CloseCode::Done)),
        ("0000000603fb0104070e", closed(CloseCode::Internal)),
    ];
    check(table, encode_server, decode_server);
}

#[test]
fn a_close_code_stands_in_a_frame_as_its_number() {
    for number in 0..=15 {
        let body = [3, 5, 7, number];
        let mut frame = BytesMut::from([&[0, 0, 0, 4], body.as_slice()].concat().as_slice());
        let code = match decode_server(&mut frame) {
            Ok(Some(ServerFrame {
                body: ServerBody::Closed(code),
                ..
            })) => Some(code),
            _ => None,
        };
        assert_eq!(code, CloseCode::from_number(number.into()), "{number}");
    }
}

#[test]
fn the_handshake_names_the_version() {
    assert_eq!(crate::ALPN, b"rookery/1");
}
