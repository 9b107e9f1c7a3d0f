//! Limits, and bytes that are not a frame.

use bytes::{BufMut, Bytes, BytesMut};
use game_core::{
    BySeat, ClockStart, CommandId, CommandKind, Epoch, EventKind, MatchId, Outcome, PlayerId, Seat,
    Termination, TimeControl, Uci, UnixMillis,
};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::arbitrary::{client_frame, server_frame};
use super::*;
use crate::token::TOKEN_LEN_MAX;
use crate::{CatchUp, ClockView, Join, Joined, MatchState, Role, SeatView, ServerBody, WireEvent};

fn buffer(bytes: &[u8]) -> BytesMut {
    BytesMut::from(bytes)
}

/// A frame with any body.
fn framed(body: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.put_u32(body.len() as u32);
    frame.extend_from_slice(body);
    frame
}

fn resign() -> ClientFrame {
    ClientFrame::Command {
        id: CommandId(7),
        kind: CommandKind::Resign,
    }
}

#[test]
fn a_header_above_the_limit_is_refused_before_a_byte_of_the_body_is_there() {
    for len in [CLIENT_FRAME_LEN_MAX as u32 + 1, u32::MAX] {
        let mut header = buffer(&len.to_be_bytes());
        let refused = FrameError::TooLong {
            len: len as usize,
            max: CLIENT_FRAME_LEN_MAX,
        };
        assert_eq!(decode_client(&mut header), Err(refused));
        assert_eq!(header.len(), 4, "nothing was taken");
        assert!(header.capacity() < 64, "nothing was reserved");
    }
    let mut header = buffer(&(SERVER_FRAME_LEN_MAX as u32 + 1).to_be_bytes());
    assert!(matches!(
        decode_server(&mut header),
        Err(FrameError::TooLong { .. })
    ));
}

#[test]
fn a_header_at_the_limit_waits_for_its_body() {
    let mut header = buffer(&(CLIENT_FRAME_LEN_MAX as u32).to_be_bytes());
    assert_eq!(decode_client(&mut header), Ok(None));
    let mut header = buffer(&(SERVER_FRAME_LEN_MAX as u32).to_be_bytes());
    assert_eq!(decode_server(&mut header), Ok(None));
}

#[test]
fn a_frame_cut_anywhere_is_not_complete_and_nothing_is_taken() {
    let whole = encode_client(&resign());
    for len in 0..whole.len() {
        let mut part = buffer(&whole[..len]);
        assert_eq!(decode_client(&mut part), Ok(None), "{len} bytes");
        assert_eq!(part.len(), len);
    }
}

#[test]
fn frames_in_a_row_are_taken_one_by_one() {
    let mut row = buffer(&encode_client(&resign()));
    row.extend_from_slice(&encode_client(&ClientFrame::Leave));
    row.put_u8(0);
    assert_eq!(decode_client(&mut row), Ok(Some(resign())));
    assert_eq!(decode_client(&mut row), Ok(Some(ClientFrame::Leave)));
    assert_eq!(decode_client(&mut row), Ok(None));
    assert_eq!(row.len(), 1);
}

#[test]
fn bytes_after_the_message_are_refused() {
    let mut body = encode_client(&resign())[4..].to_vec();
    body.push(0);
    let refused = FrameError::Malformed("1 bytes too many".into());
    assert_eq!(decode_client(&mut framed(&body)), Err(refused));
}

#[test]
fn a_body_that_ends_too_early_is_refused() {
    let body = &encode_client(&resign())[4..];
    for len in 0..body.len() {
        let result = decode_client(&mut framed(&body[..len]));
        assert!(
            matches!(result, Err(FrameError::Malformed(_))),
            "{len} bytes: {result:?}"
        );
    }
}

#[test]
fn what_no_message_can_hold_is_refused() {
    let cases: [(&str, &[u8]); 6] = [
        ("an unknown message", &[3]),
        ("an unknown command", &[1, 7, 6]),
        ("a bool of 2", &[1, 7, 0, 0, 251, 0x07, 0x0c, 2]),
        ("a move that is none", &[1, 7, 0, 0, 0, 0]),
        (
            "a match id of other characters",
            b"\x00abcdefghijk!\x00\x00",
        ),
        (
            "a token of 2^63 bytes",
            b"\x00abcdefghijkl\xfd\x80\0\0\0\0\0\0\0\x00",
        ),
    ];
    for (what, body) in cases {
        let result = decode_client(&mut framed(body));
        assert!(
            matches!(result, Err(FrameError::Malformed(_))),
            "{what}: {result:?}"
        );
    }
}

