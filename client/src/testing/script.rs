//! What a shard may say, for tests to say it.

use std::time::Duration;

use game_core::{
    BySeat, ClockStart, CommandId, Epoch, EventKind, MatchId, Outcome, Position, Rules, Seat,
    Termination, TimeControl, Uci, Variant, WithMove,
};
use protocol::{
    CatchUp, ClockView, Joined, MatchState, Received, Role, SeatView, ServerBody, ServerFrame,
    UnixMicros, WireEvent,
};

pub fn match_id() -> MatchId {
    "0123456789Ab".parse().unwrap()
}

pub fn uci(text: &str) -> Uci {
    text.parse().unwrap()
}

pub fn clock(running: Option<Seat>) -> ClockView {
    ClockView {
        white_ms: 60_000,
        black_ms: 50_000,
        running,
        delay_ms: 0,
    }
}

/// The state after `moves`, separated by spaces.
pub fn state(moves: &str) -> MatchState {
    let moves: Vec<Uci> = moves.split_whitespace().map(uci).collect();
    let mut position = Position::default();
    for &uci in &moves {
        position.play_uci(uci).unwrap();
    }
    let player = |seat: Seat| SeatView {
        id: seat.to_string().parse().unwrap(),
        name: seat.to_string(),
        rating: None,
        is_bot: false,
    };
    let control = TimeControl::from_millis(60_000, 0).unwrap();
    MatchState {
        players: BySeat::new_with(player),
        variant: Variant::Standard,
        controls: BySeat {
            white: control,
            black: control,
        },
        clock_start: ClockStart::AfterFirstMoves,
        start_at: None,
        rated: false,
        spectator_delay_s: 0,
        chat: true,
        rules: Rules::USUAL,
        tags: None,
        start_fen: None,
        fen: position.fen(),
        position_seq: u32::try_from(moves.len()).unwrap(),
        moves,
        draw_offer: None,
        takeback_offer: None,
        rematch_offer: None,
        rematch: None,
        result: None,
        offered_plies: Vec::new(),
    }
}

pub fn joined(epoch: u64, seq: u32, catch_up: CatchUp) -> ServerFrame {
    let joined = Joined {
        role: Role::White,
        catch_up,
        clock: clock(Some(Seat::White)),
        connected: BySeat {
            white: true,
            black: true,
        },
        paused: false,
    };
    frame(epoch, seq, ServerBody::Joined(Box::new(joined)))
}

/// The first answer to a `Join`: a match in which `moves` are all that happened.
pub fn whole(epoch: u64, moves: &str) -> ServerFrame {
    let seq = u32::try_from(moves.split_whitespace().count()).unwrap();
    joined(epoch, seq, CatchUp::State(state(moves)))
}

pub fn frame(epoch: u64, seq: u32, body: ServerBody) -> ServerFrame {
    let epoch = Epoch(epoch);
    ServerFrame { epoch, seq, body }
}

pub fn moved(seq: u32, text: &str) -> (u32, WireEvent) {
    let seat = if seq % 2 == 1 {
        Seat::White
    } else {
        Seat::Black
    };
    let kind = EventKind::Moved {
        uci: uci(text),
        with: WithMove::Nothing,
    };
    let clock = clock(Some(seat.opponent()));
    (seq, said(Some(seat), kind, clock))
}

/// An event.
pub const fn said(seat: Option<Seat>, kind: EventKind, clock: ClockView) -> WireEvent {
    let kind = Some(kind);
    WireEvent { seat, clock, kind }
}

/// A frame without the time at which it left, which then counts from when it comes.
pub const fn untimed(frame: ServerFrame) -> Received {
    let time = UnixMicros(0);
    Received { time, frame }
}

pub fn ended(seq: u32, outcome: Outcome, termination: Termination) -> (u32, WireEvent) {
    let kind = EventKind::Ended {
        outcome,
        termination,
    };
    let clock = clock(None);
    let resigns = termination == Termination::Resignation;
    let loser = outcome.winner().map(Seat::opponent);
    (seq, said(loser.filter(|_| resigns), kind, clock))
}

pub fn event(epoch: u64, (seq, event): (u32, WireEvent)) -> ServerFrame {
    frame(epoch, seq, ServerBody::Event(event))
}

pub fn ack(epoch: u64, seq: u32, command_id: CommandId, event: u32) -> ServerFrame {
    frame(epoch, seq, ServerBody::Ack { command_id, event })
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
