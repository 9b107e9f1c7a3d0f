//! What one player's client asked and was told, in order: the evidence that the checker judges.

use std::time::Duration;

use client::Violation;
use game_core::{CommandId, CommandKind, Epoch, Outcome, Seat, Termination, Uci};
use protocol::{WireEvent, WireRefusal};

/// One thing that a client did or was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It asked for something. Without an answer further down, what became of it is unknown.
    Asked {
        /// Its number for it.
        id: CommandId,
        /// What it asked for.
        kind: CommandKind,
    },
    /// It was told that a command took effect.
    Acked {
        /// Which command.
        id: CommandId,
        /// What it had asked for, a move in the form in which the shard names it.
        kind: CommandKind,
        /// The seq of the event that the command caused.
        event: u32,
        /// The epoch that spoke.
        epoch: Epoch,
    },
    /// It was told that a command changed nothing.
    Refused {
        /// Which command.
        id: CommandId,
        /// Why.
        reason: WireRefusal,
    },
    /// It was told of an event.
    Saw {
        /// The event's number.
        seq: u32,
        /// The epoch that spoke.
        epoch: Epoch,
        /// What happened.
        event: WireEvent,
        /// The seat whose draw offer stood in view after it.
        offer: Option<Seat>,
    },
    /// It was shown the whole match, as at every joining.
    Shown {
        /// The events that the match had.
        seq: u32,
        /// The epoch that spoke.
        epoch: Epoch,
        /// All moves.
        moves: Vec<Uci>,
        /// The result, if there was one.
        result: Option<(Outcome, Termination)>,
        /// The seat whose draw offer stood.
        offer: Option<Seat>,
    },
    /// It was told what a shard must never say, and gave up.
    Broke(Violation),
}

/// All that one client of one match asked and was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Whose.
    pub seat: Seat,
    /// In the order in which it happened.
    pub entries: Vec<Entry>,
    /// How long it thought about its moves in all.
    pub thought: Duration,
}

impl History {
    /// A client that has done nothing yet.
    #[must_use]
    pub const fn new(seat: Seat) -> Self {
        Self {
            seat,
            entries: Vec::new(),
            thought: Duration::ZERO,
        }
    }

    /// The acknowledgements in it.
    #[must_use]
    pub fn acked(&self) -> usize {
        let is_ack = |entry: &&Entry| matches!(entry, Entry::Acked { .. });
        self.entries.iter().filter(is_ack).count()
    }

    /// The commands without an answer.
    #[must_use]
    pub fn unknown(&self) -> usize {
        let asked = self.entries.iter().filter_map(|entry| match entry {
            Entry::Asked { id, .. } => Some(*id),
            _ => None,
        });
        let answered = |id: &CommandId| {
            self.entries.iter().any(|entry| match entry {
                Entry::Acked { id: other, .. } | Entry::Refused { id: other, .. } => other == id,
                _ => false,
            })
        };
        asked.filter(|id| !answered(id)).count()
    }
}
