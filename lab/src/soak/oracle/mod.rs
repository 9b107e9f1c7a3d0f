//! What every bot checks: that the server keeps its promises, as far as a client can see it.
//!
//! The rules of chess, the numbering of events and the constancy of answers are checked by
//! [`MatchView`] and [`SeatMachine`](client::seat::SeatMachine) frame by frame; a breach of them comes
//! as a [`Violation`]. Here is what they do not check: the clocks, what the two sides and the records
//! say of the same match, and that nothing is left hanging.

mod clocks;
mod history;
mod verdict;

use std::time::Duration;

use game_core::{CommandId, CommandKind, Outcome, Termination, Uci};
use protocol::Role;
use serde::Serialize;

use self::clocks::{ClockCheck, Word};
use self::history::{Entry, History};
pub(super) use self::verdict::{Records, verdict};
use client::seat::{Acked, Update};
use client::{MatchView, Violation};

/// A promise of the server that a soak checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Promise {
    /// Legal events only, numbered without gaps, and answers that do not change.
    Protocol,
    /// Clocks lose no more than the time thought.
    ClockCharged,
    /// Clocks gain no more than their increments.
    ClockRose,
    /// What was acknowledged stands in the records, where it was said to stand.
    AckKept,
    /// Both sides, spectators and the records have the same moves.
    SameMoves,
    /// Both sides, spectators and the records have the same result.
    SameResult,
    /// The PGN is the game that was played.
    Pgn,
    /// A legal move of the side to move is taken.
    MoveTaken,
    /// A draw offer that stands for a player stands at the shard.
    OfferStands,
    /// A match that nobody attends ends by itself, and no match is without an owner that knows of it.
    Forgotten,
    /// Every match can be played to its end once faults stop.
    Finishes,
    /// A server runs until it is told to stop, and then stops in good order.
    Runs,
}

/// How a promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) promise: Promise,
    pub(super) expected: String,
    pub(super) got: String,
}

impl From<Violation> for Breach {
    fn from(violation: Violation) -> Self {
        Self {
            promise: Promise::Protocol,
            expected: "legal events without gaps, and answers that do not change".to_owned(),
            got: violation.to_string(),
        }
    }
}

/// What one client knows at the end of a match.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) role: Role,
    pub(super) seq: u32,
    pub(super) moves: Vec<Uci>,
    pub(super) result: Option<(Outcome, Termination)>,
    pub(super) acked: Vec<Acked>,
}

/// The oracle of one client in one match. Pure: updates and times are handed in.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    clocks: Option<ClockCheck>,
    history: History,
}

impl Oracle {
    /// The client asked something of the match.
    pub(super) fn asked(&mut self, id: CommandId, kind: CommandKind, at: Duration) {
        if let (Some(clocks), CommandKind::Move { .. }) = (&mut self.clocks, kind) {
            clocks.moved(at);
        }
        self.history.note(at, Entry::Asked(id, kind));
    }

    /// The client learnt something; `view` is the match after it. Returns by how much the own clock
    /// lost more than was thought, where this is the answer to an own move.
    ///
    /// # Errors
    ///
    /// [`Breach`] of a promise on the clocks.
    pub(super) fn learnt(
        &mut self,
        view: &MatchView,
        update: &Update,
        at: Duration,
        tolerance: Duration,
    ) -> Result<Option<Duration>, Breach> {
        self.note(view, update, at);
        match update {
            Update::Joined { .. } | Update::Clock | Update::Event { .. } => {
                self.word(view, update, at, tolerance)
            }
            Update::Paused => {
                self.pause(at);
                Ok(None)
            }
            Update::Refused {
                kind: CommandKind::Move { .. },
                ..
            } => {
                if let Some(clocks) = &mut self.clocks {
                    clocks.refused();
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// What was asked and told last, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        self.history.lines()
    }

    // ---- parts -----------------------------------------------------------------------------------

    fn word(
        &mut self,
        view: &MatchView,
        update: &Update,
        at: Duration,
        tolerance: Duration,
    ) -> Result<Option<Duration>, Breach> {
        let word = Word {
            clock: view.clock(),
            ply: view.ply(),
            at,
            after_absence: matches!(update, Update::Joined { .. }),
            with_event: matches!(update, Update::Event { .. }),
            is_last: view.position().is_over()
                || view.result().is_some_and(|(_, how)| ends_with_a_move(how)),
        };
        let checked = match &mut self.clocks {
            Some(clocks) => clocks.word(word, tolerance),
            None => {
                let first = ClockCheck::new(view.time_control(), view.seat(), word);
                self.clocks = Some(first);
                Ok(None)
            }
        };
        if view.is_paused() {
            self.pause(at);
        }
        match checked {
            // A move that ends the match in a way that takes a look at all positions to see.
            Err(breach) if breach.promise == Promise::ClockCharged && view.ends_by_itself() => {
                Ok(None)
            }
            checked => checked,
        }
    }

    fn pause(&mut self, at: Duration) {
        if let Some(clocks) = &mut self.clocks {
            clocks.paused(at);
        }
    }

    fn note(&mut self, view: &MatchView, update: &Update, at: Duration) {
        let entry = match update {
            Update::Joined { again } => Entry::Joined {
                again: *again,
                epoch: view.epoch(),
                seq: view.seq(),
                ply: view.ply(),
                clock: view.clock(),
            },
            Update::Event { seq, event } => Entry::Saw(*seq, view.epoch(), event.clone()),
            Update::Acked { acked, .. } => Entry::Acked(acked.id, acked.event, acked.epoch),
            Update::Refused { id, reason, .. } => Entry::Refused(*id, *reason),
            Update::Paused => Entry::Paused,
            Update::Clock => Entry::Clock(view.clock()),
            Update::Reconnecting(loss) => Entry::Lost(loss.to_string().into()),
            Update::Closed(code) => Entry::Closed(*code),
            Update::Presence { .. } | Update::Unresponsive | Update::Responsive => return,
        };
        self.history.note(at, entry);
    }
}

/// Whether the last move itself ends a match that ends so. Otherwise it is a move like any other, and
/// earns its increment: a resignation or a fallen flag comes after it.
const fn ends_with_a_move(how: Termination) -> bool {
    matches!(
        how,
        Termination::Checkmate
            | Termination::Stalemate
            | Termination::DeadPosition
            | Termination::FivefoldRepetition
            | Termination::SeventyFiveMoves
            | Termination::MaxLength
    )
}
