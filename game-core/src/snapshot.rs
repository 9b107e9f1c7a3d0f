//! Snapshots: the state of a match outside of its process, and how a match is restored from one.

use std::time::Duration;

use crate::apply::ClockSource;
use crate::board::BoardEnding;
use crate::clock::Clock;
use crate::decide::{Act, Circumstances};
use crate::history::{Deed, Entry};
use crate::state::End;
use crate::{
    BySeat, ClockState, CommandId, CommandKind, Event, EventKind, Match, MatchId, MatchSetup,
    MatchTime, Outcome, Refusal, RoundTrip, Seat, Termination,
};

/// The whole state of a match at one seq: what was agreed, and every event since in packed form.
///
/// It holds no derived state: [`Match::restore`] computes position, repetitions and offers by replaying
/// the events, and refuses a snapshot that no match can have written. So the fields are public, and a
/// snapshot may come from an untrusted source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The terms of the match.
    pub setup: MatchSetup,
    /// Every event before the one that ended the match.
    pub history: Vec<Entry>,
    /// The round trip of the mover's connection at each move of the history, in its order.
    pub round_trips: Vec<Option<RoundTrip>>,
    /// How the match ended.
    pub end: Option<End>,
    /// Every event after the end.
    pub aftermath: Vec<Entry>,
    /// The match that follows this one, if both have agreed on a rematch.
    pub rematch: Option<MatchId>,
    /// The clocks at the last event.
    pub clocks: ClockState,
    /// When the last event happened, on the clock of the owner at that time.
    pub at: MatchTime,
}

impl Snapshot {
    /// The terms of the match.
    #[must_use]
    pub const fn setup(&self) -> &MatchSetup {
        &self.setup
    }

    /// The number of its last event; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u32 {
        let len = self.history.len() + usize::from(self.end.is_some()) + self.aftermath.len();
        u32::try_from(len).unwrap_or(u32::MAX)
    }

    /// How the match ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<(Outcome, Termination)> {
        self.end.map(|end| (end.outcome, end.termination))
    }
}

/// A snapshot or record that no match can have written. `seq` is the event at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A record does not follow the one before it.
    #[error("record {found} is where {expected} belongs")]
    Seq {
        /// The seq that comes next.
        expected: u32,
        /// The seq of the record.
        found: u32,
    },
    /// The match would have refused the command of the record.
    #[error("record {seq} would have been refused: {refusal}")]
    Refused {
        /// The event at fault.
        seq: u32,
        /// Why it would have been refused.
        refusal: Refusal,
    },
    /// The record differs from the effect of its command: a result that does not follow, or a move
    /// that is not in its canonical form.
    #[error("record {seq} does not follow from what came before it")]
    Unfounded {
        /// The event at fault.
        seq: u32,
    },
    /// The record lacks a seat or a command, or has one where there must be none.
    #[error("record {seq} has no proper author")]
    Author {
        /// The event at fault.
        seq: u32,
    },
    /// The seat has used the id of the command before.
    #[error("record {seq} repeats a command")]
    Repeated {
        /// The event at fault.
        seq: u32,
    },
    /// A snapshot has not one round trip for each move.
    #[error("the snapshot up to record {seq} has not one round trip for each move")]
    RoundTrips {
        /// The event up to which it agrees.
        seq: u32,
    },
    /// A clock has an impossible value: a fraction of a microsecond, or more than 49 days.
    #[error("record {seq} has an impossible clock")]
    Clock {
        /// The event at fault.
        seq: u32,
    },
}

