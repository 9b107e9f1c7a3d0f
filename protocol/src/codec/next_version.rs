//! What a later version may add without cutting off anybody: members at the end of frames and of their
//! growing parts, and kinds of frame, event and refusal. The frames here are those of a made-up next
//! version.

use bytes::{BufMut, BytesMut};
use game_core::{
    CommandId, CommandKind, Epoch, EventKind, MatchId, Refusal, Seat, UnixMillis, WithMove,
};
use proptest::prelude::any;
use proptest::{prop_assert_eq, proptest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::arbitrary::{client_frame, server_frame};
use super::{FrameError, HEADER_LEN, decode_client, decode_server, encode_client, encode_server};
use crate::format::decode_part;
use crate::{
    CatchUp, ChatLine, ChatRefusal, ClientFrame, ClockView, CloseCode, Join, JoinFlags, Joined,
    Role, ServerBody, ServerFrame, UnixMicros, WireEvent, WireRefusal,
};

const EPOCH: u64 = 3;
const SEQ: u32 = 260;

/// Numbers of kinds of event.
const DRAW_OFFERED: u32 = 1;
const TAKEN_BACK: u32 = 5;

/// What a later version adds somewhere.
const MORE: (u64, &str) = (u64::MAX, "more");

/// A frame with this body.
fn framed(body: &impl Serialize, blank: usize) -> BytesMut {
    super::encode(body, blank, 0)
}

/// A shard's frame of the next version, which has more behind its body, as it is read here.
fn read(number: u32, body: impl Serialize) -> ServerBody {
    let mut bytes = framed(&(EPOCH, SEQ, number, body, MORE), 8);
    let frame = decode_server(&mut bytes).unwrap().unwrap().frame;
    assert!(bytes.is_empty(), "the frame is taken whole");
    assert_eq!((frame.epoch, frame.seq), (Epoch(EPOCH), SEQ));
    frame.body
}

fn clock() -> ClockView {
    ClockView {
        white_ms: 1,
        black_ms: 2,
        running: Some(Seat::White),
        delay_ms: 3,
    }
}

#[test]
fn an_unknown_kind_of_frame_is_skipped() {
    for number in [15, 250, 251, u32::MAX] {
        assert_eq!(read(number, (1_u64, "text")), ServerBody::Unknown);
    }
}

#[test]
fn the_frame_after_an_unknown_one_is_read() {
    let mut bytes = framed(&(EPOCH, SEQ, 99_u32, "text"), 8);
    bytes.unsplit(framed(&(EPOCH, SEQ, 9_u32), 8));
    let mut next = || decode_server(&mut bytes).unwrap().unwrap().frame.body;
    assert_eq!(
        [next(), next()],
        [ServerBody::Unknown, ServerBody::Heartbeat]
    );
}

/// The bytes of a part, which in a frame stand behind their length.
fn part(content: &impl Serialize) -> Vec<u8> {
    framed(content, 0)[HEADER_LEN..].to_vec()
}

#[test]
fn more_in_an_event_and_an_unknown_event_are_skipped() {
    let event = |seat, kind| {
        ServerBody::Event(WireEvent {
            seat,
            clock: clock(),
            kind,
        })
    };
    let known = EventKind::TakenBack { plies: 2 };
    let next = (Some(Seat::Black), clock(), TAKEN_BACK, 2_u8, MORE);
    assert_eq!(read(1, next), event(Some(Seat::Black), Some(known)));
    for number in [14_u32, 250, 251, u32::MAX] {
        let next = (None::<Seat>, clock(), number, MORE);
        assert_eq!(read(1, next), event(None, None), "{number}");
    }
}

#[test]
fn unknown_events_among_those_that_were_missed_keep_their_place() {
    const EVENTS: u32 = 1;
    let entry = |seq: u32, number: u32| part(&(seq, None::<Seat>, clock(), number, 2_u8, MORE));
    let missed = vec![
        entry(258, TAKEN_BACK),
        entry(259, 200),
        entry(260, DRAW_OFFERED),
    ];
    let connected = (true, true);
    let body = read(0, (Role::White, EVENTS, missed, clock(), connected, false));
    let ServerBody::Joined(joined) = body else {
        panic!("{body:?}");
    };
    let CatchUp::Events(events) = joined.catch_up else {
        panic!("{:?}", joined.catch_up);
    };
    let kinds = events.iter().map(|(seq, event)| (*seq, event.kind));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            (258, Some(EventKind::TakenBack { plies: 2 })),
            (259, None),
            (260, Some(EventKind::DrawOffered)),
        ]
    );
    assert_eq!(joined.clock, clock(), "what follows the events is read");
}

#[test]
fn more_in_a_line_of_chat_is_skipped() {
    let line = ChatLine {
        seat: None,
        name: "Eve".into(),
        text: "hi".into(),
        at: UnixMillis(1),
    };
    let next = part(&(&line, MORE));
    let body = read(11, vec![next.clone(), next]);
    assert_eq!(body, ServerBody::Chat(vec![line.clone(), line]));
}

