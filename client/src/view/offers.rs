//! The offers of a match: draws, takebacks, rematches.

use game_core::{EventKind, Seat, WithMove};

use super::MatchView;
use crate::Violation;

impl MatchView {
    /// Whether a draw offer of this seat is open.
    pub(super) fn has_offered(&self, seat: Option<Seat>) -> bool {
        seat.is_some() && self.state.draw_offer == seat
    }

    /// A seat makes an offer, or answers one of its opponent.
    pub(super) fn offered(
        &mut self,
        seq: u32,
        seat: Option<Seat>,
        kind: EventKind,
    ) -> Result<(), Violation> {
        let state = &mut self.state;
        let standing = match kind {
            EventKind::DrawOffered | EventKind::DrawDeclined => &mut state.draw_offer,
            EventKind::TakebackOffered | EventKind::TakebackDeclined => &mut state.takeback_offer,
            _ => &mut state.rematch_offer,
        };
        let is_offer = matches!(
            kind,
            EventKind::DrawOffered | EventKind::TakebackOffered | EventKind::RematchOffered
        );
        // An offer needs a seat, and an answer an offer of the opponent.
        if seat.is_none() || (!is_offer && *standing != seat.map(Seat::opponent)) {
            return Err(Violation::NoOffer { seq });
        }
        *standing = seat.filter(|_| is_offer);
        if let EventKind::RematchAgreed { match_id } = kind {
            state.rematch = Some(match_id);
        }
        Ok(())
    }

    /// A move of `mover` was just played. It declines a draw that the opponent offered (FIDE 9.1.2.1); the mover's
    /// own offer stays open.
    pub(super) fn move_offers(&mut self, mover: Seat, with: WithMove) {
        let state = &mut self.state;
        if with == WithMove::DrawOffer {
            state.draw_offer = Some(mover);
        } else if state.draw_offer == Some(mover.opponent()) {
            state.draw_offer = None;
        }
        if state.draw_offer.is_some() {
            state.offered_plies.push(self.line.ply());
        }
        state.takeback_offer = None;
    }

    /// Moves were just taken back, and with them what was offered since. A draw offer that stood right after the
    /// move that is the last one now stands again.
    pub(super) fn take_back_offers(&mut self) {
        let ply = self.line.ply();
        let mover = self.turn().opponent();
        let state = &mut self.state;
        state.offered_plies.retain(|offered| *offered <= ply);
        let stood = state.offered_plies.last() == Some(&ply);
        state.draw_offer = stood.then_some(mover);
        state.takeback_offer = None;
    }

    /// How many half-moves go back if a takeback that `seat` asks for is granted; `None` if it has no move to take
    /// back.
    #[must_use]
    pub fn takeback_plies(&self, seat: Seat) -> Option<u8> {
        if self.line.moves_of(seat) == 0 {
            None
        } else if self.turn() == seat {
            Some(2)
        } else {
            Some(1)
        }
    }

    /// The seat whose draw offer is open.
    #[must_use]
    pub const fn draw_offer(&self) -> Option<Seat> {
        self.state.draw_offer
    }

    /// The seat whose request for a takeback is open.
    #[must_use]
    pub const fn takeback_offer(&self) -> Option<Seat> {
        self.state.takeback_offer
    }

    /// The seat whose offer of a rematch is open.
    #[must_use]
    pub const fn rematch_offer(&self) -> Option<Seat> {
        self.state.rematch_offer
    }
}
