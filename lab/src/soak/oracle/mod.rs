//! What is checked of every match: that the server keeps its promises.
//!
//! Each client records what it asked and was told in a [`History`]. Two oracles judge it. From outside, as far as
//! a client can see: `Oracle` follows the clocks message by message, and `verdict` holds all clients of a match
//! against what the matchmaker shows. And [`log::check`] holds their histories against the stored log.
//!
//! The rules of chess, the numbering of events and the constancy of answers are checked by
//! [`MatchView`] and [`SeatMachine`](client::seat::SeatMachine) frame by frame; a breach of them comes
//! as a [`Violation`].

mod clocks;
pub mod history;
pub mod log;
pub mod promise;
pub mod stored;
mod verdict;

use std::time::Duration;

use game_core::{CommandId, CommandKind, Outcome, Termination, Uci};
use protocol::Role;

use self::clocks::{ClockCheck, Word};
use self::history::{Entry, History};
pub use self::promise::{Breach, Promise};
pub(super) use self::verdict::{Records, verdict};
use client::seat::{Acked, Update};
use client::{MatchView, Violation};

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
#[derive(Debug)]
pub(super) struct Oracle {
    clocks: Option<ClockCheck>,
    history: History,
}

impl Oracle {
    /// For a client that has done nothing yet, with its whole history or the end of it.
    pub(super) fn new(role: Role, keeps_all: bool) -> Self {
        Self {
            clocks: None,
            history: History::new(role, keeps_all),
        }
    }

    /// The client asked something of the match.
    pub(super) fn asked(&mut self, id: CommandId, kind: CommandKind, at: Duration) {
        if let (Some(clocks), CommandKind::Move { .. }) = (&mut self.clocks, kind) {
            clocks.moved(at);
        }
        self.history.note(at, Entry::Asked { id, kind });
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

    /// The client thinks so long about a move.
    pub(super) fn thought(&mut self, time: Duration) {
        self.history.thought += time;
    }

    /// The client left the match, with this in view.
    pub(super) fn left(&mut self, view: &MatchView, at: Duration) {
        self.history.note(at, shown(view));
    }

    /// The client gave up, as it was told what a shard must never say.
    pub(super) fn broke(&mut self, violation: Violation, at: Duration) {
        self.history.note(at, Entry::Broke(violation));
    }

    /// What was asked and told.
    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    /// The same, when nothing more comes.
    pub(super) fn into_history(self) -> History {
        self.history
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
        let epoch = view.epoch();
        let entry = match update {
            Update::Joined { .. } => shown(view),
            Update::Event { seq, event } => Entry::Saw {
                seq: *seq,
                epoch,
                event: event.clone(),
                offer: view.draw_offer(),
            },
            Update::Acked { acked, .. } => Entry::Acked {
                id: acked.id,
                kind: acked.kind,
                event: acked.event,
                epoch: acked.epoch,
            },
            Update::Refused { id, reason, .. } => Entry::Refused {
                id: *id,
                reason: *reason,
            },
            Update::Paused => Entry::Paused,
            Update::Clock => Entry::Clock(view.clock()),
            Update::Reconnecting(loss) => Entry::Lost(loss.to_string().into()),
            Update::Closed(code) => Entry::Closed(*code),
            Update::Presence { .. } | Update::Unresponsive | Update::Responsive => return,
        };
        self.history.note(at, entry);
    }
}

/// The whole match as it is in view.
fn shown(view: &MatchView) -> Entry {
    Entry::Shown {
        seq: view.seq(),
        epoch: view.epoch(),
        moves: view.moves().to_vec(),
        result: view.result(),
        offer: view.draw_offer(),
        clock: view.clock(),
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
