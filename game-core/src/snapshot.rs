//! Snapshots: the state of a match outside of its process, and how a match is restored from one.

use std::time::Duration;

use crate::apply::ClockSource;
use crate::board::BoardEnding;
use crate::clock::Clock;
use crate::decide::Act;
use crate::history::{Deed, Entry};
use crate::state::End;
use crate::{
    BySeat, CommandId, CommandKind, Event, EventKind, Match, MatchSetup, Outcome, Refusal, Seat,
    Termination,
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
    /// Every event but the one that ended the match.
    pub history: Vec<Entry>,
    /// What both clocks showed at the last event.
    pub clocks: BySeat<Duration>,
    /// How the match ended.
    pub end: Option<End>,
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
        let ended = u32::from(self.end.is_some());
        u32::try_from(self.history.len()).map_or(u32::MAX, |len| len.saturating_add(ended))
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
        Snapshot {
            setup: self.setup.clone(),
            history: self.history.entries().to_vec(),
            clocks: self.clock.remaining(),
            end: self.end,
        }
    }

    /// The state after the event `seq`, at which both clocks showed `clocks`; the state after the last
    /// event if there is none after `seq`. So unconfirmed events can be left out.
    #[must_use]
    pub fn snapshot_at(&self, seq: u32, clocks: BySeat<Duration>) -> Snapshot {
        let len = usize::try_from(seq).unwrap_or(usize::MAX);
        let entries = self.history.entries();
        Snapshot {
            setup: self.setup.clone(),
            history: entries[..len.min(entries.len())].to_vec(),
            clocks,
            end: self.end.filter(|_| seq >= self.seq()),
        }
    }

    /// The events after `seq`, rebuilt from the history, for a store that has lost them.
    ///
    /// The clocks of the last event are exact. In earlier events the mover's clock is in whole
    /// milliseconds, as it was sent to peers, and at a draw offer the clock of the side to move is that of
    /// its last move.
    #[must_use]
    pub fn events_after(&self, seq: u32) -> Vec<Event> {
        let mut shown = Clock::new(self.setup.time_control).remaining();
        let mut events = Vec::with_capacity(self.seq().saturating_sub(seq) as usize);
        for (number, entry) in (1..).zip(self.history.entries()) {
            let kind = entry.kind();
            if let Deed::Moved { seat, clock_ms, .. } = entry.deed {
                shown[seat] = Duration::from_millis(clock_ms.into());
            }
            if number > seq {
                let (seat, command) = entry.by();
                events.push(Event {
                    seq: number,
                    seat: Some(seat),
                    command_id: Some(command),
                    clocks: shown,
                    kind,
                });
            }
        }
        let end = self.end.filter(|_| self.seq() > seq);
        events.extend(end.map(|end| Event {
            seq: self.seq(),
            seat: end.by.map(|(seat, _)| seat),
            command_id: end.by.map(|(_, command)| command),
            clocks: shown,
            kind: EventKind::Ended {
                outcome: end.outcome,
                termination: end.termination,
            },
        }));
        if let Some(last) = events.last_mut() {
            last.clocks = self.clocks_at_last_event();
        }
        events
    }

    /// What both clocks showed at the last event, without the time that counted since then under a former
    /// owner.
    fn clocks_at_last_event(&self) -> BySeat<Duration> {
        let mut clocks = self.clock.remaining();
        if self.timed_seat().is_some() {
            clocks[self.turn()] += self.carried;
        }
        clocks
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
            clocks,
            end,
        } = snapshot;
        let mut restored = Self::new(setup);
        for entry in history {
            restored.replay_entry(entry)?;
        }
        let seq = restored.seq();
        check_clocks(clocks, seq)?;
        restored.clock.set(clocks);
        if let Some(end) = end {
            restored.replay_end(end, clocks)?;
        }
        for event in tail {
            restored.replay(event)?;
        }
        Ok(restored)
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
            return self.replay_end(end, event.clocks);
        }
        let by = by.ok_or(RestoreError::Author { seq })?;
        self.replay_act(by, event.kind, event.clocks)
    }

    /// Replays an event from a snapshot, which holds only the mover's clock, as the record of moves
    /// needs it.
    fn replay_entry(&mut self, entry: Entry) -> Result<(), RestoreError> {
        let mut clocks = self.clock.remaining();
        if let Deed::Moved { seat, clock_ms, .. } = entry.deed {
            clocks[seat] = Duration::from_millis(clock_ms.into());
        }
        self.replay_act(entry.by(), entry.kind(), clocks)
    }

    /// Replays an event that did not end the match, if it is the effect of its command.
    fn replay_act(
        &mut self,
        by: (Seat, CommandId),
        kind: EventKind,
        clocks: BySeat<Duration>,
    ) -> Result<(), RestoreError> {
        let seq = self.next_seq();
        let (seat, command) = by;
        self.check_new(by)?;
        let asked = match kind {
            EventKind::Moved { uci, offers_draw } => CommandKind::Move {
                ply: self.ply(),
                uci,
                offers_draw,
            },
            EventKind::DrawOffered => CommandKind::OfferDraw,
            EventKind::DrawDeclined => CommandKind::DeclineDraw,
            EventKind::Ended { .. } => return Err(RestoreError::Unfounded { seq }),
        };
        let act = self
            .decide(seat, asked)
            .map_err(|refusal| RestoreError::Refused { seq, refusal })?;
        let event = self.enact((seat, command), act, ClockSource::Recorded(clocks));
        if event.kind == kind {
            Ok(())
        } else {
            Err(RestoreError::Unfounded { seq })
        }
    }

    /// Replays the end of the match, if it follows from the state.
    fn replay_end(&mut self, end: End, clocks: BySeat<Duration>) -> Result<(), RestoreError> {
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
            None => self.end_without_seat((end.outcome, end.termination), clocks),
        };
        if expected != Some((end.outcome, end.termination)) {
            return Err(RestoreError::Unfounded { seq });
        }
        self.finish(
            end.by,
            (end.outcome, end.termination),
            ClockSource::Recorded(clocks),
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
            _ => return Err(RestoreError::Author { seq }),
        };
        match self.decide(seat, asked) {
            // A confirmed loss stands, even if the opponent lacked the material to mate.
            Ok(Act::End((Outcome::Draw, Termination::Resignation)))
                if end.outcome == Outcome::win_of(seat.opponent()) =>
            {
                Ok(Some((end.outcome, end.termination)))
            }
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

fn check_clocks(clocks: BySeat<Duration>, seq: u32) -> Result<(), RestoreError> {
    let possible =
        |clock: Duration| clock <= Clock::MAX && clock.subsec_nanos().is_multiple_of(1000);
    if possible(clocks.white) && possible(clocks.black) {
        Ok(())
    } else {
        Err(RestoreError::Clock { seq })
    }
}
