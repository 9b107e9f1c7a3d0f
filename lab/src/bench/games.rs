//! Long games to play without thinking.

use game_core::{Position, Uci};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// A game shorter than this is drawn again.
const PLIES_MIN: usize = 300;
/// No game is longer: the clocks of the rules (75 moves, 600 moves) stay out of it.
const PLIES_MAX: usize = 500;

/// A game of random legal moves, the same for the same seed.
pub(crate) fn random_game(seed: u64) -> Vec<Uci> {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        let mut position = Position::default();
        let mut moves = Vec::new();
        while moves.len() < PLIES_MAX && position.quiet_plies() < 100 {
            let legal = position.legal_moves();
            let Some(&chosen) = legal.choose(&mut rng) else {
                break;
            };
            let mut next = position.clone();
            next.play(chosen);
            // A game must not end before its script does.
            if next.is_over() {
                break;
            }
            moves.push(chosen.uci());
            position = next;
        }
        if moves.len() >= PLIES_MIN {
            return moves;
        }
    }
}
