//! How a bot of a soak or a fault campaign offers draws and answers them: in every way that the rules
//! know, and rarely enough that games last. What it learns is an oracle too: an answer to an offer that
//! stands must not be refused as if none stood.

use game_core::{CommandKind, EventKind, Refusal, Rule, WithMove};
use protocol::WireRefusal;
use rand::{Rng, RngExt};

use client::{MatchView, Update};

/// A bot offers a draw with one in this many of its moves.
const OFFERS_EVERY: u32 = 24;
/// After an offer it waits this many plies, which is more than the rules ask for: whether the offer was
/// made before or after a move, it never comes too soon.
const SPACING_PLIES: u16 = 22;
/// Where early draws are excluded, none is offered before move 30.
const EARLY_PLIES: u16 = 2 * 29;
/// Of a hundred offers, so many are accepted.
const ACCEPTED: u32 = 6;
/// Of a hundred offers, so many are declined; the others are ignored until the next move.
const DECLINED: u32 = 34;

/// When a draw is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Before the move: the offer must live through it.
    Before,
    /// Together with the move.
    With,
    /// After the move, while the opponent thinks.
    After,
}

/// One seat's draws in one match.
#[derive(Debug, Default)]
pub struct Draws {
    /// The ply of the last offer that this seat made, or tried to make.
    offered_at: Option<u16>,
    /// The event of the opponent's last offer, if it was seen happen.
    faced: Option<u32>,
    /// The event of the offer that this seat answered last.
    answered: Option<u32>,
}

impl Draws {
    /// Whether to offer a draw with the move that is about to be made, and when.
    pub fn offer(&mut self, view: &MatchView, dice: &mut impl Rng) -> Option<Offer> {
        let (ply, rested) = (view.ply(), self.offered_at);
        let rested = rested.is_none_or(|at| ply >= at.saturating_add(SPACING_PLIES));
        // Who faces an offer and makes one accepts.
        let is_early = view.rules().has(Rule::NoEarlyDraw) && ply < EARLY_PLIES;
        if !rested || is_early || !view.has_begun() || view.draw_offer().is_some() {
            return None;
        }
        if dice.random_range(0..OFFERS_EVERY) != 0 {
            return None;
        }
        self.offered_at = Some(ply);
        Some(match dice.random_range(0..3) {
            0 => Offer::Before,
            1 => Offer::With,
            _ => Offer::After,
        })
    }

    /// What to say to what was just learnt: an answer to an offer, or nothing.
    pub fn learnt(
        &mut self,
        view: &MatchView,
        update: &Update,
        dice: &mut impl Rng,
    ) -> Option<CommandKind> {
        match update {
            // What was missed, nobody saw happen.
            Update::Joined { .. } => self.faced = None,
            // A takeback may bring back an offer that was answered long ago.
            Update::Event { event, .. }
                if matches!(event.kind, Some(EventKind::TakenBack { .. })) =>
            {
                self.faced = None;
            }
            Update::Event { seq, event }
                if event.kind.is_some_and(offers) && event.seat != view.seat() =>
            {
                self.faced = Some(*seq);
                if !faces_offer(view) {
                    return None;
                }
                let rolled = dice.random_range(0..100);
                let answer = if rolled < ACCEPTED {
                    CommandKind::AcceptDraw
                } else if rolled < ACCEPTED + DECLINED {
                    CommandKind::DeclineDraw
                } else {
                    return None;
                };
                self.answered = self.faced;
                return Some(answer);
            }
            _ => {}
        }
        None
    }

    /// Whether a refusal contradicts the offer in view: the answer was to that very offer, which has
    /// stood all the time since.
    #[must_use]
    pub fn refused_wrongly(
        &self,
        view: &MatchView,
        kind: CommandKind,
        reason: WireRefusal,
    ) -> bool {
        let answers = matches!(kind, CommandKind::AcceptDraw | CommandKind::DeclineDraw);
        let no_offer = reason == WireRefusal::Match(Refusal::NoOffer);
        let same = self.faced.is_some() && self.faced == self.answered;
        answers && no_offer && same && faces_offer(view)
    }
}

