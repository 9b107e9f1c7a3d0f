//! What changes a match: a command, the passing of time, an arbiter's decision.

use std::time::Duration;

use crate::board::BoardEnding;
use crate::decide::{Act, Circumstances};
use crate::history::Deed;
use crate::offers::DrawOffers;
use crate::state::End;
use crate::{
    ClockState, Command, CommandId, CommandKind, Event, EventKind, Match, MatchId, MatchTime, Move,
    Outcome, Refusal, RoundTrip, Seat, Termination, WithMove,
};

/// How a command arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// When its last byte was received.
    pub at: MatchTime,
    /// What the connection itself cost, as the transport estimates it: half of the round trip and its
    /// variation. Of this, lag compensation gives back what its quota allows.
    pub lag: Duration,
    /// The round trip of the connection, as the transport estimates it; it is recorded with a move. `None`
    /// where there is no connection.
    pub round_trip: Option<RoundTrip>,
    /// A new id, for the match that this command may agree on; without it no rematch can be agreed on.
    pub next_match: Option<MatchId>,
}

impl From<MatchTime> for Receipt {
    /// A receipt without lag, over no connection.
    fn from(at: MatchTime) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }
}

/// Where the clocks of an event come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClockSource {
    /// The event happens now: the time that has passed is charged, a move's lag given back.
    Now {
        /// When it happens.
        at: MatchTime,
        /// The lag of a move.
        lag: Duration,
    },
    /// The event is replayed: its record has the clocks.
    Recorded {
        /// The clocks after it.
        state: ClockState,
        /// When it happened.
        at: MatchTime,
    },
}

impl Match {
    /// Hands the match a command of `seat` with its `receipt`.
    ///
    /// The time that has passed is applied first, as by [`tick`](Self::tick): after a flag has fallen,
    /// the match is over. Every event is added to `events`, whether time, the command or the rules
    /// caused it (a mating move is followed by the end of the match). Returns the seq of the event
    /// that carries the command's id.
    ///
    /// A command that this seat has sent before under the same id is a repeat: it gets the first
    /// answer again and changes nothing. Of refusals only a seat's most recent ones are remembered,
    /// and none in a [`Snapshot`](crate::Snapshot).
    ///
    /// # Errors
    ///
    /// A [`Refusal`], and the command has changed nothing. The reason is the first that holds:
    /// [`CommandIdReused`](Refusal::CommandIdReused) if the id was used for another command,
    /// [`MatchOver`](Refusal::MatchOver); for a move, [`NotStarted`](Refusal::NotStarted),
    /// [`StalePosition`](Refusal::StalePosition) if it is for another position, whoever's turn it is,
    /// [`NotYourTurn`](Refusal::NotYourTurn), [`IllegalMove`](Refusal::IllegalMove), and, if a draw
    /// cannot be offered with it, [`TooEarly`](Refusal::TooEarly) or
    /// [`OfferTooSoon`](Refusal::OfferTooSoon). For the other commands see [`Refusal`].
    pub fn apply(
        &mut self,
        seat: Seat,
        command: &Command,
        receipt: impl Into<Receipt>,
        events: &mut Vec<Event>,
    ) -> Result<u32, Refusal> {
        let Receipt {
            at,
            lag,
            round_trip,
            next_match,
        } = receipt.into();
        if let Some(seq) = self.accepted(seat, command.id) {
            return if self.caused(seq, command.kind) {
                Ok(seq)
            } else {
                Err(Refusal::CommandIdReused)
            };
        }
        if let Some(refusal) = self.refusals[seat].find(command) {
            return Err(refusal);
        }
        self.tick(at, events);
        let known = Circumstances {
            now: Some(at),
            next_match,
        };
        let mut decided = self.decide(seat, command.kind, known);
        if decided.is_ok() && self.arrives_too_late(command.kind, at, lag) {
            let ending = self.flag_fall();
            events.push(self.finish(None, ending, ClockSource::Now { at, lag }));
            decided = Err(Refusal::MatchOver);
        }
        let act = decided.inspect_err(|&refusal| self.refusals[seat].push(*command, refusal))?;
        let clocks = ClockSource::Now { at, lag };
        events.push(self.enact((seat, command.id), act, clocks, round_trip));
        let seq = self.seq();
        // A move may have ended the match.
        self.tick(at, events);
        Ok(seq)
    }

