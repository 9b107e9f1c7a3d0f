//! One live match on its shard: the state machine of the rules, its gate, and its peers.

mod aftermath;
mod countdown;
mod departure;
mod inspected;
mod listeners;
mod presence;
mod reminder;
mod spectators;
mod stored;
mod told;

use std::collections::VecDeque;
use std::time::Duration;

use game_core::{
    BySeat, ClockState, Command, CommandId, Epoch, Event, EventKind, Match, MatchId, MatchSetup,
    MatchTime, Order, Outcome, Receipt, Refusal, Seat, ShardId, UnixMillis,
};
use protocol::{Role, ServerBody, WireRefusal};
use store::{Append, Checkpoint, Status};

use self::aftermath::Due;
use self::countdown::Countdown;
use self::departure::Departure;
pub(super) use self::departure::Disturbance;
use self::listeners::Listening;
use self::presence::Presence;
use self::reminder::Reminder;
use self::spectators::DelayedView;
pub(crate) use self::spectators::Revealed;
pub(crate) use self::stored::len_of;
use super::NotDone;
use super::gate::{Audience, Gate, Held};
use super::{PeerKey, ShardLimits};
use crate::Uptime;

/// The effect of a command that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It caused the event of this seq.
    Event(u32),
    /// It had taken effect before.
    Repeat,
}

/// A peer of a match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) peer: PeerKey,
    pub(crate) role: Role,
    /// The answer to its join includes the events up to this one.
    told: u32,
    /// That answer has left the gate; the peer receives nothing else before it.
    pub(crate) joined: bool,
    /// It has what was said before, and receives each new line.
    pub(crate) hears_chat: bool,
}

/// A match in the shard's memory: owned and live, or finished and read from the store.
#[derive(Debug)]
pub(crate) struct LiveMatch {
    game: Match,
    epoch: Epoch,
    gate: Gate,
    members: Vec<Member>,
    /// Events that the store has not confirmed; the batch in flight holds the first of them.
    pending: Vec<Event>,
    /// The seq that the batch in flight reaches, if it holds events of this match.
    in_flight: Option<u32>,
    /// The uptime of the oldest event that no batch contains.
    waits_since: Option<Uptime>,
    /// The same of those in the batch in flight.
    flight_since: Option<Uptime>,
    /// The number of events when the match was loaded, the clocks at the last of them, and when that was.
    loaded: (u32, ClockState, MatchTime),
    /// When it was loaded.
    arrived_at: MatchTime,
    /// The time used on its move by then.
    carried: Duration,
    /// The match is being handed over and is frozen here.
    departure: Option<Departure>,
    /// The match is being claimed above an earlier epoch; nothing is written until then.
    reclaiming: bool,
    /// The store was seen to hold the last confirmed event since that claim became necessary.
    is_kept: bool,
    /// It was over when it was read: the store keeps it for a while yet.
    had_ended: bool,
    /// Nothing is added to it here any more.
    read_only: bool,
    /// Its owner is another shard, which may still add to it.
    is_anothers: bool,
    /// The seq of the newest stored snapshot.
    snapshot_seq: u32,
    /// The last events to the microsecond, for peers that come back and for a store that lost them.
    recent: VecDeque<Event>,
    /// After a load, the clock of a seat waits until this time for its player to come (back).
    held_until: Option<MatchTime>,
    /// Who has come since the load.
    came: BySeat<bool>,
    presence: Presence,
    countdown: Countdown,
    listening: Listening,
    /// What spectators see, if they are behind.
    delayed: Option<DelayedView>,
    /// A rematch was agreed on, and the new match has to be made once that is confirmed.
    rematch_due: Option<Due>,
    /// When the side to move is next reminded that its time counts.
    reminder: Option<Reminder>,
    /// When a finished match leaves memory, unless a player is still there.
    leaves_at: Option<MatchTime>,
    /// Until when a player may keep it there.
    stays_until: Option<MatchTime>,
    /// Where the deadlines have this match.
    scheduled: Option<MatchTime>,
}