fn faces_offer(view: &MatchView) -> bool {
    let opponent = view.seat().map(game_core::Seat::opponent);
    opponent.is_some() && view.draw_offer() == opponent
}

/// Whether an event offers a draw.
const fn offers(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::DrawOffered
            | EventKind::Moved {
                with: WithMove::DrawOffer,
                ..
            }
    )
}

/// The commands of a move with an offer, in the order in which they are given.
#[must_use]
pub fn with_offer(
    offer: Option<Offer>,
    position_seq: u32,
    uci: game_core::Uci,
) -> Vec<CommandKind> {
    let with = match offer {
        Some(Offer::With) => WithMove::DrawOffer,
        _ => WithMove::Nothing,
    };
    let made = CommandKind::Move {
        position_seq,
        uci,
        with,
    };
    match offer {
        Some(Offer::Before) => vec![CommandKind::OfferDraw, made],
        Some(Offer::After) => vec![made, CommandKind::OfferDraw],
        _ => vec![made],
    }
}

#[cfg(test)]
mod tests {
    use game_core::Seat;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use client::testing::script::{clock, event, moved, said};
    use client::testing::seated::Seated;

    #[test]
    fn offers_are_made_in_every_way_and_never_too_soon() {
        let mut dice = StdRng::seed_from_u64(1);
        let seat = Seated::after("e2e4 e7e5");
        let view = seat.machine.view().unwrap();
        let mut made = Vec::new();
        for _ in 0..1_000 {
            let mut draws = Draws::default();
            if let Some(offer) = draws.offer(view, &mut dice) {
                made.push(offer);
                assert_eq!(draws.offered_at, Some(2));
                assert!((0..1_000).all(|_| draws.offer(view, &mut dice).is_none()));
            }
        }
        assert!((20..80).contains(&made.len()), "{}", made.len());
        for offer in [Offer::Before, Offer::With, Offer::After] {
            assert!(made.contains(&offer), "{offer:?}");
        }
        // Before both have moved, none may be made.
        let seat = Seated::after("");
        let view = seat.machine.view().unwrap();
        let mut draws = Draws::default();
        assert!((0..1_000).all(|_| draws.offer(view, &mut dice).is_none()));
    }

    #[test]
    fn offers_are_accepted_declined_and_ignored() {
        let mut dice = StdRng::seed_from_u64(2);
        let said = |seq, by: Seat| (seq, said(Some(by), EventKind::DrawOffered, clock(None)));
        let mut seat = Seated::after("e2e4 e7e5");
        seat.hear(event(1, said(3, Seat::Black)));
        let (seq, offered) = said(3, Seat::Black);
        let update = Update::Event {
            seq,
            event: offered,
        };
        let view = seat.machine.view().unwrap();
        let mut draws = Draws::default();
        let mut answers = [0; 3];
        for _ in 0..1_000 {
            match draws.learnt(view, &update, &mut dice) {
                Some(CommandKind::AcceptDraw) => answers[0] += 1,
                Some(CommandKind::DeclineDraw) => answers[1] += 1,
                None => answers[2] += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(answers.iter().all(|&times| times > 20), "{answers:?}");
        // It was answered at least once, and stands: that there is none must not be said.
        let reason = WireRefusal::Match(Refusal::NoOffer);
        assert!(draws.refused_wrongly(view, CommandKind::DeclineDraw, reason));
        assert!(!draws.refused_wrongly(view, CommandKind::OfferDraw, reason));
        seat.hear(event(1, (4, moved(3, "g1f3").1)));
        let view = seat.machine.view().unwrap();
        assert!(!draws.refused_wrongly(view, CommandKind::DeclineDraw, reason));
    }

    #[test]
    fn a_move_and_its_offer_go_out_in_their_order() {
        let uci = "g1f3".parse().unwrap();
        let of = |offer| with_offer(offer, 2, uci);
        assert_eq!(of(Some(Offer::Before))[0], CommandKind::OfferDraw);
        assert_eq!(of(Some(Offer::After))[1], CommandKind::OfferDraw);
        assert!(matches!(
            of(Some(Offer::With))[..],
            [CommandKind::Move {
                with: WithMove::DrawOffer,
                ..
            }]
        ));
        assert_eq!(of(None).len(), 1);
    }
}
