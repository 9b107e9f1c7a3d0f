//! What a seat may offer to the other: a draw, a takeback, a rematch.

use std::time::Duration;

use crate::history::{Deed, Entry};
use crate::{BySeat, MatchTime, Refusal, Seat, WithMove};

/// The draw offers of a match (FIDE 9.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DrawOffers {
    /// The seat whose offer stands.
    standing: Option<Seat>,
    /// The ply of each seat's last offer.
    last_ply: BySeat<Option<u16>>,
}

impl DrawOffers {
    /// Plies between two offers of a seat.
    const SPACING_PLIES: u16 = 20;

    /// The offers after the moves that stand at `ply`: what was offered since then is undone with the
    /// moves that were taken back.
    pub(crate) fn as_at(history: &[Entry], ply: u16) -> Self {
        let after = Self::after_each(history);
        after.get(usize::from(ply)).copied().unwrap_or_default()
    }

    /// The plies right after whose move a draw offer of the mover stood. A takeback to one of them brings
    /// the offer back.
    pub(crate) fn offered_plies(history: &[Entry]) -> Vec<u16> {
        let numbered = (0..).zip(Self::after_each(history));
        let stood = numbered.filter(|(_, offers)| offers.standing.is_some());
        stood.map(|(ply, _)| ply).collect()
    }

    /// The offers as they were right after each half-move that stands, ply 0 first.
    fn after_each(history: &[Entry]) -> Vec<Self> {
        let mut offers = Self::default();
        let mut after = vec![offers];
        for entry in history {
            let moves = u16::try_from(after.len() - 1).unwrap_or(u16::MAX);
            match entry.deed {
                Deed::Moved { seat, with, .. } => {
                    offers.moved(seat);
                    if with == WithMove::DrawOffer {
                        offers.offer(seat, moves + 1);
                    }
                    after.push(offers);
                }
                Deed::DrawOffered(seat) => offers.offer(seat, moves),
                Deed::DrawDeclined(_) => offers.clear(),
                Deed::TakenBack(_, plies) | Deed::Undone(plies) => {
                    after.truncate(after.len().saturating_sub(plies.into()).max(1));
                    offers = after.last().copied().unwrap_or_default();
                }
                _ => {}
            }
        }
        after
    }

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

/// The requests for a takeback.
#[derive(Debug, Clone, Default)]
pub(crate) struct Takebacks {
    /// The seat whose request stands.
    standing: Option<Seat>,
    /// How often each seat's requests were declined, and when the last time. The time is not known after
    /// a resume: the wait is then counted from there.
    declined: BySeat<(u8, Option<MatchTime>)>,
}

impl Takebacks {
    /// The wait after the n-th decline is this, times n².
    const WAIT: Duration = Duration::from_secs(10);
    /// Further declines do not make the wait longer.
    const DECLINES_MAX: u8 = 10;

    /// The seat whose request stands.
    pub(crate) const fn standing(&self) -> Option<Seat> {
        self.standing
    }

    /// Whether a request to `seat` stands.
    pub(crate) fn faces(&self, seat: Seat) -> bool {
        self.standing == Some(seat.opponent())
    }

    /// Whether `seat` may ask at `now`. `resumed_at` is when the present owner began to count time.
    ///
    /// # Errors
    ///
    /// [`Refusal::OfferTooSoon`] if its request stands already, or the wait after the last decline is not
    /// over.
    pub(crate) fn check(
        &self,
        seat: Seat,
        now: MatchTime,
        resumed_at: Option<MatchTime>,
    ) -> Result<(), Refusal> {
        let (count, declined_at) = self.declined[seat];
        let wait = Self::WAIT * u32::from(count).pow(2);
        let since = declined_at.or(resumed_at).unwrap_or(now);
        if self.standing == Some(seat) || now.since(since) < wait {
            Err(Refusal::OfferTooSoon)
        } else {
            Ok(())
        }
    }

    /// `seat` asks.
    pub(crate) const fn offer(&mut self, seat: Seat) {
        self.standing = Some(seat);
    }

    /// The standing request was declined, at a time that is known unless this is replayed.
    pub(crate) fn decline(&mut self, at: Option<MatchTime>) {
        if let Some(seat) = self.standing.take() {
            let (count, _) = self.declined[seat];
            self.declined[seat] = ((count + 1).min(Self::DECLINES_MAX), at);
        }
    }

    /// The standing request was granted, a move was made, or the match ended.
    pub(crate) const fn clear(&mut self) {
        self.standing = None;
    }
}

/// The offers of a rematch, after the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rematch {
    /// The seat whose offer stands.
    pub(crate) standing: Option<Seat>,
    /// The new match, once both want it.
    pub(crate) agreed: Option<crate::MatchId>,
}

impl Rematch {
    /// Whether an offer to `seat` stands.
    pub(crate) fn faces(&self, seat: Seat) -> bool {
        self.standing == Some(seat.opponent())
    }
}