impl LiveMatch {
    /// A match as it was loaded; its clock waits for the side to move, but no longer than the limit.
    ///
    /// # Errors
    ///
    /// When the checkpoint does not replay as legal chess.
    pub(crate) fn load(
        checkpoint: Checkpoint,
        moment: Moment,
        limits: &ShardLimits,
    ) -> Result<Self, game_core::RestoreError> {
        let now = moment.time;
        let snapshot_seq = checkpoint.snapshot.seq();
        let mut game = Match::restore(checkpoint.snapshot, &checkpoint.tail)?;
        let carried = checkpoint.move_time;
        game.carry_over(carried);
        let finished = checkpoint.ownership.status == Status::Finished;
        let opens_in = game
            .setup()
            .start_at
            .map(|at| Duration::from_millis(at.0.saturating_sub(moment.calendar.0)))
            .filter(|wait| !wait.is_zero());
        if let Some(wait) = opens_in {
            game.open_at(now + wait);
        }
        // Whoever has not come by the time that it counts is gone since now.
        for seat in Seat::BOTH {
            game.left(seat, false, now);
        }
        let (clocks, at) = game.last_event();
        let linger = aftermath::linger(&game, limits);
        let mut live = Self {
            gate: Gate::new(game.seq()),
            loaded: (game.seq(), clocks, at),
            arrived_at: now,
            carried,
            delayed: DelayedView::new(&game, now),
            rematch_due: game.rematch().map(|_| Due {
                seq: game.seq(),
                not_before: now,
            }),
            game,
            epoch: checkpoint.ownership.epoch,
            members: Vec::new(),
            pending: Vec::new(),
            in_flight: None,
            waits_since: None,
            flight_since: None,
            departure: None,
            reclaiming: false,
            is_kept: false,
            had_ended: finished,
            read_only: finished,
            is_anothers: false,
            snapshot_seq,
            recent: VecDeque::new(),
            held_until: (!finished).then(|| now + limits.rejoin_wait),
            came: BySeat::default(),
            presence: Presence::default(),
            countdown: Countdown::default(),
            listening: Listening {
                // A live match that nobody owned before has none.
                may_have_lines: finished || checkpoint.ownership.epoch > Epoch(1),
                ..Listening::default()
            },
            reminder: None,
            leaves_at: finished.then_some(now + linger),
            stays_until: finished.then_some(now),
            scheduled: None,
        };
        for event in checkpoint.tail {
            live.remember(event, limits);
        }
        Ok(live)
    }

