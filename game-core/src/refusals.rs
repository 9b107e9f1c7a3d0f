//! The most recent refusals of a seat, so that a retransmitted command gets the same answer.

use crate::{Command, Refusal};

/// A ring of the most recent refusals of a seat; a new one replaces the oldest.
///
/// It is bounded, as refusals cost a client nothing, and not stored: after a resume, a command that was
/// refused before is decided anew.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecentRefusals {
    /// The refusals in the order of arrival.
    ring: [Option<(Command, Refusal)>; Self::KEPT],
    /// The index of the next one.
    next: u8,
}

impl RecentRefusals {
    /// More than a client has in flight at once.
    const KEPT: usize = 4;

    /// The refusal of this command if it is remembered, or of its id if that was another command's.
    pub(crate) fn find(&self, command: &Command) -> Option<Refusal> {
        let mut known = self.ring.iter().flatten();
        let (first, refusal) = known.find(|(known, _)| known.id == command.id)?;
        Some(if first.kind == command.kind {
            *refusal
        } else {
            Refusal::CommandIdReused
        })
    }

    /// Adds a refusal.
    pub(crate) fn push(&mut self, command: Command, refusal: Refusal) {
        let next = usize::from(self.next) % Self::KEPT;
        self.ring[next] = Some((command, refusal));
        self.next = (next as u8).wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommandId, CommandKind};

    fn command(id: u64) -> Command {
        Command {
            id: CommandId(id),
            kind: CommandKind::AcceptDraw,
        }
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut recent = RecentRefusals::default();
        let kept = RecentRefusals::KEPT as u64;
        for id in 0..=kept {
            recent.push(command(id), Refusal::NoOffer);
        }
        assert_eq!(recent.find(&command(0)), None);
        for id in 1..=kept {
            assert_eq!(recent.find(&command(id)), Some(Refusal::NoOffer));
        }
    }
}