    /// Applies the time that has passed by `now`: ends the match if a flag has fallen or a first move
    /// is overdue, and adds that event to `events`. Harmless if called early or repeatedly.
    pub fn tick(&mut self, now: MatchTime, events: &mut Vec<Event>) {
        if let Some(ending) = self.due(now) {
            let clocks = ClockSource::Now {
                at: now,
                lag: Duration::ZERO,
            };
            events.push(self.finish(None, ending, clocks));
        }
    }

    /// Ends the match at `now` by an arbiter's decision. Any `outcome` is allowed;
    /// [`Outcome::Aborted`] leaves the match without a result. The time that has passed is applied
    /// first, as for a command. Adds the events to `events` and returns the seq of the decision.
    ///
    /// # Errors
    ///
    /// [`Refusal::MatchOver`] if the match has ended, also by the time that has passed.
    pub fn adjudicate(
        &mut self,
        outcome: Outcome,
        now: MatchTime,
        events: &mut Vec<Event>,
    ) -> Result<u32, Refusal> {
        self.tick(now, events);
        if self.is_over() {
            return Err(Refusal::MatchOver);
        }
        let ending = (outcome, Termination::Adjudicated);
        let clocks = ClockSource::Now {
            at: now,
            lag: Duration::ZERO,
        };
        events.push(self.finish(None, ending, clocks));
        Ok(self.seq())
    }

    /// Applies an act that [`decide`](Self::decide) allows now. The round trip counts for a move.
    pub(crate) fn enact(
        &mut self,
        by: (Seat, CommandId),
        act: Act,
        clocks: ClockSource,
        round_trip: Option<RoundTrip>,
    ) -> Event {
        let (seat, command) = by;
        let deed = match act {
            Act::End(ending) => return self.finish(Some(by), ending, clocks),
            Act::Move { legal, with } => self.make_move(seat, legal, with, clocks),
            Act::TakeBack(plies) => {
                self.take_back(plies, clocks);
                Deed::TakenBack(seat, plies)
            }
            Act::GiveTime(seconds) => {
                self.set_clocks(clocks);
                if let ClockSource::Now { .. } = clocks {
                    let given = Duration::from_secs(seconds.into());
                    self.clock.give(seat.opponent(), given);
                }
                Deed::TimeGiven(seat, seconds)
            }
            Act::OfferDraw => {
                self.set_clocks(clocks);
                self.offers.offer(seat, self.ply());
                Deed::DrawOffered(seat)
            }
            Act::DeclineDraw => {
                self.set_clocks(clocks);
                self.offers.clear();
                Deed::DrawDeclined(seat)
            }
            Act::OfferTakeback => {
                self.set_clocks(clocks);
                self.takebacks.offer(seat);
                Deed::TakebackOffered(seat)
            }
            Act::DeclineTakeback => {
                self.set_clocks(clocks);
                let at = match clocks {
                    ClockSource::Now { at, .. } => Some(at),
                    ClockSource::Recorded { .. } => None,
                };
                self.takebacks.decline(at);
                Deed::TakebackDeclined(seat)
            }
            Act::OfferRematch => {
                self.set_clocks(clocks);
                self.rematch.standing = Some(seat);
                Deed::RematchOffered(seat)
            }
            Act::DeclineRematch => {
                self.set_clocks(clocks);
                self.rematch.standing = None;
                Deed::RematchDeclined(seat)
            }
            Act::AgreeRematch(id) => {
                self.set_clocks(clocks);
                self.rematch.standing = None;
                self.rematch.agreed = Some(id);
                Deed::RematchAgreed(seat)
            }
        };
        let round_trip = round_trip.filter(|_| deed.is_move());
        self.history.push(command, deed, round_trip);
        let kind = deed.kind(self.rematch.agreed);
        let kind = kind.expect("a rematch that was just agreed on has its id");
        Event {
            round_trip,
            ..self.event(Some(by), kind)
        }
    }

