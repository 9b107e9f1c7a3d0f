//! Draw offers: which one stands, and who may make the next.

use crate::{BySeat, Refusal, Seat};

/// The draw offers of a match (FIDE 9.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct DrawOffers {
    /// Who has an offer on the table.
    standing: Option<Seat>,
    /// The ply on the board when each seat last offered.
    last_ply: BySeat<Option<u16>>,
}

impl DrawOffers {
    /// A seat may offer once in so many plies.
    const SPACING_PLIES: u16 = 20;

    /// Whose offer stands.
    pub(crate) const fn standing(&self) -> Option<Seat> {
        self.standing
    }

    /// Whether `seat` has an offer to answer.
    pub(crate) fn faces(&self, seat: Seat) -> bool {
        self.standing == Some(seat.opponent())
    }

    /// Whether `seat` may offer with `ply` on the board. Its own offer never stands for as long as
    /// it has to wait for the next: the opponent's move declines it.
    ///
    /// # Errors
    ///
    /// [`Refusal::OfferTooSoon`] if its last offer is too recent.
    pub(crate) fn check(&self, seat: Seat, ply: u16) -> Result<(), Refusal> {
        match self.last_ply[seat] {
            Some(last) if ply.saturating_sub(last) < Self::SPACING_PLIES => {
                Err(Refusal::OfferTooSoon)
            }
            _ => Ok(()),
        }
    }

    /// `seat` offers with `ply` on the board.
    pub(crate) fn offer(&mut self, seat: Seat, ply: u16) {
        self.standing = Some(seat);
        self.last_ply[seat] = Some(ply);
    }

    /// A move by `mover` declines what its opponent offered (FIDE 9.1.2.1); its own offer cannot be
    /// withdrawn and stands on.
    pub(crate) fn moved(&mut self, mover: Seat) {
        if self.faces(mover) {
            self.clear();
        }
    }

    /// The standing offer was answered, or the match ended.
    pub(crate) const fn clear(&mut self) {
        self.standing = None;
    }
}
