//! A seat in a match as a pure state machine: frames and times in, frames and updates out.
//!
//! It knows no network and reads no clock. Its driver is [`SeatSession`](super::SeatSession).

mod chat;
mod doubt;
mod phase;
mod promised;
mod reach;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use game_core::{CommandId, CommandKind, Epoch, MatchId};
use protocol::{
    ClientFrame, CloseCode, Join, JoinFlags, Joined, PAUSED_REPEATED_EVERY, Received, ServerBody,
    ServerFrame, VERSION, WireRefusal,
};

use self::doubt::Doubt;
use self::phase::Phase;
use self::promised::Promised;
use super::unanswered::{Acked, Unanswered};
use super::update::{CommandError, Loss, SeatTimes, Update};
use crate::view::ServerTime;
use crate::{MatchView, Standstill, Violation};

/// A shard that has reported a pause and then sent nothing for this long is gone: it would have repeated the
/// pause three times.
const PAUSE_SILENCE_MAX: Duration = PAUSED_REPEATED_EVERY.saturating_mul(3);

/// One seat (or one spectator) in one match.
#[derive(Debug)]
pub struct SeatMachine {
    match_id: MatchId,
    times: SeatTimes,
    flags: JoinFlags,
    phase: Phase,
    view: Option<MatchView>,
    /// The highest epoch heard of: lower ones are not listened to.
    epoch: Epoch,
    unanswered: Unanswered,
    acked: Vec<Acked>,
    /// Acknowledged moves whose events are still to come.
    promised: Promised,
    /// The number of the next line of chat, and those that wait for an answer.
    next_line: u64,
    lines: Vec<u64>,
    /// The versions of a shard that does not know that of this program.
    unsupported: Option<(u16, u16)>,
    /// The clock of the shard over the present connection.
    server_time: ServerTime,
    /// Frames for the shard.
    output: VecDeque<ClientFrame>,
    updates: VecDeque<Update>,
    leaving: bool,
    /// When the shard was last heard, or the stream opened.
    heard_at: Instant,
    /// When the last stream opened.
    opened_at: Instant,
    /// When the driver last reported a packet of any kind.
    packet_at: Instant,
    doubt: Doubt,
}

impl SeatMachine {
    /// A seat without a connection; its commands count from `first_command`, which is best random,
    /// as the shard takes the same number for the same command even after a restart of the client.
    #[must_use]
    pub fn new(
        match_id: MatchId,
        times: SeatTimes,
        first_command: CommandId,
        now: Instant,
    ) -> Self {
        Self {
            match_id,
            times,
            flags: JoinFlags::NONE,
            phase: Phase::Apart,
            view: None,
            epoch: Epoch(0),
            unanswered: Unanswered::new(first_command),
            acked: Vec::new(),
            promised: Promised::default(),
            next_line: 1,
            lines: Vec::new(),
            unsupported: None,
            server_time: ServerTime::default(),
            output: VecDeque::new(),
            updates: VecDeque::new(),
            leaving: false,
            heard_at: now,
            opened_at: now,
            packet_at: now,
            doubt: Doubt::default(),
        }
    }

    /// Wishes for every stream of the seat.
    #[must_use]
    pub const fn with_flags(mut self, flags: JoinFlags) -> Self {
        self.flags = flags;
        self
    }

    // ---- what the owner does ---------------------------------------------------------------------