#[test]
fn unknown_reasons_are_told_apart_from_known_ones() {
    let id = CommandId(7);
    let refused = |reason| ServerBody::Refused {
        command_id: id,
        reason,
    };
    for (number, inner) in [(0, 16), (0, 300), (5, 0), (900, 0)] {
        let body = read(3, (id, number, inner));
        assert_eq!(body, refused(WireRefusal::Unknown), "{number} {inner}");
    }
    let known = WireRefusal::Match(Refusal::TooManyEvents);
    assert_eq!(read(3, (id, 0_u32, 15_u32)), refused(known));

    let not_said = |reason| ServerBody::NotSaid { id: 7, reason };
    assert_eq!(read(13, (7_u64, 6_u32)), not_said(ChatRefusal::Unknown));
    assert_eq!(read(13, (7_u64, 4_u32)), not_said(ChatRefusal::Empty));

    assert_eq!(read(7, 17_u32), ServerBody::Closed(CloseCode::Unknown));
    assert_eq!(read(7, 15_u32), ServerBody::Closed(CloseCode::Unsupported));
}

/// What is damaged is not mistaken for something unknown.
#[test]
fn a_known_kind_with_impossible_content_is_refused() {
    for (number, content) in [(3_u32, vec![7_u8, 0]), (4, vec![2, 1]), (1, vec![0, 1])] {
        let mut body = vec![0; 8];
        body.extend([3, 5, number as u8]);
        body.extend(content);
        let mut bytes = BytesMut::new();
        bytes.put_u32(body.len() as u32);
        bytes.extend_from_slice(&body);
        let read = decode_server(&mut bytes);
        assert!(matches!(read, Err(FrameError::Malformed(_))), "{read:?}");
    }
}

/// The layout of the rest is that of another version.
#[test]
fn a_join_of_another_version_is_told_by_its_version() {
    for version in [0_u16, 1, 3, 251, u16::MAX] {
        let mut next = framed(&(0_u32, version, "all is new here"), 0);
        assert_eq!(decode_client(&mut next), Err(FrameError::Version(version)));
        let mut nothing_else = framed(&(0_u32, version), 0);
        let refused = Err(FrameError::Version(version));
        assert_eq!(decode_client(&mut nothing_else), refused);
    }
}

#[test]
fn more_in_a_join_and_in_a_command_is_skipped() {
    let join = Join {
        version: 2,
        flags: JoinFlags(u32::MAX),
        match_id: MatchId::from_random(7),
        token: "a.b.c".into(),
        seen: Some(3),
    };
    let mut next = framed(&(0_u32, &join, MORE), 0);
    assert_eq!(decode_client(&mut next), Ok(Some(ClientFrame::Join(join))));

    let kind = CommandKind::Move {
        position_seq: 4,
        uci: "e2e4".parse().unwrap(),
        with: WithMove::Nothing,
    };
    let id = CommandId(9);
    let mut next = framed(&(1_u32, id, kind, MORE), 0);
    let command = ClientFrame::Command { id, kind };
    assert_eq!(decode_client(&mut next), Ok(Some(command)));
}

/// A member that the next version adds, and reads from frames that have it and from those of an older
/// sender, which end before it.
fn at_end<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: DeserializeOwned + Default,
    D: Deserializer<'de>,
{
    Ok(T::deserialize(from).unwrap_or_default())
}

#[test]
fn the_next_version_reads_parts_that_end_before_what_it_added() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct NextLine {
        line: ChatLine,
        #[serde(deserialize_with = "at_end")]
        answers: Option<u64>,
    }
    let line = ChatLine {
        seat: Some(Seat::White),
        name: "Ann".into(),
        text: "hi".into(),
        at: UnixMillis(1),
    };
    let read: NextLine = decode_part(&part(&line)).unwrap();
    assert_eq!((&read.line, read.answers), (&line, None));
    let next = NextLine {
        line,
        answers: Some(7),
    };
    assert_eq!(decode_part::<NextLine>(&part(&next)).unwrap(), next);
}

/// The body of a frame, with bytes behind it.
fn extended(frame: &[u8], more: &[u8]) -> BytesMut {
    let body = &frame[HEADER_LEN..];
    let mut extended = BytesMut::new();
    extended.put_u32((body.len() + more.len()) as u32);
    extended.extend_from_slice(body);
    extended.extend_from_slice(more);
    extended
}

proptest! {
    #[test]
    fn more_in_a_state_is_skipped(frame in server_frame()) {
        const STATE: u32 = 0;
        if let ServerBody::Joined(joined) = frame.body
            && let CatchUp::State(state) = &joined.catch_up
        {
            let Joined { role, clock, connected, paused, .. } = *joined;
            let next = part(&(state, MORE));
            let body = read(0, (role, STATE, next, clock, connected, paused));
            prop_assert_eq!(body, ServerBody::Joined(joined));
        }
    }

    #[test]
    fn whatever_follows_in_a_frame_is_skipped(
        client in client_frame(),
        server in server_frame(),
        more in proptest::collection::vec(any::<u8>(), 1..100),
    ) {
        let mut bytes = extended(&encode_client(&client), &more);
        prop_assert_eq!(decode_client(&mut bytes), Ok(Some(client)));
        let sent = encode_server(&server).stamp(UnixMicros(1));
        let received = decode_server(&mut extended(&sent, &more)).unwrap().unwrap();
        prop_assert_eq!(received.frame, server);
    }
}

#[test]
fn a_frame_keeps_its_place_in_every_version() {
    // Versions are told by these bytes, so no version changes them: time, epoch, seq, kind 8, two numbers.
    let body = [&[0; 8][..], &[0, 0, 8, 5, 7]].concat();
    let mut bytes = BytesMut::new();
    bytes.put_u32(body.len() as u32);
    bytes.extend_from_slice(&body);
    let frame = decode_server(&mut bytes).unwrap().unwrap().frame;
    let expected = ServerFrame {
        epoch: Epoch(0),
        seq: 0,
        body: ServerBody::Unsupported { min: 5, max: 7 },
    };
    assert_eq!(frame, expected);
}
