//! What the seats of a game do next. Plain decisions: the seats, their engines and the network are in `game`.

use game_core::{BySeat, CommandKind, Seat, WithMove};

use super::adjudication::Adjudicator;

/// A seat, as far as its next act depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeatNow {
    /// Half-moves in its view.
    pub(super) plies: u16,
    /// Whether it is to move.
    pub(super) is_to_move: bool,
    /// Whether both sides have moved, so that the game can be resigned and drawn.
    pub(super) has_begun: bool,
    /// Whether the opponent's offer of a draw stands.
    pub(super) is_offered_a_draw: bool,
}

/// What a seat does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// It waits.
    Wait,
    /// Its engine thinks.
    Think,
    /// It sends a command.
    Command(CommandKind),
}

/// The conduct of one game.
#[derive(Debug)]
pub(super) struct Conduct {
    /// What the scores say.
    pub(super) adjudicator: Adjudicator,
    /// The ply at which each seat last sent something to end the game.
    sent_at: BySeat<Option<u16>>,
    /// The ply of each seat's last offer of a draw.
    offered_at: BySeat<Option<u16>>,
    /// The server has refused to end the game as the scores say; it goes on to its own end.
    is_refused: bool,
}

impl Conduct {
    /// A seat may offer a draw again after so many half-moves: the server's rule.
    const OFFER_SPACING: u16 = 20;

    /// A game from its first move on, or from where the adjudicator is.
    pub(super) fn new(adjudicator: Adjudicator) -> Self {
        Self {
            adjudicator,
            sent_at: BySeat::default(),
            offered_at: BySeat::default(),
            is_refused: false,
        }
    }

    /// What `seat`, which plays here, does now. An act that is returned is done.
    pub(super) fn next(&mut self, seat: Seat, now: SeatNow) -> Act {
        // The view of a seat may be behind what the other seat did.
        let is_current = now.plies == self.adjudicator.plies();
        if self.is_refused || !now.has_begun {
            return if now.is_to_move && is_current {
                Act::Think
            } else {
                Act::Wait
            };
        }
        if !is_current || self.sent_at[seat] == Some(now.plies) {
            return Act::Wait;
        }
        if let Some(loser) = self.adjudicator.loser() {
            return match loser == seat {
                true => self.send(seat, now.plies, CommandKind::Resign),
                // The other seat resigns.
                false => Act::Wait,
            };
        }
        if self.adjudicator.is_drawn() {
            if now.is_offered_a_draw {
                return self.send(seat, now.plies, CommandKind::AcceptDraw);
            }
            let is_sure = self.adjudicator.is_sure();
            if !now.is_to_move && is_sure && self.offered_at[seat] != Some(now.plies) {
                // An earlier process died between the move and the offer.
                self.offered_at[seat] = Some(now.plies);
                return self.send(seat, now.plies, CommandKind::OfferDraw);
            }
            if is_sure {
                // The other seat offers.
                return Act::Wait;
            }
        }
        if now.is_to_move {
            Act::Think
        } else {
            Act::Wait
        }
    }

    fn send(&mut self, seat: Seat, plies: u16, command: CommandKind) -> Act {
        self.sent_at[seat] = Some(plies);
        Act::Command(command)
    }

    /// The engine of `seat` has chosen a move with this score, in centipawns. Returns what is said with the move, and what is
    /// sent right behind it, so that the game ends at this ply whatever the opponent does.
    pub(super) fn chosen(
        &mut self,
        seat: Seat,
        has_begun_with_it: bool,
        score: Option<i32>,
    ) -> (WithMove, Option<CommandKind>) {
        self.adjudicator.moved(seat, score);
        let plies = self.adjudicator.plies();
        if self.is_refused || !has_begun_with_it {
            return (WithMove::Nothing, None);
        }
        if self.adjudicator.loser() == Some(seat) {
            self.sent_at[seat] = Some(plies);
            return (WithMove::Nothing, Some(CommandKind::Resign));
        }
        let last = self.offered_at[seat];
        let may_offer = last.is_none_or(|last| plies.saturating_sub(last) >= Self::OFFER_SPACING);
        if self.adjudicator.is_drawn() && may_offer {
            self.offered_at[seat] = Some(plies);
            return (WithMove::DrawOffer, None);
        }
        (WithMove::Nothing, None)
    }

