//! Which offers stand after each event of a log, by the rules of MATCH.md and by the match itself.

use game_core::{Event, EventKind, Match, Seat, WithMove};

use super::{Breach, Promise, Stored};
use crate::soak::oracle::history::Offers;

/// The offers that stand, beginning before the first event; and what is wrong where the match that the
/// log makes says otherwise.
pub(super) fn offers_after(stored: &Stored) -> (Vec<Offers>, Vec<Breach>) {
    let mut line = OfferLine::default();
    let mut offers = vec![Offers::default()];
    let mut breaches = Vec::new();
    let start = Match::new(stored.setup.clone()).snapshot();
    for (index, event) in stored.log.iter().enumerate() {
        let before = offers[index];
        line.add(event);
        offers.push(line.standing);
        // Without an offer before or after it, an event says nothing about offers.
        if before == Offers::default() && line.standing == Offers::default() {
            continue;
        }
        let restored = Match::restore(start.clone(), &stored.log[..=index]);
        if let Ok(game) = restored
            && offers_of(&game) != line.standing
        {
            let text = format!(
                "match {}: the offers after event {} are {:?} by the rules, and {:?} in the match",
                stored.setup.id,
                event.seq,
                line.standing,
                offers_of(&game)
            );
            breaches.push(Breach::stored(Promise::Disagreement, text));
        }
    }
    (offers, breaches)
}

fn offers_of(game: &Match) -> Offers {
    Offers {
        draw: game.draw_offer(),
        takeback: game.takeback_offer(),
        rematch: game.rematch_offer(),
    }
}

/// The offers along the moves that stand.
#[derive(Debug, Default)]
struct OfferLine {
    standing: Offers,
    /// The draw offer that stood after each move that stands, beginning with ply 0.
    draws: Vec<Option<Seat>>,
}

impl OfferLine {
    /// A draw offer stands until the opponent answers or moves; it lives through its maker's own move. A request
    /// for a takeback stands until it is answered or anyone moves. What was offered since a position goes with a
    /// takeback to it, and what stood right after the move that led to it stands again.
    fn add(&mut self, event: &Event) {
        if self.draws.is_empty() {
            self.draws.push(None);
        }
        let standing = &mut self.standing;
        match event.kind {
            EventKind::Moved { with, .. } => {
                standing.draw = standing.draw.filter(|&by| Some(by) == event.seat);
                if with == WithMove::DrawOffer {
                    standing.draw = event.seat;
                }
                standing.takeback = None;
                self.draws.push(standing.draw);
            }
            EventKind::DrawOffered => {
                standing.draw = event.seat;
            }
            EventKind::DrawDeclined => standing.draw = None,
            EventKind::TakebackOffered => standing.takeback = event.seat,
            EventKind::TakebackDeclined => standing.takeback = None,
            EventKind::TakenBack { plies } => {
                let stay = self.draws.len().saturating_sub(plies.into()).max(1);
                self.draws.truncate(stay);
                standing.draw = self.draws.last().copied().flatten();
                standing.takeback = None;
            }
            EventKind::Ended { .. } => *standing = Offers::default(),
            EventKind::RematchOffered => standing.rematch = event.seat,
            EventKind::RematchDeclined | EventKind::RematchAgreed { .. } => {
                standing.rematch = None;
            }
            EventKind::TimeGiven { .. }
            | EventKind::Stopped
            | EventKind::Resumed
            | EventKind::ClockSet { .. } => {}
        }
    }
}
