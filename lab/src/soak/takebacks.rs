//! How a bot asks for takebacks and answers requests for them. What it learns is an oracle too: an answer to a
//! request that stands must not be refused as if none stood.

use game_core::{CommandKind, EventKind, Refusal, Rule, Seat};
use protocol::WireRefusal;
use rand::{Rng, RngExt};

use client::{MatchView, Update};

/// A bot asks for a takeback at one in this many of its moves.
const ASKS_EVERY: u32 = 30;
/// Of a hundred requests, so many are granted.
const GRANTED: u32 = 55;
/// Of a hundred requests, so many are declined; the others are ignored until the next move.
const DECLINED: u32 = 25;

/// One seat's takebacks in one match.
#[derive(Debug, Default)]
pub(super) struct Takebacks {
    /// The event of the opponent's last request, if it was seen happen.
    faced: Option<u32>,
    /// The event of the request that this seat answered last.
    answered: Option<u32>,
}

impl Takebacks {
    /// Whether to ask for one now.
    pub(super) fn wants(&self, view: &MatchView, dice: &mut impl Rng) -> bool {
        let may = !view.is_rated() && !view.rules().has(Rule::NoTakeback);
        let has_moved = view
            .seat()
            .is_some_and(|seat| view.takeback_plies(seat).is_some());
        let is_free = view.takeback_offer().is_none();
        may && has_moved && is_free && dice.random_range(0..ASKS_EVERY) == 0
    }

    /// What to say to what was just learnt: an answer to a request, or nothing.
    pub(super) fn learnt(
        &mut self,
        view: &MatchView,
        update: &Update,
        dice: &mut impl Rng,
    ) -> Option<CommandKind> {
        match update {
            // What was missed, nobody saw happen.
            Update::Joined { .. } => self.faced = None,
            Update::Event { seq, event }
                if event.kind == Some(EventKind::TakebackOffered) && faces(view) =>
            {
                self.faced = Some(*seq);
                let rolled = dice.random_range(0..100);
                let answer = if rolled < GRANTED {
                    CommandKind::AcceptTakeback
                } else if rolled < GRANTED + DECLINED {
                    CommandKind::DeclineTakeback
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

    /// Whether a refusal contradicts the request in view: the answer was to that very request, which has stood all
    /// the time since.
    pub(super) fn refused_wrongly(
        &self,
        view: &MatchView,
        kind: CommandKind,
        reason: WireRefusal,
    ) -> bool {
        let answers = matches!(
            kind,
            CommandKind::AcceptTakeback | CommandKind::DeclineTakeback
        );
        let same = self.faced.is_some() && self.faced == self.answered;
        answers && reason == WireRefusal::Match(Refusal::NoOffer) && same && faces(view)
    }
}

fn faces(view: &MatchView) -> bool {
    let opponent = view.seat().map(Seat::opponent);
    opponent.is_some() && view.takeback_offer() == opponent
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use client::testing::script::{clock, event, moved, said};
    use client::testing::seated::Seated;

    #[test]
    fn requests_are_granted_declined_and_ignored() {
        let mut dice = StdRng::seed_from_u64(2);
        let asked = said(Some(Seat::Black), EventKind::TakebackOffered, clock(None));
        let mut seat = Seated::after("e2e4 e7e5");
        seat.hear(event(1, (3, asked.clone())));
        let update = Update::Event {
            seq: 3,
            event: asked,
        };
        let view = seat.machine.view().unwrap();
        let mut takebacks = Takebacks::default();
        let mut answers = [0; 3];
        for _ in 0..1_000 {
            match takebacks.learnt(view, &update, &mut dice) {
                Some(CommandKind::AcceptTakeback) => answers[0] += 1,
                Some(CommandKind::DeclineTakeback) => answers[1] += 1,
                None => answers[2] += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(answers.iter().all(|&times| times > 100), "{answers:?}");
        let no_offer = WireRefusal::Match(Refusal::NoOffer);
        assert!(takebacks.refused_wrongly(view, CommandKind::AcceptTakeback, no_offer));
        assert!(!takebacks.refused_wrongly(view, CommandKind::AcceptDraw, no_offer));
        seat.hear(event(1, (4, moved(3, "g1f3").1)));
        let view = seat.machine.view().unwrap();
        assert!(!takebacks.refused_wrongly(view, CommandKind::AcceptTakeback, no_offer));
    }

    #[test]
    fn takebacks_are_asked_for_where_there_is_a_move_to_take_back() {
        let mut dice = StdRng::seed_from_u64(3);
        let mut wants = |moves: &str| {
            let seat = Seated::after(moves);
            let view = seat.machine.view().unwrap();
            let takebacks = Takebacks::default();
            (0..1_000)
                .filter(|_| takebacks.wants(view, &mut dice))
                .count()
        };
        assert!((10..100).contains(&wants("e2e4 e7e5")));
        assert_eq!(wants(""), 0);
    }
}
