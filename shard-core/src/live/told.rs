//! The frames that peers receive about a match, and how they are queued behind the gate.

use game_core::{BySeat, Event, EventKind, MatchTime, Seat};
use protocol::{ClockView, MatchState, Role, SeatView, ServerBody, ServerFrame, WireEvent, codec};

use super::{LiveMatch, Member};
use crate::gate::Audience;

impl LiveMatch {
    /// An event as peers see it. Which clock runs is correct for the newest event; after older ones, a newer
    /// frame with the clocks follows.
    pub(super) fn as_seen(&self, event: &Event) -> WireEvent {
        let over = matches!(event.kind, EventKind::Ended { .. });
        let running = if over { None } else { self.counting_seat() };
        let clock = ClockView::new(event.clocks, running);
        WireEvent {
            seat: event.seat,
            kind: event.kind,
            clock,
        }
    }

    /// The events after `seen`; `None` if only the full state can be sent.
    pub(super) fn missed(&self, seen: Option<u32>) -> Option<Vec<(u32, WireEvent)>> {
        let seen = seen.filter(|&seen| self.remembers(seen))?;
        let missed = self.recent.iter().filter(|event| event.seq > seen);
        Some(
            missed
                .map(|event| (event.seq, self.as_seen(event)))
                .collect(),
        )
    }

    /// Whether every event after `seq` is in memory.
    pub(super) fn remembers(&self, seq: u32) -> bool {
        let last = self.game.seq();
        let oldest = self.recent.front().map_or(last + 1, |event| event.seq);
        (oldest - 1..=last).contains(&seq)
    }

    pub(super) fn say_presence(&mut self, seat: Seat, connected: bool) {
        self.say(
            Audience::Presence(seat),
            ServerBody::Presence { seat, connected },
        );
    }

    pub(super) fn say(&mut self, to: Audience, body: ServerBody) {
        let seq = self.game.seq();
        let frame = codec::encode_server(&ServerFrame {
            epoch: self.epoch,
            seq,
            body,
        });
        self.gate.hold(seq, to, frame);
    }

    pub(super) fn clock_view(&self, now: MatchTime) -> ClockView {
        ClockView::new(self.game.clocks(now), self.counting_seat())
    }

    pub(super) fn member_in(&self, role: Role) -> Option<&Member> {
        self.members.iter().find(|member| member.role == role)
    }

    pub(super) fn connected(&self) -> BySeat<bool> {
        BySeat::new_with(|seat: Seat| self.member_in(seat.into()).is_some())
    }

    pub(super) fn state(&self) -> MatchState {
        let setup = self.game.setup();
        let view = |seat: Seat| SeatView {
            id: setup.players[seat].id.clone(),
            name: setup.players[seat].name.to_string(),
        };
        MatchState {
            players: BySeat::new_with(view),
            time_control: setup.time_control,
            clock_start: setup.clock_start,
            rated: setup.rated,
            start_fen: (!setup.start.is_initial()).then(|| setup.start.fen()),
            fen: self.game.fen(),
            moves: self.game.moves().map(|(uci, _)| uci).collect(),
            draw_offer: self.game.draw_offer(),
            result: self.game.outcome(),
        }
    }
}