    /// Ends the match. `by` is `None` if time, the rules or an arbiter end it.
    pub(crate) fn finish(
        &mut self,
        by: Option<(Seat, CommandId)>,
        (outcome, termination): BoardEnding,
        clocks: ClockSource,
    ) -> Event {
        self.set_clocks(clocks);
        self.stop_clock();
        self.offers.clear();
        self.takebacks.clear();
        self.history.end();
        self.end = Some(End {
            by,
            outcome,
            termination,
        });
        let kind = EventKind::Ended {
            outcome,
            termination,
        };
        self.event(by, kind)
    }

    /// Whether a move that is received in time has used more than its mover had: after zero the clock
    /// waits for what lag compensation may give back, and this move does not get as much.
    fn arrives_too_late(&self, kind: CommandKind, at: MatchTime, lag: Duration) -> bool {
        let mover = self.turn();
        let control = &self.setup.controls[mover];
        matches!(kind, CommandKind::Move { .. })
            && self.has_begun()
            && self.clock.is_too_late(mover, at, lag, control)
    }

    /// Plays a legal move: on the board, on the mover's clock, and against the opponent's offers.
    fn make_move(&mut self, mover: Seat, legal: Move, with: WithMove, clocks: ClockSource) -> Deed {
        let timed = self.has_begun();
        let moves_before = self.line.moves_of(mover);
        self.line.play(legal);
        self.offers.moved(mover);
        self.takebacks.clear();
        if with == WithMove::DrawOffer {
            self.offers.offer(mover, self.ply());
        }
        self.claims_draw = with == WithMove::DrawClaim;
        self.carried = Duration::ZERO;
        let at = match clocks {
            // A recorded clock includes what the move earned.
            ClockSource::Recorded { state, at } => {
                self.set_recorded(state);
                at
            }
            ClockSource::Now { at, lag } => {
                let control = &self.setup.controls[mover];
                let earns = timed && self.verdict().is_none();
                self.clock
                    .move_made(mover, at, lag, control, moves_before, earns);
                at
            }
        };
        self.last_at = at;
        self.stop_clock();
        let clock_ms = self.clock.remaining()[mover].as_millis();
        let clock_ms = u32::try_from(clock_ms).unwrap_or(u32::MAX);
        self.line.set_clock(clock_ms);
        Deed::Moved {
            seat: mover,
            uci: legal.uci(),
            with,
            clock_ms,
        }
    }

    /// Takes back moves, and with them the clocks, the offers and the repetitions.
    pub(crate) fn take_back(&mut self, plies: u8, clocks: ClockSource) {
        let ply = self.ply().saturating_sub(plies.into());
        let remaining = self.clocks_at(ply);
        self.line.take_back_to(&self.setup.start, ply);
        self.set_clocks(clocks);
        if let ClockSource::Now { .. } = clocks {
            let moves = self.moves_made();
            self.clock.rewind(remaining, &self.setup.controls, moves);
        }
        self.offers = DrawOffers::as_at(self.history.entries(), ply);
        self.takebacks.clear();
        self.claims_draw = false;
        self.stop_clock();
    }

    /// The event for the change that was just applied.
    pub(crate) fn event(&mut self, by: Option<(Seat, CommandId)>, kind: EventKind) -> Event {
        self.last_clocks = self.clock.state();
        Event {
            seq: self.seq(),
            seat: by.map(|(seat, _)| seat),
            command_id: by.map(|(_, command)| command),
            clocks: self.last_clocks,
            at: self.last_at,
            round_trip: None,
            kind,
        }
    }

    /// Brings both clocks to the moment of the event that follows.
    pub(crate) fn set_clocks(&mut self, clocks: ClockSource) {
        self.carried = Duration::ZERO;
        match clocks {
            ClockSource::Now { at, .. } => {
                self.clock.charge_until(at);
                self.last_at = at;
            }
            ClockSource::Recorded { state, at } => {
                self.set_recorded(state);
                self.last_at = at;
            }
        }
    }
}
