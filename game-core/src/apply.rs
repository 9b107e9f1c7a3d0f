//! What changes a match: a command, the passing of time, an arbiter's decision.

use std::time::Duration;

use crate::board::BoardEnding;
use crate::decide::Act;
use crate::history::Deed;
use crate::state::End;
use crate::{
    BySeat, Command, CommandId, Event, EventKind, Match, MatchTime, Move, Outcome, Refusal, Seat,
    Termination,
};

/// Where the clocks of an event come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClockSource {
    /// The event happens now: the time that has passed is charged.
    Now(MatchTime),
    /// The event is replayed: its record has the clocks.
    Recorded(BySeat<Duration>),
}

impl Match {
    /// Hands the match a command of `seat` that was received at `now`.
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
    /// [`MatchOver`](Refusal::MatchOver); for a move, [`StalePly`](Refusal::StalePly) if it is for
    /// another ply, whoever's turn it is, [`NotYourTurn`](Refusal::NotYourTurn),
    /// [`IllegalMove`](Refusal::IllegalMove), and, if a draw cannot be offered with it,
    /// [`TooEarly`](Refusal::TooEarly) or [`OfferTooSoon`](Refusal::OfferTooSoon). The other
    /// commands have one reason each; see [`Refusal`].
    pub fn apply(
        &mut self,
        seat: Seat,
        command: &Command,
        now: MatchTime,
        events: &mut Vec<Event>,
    ) -> Result<u32, Refusal> {
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
        self.tick(now, events);
        let act = self
            .decide(seat, command.kind)
            .inspect_err(|&refusal| self.refusals[seat].push(*command, refusal))?;
        events.push(self.enact((seat, command.id), act, ClockSource::Now(now)));
        let seq = self.seq();
        // A move may have ended the match.
        self.tick(now, events);
        Ok(seq)
    }

    /// Applies the time that has passed by `now`: ends the match if a flag has fallen or a first move
    /// is overdue, and adds that event to `events`. Harmless if called early or repeatedly.
    pub fn tick(&mut self, now: MatchTime, events: &mut Vec<Event>) {
        if let Some(ending) = self.due(now) {
            events.push(self.finish(None, ending, ClockSource::Now(now)));
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
        events.push(self.finish(None, ending, ClockSource::Now(now)));
        Ok(self.seq())
    }

    /// Applies an act that [`decide`](Self::decide) allows now.
    pub(crate) fn enact(&mut self, by: (Seat, CommandId), act: Act, clocks: ClockSource) -> Event {
        self.set_clocks(clocks);
        let (seat, command) = by;
        let kind = match act {
            Act::Move { legal, offers_draw } => {
                self.make_move(seat, legal, clocks);
                if offers_draw {
                    self.offers.offer(seat, self.ply());
                }
                let clock_ms = self.clock.remaining()[seat].as_millis();
                let clock_ms = u32::try_from(clock_ms).unwrap_or(u32::MAX);
                self.line.set_clock(clock_ms);
                let uci = legal.uci();
                let deed = Deed::Moved {
                    seat,
                    uci,
                    clock_ms,
                    offers_draw,
                };
                self.history.push(command, deed);
                EventKind::Moved { uci, offers_draw }
            }
            Act::OfferDraw => {
                self.offers.offer(seat, self.ply());
                self.history.push(command, Deed::DrawOffered { seat });
                EventKind::DrawOffered
            }
            Act::DeclineDraw => {
                self.offers.clear();
                self.history.push(command, Deed::DrawDeclined { seat });
                EventKind::DrawDeclined
            }
            Act::End(ending) => return self.finish(Some(by), ending, clocks),
        };
        self.event(Some(by), kind)
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

    /// Plays a legal move: on the board, on the mover's clock, and against the opponent's offer.
    fn make_move(&mut self, mover: Seat, legal: Move, clocks: ClockSource) {
        let timed = self.has_begun();
        self.line.play(legal);
        self.offers.moved(mover);
        self.stop_clock();
        // A recorded clock includes its increment.
        let live = matches!(clocks, ClockSource::Now(_));
        if live && timed && self.verdict().is_none() {
            self.clock.add_increment(mover);
        }
    }

    /// The event for the change that was just applied.
    fn event(&self, by: Option<(Seat, CommandId)>, kind: EventKind) -> Event {
        Event {
            seq: self.seq(),
            seat: by.map(|(seat, _)| seat),
            command_id: by.map(|(_, command)| command),
            clocks: self.clock.remaining(),
            kind,
        }
    }

    /// Brings both clocks to the moment of the event that follows.
    fn set_clocks(&mut self, clocks: ClockSource) {
        self.carried = Duration::ZERO;
        match clocks {
            ClockSource::Now(now) => self.clock.charge_until(now),
            ClockSource::Recorded(shown) => self.clock.set(shown),
        }
    }
}
