//! When a game is ended before its end, by what its engines think of it.
//!
//! A pure state machine: it is told of every move and its score, and says what follows. It is the same whether the
//! scores come from engines at work or from the record of an earlier process, so that a game that is continued ends
//! at the same ply.

use game_core::{BySeat, Seat};

/// By which rules; each is off if it is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// A draw, if both engines see one.
    pub(super) draw: Option<DrawRule>,
    /// A loss, if an engine sees its own.
    pub(super) resign: Option<ResignRule>,
    /// A draw after so many full moves.
    pub(super) moves_max: Option<u16>,
}

/// Drawn, if from some move on all scores are near zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DrawRule {
    /// Not before so many full moves.
    pub(super) from_move: u16,
    /// So many moves in a row, of each side.
    pub(super) moves: u16,
    /// At most so far from zero, in centipawns.
    pub(super) score: i32,
}

/// Lost, if the side's own score was low for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ResignRule {
    /// So many moves in a row.
    pub(super) moves: u16,
    /// At most minus this, in centipawns.
    pub(super) score: i32,
    /// Whether the other side must have seen its win for as long.
    pub(super) is_two_sided: bool,
}

/// How many moves of a side in a row had a score of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Streaks {
    level: u16,
    lost: u16,
    won: u16,
}

/// One game, as its scores have it.
#[derive(Debug, Clone)]
pub(super) struct Adjudicator {
    rules: Rules,
    /// Whose scores are known here: an engine on another machine tells nobody.
    known: BySeat<bool>,
    streaks: BySeat<Streaks>,
    plies: u16,
}

impl Adjudicator {
    /// A game before its first move.
    pub(super) fn new(rules: Rules, known: BySeat<bool>) -> Self {
        Self {
            rules,
            known,
            streaks: BySeat::default(),
            plies: 0,
        }
    }

    /// Half-moves that it was told of.
    pub(super) const fn plies(&self) -> u16 {
        self.plies
    }

    /// Takes in a move of `seat` and the score that its engine gave, from its own point of view, in centipawns. A move
    /// without a score ends what was in a row.
    pub(super) fn moved(&mut self, seat: Seat, score: Option<i32>) {
        self.plies = self.plies.saturating_add(1);
        let streaks = &mut self.streaks[seat];
        let count = |streak: &mut u16, goes_on: bool| {
            *streak = if goes_on { streak.saturating_add(1) } else { 0 };
        };
        let is_level = |rule: DrawRule| score.is_some_and(|score| score.abs() <= rule.score);
        count(&mut streaks.level, self.rules.draw.is_some_and(is_level));
        let is_lost = |rule: ResignRule| score.is_some_and(|score| score <= -rule.score);
        count(&mut streaks.lost, self.rules.resign.is_some_and(is_lost));
        let is_won = |rule: ResignRule| score.is_some_and(|score| score >= rule.score);
        count(&mut streaks.won, self.rules.resign.is_some_and(is_won));
    }

    /// Whether the game is drawn now, as far as is known here: if an engine is on another machine, it has to agree.
    pub(super) fn is_drawn(&self) -> bool {
        let full_moves = self.plies / 2;
        if self.rules.moves_max.is_some_and(|max| full_moves >= max) {
            return true;
        }
        let Some(rule) = self.rules.draw else {
            return false;
        };
        let is_level = |seat: Seat| !self.known[seat] || self.streaks[seat].level >= rule.moves;
        let knows = Seat::BOTH.into_iter().any(|seat| self.known[seat]);
        knows && full_moves >= rule.from_move && Seat::BOTH.into_iter().all(is_level)
    }

    /// The seat that has lost now.
    pub(super) fn loser(&self) -> Option<Seat> {
        let rule = self.rules.resign.filter(|_| !self.is_drawn())?;
        Seat::BOTH.into_iter().find(|&seat| {
            let won = self.streaks[seat.opponent()].won;
            let agrees = !rule.is_two_sided || won >= rule.moves;
            self.known[seat] && self.streaks[seat].lost >= rule.moves && agrees
        })
    }

    /// Whether both scores are known here, so that what is said of a draw is final.
    pub(super) fn is_sure(&self) -> bool {
        self.known.white && self.known.black
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: BySeat<bool> = BySeat {
        white: true,
        black: true,
    };

    const RULES: Rules = Rules {
        draw: Some(DrawRule {
            from_move: 3,
            moves: 2,
            score: 10,
        }),
        resign: Some(ResignRule {
            moves: 2,
            score: 500,
            is_two_sided: false,
        }),
        moves_max: Some(8),
    };

    /// The ply after which the game is over, and how, for scores of White and Black in turn.
    fn end(rules: Rules, known: BySeat<bool>, scores: &[Option<i32>]) -> Option<(usize, &str)> {
        let mut game = Adjudicator::new(rules, known);
        for (index, score) in scores.iter().enumerate() {
            let seat = Seat::BOTH[index % 2];
            game.moved(seat, *score);
            let end = match (game.is_drawn(), game.loser()) {
                (true, None) => "draw",
                (false, Some(Seat::White)) => "white loses",
                (false, Some(Seat::Black)) => "black loses",
                (false, None) => continue,
                (true, Some(_)) => panic!("both at ply {}", index + 1),
            };
            return Some((index + 1, end));
        }
        None
    }

    fn some(scores: &[i32]) -> Vec<Option<i32>> {
        scores.iter().copied().map(Some).collect()
    }

    #[test]
    fn a_draw_needs_both_sides_in_a_row_and_the_move_number() {
        // From the third full move on, although the scores were level before.
        assert_eq!(end(RULES, BOTH, &some(&[0; 9])), Some((6, "draw")));
        // One score out of line begins the count of its side anew.
        let scores = some(&[0, 0, 0, 0, 11, 0, 0, 0, -10, 0]);
        assert_eq!(end(RULES, BOTH, &scores), Some((9, "draw")));
        let mut scores = some(&[0; 10]);
        scores[5] = None;
        assert_eq!(end(RULES, BOTH, &scores), Some((10, "draw")));
    }

    #[test]
    fn a_side_loses_by_its_own_scores_in_a_row() {
        let scores = some(&[30, -500, 30, -499, 30, -500, 30, -900, 30]);
        assert_eq!(end(RULES, BOTH, &scores), Some((8, "black loses")));
        let two_sided = Rules {
            resign: RULES.resign.map(|rule| ResignRule {
                is_two_sided: true,
                ..rule
            }),
            moves_max: None,
            ..RULES
        };
        assert_eq!(end(two_sided, BOTH, &scores), None);
        let scores = some(&[30, -600, 30, -600, 500, -600, 500]);
        assert_eq!(end(two_sided, BOTH, &scores), Some((7, "black loses")));
    }

    #[test]
    fn a_game_that_is_too_long_is_drawn_without_scores() {
        assert_eq!(end(RULES, BOTH, &[None; 20]), Some((16, "draw")));
        assert_eq!(end(Rules::default(), BOTH, &some(&[0; 40])), None);
    }

    #[test]
    fn the_scores_of_another_machine_are_not_waited_for() {
        let known = BySeat {
            white: true,
            black: false,
        };
        let scores = [Some(0), None, Some(0), None, Some(0), None];
        assert_eq!(end(RULES, known, &scores), Some((6, "draw")));
        let scores = [Some(-600), None, Some(-600)];
        assert_eq!(end(RULES, known, &scores), Some((3, "white loses")));
        let nobody = BySeat::default();
        assert_eq!(end(RULES, nobody, &[Some(0); 12]), None);
    }
}
