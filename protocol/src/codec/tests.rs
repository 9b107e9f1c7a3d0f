//! Limits, and bytes that are not a frame.

use bytes::{BufMut, Bytes, BytesMut};
use game_core::{CommandId, CommandKind, MatchId};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::arbitrary::{client_frame, server_frame};
use super::*;
use crate::{Join, JoinFlags};

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
    let cases: [(&str, &[u8]); 9] = [
        ("no body", &[]),
        ("an unknown message", &[4]),
        ("an unknown command", &[1, 7, 16]),
        (
            "something unknown with a move",
            &[1, 7, 0, 0, 251, 0x07, 0x0c, 3],
        ),
        ("a move that is none", &[1, 7, 0, 0, 0, 0]),
        (
            "a match id of other characters",
            b"\x00\x02\x00abcdefghijk!\x00\x00",
        ),
        (
            "a token of 2^63 bytes",
            b"\x00\x02\x00abcdefghijkl\xfd\x80\0\0\0\0\0\0\0\x00",
        ),
        (
            "a token that is not UTF-8",
            b"\x00\x02\x00abcdefghijkl\x01\xff\x00",
        ),
        ("a bool of 2", b"\x00\x02\x00abcdefghijkl\x01a\x02"),
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
fn a_server_frame_that_ends_within_its_time_is_refused() {
    for len in 0..8 {
        let result = decode_server(&mut framed(&[0; 8][..len]));
        assert!(matches!(result, Err(FrameError::Malformed(_))), "{len}");
    }
}

/// The longest `Join` with a token, and the longest line of chat.
#[test]
fn the_longest_frames_of_a_client_fit() {
    let join = ClientFrame::Join(Join {
        version: VERSION,
        flags: JoinFlags(u32::MAX),
        match_id: MatchId::from_random(1),
        token: "t".repeat(TOKEN_LEN_MAX),
        seen: Some(u32::MAX),
    });
    let line = ClientFrame::Say {
        id: u64::MAX,
        text: "\u{10ffff}".repeat(crate::CHAT_LEN_MAX),
    };
    for frame in [join, line] {
        let bytes = encode_client(&frame);
        assert!(
            bytes.len() - HEADER_LEN <= CLIENT_FRAME_LEN_MAX,
            "{} bytes",
            bytes.len()
        );
        assert_eq!(decode_client(&mut buffer(&bytes)), Ok(Some(frame)));
    }
}

#[test]
fn a_stamp_changes_the_time_and_nothing_else() {
    let frame = ServerFrame {
        epoch: game_core::Epoch(1),
        seq: 2,
        body: ServerBody::Heartbeat,
    };
    let waiting = encode_server(&frame);
    assert_eq!(waiting.len(), 4 + 8 + 3);
    let times = [0, 1, u64::MAX].map(UnixMicros);
    for time in times {
        let sent = waiting.clone().stamp(time);
        let received = decode_server(&mut buffer(&sent)).unwrap().unwrap();
        assert_eq!((received.time, &received.frame), (time, &frame));
    }
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
    fn a_server_frame_comes_back_as_it_was(frame in server_frame(), time in any::<u64>()) {
        let time = UnixMicros(time);
        let mut bytes = buffer(&encode_server(&frame).stamp(time));
        prop_assert!(bytes.len() <= HEADER_LEN + SERVER_FRAME_LEN_MAX);
        prop_assert_eq!(decode_server(&mut bytes), Ok(Some(Received { time, frame })));
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn a_server_frame_is_allocated_once(frame in server_frame()) {
        let expected = capacity(&frame.body);
        // The length of a state also depends on its names and tags, which are mostly short.
        if !matches!(frame.body, ServerBody::Joined(_)) {
            prop_assert!(encode_server(&frame).len() <= expected);
        }
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
        survives(&with_flipped_bit(&encode_server(&server).stamp(UnixMicros(1)), bit));
    }
}