    /// Sends a command. It is retransmitted until it is answered, over as many connections as it takes,
    /// always under the same id.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub fn command(&mut self, kind: CommandKind, now: Instant) -> Result<CommandId, CommandError> {
        if self.leaving || matches!(self.phase, Phase::Over(_)) {
            return Err(CommandError::Over);
        }
        let kind = match (&self.view, kind) {
            (
                Some(view),
                CommandKind::Move {
                    position_seq,
                    uci,
                    with,
                },
            ) if position_seq == view.position_seq() => CommandKind::Move {
                position_seq,
                uci: view.canonical(uci),
                with,
            },
            (_, kind) => kind,
        };
        let id = self
            .unanswered
            .add(kind, now)
            .ok_or(CommandError::TooMany)?;
        if self.phase == Phase::Seated {
            self.unanswered.sent(id, now);
            self.output.push_back(ClientFrame::Command { id, kind });
        }
        Ok(id)
    }

    /// Leaves the seat; [`Update::Closed`] follows.
    pub fn leave(&mut self) {
        self.leaving = true;
        match self.phase {
            Phase::Seated => self.output.push_back(ClientFrame::Leave),
            Phase::Apart | Phase::Joining | Phase::Held => self.finish(CloseCode::Done),
            Phase::Over(_) => {}
        }
    }

    /// The next thing learnt.
    pub fn poll_update(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }

    /// The match, once it was joined.
    #[must_use]
    pub const fn view(&self) -> Option<&MatchView> {
        self.view.as_ref()
    }

    /// All commands that were acknowledged, in the order of their acknowledgements.
    #[must_use]
    pub fn acked(&self) -> &[Acked] {
        &self.acked
    }

    /// Commands that wait for an answer.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// The commands that wait for an answer, in their order.
    pub fn asked(&self) -> impl Iterator<Item = CommandKind> + '_ {
        self.unanswered.kinds()
    }

    /// How long ago a command was issued, if it still waits for its answer, and whether it was sent.
    #[must_use]
    pub fn waiting(&self, id: CommandId, now: Instant) -> Option<(Duration, bool)> {
        self.unanswered.waiting(id, now)
    }

    /// When the last stream opened, whose first frame is a `Join`; before the first one, when the machine was made.
    /// What the answer shows is as of a later moment.
    #[must_use]
    pub const fn joins_since(&self) -> Instant {
        self.opened_at
    }

    /// Why the session is over, if it is.
    #[must_use]
    pub const fn over(&self) -> Option<CloseCode> {
        match self.phase {
            Phase::Over(code) => Some(code),
            _ => None,
        }
    }

    /// The oldest and the newest version of the protocol that the shard knows, if that of this program is not
    /// among them. The session is over then.
    #[must_use]
    pub const fn unsupported(&self) -> Option<(u16, u16)> {
        self.unsupported
    }

    // ---- what the connection does ----------------------------------------------------------------

    /// A stream is open, and `token` opens the seat.
    pub fn connected(&mut self, token: String, now: Instant) {
        self.phase = Phase::Joining;
        self.heard_at = now;
        self.opened_at = now;
        self.packet_at = now;
        self.doubt.begin();
        self.output.clear();
        self.lines.clear();
        self.server_time = ServerTime::default();
        self.output.push_back(ClientFrame::Join(Join {
            version: VERSION,
            flags: self.flags,
            match_id: self.match_id,
            token,
            seen: self.view.as_ref().map(MatchView::seq),
        }));
    }

    /// The transport has measured a round trip of the present connection.
    pub fn measured(&mut self, round_trip: Duration) {
        self.server_time.measured(round_trip);
        self.doubt.measured(round_trip);
    }

    /// The next frame to send.
    pub fn poll_output(&mut self) -> Option<ClientFrame> {
        self.output.pop_front()
    }

    /// The stream cannot be used any more.
    pub fn lost(&mut self, loss: Loss, now: Instant) {
        if self.phase == Phase::Apart || self.over().is_some() {
            return;
        }
        self.phase = Phase::Apart;
        self.doubt.heard();
        self.stop_clocks(Standstill::Reconnecting, now);
        self.output.clear();
        // There may be nothing left to come back for.
        let is_done = self.is_match_over() && !self.times.returns_after_end;
        if self.leaving || (is_done && self.unanswered.len() == 0) {
            self.finish(CloseCode::Done);
        } else {
            self.updates.push_back(Update::Reconnecting(loss));
        }
    }

    /// Whether a stream is wanted: the session is not over, and has none.
    #[must_use]
    pub fn wants_connection(&self) -> bool {
        self.phase == Phase::Apart
    }

    /// A frame came.
    ///
    /// # Errors
    ///
    /// [`Violation`], after which the machine cannot be used any more.
    pub fn frame(&mut self, received: Received, now: Instant) -> Result<(), Violation> {
        let Received { time, frame } = received;
        let ServerFrame { epoch, seq, body } = frame;
        let sent_at = self.server_time.sent_at(time, now);
        self.heard_at = now;
        self.doubt.heard();
        let was_unresponsive = self.is_unresponsive();
        self.packet_at = now;
        match body {
            ServerBody::Closed(code) => self.closed(code, now),
            ServerBody::Unsupported { min, max } => {
                self.unsupported = Some((min, max));
                self.phase = Phase::Over(CloseCode::Unsupported);
                self.output.clear();
            }
            // They say that the shard is there, which is noted.
            ServerBody::Heartbeat | ServerBody::Unknown => {}
            ServerBody::Joined(_) if epoch < self.epoch => self.lost(Loss::OldOwner, now),
            _ if epoch < self.epoch => {}
            ServerBody::Joined(joined) => self.joined(epoch, seq, *joined, sent_at, now)?,
            body if self.phase == Phase::Seated => self.said(epoch, seq, body, sent_at, now)?,
            ServerBody::Event(_) | ServerBody::Ack { .. } | ServerBody::Refused { .. } => {
                return Err(Violation::OutOfPlace("an event or answer before Joined"));
            }
            ServerBody::Paused => self.phase = Phase::Held,
            // Joined holds all of this afresh.
            ServerBody::Presence { .. }
            | ServerBody::Clock(_)
            | ServerBody::Gone { .. }
            | ServerBody::Chat(_)
            | ServerBody::Said { .. }
            | ServerBody::NotSaid { .. } => {}
        }
        if was_unresponsive {
            self.responsive();
        }
        Ok(())
    }

    /// When [`SeatMachine::due`] wants to be called, if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let times = [
            self.loss_deadline(),
            self.unresponsive_at(),
            self.doubt_at(),
        ];
        times.into_iter().flatten().min()
    }

    /// Applies what is due at `now`; a [`Loss`] requires the stream to be closed, which
    /// [`SeatMachine::wants_connection`] reports.
    pub fn due(&mut self, now: Instant) {
        if self.unresponsive_at().is_some_and(|at| at <= now) {
            self.stop_clocks(Standstill::Unresponsive, now);
            self.updates.push_back(Update::Unresponsive);
        }
        self.doubt_due(now);
        if self.loss_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.phase == Phase::Joining {
            return self.lost(Loss::NoAnswer, now);
        }
        if self.phase == Phase::Held || self.is_paused() {
            return self.lost(Loss::Silent, now);
        }
        let resend = self.unanswered.take_retries(now);
        if !resend.is_empty() {
            self.output.extend(resend);
        } else if self
            .unanswered
            .overdue(self.times.answer_max, self.heard_at, now)
        {
            self.lost(Loss::NoAnswer, now);
        } else {
            self.lost(Loss::Silent, now);
        }
    }

    // ---- parts -----------------------------------------------------------------------------------

    /// When the stream is given up, or a command sent again.
    fn loss_deadline(&self) -> Option<Instant> {
        let silence = self.times.silence_max.map(|max| self.heard_at + max);
        match self.phase {
            Phase::Apart | Phase::Over(_) => None,
            Phase::Held => Some(self.heard_at + PAUSE_SILENCE_MAX),
            Phase::Joining => Some(self.heard_at + self.times.answer_max),
            Phase::Seated if self.is_paused() => Some(self.heard_at + PAUSE_SILENCE_MAX),
            Phase::Seated => {
                let silence = silence.filter(|_| !self.is_match_over());
                let answer = self
                    .unanswered
                    .deadline(self.times.answer_max, self.heard_at);
                [silence, answer].into_iter().flatten().min()
            }
        }
    }

    fn joined(
        &mut self,
        epoch: Epoch,
        seq: u32,
        joined: Joined,
        sent_at: Instant,
        now: Instant,
    ) -> Result<(), Violation> {
        if !matches!(self.phase, Phase::Joining | Phase::Held) {
            return Err(Violation::OutOfPlace("a second Joined"));
        }
        let again = self.view.is_some();
        match &mut self.view {
            Some(view) if view.role() != joined.role => {
                return Err(Violation::OutOfPlace("another seat than before"));
            }
            Some(view) => {
                view.rejoin((epoch, seq), joined, sent_at)?;
                self.promised.check(view)?;
            }
            None => {
                let at = (epoch, seq);
                self.view = Some(MatchView::new(self.match_id, at, joined, sent_at)?);
            }
        }
        self.epoch = epoch;
        self.phase = Phase::Seated;
        self.output.extend(self.unanswered.send_all(now));
        if self.leaving {
            self.output.push_back(ClientFrame::Leave);
        }
        self.updates.push_back(Update::Joined { again });
        Ok(())
    }

    fn said(
        &mut self,
        epoch: Epoch,
        seq: u32,
        body: ServerBody,
        sent_at: Instant,
        now: Instant,
    ) -> Result<(), Violation> {
        let Some(view) = &mut self.view else {
            return Err(Violation::OutOfPlace(
                "a frame for a match that was not joined",
            ));
        };
        self.epoch = epoch;
        view.set_epoch(epoch);
        match body {
            ServerBody::Event(event) => {
                if view.event(epoch, seq, &event, sent_at)? {
                    self.promised.check(view)?;
                    self.updates.push_back(Update::Event { seq, event });
                }
            }
            ServerBody::Ack { command_id, event } => {
                self.ack(epoch, seq, command_id, event, now)?
            }
            ServerBody::Refused { command_id, reason } => self.refused(command_id, reason, now)?,
            ServerBody::Presence { seat, connected } => {
                view.set_connected(seat, connected);
                self.updates.push_back(Update::Presence { seat, connected });
            }
            ServerBody::Paused => {
                if !view.is_paused() {
                    view.pause(sent_at);
                    self.updates.push_back(Update::Paused);
                }
            }
            ServerBody::Clock(clock) => {
                view.go_on(clock, sent_at);
                self.updates.push_back(Update::Clock);
            }
            ServerBody::Gone { seat, claim_in_ms } => {
                let left = claim_in_ms.map(|ms| Duration::from_millis(ms.into()));
                view.set_gone(seat, left.map(|left| sent_at + left));
                let claim_in = left;
                self.updates.push_back(Update::Gone { seat, claim_in });
            }
            ServerBody::Chat(lines) => {
                let new = view.add_chat(lines);
                if !new.is_empty() {
                    self.updates.push_back(Update::Chat(new));
                }
            }
            ServerBody::Said { id } => self.line_answered(id, Update::Said { id }),
            ServerBody::NotSaid { id, reason } => {
                self.line_answered(id, Update::NotSaid { id, reason });
            }
            // `frame` has dealt with them.
            ServerBody::Joined(_)
            | ServerBody::Closed(_)
            | ServerBody::Unsupported { .. }
            | ServerBody::Heartbeat
            | ServerBody::Unknown => {}
        }
        Ok(())
    }

    fn ack(
        &mut self,
        epoch: Epoch,
        seq: u32,
        id: CommandId,
        event: u32,
        now: Instant,
    ) -> Result<(), Violation> {
        if event > seq || event == 0 {
            return Err(Violation::FutureEvent { event, has: seq });
        }
        if let Some(before) = self.acked.iter().find(|acked| acked.id == id) {
            let first = before.event;
            return if first == event {
                Ok(())
            } else {
                Err(Violation::AnswerChanged {
                    id,
                    first,
                    now: event,
                })
            };
        }
        if let Some(before) = self.acked.iter().find(|acked| acked.event == event) {
            let first = before.id;
            return Err(Violation::SharedEvent {
                event,
                first,
                second: id,
            });
        }
        let (kind, after) = self
            .unanswered
            .take(id, now)
            .ok_or(Violation::UnknownCommand(id))?;
        let acked = Acked {
            id,
            event,
            kind,
            epoch,
        };
        if let Some(view) = &self.view {
            self.promised.add(&acked, view)?;
        }
        self.acked.push(acked);
        self.doubt.answered(after, self.times.ask_after);
        self.updates.push_back(Update::Acked { acked, after });
        Ok(())
    }

    fn refused(
        &mut self,
        id: CommandId,
        reason: WireRefusal,
        now: Instant,
    ) -> Result<(), Violation> {
        let passes = matches!(reason, WireRefusal::RateLimited | WireRefusal::Paused);
        if passes && self.unanswered.retry(id, now + self.times.retry_after) {
            return Ok(());
        }
        let (kind, _) = self
            .unanswered
            .take(id, now)
            .ok_or(Violation::UnknownCommand(id))?;
        self.updates.push_back(Update::Refused { id, kind, reason });
        Ok(())
    }

    fn closed(&mut self, code: CloseCode, now: Instant) {
        if self.leaving || !code.is_retryable() {
            self.stop_clocks(Standstill::Closed, now);
            self.finish(code);
        } else {
            self.lost(Loss::Closed(code), now);
        }
    }

    fn finish(&mut self, code: CloseCode) {
        if self.over().is_none() {
            self.phase = Phase::Over(code);
            self.output.clear();
            self.updates.push_back(Update::Closed(code));
        }
    }

    fn is_match_over(&self) -> bool {
        self.view
            .as_ref()
            .is_some_and(|view| view.result().is_some())
    }

    fn is_paused(&self) -> bool {
        self.view.as_ref().is_some_and(MatchView::is_paused)
    }
}
