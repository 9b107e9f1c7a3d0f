//! The log of a match in packed form: one entry of 16 bytes for each event, except the one that ends it.

use crate::{CommandId, EventKind, Seat, Uci};

/// One event that did not end the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The command that caused it.
    pub command: CommandId,
    /// What happened.
    pub deed: Deed,
}

/// An act of a seat that did not end the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// A move was made.
    Moved {
        /// The seat that did it.
        seat: Seat,
        /// The move in its canonical form.
        uci: Uci,
        /// What the mover's clock showed after it, in whole milliseconds.
        clock_ms: u32,
        /// A draw was offered with it.
        offers_draw: bool,
    },
    /// A draw was offered.
    DrawOffered {
        /// The seat that did it.
        seat: Seat,
    },
    /// The standing offer was declined.
    DrawDeclined {
        /// The seat that did it.
        seat: Seat,
    },
}

// A live match must stay below 4 KB at 80 plies.
const _: () = assert!(size_of::<Entry>() == 16);

impl Entry {
    /// The seat and command that caused it.
    pub(crate) const fn by(&self) -> (Seat, CommandId) {
        match self.deed {
            Deed::Moved { seat, .. } | Deed::DrawOffered { seat } | Deed::DrawDeclined { seat } => {
                (seat, self.command)
            }
        }
    }

    /// What its event says that happened.
    pub(crate) const fn kind(&self) -> EventKind {
        match self.deed {
            Deed::Moved {
                uci, offers_draw, ..
            } => EventKind::Moved { uci, offers_draw },
            Deed::DrawOffered { .. } => EventKind::DrawOffered,
            Deed::DrawDeclined { .. } => EventKind::DrawDeclined,
        }
    }
}

/// The entries of a match in order: the one at index `i` is the event of seq `i + 1`.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackedLog(Vec<Entry>);

impl PackedLog {
    /// Memory is allocated in steps: doubling would waste half of it in most matches.
    const STEP: usize = 32;

    /// Adds the next event.
    pub(crate) fn push(&mut self, command: CommandId, deed: Deed) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(Self::STEP);
        }
        self.0.push(Entry { command, deed });
    }

    /// The number of events.
    pub(crate) fn len(&self) -> u32 {
        // The rules end a match long before 2³² events.
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The entries in order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The seq of the event that this command of `seat` caused. The search begins at the end, as a
    /// repeated command follows its original closely.
    pub(crate) fn find(&self, seat: Seat, id: CommandId) -> Option<u32> {
        let index = self.0.iter().rposition(|entry| entry.by() == (seat, id))?;
        u32::try_from(index).ok()?.checked_add(1)
    }

    /// The deed of event `seq`, and the ply before it; `None` for the event that ended the match.
    pub(crate) fn at(&self, seq: u32) -> Option<(Deed, u16)> {
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        let deed = self.0.get(index)?.deed;
        let is_move = |entry: &&Entry| matches!(entry.deed, Deed::Moved { .. });
        let ply = self.0[..index].iter().filter(is_move).count();
        Some((deed, u16::try_from(ply).unwrap_or(u16::MAX)))
    }

    /// Heap memory in bytes.
    #[cfg(test)]
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Entry>()
    }
}
