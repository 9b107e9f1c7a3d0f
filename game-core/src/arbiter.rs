//! What an arbiter does in a match in play beside [ending](Match::adjudicate) it: events without a seat.

use std::time::Duration;

use crate::apply::ClockSource;
use crate::clock::Clock;
use crate::history::Deed;
use crate::snapshot::RestoreError;
use crate::{CommandId, Event, EventKind, Match, MatchTime, Refusal, SIDE_EVENTS_MAX, Seat};

/// An arbiter's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Stop both clocks. Until play is [resumed](Self::Resume) no move is accepted.
    Stop,
    /// Let play go on.
    Resume,
    /// Set the clock of a seat, to whole milliseconds.
    SetClock {
        /// Whose clock.
        seat: Seat,
        /// What it shows then: more than nothing.
        remaining: Duration,
    },
    /// Add time to the clock of a seat.
    AddTime {
        /// Whose clock.
        seat: Seat,
        /// How much.
        time: Duration,
    },
    /// Take back moves, whoever made them; clocks and offers are as they were then.
    Undo {
        /// How many half-moves: at least one.
        plies: u8,
    },
}

/// What an order does, with everything that a replay needs.
#[derive(Debug, Clone, Copy)]
enum Ruled {
    Stop,
    Resume,
    Clock(Seat, Duration),
    Undo(u8),
}

impl Match {
    /// Carries out an arbiter's order at `now`. The time that has passed is applied first, as for a command. Adds the events
    /// to `events` and returns the seq of the order; that of the last event if nothing is to be done, as play is
    /// stopped already, or goes on.
    ///
    /// # Errors
    ///
    /// [`Refusal::MatchOver`] if the match has ended, also by the time that has passed;
    /// [`Refusal::AmountOutOfBounds`] if no clock can show the time, or fewer moves stand;
    /// [`Refusal::TooManyEvents`] if the log has no room for it.
    pub fn arbitrate(
        &mut self,
        order: Order,
        now: MatchTime,
        events: &mut Vec<Event>,
    ) -> Result<u32, Refusal> {
        self.tick(now, events);
        if self.is_over() {
            return Err(Refusal::MatchOver);
        }
        let ruled = match order {
            Order::Stop if self.is_stopped => return Ok(self.seq()),
            Order::Resume if !self.is_stopped => return Ok(self.seq()),
            Order::Stop => Ruled::Stop,
            Order::Resume => Ruled::Resume,
            Order::SetClock { seat, remaining } => Ruled::Clock(seat, remaining),
            Order::AddTime { seat, time } => {
                Ruled::Clock(seat, self.clocks(now)[seat].saturating_add(time))
            }
            Order::Undo { plies } => Ruled::Undo(plies),
        };
        let ruled = self.in_bounds(ruled).ok_or(Refusal::AmountOutOfBounds)?;
        if self.seq().saturating_sub(self.ply().into()) >= SIDE_EVENTS_MAX {
            return Err(Refusal::TooManyEvents);
        }
        let clocks = ClockSource::Now {
            at: now,
            lag: Duration::ZERO,
        };
        events.push(self.rule(ruled, clocks));
        Ok(self.seq())
    }

    /// Whether an arbiter has stopped play.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// An order with a clock in whole milliseconds; `None` if it cannot be carried out on this position.
    fn in_bounds(&self, ruled: Ruled) -> Option<Ruled> {
        match ruled {
            Ruled::Clock(seat, remaining) => {
                let whole = Duration::from_millis(remaining.as_millis().try_into().ok()?);
                let is_shown = !whole.is_zero() && whole <= Clock::MAX;
                is_shown.then_some(Ruled::Clock(seat, whole))
            }
            Ruled::Undo(plies) => {
                let stand = (1..=self.ply()).contains(&u16::from(plies));
                stand.then_some(ruled)
            }
            Ruled::Stop | Ruled::Resume => Some(ruled),
        }
    }

    fn rule(&mut self, ruled: Ruled, clocks: ClockSource) -> Event {
        let deed = match ruled {
            Ruled::Undo(plies) => {
                self.take_back(plies, clocks);
                Deed::Undone(plies)
            }
            Ruled::Stop => {
                self.set_clocks(clocks);
                self.stop_clock();
                self.is_stopped = true;
                Deed::Stopped
            }
            Ruled::Resume => {
                self.set_clocks(clocks);
                self.is_stopped = false;
                Deed::Resumed
            }
            Ruled::Clock(seat, remaining) => {
                self.set_clocks(clocks);
                if let ClockSource::Now { .. } = clocks {
                    let is_to_move = seat == self.turn();
                    self.clock.set_remaining(seat, remaining, is_to_move);
                }
                let clock_ms = remaining.as_millis();
                Deed::clock_set(seat, u32::try_from(clock_ms).unwrap_or(u32::MAX))
            }
        };
        self.history.push(CommandId(0), deed, None);
        let kind = deed.kind(None).expect("only a rematch needs an id");
        self.event(None, kind)
    }

    /// Replays an event without a seat that did not end the match, if an arbiter can have caused it.
    pub(crate) fn replay_order(
        &mut self,
        kind: EventKind,
        clocks: ClockSource,
    ) -> Result<Event, RestoreError> {
        let seq = self.seq().saturating_add(1);
        let ruled = match (kind, clocks) {
            (EventKind::Stopped, _) if !self.is_stopped => Ruled::Stop,
            (EventKind::Resumed, _) if self.is_stopped => Ruled::Resume,
            (EventKind::Stopped | EventKind::Resumed, _) => {
                return Err(RestoreError::Unfounded { seq });
            }
            (EventKind::ClockSet { seat }, ClockSource::Recorded { state, .. }) => {
                Ruled::Clock(seat, state.remaining[seat])
            }
            (EventKind::TakenBack { plies }, _) => Ruled::Undo(plies),
            _ => return Err(RestoreError::Author { seq }),
        };
        if self.is_over() {
            return Err(RestoreError::Refused {
                seq,
                refusal: Refusal::MatchOver,
            });
        }
        match self.in_bounds(ruled) {
            Some(ruled) => Ok(self.rule(ruled, clocks)),
            None => Err(RestoreError::Unfounded { seq }),
        }
    }
}
