//! What a shard may say, for tests to say it.

use std::time::Duration;

use game_core::{
    BySeat, ClockStart, CommandId, Epoch, EventKind, MatchId, Outcome, Position, Seat, Termination,
    TimeControl, Uci, UnixMillis,
};
use protocol::{
    CatchUp, ClockView, Joined, MatchState, Role, SeatView, ServerBody, ServerFrame, WireEvent,
};

pub(crate) fn match_id() -> MatchId {
    "0123456789Ab".parse().unwrap()
}

pub(crate) fn uci(text: &str) -> Uci {
    text.parse().unwrap()
}

pub(crate) fn clock(running: Option<Seat>) -> ClockView {
    ClockView {
        white_ms: 60_000,
        black_ms: 50_000,
        running,
    }
}

/// The state after `moves`, separated by spaces.
pub(crate) fn state(moves: &str) -> MatchState {
    let moves: Vec<Uci> = moves.split_whitespace().map(uci).collect();
    let mut position = Position::default();
    for &uci in &moves {
        position.play_uci(uci).unwrap();
    }
    let player = |seat: Seat| SeatView {
        id: seat.to_string().parse().unwrap(),
        name: seat.to_string(),
    };
    MatchState {
        players: BySeat::new_with(player),
        time_control: TimeControl::from_millis(60_000, 0).unwrap(),
        clock_start: ClockStart::AfterFirstMoves,
        rated: false,
        start_fen: None,
        fen: position.fen(),
        moves,
        draw_offer: None,
        result: None,
    }
}

pub(crate) fn joined(epoch: u64, seq: u32, catch_up: CatchUp) -> ServerFrame {
    let joined = Joined {
        role: Role::White,
        catch_up,
        clock: clock(Some(Seat::White)),
        connected: BySeat {
            white: true,
            black: true,
        },
        paused: false,
        server_time: UnixMillis(0),
    };
    frame(epoch, seq, ServerBody::Joined(Box::new(joined)))
}

/// The first answer to a `Join`: a match in which `moves` are all that happened.
pub(crate) fn whole(epoch: u64, moves: &str) -> ServerFrame {
    let seq = u32::try_from(moves.split_whitespace().count()).unwrap();
    joined(epoch, seq, CatchUp::State(state(moves)))
}

pub(crate) fn frame(epoch: u64, seq: u32, body: ServerBody) -> ServerFrame {
    let epoch = Epoch(epoch);
    ServerFrame { epoch, seq, body }
}

pub(crate) fn moved(seq: u32, text: &str) -> (u32, WireEvent) {
    let seat = if seq % 2 == 1 {
        Seat::White
    } else {
        Seat::Black
    };
    let kind = EventKind::Moved {
        uci: uci(text),
        offers_draw: false,
    };
    let clock = clock(Some(seat.opponent()));
    let seat = Some(seat);
    (seq, WireEvent { seat, kind, clock })
}

pub(crate) fn ended(seq: u32, outcome: Outcome, termination: Termination) -> (u32, WireEvent) {
    let kind = EventKind::Ended {
        outcome,
        termination,
    };
    let clock = clock(None);
    let resigns = termination == Termination::Resignation;
    let loser = outcome.winner().map(Seat::opponent);
    (
        seq,
        WireEvent {
            seat: loser.filter(|_| resigns),
            kind,
            clock,
        },
    )
}

pub(crate) fn event(epoch: u64, (seq, event): (u32, WireEvent)) -> ServerFrame {
    frame(epoch, seq, ServerBody::Event(event))
}

pub(crate) fn ack(epoch: u64, seq: u32, command_id: CommandId, event: u32) -> ServerFrame {
    frame(epoch, seq, ServerBody::Ack { command_id, event })
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