    /// The server did not take what was to end the game.
    pub(super) fn refused(&mut self) {
        self.is_refused = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::adjudication::{DrawRule, ResignRule, Rules};
    use super::*;

    const HERE: BySeat<bool> = BySeat {
        white: true,
        black: true,
    };
    const WHITE_HERE: BySeat<bool> = BySeat {
        white: true,
        black: false,
    };

    fn conduct(is_here: BySeat<bool>) -> Conduct {
        let rules = Rules {
            draw: Some(DrawRule {
                from_move: 0,
                moves: 2,
                score: 10,
            }),
            resign: Some(ResignRule {
                moves: 1,
                score: 500,
                is_two_sided: false,
            }),
            moves_max: None,
        };
        Conduct::new(Adjudicator::new(rules, is_here))
    }

    fn now(seat: Seat, plies: u16) -> SeatNow {
        SeatNow {
            plies,
            is_to_move: plies.is_multiple_of(2) == (seat == Seat::White),
            has_begun: plies >= 2,
            is_offered_a_draw: false,
        }
    }

    /// Plays moves with these scores, and returns what came with the last one.
    fn play(conduct: &mut Conduct, scores: &[i32]) -> (WithMove, Option<CommandKind>) {
        let mut said = (WithMove::Nothing, None);
        for score in scores {
            let plies = conduct.adjudicator.plies();
            let seat = Seat::BOTH[usize::from(plies % 2)];
            assert_eq!(conduct.next(seat, now(seat, plies)), Act::Think);
            said = conduct.chosen(seat, plies >= 1, Some(*score));
        }
        said
    }

    #[test]
    fn a_lost_side_resigns_right_behind_its_move() {
        let mut game = conduct(HERE);
        assert_eq!(
            play(&mut game, &[30, -900]),
            (WithMove::Nothing, Some(CommandKind::Resign))
        );
        // Nobody thinks about what follows, and nobody resigns twice.
        assert_eq!(game.next(Seat::White, now(Seat::White, 2)), Act::Wait);
        assert_eq!(game.next(Seat::Black, now(Seat::Black, 2)), Act::Wait);
    }

    #[test]
    fn what_cannot_be_resigned_yet_goes_on() {
        let mut game = conduct(HERE);
        assert_eq!(play(&mut game, &[-900]), (WithMove::Nothing, None));
        assert_eq!(game.next(Seat::Black, now(Seat::Black, 1)), Act::Think);
        assert_eq!(
            game.chosen(Seat::Black, true, Some(900)),
            (WithMove::Nothing, None)
        );
        // As soon as both have moved.
        assert_eq!(
            game.next(Seat::White, now(Seat::White, 2)),
            Act::Command(CommandKind::Resign)
        );
        assert_eq!(game.next(Seat::White, now(Seat::White, 2)), Act::Wait);
    }

    #[test]
    fn a_draw_is_offered_with_the_move_and_accepted_instead_of_a_move() {
        let mut game = conduct(HERE);
        assert_eq!(play(&mut game, &[0, 0, 0, 0]), (WithMove::DrawOffer, None));
        // White's view does not have the move yet.
        assert_eq!(game.next(Seat::White, now(Seat::White, 3)), Act::Wait);
        let offered = SeatNow {
            is_offered_a_draw: true,
            ..now(Seat::White, 4)
        };
        assert_eq!(
            game.next(Seat::White, offered),
            Act::Command(CommandKind::AcceptDraw)
        );
        assert_eq!(game.next(Seat::White, offered), Act::Wait);
        assert_eq!(game.next(Seat::Black, now(Seat::Black, 4)), Act::Wait);
    }

    #[test]
    fn a_game_that_is_continued_is_ended_where_it_should_have_been() {
        let mut game = conduct(HERE);
        for ply in 0..4 {
            game.adjudicator.moved(Seat::BOTH[ply % 2], Some(0));
        }
        assert_eq!(game.next(Seat::White, now(Seat::White, 4)), Act::Wait);
        assert_eq!(
            game.next(Seat::Black, now(Seat::Black, 4)),
            Act::Command(CommandKind::OfferDraw)
        );
        assert_eq!(game.next(Seat::Black, now(Seat::Black, 4)), Act::Wait);
        let mut lost = conduct(HERE);
        for score in [0, 0, -900] {
            let ply = usize::from(lost.adjudicator.plies());
            lost.adjudicator.moved(Seat::BOTH[ply % 2], Some(score));
        }
        assert_eq!(lost.next(Seat::Black, now(Seat::Black, 3)), Act::Wait);
        assert_eq!(
            lost.next(Seat::White, now(Seat::White, 3)),
            Act::Command(CommandKind::Resign)
        );
    }

    #[test]
    fn an_engine_elsewhere_is_offered_a_draw_and_not_waited_for() {
        let mut game = conduct(WHITE_HERE);
        let mut offers = Vec::new();
        for plies in (0..60).step_by(2) {
            assert_eq!(
                game.next(Seat::White, now(Seat::White, plies)),
                Act::Think,
                "{plies}"
            );
            let (with, _) = game.chosen(Seat::White, plies >= 1, Some(0));
            if with == WithMove::DrawOffer {
                offers.push(plies + 1);
            }
            game.adjudicator.moved(Seat::Black, None);
        }
        assert_eq!(offers, [3, 23, 43]);
        let offered = SeatNow {
            is_offered_a_draw: true,
            ..now(Seat::White, 60)
        };
        assert_eq!(
            game.next(Seat::White, offered),
            Act::Command(CommandKind::AcceptDraw)
        );
    }

    #[test]
    fn what_the_server_refuses_is_not_asked_again() {
        let mut game = conduct(HERE);
        play(&mut game, &[30, -900]);
        game.refused();
        assert_eq!(game.next(Seat::White, now(Seat::White, 2)), Act::Think);
        assert_eq!(
            game.chosen(Seat::White, true, Some(-900)),
            (WithMove::Nothing, None)
        );
    }
}
