//! Which draw offer stands after each event of a log, by the rules of MATCH.md and by the match itself.

use game_core::{Event, EventKind, Match, Seat};

use super::{Breach, Promise, Stored};

/// The offers that stand, beginning before the first event; and what is wrong where the match that the
/// log makes says otherwise.
pub(super) fn offers_after(stored: &Stored) -> (Vec<Option<Seat>>, Vec<Breach>) {
    let mut offers = vec![None];
    let mut breaches = Vec::new();
    let start = Match::new(stored.setup.clone()).snapshot();
    for (index, event) in stored.log.iter().enumerate() {
        let before = offers[index];
        let after = after(before, event);
        offers.push(after);
        // Without an offer before or after it, an event says nothing about offers.
        if before.is_none() && after.is_none() {
            continue;
        }
        let restored = Match::restore(start.clone(), &stored.log[..=index]);
        if let Ok(game) = restored
            && game.draw_offer() != after
        {
            let text = format!(
                "match {}: the draw offer after event {} is {after:?} by the rules, and {:?} in the match",
                stored.setup.id,
                event.seq,
                game.draw_offer()
            );
            breaches.push(Breach::stored(Promise::Disagreement, text));
        }
    }
    (offers, breaches)
}

/// An offer stands until the opponent answers or moves; it lives through its maker's own move.
fn after(before: Option<Seat>, event: &Event) -> Option<Seat> {
    match event.kind {
        EventKind::Moved {
            offers_draw: true, ..
        }
        | EventKind::DrawOffered => event.seat,
        EventKind::Moved { .. } => before.filter(|&by| Some(by) == event.seat),
        EventKind::DrawDeclined | EventKind::Ended { .. } => None,
    }
}