#[test]
fn the_longest_join_fits() {
    let join = ClientFrame::Join(Join {
        match_id: MatchId::from_random(1),
        token: "t".repeat(TOKEN_LEN_MAX),
        seen: Some(u32::MAX),
    });
    let bytes = encode_client(&join);
    assert!(
        bytes.len() - 4 <= CLIENT_FRAME_LEN_MAX,
        "{} bytes",
        bytes.len()
    );
    assert_eq!(decode_client(&mut buffer(&bytes)), Ok(Some(join)));
}

/// The longest `Joined` with `catch_up`.
fn joined(catch_up: CatchUp) -> ServerFrame {
    let joined = Joined {
        role: Role::Spectator,
        catch_up,
        clock: LONGEST_CLOCK,
        connected: BySeat {
            white: true,
            black: true,
        },
        paused: true,
        server_time: UnixMillis(u64::MAX),
    };
    ServerFrame {
        epoch: Epoch(u64::MAX),
        seq: u32::MAX,
        body: ServerBody::Joined(Box::new(joined)),
    }
}

const LONGEST_CLOCK: ClockView = ClockView {
    white_ms: u32::MAX,
    black_ms: u32::MAX,
    running: Some(Seat::Black),
};

/// The longest event of a move.
fn longest_move() -> Uci {
    "h7h8q".parse().unwrap()
}

/// The longest match (600 moves a side), with the longest names and identities.
fn longest_state() -> MatchState {
    let player = SeatView {
        id: "p".repeat(PlayerId::LEN_MAX).parse().unwrap(),
        name: "\u{10ffff}".repeat(32),
    };
    // The longest FEN that a start position accepts.
    let fen = "f".repeat(120);
    MatchState {
        players: BySeat {
            white: player.clone(),
            black: player,
        },
        time_control: TimeControl::from_millis(10_800_000, 180_000).unwrap(),
        clock_start: ClockStart::AtOnce,
        rated: true,
        start_fen: Some(fen.clone()),
        fen,
        moves: vec![longest_move(); 1_200],
        draw_offer: Some(Seat::Black),
        result: Some((Outcome::Draw, Termination::MaxLength)),
    }
}

#[test]
fn the_longest_match_fits_with_room_to_spare() {
    let frame = joined(CatchUp::State(longest_state()));
    let bytes = encode_server(&frame);
    assert!(
        bytes.len() < SERVER_FRAME_LEN_MAX / 2,
        "{} bytes",
        bytes.len()
    );
    assert_eq!(decode_server(&mut buffer(&bytes)), Ok(Some(frame)));
}

#[test]
fn as_many_missed_events_as_are_allowed_fit() {
    let event = WireEvent {
        seat: Some(Seat::Black),
        kind: EventKind::Moved {
            uci: longest_move(),
            offers_draw: true,
        },
        clock: LONGEST_CLOCK,
    };
    let frame = joined(CatchUp::Events(vec![
        (u32::MAX, event);
        CATCH_UP_EVENTS_MAX
    ]));
    let bytes = encode_server(&frame);
    assert!(
        bytes.len() <= 4 + SERVER_FRAME_LEN_MAX,
        "{} bytes",
        bytes.len()
    );
    assert_eq!(decode_server(&mut buffer(&bytes)), Ok(Some(frame)));
}

/// Bytes that are not a frame are incomplete or refused, and nothing else.
fn survives(bytes: &[u8]) {
    let mut client = buffer(bytes);
    while let Ok(Some(_)) = decode_client(&mut client) {}
    let mut server = buffer(bytes);
    while let Ok(Some(_)) = decode_server(&mut server) {}
}

/// `bytes` with one bit flipped.
fn with_flipped_bit(bytes: &Bytes, bit: usize) -> BytesMut {
    let mut flipped = buffer(bytes);
    let bit = bit % (bytes.len() * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

proptest! {
    #[test]
    fn a_client_frame_comes_back_as_it_was(frame in client_frame()) {
        let mut bytes = buffer(&encode_client(&frame));
        prop_assert_eq!(decode_client(&mut bytes), Ok(Some(frame)));
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn a_server_frame_comes_back_as_it_was(frame in server_frame()) {
        let mut bytes = buffer(&encode_server(&frame));
        prop_assert!(bytes.len() <= 4 + SERVER_FRAME_LEN_MAX);
        prop_assert_eq!(decode_server(&mut bytes), Ok(Some(frame)));
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn random_bodies_never_panic(body in vec(any::<u8>(), 0..200)) {
        survives(&framed(&body));
    }

    #[test]
    fn damaged_frames_never_panic(
        client in client_frame(),
        server in server_frame(),
        bit in any::<usize>(),
    ) {
        survives(&with_flipped_bit(&encode_client(&client), bit));
        survives(&with_flipped_bit(&encode_server(&server), bit));
    }
}
