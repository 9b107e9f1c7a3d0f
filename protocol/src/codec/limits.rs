//! The longest messages of a shard fit a frame.

use std::time::Duration;

use bytes::BytesMut;
use game_core::{
    BySeat, ClockStart, Delay, Epoch, EventKind, MatchId, MatchTags, Outcome, PLIES_MAX, PlayerId,
    Rule, Seat, Stage, Termination, TimeControl, Uci, UnixMillis, Variant, WithMove,
};

use super::{CATCH_UP_EVENTS_MAX, HEADER_LEN, SERVER_FRAME_LEN_MAX, decode_server, encode_server};
use crate::{
    CHAT_KEPT_MAX, CHAT_LEN_MAX, CatchUp, ChatLine, ClockView, Joined, MatchState, Received, Role,
    SeatView, ServerBody, ServerFrame, TagsView, UnixMicros, WireEvent,
};

const LONGEST_CLOCK: ClockView = ClockView {
    white_ms: u32::MAX,
    black_ms: u32::MAX,
    running: Some(Seat::Black),
    delay_ms: u32::MAX,
};

/// The longest name.
fn name() -> String {
    "\u{10ffff}".repeat(32)
}

/// The length of a body, which comes back as it was.
fn len(body: ServerBody) -> usize {
    let frame = ServerFrame {
        epoch: Epoch(u64::MAX),
        seq: u32::MAX,
        body,
    };
    let time = UnixMicros(u64::MAX);
    let bytes = encode_server(&frame).stamp(time);
    let mut buffer = BytesMut::from(&bytes[..]);
    let received = Received { time, frame };
    assert_eq!(decode_server(&mut buffer), Ok(Some(received)));
    bytes.len() - HEADER_LEN
}

/// The longest `Joined` with `catch_up`.
fn joined(catch_up: CatchUp) -> ServerBody {
    ServerBody::Joined(Box::new(Joined {
        role: Role::Spectator,
        catch_up,
        clock: LONGEST_CLOCK,
        connected: BySeat {
            white: true,
            black: true,
        },
        paused: true,
    }))
}

/// The longest move.
fn longest_move() -> Uci {
    "h7h8q".parse().unwrap()
}

fn longest_control() -> TimeControl {
    let stage = |moves| Stage {
        moves,
        time: TimeControl::INITIAL_MAX,
        increment: TimeControl::INCREMENT_MAX,
        delay: Delay::Bronstein(Duration::from_secs(180)),
    };
    TimeControl::from_stages(&[stage(Some(600)), stage(Some(600)), stage(None)]).unwrap()
}

/// The longest match, with the longest names, identities, tags and positions.
fn longest_state() -> MatchState {
    let player = SeatView {
        id: "p".repeat(PlayerId::LEN_MAX).parse().unwrap(),
        name: name(),
        rating: Some(u16::MAX),
        is_bot: true,
    };
    let tag = || Some("t".repeat(MatchTags::LEN_MAX));
    // The longest FEN that a start position accepts is shorter.
    let fen = "f".repeat(200);
    MatchState {
        players: BySeat {
            white: player.clone(),
            black: player,
        },
        variant: Variant::Crazyhouse,
        controls: BySeat {
            white: longest_control(),
            black: longest_control(),
        },
        clock_start: ClockStart::AtOnce,
        start_at: Some(UnixMillis(u64::MAX)),
        rated: true,
        spectator_delay_s: 60,
        chat: true,
        rules: Rule::ALL.into_iter().collect(),
        tags: Some(TagsView {
            event: tag(),
            round: tag(),
            board: tag(),
            site: tag(),
        }),
        start_fen: Some(fen.clone()),
        fen,
        moves: vec![longest_move(); PLIES_MAX.into()],
        position_seq: u32::MAX,
        draw_offer: Some(Seat::Black),
        takeback_offer: Some(Seat::Black),
        rematch_offer: Some(Seat::Black),
        rematch: Some(MatchId::from_random(1)),
        result: Some((Outcome::Draw, Termination::MaxLength)),
        // A seat offers at most once in 20 plies, and its offer may stand after two of them.
        offered_plies: vec![PLIES_MAX; usize::from(PLIES_MAX) / 5],
    }
}

/// A quarter of the limit, so that later versions have room.
#[test]
fn the_longest_match_fits_with_room_to_spare() {
    let len = len(joined(CatchUp::State(longest_state())));
    assert!(
        (4_000..SERVER_FRAME_LEN_MAX / 4).contains(&len),
        "{len} bytes"
    );
}

#[test]
fn as_many_missed_events_as_are_allowed_fit() {
    for kind in [
        EventKind::Moved {
            uci: longest_move(),
            with: WithMove::DrawClaim,
        },
        EventKind::RematchAgreed {
            match_id: MatchId::from_random(1),
        },
    ] {
        let event = WireEvent {
            seat: Some(Seat::Black),
            clock: LONGEST_CLOCK,
            kind: Some(kind),
        };
        let missed = vec![(u32::MAX, event); CATCH_UP_EVENTS_MAX];
        let len = len(joined(CatchUp::Events(missed)));
        assert!(len <= SERVER_FRAME_LEN_MAX / 2, "{len} bytes");
    }
}

#[test]
fn as_many_lines_of_chat_as_are_kept_fit() {
    let line = ChatLine {
        seat: Some(Seat::Black),
        name: name(),
        text: "\u{10ffff}".repeat(CHAT_LEN_MAX),
        at: UnixMillis(u64::MAX),
    };
    let len = len(ServerBody::Chat(vec![line; CHAT_KEPT_MAX]));
    assert!(len <= SERVER_FRAME_LEN_MAX, "{len} bytes");
}
