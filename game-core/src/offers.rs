//! Draw offers: which one stands, and when a seat may make the next.

use crate::{BySeat, Refusal, Seat};

/// The draw offers of a match (FIDE 9.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct DrawOffers {
    /// The seat whose offer stands.
    standing: Option<Seat>,
    /// The ply of each seat's last offer.
    last_ply: BySeat<Option<u16>>,
}

impl DrawOffers {
    /// Plies between two offers of a seat.
    const SPACING_PLIES: u16 = 20;

    /// The seat whose offer stands.
    pub(crate) const fn standing(&self) -> Option<Seat> {
        self.standing
    }

    /// Whether an offer to `seat` stands.
    pub(crate) fn faces(&self, seat: Seat) -> bool {
        self.standing == Some(seat.opponent())
    }

    /// Whether `seat` may offer at `ply`. Its own offer cannot still stand when the spacing ends, as the
    /// opponent's move declines it.
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

    /// `seat` offers at `ply`.
    pub(crate) fn offer(&mut self, seat: Seat, ply: u16) {
        self.standing = Some(seat);
        self.last_ply[seat] = Some(ply);
    }

    /// A move of `mover` declines the offer of its opponent (FIDE 9.1.2.1). Its own offer cannot be
    /// withdrawn, and stands.
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
