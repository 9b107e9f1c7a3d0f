//! The frames that peers receive about a match, and how they are queued behind the gate.

use std::time::Duration;

use game_core::{BySeat, Event, MatchTime, Seat};
use protocol::codec::{self, Frame};
use protocol::{CatchUp, ClockView, Joined, MatchState, Role, ServerBody, ServerFrame, WireEvent};

use super::{LiveMatch, Member};
use crate::PeerKey;
use crate::gate::Audience;

impl LiveMatch {
    /// An event as peers see it. Which clock runs is correct for the newest event; after older ones, a newer
    /// frame with the clocks follows.
    pub(super) fn as_seen(&self, event: &Event) -> WireEvent {
        let over = self.game.outcome().is_some();
        let running = if over { None } else { self.counting_seat() };
        let delay = self.game.delay_left(event.at);
        let clock = ClockView::new(event.clocks.remaining, running, delay);
        WireEvent {
            seat: event.seat,
            kind: Some(event.kind),
            clock,
        }
    }

    /// The frame of an event.
    pub(super) fn event_frame(&self, event: &Event) -> Frame {
        codec::encode_server(&ServerFrame {
            epoch: self.epoch,
            seq: event.seq,
            body: ServerBody::Event(self.as_seen(event)),
        })
    }

    /// Answers a join: with the events after the last that the peer has `seen`, or with the full state.
    pub(super) fn answer_join(
        &mut self,
        peer: PeerKey,
        role: Role,
        seen: Option<u32>,
        now: MatchTime,
        paused: bool,
    ) {
        let public = match role {
            Role::Spectator => self.public(),
            Role::White | Role::Black => None,
        };
        let (seq, catch_up, clock) = match &public {
            // A spectator who is ahead of what is public was told so by a former owner.
            Some(public) => {
                let state = seen.is_none_or(|seen| seen < public.seq());
                let catch_up = if state {
                    CatchUp::State(MatchState::of(public))
                } else {
                    CatchUp::Events(Vec::new())
                };
                let clock = ClockView::new(public.clocks(now), None, Duration::ZERO);
                (public.seq().max(seen.unwrap_or(0)), catch_up, clock)
            }
            None => {
                let missed = self.missed(seen).map(CatchUp::Events);
                let catch_up = missed.unwrap_or_else(|| CatchUp::State(MatchState::of(&self.game)));
                (self.game.seq(), catch_up, self.clock_view(now))
            }
        };
        let joined = Joined {
            role,
            catch_up,
            clock,
            connected: self.connected(),
            paused,
        };
        let frame = codec::encode_server(&ServerFrame {
            epoch: self.epoch,
            seq,
            body: ServerBody::Joined(Box::new(joined)),
        });
        self.gate.hold(seq, Audience::Peer(peer), frame);
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
        let delay = self.game.delay_left(now);
        ClockView::new(self.game.clocks(now), self.counting_seat(), delay)
    }

    pub(super) fn member_in(&self, role: Role) -> Option<&Member> {
        let is_seat = role.seat().is_some();
        let mut members = self
            .members
            .iter()
            .take_while(|member| !is_seat || member.role.seat().is_some());
        members.find(|member| member.role == role)
    }

    pub(super) fn connected(&self) -> BySeat<bool> {
        BySeat::new_with(|seat: Seat| self.member_in(seat.into()).is_some())
    }
}
