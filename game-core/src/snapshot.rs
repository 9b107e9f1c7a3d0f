//! What outlives a live match: its snapshot, and how it is made again from one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::board::Ending;
use crate::clock::Clock;
use crate::decide::Act;
use crate::history::{Deed, Entry};
use crate::state::{Clocks, End};
use crate::{
    BySeat, CommandId, CommandKind, Event, EventKind, Match, MatchSetup, Outcome, Refusal, Seat,
    Termination,
};

/// The whole state of a match at one seq: what was agreed, and every event since in packed form.
///
/// Nothing in it follows from the rest; position, repetitions, offers and turn are made again by
/// playing the moves. So it may come from anywhere: [`Match::restore`] refuses what no match can
/// have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What was agreed.
    setup: MatchSetup,
    /// Every event but the one that ended the match.
    history: Vec<Entry>,
    /// What both clocks showed at the last event.
    clocks: BySeat<Duration>,
    /// How the match ended.
    end: Option<End>,
}

impl Snapshot {
    /// What was agreed before the match.
    #[must_use]
    pub const fn setup(&self) -> &MatchSetup {
        &self.setup
    }

    /// The number of the last event it holds; 0 before the first.
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
    #[error("record {found} stands where {expected} belongs")]
    Seq {
        /// The seq that comes next.
        expected: u32,
        /// The seq of the record.
        found: u32,
    },
    /// The match would have refused what the record says was done.
    #[error("record {seq} would have been refused: {refusal}")]
    Refused {
        /// The event at fault.
        seq: u32,
        /// Why it would have been refused.
        refusal: Refusal,
    },
    /// The record says something else than what its command comes to: a result that does not
    /// follow, or a move that is not in its canonical form.
    #[error("record {seq} does not follow from what came before it")]
    Unfounded {
        /// The event at fault.
        seq: u32,
    },
    /// Seat and command are missing where there must be both, or there where there must be none.
    #[error("record {seq} has no proper author")]
    Author {
        /// The event at fault.
        seq: u32,
    },
    /// The seat has used the command's id before.
    #[error("record {seq} repeats a command")]
    Repeated {
        /// The event at fault.
        seq: u32,
    },
    /// A clock shows what no clock can: a fraction of a microsecond, or over 49 days.
    #[error("record {seq} has an impossible clock")]
    Clock {
        /// The event at fault.
        seq: u32,
    },
}

impl Match {
    /// The whole state after the last event. Time that has passed since is not in it, nor are
    /// remembered refusals.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            setup: self.setup.clone(),
            history: self.history.entries().to_vec(),
            clocks: self.clock.settled(),
            end: self.end,
        }
    }

    /// The state after the event `seq`, at which both clocks showed `clocks`; the whole state if
    /// there is no later event. What waits to be confirmed can be left out by this.
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

    /// The events after `seq`, made again from what is kept of them: for a store that has lost them.
    ///
    /// Of the last event the clocks are what they were. Of those before it, the mover's clock is in whole
    /// milliseconds, which is what peers were told, and beside a draw offer the clock of the side to move
    /// is that of its last move.
    #[must_use]
    pub fn events_after(&self, seq: u32) -> Vec<Event> {
        let mut shown = Self::new(self.setup.clone()).clock.settled();
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

    /// What both clocks showed at the last event, without what a former owner says has counted since.
    fn clocks_at_last_event(&self) -> BySeat<Duration> {
        let mut clocks = self.clock.settled();
        if self.timed_seat().is_some() {
            clocks[self.turn()] += self.carried;
        }
        clocks
    }

    /// Makes a match again from a snapshot and the events after it, its clocks stopped.
    ///
    /// Everything is judged by the rules that a live match is under. The log may end between a move
    /// that ends the match and its `Ended` event; then [`deadline`](Self::deadline) has come, and
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

    /// Adds a recorded event.
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

    /// Adds an event from a snapshot, which keeps only the mover's clock for the record of moves.
    fn replay_entry(&mut self, entry: Entry) -> Result<(), RestoreError> {
        let mut clocks = self.clock.settled();
        if let Deed::Moved { seat, clock_ms, .. } = entry.deed {
            clocks[seat] = Duration::from_millis(clock_ms.into());
        }
        self.replay_act(entry.by(), entry.kind(), clocks)
    }

    /// Adds an event that did not end the match, if its command comes to just that.
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
        let event = self.enact((seat, command), act, Clocks::Recorded(clocks));
        if event.kind == kind {
            Ok(())
        } else {
            Err(RestoreError::Unfounded { seq })
        }
    }

    /// Adds the end of the match, if it follows.
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
            Clocks::Recorded(clocks),
        );
        Ok(())
    }

    /// The end that a command of `seat` brings about for the reason given.
    fn end_by_command(
        &self,
        seat: Seat,
        end: &End,
        seq: u32,
    ) -> Result<Option<Ending>, RestoreError> {
        let asked = match end.termination {
            Termination::Resignation => CommandKind::Resign,
            Termination::DrawAgreement => CommandKind::AcceptDraw,
            Termination::Aborted => CommandKind::Abort,
            _ => return Err(RestoreError::Author { seq }),
        };
        match self.decide(seat, asked) {
            // A confirmed loss stands, even where the opponent had nothing to mate with.
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

    /// The end that time, the rules or an arbiter bring about for the reason given. How much time has
    /// passed a record cannot show, but a flag only falls on a clock at zero; an arbiter may decide
    /// anything about a match in play.
    fn end_without_seat(
        &self,
        (outcome, termination): Ending,
        clocks: BySeat<Duration>,
    ) -> Option<Ending> {
        if let Some(verdict) = self.board.verdict() {
            return Some(verdict);
        }
        match termination {
            Termination::Adjudicated => Some((outcome, termination)),
            Termination::TimeForfeit if self.has_begun() && clocks[self.turn()].is_zero() => {
                Some(self.flag_fall())
            }
            // Where time counts from the start, only a match to which nobody came ends so.
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