impl Match {
    /// The state after the last event, without the time that has passed since and without remembered
    /// refusals.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(self.seq(), self.last_clocks, self.last_at)
    }

    /// The state after the event `seq`, which happened `at` and left the clocks as `clocks`; the state
    /// after the last event if there is none after `seq`. So unconfirmed events can be left out.
    #[must_use]
    pub fn snapshot_at(&self, seq: u32, clocks: ClockState, at: MatchTime) -> Snapshot {
        let entries = &self.history.entries()[..self.history.entries_up_to(seq)];
        let end_seq = self.history.end_seq().filter(|&end_seq| end_seq <= seq);
        let before_end = end_seq.map_or(entries.len(), |end_seq| end_seq as usize - 1);
        let (history, aftermath) = entries.split_at(before_end);
        let agreed = |entry: &Entry| matches!(entry.deed, Deed::RematchAgreed(_));
        Snapshot {
            setup: self.setup.clone(),
            history: history.to_vec(),
            round_trips: self.history.round_trips_up_to(history.len()).to_vec(),
            end: self.end.filter(|_| end_seq.is_some()),
            rematch: self.rematch.agreed.filter(|_| aftermath.iter().any(agreed)),
            aftermath: aftermath.to_vec(),
            clocks,
            at,
        }
    }

    /// The number of half-moves that stood after the event `seq`.
    #[must_use]
    pub fn ply_at(&self, seq: u32) -> u16 {
        let entries = &self.history.entries()[..self.history.entries_up_to(seq)];
        entries.iter().fold(0, |ply, entry| match entry.deed {
            Deed::Moved { .. } => ply + 1,
            Deed::TakenBack(_, plies) | Deed::Undone(plies) => ply.saturating_sub(plies.into()),
            _ => ply,
        })
    }

    /// Whether the match had ended with or before the event `seq`.
    #[must_use]
    pub fn had_ended_by(&self, seq: u32) -> bool {
        self.history.end_seq().is_some_and(|end_seq| end_seq <= seq)
    }

    /// The events after `seq`, rebuilt from the history, for a store that has lost them.
    ///
    /// The clocks of the last event and of the end are exact. In earlier events the mover's clock is in whole
    /// milliseconds, as it was sent to peers, the clocks beside an offer are those of the last move, and
    /// the other parts of [`ClockState`] and the time are left out: only those of the last event of a log
    /// are ever used.
    #[must_use]
    pub fn events_after(&self, seq: u32) -> Vec<Event> {
        let mut replayed = Self::new(self.setup.clone());
        let mut events = Vec::with_capacity(self.seq() as usize);
        let mut end = self.end.zip(self.history.end_seq());
        for (number, entry, round_trip) in self.history.numbered() {
            if let Some((end, _)) = end.take_if(|(_, end_seq)| *end_seq < number) {
                events.push(replayed.rebuilt_end(end, self.last_clocks));
            }
            let Ok(event) = replayed.replay_entry(*entry, round_trip, self.rematch.agreed) else {
                break;
            };
            events.push(event);
        }
        if let Some((end, _)) = end {
            events.push(replayed.rebuilt_end(end, self.last_clocks));
        }
        events.retain(|event| event.seq > seq);
        if let Some(last) = events.last_mut() {
            last.clocks = self.last_clocks;
            last.at = self.last_at;
        }
        events
    }

    /// The event that ended the match, applied to what was replayed up to it. No clock counts after it, so
    /// the last clocks are those of the end.
    fn rebuilt_end(&mut self, end: End, state: ClockState) -> Event {
        let at = MatchTime::default();
        let clocks = ClockSource::Recorded { state, at };
        self.finish(end.by, (end.outcome, end.termination), clocks)
    }

    /// Restores a match from a snapshot and the events after it, with its clocks stopped.
    ///
    /// Every event is checked by the rules of a live match. The log may end between a move that ends
    /// the match and its `Ended` event; then [`deadline`](Self::deadline) has passed, and
    /// [`tick`](Self::tick) adds the event.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if no match can have written this, or if the first event is not the one
    /// after the snapshot.
    pub fn restore(snapshot: Snapshot, tail: &[Event]) -> Result<Self, RestoreError> {
        let Snapshot {
            setup,
            history,
            round_trips,
            end,
            aftermath,
            rematch,
            clocks,
            at,
        } = snapshot;
        let mut restored = Self::new(setup);
        restored.replay_history(history, round_trips)?;
        check_clocks(clocks, restored.seq())?;
        restored.set_recorded(clocks);
        if let Some(end) = end {
            restored.replay_end(end, clocks, at)?;
        }
        for entry in aftermath {
            restored.replay_entry(entry, None, rematch)?;
        }
        if restored.rematch.agreed != rematch {
            return Err(RestoreError::Unfounded {
                seq: restored.seq(),
            });
        }
        restored.set_recorded(clocks);
        restored.last_at = at;
        for event in tail {
            restored.replay(event)?;
        }
        Ok(restored)
    }

    /// Replays the events before the end, each move with its round trip.
    fn replay_history(
        &mut self,
        history: Vec<Entry>,
        round_trips: Vec<Option<RoundTrip>>,
    ) -> Result<(), RestoreError> {
        let mut round_trips = round_trips.into_iter();
        for entry in history {
            let round_trip = if entry.deed.is_move() {
                let seq = self.seq();
                round_trips.next().ok_or(RestoreError::RoundTrips { seq })?
            } else {
                None
            };
            self.replay_entry(entry, round_trip, None)?;
        }
        match round_trips.next() {
            None => Ok(()),
            Some(_) => Err(RestoreError::RoundTrips { seq: self.seq() }),
        }
    }

    /// Replays a recorded event.
    fn replay(&mut self, event: &Event) -> Result<(), RestoreError> {
        let seq = self.next_seq();
        if event.seq != seq {
            return Err(RestoreError::Seq {
                expected: seq,
                found: event.seq,
            });
        }
        check_clocks(event.clocks, seq)?;
        let by = match (event.seat, event.command_id) {
            (Some(seat), Some(command)) => Some((seat, command)),
            (None, None) => None,
            _ => return Err(RestoreError::Author { seq }),
        };
        if let EventKind::Ended {
            outcome,
            termination,
        } = event.kind
        {
            let end = End {
                by,
                outcome,
                termination,
            };
            return self.replay_end(end, event.clocks, event.at);
        }
        let clocks = ClockSource::Recorded {
            state: event.clocks,
            at: event.at,
        };
        let replayed = match by {
            Some(by) => self.replay_act(by, event.kind, clocks, event.round_trip),
            None => self.replay_order(event.kind, clocks),
        };
        replayed.map(|_| ())
    }

    /// Replays an event from a snapshot, which holds only the mover's clock, as the record of moves
    /// needs it. `rematch` is the new match that an agreement is about.
    fn replay_entry(
        &mut self,
        entry: Entry,
        round_trip: Option<RoundTrip>,
        rematch: Option<MatchId>,
    ) -> Result<Event, RestoreError> {
        let mut state = ClockState {
            remaining: self.clock.remaining(),
            ..ClockState::default()
        };
        match entry.deed {
            Deed::Moved { seat, clock_ms, .. } => {
                state.remaining[seat] = Duration::from_millis(clock_ms.into());
            }
            Deed::TimeGiven(seat, seconds) => {
                let given = Duration::from_secs(seconds.into());
                let clock = &mut state.remaining[seat.opponent()];
                *clock = clock.saturating_add(given).min(Clock::MAX);
            }
            Deed::WhiteClockSet(clock_ms) => {
                state.remaining.white = Duration::from_millis(clock_ms.into());
            }
            Deed::BlackClockSet(clock_ms) => {
                state.remaining.black = Duration::from_millis(clock_ms.into());
            }
            Deed::TakenBack(_, plies) | Deed::Undone(plies) => {
                let ply = self.ply().saturating_sub(plies.into());
                state.remaining = self.clocks_at(ply);
            }
            _ => {}
        }
        let kind = entry.deed.kind(rematch);
        let kind = kind.ok_or(RestoreError::Unfounded {
            seq: self.next_seq(),
        })?;
        let at = MatchTime::default();
        let clocks = ClockSource::Recorded { state, at };
        match entry.by() {
            Some(by) => self.replay_act(by, kind, clocks, round_trip),
            None => self.replay_order(kind, clocks),
        }
    }

    /// Replays an event that did not end the match, if it is the effect of its command.
    fn replay_act(
        &mut self,
        by: (Seat, CommandId),
        kind: EventKind,
        clocks: ClockSource,
        round_trip: Option<RoundTrip>,
    ) -> Result<Event, RestoreError> {
        let seq = self.next_seq();
        let (seat, command) = by;
        self.check_new(by)?;
        let mut next_match = None;
        let asked = match kind {
            EventKind::Moved { uci, with } => CommandKind::Move {
                position_seq: self.position_seq(),
                uci,
                with,
            },
            EventKind::DrawOffered => CommandKind::OfferDraw,
            EventKind::DrawDeclined => CommandKind::DeclineDraw,
            EventKind::TakebackOffered => CommandKind::OfferTakeback,
            EventKind::TakebackDeclined => CommandKind::DeclineTakeback,
            EventKind::TakenBack { .. } => CommandKind::AcceptTakeback,
            EventKind::TimeGiven { seconds } => CommandKind::GiveTime { seconds },
            EventKind::RematchOffered => CommandKind::OfferRematch,
            EventKind::RematchDeclined => CommandKind::DeclineRematch,
            EventKind::RematchAgreed { match_id } => {
                next_match = Some(match_id);
                CommandKind::AcceptRematch
            }
            EventKind::Ended { .. } => return Err(RestoreError::Unfounded { seq }),
            EventKind::Stopped | EventKind::Resumed | EventKind::ClockSet { .. } => {
                return Err(RestoreError::Author { seq });
            }
        };
        let known = Circumstances {
            now: None,
            next_match,
        };
        let act = self
            .decide(seat, asked, known)
            .map_err(|refusal| RestoreError::Refused { seq, refusal })?;
        let event = self.enact((seat, command), act, clocks, round_trip);
        if event.kind == kind {
            Ok(event)
        } else {
            Err(RestoreError::Unfounded { seq })
        }
    }

    /// Replays the end of the match, if it follows from the state.
    fn replay_end(
        &mut self,
        end: End,
        clocks: ClockState,
        at: MatchTime,
    ) -> Result<(), RestoreError> {
        let seq = self.next_seq();
        if self.end.is_some() {
            return Err(RestoreError::Refused {
                seq,
                refusal: Refusal::MatchOver,
            });
        }
        let expected = match end.by {
            Some(by) => {
                self.check_new(by)?;
                self.end_by_command(by.0, &end, seq)?
            }
            None => self.end_without_seat((end.outcome, end.termination), clocks.remaining),
        };
        if expected != Some((end.outcome, end.termination)) {
            return Err(RestoreError::Unfounded { seq });
        }
        self.finish(
            end.by,
            (end.outcome, end.termination),
            ClockSource::Recorded { state: clocks, at },
        );
        Ok(())
    }

    /// The end that a command of `seat` causes, by the termination of `end`.
    fn end_by_command(
        &self,
        seat: Seat,
        end: &End,
        seq: u32,
    ) -> Result<Option<BoardEnding>, RestoreError> {
        let asked = match end.termination {
            Termination::Resignation => CommandKind::Resign,
            Termination::DrawAgreement => CommandKind::AcceptDraw,
            Termination::Aborted => CommandKind::Abort,
            Termination::ThreefoldRepetition | Termination::FiftyMoves => CommandKind::ClaimDraw,
            Termination::Abandoned if end.outcome == Outcome::Draw => {
                CommandKind::ClaimAbandonedDraw
            }
            Termination::Abandoned => CommandKind::ClaimWin,
            _ => return Err(RestoreError::Author { seq }),
        };
        let known = Circumstances {
            now: None,
            next_match: None,
        };
        match self.decide(seat, asked, known) {
            Ok(Act::End(ending)) => Ok(Some(ending)),
            Ok(_) => Ok(None),
            Err(refusal) => Err(RestoreError::Refused { seq, refusal }),
        }
    }

    /// The end that time, the rules or an arbiter cause, by the termination given. A record does not
    /// show how much time has passed, but a flag falls only on a clock at zero; an arbiter may decide
    /// any outcome of a match in play.
    fn end_without_seat(
        &self,
        (outcome, termination): BoardEnding,
        clocks: BySeat<Duration>,
    ) -> Option<BoardEnding> {
        if let Some(verdict) = self.verdict() {
            return Some(verdict);
        }
        match termination {
            Termination::Adjudicated => Some((outcome, termination)),
            Termination::TimeForfeit if self.has_begun() && clocks[self.turn()].is_zero() => {
                Some(self.flag_fall())
            }
            // Where clocks count from the start, only a match that no player joined ends so.
            Termination::WhiteNoStart | Termination::BlackNoStart
                if !self.has_begun() || self.seq() == 0 =>
            {
                Some(self.no_start())
            }
            _ => None,
        }
    }

    fn check_new(&self, (seat, command): (Seat, CommandId)) -> Result<(), RestoreError> {
        match self.accepted(seat, command) {
            Some(_) => Err(RestoreError::Repeated {
                seq: self.next_seq(),
            }),
            None => Ok(()),
        }
    }

    fn next_seq(&self) -> u32 {
        self.seq().saturating_add(1)
    }
}

fn check_clocks(clocks: ClockState, seq: u32) -> Result<(), RestoreError> {
    if clocks.is_possible() {
        Ok(())
    } else {
        Err(RestoreError::Clock { seq })
    }
}
