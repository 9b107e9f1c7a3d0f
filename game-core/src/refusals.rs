//! The last refusals of a seat, so that a command sent twice is answered alike.

use crate::{CommandId, Refusal};

/// A seat's most recent refusals; the oldest gives way.
///
/// It is bounded because refusals cost a client nothing, and is not stored: after a resume a
/// command that was refused before is judged anew.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecentRefusals {
    /// A ring in the order of arrival.
    ring: [Option<(CommandId, Refusal)>; Self::KEPT],
    /// Where the next one goes.
    next: u8,
}

impl RecentRefusals {
    /// More than a client has on its way at once.
    const KEPT: usize = 4;

    /// The answer that this command was given.
    pub(crate) fn find(&self, id: CommandId) -> Option<Refusal> {
        let known = self.ring.iter().flatten().find(|(known, _)| *known == id);
        known.map(|(_, refusal)| *refusal)
    }

    /// Remembers an answer.
    pub(crate) fn push(&mut self, id: CommandId, refusal: Refusal) {
        let next = usize::from(self.next) % Self::KEPT;
        self.ring[next] = Some((id, refusal));
        self.next = (next as u8).wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let mut recent = RecentRefusals::default();
        let kept = RecentRefusals::KEPT as u64;
        for id in 0..=kept {
            recent.push(CommandId(id), Refusal::NoOffer);
        }
        assert_eq!(recent.find(CommandId(0)), None);
        for id in 1..=kept {
            assert_eq!(recent.find(CommandId(id)), Some(Refusal::NoOffer));
        }
    }
}