    pub(crate) fn id(&self) -> MatchId {
        self.game.setup().id
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Half-moves made, unconfirmed ones included.
    pub(crate) fn ply(&self) -> u16 {
        self.game.ply()
    }

    /// Number of events that the store has confirmed.
    pub(crate) fn confirmed_seq(&self) -> u32 {
        self.gate.confirmed()
    }

    pub(crate) fn setup(&self) -> &MatchSetup {
        self.game.setup()
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn is_over(&self) -> bool {
        self.game.outcome().is_some()
    }

    pub(crate) fn scheduled(&self) -> Option<MatchTime> {
        self.scheduled
    }

    /// The soonest of this match's deadlines; stored as the one in the shard's deadline queue.
    pub(crate) fn schedule(&mut self) -> Option<MatchTime> {
        let reminds_at = self.reminder.map(|reminder| reminder.at);
        let deadlines = [
            self.game.deadline(),
            self.held_until,
            reminds_at,
            self.presence.next(),
            self.countdown.next(),
            self.delayed.as_ref().and_then(DelayedView::next),
            self.rematch_retry(),
            self.leaves_at,
        ];
        let soonest = deadlines.into_iter().flatten().min();
        self.scheduled = soonest.filter(|_| !self.is_departing());
        self.scheduled
    }

    // ---- what peers do -------------------------------------------------------------------------

    /// Adds a peer and queues what it has not `seen`. Returns the peer that held the same seat before, whose
    /// stream has to be closed.
    pub(crate) fn join(
        &mut self,
        peer: PeerKey,
        role: Role,
        seen: Option<u32>,
        moment: Moment,
        paused: bool,
    ) -> Option<PeerKey> {
        let superseded = role
            .seat()
            .and_then(|_| self.member_in(role))
            .map(|member| member.peer);
        self.members
            .retain(|member| Some(member.peer) != superseded);
        let told = match (&self.delayed, role.seat()) {
            (Some(view), None) => view.seq.max(seen.unwrap_or(0)),
            _ => self.game.seq(),
        };
        let member = Member {
            peer,
            role,
            told,
            joined: false,
            hears_chat: false,
        };
        // Seats are first, so that they are found among a thousand spectators.
        if role.seat().is_some() {
            self.members.insert(0, member);
        } else {
            self.members.push(member);
        }

        let waited = role.seat().is_some_and(|seat| {
            let waited = seat == self.game.turn() && self.is_waited_for(seat);
            self.came[seat] = true;
            self.game.attend();
            self.game.came(seat);
            waited
        });
        self.answer_join(peer, role, seen, moment.time, paused);
        if let (Some(seat), None) = (role.seat(), superseded) {
            self.presence_changed(seat);
        }
        if role.seat() == Some(self.game.turn()) {
            self.reminder = None;
        }
        self.release_clock(moment.time);
        self.count_down(moment.time);
        if waited {
            self.tell_clock(moment.time);
        }
        superseded
    }

    /// Removes a peer, which may have said goodbye, at `now`.
    pub(crate) fn leave(&mut self, peer: PeerKey, said_goodbye: bool, now: MatchTime) {
        self.gate.forget(peer);
        let Some(index) = self.members.iter().position(|member| member.peer == peer) else {
            return;
        };
        let member = self.members.remove(index);
        if let Some(seat) = member.role.seat() {
            self.game.left(seat, said_goodbye, now);
            self.presence_changed(seat);
            self.count_down(now);
        }
    }

    /// Whether only the owner, which is another shard, knows the answer to a command: it may be applied there.
    pub(crate) fn is_for_the_owner(&self, role: Role, command: &Command) -> bool {
        let is_accepted = role
            .seat()
            .is_none_or(|seat| self.game.has_accepted(seat, command.id));
        self.is_anothers && command.kind.follows_the_end() && !is_accepted
    }

    /// Applies a command of a peer and returns its effect.
    pub(crate) fn command(
        &mut self,
        peer: PeerKey,
        role: Role,
        command: &Command,
        receipt: Receipt,
        limits: &ShardLimits,
    ) -> Result<Effect, WireRefusal> {
        let before = self.game.seq();
        let answer = match role.seat() {
            None => Err(WireRefusal::NotAPlayer),
            // What players may add to it was over when it was last in memory.
            Some(seat) if self.read_only && !self.game.has_accepted(seat, command.id) => {
                Err(WireRefusal::Match(Refusal::MatchOver))
            }
            Some(_) if self.pending.len() >= limits.pending_events_max => Err(WireRefusal::Paused),
            Some(seat) => {
                let mut events = Vec::new();
                let answer = self.game.apply(seat, command, receipt, &mut events);
                self.emit(events, limits);
                #[cfg(feature = "sabotage")]
                if limits.sabotage == Some(super::Sabotage::StoreTime) {
                    self.game.start_clock(receipt.at);
                }
                answer.map_err(WireRefusal::Match)
            }
        };
        match answer {
            Ok(event) => {
                let command_id = command.id;
                self.say(Audience::Peer(peer), ServerBody::Ack { command_id, event });
                Ok(if event > before {
                    Effect::Event(event)
                } else {
                    Effect::Repeat
                })
            }
            Err(reason) => {
                self.refuse(peer, command.id, reason);
                Err(reason)
            }
        }
    }

    /// An arbiter ends the match; `Err` if too many events wait for the store.
    pub(crate) fn adjudicate(
        &mut self,
        outcome: Outcome,
        now: MatchTime,
        limits: &ShardLimits,
    ) -> Result<Result<u32, Refusal>, NotDone> {
        if self.pending.len() >= limits.pending_events_max {
            return Err(NotDone::Paused);
        }
        let mut events = Vec::new();
        let answer = self.game.adjudicate(outcome, now, &mut events);
        self.emit(events, limits);
        Ok(answer)
    }

    /// Carries out an arbiter's order; `Err` also if too many events wait for the store.
    pub(crate) fn arbitrate(
        &mut self,
        order: Order,
        expected: Option<u32>,
        now: MatchTime,
        limits: &ShardLimits,
    ) -> Result<u32, NotDone> {
        if self.pending.len() >= limits.pending_events_max {
            return Err(NotDone::Paused);
        }
        let seq = self.game.seq();
        if expected.is_some_and(|expected| expected != seq) {
            return Err(NotDone::Changed(seq));
        }
        let mut events = Vec::new();
        let answer = self.game.arbitrate(order, now, &mut events);
        self.emit(events, limits);
        // What no event changes is told too: which clock runs, and who is waited for.
        self.release_clock(now);
        self.count_down(now);
        answer.map_err(|refusal| match refusal {
            Refusal::MatchOver => NotDone::Over,
            refusal => NotDone::Refused(refusal),
        })
    }

    /// Records that the waiting events happened at the uptime `since`.
    pub(crate) fn waits(&mut self, since: Uptime) {
        self.waits_since.get_or_insert(since);
    }

    /// Since when the oldest event that is not confirmed has waited.
    pub(crate) fn unconfirmed_since(&self) -> Option<Uptime> {
        self.flight_since.or(self.waits_since)
    }

    /// Answers a peer that its command changed nothing.
    pub(crate) fn refuse(&mut self, peer: PeerKey, command_id: CommandId, reason: WireRefusal) {
        self.say(
            Audience::Peer(peer),
            ServerBody::Refused { command_id, reason },
        );
    }

    /// Applies deadlines up to `now`.
    pub(crate) fn tick(&mut self, now: MatchTime, limits: &ShardLimits) {
        if self.held_until.is_some_and(|until| until <= now) {
            let waited = self.is_waited_for(self.game.turn());
            self.held_until = None;
            self.release_clock(now);
            if waited {
                self.tell_clock(now);
            }
        }
        let mut events = Vec::new();
        self.game.tick(now, &mut events);
        self.emit(events, limits);
        self.tell_presence(now);
        self.count_down(now);
        self.remind(now);
    }

    /// Sends both clocks to all peers, and which of them runs.
    pub(crate) fn tell_clock(&mut self, now: MatchTime) {
        let clock = self.clock_view(now);
        self.say(Audience::Everyone, ServerBody::Clock(clock));
    }

    // ---- what the store does -------------------------------------------------------------------

    /// Whether events wait that no batch in flight holds.
    pub(crate) fn is_dirty(&self) -> bool {
        self.in_flight.is_none() && !self.pending.is_empty() && !self.reclaiming
    }

    /// Whether a write that ends with event `seq` is the one in flight.
    pub(crate) fn has_in_flight(&self, seq: u32) -> bool {
        self.in_flight == Some(seq)
    }

    /// The next fenced write: all waiting events, with a snapshot when one is due.
    pub(crate) fn next_append(
        &mut self,
        me: ShardId,
        limits: &ShardLimits,
        uptime: Uptime,
    ) -> Append {
        self.flight_since = self.waits_since.take().or(Some(uptime));
        let seq = self.game.seq();
        let snapshot_due = seq - self.snapshot_seq >= limits.snapshot_every;
        let snapshot = snapshot_due.then(|| self.game.snapshot());
        if snapshot_due {
            self.snapshot_seq = seq;
        }
        self.in_flight = Some(seq);
        Append::new(self.id(), me, self.epoch, &self.pending, snapshot.as_ref())
    }

    /// The store has confirmed the write in flight: the gate opens, and the clock of the side to move may
    /// start. Returns since when the oldest of its events had waited, and the number of moves among them.
    pub(crate) fn confirmed(
        &mut self,
        now: MatchTime,
        limits: &ShardLimits,
    ) -> Option<(Uptime, u64)> {
        let seq = self.in_flight.take()?;
        let is_move = |e: &&Event| e.seq <= seq && matches!(e.kind, EventKind::Moved { .. });
        let moves = self.pending.iter().filter(is_move).count() as u64;
        self.stands_up_to(seq, now, limits);
        self.flight_since.take().map(|since| (since, moves))
    }

    /// The next frame that may leave, and for whom.
    pub(crate) fn release(&mut self) -> Option<Held> {
        let held = self.gate.release()?;
        if let Audience::Peer(peer) = held.to {
            // The first frame only for this peer is the answer to its join.
            self.begins_to_listen(peer);
        }
        Some(held)
    }

    /// Whether `member` is among the audience `to`.
    pub(crate) fn is_for(to: Audience, member: &Member) -> bool {
        match to {
            Audience::Peer(peer) => member.peer == peer,
            Audience::Event(seq) => member.joined && member.told < seq,
            Audience::Everyone | Audience::Presence(_) => member.joined,
        }
    }

    // ---- parts ---------------------------------------------------------------------------------

    /// Starts the clock of the side to move if all events are confirmed and, after a load, its player is back
    /// or the wait for it is over.
    fn release_clock(&mut self, now: MatchTime) {
        let confirmed = self.gate.confirmed() == self.game.seq();
        if confirmed && !self.is_waited_for(self.game.turn()) {
            self.game.start_clock(now);
            self.count_down(now);
            if self.reminder.is_none() {
                self.begin_to_remind(now);
            }
        }
    }

    /// Which clock runs once frames queued now have left the gate.
    fn counting_seat(&self) -> Option<Seat> {
        self.game
            .timed_seat()
            .filter(|&seat| !self.is_waited_for(seat))
    }

    /// Whether the clock of `seat` waits for its player.
    fn is_waited_for(&self, seat: Seat) -> bool {
        self.held_until.is_some() && !self.came[seat]
    }

    fn emit(&mut self, events: Vec<Event>, limits: &ShardLimits) {
        for event in events {
            self.reminder = None;
            let seq = event.seq;
            if let EventKind::RematchAgreed { .. } = event.kind {
                self.rematch_due = Some(Due {
                    seq,
                    not_before: MatchTime::default(),
                });
            }
            let frame = self.event_frame(&event);
            self.gate.hold(seq, Audience::Event(seq), frame);
            self.remember(event.clone(), limits);
            self.pending.push(event);
            #[cfg(feature = "sabotage")]
            if limits.sabotage == Some(super::Sabotage::Gate) {
                self.gate.confirm(seq);
            }
        }
    }

    fn remember(&mut self, event: Event, limits: &ShardLimits) {
        if self.recent.len() == limits.recent_events {
            self.recent.pop_front();
        }
        self.recent.push_back(event);
    }
}

/// One moment on the two clocks that matter to a match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// For the clocks of the match.
    pub(crate) time: MatchTime,
    /// For the records.
    pub(crate) calendar: UnixMillis,
}
